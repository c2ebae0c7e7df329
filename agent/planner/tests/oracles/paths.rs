//! The k cheapest paths against trying every path of a small graph.
//!
//! It must never share arithmetic with the search: fees are computed again here.

use debal_planner::paths::{Graph, MAX_LABELS, Path, PathArc, Query, Reliability};
use debal_planner::score::Score;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use crate::judge;

const AMOUNT: u64 = 100_000;

/// A graph, one score per arc, a hop cap and a fee cap.
type Case = (Graph, Vec<Score>, u32, u64);

/// Graphs of up to seven nodes. No minimum amounts: that is the one documented gap of the search.
fn cases() -> impl Strategy<Value = Case> {
    (3u32..=7).prop_flat_map(|nodes| {
        let arc = (0..nodes, 1..nodes, 90_000u64..150_000, 0u64..4_000, 0u64..60_000);
        let other = (prop::bool::weighted(0.1), 0u64..30_000);
        let arc = (arc, other).prop_map(move |((tail, step, most, base, ppm), (off, score))| {
            let arc = PathArc {
                tail,
                head: (tail + step) % nodes,
                capacity_msat: most,
                min_htlc_msat: 1,
                max_htlc_msat: most + 5_000 - base,
                base_fee_msat: base / 1_000 * 1_000,
                fee_ppm: ppm,
                disabled: off,
            };
            (arc, Score::from_ppm(score / 10_000 * 10_000))
        });
        let list = prop::collection::vec(arc, 0..=20);
        (list, 1u32..=6, 0u64..40_000).prop_map(move |(list, max_hops, max_fee_msat)| {
            let (arcs, scores) = list.into_iter().unzip();
            (Graph::new(nodes, arcs).unwrap(), scores, max_hops, max_fee_msat)
        })
    })
}

/// Fee and score of a path in order of travel, or `None` if some arc refuses.
fn cost(case: &Case, path: &[usize]) -> Option<(u64, u64)> {
    let (graph, scores, _, max_fee_msat) = case;
    let (mut amount, mut score) = (AMOUNT, 0);
    for (place, &index) in path.iter().enumerate().rev() {
        let arc = &graph.arcs()[index];
        if arc.disabled || amount > arc.capacity_msat || amount > arc.max_htlc_msat {
            return None;
        }
        score += scores[index].ppm() * amount / 1_000_000;
        if place > 0 {
            amount += arc.base_fee_msat + amount * arc.fee_ppm / 1_000_000;
        }
    }
    let fee = amount - AMOUNT;
    (fee <= *max_fee_msat).then_some((fee, fee + score))
}

/// Every simple path, as `(cost, hops)`, by walking. `ends` is where to start and where to stop.
fn every_path(case: &Case, ends: (u32, u32), outer: Option<(u32, u32)>) -> Vec<(u64, usize)> {
    let mut all = Vec::new();
    let mut open: Vec<Vec<usize>> = vec![Vec::new()];
    while let Some(path) = open.pop() {
        let arcs = case.0.arcs();
        let here = path.last().map_or(ends.0, |&arc| arcs[arc].head);
        if here == ends.1 && !path.is_empty() {
            let fits = outer.is_none_or(|(first, last)| {
                path.len() > 1 && path[0] == first as usize && path[path.len() - 1] == last as usize
            });
            all.extend(cost(case, &path).filter(|_| fits).map(|found| (found.1, path.len())));
            continue;
        }
        if path.len() < case.2 as usize {
            for (index, arc) in arcs.iter().enumerate().filter(|(_, arc)| arc.tail == here) {
                let been = path.iter().any(|&old| arcs[old].tail == arc.head);
                if !been || arc.head == ends.1 {
                    open.push(path.iter().copied().chain([index]).collect());
                }
            }
        }
    }
    all.sort_unstable();
    all
}

fn check(
    case: &Case,
    found: &[Path],
    wanted: &[(u64, usize)],
    k: usize,
) -> Result<(), TestCaseError> {
    let ranks: Vec<(u64, usize)> = found.iter().map(|p| (p.cost_msat, p.hops.len())).collect();
    prop_assert_eq!(&ranks[..], &wanted[..wanted.len().min(k)]);
    for path in found {
        let arcs: Vec<usize> = path.hops.iter().map(|hop| hop.arc as usize).collect();
        let fees = (path.total_fee_msat, path.cost_msat);
        prop_assert_eq!(cost(case, &arcs), Some(fees));
        prop_assert_eq!(path.sent_msat, AMOUNT + path.total_fee_msat);
        let kept: u64 = path.hops.iter().map(|hop| hop.fee_msat).sum();
        prop_assert_eq!(kept, path.total_fee_msat);
        prop_assert_eq!(path.sent_msat, path.hops[0].amount_msat);
    }
    let mut different: Vec<_> = found.iter().map(|path| &path.hops).collect();
    different.sort_by_key(|hops| hops.iter().map(|hop| hop.arc).collect::<Vec<_>>());
    different.dedup();
    prop_assert_eq!(different.len(), found.len());
    Ok(())
}

#[test]
fn the_cheapest_paths_are_those_that_trying_all_finds() {
    let property = |(case, k): (Case, usize)| {
        let (max_hops, max_fee_msat) = (case.2, case.3);
        let reliability = Reliability::Scores(&case.1);
        let query =
            Query { k, max_hops, max_fee_msat, reliability, ..Query::payment(0, 2, AMOUNT) };
        let found = case.0.paths(&query).unwrap();
        check(&case, &found, &every_path(&case, (0, 2), None), k)
    };
    judge::runner(2_000).run(&(cases(), 1usize..=8), property).unwrap();
}

#[test]
fn the_cheapest_circles_are_those_that_trying_all_finds() {
    let property = |(case, k): (Case, usize)| {
        let (graph, scores, max_hops, max_fee_msat) = &case;
        let arcs = graph.arcs();
        let from = arcs.iter().position(|arc| arc.tail == 0).map(|arc| arc as u32);
        let to = arcs.iter().rposition(|arc| arc.head == 0).map(|arc| arc as u32);
        let (Some(from), Some(to)) = (from, to) else { return Ok(()) };
        let reliability = Reliability::Scores(scores);
        let circle = Query::circular(0, from, to, AMOUNT);
        let (max_hops, max_fee_msat) = (*max_hops, *max_fee_msat);
        let query = Query { k, max_hops, max_fee_msat, reliability, ..circle };
        let found = graph.paths(&query).unwrap();
        check(&case, &found, &every_path(&case, (0, 0), Some((from, to))), k)
    };
    judge::runner(2_000).run(&(cases(), 1usize..=8), property).unwrap();
}

/// A path's fee, time and score, or `None` if some arc refuses; minimums count here.
fn figures(case: &Case, times: &[u32], path: &[usize]) -> Option<(u64, u64, u64)> {
    let (fee, total) = cost(case, path)?;
    let mut amount = AMOUNT;
    for (place, &index) in path.iter().enumerate().rev() {
        let arc = &case.0.arcs()[index];
        if amount < arc.min_htlc_msat {
            return None;
        }
        if place > 0 {
            amount += arc.base_fee_msat + amount * arc.fee_ppm / 1_000_000;
        }
    }
    let time = path.iter().map(|&index| u64::from(times[index])).sum();
    Some((fee, time, total - fee))
}

/// The figures that no others beat, ascending, from every simple path.
fn whole_front(case: &Case, times: &[u32]) -> Vec<(u64, u64, u64)> {
    let mut all = Vec::new();
    let mut open: Vec<Vec<usize>> = vec![Vec::new()];
    while let Some(path) = open.pop() {
        let arcs = case.0.arcs();
        let here = path.last().map_or(0, |&arc| arcs[arc].head);
        if here == 2 {
            all.extend(figures(case, times, &path));
            continue;
        }
        if path.len() < case.2 as usize {
            for (index, _) in arcs.iter().enumerate().filter(|(_, arc)| arc.tail == here) {
                if !path.iter().any(|&old| arcs[old].tail == arcs[index].head) {
                    open.push(path.iter().copied().chain([index]).collect());
                }
            }
        }
    }
    all.sort_unstable();
    all.dedup();
    let beats =
        |a: &(u64, u64, u64), b: &(u64, u64, u64)| a != b && a.0 <= b.0 && a.1 <= b.1 && a.2 <= b.2;
    all.iter().filter(|found| !all.iter().any(|other| beats(other, found))).copied().collect()
}

#[test]
fn the_front_is_what_trying_all_paths_leaves_unbeaten() {
    let minimum = prop_oneof![4 => Just(1), 1 => AMOUNT..AMOUNT + 12_000];
    let extra = prop::collection::vec((0u32..6, minimum), 20);
    let property = |(mut case, extra, k): (Case, Vec<(u32, u64)>, usize)| {
        let mut arcs = case.0.arcs().to_vec();
        arcs.iter_mut().zip(&extra).for_each(|(arc, &(_, least))| arc.min_htlc_msat = least);
        case.0 = Graph::new(case.0.nodes(), arcs).unwrap();
        let times: Vec<u32> = extra.iter().map(|entry| entry.0).take(case.0.arcs().len()).collect();
        let (max_hops, max_fee_msat) = (case.2, case.3);
        let reliability = Reliability::Scores(&case.1);
        let query =
            Query { k, max_hops, max_fee_msat, reliability, ..Query::payment(0, 2, AMOUNT) };
        let front = case.0.front(&query, &times, MAX_LABELS).unwrap();
        let wanted = whole_front(&case, &times);
        let found: Vec<(u64, u64, u64)> =
            front.paths.iter().map(|p| (p.path.total_fee_msat, p.time, p.unreliability)).collect();
        prop_assert_eq!(&found[..], &wanted[..wanted.len().min(k)]);
        prop_assert_eq!(front.cut_short, wanted.len() > k);
        for path in &front.paths {
            let arcs: Vec<usize> = path.path.hops.iter().map(|hop| hop.arc as usize).collect();
            let figures = figures(&case, &times, &arcs);
            prop_assert_eq!(
                figures,
                Some((path.path.total_fee_msat, path.time, path.unreliability))
            );
        }
        Ok(())
    };
    judge::runner(2_000).run(&(cases(), extra, 1usize..=12), property).unwrap();
}

#[test]
fn policies_of_any_size_are_survived() {
    let figure = || prop_oneof![0u64..3, any::<u64>(), Just(u64::MAX)];
    let figures = (figure(), figure(), figure(), figure(), figure());
    let arc = (0u32..4, 0u32..4, figures).prop_map(|(tail, head, (a, b, c, d, e))| PathArc {
        tail,
        head,
        capacity_msat: a,
        min_htlc_msat: b.min(c),
        max_htlc_msat: c,
        base_fee_msat: d,
        fee_ppm: e,
        disabled: false,
    });
    let strategy = (prop::collection::vec(arc, 0..12), figure(), figure());
    let property = |(arcs, amount, nat_price_msat): (Vec<PathArc>, u64, u64)| {
        let graph = Graph::new(4, arcs).unwrap();
        let reliability = Reliability::UniformPrior { nat_price_msat };
        let query = Query { k: 5, reliability, ..Query::payment(0, 1, amount.max(1)) };
        for path in graph.paths(&query).unwrap() {
            prop_assert_eq!(path.sent_msat, amount.max(1) + path.total_fee_msat);
            prop_assert_eq!(path.cost_msat, path.score_msat + path.total_fee_msat);
        }
        Ok(())
    };
    judge::runner(2_000).run(&strategy, property).unwrap();
}

//! Random circulations: the optimum, its certificate, and the cycles that carry it.
//!
//! It must never accept a certificate for something that is not optimal.

use std::collections::BTreeSet;

use debal_planner::circulation::{Circulation, Helpers, ResidualArc, certify, solve};
use debal_planner::cycles::{Decomposition, Limits, decompose};
use debal_planner::score::Score;
use debal_planner::simplex::{self, Problem};
use microlp::{ComparisonOp, LinearExpr, OptimizationDirection, SolveOutcome};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use crate::{judge, lightning};

type Case = (u32, Vec<ResidualArc>, Vec<Score>);

/// Residual graphs of `2..=most_nodes` nodes with scores; some channels offer both directions.
fn graphs(most_nodes: u32, most_channels: usize) -> impl Strategy<Value = Case> {
    (2..=most_nodes).prop_flat_map(move |nodes| {
        let way = (0..nodes, 1..nodes, 0u64..=50, -20i64..=20, 0u64..=5);
        let back = prop::option::of((0u64..=50, 0i64..4));
        prop::collection::vec((way, back), 0..=most_channels).prop_map(move |list| {
            let (mut arcs, mut scores) = (Vec::new(), Vec::new());
            for (label, ((tail, step, capacity_msat, value_ppm, score), back)) in (0..).zip(list) {
                let head = (tail + step) % nodes;
                let way = ResidualArc { tail, head, capacity_msat, value_ppm, label };
                arcs.push(way);
                if let Some((capacity_msat, loss)) = back {
                    let (tail, head, value_ppm) = (way.head, way.tail, -value_ppm - loss);
                    arcs.push(ResidualArc { tail, head, capacity_msat, value_ppm, label });
                }
                scores.resize(arcs.len(), Score::from_ppm(score));
            }
            (nodes, arcs, scores)
        })
    })
}

fn optimum_by_linear_program((nodes, arcs, scores): &Case) -> f64 {
    let mut program = microlp::Problem::new(OptimizationDirection::Maximize);
    let mut rows = vec![LinearExpr::empty(); *nodes as usize];
    for (arc, score) in arcs.iter().zip(scores) {
        let gain = arc.value_ppm as f64 - score.ppm() as f64;
        let flow = program.add_var(gain, (0.0, arc.capacity_msat as f64));
        rows[arc.tail as usize].add(flow, 1.0);
        rows[arc.head as usize].add(flow, -1.0);
    }
    for row in rows {
        program.add_constraint(row, ComparisonOp::Eq, 0.0);
    }
    match program.solve() {
        Ok(SolveOutcome::Solution(solution)) => solution.objective(),
        other => panic!("the linear program is not solved: {other:?}"),
    }
}

fn worth((_, arcs, scores): &Case, flows: &[u64]) -> i128 {
    let one = |((arc, score), &flow): ((&ResidualArc, &Score), &u64)| {
        (i128::from(arc.value_ppm) - i128::from(score.ppm())) * i128::from(flow)
    };
    arcs.iter().zip(scores).zip(flows).map(one).sum()
}

fn certified(case: &Case) -> Result<Circulation, TestCaseError> {
    let (nodes, arcs, scores) = case;
    let best = solve(*nodes, arcs, scores).map_err(|e| TestCaseError::fail(e.to_string()))?;
    prop_assert_eq!(certify(*nodes, arcs, scores, &best.flows_msat, &best.potentials), Ok(()));
    prop_assert_eq!(worth(case, &best.flows_msat), best.objective);
    for (one, other) in (0..arcs.len()).zip(1..arcs.len()) {
        let both = best.flows_msat[one] > 0 && best.flows_msat[other] > 0;
        let opposite = arcs[one].label == arcs[other].label && arcs[one].tail != arcs[other].tail;
        prop_assert!(!(both && opposite), "one channel both ways");
    }
    Ok(best)
}

#[test]
fn circulations_agree_with_a_linear_program() {
    let property = |case: Case| {
        let best = certified(&case)?;
        prop_assert!((best.objective as f64 - optimum_by_linear_program(&case)).abs() < 1e-6);
        Ok(())
    };
    judge::runner(2_000).run(&graphs(8, 16), property).unwrap();
}

#[test]
fn a_perturbed_plan_passes_only_if_it_is_worth_as_much() {
    // The perturbation moves some amount along one arc, or around the whole of a cycle of the
    // decomposition.
    let strategy = (graphs(6, 14), any::<prop::sample::Index>(), -3i64..=3, any::<bool>());
    let property = |(case, pick, change, around): (Case, prop::sample::Index, i64, bool)| {
        let best = certified(&case)?;
        let (nodes, arcs, scores) = &case;
        if arcs.is_empty() {
            return Ok(());
        }
        let parts = decompose(*nodes, arcs, scores, &best.flows_msat, &ALL).unwrap();
        let touched = match parts.cycles.get(pick.index(parts.cycles.len().max(1))) {
            Some(cycle) if around => cycle.arcs.clone(),
            _ => vec![pick.index(arcs.len()) as u32],
        };
        let mut flows = best.flows_msat.clone();
        for arc in touched {
            let flow = &mut flows[arc as usize];
            *flow = flow.saturating_add_signed(change);
        }
        let verdict = certify(*nodes, arcs, scores, &flows, &best.potentials);
        let same = flows == best.flows_msat;
        prop_assert!(verdict.is_err() || same || worth(&case, &flows) == best.objective);
        Ok(())
    };
    judge::runner(2_000).run(&strategy, property).unwrap();
}

#[test]
fn perturbed_prices_pass_only_for_an_optimal_plan() {
    let strategy = (graphs(6, 14), any::<prop::sample::Index>(), -30i64..=30);
    let property = |(case, pick, change): (Case, prop::sample::Index, i64)| {
        let best = certified(&case)?;
        let (nodes, arcs, scores) = &case;
        let mut prices = best.potentials.clone();
        prices[pick.index(*nodes as usize)] += change;
        // Whatever prices pass, they prove an empty plan optimal only where it is.
        let empty = vec![0; arcs.len()];
        let verdict = certify(*nodes, arcs, scores, &empty, &prices);
        prop_assert!(verdict.is_err() || best.objective == 0);
        // A price that leaves every reduced cost's sign as it must be still proves the plan; any
        // other is refused.
        let holds = arcs.iter().zip(scores).zip(&best.flows_msat).all(|((arc, score), &flow)| {
            let cost = score.ppm() as i64 - arc.value_ppm;
            let reduced = cost + prices[arc.tail as usize] - prices[arc.head as usize];
            (reduced >= 0 || flow == arc.capacity_msat) && (reduced <= 0 || flow == 0)
        });
        let verdict = certify(*nodes, arcs, scores, &best.flows_msat, &prices);
        prop_assert_eq!(verdict.is_ok(), holds);
        Ok(())
    };
    judge::runner(2_000).run(&strategy, property).unwrap();
}

const ALL: Limits = Limits { max_hops: u32::MAX, min_amount_msat: 1, max_cycles: usize::MAX };

/// Checks everything a decomposition promises.
fn check_parts(
    case: &Case,
    flows: &[u64],
    limits: &Limits,
    parts: &Decomposition,
) -> Result<(), TestCaseError> {
    let arcs = &case.1;
    let mut sum = parts.leftover_msat.clone();
    for cycle in &parts.cycles {
        let ends = |&arc: &u32| (arcs[arc as usize].tail, arcs[arc as usize].head);
        let path: Vec<(u32, u32)> = cycle.arcs.iter().map(ends).collect();
        let next = path.iter().cycle().skip(1);
        prop_assert!(path.iter().zip(next).all(|(one, next)| one.1 == next.0), "not closed");
        let nodes: BTreeSet<u32> = path.iter().map(|&(tail, _)| tail).collect();
        prop_assert_eq!(nodes.len(), path.len(), "a node twice");
        prop_assert!(path.len() <= limits.max_hops as usize);
        prop_assert!(cycle.amount_msat >= limits.min_amount_msat.max(1));
        cycle.arcs.iter().for_each(|&arc| sum[arc as usize] += cycle.amount_msat);
    }
    prop_assert!(parts.cycles.len() <= limits.max_cycles);
    prop_assert!(parts.cycles.is_sorted_by_key(|cycle| cycle.arcs.len()), "not shortest first");
    prop_assert_eq!(&sum[..], flows);
    prop_assert_eq!(parts.leftover_value, worth(case, &parts.leftover_msat));
    Ok(())
}

#[test]
fn cycles_and_leftover_add_up_to_the_circulation() {
    let limits = (0u32..8, 0u64..10, 0usize..12);
    let property = |(case, (max_hops, min_amount_msat, max_cycles)): (Case, _)| {
        let best = certified(&case)?;
        let (nodes, arcs, scores) = &case;
        let limits = Limits { max_hops, min_amount_msat, max_cycles };
        let parts = decompose(*nodes, arcs, scores, &best.flows_msat, &limits).unwrap();
        check_parts(&case, &best.flows_msat, &limits, &parts)?;
        let whole = decompose(*nodes, arcs, scores, &best.flows_msat, &ALL).unwrap();
        check_parts(&case, &best.flows_msat, &ALL, &whole)?;
        prop_assert!(whole.leftover_msat.iter().all(|&left| left == 0), "nothing may be left");
        Ok(())
    };
    judge::runner(2_000).run(&(graphs(12, 40), limits), property).unwrap();
}

#[test]
fn no_cycle_within_the_caps_is_left_behind() {
    // What is left must have no cycle that the limits would still allow: enumerate short ones by
    // walking.
    let property = |(case, max_hops, min_amount_msat): (Case, u32, u64)| {
        let best = certified(&case)?;
        let (nodes, arcs, scores) = &case;
        let limits = Limits { max_hops, min_amount_msat, max_cycles: usize::MAX };
        let parts = decompose(*nodes, arcs, scores, &best.flows_msat, &limits).unwrap();
        let usable = |arc: usize| parts.leftover_msat[arc] >= min_amount_msat;
        for start in 0..*nodes {
            let mut reached = BTreeSet::from([start]);
            for _ in 0..max_hops {
                let ahead = |&arc: &usize| usable(arc) && reached.contains(&arcs[arc].tail);
                let open = (0..arcs.len()).filter(ahead);
                reached = open.map(|arc| arcs[arc].head).collect();
                prop_assert!(!reached.contains(&start), "a cycle through {} is left", start);
            }
        }
        Ok(())
    };
    judge::runner(2_000).run(&(graphs(10, 28), 2u32..6, 1u64..8), property).unwrap();
}

#[test]
fn a_lightning_sized_graph_is_optimal_and_adds_up() {
    let (nodes, channels) = (3_000, 6_000);
    for helpers in [Helpers::Excluded, Helpers::Included] {
        let list = lightning::lightning_like(nodes, channels, 5);
        let arcs = lightning::uniform_balances(&list, helpers, 5);
        let case = (nodes, arcs.clone(), vec![Score::ZERO; arcs.len()]);
        let best = certified(&case).unwrap();
        let limits = Limits { max_hops: 8, min_amount_msat: 10_000, max_cycles: usize::MAX };
        let parts = decompose(nodes, &arcs, &case.2, &best.flows_msat, &limits).unwrap();
        check_parts(&case, &best.flows_msat, &limits, &parts).unwrap();
    }
}

#[test]
fn the_general_solver_gives_the_same_optimum() {
    let property = |case: Case| {
        let best = certified(&case)?;
        let (nodes, arcs, scores) = &case;
        let arcs = arcs.iter().zip(scores).map(|(arc, score)| simplex::Arc {
            tail: arc.tail,
            head: arc.head,
            capacity: arc.capacity_msat as i64,
            cost: score.ppm() as i64 - arc.value_ppm,
        });
        let supplies = vec![0; *nodes as usize];
        let problem = Problem { nodes: *nodes, supplies, arcs: arcs.collect() };
        prop_assert_eq!(simplex::solve(&problem).unwrap().objective, -best.objective);
        Ok(())
    };
    judge::runner(200).run(&graphs(20, 70), property).unwrap();
}

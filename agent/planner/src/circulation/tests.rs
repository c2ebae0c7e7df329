//! Facts about circulations and their certificates that a reader can check by hand.
//!
//! It must never need a generator; random instances are in the crate's `tests`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;

fn arc(tail: u32, head: u32, capacity_msat: u64, value_ppm: i64, label: u64) -> ResidualArc {
    ResidualArc { tail, head, capacity_msat, value_ppm, label }
}

/// Three channels that want to move around a triangle, one of them with less.
fn triangle() -> Vec<ResidualArc> {
    vec![arc(0, 1, 900, 10, 1), arc(1, 2, 700, 10, 2), arc(2, 0, 800, 10, 3)]
}

#[test]
fn a_triangle_moves_what_its_weakest_channel_allows() {
    let scores = [Score::ZERO; 3];
    let best = solve(3, &triangle(), &scores).unwrap();
    assert_eq!(best.flows_msat, [700; 3]);
    assert_eq!(best.objective, 700 * 30);
    assert_eq!(certify(3, &triangle(), &scores, &best.flows_msat, &best.potentials), Ok(()));
}

#[test]
fn unreliability_can_make_a_cycle_not_worth_it() {
    let scores = [Score::ZERO, Score::from_ppm(31), Score::ZERO];
    let best = solve(3, &triangle(), &scores).unwrap();
    assert_eq!((best.flows_msat, best.objective), (vec![0; 3], 0));
}

#[test]
fn the_better_part_of_a_channel_goes_first() {
    let mut arcs = triangle();
    arcs.insert(0, arc(0, 1, 300, 4, 1));
    arcs[1].capacity_msat = 500;
    let best = solve(3, &arcs, &[Score::ZERO; 4]).unwrap();
    assert_eq!(best.flows_msat, [200, 500, 700, 700]);
}

#[test]
fn any_other_plan_or_price_is_refused() {
    let (arcs, scores) = (triangle(), [Score::ZERO; 3]);
    let best = solve(3, &arcs, &scores).unwrap();
    let (flows, prices) = (best.flows_msat, best.potentials);
    let refuse = |flows: &[u64], prices: &[i64]| certify(3, &arcs, &scores, flows, prices);
    assert!(matches!(refuse(&[600; 3], &prices), Err(CertificateError::Underused { .. })));
    assert_eq!(refuse(&[701; 3], &prices), Err(CertificateError::OverCapacity { arc: 1 }));
    let short: Vec<u64> = flows.iter().map(|flow| flow - 1).collect();
    assert!(matches!(refuse(&short, &prices), Err(CertificateError::Underused { .. })));
    // Only the full arc may have a price gap; shifting node 1 alone makes arc 0 look wrong.
    let mut shifted = prices.clone();
    shifted[1] += 1;
    assert!(refuse(&flows, &shifted).is_err());
    assert_eq!(refuse(&flows, &prices.iter().map(|p| p + 5).collect::<Vec<_>>()), Ok(()));
    let missing = CertificateError::Length { list: "potentials", wanted: 3, found: 2 };
    assert_eq!(refuse(&flows, &prices[..2]), Err(missing));
}

#[test]
fn money_that_stays_at_a_node_is_named() {
    let arcs = [arc(0, 1, 5, 0, 1), arc(1, 0, 5, 0, 2)];
    let refused = certify(2, &arcs, &[Score::ZERO; 2], &[3, 2], &[0, 0]);
    assert_eq!(refused, Err(CertificateError::NotConserved { node: 0, surplus_msat: -1 }));
}

#[test]
fn a_hostile_claim_is_refused_and_not_believed() {
    let arcs = [arc(0, 7, u64::MAX, i64::MIN, 1)];
    let refused = certify(2, &arcs, &[Score::MAX], &[u64::MAX], &[i64::MAX, i64::MIN]);
    assert_eq!(refused, Err(CertificateError::NodeOutOfRange { arc: 0, node: 7 }));
    let arcs = [arc(0, 1, u64::MAX, i64::MIN, 1); 2];
    let extremes = certify(2, &arcs, &[Score::MAX; 2], &[u64::MAX; 2], &[i64::MAX, i64::MIN]);
    assert!(matches!(extremes, Err(CertificateError::Overused { arc: 0, .. })));
}

#[test]
fn one_channel_never_moves_both_ways() {
    // Forth gains 3, back costs 3: moving both ways is worth nothing and means nothing.
    let arcs = [arc(0, 1, 50, 3, 1), arc(1, 0, 50, -3, 1)];
    let mut flows = vec![20, 15];
    net_opposite(&arcs, &[Score::ZERO; 2], &mut flows);
    assert_eq!(flows, [5, 0]);
    let two_channels = [arcs[0], ResidualArc { label: 2, ..arcs[1] }];
    let mut flows = vec![20, 20];
    net_opposite(&two_channels, &[Score::ZERO; 2], &mut flows);
    assert_eq!(flows, [20, 20], "two channels between two nodes are a cycle");
}

#[test]
fn a_channel_that_gains_both_ways_is_netted_and_gains_nothing_by_itself() {
    let values =
        |arcs: &[ResidualArc]| net_gains(arcs).iter().map(|a| a.value_ppm).collect::<Vec<_>>();
    let both = [arc(0, 1, 50, 5, 1), arc(0, 1, 50, -7, 1), arc(1, 0, 50, 3, 1)];
    assert_eq!(values(&both), [2, -10, -2], "each forgoes what the other would gain");
    let cheap_return = [arc(0, 1, 50, 5, 1), arc(1, 0, 50, -3, 1)];
    assert_eq!(values(&cheap_return), [5, -5], "going back costs what going gained");
    let honest = [arc(0, 1, 50, 5, 1), arc(1, 0, 50, -5, 1), arc(1, 0, 0, 9, 1)];
    assert!(matches!(net_gains(&honest), std::borrow::Cow::Borrowed(_)));
    let best = solve(2, &both, &[Score::ZERO; 3]).unwrap();
    assert_eq!((best.objective, best.flows_msat), (0, vec![0; 3]));
}

#[test]
fn the_contradiction_of_one_channel_does_not_stop_the_others() {
    let mut arcs = triangle();
    arcs.extend([arc(0, 3, 50, 5, 9), arc(3, 0, 50, 3, 9)]);
    let best = solve(4, &arcs, &[Score::ZERO; 5]).unwrap();
    assert_eq!(best.flows_msat, [700, 700, 700, 0, 0]);
    assert_eq!(certify(4, &arcs, &[Score::ZERO; 5], &best.flows_msat, &best.potentials), Ok(()));
}

#[test]
fn directions_are_filled_best_first() {
    let arcs = [arc(0, 1, 30, -2, 4), arc(1, 0, 9, 1, 4), arc(0, 1, 20, 6, 4), arc(0, 1, 5, 6, 3)];
    let directions = Directions::new(&arcs, &[Score::ZERO; 4]);
    assert_eq!(directions.count(), 3);
    assert_eq!(directions.arcs(1), [2, 0]);
    assert_eq!((directions.of(1), directions.of(4)), (Some(2), None));
    assert_eq!(directions.fill(&arcs, &[5, 25, 0]), Some(vec![5, 0, 20, 5]));
    assert_eq!(directions.fill(&arcs, &[6, 0, 0]), None);
    assert_eq!(directions.opposites(&arcs), [(1, 2)]);
}

#[test]
fn input_out_of_range_is_refused_by_name() {
    let refuse = |arcs: &[ResidualArc]| solve(2, arcs, &vec![Score::ZERO; arcs.len()]).unwrap_err();
    assert_eq!(refuse(&[arc(1, 1, 1, 1, 1)]), Error::SelfLoop { arc: 0, node: 1 });
    let capacity_msat = MAX_CAPACITY_MSAT + 1;
    let wrong = refuse(&[arc(0, 1, capacity_msat, 1, 1)]);
    assert_eq!(wrong, Error::CapacityRange { arc: 0, capacity_msat });
    let wrong = refuse(&[arc(0, 1, 1, i64::MIN, 1)]);
    assert_eq!(wrong, Error::ValueRange { arc: 0, value_ppm: i64::MIN });
    let wrong = refuse(&[arc(0, 2, 1, 1, 1)]);
    assert_eq!(wrong, Error::Solve(SolveError::NodeOutOfRange { arc: 0, node: 2 }));
    assert_eq!(solve(2, &[], &[Score::ZERO]), Err(Error::ScoresLength { arcs: 0, scores: 1 }));
}

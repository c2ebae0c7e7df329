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
    net_opposite(&two_way_channels(&arcs), &mut flows);
    assert_eq!(flows, [5, 0]);
    let parallel = [arcs[0], ResidualArc { label: 2, ..arcs[1] }];
    assert_eq!(two_way_channels(&parallel), [], "two channels between two nodes are a cycle");
}

#[test]
fn a_channel_that_gains_by_doing_nothing_is_refused() {
    let arcs = [arc(0, 1, 50, 3, 1), arc(1, 0, 50, -3, 1), arc(1, 0, 50, -2, 1)];
    let refused = solve(2, &arcs, &[Score::ZERO; 3]);
    assert_eq!(refused, Err(Error::GainsBothWays { arc: 0, back: 2 }));
    assert!(solve(2, &arcs[..2], &[Score::ZERO; 2]).is_ok());
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

#[test]
fn a_channel_offers_exactly_what_its_balance_allows() {
    let shape = ChannelShape {
        near: 0,
        far: 1,
        capacity_msat: 100,
        balance_msat: 80,
        target_msat: 50,
        weight_ppm: 7,
        label: 9,
    };
    let arcs_of = |shape: &ChannelShape, helpers| {
        let mut arcs = Vec::new();
        channel_arcs(shape, helpers, &mut arcs);
        arcs
    };
    assert_eq!(arcs_of(&shape, Helpers::Excluded), [arc(0, 1, 30, 7, 9)]);
    let full = [arc(0, 1, 30, 7, 9), arc(0, 1, 50, -7, 9), arc(1, 0, 20, -7, 9)];
    assert_eq!(arcs_of(&shape, Helpers::Included), full);
    let low = ChannelShape { balance_msat: 10, ..shape };
    let full = [arc(1, 0, 40, 7, 9), arc(1, 0, 50, -7, 9), arc(0, 1, 10, -7, 9)];
    assert_eq!(arcs_of(&low, Helpers::Included), full);
}

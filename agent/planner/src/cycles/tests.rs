//! Facts about cycle decomposition that a reader can check by hand.
//!
//! It must never need a generator; random instances are in the crate's `tests`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;

const FREE: Limits = Limits { max_hops: 20, min_amount_msat: 1, max_cycles: usize::MAX };

fn arcs(ends: &[(u32, u32)]) -> Vec<ResidualArc> {
    let one = |(label, &(tail, head)): (u64, &(u32, u32))| ResidualArc {
        tail,
        head,
        capacity_msat: 1_000,
        value_ppm: 1,
        label,
    };
    (0..).zip(ends).map(one).collect()
}

fn split(ends: &[(u32, u32)], flows: &[u64], limits: &Limits) -> Decomposition {
    decompose(9, &arcs(ends), &vec![Score::ZERO; ends.len()], flows, limits).unwrap()
}

/// A triangle and a pair that share node 0, with a chord that both could use.
const EIGHT: [(u32, u32); 5] = [(0, 1), (1, 2), (2, 0), (0, 3), (3, 0)];

#[test]
fn an_eight_becomes_its_two_rings_the_shorter_first() {
    let parts = split(&EIGHT, &[5, 5, 5, 7, 7], &FREE);
    let pair = Cycle { arcs: vec![3, 4], amount_msat: 7 };
    let ring = Cycle { arcs: vec![0, 1, 2], amount_msat: 5 };
    assert_eq!(parts.cycles, [pair, ring]);
    assert_eq!((parts.leftover_msat, parts.leftover_value), (vec![0; 5], 0));
}

#[test]
fn what_the_length_cap_leaves_is_counted_exactly() {
    let parts = split(&EIGHT, &[5, 5, 5, 7, 7], &Limits { max_hops: 2, ..FREE });
    assert_eq!(parts.cycles.len(), 1);
    assert_eq!((parts.leftover_msat, parts.leftover_value), (vec![5, 5, 5, 0, 0], 15));
}

#[test]
fn small_change_is_left_over() {
    let parts = split(&EIGHT, &[5, 5, 5, 7, 7], &Limits { min_amount_msat: 6, ..FREE });
    assert_eq!(parts.cycles, [Cycle { arcs: vec![3, 4], amount_msat: 7 }]);
    assert_eq!(parts.leftover_value, 15);
}

#[test]
fn the_number_of_cycles_is_capped() {
    let parts = split(&EIGHT, &[5, 5, 5, 7, 7], &Limits { max_cycles: 0, ..FREE });
    assert_eq!(parts.cycles, []);
    assert_eq!(parts.leftover_msat, [5, 5, 5, 7, 7]);
}

#[test]
fn cycles_of_one_length_share_a_node_and_are_all_taken() {
    let ends = [(0, 1), (1, 0), (0, 2), (2, 0), (1, 2), (2, 1)];
    let parts = split(&ends, &[3, 3, 4, 4, 5, 5], &FREE);
    let mut amounts: Vec<u64> = parts.cycles.iter().map(|cycle| cycle.amount_msat).collect();
    amounts.sort_unstable();
    assert_eq!(amounts, [3, 4, 5]);
}

#[test]
fn a_hop_cap_below_two_leaves_everything() {
    for max_hops in [0, 1] {
        let parts = split(&EIGHT, &[5, 5, 5, 7, 7], &Limits { max_hops, ..FREE });
        assert_eq!((parts.cycles.len(), parts.leftover_value), (0, 29));
    }
}

#[test]
fn what_is_no_circulation_is_refused_by_name() {
    let ends = [(0, 1), (1, 0)];
    let refuse = |nodes, flows: &[u64]| {
        decompose(nodes, &arcs(&ends), &[Score::ZERO; 2], flows, &FREE).unwrap_err()
    };
    assert_eq!(refuse(2, &[1, 2]), CycleError::NotConserved { node: 0 });
    assert_eq!(refuse(1, &[1, 1]), CycleError::NodeOutOfRange { arc: 0, node: 1 });
    assert_eq!(refuse(2, &[1]), CycleError::Length { arcs: 2, scores: 2, flows: 1 });
    let mut worth = arcs(&ends);
    worth[0].value_ppm = i64::MIN;
    let refused =
        decompose(2, &worth, &[Score::ZERO; 2], &[u64::MAX; 2], &Limits { max_hops: 0, ..FREE });
    assert!(refused.is_ok(), "2^127 less a little still fits");
    let twice = [worth[0], worth[1], worth[0], worth[1]];
    let refused =
        decompose(2, &twice, &[Score::ZERO; 4], &[u64::MAX; 4], &Limits { max_hops: 0, ..FREE });
    assert_eq!(refused, Err(CycleError::ValueRange));
}

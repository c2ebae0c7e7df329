//! Facts about the value of a channel that a reader can check by hand.
//!
//! It must never need a generator; random channels are in the crate's `tests`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;

/// A channel of 100 msat whose near end holds `balance_msat` and has this wish.
fn channel(balance_msat: u64, near: ChannelEnd, far: ChannelEnd) -> ChannelValue {
    ChannelValue { near: 0, far: 1, capacity_msat: 100, balance_msat, ends: [near, far], label: 9 }
}

fn wish(target_msat: u64, urgency_ppm: u64, lend_ppm: u64) -> ChannelEnd {
    ChannelEnd { target_msat, urgency_ppm, lend_ppm, ..ChannelEnd::INDIFFERENT }
}

/// `(from the near end, width, value)` of every arc.
fn arcs(channel: &ChannelValue, rules: &ValueRules) -> Vec<(bool, u64, i64)> {
    let mut out = Vec::new();
    value_arcs(channel, rules, &mut out);
    assert!(out.iter().all(|arc| arc.label == channel.label && arc.tail != arc.head));
    out.iter().map(|arc| (arc.tail == channel.near, arc.capacity_msat, arc.value_ppm)).collect()
}

const PLAIN: ValueRules = ValueRules { horizon_hours: 0, tiers: 1, useful_msat: 1 };

#[test]
fn towards_the_target_gains_and_past_it_costs() {
    let one = channel(80, wish(50, 7, 0), ChannelEnd::INDIFFERENT);
    assert_eq!(arcs(&one, &PLAIN), [(true, 30, 7), (true, 50, -7), (false, 20, -7)]);
}

#[test]
fn a_lender_is_paid_for_what_does_not_serve_it() {
    let one = channel(80, wish(50, 7, 3), wish(50, 0, 2));
    // The far end has no urgency: nearer to its target is worth nothing to it, and costs nothing.
    let expected = [(true, 30, 7), (true, 50, -7 - 3 - 2), (false, 20, -7 - 3 - 2)];
    assert_eq!(arcs(&one, &PLAIN), expected);
}

#[test]
fn two_ends_that_want_opposite_moves_are_netted() {
    // Both ends would like to hold 70 of 100; to the near end, which holds 60, a msat is worth 5,
    // to the far end 3.
    let one = channel(60, wish(70, 5, 0), wish(70, 3, 0));
    let found = arcs(&one, &PLAIN);
    assert_eq!(found, [(true, 30, 3 - 5), (true, 30, -8), (false, 10, 5 - 3), (false, 30, -8)]);
}

#[test]
fn tiers_make_the_last_part_worth_less() {
    let one = channel(100, wish(0, 8, 1), ChannelEnd::INDIFFERENT);
    let tiers = ValueRules { tiers: 4, ..PLAIN };
    // Slices of 12: far tiers are all the widest part, then 12 each.
    assert_eq!(arcs(&one, &tiers), [(true, 64, 8), (true, 12, 6), (true, 12, 4), (true, 12, 2)]);
    let middle = channel(50, wish(50, 8, 1), ChannelEnd::INDIFFERENT);
    let out = arcs(&middle, &tiers);
    assert_eq!(out[..4], [(true, 12, -3), (true, 12, -5), (true, 12, -7), (true, 14, -9)]);
}

#[test]
fn a_predicted_drain_moves_the_aim() {
    let drained = ChannelEnd { drain_msat_per_hour: 10, ..wish(50, 7, 0) };
    let one = channel(60, drained, ChannelEnd::INDIFFERENT);
    assert_eq!(arcs(&one, &PLAIN)[0], (true, 10, 7), "today it has too much");
    let ahead = ValueRules { horizon_hours: 2, ..PLAIN };
    assert_eq!(arcs(&one, &ahead), [(true, 60, -7), (false, 10, 7), (false, 30, -7)]);
    let hopeless = ChannelEnd { drain_msat_per_hour: i64::MAX, ..wish(50, 7, 0) };
    let one = channel(60, hopeless, ChannelEnd::INDIFFERENT);
    assert_eq!(arcs(&one, &ahead), [(true, 60, -7), (false, 40, 7)]);
}

#[test]
fn reserve_and_largest_htlc_bound_what_moves() {
    let near = ChannelEnd { reserve_msat: 55, ..wish(50, 7, 0) };
    let far = ChannelEnd { htlc_max_msat: 15, ..ChannelEnd::INDIFFERENT };
    assert_eq!(arcs(&channel(80, near, far), &PLAIN), [(true, 25, 7), (false, 15, -7)]);
    assert_eq!(arcs(&channel(40, near, far), &PLAIN), [(false, 10, 7), (false, 5, -7)]);
}

#[test]
fn a_direction_below_the_smallest_useful_amount_is_left_out() {
    let near = ChannelEnd { htlc_min_msat: 81, ..wish(50, 7, 0) };
    let one = channel(80, near, ChannelEnd::INDIFFERENT);
    assert_eq!(arcs(&one, &PLAIN), [(false, 20, -7)]);
    let useful = ValueRules { useful_msat: 21, ..PLAIN };
    assert_eq!(arcs(&one, &useful), []);
}

#[test]
fn extremes_stay_in_range() {
    let end = ChannelEnd {
        target_msat: u64::MAX,
        urgency_ppm: u64::MAX,
        lend_ppm: u64::MAX,
        drain_msat_per_hour: i64::MIN,
        ..ChannelEnd::INDIFFERENT
    };
    let huge = ChannelValue { capacity_msat: u64::MAX, ..channel(u64::MAX, end, end) };
    let rules = ValueRules { horizon_hours: u32::MAX, tiers: u32::MAX, useful_msat: 0 };
    let mut out = Vec::new();
    value_arcs(&huge, &rules, &mut out);
    assert!(out.iter().all(|arc| arc.value_ppm.abs() <= super::super::MAX_VALUE_PPM));
    let total: u64 = out.iter().map(|arc| arc.capacity_msat).sum();
    assert_eq!(total, super::super::MAX_CAPACITY_MSAT);
}

#[test]
fn the_published_limit_is_the_special_case_of_one_wish() {
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
        let plain = |arc: &ResidualArc| (arc.tail, arc.capacity_msat, arc.value_ppm);
        arcs.iter().map(plain).collect::<Vec<_>>()
    };
    assert_eq!(arcs_of(&shape, Helpers::Excluded), [(0, 30, 7)]);
    assert_eq!(arcs_of(&shape, Helpers::Included), [(0, 30, 7), (0, 50, -7), (1, 20, -7)]);
    let low = ChannelShape { balance_msat: 10, ..shape };
    assert_eq!(arcs_of(&low, Helpers::Excluded), [(1, 40, 7)]);
    assert_eq!(arcs_of(&low, Helpers::Included), [(0, 10, -7), (1, 40, 7), (1, 50, -7)]);
}

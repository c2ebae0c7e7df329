//! What a move is worth at the fees that will apply, by numbers worked out by hand, and that no way
//! there and back ever pays.

use crate::rules;
use crate::states::{NOW, channel, id, state};
use debal_fees::NodeState;
use debal_fees::state::{FailedForward, Forward};
use debal_fees::worth::{Demand, Move, WorthError, observed_demand, worth};
use proptest::prelude::*;

/// 1,100 ppm when empty, 100 ppm when full.
const PROPORTIONAL: &str =
    "[default]\nstrategy = proportional\nmin_fee_ppm = 100\nmax_fee_ppm = 1100\n";
const SAT: i64 = 1_000;

fn ours() -> u64 {
    id(800_000, 1)
}

/// One channel of a million sat, `local_sat` of them ours.
fn holding(local_sat: i64) -> NodeState {
    let mut channel = channel(0);
    channel.funds.capacity = 1_000_000;
    channel.funds.local_balance = local_sat;
    channel.funds.remote_balance = 1_000_000 - local_sat;
    channel.funds.commit_fee = 0;
    channel.funds.pending_htlcs.clear();
    channel.local_policy.fee_ppm = 500;
    state(vec![channel])
}

fn asked(amount_sat: i64, out_sat_per_day: u64, in_sat_per_day: u64) -> Move {
    let demand = Demand {
        out_msat_per_day: out_sat_per_day * 1_000,
        in_msat_per_day: in_sat_per_day * 1_000,
    };
    Move { chan_id: ours(), amount_msat: amount_sat * SAT, demand, horizon_h: 192 }
}

#[test]
fn a_refill_is_worth_what_it_sells_at_the_falling_and_rising_fee_of_the_days_after_it() {
    let found = worth(&rules(PROPORTIONAL), &holding(100_000), &asked(400_000, 100_000, 0));
    let found = found.unwrap();
    // Eight days. Without: 100,000 sat at 1,000 ppm, then empty. With: 100,000 sat a day at 600,
    // 700, 800, 900 and 1,000 ppm.
    assert_eq!((found.fee_before_ppm, found.fee_after_ppm), (1_000, 600));
    assert_eq!(found.served_before_msat, 100_000 * SAT);
    assert_eq!(found.served_after_msat, 500_000 * SAT);
    assert_eq!(found.gain_msat, (60 + 70 + 80 + 90 + 100 - 100) * SAT);
    assert_eq!(found.gain_ppm, 750);
    assert_eq!(found.empty_after_h, Some(120));
}

#[test]
fn a_refill_nobody_asks_for_is_worth_nothing_and_one_that_only_lowers_the_fee_costs() {
    let rules = rules(PROPORTIONAL);
    let idle = worth(&rules, &holding(100_000), &asked(400_000, 0, 0)).unwrap();
    assert_eq!((idle.gain_msat, idle.empty_after_h), (0, None));
    // Balanced demand: all of it is served either way, at 700 ppm before and 350 after the refill.
    let balanced = worth(&rules, &holding(400_000), &asked(350_000, 50_000, 50_000)).unwrap();
    assert_eq!(balanced.served_before_msat, balanced.served_after_msat);
    assert_eq!(balanced.gain_msat, 8 * 50 * (350 - 700) * SAT / 1_000);
    assert!(balanced.gain_ppm < 0);
}

#[test]
fn what_leaves_an_idle_channel_costs_nothing_and_what_is_not_there_cannot_leave() {
    let rules = rules(PROPORTIONAL);
    let state = holding(300_000);
    assert_eq!(worth(&rules, &state, &asked(-200_000, 0, 0)).unwrap().gain_msat, 0);
    let refused = worth(&rules, &state, &asked(-300_001, 0, 0)).unwrap_err();
    assert!(matches!(refused, WorthError::Amount { .. }), "{refused}");
    let stranger = Move { chan_id: 7, ..asked(1, 0, 0) };
    assert_eq!(worth(&rules, &state, &stranger), Err(WorthError::NoChannel(7)));
}

#[test]
fn a_rule_in_error_gives_no_worth() {
    let broken = rules("[default]\nstrategy = proportional\nmin_fee_ppm = many\n");
    let found = worth(&broken, &holding(100_000), &asked(1_000, 1, 1));
    assert!(matches!(found, Err(WorthError::Rules { .. })), "{found:?}");
}

#[test]
fn what_failed_for_want_of_balance_was_asked_for() {
    let mut node = holding(0);
    node.node.forwards = vec![
        Forward {
            timestamp: NOW - 3_600,
            chan_id_in: 9,
            chan_id_out: ours(),
            amt_in_sat: 1_001,
            amt_out_sat: 1_000,
            fee_msat: None,
        },
        Forward {
            timestamp: NOW - 9 * 86_400,
            chan_id_in: ours(),
            chan_id_out: 9,
            amt_in_sat: 5_000,
            amt_out_sat: 4_999,
            fee_msat: None,
        },
    ];
    let failed = FailedForward { timestamp: NOW - 60, chan_id_out: ours(), amt_msat: 9_000_000 };
    node.node.failed_forwards = vec![failed];
    let week = Demand { out_msat_per_day: 10_000_000 / 7, in_msat_per_day: 0 };
    assert_eq!(observed_demand(&node, ours(), 7), week);
    let ten = Demand { out_msat_per_day: 1_000_000, in_msat_per_day: 500_000 };
    assert_eq!(observed_demand(&node, ours(), 10), ten);
}

proptest! {
    #[test]
    fn a_way_there_and_back_earns_nothing_whatever_the_rules_and_the_demand(
        local_sat in 0i64..=1_000_000,
        left_sat in 0i64..=1_000_000,
        out in 0u64..300_000,
        into in 0u64..300_000,
        bounds in (0u32..2_000, 0u32..2_000),
    ) {
        prop_assume!(local_sat != left_sat);
        let text = format!(
            "[default]\nstrategy = proportional\nmin_fee_ppm = {}\nmax_fee_ppm = {}\n\
             min_fee_ppm_delta = 0\n",
            bounds.0, bounds.1,
        );
        let rules = rules(&text);
        let there = worth(&rules, &holding(local_sat), &asked(left_sat - local_sat, out, into));
        let back = worth(&rules, &holding(left_sat), &asked(local_sat - left_sat, out, into));
        let (there, back) = (there.unwrap(), back.unwrap());
        prop_assert_eq!(there.gain_msat, -back.gain_msat);
    }
}

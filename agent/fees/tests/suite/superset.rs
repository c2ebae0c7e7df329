//! The superset: every criterion and strategy that charge-lnd lacks, by its formula.
//!
//! Numbers here are worked out by hand; it must never take them from the crate.

use crate::decide;
use crate::states::{HEIGHT, NOW, channel, id, key, state};
use debal_fees::state::{Channel, FailedForward, FeeTrial, Forward, NodeState, Transaction};
use debal_fees::{ErrorKind, Status};

fn with_share(percent: i64) -> Channel {
    let mut channel = channel(0);
    channel.funds.local_balance = channel.funds.capacity * percent / 100;
    channel.funds.remote_balance = channel.funds.capacity - channel.funds.local_balance;
    channel
}

/// Which section a channel falls in, of one with these criteria and a default.
fn meets(criteria: &str, state: &NodeState) -> bool {
    let text = format!(
        "# dialect: debal\n[m]\n{criteria}\nstrategy = ignore\n[default]\nstrategy = ignore\n"
    );
    let decisions = decide(&text, state);
    assert_eq!(decisions[0].error, None, "{criteria}");
    decisions[0].section.as_deref() == Some("m")
}

#[track_caller]
fn check(state: &NodeState, met: &[&str], unmet: &[&str]) {
    for criteria in met {
        assert!(meets(criteria, state), "{criteria} is met");
    }
    for criteria in unmet {
        assert!(!meets(criteria, state), "{criteria} is not met");
    }
}

/// The rates that a strategy asks for: outbound, inbound.
fn rates(properties: &str, state: &NodeState) -> (Option<i128>, Option<i128>) {
    // Without a threshold, which would hold small changes back.
    let text = format!("[default]\nmin_fee_ppm_delta = 0\n{properties}\n");
    let decision = &decide(&text, state)[0];
    assert_eq!(decision.error, None, "{properties}");
    let target = decision.target.as_ref().unwrap();
    (target.fee_ppm, target.inbound_fee_ppm)
}

fn forward(seconds_ago: i64, from: u64, to: u64, sat: i64) -> Forward {
    Forward {
        timestamp: NOW - seconds_ago,
        chan_id_in: from,
        chan_id_out: to,
        amt_in_sat: sat + 1,
        amt_out_sat: sat,
        fee_msat: Some(700),
    }
}

#[test]
fn age_activity_and_names_are_evaluated() {
    let mut node = state(vec![channel(0)]);
    node.channels[0].chan_id = id(u64::try_from(HEIGHT).unwrap() - 144 * 3, 1);
    check(
        &node,
        &[
            "chan.min_age_days = 3",
            "chan.max_age_days = 3.0",
            "chan.active = yes",
            "node.alias = x, peer0",
        ],
        &[
            "chan.min_age_days = 3.01",
            "chan.max_age_days = 2",
            "chan.active = no",
            "node.alias = peer",
        ],
    );
}

#[test]
fn flow_revenue_and_levels_look_back_as_far_as_they_say() {
    let mut node = state(vec![channel(0)]);
    let ours = node.channels[0].chan_id;
    // 50,001 sat in two days ago and 30,000 sat out six days ago, of 1,000,000 sat: 8 %.
    node.node.forwards =
        vec![forward(6 * 86_400, 1, ours, 30_000), forward(2 * 86_400, ours, 1, 50_000)];
    check(
        &node,
        &[
            "flow.7d.min = 80001000",
            "flow.7d.max = 80_001k",
            "flow.3d.max = 50001 sat",
            "flow.48h.min = 50001k",
            "revenue.7d.min = 700",
            "revenue.3d.max = 0",
            "activity.level = medium",
            "activity.period = 1d\nactivity.level = inactive, low",
        ],
        &[
            "flow.7d.min = 80001001",
            "flow.47h.min = 1",
            "revenue.7d.min = 701",
            "activity.level = high, low, inactive",
        ],
    );
    node.node.forwards.push(forward(60, 1, ours, 20_000));
    check(&node, &["activity.level = high"], &["activity.level = medium"]);
    node.node.forwards = vec![forward(60, 1, ours, 10_000)];
    check(&node, &["activity.level = low"], &[]);
}

#[test]
fn failed_forwards_alternatives_and_fee_ratios_are_evaluated() {
    let mut node = state(vec![channel(0)]);
    let ours = node.channels[0].chan_id;
    let failed = |days: i64, amt_msat| FailedForward {
        timestamp: NOW - days * 86_400,
        chan_id_out: ours,
        amt_msat,
    };
    node.node.failed_forwards = vec![failed(1, 5_000), failed(5, 9_000)];
    check(
        &node,
        &[
            "failed.7d.min = 2",
            "failed.2d.max = 1",
            "missed.7d.min = 14 sat",
            "missed.2d.max = 5000",
            "network.min_alternatives = 1",
            "peer.fee_ratio.min = 2.5",
            "peer.fee_ratio.max = 2.5",
        ],
        &[
            "failed.2d.min = 2",
            "missed.7d.max = 13_999",
            "network.min_alternatives = 2",
            "network.max_alternatives = 0",
            "peer.fee_ratio.max = 2.49",
        ],
    );
    node.channels[0].remote_policy = None;
    check(&node, &["peer.fee_ratio.min = inf"], &["peer.fee_ratio.max = 1000"]);
    // A way around us that could not carry what we can is none.
    node.channels[0].funds.capacity = 2_000_001;
    check(&node, &["network.max_alternatives = 0"], &[]);
}

#[test]
fn the_clock_is_evaluated() {
    // 2024-07-03, 09:46:40 UTC.
    let node = state(vec![channel(0)]);
    check(
        &node,
        &["time.of_day = 09:46-09:47", "time.of_day = 22:00-10:00", "time.day_of_week = wed, sun"],
        &["time.of_day = 09:47-10:00", "time.of_day = 22:00-06:00", "time.day_of_week = thu"],
    );
}

#[test]
fn what_the_state_does_not_know_leaves_the_channel_alone() {
    let mut node = state(vec![channel(0)]);
    node.node.peers.get_mut(&key(0)).unwrap().alternatives = None;
    let text = "[m]\nnetwork.min_alternatives = 1\nstrategy = static\nfee_ppm = 1\n\
                [default]\nstrategy = static\nfee_ppm = 2\n";
    let decision = &decide(text, &node)[0];
    assert_eq!(decision.error.as_ref().unwrap().kind, ErrorKind::Criteria);
    assert_eq!((&decision.section, decision.is_change()), (&None, false));
    let text = "[m]\nactivity.level = sometimes\nstrategy = static\nfee_ppm = 1\n";
    let decision = &decide(text, &node)[0];
    assert_eq!(
        decision.error.as_ref().unwrap().fault.to_string(),
        "rules:2:18: 'sometimes' is no value for activity.level: inactive, low, medium or high"
    );
}

#[test]
fn priority_final_and_enabled_order_the_sections() {
    let node = state(vec![channel(0)]);
    let section = |text: &str| {
        let decision = decide(text, &node)[0].clone();
        let fee = decision.target.and_then(|target| target.fee_ppm);
        (decision.section.map(|section| section.to_string()), fee)
    };
    let late =
        "[a]\nstrategy = static\nfee_ppm = 1\n[b]\npriority = 50\nstrategy = static\nfee_ppm = 2\n";
    assert_eq!(section(late), (Some("b".to_owned()), Some(2)));
    let off = "[a]\nenabled = false\nstrategy = static\n[b]\nstrategy = static\nfee_ppm = 2\n";
    assert_eq!(section(off), (Some("b".to_owned()), Some(2)));
    let passed = "[a]\nfinal = false\nstrategy = static\nfee_ppm = 1\nbase_fee_msat = 9\n\
                  [b]\nstrategy = static\nfee_ppm = 2\n";
    assert_eq!(section(passed), (Some("b".to_owned()), Some(2)));
    let fallback = "[a]\nfinal = false\nstrategy = static\nfee_ppm = 1\n\
                    [b]\nchan.private = yes\nstrategy = static\nfee_ppm = 2\n";
    assert_eq!(section(fallback), (Some("a".to_owned()), Some(1)));
    let stop =
        "[a]\nfinal = true\nfee_ppm = 1\n[b]\nstrategy = static\n[default]\nstrategy = static\n";
    assert_eq!(section(stop), (None, None));
}

#[test]
fn balance_based_refills_where_our_balance_is_low() {
    let rates_at = |percent, more: &str| {
        let text = format!("strategy = balance_based\nfee_ppm = 1000\n{more}");
        rates(&text, &state(vec![with_share(percent)]))
    };
    for (percent, outbound, inbound) in [
        (95, 500, 0),
        (81, 500, 0),
        (80, 1000, 0),
        (41, 1000, 0),
        (40, 1000, -25),
        (21, 1000, -25),
        (20, 1000, -100),
        (19, 2000, -100),
        (0, 2000, -100),
    ] {
        assert_eq!(rates_at(percent, ""), (Some(outbound), Some(inbound)), "{percent} %");
    }
    // The configured rate is the deepest discount, and the table keeps its proportions.
    assert_eq!(rates_at(10, "inbound_fee_ppm = -40"), (Some(2000), Some(-40)));
    assert_eq!(rates_at(30, "inbound_fee_ppm = -40"), (Some(1000), Some(-10)));
    assert_eq!(rates_at(10, "max_fee_ppm = 1200"), (Some(1200), Some(-100)));
    assert_eq!(rates_at(10, "max_fee_ppm_step = 100"), (Some(600), Some(-100)));
    assert_eq!(rates_at(10, "inbound_mode = off"), (Some(2000), None));
}

#[test]
fn the_printed_table_has_to_be_asked_for() {
    let rates_at = |percent, more: &str, positive| {
        let text = format!("strategy = balance_based\nfee_ppm = 1000\ninbound_mode = seed\n{more}");
        let mut node = state(vec![with_share(percent)]);
        node.node.accept_positive_inbound_fees = positive;
        rates(&text, &node).1
    };
    for (percent, inbound) in
        [(90, -100), (80, -25), (41, -25), (40, 0), (21, 0), (20, 25), (10, 25)]
    {
        assert_eq!(rates_at(percent, "", true), Some(inbound), "{percent} %");
    }
    assert_eq!(rates_at(10, "", false), Some(0), "no premium where the node refuses it");
    assert_eq!(rates_at(10, "max_inbound_fee_ppm = 7", true), Some(7));
    assert_eq!(rates_at(90, "min_inbound_fee_ppm = -60", true), Some(-60));
}

#[test]
fn without_a_centre_the_outbound_rate_stays() {
    let node = state(vec![with_share(10)]);
    for strategy in
        ["balance_based", "flow_based", "inbound_discount", "revenue_max", "cost_recovery"]
    {
        assert_eq!(rates(&format!("strategy = {strategy}"), &node).0, None, "{strategy}");
    }
}

#[test]
fn a_discount_is_never_more_than_four_fifths_of_our_own_rate() {
    let node = state(vec![with_share(10)]);
    let text = "strategy = balance_based\nfee_ppm = 50";
    assert_eq!(rates(text, &node), (Some(100), Some(-80)));
}

#[test]
fn inbound_discount_follows_balance_or_competition() {
    let at = |percent, more: &str| {
        let text = format!("strategy = inbound_discount\nfee_ppm = 1000\n{more}");
        rates(&text, &state(vec![with_share(percent)])).1.unwrap()
    };
    let refill: Vec<i128> = [10, 30, 50, 70, 90].map(|percent| at(percent, "")).into();
    assert_eq!(refill, [-50, -30, -10, 0, 0]);
    let seed: Vec<i128> =
        [10, 30, 50, 70, 90].map(|percent| at(percent, "inbound_mode = seed")).into();
    assert_eq!(seed, [-5, -5, -10, -30, -50]);
    // Ours is 500 ppm, the way around us 100 ppm: 0.3 of 400.
    assert_eq!(at(50, "inbound_mode = competitive"), -120);
}

#[test]
fn flow_based_follows_what_went_through() {
    let at = |sats_in: i64, sats_out: i64, positive| {
        let mut node = state(vec![channel(0)]);
        let ours = node.channels[0].chan_id;
        let mut incoming = forward(60, ours, 1, sats_in);
        incoming.amt_in_sat = sats_in;
        node.node.forwards = vec![incoming, forward(60, 1, ours, sats_out)];
        node.node.forwards.retain(|forward| forward.amt_out_sat > 0);
        node.node.accept_positive_inbound_fees = positive;
        rates("strategy = flow_based\nfee_ppm = 1000", &node)
    };
    assert_eq!(at(100_000, 100_000, false), (Some(1400), Some(0)));
    assert_eq!(at(10_000, 0, true), (Some(700), Some(50)));
    assert_eq!(at(10_000, 0, false), (Some(700), Some(0)));
    assert_eq!(at(10_000, 25_000, false), (Some(700), Some(-75)));
    assert_eq!(at(0, 25_000, false), (Some(700), Some(-100)));
    assert_eq!(at(0, 0, false), (Some(700), Some(0)));
}

#[test]
fn revenue_max_takes_the_best_sound_trial() {
    let trial = |fee_ppm, hours, forwards, revenue_msat| FeeTrial {
        fee_ppm,
        inbound_fee_ppm: -7,
        hours,
        forwards,
        revenue_msat,
    };
    let mut node = state(vec![channel(0)]);
    let text = "strategy = revenue_max\nfee_ppm = 300";
    assert_eq!(rates(text, &node), (Some(300), None));
    node.channels[0].fee_trials = vec![
        trial(100, 48.0, 9, 4000),
        trial(200, 24.0, 9, 3000),
        trial(900, 2.0, 9, 9000),
        trial(950, 24.0, 2, 90_000),
        trial(250, 24.0, 9, 3000),
    ];
    assert_eq!(rates(text, &node), (Some(200), Some(-7)), "of equal ones the lower fee");
    assert_eq!(rates(&format!("{text}\ntrial_min_hours = 1"), &node).0, Some(900));
    assert_eq!(rates(&format!("{text}\ntrial_min_forwards = 1"), &node).0, Some(950));
    assert_eq!(rates(&format!("{text}\nmax_fee_ppm = 150"), &node).0, Some(150));
}

#[test]
fn cost_recovery_shares_a_batch_among_its_channels() {
    let mut node = state(vec![channel(0), channel(1)]);
    for channel in &mut node.channels {
        channel.channel_point = "aa:0".to_owned();
    }
    node.node.transactions =
        vec![Transaction { tx_hash: "aa".to_owned(), block_height: 800_000, total_fees_sat: 3000 }];
    assert_eq!(rates("strategy = cost_recovery", &node).0, Some(1500));
    assert_eq!(rates("strategy = cost", &node).0, Some(3000), "as in the original");
}

#[test]
fn how_a_change_is_watched_travels_with_the_decision() {
    let text = "[default]\nstrategy = static\nfee_ppm = 1\nlearning_enabled = yes\n\
                enable_auto_rollback = true\nrollback_threshold = 0.25 # a quarter\n";
    let decision = &decide(text, &state(vec![channel(0)]))[0];
    assert!(decision.safety.learning_enabled && decision.safety.enable_auto_rollback);
    assert_eq!(decision.safety.rollback_threshold, 0.25);
}

#[test]
fn an_error_never_switches_a_channel_off() {
    let mut node = state(vec![channel(0)]);
    node.channels[0].local_policy.disabled = true;
    for broken in [
        "strategy = proportional",
        "strategy = nothing",
        "strategy = use_config",
        "strategy = static\nfee_ppm = x",
        "strategy = balance_based\ninbound_mode = x",
        "strategy = revenue_max\nmin_fee_ppm = 5\nmax_fee_ppm = 4",
        "strategy = static\nrollback_threshold = 7",
    ] {
        let decision = &decide(&format!("[default]\n{broken}\n"), &node)[0];
        assert_eq!(decision.error.as_ref().unwrap().kind, ErrorKind::Strategy, "{broken}");
        assert!(!decision.is_change(), "{broken}");
    }
    let decision = &decide("[default]\nstrategy = disable\n", &state(vec![channel(0)]))[0];
    assert_eq!(decision.status, Some(Status::Disable));
}

#[test]
fn what_a_kind_of_node_lacks_is_left_out_and_told_and_the_rest_applies() {
    use debal_fees::state::Lack;
    let mut node = state(vec![channel(0)]);
    node.node.lacks = [Lack::InboundFees, Lack::TimeLockDelta, Lack::Switch].into();
    let text = "[default]\nstrategy = static\nfee_ppm = 70\ninbound_fee_ppm = -9\n\
                time_lock_delta = 99\n";
    let decision = decide(text, &node).remove(0);
    let update = decision.update.unwrap();
    assert_eq!((update.fee_ppm, update.inbound_fee_ppm, update.time_lock_delta), (70, 0, 80));
    assert_eq!(decision.error, None);
    assert_eq!(
        decision.unsupported,
        [
            "time_lock_delta 99: this node has one delta for all channels, in its configuration",
            "inbound_fee_ppm -9: this node has no inbound fees",
        ]
    );
    // Nothing else to do: nothing is sent, and it is told all the same.
    let level = "[default]\nstrategy = static\ninbound_level_ppm = 400\n";
    let decision = decide(level, &node).remove(0);
    assert_eq!((decision.update, decision.unsupported.len()), (None, 1));
    let decision = decide("[default]\nstrategy = disable\n", &node).remove(0);
    assert_eq!((decision.update, decision.status), (None, None));
    let why = decision.error.unwrap().fault.to_string();
    assert!(why.contains("this node cannot switch a channel off"), "{why}");
}

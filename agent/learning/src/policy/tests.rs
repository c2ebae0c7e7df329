//! Policies by example. They must never depend on chance.

use super::*;

fn end() -> End {
    End {
        capacity_msat: 10_000_000,
        local_msat: 1_000_000,
        depleted_ppm: [200_000, 500_000, 1_000_000],
        saturated_ppm: [0; 3],
        at_s: [600, 7_200, 21_600],
        safe_msat: [0; 2],
        fee_out_msat_day: 4_000,
        fee_in_msat_day: 0,
        gap_ppm: 0,
        drift_msat_day: -20_000_000,
        since_action_s: 600,
        needy_ppm: 0,
    }
}

#[test]
fn the_analytic_rule_bids_what_is_at_stake() {
    let rule = Analytic { horizon: 2, cost_ppm: 100, target_ppm: 500_000, lend_ppm: 250_000 };
    // A quarter of a day's 4,000 msat for certain, for 4,000,000 msat moved: 250 ppm.
    assert_eq!(rule.worth(&end()), Worth { raise_ppm: 250, lower_ppm: 0 });
    let action = Action { target_ppm: 500_000, weight_ppm: 250, lend_ppm: 0 };
    assert_eq!(rule.decide(&end()), action);
    let dearer = Analytic { cost_ppm: 250, ..rule };
    assert_eq!(dearer.decide(&end()).weight_ppm, 0);
    assert_eq!(dearer.decide(&end()).lend_ppm, 250_000);
    let full = End { local_msat: 9_000_000, saturated_ppm: [0, 0, 500_000], ..end() };
    let full = End { fee_in_msat_day: 8_000, ..full };
    assert_eq!(rule.worth(&full), Worth { raise_ppm: 0, lower_ppm: 250 });
}

#[test]
fn the_margin_rule_asks_outside_what_is_safe_and_lends_all_that_is() {
    let rule = Margin { horizon: 1, risk_ppm: 100_000, bid_ppm: 1_000, reach_ppm: 500_000 };
    let drains = End { safe_msat: [4_000_000, 8_000_000], ..end() };
    // Half of the way from 40 to 60 %, at half the bid: the risk is one half.
    assert_eq!(rule.decide(&drains), asked(500_000, 500));
    let safe = End { local_msat: 7_000_000, ..drains };
    let lends = Action { target_ppm: 600_000, weight_ppm: 0, lend_ppm: 200_000 };
    assert_eq!(rule.decide(&safe), lends);
    let full = End { local_msat: 9_000_000, saturated_ppm: [0, 1_000_000, 0], ..drains };
    assert_eq!(rule.decide(&full), asked(700_000, 1_000));
    assert_eq!(Policy::Margin(rule).margin(), Some(&rule));
    assert_eq!(Policy::Never.margin(), None);
}

#[test]
fn thresholds_ask_outside_and_never_inside() {
    let threshold = Policy::Threshold { theta_ppm: 200_000, weight_ppm: 9 };
    assert_eq!(threshold.decide(&end()).weight_ppm, 9);
    let inside = End { local_msat: 2_000_000, ..end() };
    assert_eq!(threshold.decide(&inside).weight_ppm, 0);
    let autoloop = Policy::Autoloop { low_ppm: 300_000, high_ppm: 800_000, weight_ppm: 9 };
    assert_eq!(autoloop.decide(&inside), asked(550_000, 9));
    assert_eq!(autoloop.decide(&End { local_msat: 8_000_000, ..end() }).weight_ppm, 0);
    assert_eq!(Policy::Never.decide(&end()), Action::NONE);
}

#[test]
fn loopmax_waits_until_the_drift_leaves_no_time() {
    // 1,000,000 msat at 20,000,000 a day last 4,320 s.
    assert_eq!(Policy::Loopmax { reach_s: 4_320, weight_ppm: 9 }.decide(&end()).weight_ppm, 0);
    let asks = Policy::Loopmax { reach_s: 4_400, weight_ppm: 9 }.decide(&end());
    assert_eq!(asks, asked(980_000, 9));
    let filling = End { drift_msat_day: 200_000_000, ..end() };
    assert_eq!(
        Policy::Loopmax { reach_s: 4_400, weight_ppm: 9 }.decide(&filling).target_ppm,
        20_000
    );
}

#[test]
fn a_network_stays_in_its_bounds_whatever_its_weights() {
    let sizes = [FEATURE_COUNT, 4, ACTION_COUNT];
    for wild in [0.0, 1e30, -1e30, f32::MAX, f32::MIN] {
        let net = Net::new(&sizes, vec![wild; Net::count(&sizes)]).unwrap();
        let action = Policy::Learned { net, theta_ppm: 200_000 }.decide(&end());
        assert!(action.target_ppm <= 800_000, "{action:?}");
        assert!(action.weight_ppm <= WEIGHT_MAX_PPM && action.lend_ppm <= LEND_MAX_PPM);
    }
}

#[test]
fn a_network_of_zeros_is_the_margin_rule() {
    let sizes = [FEATURE_COUNT, ACTION_COUNT];
    let net = Net::new(&sizes, vec![0.0; Net::count(&sizes)]).unwrap();
    let learned = Policy::Learned { net, theta_ppm: 200_000 };
    let rule = Policy::Margin(Margin::INCOME);
    let calm = End { depleted_ppm: [0; 3], safe_msat: [500_000, 9_500_000], ..end() };
    let drains = End { safe_msat: [3_000_000, 9_500_000], ..end() };
    for end in [end(), calm, drains, End { local_msat: 9_800_000, ..calm }] {
        assert_eq!(learned.decide(&end), rule.decide(&end));
    }
}

#[test]
fn features_of_any_end_are_about_one() {
    let huge = End {
        capacity_msat: u64::MAX,
        local_msat: u64::MAX,
        fee_out_msat_day: u64::MAX,
        gap_ppm: i32::MIN,
        drift_msat_day: i64::MIN,
        since_action_s: u64::MAX,
        ..end()
    };
    for end in [huge, End::default(), end()] {
        let numbers = features(&end);
        assert!(numbers.iter().all(|x| x.is_finite() && x.abs() < 6.0), "{numbers:?}");
    }
}

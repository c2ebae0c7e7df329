//! Leadership against weights, over ten thousand epochs.

use crate::election::simulate_fairness;

const EPOCHS: u64 = 10_000;

#[test]
fn equal_members_lead_equally_often() {
    for seed in [1, 2, 3] {
        let report = simulate_fairness(&[1; 32], EPOCHS, seed, false);
        println!("seed {seed}: {report:?}");
        assert_eq!(report.wins.iter().sum::<u64>(), EPOCHS);
        assert!(report.chi_square_milli < report.critical_1_percent_milli);
        // Bonferroni over 32 members at 1 %: |z| < 3.60.
        assert!(report.largest_z_milli < 3_600);
    }
}

#[test]
fn members_lead_as_often_as_they_weigh() {
    let weights: Vec<u64> = (1..=20).map(|weight| weight * 50_000).collect();
    for seed in [4, 5, 6] {
        let report = simulate_fairness(&weights, EPOCHS, seed, false);
        println!("seed {seed}: {report:?}");
        assert!(report.chi_square_milli < report.critical_1_percent_milli);
        assert!(report.largest_z_milli < 3_500);
    }
}

#[test]
fn an_unfair_ranking_would_be_noticed() {
    let mut weights = vec![100; 32];
    weights[7] = 130;
    let report = simulate_fairness(&weights, EPOCHS, 7, false);
    let equal: f64 = report
        .wins
        .iter()
        .map(|won| (*won as f64 - EPOCHS as f64 / 32.0).powi(2) / (EPOCHS as f64 / 32.0))
        .sum();
    println!("seed 7: chi-square against equal shares {equal}");
    assert!(equal * 1_000.0 > report.critical_1_percent_milli as f64);
}

#[test]
fn the_longest_run_follows_the_geometric_law() {
    // P(some run of at least r in n epochs) <= n * p^(r-1) with p the chance to lead twice running:
    // 1/32, so a run of 6 has probability below 10^4 / 32^5 = 0.0003.
    let report = simulate_fairness(&[1; 32], EPOCHS, 8, false);
    println!("seed 8: longest run {}", report.longest_run);
    assert!((2..6).contains(&report.longest_run));
}

#[test]
fn with_cool_down_no_leader_returns_within_it_and_equal_members_stay_equal() {
    let report = simulate_fairness(&[1; 32], EPOCHS, 9, true);
    println!("seed 9: {report:?}");
    assert_eq!(report.longest_run, 1);
    assert!(report.shortest_return.is_some_and(|gap| gap >= 4));
    assert!(report.largest_z_milli < 3_600);
    let small = simulate_fairness(&[1; 4], EPOCHS, 10, true);
    assert!(small.shortest_return.is_some_and(|gap| gap == 2));
}

#[test]
fn the_critical_values_are_those_of_the_tables() {
    // NIST table, upper 1 %: 9 -> 21.666, 31 -> 52.191, 99 -> 134.642.
    for (members, table) in [(10u64, 21_666u64), (32, 52_191), (100, 134_642)] {
        let report = simulate_fairness(&vec![1; members as usize], 1, 0, false);
        assert!(report.critical_1_percent_milli.abs_diff(table) < 60, "{report:?}");
    }
}

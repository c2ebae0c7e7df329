//! B5 on small rosters: what must hold in every weather, and that a seed is one run.
//!
//! It must never assert a time of the processor.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use debal_bench::b5::members::{Members, mixed};
use debal_bench::b5::rotation::{Conduct, along_the_chain, by_ranking};
use debal_bench::b5::weather::{self, Weather};
use debal_bench::b5::{LIVING, Options, lived, run};
use debal_bench::report::{Row, table};

const MEMBERS: usize = 12;

fn options(words: &[&str]) -> Options {
    let words = words.iter().map(|word| (*word).to_owned()).collect();
    Options { members: vec![MEMBERS], seeds: 2, epochs: 12, curves: false, words }
}

fn row(name: &str) -> Row {
    let weather = weather::all().into_iter().find(|weather| weather.name == name).unwrap();
    lived(&options(&[]), MEMBERS, &weather, &mut |_| {}).unwrap()
}

fn figure(row: &Row, metric: &str) -> f64 {
    row.figure(metric).unwrap_or_else(|| panic!("{}: no {metric}", row.method)).mean
}

#[test]
fn a_calm_network_has_one_leader_each_epoch_within_35_seconds() {
    let row = row("calm");
    assert_eq!((figure(&row, "certified"), figure(&row, "led")), (1.0, 1.0));
    assert_eq!((figure(&row, "two_leaders"), figure(&row, "later_rounds")), (0.0, 0.0));
    assert!((30.0..35.0).contains(&figure(&row, "p99_s")), "{row:?}");
    // Twelve members rest for three epochs.
    assert_eq!(figure(&row, "run"), 1.0);
    assert!(figure(&row, "return") >= 4.0);
    assert_eq!(figure(&row, "epochs"), 24.0);
}

#[test]
fn no_weather_makes_two_leaders_of_one_round_or_accuses_the_honest() {
    for weather in weather::all() {
        let row = row(weather.name);
        assert_eq!(figure(&row, "two_leaders"), 0.0, "{row:?}");
        assert_eq!(figure(&row, "false_accusations"), 0.0, "{row:?}");
    }
}

#[test]
fn without_two_thirds_of_the_weight_there_is_no_leader() {
    // Voters of one round that come and go may add up to two thirds, seldom.
    assert!(figure(&row("50 % offline"), "certified") < 0.1);
    // Four of twelve epochs were split in halves; the others had a leader, and all agree again.
    let halves = row("cut in halves");
    assert!((figure(&halves, "led") - 8.0 / 12.0).abs() < 1e-9, "{halves:?}");
    assert!(figure(&halves, "epochs_to_heal") <= 2.0);
    let fifth = row("a fifth cut off");
    assert_eq!(figure(&fifth, "led"), 1.0);
    assert!(figure(&fifth, "epochs_to_heal") <= 2.0);
}

#[test]
fn whoever_says_two_things_is_barred_by_all_and_leads_no_more() {
    let row = row("10 % two-faced");
    assert_eq!((figure(&row, "barred"), figure(&row, "led_by_barred")), (1.0, 0.0), "{row:?}");
    assert!(figure(&row, "led") > 0.9);
}

#[test]
fn a_seed_is_one_run_and_losses_only_cost_rounds() {
    let worst = Weather { loss: 0.2, offline: 0.2, ..Weather::CALM };
    let once = || lived(&options(&[]), MEMBERS, &worst, &mut |_| {}).unwrap();
    let (one, again) = (once(), once());
    let clockless = |row: &Row| {
        row.metrics.iter().filter(|(name, _)| name != "cpu_ms").cloned().collect::<Vec<_>>()
    };
    assert_eq!(clockless(&one), clockless(&again));
    assert!(figure(&one, "led") > 0.9, "{one:?}");
}

#[test]
fn the_real_curves_lead_the_same_way() {
    let few = Options { seeds: 1, epochs: 3, curves: true, ..options(&[]) };
    let row = lived(&few, 5, &Weather::CALM, &mut |_| {}).unwrap();
    assert_eq!((figure(&row, "led"), figure(&row, "two_leaders")), (1.0, 0.0));
}

#[test]
fn turns_follow_the_weights_by_chain_and_by_ranking() {
    let members = Members::new(mixed(MEMBERS), 4, false).unwrap();
    let none = [false; MEMBERS];
    let chain = along_the_chain(&members, 1_000, &none, Conduct::Honest).unwrap();
    for tally in [chain, by_ranking(&mixed(300), 3_000, 4)] {
        assert!(tally.chi_square_p() > 0.01 && tally.largest_z_p() > 0.01, "{tally:?}");
        assert_eq!((tally.longest_run, tally.shortest_return), (1, Some(4)));
    }
}

#[test]
fn one_key_gains_nothing_by_keeping_back_a_claim_and_many_keys_choose() {
    let group: Vec<bool> = (0..MEMBERS).map(|member| member < 4).collect();
    let shares = |group: &[bool]| {
        let members = Members::new(vec![1; MEMBERS], 5, false).unwrap();
        [Conduct::Honest, Conduct::Withholding]
            .map(|conduct| along_the_chain(&members, 400, group, conduct).unwrap())
    };
    let single: Vec<bool> = (0..MEMBERS).map(|member| member == 0).collect();
    let [honest, withholding] = shares(&single);
    assert_eq!(honest, withholding, "a leader rests: its own seed does not help it");
    let [honest, withholding] = shares(&group);
    assert_ne!(honest, withholding);
}

#[test]
fn the_tables_fit_a_terminal_and_a_word_that_names_no_row_is_refused() {
    let parts = run(&options(&["calm", "two-faced"]), &mut |_| {}).unwrap();
    assert_eq!(parts.len(), 1);
    let text = table(&parts[0].report, &LIVING);
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert!(run(&options(&["zebra"]), &mut |_| {}).is_err());
    assert!(run(&Options { members: vec![3], ..options(&[]) }, &mut |_| {}).is_err());
}

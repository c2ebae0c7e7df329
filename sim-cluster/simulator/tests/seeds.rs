//! A batch of seeds as every change must pass it, and the scenarios that once failed.
//!
//! Long runs are made by command; this must stay under a minute.

#![allow(clippy::panic)]

use debal_simulator::batch::Batch;
use debal_simulator::parallel::default_threads;
use debal_simulator::{Options, Scenario, run};

#[test]
fn two_hundred_seeds_hold_every_invariant_and_reach_every_mark() {
    let sum = Batch::run(0..200, None, default_threads(), |_| {});
    assert_eq!(sum.seeds, 200);
    assert!(sum.failures.is_empty(), "{:#?}", sum.failures);
    assert_eq!(sum.missing_marks(), Vec::<&str>::new());
}

#[test]
fn the_number_of_threads_changes_no_result() {
    let batch = |threads| Batch::run(40..48, None, threads, |_| {}).json(1.0, &[]);
    let alone = batch(1);
    assert_eq!(alone, batch(2));
    assert_eq!(alone, batch(5));
}

/// Shrunk scenarios of mended bugs; they stay for ever.
const REGRESSIONS: [&str; 2] = [
    include_str!("regressions/stray-release.scn"),
    include_str!("regressions/pause-ends-with-its-fault.scn"),
];

#[test]
fn scenarios_that_once_failed_hold_now() {
    for text in REGRESSIONS {
        let Ok(scenario) = Scenario::from_text(text) else { panic!("unreadable scenario") };
        let outcome = run(&scenario, Options::default());
        assert_eq!(outcome.violations, [], "seed {}", scenario.seed);
    }
}

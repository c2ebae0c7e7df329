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

/// Shrunk scenarios of mended bugs; they stay for ever.
const REGRESSIONS: [&str; 1] = [include_str!("regressions/stray-release.scn")];

#[test]
fn scenarios_that_once_failed_hold_now() {
    for text in REGRESSIONS {
        let Ok(scenario) = Scenario::from_text(text) else { panic!("unreadable scenario") };
        let outcome = run(&scenario, Options::default());
        assert_eq!(outcome.violations, [], "seed {}", scenario.seed);
    }
}

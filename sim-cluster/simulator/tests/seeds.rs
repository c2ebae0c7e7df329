//! A batch of seeds as every change must pass it, and the scenarios that once failed.
//!
//! Long runs are made by command; this must stay under a minute.

#![allow(clippy::panic)]

use debal_simulator::batch::Batch;
use debal_simulator::{Options, Scenario, run};

#[test]
fn two_hundred_seeds_hold_every_invariant_and_reach_every_mark() {
    let threads = 2;
    let batches = (0..threads).map(|thread| {
        std::thread::spawn(move || {
            let mut batch = Batch::default();
            (0..200).filter(|seed| seed % threads == thread).for_each(|s| batch.run_seed(s, None));
            batch
        })
    });
    let mut sum = Batch::default();
    for batch in batches.collect::<Vec<_>>() {
        let Ok(batch) = batch.join() else { panic!("a seed panicked") };
        sum.seeds += batch.seeds;
        sum.marks.absorb(&batch.marks);
        sum.failures.extend(batch.failures);
    }
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

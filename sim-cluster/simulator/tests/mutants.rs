//! Every planted bug is found within 500 seeds; otherwise the simulator is at fault.
//!
//! Needs the feature `mutants`; the unchanged core must never be tested in that build alone. The
//! whole list takes minutes and belongs to a release build; the short list is for every change.

#![allow(clippy::panic)]

use debal_simulator::mutants::{ALL, hunt};
use debal_simulator::parallel::default_threads;
use std::time::Instant;

/// Seeds within which a bug must be found.
const SEEDS: u64 = 500;

/// Hunts the bugs `wanted` picks and prints one line for each.
fn hunt_all(wanted: impl Fn(&str) -> bool) {
    let mut missed = Vec::new();
    println!("{:<26} {:<6} {:>5} {:>8}  found by", "planted bug", "breaks", "seed", "seconds");
    for (name, rule, mutant) in ALL.into_iter().filter(|(name, _, _)| wanted(name)) {
        let began = Instant::now();
        match hunt(mutant, SEEDS, default_threads()) {
            Some(found) => {
                let (seed, by, wall_s) = (found.seed, found.rule, began.elapsed().as_secs_f64());
                println!("{name:<26} {rule:<6} {seed:>5} {wall_s:>8.1}  {by}");
            }
            None => missed.push(name),
        }
    }
    assert!(missed.is_empty(), "not found within {SEEDS} seeds: {missed:?}");
}

/// One bug of each kind: order, clock, secret, disk, caps, votes.
const SHORT: [&str; 6] = [
    "out-before-in",
    "cancel-before-out-ended",
    "reveal-early",
    "send-before-flush",
    "exposure-ignored",
    "double-endorse",
];

#[test]
fn a_planted_bug_of_each_kind_is_found_within_500_seeds() {
    assert!(SHORT.iter().all(|short| ALL.iter().any(|(name, _, _)| name == short)));
    hunt_all(|name| SHORT.contains(&name));
}

#[cfg(not(debug_assertions))]
#[test]
fn every_planted_bug_is_found_within_500_seeds() {
    assert!(ALL.len() >= 24);
    hunt_all(|name| !SHORT.contains(&name));
}

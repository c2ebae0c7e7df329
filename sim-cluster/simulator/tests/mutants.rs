//! Every planted bug is found within 500 seeds; otherwise the simulator is at fault.
//!
//! Needs the feature `mutants`; the unchanged core must never be tested in that build alone.

use debal_simulator::mutants::{ALL, hunt};

#[test]
fn every_planted_bug_is_found_within_500_seeds() {
    let mut missed = Vec::new();
    for (name, rule, mutant) in ALL {
        match hunt(mutant, 500) {
            Some(found) => println!("{name:<26} {rule:<4} {:>4} {}", found.seeds, found.rule),
            None => missed.push(name),
        }
    }
    assert!(missed.is_empty(), "not found: {missed:?}");
}

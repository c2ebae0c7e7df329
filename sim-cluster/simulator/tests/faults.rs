//! Faults of identity and each lying script, alone in a world where nothing else goes wrong.
//!
//! The batch of seeds mixes them with everything else; here each must be reached and survived by
//! itself. Nothing here may be lenient because a member lies: the rules for the others are those of
//! every run.

#![allow(clippy::panic)]

use debal_protocol::market::PlanMode;
use debal_simulator::scenario::{Fault, FaultKind, Script};
use debal_simulator::{Marks, Options, Scenario, run};

const LIAR: usize = 1;

/// Worlds of five members in which one has this fault during most of the chaos phase, and the marks
/// they reach.
fn worlds_with(kind: &FaultKind, seeds: u64) -> Marks {
    let mut marks = Marks::default();
    for seed in 0..seeds {
        let mut scenario = Scenario::from_seed_with(1_000 + seed, 5);
        scenario.real_curves = false;
        let lasts_ms = match kind {
            FaultKind::LostJournal { .. } => 2_000,
            _ => scenario.chaos_ms,
        };
        scenario.faults = vec![Fault { at_ms: 10_000, lasts_ms, kind: kind.clone() }];
        let outcome = run(&scenario, Options::default());
        assert_eq!(outcome.violations, [], "seed {} with {kind:?}", scenario.seed);
        marks.absorb(&outcome.marks);
    }
    marks
}

#[test]
fn a_cloned_host_speaks_and_costs_the_others_nothing() {
    let marks = worlds_with(&FaultKind::CloneHost { node: LIAR }, 6);
    assert!(marks.count("clone.said") > 0 && marks.count("clone.heard") > 0, "{marks:?}");
    assert!(marks.count("accused.endorsements") > 0, "two votes of one identity are evidence");
}

#[test]
fn a_lost_journal_costs_the_others_nothing() {
    let marks = worlds_with(&FaultKind::LostJournal { node: LIAR }, 6);
    assert!(marks.count("reject.unfitting") > 0, "it refuses channels it does not know");
}

#[test]
fn a_second_claim_is_evidence_and_a_forged_lock_or_an_early_secret_moves_nothing() {
    for (script, marks) in [
        (Script::EquivocateClaim, ["lie.second_claim", "accused.claims"]),
        (Script::EarlyReveal, ["lie.early_reveal", "cycle.Committed"]),
        (Script::ForgeLockProof, ["lie.forged_lock", "frozen.a lock of ours we never asked for"]),
    ] {
        let reached = worlds_with(&FaultKind::Byzantine { node: LIAR, script }, 6);
        for mark in marks {
            assert!(reached.count(mark) > 0, "{script:?} never reaches {mark}: {reached:?}");
        }
    }
}

#[test]
fn hostile_quotes_cost_the_others_nothing_and_are_refused_by_name() {
    let mut marks = Marks::default();
    for (seed, mode) in (0..8).zip([PlanMode::Market, PlanMode::Hybrid].into_iter().cycle()) {
        let mut scenario = Scenario::from_seed_with(2_000 + seed, 5);
        (scenario.real_curves, scenario.modes) = (false, vec![mode; 5]);
        let kind = FaultKind::Byzantine { node: LIAR, script: Script::LieQuotes };
        scenario.faults = vec![Fault { at_ms: 10_000, lasts_ms: scenario.chaos_ms, kind }];
        let outcome = run(&scenario, Options::default());
        assert_eq!(outcome.violations, [], "seed {}", scenario.seed);
        marks.absorb(&outcome.marks);
    }
    for mark in ["lie.quote", "cycle.Committed", "prices.settled", "reject.epoch"] {
        assert!(marks.count(mark) > 0, "{mark} is never reached: {marks:?}");
    }
}

#[test]
fn every_lying_script_alone_costs_the_others_nothing() {
    for script in Script::all() {
        worlds_with(&FaultKind::Byzantine { node: LIAR, script }, 2);
    }
}

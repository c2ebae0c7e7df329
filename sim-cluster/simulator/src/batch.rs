//! A batch of seeds: sums, coverage, and the proof that a seed gives one trace.
//!
//! Nothing here may print; speed is given by the caller, who may look at a clock.

use crate::marks::Marks;
use crate::parallel;
use crate::run::{Options, Outcome, run};
use crate::scenario::Scenario;
use crate::watch::Violation;
use std::fmt::Write as _;
use std::ops::{ControlFlow, Range};

/// Every this many seeds one is run twice; seeds with real curves always are.
const TWICE_EVERY: u64 = 20;
/// Batches of at least this many seeds must reach every required mark.
const MARKED_SEEDS: u64 = 150;

/// Marks that a batch must reach.
pub const REQUIRED: [&str; 52] = [
    "cycle.Committed",
    "cycle.RolledBack",
    "payment.committed",
    "election.certified",
    "election.skipped",
    "crash.torn_tail",
    "crash.whole_tail",
    "trap.sprung",
    "link.lost",
    "link.corrupted",
    "link.tail_drop",
    "link.blocked",
    "fault.chaos.partition",
    "fault.chaos.cut_edge",
    "fault.chaos.isolate_leader",
    "fault.chaos.clog",
    "fault.chaos.crash",
    "fault.chaos.crash_at_effect",
    "fault.chaos.crash_all",
    "fault.chaos.pause",
    "fault.chaos.slow",
    "fault.chaos.flush_error",
    "fault.chaos.disk_full",
    "fault.chaos.restore",
    "fault.chaos.clone_host",
    "fault.chaos.lost_journal",
    "clone.heard",
    "clone.said",
    "lie.early_reveal",
    "lie.forged_lock",
    "lie.second_claim",
    "fault.chaos.clock_jump",
    "fault.chaos.clock_drift",
    "fault.chaos.byzantine",
    "record.proposed",
    "record.countersigned",
    "record.completed",
    "record.adopted",
    "record.add_refused",
    "record.receive_cancelled",
    "record.receive_settled",
    "record.cycle_lapsed",
    "record.cycle_go",
    "record.lock_asked",
    "record.aborted",
    "record.revealed",
    "record.committed",
    "reject.signature",
    "reject.stale",
    "reject.plan_proof",
    "proof.checked",
    "proof.unchecked",
];

/// One failed seed.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// What failed first.
    pub violation: Violation,
}

/// Sums over seeds.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Seeds run.
    pub seeds: u64,
    /// Seeds run twice with equal traces.
    pub repeated: u64,
    /// Seeds with real curves.
    pub real_curves: u64,
    /// Events.
    pub events: u64,
    /// Checks.
    pub checked: u64,
    /// Virtual time, milliseconds.
    pub virtual_ms: u64,
    /// Payments committed.
    pub payments: u64,
    /// Cycles committed.
    pub cycles: u64,
    /// Cycles rolled back.
    pub rolled_back: u64,
    /// Coverage.
    pub marks: Marks,
    /// Failed seeds.
    pub failures: Vec<Failure>,
}

/// The scenario of a seed, with the number of members fixed if asked for.
#[must_use]
pub fn scenario_of(seed: u64, nodes: Option<usize>) -> Scenario {
    match nodes {
        Some(nodes) => Scenario::from_seed_with(seed, nodes),
        None => Scenario::from_seed(seed),
    }
}

/// One seed, run and, for some seeds, run again.
#[derive(Clone, Debug)]
pub struct SeedReport {
    seed: u64,
    real_curves: bool,
    outcome: Outcome,
    /// Whether a second run gave the same trace; `None` if there was none.
    same_again: Option<bool>,
}

/// Runs one seed, some of them twice.
#[must_use]
pub fn run_seed(seed: u64, nodes: Option<usize>) -> SeedReport {
    let scenario = scenario_of(seed, nodes);
    let outcome = run(&scenario, Options::default());
    let again = seed.is_multiple_of(TWICE_EVERY).then(|| run(&scenario, Options::default()));
    let same_again = again.map(|again| again.trace == outcome.trace);
    SeedReport { seed, real_curves: scenario.real_curves, outcome, same_again }
}

impl Batch {
    /// Runs seeds on several threads; `progress` sees the sums after each seed, in seed order.
    #[must_use]
    pub fn run(
        seeds: Range<u64>,
        nodes: Option<usize>,
        threads: usize,
        mut progress: impl FnMut(&Self),
    ) -> Self {
        let mut batch = Self::default();
        let work = |seed| run_seed(seed, nodes);
        parallel::in_order(seeds, threads, work, |_, report| {
            batch.add(&report);
            progress(&batch);
            ControlFlow::Continue(())
        });
        batch
    }

    fn add(&mut self, report: &SeedReport) {
        let (seed, outcome) = (report.seed, &report.outcome);
        self.seeds += 1;
        self.real_curves += u64::from(report.real_curves);
        self.events += outcome.events;
        self.checked += outcome.checked;
        self.virtual_ms += outcome.virtual_ms;
        self.payments += outcome.payments;
        self.cycles += outcome.cycles;
        self.rolled_back += outcome.rolled_back;
        self.marks.absorb(&outcome.marks);
        if let Some(violation) = outcome.violations.first() {
            self.failures.push(Failure { seed, violation: violation.clone() });
        }
        self.repeated += u64::from(report.same_again.is_some());
        if report.same_again == Some(false) {
            let what = "two runs of one seed differ".to_owned();
            let violation = Violation { at_ms: 0, rule: "trace".to_owned(), what };
            self.failures.push(Failure { seed, violation });
        }
    }

    /// Required marks a batch of this size should have reached and has not.
    #[must_use]
    pub fn missing_marks(&self) -> Vec<&'static str> {
        if self.seeds < MARKED_SEEDS { Vec::new() } else { self.marks.missing(&REQUIRED) }
    }

    /// The summary, at most 80 columns wide.
    #[must_use]
    pub fn table(&self, wall_s: f64, missing: &[&str]) -> String {
        let mut text = String::new();
        let rows = [
            ("seeds", self.seeds.to_string()),
            ("failed", self.failures.len().to_string()),
            ("run twice, equal traces", self.repeated.to_string()),
            ("with real curves", self.real_curves.to_string()),
            ("events", self.events.to_string()),
            ("checks", self.checked.to_string()),
            ("payments committed", self.payments.to_string()),
            ("cycles committed / rolled back", format!("{} / {}", self.cycles, self.rolled_back)),
            ("virtual time", format!("{} s", self.virtual_ms / 1_000)),
            ("real time", format!("{wall_s:.1} s")),
            ("seeds per second", format!("{:.2}", self.seeds as f64 / wall_s.max(0.001))),
        ];
        for (name, value) in rows {
            let _ = writeln!(text, "{name:<34}{value:>24}");
        }
        for failure in self.failures.iter().take(20) {
            let violation = &failure.violation;
            let what: String = violation.what.chars().take(140).collect();
            let _ = writeln!(
                text,
                "seed {} at {} ms: {}",
                failure.seed, violation.at_ms, violation.rule
            );
            let _ = writeln!(text, "    {what}");
        }
        for mark in missing {
            let _ = writeln!(text, "never reached: {mark}");
        }
        text
    }

    /// The summary as JSON.
    #[must_use]
    pub fn json(&self, wall_s: f64, missing: &[&str]) -> String {
        let failures: Vec<_> = self
            .failures
            .iter()
            .map(
                |failure| serde_json::json!({"seed": failure.seed, "violation": failure.violation}),
            )
            .collect();
        serde_json::json!({
            "seeds": self.seeds,
            "failed": failures,
            "repeated": self.repeated,
            "real_curves": self.real_curves,
            "events": self.events,
            "checks": self.checked,
            "payments": self.payments,
            "cycles": self.cycles,
            "rolled_back": self.rolled_back,
            "virtual_ms": self.virtual_ms,
            "wall_s": wall_s,
            "seeds_per_s": self.seeds as f64 / wall_s.max(0.001),
            "missing_marks": missing,
            "marks": self.marks,
        })
        .to_string()
    }
}

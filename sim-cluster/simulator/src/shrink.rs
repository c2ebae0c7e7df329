//! Cutting a failing scenario down to what the failure needs.
//!
//! A step is kept only if the same rule fails. Runs are bounded by number, so that shrinking is as
//! repeatable as a run.

use crate::run::{Options, Outcome, run};
use crate::scenario::Scenario;

/// Most runs of one shrinking.
pub const RUNS_MAX: u32 = 300;

/// A scenario cut down.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// What is left.
    pub scenario: Scenario,
    /// How it fails.
    pub outcome: Outcome,
    /// Runs it took.
    pub runs: u32,
}

struct Shrinker {
    best: Shrunk,
    rule: String,
    options: Options,
}

/// Cuts `scenario` down, keeping its failure; `None` if it does not fail.
#[must_use]
pub fn shrink(scenario: &Scenario, options: Options) -> Option<Shrunk> {
    let options = Options { story: false, ..options };
    let outcome = run(scenario, options);
    let rule = outcome.failure()?.to_owned();
    let best = Shrunk { scenario: scenario.clone(), outcome, runs: 1 };
    let mut shrinker = Shrinker { best, rule, options };
    shrinker.cut_time();
    shrinker.lead_alone();
    shrinker.quiet_links();
    shrinker.drop_members();
    shrinker.thin(|scenario| &mut scenario.faults);
    shrinker.thin(|scenario| &mut scenario.payments);
    shrinker.thin(|scenario| &mut scenario.channels);
    shrinker.drop_members();
    Some(shrinker.best)
}

impl Shrinker {
    /// Keeps a candidate if it fails the same way.
    fn keeps(&mut self, candidate: Scenario) -> bool {
        if self.best.runs >= RUNS_MAX || candidate == self.best.scenario {
            return false;
        }
        self.best.runs += 1;
        let outcome = run(&candidate, self.options);
        let same = outcome.failure() == Some(self.rule.as_str());
        if same {
            (self.best.scenario, self.best.outcome) = (candidate, outcome);
        }
        same
    }

    /// Nothing that happens after the failure matters.
    fn cut_time(&mut self) {
        let at_ms = self.best.outcome.violations.first().map_or(u64::MAX, |v| v.at_ms);
        let mut candidate = self.best.scenario.clone();
        candidate.faults.retain(|fault| fault.at_ms <= at_ms);
        candidate.payments.retain(|payment| payment.at_ms <= at_ms);
        candidate.chaos_ms = candidate.chaos_ms.min(at_ms);
        self.keeps(candidate);
    }

    /// Price rounds the failure does not need.
    fn lead_alone(&mut self) {
        let mut candidate = self.best.scenario.clone();
        candidate.modes.clear();
        self.keeps(candidate);
    }

    fn quiet_links(&mut self) {
        let mut candidate = self.best.scenario.clone();
        candidate.link.loss_per_mille = 0;
        self.keeps(candidate);
        let mut candidate = self.best.scenario.clone();
        candidate.link.duplicate_per_mille = 0;
        self.keeps(candidate);
        let mut candidate = self.best.scenario.clone();
        candidate.link.corrupt_per_mille = 0;
        self.keeps(candidate);
    }

    /// Members the failure does not need, the highest number first.
    fn drop_members(&mut self) {
        for node in (0..self.best.scenario.nodes).rev() {
            if let Some(candidate) = self.best.scenario.without(node) {
                self.keeps(candidate);
            }
        }
    }

    /// Delta debugging: drops runs of a list, halving their length until single entries are tried.
    fn thin<T: Clone>(&mut self, list: fn(&mut Scenario) -> &mut Vec<T>) {
        let mut length = list(&mut self.best.scenario).len();
        while length > 0 {
            let mut at = 0;
            while at < list(&mut self.best.scenario).len() {
                let mut candidate = self.best.scenario.clone();
                let entries = list(&mut candidate);
                entries.drain(at..(at + length).min(entries.len()));
                if !self.keeps(candidate) {
                    at += length;
                }
            }
            length /= 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutants::{Driver, Mutant};

    #[test]
    fn a_failure_that_needs_two_members_is_shrunk_to_two() {
        let mutant = Some(Mutant::Driver(Driver::SendBeforeFlush));
        let whole = Scenario::from_seed_with(0, 6);
        let shrunk = shrink(&whole, Options { mutant, story: false });
        let small = shrunk.as_ref().map(|shrunk| &shrunk.scenario);
        let sizes = small.map(|s| (s.nodes, s.faults.len(), s.payments.len()));
        assert_eq!(sizes, Some((2, 0, 0)));
        assert_eq!(shrunk.map(|shrunk| shrunk.outcome.failure() == Some("I11")), Some(true));
    }
}

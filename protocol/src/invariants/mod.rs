//! The invariants, one checker each, used by unit tests, simulator and cluster audits alike.
//!
//! A checker only reads. It must never repair what it finds.

mod local;
mod network;

pub use local::check_local;
pub use network::check_network;

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Checks made.
    pub checked: u64,
    /// What failed, in words, each beginning with the invariant's name.
    pub violations: Vec<String>,
}

impl Report {
    /// Counts one check; `violation` is called only if it failed.
    pub fn check(&mut self, holds: bool, violation: impl FnOnce() -> String) {
        self.checked = self.checked.saturating_add(1);
        if !holds {
            self.violations.push(violation());
        }
    }

    /// Adds another report's findings.
    pub fn absorb(&mut self, other: Self) {
        self.checked = self.checked.saturating_add(other.checked);
        self.violations.extend(other.violations);
    }
}

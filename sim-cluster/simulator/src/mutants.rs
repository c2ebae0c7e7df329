//! Planted bugs: mistakes of the driver around the core, and of the core itself.
//!
//! The driver's are made by this crate's own driver. The core's need the feature `mutants`, which
//! compiles decision points into `debal-protocol`; no binary an operator runs enables it. A mutant
//! must never be active unless a run asks for it by name.

use crate::parallel;
use crate::run::{Options, run};
use crate::scenario::Scenario;
use debal_protocol::mutant::Mutant as Core;
use std::ops::ControlFlow;

/// A mistake an agent's driver, disk or operator could make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Driver {
    /// Effects leave before the records they wait for are flushed.
    SendBeforeFlush,
    /// A failed flush is taken for a good one.
    IgnoreFlushError,
    /// The newest record of the journal is left out at a restart.
    ForgetRecord,
    /// The newest record of the journal is applied twice at a restart.
    FoldTwice,
    /// Two records change places on the disk.
    ReorderRecords,
    /// Timers of transfers are forgotten.
    LoseTimers,
    /// Nobody tells the core that a peer is back.
    LosePeerUp,
    /// Signatures are not checked.
    VerifyNothing,
    /// Gossip leaves in the order of a hash map.
    MapIteration,
}

/// A planted bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mutant {
    /// Of the driver.
    Driver(Driver),
    /// Of the core.
    Core(Core),
}

/// All planted bugs: name, rule or invariant it breaks, bug.
pub const ALL: [(&str, &str, Mutant); 29] = [
    ("send-before-flush", "R6", Mutant::Driver(Driver::SendBeforeFlush)),
    ("ignore-flush-error", "R6", Mutant::Driver(Driver::IgnoreFlushError)),
    ("forget-record", "R6", Mutant::Driver(Driver::ForgetRecord)),
    ("fold-twice", "R7", Mutant::Driver(Driver::FoldTwice)),
    ("reorder-records", "R6", Mutant::Driver(Driver::ReorderRecords)),
    ("lose-timers", "R5", Mutant::Driver(Driver::LoseTimers)),
    ("lose-peer-up", "R5", Mutant::Driver(Driver::LosePeerUp)),
    ("verify-nothing", "R8", Mutant::Driver(Driver::VerifyNothing)),
    ("map-iteration", "d2", Mutant::Driver(Driver::MapIteration)),
    ("out-before-in", "R1", Mutant::Core(Core::OutBeforeIn)),
    ("gap-zero", "R2", Mutant::Core(Core::GapZero)),
    ("ladder-reversed", "R2", Mutant::Core(Core::LadderReversed)),
    ("release-in-the-middle", "R4", Mutant::Core(Core::ReleaseInTheMiddle)),
    ("cancel-before-out-ended", "R4", Mutant::Core(Core::CancelBeforeOutEnded)),
    ("reveal-early", "R3", Mutant::Core(Core::RevealEarly)),
    ("abort-after-reveal", "R5", Mutant::Core(Core::AbortAfterReveal)),
    ("commit-twice", "R7", Mutant::Core(Core::CommitTwice)),
    ("double-endorse", "R8", Mutant::Core(Core::DoubleEndorse)),
    ("stale-summary", "I8", Mutant::Core(Core::StaleSummary)),
    ("no-dedupe", "R7", Mutant::Core(Core::NoDedupe)),
    ("fee-forgotten", "I2", Mutant::Core(Core::FeeForgotten)),
    ("any-amount", "R4", Mutant::Core(Core::AnyAmount)),
    ("settle-pays-back", "I2", Mutant::Core(Core::SettlePaysBack)),
    ("reserve-ignored", "I3", Mutant::Core(Core::ReserveIgnored)),
    ("reservations-ignored", "R9", Mutant::Core(Core::ReservationsIgnored)),
    ("exposure-ignored", "R9", Mutant::Core(Core::ExposureIgnored)),
    ("secret-to-payee", "R3", Mutant::Core(Core::SecretToPayee)),
    ("claim-before-flush", "R6", Mutant::Core(Core::ClaimBeforeFlush)),
    ("forget-proposals", "R6", Mutant::Core(Core::ForgetProposals)),
];

/// The bug of that name.
#[must_use]
pub fn named(name: &str) -> Option<Mutant> {
    ALL.iter().find(|(known, _, _)| *known == name).map(|(_, _, mutant)| *mutant)
}

impl Mutant {
    /// Whether this build can plant it.
    #[must_use]
    pub const fn available(self) -> bool {
        matches!(self, Self::Driver(_)) || debal_protocol::mutant::COMPILED
    }
}

/// Plants the core's part of a bug in this thread until dropped; gives back the driver's part.
pub(crate) struct Planted(pub Option<Driver>);

impl Planted {
    pub(crate) fn plant(mutant: Option<Mutant>) -> Self {
        match mutant {
            Some(Mutant::Driver(driver)) => Self(Some(driver)),
            Some(Mutant::Core(core)) => {
                switch(Some(core));
                Self(None)
            }
            None => Self(None),
        }
    }
}

impl Drop for Planted {
    fn drop(&mut self) {
        switch(None);
    }
}

#[cfg(feature = "mutants")]
fn switch(core: Option<Core>) {
    debal_protocol::mutant::plant(core);
}

#[cfg(not(feature = "mutants"))]
const fn switch(_: Option<Core>) {}

/// What a hunt found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The seed that shows it. The core without the bug holds everything on that seed.
    pub seed: u64,
    /// The rule that failed.
    pub rule: String,
    /// Seeds that failed before, but fail without the bug as well: no proof of anything.
    pub unrelated: Vec<u64>,
}

/// Hunts one bug: runs seeds from 0 until one fails with the bug and holds without it, at most
/// `seeds_max`.
#[must_use]
pub fn hunt(mutant: Mutant, seeds_max: u64, threads: usize) -> Option<Found> {
    let (mut found, mut unrelated) = (None, Vec::new());
    let look = |seed| (shows(mutant, seed), seed);
    parallel::in_order(0..seeds_max, threads, look, |_, (shown, seed)| match shown {
        Shown::Nothing => ControlFlow::Continue(()),
        Shown::Unrelated => {
            unrelated.push(seed);
            ControlFlow::Continue(())
        }
        Shown::Broken(rule) => {
            found = Some((seed, rule));
            ControlFlow::Break(())
        }
    });
    found.map(|(seed, rule)| Found { seed, rule, unrelated })
}

enum Shown {
    Nothing,
    Unrelated,
    Broken(String),
}

/// Whether a seed shows a bug.
fn shows(mutant: Mutant, seed: u64) -> Shown {
    let scenario = Scenario::from_seed(seed);
    let options = Options { mutant: Some(mutant), story: false };
    let outcome = run(&scenario, options);
    let rule = outcome.failure().map(str::to_owned).or_else(|| {
        // What breaks only determinism shows when a seed is run again.
        let maps = mutant == Mutant::Driver(Driver::MapIteration);
        let again = maps.then(|| run(&scenario, options))?;
        (again.trace != outcome.trace).then(|| "trace".to_owned())
    });
    let Some(rule) = rule else { return Shown::Nothing };
    let holds = run(&scenario, Options::default()).violations.is_empty();
    if holds { Shown::Broken(rule) } else { Shown::Unrelated }
}

//! Planted bugs: mistakes of the driver around the core, and of the core itself.
//!
//! The driver's are made by this crate's own driver. The core's need the feature `mutants`, which
//! compiles decision points into `debal-protocol`; no binary an operator runs enables it. A mutant
//! must never be active unless a run asks for it by name.

use debal_protocol::mutant::Mutant as Core;

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
    /// Seeds run until it was found.
    pub seeds: u64,
    /// The rule that failed.
    pub rule: String,
}

/// Hunts one bug: runs seeds until one of them fails, at most `seeds_max`.
#[must_use]
pub fn hunt(mutant: Mutant, seeds_max: u64) -> Option<Found> {
    (0..seeds_max).find_map(|seed| {
        let scenario = crate::Scenario::from_seed(seed);
        let options = crate::Options { mutant: Some(mutant), story: false };
        let outcome = crate::run(&scenario, options);
        let rule = outcome.failure().map(str::to_owned).or_else(|| {
            // What breaks only determinism shows when a seed is run again.
            let maps = mutant == Mutant::Driver(Driver::MapIteration);
            let again = maps.then(|| crate::run(&scenario, options))?;
            (again.trace != outcome.trace).then(|| "trace".to_owned())
        })?;
        Some(Found { seeds: seed + 1, rule })
    })
}

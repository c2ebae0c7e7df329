//! Planted bugs of the driver around the core.
//!
//! Each is a mistake an agent's driver, disk or operator could make. A mutant must never be active
//! unless a run asks for it by name.

/// A planted bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mutant {
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
    /// Timers are forgotten.
    LoseTimers,
    /// Nobody tells the core that a peer is back.
    LosePeerUp,
    /// Signatures are not checked.
    VerifyNothing,
    /// Gossip leaves in the order of a hash map.
    MapIteration,
}

impl Mutant {
    /// All mutants of the driver, with what finds them.
    pub const ALL: [(Self, &'static str, &'static str); 9] = [
        (Self::SendBeforeFlush, "send-before-flush", "R6"),
        (Self::IgnoreFlushError, "ignore-flush-error", "R6"),
        (Self::ForgetRecord, "forget-record", "R6"),
        (Self::FoldTwice, "fold-twice", "R7"),
        (Self::ReorderRecords, "reorder-records", "R6"),
        (Self::LoseTimers, "lose-timers", "R5"),
        (Self::LosePeerUp, "lose-peer-up", "R5"),
        (Self::VerifyNothing, "verify-nothing", "R8"),
        (Self::MapIteration, "map-iteration", "d2"),
    ];
}

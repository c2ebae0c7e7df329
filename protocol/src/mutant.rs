//! Planted bugs of the core, for the simulator to find.
//!
//! Compiled in only with the feature `mutants`, which no binary an operator runs may enable:
//! without it [`active`] is a constant `false` and every decision point below it is what it reads
//! as.

/// Whether planted bugs are compiled in. The daemon's tests assert that they are not.
pub const COMPILED: bool = cfg!(feature = "mutants");

/// A planted bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mutant {
    /// R1: the outgoing lock is asked for before the incoming one is complete.
    OutBeforeIn,
    /// R2: neighbouring deadlines are equal.
    GapZero,
    /// R2: deadlines rise along the path.
    LadderReversed,
    /// R4: every payer ends its lock by its clock, not only the last.
    ReleaseInTheMiddle,
    /// R4: past the deadline of an open outgoing lock the incoming one is given back.
    CancelBeforeOutEnded,
    /// R3: the opener reveals as soon as it has the Go.
    RevealEarly,
    /// R5: whoever has revealed gives up once its incoming lock's deadline is past.
    AbortAfterReveal,
    /// R7: a repeated claim is committed again.
    CommitTwice,
    /// R8: a member votes again in a round it has voted in.
    DoubleEndorse,
    /// A summary with an old sequence number replaces a newer one.
    StaleSummary,
    /// R7: locks that ended may come back.
    NoDedupe,
    /// Payments are forwarded for any fee.
    FeeForgotten,
    /// The recipient gives its secret for any amount.
    AnyAmount,
    /// A settled lock pays its payer.
    SettlePaysBack,
    /// I3: the payer's reserve may be locked.
    ReserveIgnored,
    /// R9: what is promised to one cycle is offered to the next.
    ReservationsIgnored,
    /// R9: the exposure cap is not looked at.
    ExposureIgnored,
    /// R3: the secret is shown to the payee instead of the payer.
    SecretToPayee,
    /// R6: claims do not wait for the disk.
    ClaimBeforeFlush,
    /// R6: proposals are left out at replay.
    ForgetProposals,
}

#[cfg(feature = "mutants")]
mod switch {
    use super::Mutant;
    use std::cell::Cell;

    thread_local! {
        static ACTIVE: Cell<Option<Mutant>> = const { Cell::new(None) };
    }

    /// Plants a bug in this thread's nodes, or none.
    pub fn plant(mutant: Option<Mutant>) {
        ACTIVE.set(mutant);
    }

    /// Whether this bug is planted in this thread.
    #[must_use]
    pub fn active(mutant: Mutant) -> bool {
        ACTIVE.get() == Some(mutant)
    }
}

#[cfg(feature = "mutants")]
pub use switch::{active, plant};

/// Whether this bug is planted: never, in this build.
#[cfg(not(feature = "mutants"))]
#[must_use]
#[inline(always)]
pub const fn active(_: Mutant) -> bool {
    false
}

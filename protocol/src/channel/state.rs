//! Channel state, locks and changes as data.
//!
//! Nothing here decides; [`super::transition`] is the only place that makes one state from another.

use crate::amount::Msat;
use crate::bounded::Bounded;
use crate::ids::{ChannelId, TransferId};
use crate::limits::CHANNEL_LOCKS_MAX;
use crate::plan::Route;
use debal_crypto::{Digest, LockHash, NodeId, Secret, Signature};
use serde::{Deserialize, Serialize};

/// One end of a channel. The low end has the smaller identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Side {
    /// Smaller identity; proposes states.
    Low,
    /// Larger identity; asks and counter-signs.
    High,
}

impl Side {
    /// The other end.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Low => Self::High,
            Self::High => Self::Low,
        }
    }
}

/// How a lock's outcome is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Mode {
    /// Mode B: in before out, the last payer decides, claims run back hop by hop.
    Cascade,
    /// Mode C: a witness quorum decides. The digest names the witness set.
    Certified(Digest),
}

/// What both ends agreed on when the channel began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelTerms {
    /// The network.
    pub network: Digest,
    /// The channel.
    pub channel: ChannelId,
    /// The end with the smaller identity.
    pub low: NodeId,
    /// The end with the larger identity.
    pub high: NodeId,
    /// Total of balances and locks, for ever.
    pub capacity_msat: Msat,
    /// What each end always keeps, so that it has something to lose.
    pub reserve_msat: Msat,
}

/// Names a lock inside its channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LockKey {
    /// The transfer.
    pub transfer: TransferId,
    /// The hop of it, counted from the first payer.
    pub hop: u8,
}

/// An amount one end has set aside for the other, until its secret or its release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// Transfer and hop.
    pub key: LockKey,
    /// Hops of the whole transfer; the payer of the last one is its decider.
    pub hops: u8,
    /// Which end pays.
    pub payer: Side,
    /// SHA-256 of the secret that settles it.
    pub hash: LockHash,
    /// How much.
    pub amount_msat: Msat,
    /// Unix milliseconds; falls by at least the gap from hop to hop.
    pub deadline_ms: u64,
    /// Who decides.
    pub mode: Mode,
}

/// One channel state. Signed by both ends it is the channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Digest of the channel's terms.
    pub terms: Digest,
    /// Rises by one with every state.
    pub seq: u64,
    /// What the low end owns, free of locks.
    pub low_msat: Msat,
    /// What the high end owns, free of locks.
    pub high_msat: Msat,
    /// Open locks, in the order they were added.
    pub locks: Bounded<Lock, CHANNEL_LOCKS_MAX>,
    /// Digest of the state before.
    pub previous: Digest,
}

/// A state with both signatures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedState {
    /// The state.
    pub state: State,
    /// Signature of the low end.
    pub low: Signature,
    /// Signature of the high end.
    pub high: Signature,
}

/// One step from a state towards the next. Several make one new state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// The payer sets an amount aside. Payments carry their route; cycles are known from the plan.
    Add {
        /// The lock.
        lock: Lock,
        /// The route, for payments.
        route: Option<Route>,
    },
    /// The payer pays a lock: it has decided, or learned the secret.
    Settle {
        /// Which lock.
        key: LockKey,
        /// The secret that opens it.
        secret: Secret,
    },
    /// The lock ends and the amount returns to its payer.
    Release {
        /// Which lock.
        key: LockKey,
    },
}

impl Change {
    /// The lock this change is about.
    #[must_use]
    pub const fn key(&self) -> LockKey {
        match self {
            Self::Add { lock, .. } => lock.key,
            Self::Settle { key, .. } | Self::Release { key } => *key,
        }
    }
}

//! Named refusals of peers' messages.
//!
//! A reject is a value, never a panic and never silent: it is counted, logged with its name, and
//! tells the network layer whether the forwarder is to blame.

use crate::bounded::TooLong;
use debal_crypto::{SignatureError, VrfError};

/// How bad a rejected message is for whoever passed it on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// Honest nodes may send this (old, early, duplicate): do not forward, do not punish.
    None,
    /// No honest node sends or forwards this.
    Forwarder,
}

/// Why a message was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reject {
    /// Larger than its kind allows.
    #[error("{found} bytes, at most {max} allowed")]
    TooLarge {
        /// Bytes found.
        found: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// The bytes are no message.
    #[error("undecodable: {0}")]
    Undecodable(String),
    /// The bytes decode but are not the one canonical encoding.
    #[error("not the canonical encoding")]
    NotCanonical,
    /// Another protocol version.
    #[error("protocol version {0}, this node speaks 1")]
    Version(u8),
    /// Another network.
    #[error("message of another network")]
    Network,
    /// The signature fails.
    #[error("envelope signature: {0}")]
    Signature(#[from] SignatureError),
    /// The message arrived on a way its kind does not travel.
    #[error("a {0} does not travel this way")]
    WrongWay(&'static str),
    /// The sender is not a member.
    #[error("sender is not in the roster")]
    NotMember,
    /// Epoch outside the window.
    #[error("epoch {found}, now {now}")]
    Epoch {
        /// Epoch of the message.
        found: u64,
        /// Epoch here.
        now: u64,
    },
    /// Seen before.
    #[error("duplicate")]
    Duplicate,
    /// A newer one is known.
    #[error("stale: sequence {found}, newest {newest}")]
    Stale {
        /// Sequence found.
        found: u64,
        /// Newest known.
        newest: u64,
    },
    /// A VRF claim fails.
    #[error("VRF: {0}")]
    Vrf(#[from] VrfError),
    /// A list is too long.
    #[error(transparent)]
    TooLong(#[from] TooLong),
    /// The content contradicts itself or the protocol's rules.
    #[error("malformed {kind}: {what}")]
    Malformed {
        /// Kind of message.
        kind: &'static str,
        /// What is wrong.
        what: &'static str,
    },
    /// The message does not fit what this node knows; an honest sender may be ahead or behind.
    #[error("{kind} does not fit here: {what}")]
    Unfitting {
        /// Kind of message.
        kind: &'static str,
        /// What does not fit.
        what: &'static str,
    },
    /// The proof of a plan is false by the summaries it was made from. Who holds others cannot
    /// tell and forwards it.
    #[error("the proof of the plan is false: {0}")]
    PlanProof(&'static str),
    /// A cap is reached.
    #[error("too many {0}")]
    Full(&'static str),
}

impl Reject {
    /// A malformed message of `kind`.
    #[must_use]
    pub const fn malformed(kind: &'static str, what: &'static str) -> Self {
        Self::Malformed { kind, what }
    }

    /// A message of `kind` that does not fit here.
    #[must_use]
    pub const fn unfitting(kind: &'static str, what: &'static str) -> Self {
        Self::Unfitting { kind, what }
    }

    /// Who is to blame.
    #[must_use]
    pub const fn blame(&self) -> Blame {
        match self {
            Self::TooLarge { .. }
            | Self::Undecodable(_)
            | Self::NotCanonical
            | Self::Network
            | Self::Signature(_)
            | Self::WrongWay(_)
            | Self::Vrf(_)
            | Self::TooLong(_)
            | Self::Malformed { .. } => Blame::Forwarder,
            Self::Version(_)
            | Self::NotMember
            | Self::Epoch { .. }
            | Self::Duplicate
            | Self::Stale { .. }
            | Self::Unfitting { .. }
            | Self::PlanProof(_)
            | Self::Full(_) => Blame::None,
        }
    }

    /// Short stable name for metrics.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "too_large",
            Self::Undecodable(_) => "undecodable",
            Self::NotCanonical => "not_canonical",
            Self::Version(_) => "version",
            Self::Network => "network",
            Self::Signature(_) => "signature",
            Self::WrongWay(_) => "wrong_way",
            Self::NotMember => "not_member",
            Self::Epoch { .. } => "epoch",
            Self::Duplicate => "duplicate",
            Self::Stale { .. } => "stale",
            Self::Vrf(_) => "vrf",
            Self::TooLong(_) => "too_long",
            Self::Malformed { .. } => "malformed",
            Self::Unfitting { .. } => "unfitting",
            Self::PlanProof(_) => "plan_proof",
            Self::Full(_) => "full",
        }
    }
}

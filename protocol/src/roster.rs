//! The members of a network: who may claim, who may endorse, with what weight, from when.
//!
//! A roster must never change except by a certified epoch record; joining acts eight epochs after
//! the record that carries it, leaving acts one epoch after. Its digest enters every election.

use crate::bounded::Bounded;
use crate::ids::Epoch;
use crate::limits::{PENDING_CHANGES_MAX, ROSTER_MAX};
use debal_crypto::{Binding, NodeId, Signature, VrfKey};
use serde::{Deserialize, Serialize};

/// Epochs between the record that carries a join and the first epoch the member acts in.
pub const JOIN_DELAY_EPOCHS: u64 = 8;
/// Epochs between the record that carries a departure and the first epoch without the member.
pub const LEAVE_DELAY_EPOCHS: u64 = 1;

/// One member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Member {
    /// Identity.
    pub node: NodeId,
    /// VRF key bound by the identity.
    pub vrf: VrfKey,
    /// Election weight: proven public capacity in satoshi, capped; at least 1.
    pub weight: u64,
}

/// A request to join or leave, valid by itself for whoever holds the roster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum RosterChange {
    /// A new member, vouched for by one that is in the roster and shares a co-signed channel with it.
    Join {
        /// The newcomer's key binding.
        binding: Binding,
        /// The weight both attest: capacity of their channel, in satoshi.
        weight: u64,
        /// The member that vouches.
        sponsor: NodeId,
        /// The sponsor's signature over binding and weight.
        signature: Signature,
    },
    /// A member says goodbye.
    Leave {
        /// Who leaves.
        node: NodeId,
        /// First epoch in which the statement may be used; makes old goodbyes harmless.
        from: Epoch,
        /// The member's own signature.
        signature: Signature,
    },
}

/// A change waiting for its activation epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingChange {
    /// First epoch in which the change acts.
    pub active_from: Epoch,
    /// The change.
    pub change: RosterChange,
}

/// Members sorted by identity, and changes waiting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roster {
    /// Members, strictly ascending by identity.
    pub members: Bounded<Member, ROSTER_MAX>,
    /// Certified changes that do not act yet, oldest first.
    pub pending: Bounded<PendingChange, PENDING_CHANGES_MAX>,
}

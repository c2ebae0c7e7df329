//! The members of a network: who may claim, who may endorse, with what weight, from when.
//!
//! A roster must never change except by a certified epoch record; joining acts eight epochs after
//! the record that carries it, leaving acts one epoch after. Its digest enters every election.

mod change;

pub use change::{MEMBER_WEIGHT_MAX, RosterError, STATEMENT_EPOCHS};

use crate::bounded::Bounded;
use crate::ids::Epoch;
use crate::limits::{PENDING_CHANGES_MAX, ROSTER_MAX};
use debal_crypto::digest::Hasher;
use debal_crypto::{Binding, Digest, Domain, NodeId, Signature, VrfKey};
use serde::{Deserialize, Serialize};

/// Epochs between the record that carries a join and the first epoch the member acts in.
pub const JOIN_DELAY_EPOCHS: u64 = 8;
/// Epochs between the record that carries a departure and the first epoch without the member.
pub const LEAVE_DELAY_EPOCHS: u64 = 1;
/// Rosters up to this size decide by simple majority and survive crash faults only.
pub const MAJORITY_MEMBERS_MAX: usize = 3;

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
    /// A new member, vouched for by one that is in the roster and shares a co-signed channel with
    /// it.
    Join {
        /// The newcomer's key binding.
        binding: Binding,
        /// The weight both attest: capacity of their channel, in satoshi. Clipped to the sponsor's.
        weight: u64,
        /// First epoch whose record may carry the statement; it expires [`STATEMENT_EPOCHS`] later,
        /// so that it cannot bring back a member that left.
        from: Epoch,
        /// The member that vouches.
        sponsor: NodeId,
        /// The sponsor's signature over network, binding, weight and `from`.
        signature: Signature,
    },
    /// A member says goodbye.
    Leave {
        /// Who leaves.
        node: NodeId,
        /// First epoch whose record may carry the statement; it expires [`STATEMENT_EPOCHS`] later,
        /// which makes old goodbyes harmless.
        from: Epoch,
        /// The member's own signature over network and `from`.
        signature: Signature,
    },
}

/// A change waiting for its activation epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PendingChange {
    /// This member acts from that epoch.
    Enters(Epoch, Member),
    /// This member does not act any more from that epoch.
    Leaves(Epoch, NodeId),
}

/// Members sorted by identity, and changes waiting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roster {
    /// Members, strictly ascending by identity.
    pub members: Bounded<Member, ROSTER_MAX>,
    /// Certified changes that do not act yet, oldest first.
    pub pending: Bounded<PendingChange, PENDING_CHANGES_MAX>,
}

/// The members that act in one epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Active(Vec<Member>);

impl PendingChange {
    /// First epoch in which the change acts.
    #[must_use]
    pub const fn active_from(&self) -> Epoch {
        match self {
            Self::Enters(from, _) | Self::Leaves(from, _) => *from,
        }
    }

    /// Whom it is about.
    #[must_use]
    pub const fn node(&self) -> NodeId {
        match self {
            Self::Enters(_, member) => member.node,
            Self::Leaves(_, node) => *node,
        }
    }
}

impl Roster {
    /// The founding roster.
    ///
    /// # Errors
    /// [`RosterError`] if it is empty, too large, or a node, VRF key or weight is not admissible.
    pub fn founding(members: impl IntoIterator<Item = Member>) -> Result<Self, RosterError> {
        let mut members: Vec<Member> = members.into_iter().collect();
        members.sort_unstable();
        let mut keys: Vec<VrfKey> = members.iter().map(|member| member.vrf).collect();
        keys.sort_unstable();
        keys.dedup();
        let ascending = members.iter().zip(members.iter().skip(1)).all(|(a, b)| a.node < b.node);
        if !ascending || keys.len() != members.len() {
            return Err(RosterError::Known);
        }
        if members.iter().any(|member| !(1..=MEMBER_WEIGHT_MAX).contains(&member.weight)) {
            return Err(RosterError::Weight);
        }
        if members.is_empty() {
            return Err(RosterError::LastMember);
        }
        let members = Bounded::try_from(members).map_err(|_| RosterError::Full)?;
        Ok(Self { members, pending: Bounded::new() })
    }

    /// The members that act in `epoch`.
    #[must_use]
    pub fn at(&self, epoch: Epoch) -> Active {
        let mut members: Vec<Member> = self.members.to_vec();
        for change in &self.pending {
            if change.active_from() > epoch {
                continue;
            }
            match change {
                PendingChange::Enters(_, member) => members.push(*member),
                PendingChange::Leaves(_, node) => members.retain(|member| member.node != *node),
            }
        }
        members.sort_unstable();
        Active(members)
    }

    /// Digest of the members that act in `epoch`.
    #[must_use]
    pub fn roster_digest(&self, epoch: Epoch) -> Digest {
        self.at(epoch).digest()
    }

    /// Whether any change begins to act in `epoch`.
    #[must_use]
    pub fn changes_at(&self, epoch: Epoch) -> bool {
        self.pending.iter().any(|change| change.active_from() == epoch)
    }

    /// Makes the changes due in `epoch` permanent.
    #[must_use]
    pub fn settled(&self, epoch: Epoch) -> Self {
        let mut pending = self.pending.clone();
        pending.retain(|change| change.active_from() > epoch);
        Self { members: Bounded::first_of(self.at(epoch).0), pending }
    }

    /// A member or a newcomer, whether it acts now or not.
    #[must_use]
    pub fn knows(&self, node: &NodeId) -> bool {
        let waiting = self.pending.iter().any(|change| change.node() == *node);
        waiting || self.members.iter().any(|member| member.node == *node)
    }

    /// Adds everything the roster holds, waiting changes included, to a digest.
    pub fn hash_into(&self, hasher: &mut Hasher) {
        let Self { members, pending } = self;
        hash_members(hasher, members);
        hasher.number(count(pending.len()));
        for change in pending {
            match change {
                PendingChange::Enters(from, member) => {
                    hasher.part(b"enters").number(from.0);
                    hash_members(hasher, std::slice::from_ref(member));
                }
                PendingChange::Leaves(from, node) => {
                    hasher.part(b"leaves").number(from.0).part(&node.0);
                }
            }
        }
    }
}

impl Active {
    /// The members, ascending by identity.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.0
    }

    /// One member.
    #[must_use]
    pub fn get(&self, node: &NodeId) -> Option<&Member> {
        let at = self.0.binary_search_by_key(node, |member| member.node).ok()?;
        self.0.get(at)
    }

    /// The weight of `node`; 0 if it does not act.
    #[must_use]
    pub fn weight_of(&self, node: &NodeId) -> u64 {
        self.get(node).map_or(0, |member| member.weight)
    }

    /// Weight of all members together.
    #[must_use]
    pub fn total_weight(&self) -> u64 {
        self.0.iter().fold(0, |sum, member| sum.saturating_add(member.weight))
    }

    /// Whether the network is so small that it survives crashes but no lies.
    #[must_use]
    pub fn crash_faults_only(&self) -> bool {
        self.0.len() <= MAJORITY_MEMBERS_MAX
    }

    /// Whether `weight` decides: more than two thirds of the total, or more than half in a roster
    /// of up to [`MAJORITY_MEMBERS_MAX`].
    #[must_use]
    pub fn decides(&self, weight: u64) -> bool {
        let (share, whole) = if self.crash_faults_only() { (2u128, 1u128) } else { (3, 2) };
        let total = u128::from(self.total_weight());
        u128::from(weight).saturating_mul(share) > total.saturating_mul(whole)
    }

    /// Digest of the members.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut hasher = Hasher::new(Domain::RosterDigest);
        hash_members(&mut hasher, &self.0);
        hasher.finish()
    }
}

fn hash_members(hasher: &mut Hasher, members: &[Member]) {
    hasher.number(count(members.len()));
    for Member { node, vrf, weight } in members {
        hasher.part(&node.0).part(&vrf.0).number(*weight);
    }
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;

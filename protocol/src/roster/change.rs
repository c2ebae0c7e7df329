//! Joining and leaving: how the two statements are made, checked and carried into a roster.
//!
//! A change must never be admitted on its sender's word: the newcomer binds its VRF key, a member
//! vouches for it, and only the member itself can say goodbye.

use super::{JOIN_DELAY_EPOCHS, LEAVE_DELAY_EPOCHS, Member, PendingChange, Roster, RosterChange};
use crate::election::Checks;
use crate::ids::Epoch;
use crate::limits::ROSTER_MAX;
use debal_crypto::{Binding, Digest, Domain, NodeId, Signature, SignatureError, Suite};

/// Largest weight of a member, satoshi: 2^40, about 11,000 bitcoin. Keeps every product of weights
/// and fixed-point scores inside 128 bits.
pub const MEMBER_WEIGHT_MAX: u64 = 1 << 40;
/// Epochs a statement to join or leave may be used in. Not longer than the delay of a join: whoever
/// leaves and comes back finds every old statement expired.
pub const STATEMENT_EPOCHS: u64 = JOIN_DELAY_EPOCHS;

/// Why a roster or a change to it is not admissible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RosterError {
    /// The record's epoch is before or after the statement's.
    #[error("the statement is not valid in this epoch")]
    Epoch,
    /// The node or its VRF key is in the roster already, or a change of it waits.
    #[error("the node or its VRF key is known already")]
    Known,
    /// The sponsor, or whoever leaves, is no acting member.
    #[error("not an acting member")]
    NotMember,
    /// Weight 0, or above the cap.
    #[error("weight must be between 1 and {MEMBER_WEIGHT_MAX}")]
    Weight,
    /// No room for another member or waiting change.
    #[error("the roster is full")]
    Full,
    /// A roster must keep a member.
    #[error("the last member cannot leave")]
    LastMember,
    /// A signature fails.
    #[error(transparent)]
    Signature(#[from] SignatureError),
}

impl RosterChange {
    /// Vouches for the owner of `binding`.
    #[must_use]
    pub fn join(
        suite: &dyn Suite,
        network: &Digest,
        binding: Binding,
        weight: u64,
        from: Epoch,
    ) -> Self {
        let bytes = join_bytes(network, &binding, weight, from);
        let signature = suite.sign(Domain::RosterJoin, &bytes);
        Self::Join { binding, weight, from, sponsor: suite.node(), signature }
    }

    /// Says goodbye.
    #[must_use]
    pub fn leave(suite: &dyn Suite, network: &Digest, from: Epoch) -> Self {
        let signature = suite.sign(Domain::RosterLeave, &leave_bytes(network, from));
        Self::Leave { node: suite.node(), from, signature }
    }

    /// Whom the change is about.
    #[must_use]
    pub const fn node(&self) -> NodeId {
        match self {
            Self::Join { binding, .. } => binding.node,
            Self::Leave { node, .. } => *node,
        }
    }

    /// First epoch whose record may carry the statement.
    #[must_use]
    pub const fn from(&self) -> Epoch {
        match self {
            Self::Join { from, .. } | Self::Leave { from, .. } => *from,
        }
    }

    /// Checks the signatures. The rules of the roster are [`Roster::admit`]'s.
    ///
    /// # Errors
    /// [`SignatureError`] of the first signature that fails.
    pub fn verify<C: Checks + ?Sized>(
        &self,
        checks: &C,
        network: &Digest,
    ) -> Result<(), SignatureError> {
        match self {
            Self::Join { binding, weight, from, sponsor, signature } => {
                let bytes = join_bytes(network, binding, *weight, *from);
                checks.check_signature(sponsor, Domain::RosterJoin, &bytes, signature)?;
                let bound = binding.signed_bytes(network);
                checks.check_signature(&binding.node, Domain::Binding, &bound, &binding.signature)
            }
            Self::Leave { node, from, signature } => {
                let bytes = leave_bytes(network, *from);
                checks.check_signature(node, Domain::RosterLeave, &bytes, signature)
            }
        }
    }

    /// Everything the statement says and its signatures, for digests.
    #[must_use]
    pub fn hashed_bytes(&self, network: &Digest) -> Vec<u8> {
        let (kind, said, author, signature, bound): (u8, _, _, _, Option<&Signature>) = match self {
            Self::Join { binding, weight, from, sponsor, signature } => {
                let said = join_bytes(network, binding, *weight, *from);
                (1, said, sponsor, signature, Some(&binding.signature))
            }
            Self::Leave { node, from, signature } => {
                (2, leave_bytes(network, *from), node, signature, None)
            }
        };
        let mut bytes = vec![kind];
        bytes.extend_from_slice(&said);
        bytes.extend_from_slice(&author.0);
        bytes.extend_from_slice(&signature.to_bytes());
        bytes.extend(bound.into_iter().flat_map(Signature::to_bytes));
        bytes
    }
}

impl Roster {
    /// Takes in a change carried by the record of `epoch`. Signatures are checked by
    /// [`RosterChange::verify`]; this is the rest, the same on every node.
    ///
    /// # Errors
    /// [`RosterError`] names the rule that forbids it.
    pub fn admit(&mut self, change: &RosterChange, epoch: Epoch) -> Result<(), RosterError> {
        let from = change.from();
        if epoch < from || epoch >= from.plus(STATEMENT_EPOCHS) {
            return Err(RosterError::Epoch);
        }
        let waiting = match change {
            RosterChange::Join { binding, weight, sponsor, .. } => {
                let member = self.newcomer(binding, *weight, sponsor, epoch)?;
                PendingChange::Enters(epoch.plus(JOIN_DELAY_EPOCHS), member)
            }
            RosterChange::Leave { node, .. } => {
                self.departure(node, epoch)?;
                PendingChange::Leaves(epoch.plus(LEAVE_DELAY_EPOCHS), *node)
            }
        };
        self.pending.push(waiting).map_err(|_| RosterError::Full)
    }

    fn newcomer(
        &self,
        binding: &Binding,
        weight: u64,
        sponsor: &NodeId,
        epoch: Epoch,
    ) -> Result<Member, RosterError> {
        let known_key = self.members.iter().any(|member| member.vrf == binding.vrf)
            || self.entering().any(|member| member.vrf == binding.vrf);
        if known_key || self.knows(&binding.node) {
            return Err(RosterError::Known);
        }
        if weight == 0 || weight > MEMBER_WEIGHT_MAX {
            return Err(RosterError::Weight);
        }
        let sponsor_weight = self.at(epoch).weight_of(sponsor);
        if sponsor_weight == 0 {
            return Err(RosterError::NotMember);
        }
        if self.members.len().saturating_add(self.entering().count()) >= ROSTER_MAX {
            return Err(RosterError::Full);
        }
        let weight = weight.min(sponsor_weight);
        Ok(Member { node: binding.node, vrf: binding.vrf, weight })
    }

    fn departure(&self, node: &NodeId, epoch: Epoch) -> Result<(), RosterError> {
        if self.at(epoch).get(node).is_none() {
            return Err(RosterError::NotMember);
        }
        let leaves = |change: &PendingChange| matches!(change, PendingChange::Leaves(..));
        if self.pending.iter().any(|change| leaves(change) && change.node() == *node) {
            return Err(RosterError::Known);
        }
        let leaving = self.pending.iter().filter(|change| leaves(change)).count();
        if self.members.len() <= leaving.saturating_add(1) {
            return Err(RosterError::LastMember);
        }
        Ok(())
    }

    fn entering(&self) -> impl Iterator<Item = &Member> {
        self.pending.iter().filter_map(|change| match change {
            PendingChange::Enters(_, member) => Some(member),
            PendingChange::Leaves(..) => None,
        })
    }
}

fn join_bytes(network: &Digest, binding: &Binding, weight: u64, from: Epoch) -> Vec<u8> {
    let (weight, from) = (weight.to_be_bytes(), from.0.to_be_bytes());
    [&network.0[..], &binding.node.0, &binding.vrf.0, &weight, &from].concat()
}

fn leave_bytes(network: &Digest, from: Epoch) -> Vec<u8> {
    [&network.0[..], &from.0.to_be_bytes()].concat()
}

//! The statements of an election, as they travel and are journaled.
//!
//! A claim authenticates itself: its VRF proof binds epoch, base tip and roster changes, so that a
//! certificate can be checked by a program that has nothing else. No float and no time stamp may
//! enter any of these.

use crate::bounded::Bounded;
use crate::ids::Epoch;
use crate::limits::{CHANGES_MAX, RECENT_LEADERS_MAX, ROSTER_MAX};
use crate::roster::{Roster, RosterChange};
use debal_crypto::{Digest, NodeId, Signature, VrfPreout, VrfProof};
use serde::{Deserialize, Serialize};

/// "I claim the leadership of this epoch": a VRF output over the epoch's seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Who claims.
    pub node: NodeId,
    /// The epoch claimed.
    pub epoch: Epoch,
    /// Digest of the [`Tip`] the claim builds on.
    pub tip: Digest,
    /// Hash of the settled block that entered the seed, on networks that agreed to use one.
    /// Endorsers vote only for the block they see themselves.
    pub block: Option<[u8; 32]>,
    /// Roster changes the claimant knows and would certify.
    pub changes: Bounded<RosterChange, CHANGES_MAX>,
    /// VRF pre-output for the epoch's seed.
    pub preout: VrfPreout,
    /// Proof of the pre-output; epoch, tip, block and changes are bound into it.
    pub proof: VrfProof,
}

/// One member's signed vote for a claim in one round of one epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endorsement {
    /// Who endorses.
    pub node: NodeId,
    /// The epoch.
    pub epoch: Epoch,
    /// The round, 0 to 3.
    pub round: u8,
    /// Digest of the claim endorsed.
    pub claim: Digest,
    /// Signature over network, epoch, round and claim digest.
    pub signature: Signature,
}

/// An endorsement as it is gossiped: with its claim, so that a claim shown to few is known to all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endorse {
    /// The claim endorsed.
    pub claim: Claim,
    /// The vote.
    pub endorsement: Endorsement,
}

/// More than two thirds of the weight endorsed one claim in one round.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// The claim certified; its node is the leader.
    pub claim: Claim,
    /// The round that certified it.
    pub round: u8,
    /// Votes, strictly ascending by node.
    pub votes: Bounded<(NodeId, Signature), ROSTER_MAX>,
}

/// The end of the record chain as one node holds it: all that later epochs need to know.
///
/// A claim names the digest of the tip it builds on and its endorsers attest it, so a certificate
/// together with its tip is self-contained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tip {
    /// The network.
    pub network: Digest,
    /// Epoch of the newest certified record; genesis counts as a record of epoch 0.
    pub epoch: Epoch,
    /// Round of that record.
    pub round: u8,
    /// Digest of that record.
    pub record: Digest,
    /// Seed-chain output of `epoch`.
    pub out_last: [u8; 32],
    /// Seed-chain output of the epoch before it.
    pub out_before: [u8; 32],
    /// Newest certified leaders with their epochs, oldest first, for cool-down.
    pub recent: Bounded<(Epoch, NodeId), RECENT_LEADERS_MAX>,
    /// The roster after that record.
    pub roster: Roster,
}

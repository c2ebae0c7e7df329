//! What an election must not forget, and the one fold that changes it.
//!
//! [`Durable::apply`] is the only writer, live and at replay alike. It must never verify, emit or
//! refuse: a record was checked before it was written.

use super::types::{Certificate, Claim, Endorsement, Tip};
use crate::bounded::Bounded;
use crate::evidence::Evidence;
use crate::ids::Epoch;
use crate::limits::{
    EVIDENCE_EPOCHS, EVIDENCE_PER_NODE_MAX, LINKS_MAX, QUARANTINE_EPOCHS, ROSTER_MAX, ROUNDS_MAX,
};
use debal_crypto::NodeId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One fact of an election.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ElectionRecord {
    /// Our claim is about to leave.
    Claimed(Claim),
    /// Our vote is about to leave.
    Voted {
        /// The claim voted for.
        claim: Claim,
        /// The vote.
        endorsement: Endorsement,
    },
    /// The chain of records has a new end.
    Record {
        /// The tip the record builds on.
        base: Tip,
        /// The certificate.
        certificate: Certificate,
        /// Seed output of the certified claim: replay has no curves to compute it.
        out: [u8; 32],
    },
    /// A member is proven to have said two things that cannot both be honest.
    Accused {
        /// The member.
        node: NodeId,
        /// Epoch of the offence, or of its discovery where the statements carry none.
        epoch: Epoch,
        /// The proof.
        evidence: Evidence,
    },
}

/// A certified record with the tip it builds on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The tip before.
    pub base: Tip,
    /// The certificate.
    pub certificate: Certificate,
}

/// A vote of ours with its claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnVote {
    /// The claim voted for.
    pub claim: Claim,
    /// The vote.
    pub endorsement: Endorsement,
}

/// Evidence kept, with the epoch it counts from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offence {
    /// Epoch of the offence.
    pub epoch: Epoch,
    /// The proof.
    pub evidence: Evidence,
}

/// The durable state of an election.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Durable {
    /// End of the chain.
    pub head: Tip,
    /// The newest records, oldest first; the last one made `head`.
    pub links: Bounded<Link, LINKS_MAX>,
    /// Our newest claim. We never claim an epoch up to its.
    pub claimed: Option<Claim>,
    /// Our votes of the newest epoch we voted in. We never vote in a round up to the last.
    pub votes: Bounded<OwnVote, { ROUNDS_MAX as usize }>,
    /// Evidence by accused member.
    pub offences: BTreeMap<NodeId, Bounded<Offence, EVIDENCE_PER_NODE_MAX>>,
    /// First epoch in which an accused member counts again, in this node's eyes.
    pub quarantine: BTreeMap<NodeId, Epoch>,
}

impl Durable {
    /// The state of a node that knows the founding and nothing else.
    #[must_use]
    pub const fn new(genesis: Tip) -> Self {
        Self {
            head: genesis,
            links: Bounded::new(),
            claimed: None,
            votes: Bounded::new(),
            offences: BTreeMap::new(),
            quarantine: BTreeMap::new(),
        }
    }

    /// Folds one record in.
    pub fn apply(&mut self, record: &ElectionRecord) {
        match record {
            ElectionRecord::Claimed(claim) => self.claimed = Some(claim.clone()),
            ElectionRecord::Voted { claim, endorsement } => {
                self.votes.retain(|vote| vote.endorsement.epoch == endorsement.epoch);
                let vote = OwnVote { claim: claim.clone(), endorsement: *endorsement };
                // One vote a round and ROUNDS_MAX rounds: there is always room.
                let _ = self.votes.push(vote);
            }
            ElectionRecord::Record { base, certificate, out } => {
                self.on_record(base, certificate, *out);
            }
            ElectionRecord::Accused { node, epoch, evidence } => {
                self.on_accused(*node, *epoch, evidence);
            }
        }
    }

    /// The newest tip known that is older than `epoch`.
    #[must_use]
    pub fn base_for(&self, epoch: Epoch) -> Option<&Tip> {
        let bases = self.links.iter().rev().map(|link| &link.base);
        std::iter::once(&self.head).chain(bases).find(|tip| tip.epoch < epoch)
    }

    /// A tip we hold, by digest.
    #[must_use]
    pub fn tip(&self, digest: &debal_crypto::Digest) -> Option<&Tip> {
        let bases = self.links.iter().rev().map(|link| &link.base);
        std::iter::once(&self.head).chain(bases).find(|tip| tip.digest() == *digest)
    }

    /// The record that made the tip with this digest.
    #[must_use]
    pub fn link_to(&self, digest: &debal_crypto::Digest) -> Option<&Link> {
        let results = self.links.iter().skip(1).map(|link| &link.base);
        let mut made = self.links.iter().zip(results.chain([&self.head]));
        made.find(|(_, tip)| tip.digest() == *digest).map(|(link, _)| link)
    }

    /// Whether a record that ends in `tip` should replace the head: a later epoch always; in the
    /// same epoch the lower round, then the smaller digest, so that all nodes choose alike.
    #[must_use]
    pub fn prefers(&self, tip: &Tip) -> bool {
        if tip.epoch != self.head.epoch {
            return tip.epoch > self.head.epoch;
        }
        (tip.round, tip.record) < (self.head.round, self.head.record)
    }

    /// Last (epoch, round) we voted in.
    #[must_use]
    pub fn last_vote(&self) -> Option<(Epoch, u8)> {
        self.votes.last().map(|vote| (vote.endorsement.epoch, vote.endorsement.round))
    }

    fn on_record(&mut self, base: &Tip, certificate: &Certificate, out: [u8; 32]) {
        let Some(view) = base.view(certificate.claim.epoch) else {
            return; // Cannot be: checked before it was written.
        };
        let mut links = self.links.to_vec();
        if self.head != *base {
            // A switch: everything that does not lead to the base is left behind.
            let kept = links.iter().position(|link| link.base == *base).unwrap_or(0);
            links.truncate(kept);
        }
        links.push(Link { base: base.clone(), certificate: certificate.clone() });
        let excess = links.len().saturating_sub(LINKS_MAX);
        self.links = Bounded::first_of(links.into_iter().skip(excess));
        self.head = view.extend(&certificate.claim, certificate.round, out);
    }

    fn on_accused(&mut self, node: NodeId, epoch: Epoch, evidence: &Evidence) {
        for kept in self.offences.values_mut() {
            kept.retain(|offence| offence.epoch.plus(EVIDENCE_EPOCHS) > epoch);
        }
        self.offences.retain(|_, kept| !kept.is_empty());
        self.quarantine.retain(|_, until| *until > epoch);
        if self.quarantine.len() >= ROSTER_MAX && !self.quarantine.contains_key(&node) {
            return;
        }
        let until = self.quarantine.entry(node).or_default();
        *until = (*until).max(epoch.plus(QUARANTINE_EPOCHS));
        let offence = Offence { epoch, evidence: evidence.clone() };
        // A full list is proof enough; `on_evidence` refuses before it comes to this.
        let _ = self.offences.entry(node).or_default().push(offence);
    }
}

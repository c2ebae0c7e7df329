//! What one epoch's election has brought so far: claims, votes, certificates. Volatile.
//!
//! Every map is bounded by the roster: only acting members' verified statements are kept, and one
//! unverifiable claim per sender.

use super::claim::CheckedClaim;
use super::tip::View;
use super::types::{Certificate, Claim, Endorsement};
use crate::limits::CLAIMS_PER_NODE_MAX;
use crate::reject::Reject;
use debal_crypto::{Digest, NodeId};
use std::collections::{BTreeMap, BTreeSet};

/// One epoch's claims and votes.
#[derive(Clone, Debug)]
pub struct Pool {
    /// The base the epoch's claims build on.
    pub view: View,
    /// Checked claims by digest.
    claims: BTreeMap<Digest, CheckedClaim>,
    /// By sender: its newest claim on a tip we do not hold.
    strangers: BTreeMap<NodeId, Claim>,
    /// First vote by round and voter.
    votes: BTreeMap<(u8, NodeId), Endorsement>,
    /// Certificates by round.
    pub certified: BTreeMap<u8, Certificate>,
    /// A certified leader of this epoch has delivered its plan.
    pub plan_seen: bool,
}

impl Pool {
    pub(super) const fn new(view: View) -> Self {
        Self {
            view,
            claims: BTreeMap::new(),
            strangers: BTreeMap::new(),
            votes: BTreeMap::new(),
            certified: BTreeMap::new(),
            plan_seen: false,
        }
    }

    /// Moves the epoch to another base: votes stay, claims must be checked again.
    pub(super) fn rebase(&mut self, view: View) -> Vec<(NodeId, Claim)> {
        self.view = view;
        let checked = std::mem::take(&mut self.claims).into_values();
        let mut claims: Vec<_> = checked.map(|known| (known.claim.node, known.claim)).collect();
        claims.extend(std::mem::take(&mut self.strangers));
        claims
    }

    pub(super) fn claim(&self, digest: &Digest) -> Option<&CheckedClaim> {
        self.claims.get(digest)
    }

    /// The first claim kept of `node`.
    pub(super) fn claim_of(&self, node: &NodeId) -> Option<&Claim> {
        self.claims.values().map(|known| &known.claim).find(|claim| claim.node == *node)
    }

    /// Whether a claim with this digest would be new and welcome.
    pub(super) fn has_room_for(&self, claim: &Claim, digest: &Digest) -> Result<(), Reject> {
        if self.claims.contains_key(digest) {
            return Err(Reject::Duplicate);
        }
        let of_author = self.claims.values().filter(|known| known.claim.node == claim.node);
        if of_author.count() >= CLAIMS_PER_NODE_MAX {
            return Err(Reject::Full("claims of one member"));
        }
        Ok(())
    }

    pub(super) fn insert_claim(&mut self, checked: CheckedClaim) {
        self.claims.insert(checked.digest, checked);
    }

    /// Keeps a claim that cannot be checked yet; one per sender, the newest.
    pub(super) fn insert_stranger(&mut self, sender: NodeId, claim: Claim) {
        self.strangers.insert(sender, claim);
    }

    pub(super) fn vote(&self, round: u8, node: NodeId) -> Option<&Endorsement> {
        self.votes.get(&(round, node))
    }

    pub(super) fn insert_vote(&mut self, vote: Endorsement) {
        self.votes.entry((vote.round, vote.node)).or_insert(vote);
    }

    /// The rounds and claims that have votes.
    pub(super) fn ballots(&self) -> BTreeSet<(u8, Digest)> {
        self.votes.values().map(|vote| (vote.round, vote.claim)).collect()
    }

    /// The best claim that is `eligible` and whose author is not certified in this epoch already.
    pub(super) fn best(&self, eligible: impl Fn(&Claim) -> bool) -> Option<&CheckedClaim> {
        let led = |node: &NodeId| self.certified.values().any(|known| known.claim.node == *node);
        let open = self.claims.values().filter(|known| !led(&known.claim.node));
        open.filter(|known| eligible(&known.claim)).min_by_key(|known| (known.rank, known.digest))
    }

    /// A certificate for the claim in this round, once its votes decide.
    pub(super) fn tally(&self, round: u8, claim: &Digest) -> Option<Certificate> {
        let checked = self.claims.get(claim)?;
        let cast = self.votes.range((round, NodeId([0; 32]))..=(round, NodeId([0xff; 32])));
        let votes = cast.map(|(_, vote)| vote).filter(|vote| vote.claim == *claim);
        let weigh = |vote: &Endorsement| self.view.active.weight_of(&vote.node);
        let weight = votes.clone().map(weigh).fold(0, u64::saturating_add);
        if !self.view.active.decides(weight) {
            return None;
        }
        // A vote kept from another base may be of a member that does not act on this one.
        let votes = votes.filter(|vote| weigh(vote) > 0);
        let votes = votes.map(|vote| (vote.node, vote.signature));
        Some(Certificate::from_votes(checked.claim.clone(), round, votes))
    }
}

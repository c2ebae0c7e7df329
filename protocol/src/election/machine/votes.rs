//! Votes: casting ours, counting all, and the moment they decide.
//!
//! One vote per (epoch, round), journaled before it leaves, never a different one afterwards: we
//! vote only in rounds after the last one voted in, whatever the clock says.

use super::{Context, Election, ElectionEffect};
use crate::election::durable::ElectionRecord;
use crate::election::types::{Certificate, Claim, Endorse, Endorsement, Tip};
use crate::evidence::Evidence;
use crate::ids::Epoch;
use crate::limits::ROUNDS_MAX;
use crate::message::Message;
use crate::mutant::{Mutant, active};
use crate::reject::Reject;
use debal_crypto::{Digest, NodeId};

impl Election {
    /// A vote arrived, with its claim.
    ///
    /// # Errors
    /// [`Reject`] names why it changes nothing here.
    pub fn on_endorse(
        &mut self,
        context: &Context<'_>,
        sender: NodeId,
        endorse: Endorse,
    ) -> Result<Vec<ElectionEffect>, Reject> {
        let Endorse { claim, endorsement: vote } = endorse;
        self.in_window(context, vote.epoch, 1)?;
        let network = self.durable.head.network;
        if vote.round >= ROUNDS_MAX {
            return Err(Reject::malformed("endorse", "no such round"));
        }
        if claim.epoch != vote.epoch || claim.digest(&network) != vote.claim {
            return Err(Reject::malformed("endorse", "the vote is for another claim"));
        }
        let pool = self.pool(vote.epoch)?;
        if pool.view.active.get(&vote.node).is_none() {
            return Err(Reject::NotMember);
        }
        let earlier = pool.vote(vote.round, vote.node).copied();
        if earlier.is_some_and(|earlier| earlier.claim == vote.claim) {
            return Err(Reject::Duplicate);
        }
        vote.verify(context.suite, &network)?;
        let mut effects = Vec::new();
        if let Some(first) = earlier {
            self.accuse(context, Evidence::Endorsements(first, vote), &mut effects);
            return Ok(effects);
        }
        self.take_vote(context, sender, claim, vote, &mut effects)?;
        Ok(effects)
    }

    fn take_vote(
        &mut self,
        context: &Context<'_>,
        sender: NodeId,
        claim: Claim,
        vote: Endorsement,
        effects: &mut Vec<ElectionEffect>,
    ) -> Result<(), Reject> {
        let pool = self.pool(vote.epoch)?;
        if pool.claim(&vote.claim).is_none() {
            // A vote for a claim that no one may make is worth nothing and is not kept.
            self.take_claim(context, sender, claim, effects)?;
        }
        self.pool(vote.epoch)?.insert_vote(vote);
        self.certify_if_decided(context, vote.epoch, &vote.claim, effects);
        self.vote_if_due(context, effects);
        Ok(())
    }

    /// Votes for the best claim known, if a round is open in which we have not voted and no plan
    /// has been seen.
    pub(super) fn vote_if_due(&mut self, context: &Context<'_>, effects: &mut Vec<ElectionEffect>) {
        let epoch = self.epoch_now(context);
        let Some(round) = self.open_round(context, epoch) else { return };
        let voted = self.durable.last_vote().is_some_and(|last| last >= (epoch, round));
        if voted && !active(Mutant::DoubleEndorse) {
            return;
        }
        let node = context.suite.node();
        let Ok(pool) = self.pool(epoch) else { return };
        let settled = pool.plan_seen || pool.certified.contains_key(&round);
        if settled || pool.view.active.get(&node).is_none() {
            return;
        }
        let Some(pool) = self.pools.get(&epoch) else { return };
        let eligible =
            |claim: &Claim| claim.block == context.block && !self.quarantined(&claim.node, epoch);
        let Some(best) = pool.best(eligible) else { return };
        let (claim, digest) = (best.claim.clone(), best.digest);
        let network = self.durable.head.network;
        let endorsement = Endorsement::make(context.suite, &network, epoch, round, digest);
        self.commit(ElectionRecord::Voted { claim: claim.clone(), endorsement }, effects);
        effects.push(ElectionEffect::Gossip(Message::Endorse(Endorse { claim, endorsement })));
        if let Some(pool) = self.pools.get_mut(&epoch) {
            pool.insert_vote(endorsement);
        }
        self.certify_if_decided(context, epoch, &digest, effects);
    }

    /// The newest round of `epoch` that has opened, if the first has.
    fn open_round(&self, context: &Context<'_>, epoch: Epoch) -> Option<u8> {
        if epoch == Epoch(0) {
            return None;
        }
        let since = context.now.wall_ms.checked_sub(self.timetable.start_ms(epoch))?;
        (0..ROUNDS_MAX).rev().find(|round| self.timetable.round_opens_ms(*round) <= since)
    }

    /// Certifies a claim in every round whose votes decide.
    pub(super) fn certify_if_decided(
        &mut self,
        context: &Context<'_>,
        epoch: Epoch,
        claim: &Digest,
        effects: &mut Vec<ElectionEffect>,
    ) {
        for round in 0..ROUNDS_MAX {
            let Some(pool) = self.pools.get(&epoch) else { return };
            if pool.certified.contains_key(&round) {
                continue;
            }
            let Some(certificate) = pool.tally(round, claim) else { continue };
            let Some(checked) = pool.claim(claim) else { continue };
            let out = checked.output.seed;
            let tip = pool.view.extend(&checked.claim, round, out);
            let base = pool.view.base.clone();
            self.take_record(context, (base, tip, out), certificate, effects);
        }
    }

    /// A valid record: the chain's new end if it is better than the one we hold, and news in any
    /// case. `step` is the tip before, the tip after and the seed output.
    pub(super) fn take_record(
        &mut self,
        context: &Context<'_>,
        step: (Tip, Tip, [u8; 32]),
        certificate: Certificate,
        effects: &mut Vec<ElectionEffect>,
    ) {
        let (base, tip, out) = step;
        if self.durable.prefers(&tip) {
            let before = self.durable.head.clone();
            let certificate = certificate.clone();
            self.commit(ElectionRecord::Record { base, certificate, out }, effects);
            self.keep_beside(before);
        } else {
            self.keep_beside(tip);
        }
        self.note_certified(context, &certificate, effects);
        self.rebase(context, effects);
    }

    /// Remembers a certificate for its epoch and tells the node.
    fn note_certified(
        &mut self,
        context: &Context<'_>,
        certificate: &Certificate,
        effects: &mut Vec<ElectionEffect>,
    ) {
        let (epoch, round) = (certificate.epoch(), certificate.round);
        if let Some(pool) = self.pools.get_mut(&epoch) {
            if pool.certified.contains_key(&round) {
                return;
            }
            pool.certified.insert(round, certificate.clone());
        }
        let leader = certificate.leader();
        let start_ms = self.timetable.start_ms(epoch);
        effects.push(ElectionEffect::Certified {
            certificate: certificate.clone(),
            leader,
            epoch,
            round,
            elapsed_ms: context.now.wall_ms.saturating_sub(start_ms),
            us: leader == context.suite.node() && epoch == self.epoch_now(context),
        });
    }
}

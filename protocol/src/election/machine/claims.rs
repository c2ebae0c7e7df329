//! Claims: taking them in, and what happens when one builds on a tip we do not hold.
//!
//! An unchecked claim must never push out a checked one, and never stand in the way of one.

use super::{Context, Election, ElectionEffect};
use crate::election::types::Claim;
use crate::evidence::Evidence;
use crate::message::Message;
use crate::reject::Reject;
use crate::roster::{RosterChange, RosterError, STATEMENT_EPOCHS};
use debal_crypto::{Binding, Digest, NodeId};

impl Election {
    /// A claim arrived.
    ///
    /// # Errors
    /// [`Reject`] names why it changes nothing here.
    pub fn on_claim(
        &mut self,
        context: &Context<'_>,
        sender: NodeId,
        claim: Claim,
    ) -> Result<Vec<ElectionEffect>, Reject> {
        self.in_window(context, claim.epoch, 0)?;
        let mut effects = Vec::new();
        self.take_claim(context, sender, claim, &mut effects)?;
        self.vote_if_due(context, &mut effects);
        Ok(effects)
    }

    /// Keeps a claim, checked if its tip is our base, and certifies it if votes came before it.
    pub(super) fn take_claim(
        &mut self,
        context: &Context<'_>,
        sender: NodeId,
        claim: Claim,
        effects: &mut Vec<ElectionEffect>,
    ) -> Result<(), Reject> {
        let epoch = claim.epoch;
        let network = self.durable.head.network;
        let pool = self.pool(epoch)?;
        if claim.tip != pool.view.base_digest {
            return self.take_stranger(context, sender, claim, effects);
        }
        let digest = claim.digest(&network);
        pool.has_room_for(&claim, &digest)?;
        let checked = claim.verify(context.suite, &pool.view)?;
        let earlier = pool.claim_of(&claim.node).cloned();
        pool.insert_claim(checked);
        if let Some(first) = earlier {
            self.accuse(context, Evidence::Claims(first, claim), effects);
        }
        self.certify_if_decided(context, epoch, &digest, effects);
        Ok(())
    }

    /// A claim on a tip we do not hold: kept for its sender, who is asked for the tip. It cannot be
    /// checked yet, so it counts as whatever its sender, a member, says.
    fn take_stranger(
        &mut self,
        context: &Context<'_>,
        sender: NodeId,
        claim: Claim,
        effects: &mut Vec<ElectionEffect>,
    ) -> Result<(), Reject> {
        if !self.durable.head.roster.knows(&sender) {
            return Err(Reject::NotMember);
        }
        if self.known_tip(&claim.tip).is_some() {
            return Err(Reject::unfitting("claim", "it builds on a tip that was replaced"));
        }
        let tip = claim.tip;
        self.pool(claim.epoch)?.insert_stranger(sender, claim);
        self.ask_for_tip(context, sender, tip, effects);
        Ok(())
    }

    pub(super) fn ask_for_tip(
        &mut self,
        context: &Context<'_>,
        whom: NodeId,
        tip: Digest,
        effects: &mut Vec<ElectionEffect>,
    ) {
        let now = self.epoch_now(context);
        let asked_already = self.asked.get(&whom).is_some_and(|(epoch, _)| *epoch == now);
        let full = self.asked.len() >= crate::limits::ROSTER_MAX && !self.asked.contains_key(&whom);
        if whom == context.suite.node() || asked_already || full {
            return;
        }
        self.asked.insert(whom, (now, true));
        effects.push(ElectionEffect::Send(whom, Message::TipRequest { tip }));
    }

    /// A request to join or leave arrived: it is kept for our next claim.
    ///
    /// # Errors
    /// [`Reject`] names why it is not.
    pub fn on_roster_change(
        &mut self,
        context: &Context<'_>,
        _sender: NodeId,
        change: RosterChange,
    ) -> Result<Vec<ElectionEffect>, Reject> {
        if self.changes.get(&change.node()) == Some(&change) {
            return Err(Reject::Duplicate);
        }
        self.check_change(context, &change)?;
        if self.changes.len() >= crate::limits::KNOWN_CHANGES_MAX {
            return Err(Reject::Full("roster changes"));
        }
        self.changes.insert(change.node(), change);
        Ok(Vec::new())
    }

    /// Vouches for a newcomer and tells everyone. Repeatable.
    ///
    /// # Errors
    /// [`RosterError`] if the roster would not admit it.
    pub fn propose_join(
        &mut self,
        context: &Context<'_>,
        binding: Binding,
        weight: u64,
    ) -> Result<Vec<ElectionEffect>, RosterError> {
        let (network, epoch) = (self.durable.head.network, self.epoch_now(context));
        let change = RosterChange::join(context.suite, &network, binding, weight, epoch);
        self.propose(context, change)
    }

    /// Says goodbye to everyone. Repeatable.
    ///
    /// # Errors
    /// [`RosterError`] if this node is no acting member.
    pub fn propose_leave(
        &mut self,
        context: &Context<'_>,
    ) -> Result<Vec<ElectionEffect>, RosterError> {
        let (network, epoch) = (self.durable.head.network, self.epoch_now(context));
        self.propose(context, RosterChange::leave(context.suite, &network, epoch))
    }

    fn propose(
        &mut self,
        context: &Context<'_>,
        change: RosterChange,
    ) -> Result<Vec<ElectionEffect>, RosterError> {
        self.check_admissible(context, &change)?;
        change.verify(context.suite, &self.durable.head.network)?;
        let room = self.changes.len() < crate::limits::KNOWN_CHANGES_MAX;
        if !room && !self.changes.contains_key(&change.node()) {
            return Err(RosterError::Full);
        }
        self.changes.insert(change.node(), change.clone());
        Ok(vec![ElectionEffect::Gossip(Message::RosterChange(change))])
    }

    fn check_change(&self, context: &Context<'_>, change: &RosterChange) -> Result<(), Reject> {
        let now = self.epoch_now(context);
        if change.from() > now.plus(1) {
            return Err(Reject::Epoch { found: change.from().0, now: now.0 });
        }
        self.check_admissible(context, change)
            .map_err(|_| Reject::unfitting("roster_change", "the roster does not admit it"))?;
        change.verify(context.suite, &self.durable.head.network)?;
        Ok(())
    }

    fn check_admissible(
        &self,
        context: &Context<'_>,
        change: &RosterChange,
    ) -> Result<(), RosterError> {
        let now = self.epoch_now(context);
        let at = now.max(change.from()).max(self.durable.head.epoch);
        self.durable.head.roster.settled(at).admit(change, at)
    }

    /// Forgets roster changes too old for any record. Those in a record already stay until then:
    /// the record may still lose to another one, and claims leave out what the roster does not
    /// admit.
    pub(super) fn prune_changes(&mut self, context: &Context<'_>) {
        let now = self.epoch_now(context);
        self.changes.retain(|_, change| change.from().plus(STATEMENT_EPOCHS) > now);
    }
}

//! The timetable: start, epochs, claims, rounds.
//!
//! Every step asks what is due now and what was done already, so that waking twice, late, or after
//! a jump of the clock does nothing wrong.

use super::{Context, Election, ElectionEffect};
use crate::election::durable::ElectionRecord;
use crate::election::ranking::worth_publishing;
use crate::election::types::{Claim, Endorse};
use crate::ids::Epoch;
use crate::limits::ROUNDS_MAX;
use crate::message::Message;

impl Election {
    /// The journal has been replayed: says again what was said in the current epoch, the same
    /// bytes, and goes on.
    pub fn on_start(&mut self, context: &Context<'_>) -> Vec<ElectionEffect> {
        let now = self.epoch_now(context);
        let mut effects = Vec::new();
        let certified = self.durable.links.iter().map(|link| link.certificate.clone());
        let certified: Vec<_> = certified.filter(|known| known.epoch() == now).collect();
        let node = context.suite.node();
        if let Some(claim) = self.durable.claimed.clone().filter(|claim| claim.epoch == now) {
            effects.push(ElectionEffect::Gossip(Message::Claim(claim.clone())));
            let _ = self.take_claim(context, node, claim, &mut Vec::new());
        }
        let votes = self.durable.votes.iter().filter(|vote| vote.endorsement.epoch == now);
        let votes: Vec<_> = votes.cloned().collect();
        for vote in votes {
            let (claim, endorsement) = (vote.claim, vote.endorsement);
            let again = Endorse { claim: claim.clone(), endorsement };
            effects.push(ElectionEffect::Gossip(Message::Endorse(again)));
            let _ = self.take_claim(context, node, claim, &mut Vec::new());
            if let Ok(pool) = self.pool(now) {
                pool.insert_vote(endorsement);
            }
        }
        if let Ok(pool) = self.pool(now) {
            pool.certified.extend(certified.into_iter().map(|known| (known.round, known)));
        }
        effects.extend(self.on_wake(context));
        effects
    }

    /// Does what is due now and says when to wake next.
    pub fn on_wake(&mut self, context: &Context<'_>) -> Vec<ElectionEffect> {
        let now = self.epoch_now(context);
        let mut effects = Vec::new();
        self.enter(context, now, &mut effects);
        self.claim_if_due(context, now, &mut effects);
        self.vote_if_due(context, &mut effects);
        effects.push(ElectionEffect::Wake { at_wall_ms: self.next_wake_ms(context, now) });
        effects
    }

    fn enter(&mut self, context: &Context<'_>, now: Epoch, effects: &mut Vec<ElectionEffect>) {
        if self.watched == Some(now) {
            return;
        }
        if let Some(ended) = self.watched.filter(|watched| *watched < now && *watched > Epoch(0)) {
            let certified = self.leader_of(ended).is_some() || self.durable.head.epoch >= ended;
            if !certified {
                effects.push(ElectionEffect::Skipped { epoch: ended });
            }
        }
        self.watched = Some(now);
        self.pools.retain(|epoch, _| *epoch >= now.minus(1) && *epoch <= now.plus(1));
        self.asked.retain(|_, (epoch, _)| *epoch >= now.minus(1));
        self.prune_changes(context);
    }

    fn claim_if_due(
        &mut self,
        context: &Context<'_>,
        now: Epoch,
        effects: &mut Vec<ElectionEffect>,
    ) {
        let since = context.now.wall_ms.saturating_sub(self.timetable.start_ms(now));
        let said = self.durable.claimed.as_ref().is_some_and(|claim| claim.epoch >= now);
        if now == Epoch(0) || since >= self.timetable.claim_window_ms() || said {
            return;
        }
        let node = context.suite.node();
        let Ok(pool) = self.pool(now) else { return };
        let Some(member) = pool.view.active.get(&node).copied() else { return };
        // A record of this epoch exists already, or we led too recently.
        if !pool.certified.is_empty() || pool.view.cools_down(&node) {
            return;
        }
        let view = pool.view.clone();
        let wanted = self.changes.values();
        let (claim, output) = Claim::make(context.suite, &view, context.block, wanted);
        let total = view.active.total_weight();
        let few = view.active.members().len() <= self.settings.claims_all_up_to;
        let expected = if few { 0 } else { self.settings.claims_expected };
        if !worth_publishing(&output, member.weight, total, expected) {
            return;
        }
        self.commit(ElectionRecord::Claimed(claim.clone()), effects);
        effects.push(ElectionEffect::Gossip(Message::Claim(claim.clone())));
        // Our own claim: made from this very view, it is valid.
        let _ = self.take_claim(context, node, claim, effects);
    }

    fn next_wake_ms(&self, context: &Context<'_>, now: Epoch) -> u64 {
        let start_ms = self.timetable.start_ms(now);
        let rounds = (0..ROUNDS_MAX).filter(|_| now > Epoch(0));
        let opens =
            rounds.map(|round| start_ms.saturating_add(self.timetable.round_opens_ms(round)));
        let mut later = opens.filter(|opens_ms| *opens_ms > context.now.wall_ms);
        later.next().unwrap_or_else(|| self.timetable.start_ms(now.plus(1)))
    }
}

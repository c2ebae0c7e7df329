//! Price rounds with the neighbours before an epoch: exchange, timing, and what was heard.
//!
//! Volatile from end to end: a quote promises nothing, and after a restart the next rounds begin
//! anew. A peer must never be able to make this node keep more than one quote per neighbour, or
//! offer more than its exact offer.

use super::Node;
use crate::bounded::Bounded;
use crate::channel::Channel;
use crate::event::Event;
use crate::ids::{ChannelId, Epoch};
use crate::input::Timer;
use crate::limits::{QUOTE_CHANNELS_MAX, QUOTE_ROUNDS_MAX};
use crate::market::{Agreed, Known, PlanMode, Potential, PriceRule, Quote, QuotedEnd, Standing};
use crate::message::Message;
use crate::plan::PlanProof;
use crate::reject::Reject;
use crate::status::Prices;
use crate::summary::{ChannelSummary, Offer};
use crate::time::Now;
use debal_crypto::NodeId;
use std::collections::BTreeMap;

/// Volatile state of the rounds.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    /// The arithmetic. Without it no rounds run.
    rule: Option<PriceRule>,
    /// The epoch the newest rounds are for, once one has run.
    epoch: Option<Epoch>,
    /// The round that comes next.
    next: u8,
    /// What we said last.
    said: Potential,
    /// Our ends as we quoted them last.
    quoted: BTreeMap<ChannelId, QuotedEnd>,
    /// The newest quote of each neighbour.
    pub(super) heard: BTreeMap<NodeId, Quote>,
    /// Our price in the newest plan taken.
    plan_ppm: Option<i64>,
    /// What the rounds for the present epoch came to.
    outcome: Option<Outcome>,
}

/// What rounds came to.
#[derive(Debug)]
struct Outcome {
    epoch: Epoch,
    said: Potential,
    rounds: u8,
    neighbours: usize,
    agreed: BTreeMap<ChannelId, Agreed>,
}

impl Node {
    /// Gives the node what weighs prices. Without it, or in leader mode, it runs no price rounds.
    #[must_use]
    pub const fn pricing(mut self, rule: PriceRule) -> Self {
        self.rounds.rule = Some(rule);
        self
    }

    /// The rule, if this node runs price rounds.
    fn price_rule(&self) -> Option<PriceRule> {
        self.rounds.rule.filter(|_| self.config.market.runs())
    }

    /// Whether this node leaves the ratios out of its summaries.
    pub(super) fn hides_ratios(&self) -> bool {
        self.price_rule().is_some()
    }

    pub(super) fn start_rounds(&mut self, now: Now) {
        self.wake_rounds(now);
    }

    /// Runs the round that is due, if it has not run yet, and sets the timer for the next one.
    pub(super) fn wake_rounds(&mut self, now: Now) {
        let Some(rule) = self.price_rule() else { return };
        let (timetable, rounds) = (self.config.timetable, self.config.market.rounds());
        let target = self.epoch(now).plus(1);
        let at = |round: u8| timetable.quotes_ms(target, round, rounds);
        let due = (0..rounds).rev().find(|round| at(*round) <= now.wall_ms);
        if let Some(round) = due {
            if self.rounds.epoch != Some(target) {
                self.begin_rounds(rule, target);
            }
            if round >= self.rounds.next {
                self.run_round(rule, target, round, now);
            }
        }
        let next = due.map_or(0, |round| round.saturating_add(1));
        let next_ms =
            if next < rounds { at(next) } else { timetable.quotes_ms(target.plus(1), 0, rounds) };
        self.set_timer_at_wall(Timer::Quotes, next_ms.max(now.wall_ms.saturating_add(1)), now);
    }

    /// A new epoch's rounds: what the last ones came to is kept until that epoch is over.
    fn begin_rounds(&mut self, rule: PriceRule, target: Epoch) {
        self.settle_rounds(target.minus(1));
        let start = match self.config.market.mode {
            PlanMode::Hybrid => self.rounds.plan_ppm.map(rule.start),
            PlanMode::Market | PlanMode::Leader => None,
        };
        self.rounds.epoch = Some(target);
        self.rounds.next = 0;
        self.rounds.said = start.unwrap_or_default();
        self.rounds.quoted.clear();
        // A neighbour whose clock is ahead may have quoted already.
        self.rounds.heard.retain(|_, quote| quote.epoch == target);
    }

    /// One round: a step, unless nobody's ends are known yet, then a quote to every neighbour.
    fn run_round(&mut self, rule: PriceRule, target: Epoch, round: u8, now: Now) {
        if !self.durable.rebalancing {
            return;
        }
        let ends = self.quotable(now);
        self.rounds.quoted = ends.values().flatten().map(|end| (end.channel, *end)).collect();
        let standing = self.standing(target);
        if !standing.channels.is_empty() {
            self.rounds.said = (rule.step)(&standing);
        }
        self.rounds.next = round.saturating_add(1);
        let potential = self.rounds.said;
        for (peer, ends) in ends {
            let ends = Bounded::first_of(ends);
            let quote = Quote { epoch: target, round, potential, ends };
            self.send_at_once(peer, Message::Quote(quote), now);
        }
    }

    /// Our ends of the channels to neighbours that are up; the most urgent ones where a neighbour
    /// shares too many with us.
    fn quotable(&self, now: Now) -> BTreeMap<NodeId, Vec<QuotedEnd>> {
        let mut ends: BTreeMap<NodeId, Vec<QuotedEnd>> = BTreeMap::new();
        for channel in self.durable.channels.values() {
            if channel.frozen || !self.peers_up.contains(&channel.peer()) {
                continue;
            }
            ends.entry(channel.peer()).or_default().push(self.quoted_end(channel, now));
        }
        for shared in ends.values_mut().filter(|shared| shared.len() > QUOTE_CHANNELS_MAX) {
            shared.sort_by_key(|end| (u8::MAX.abs_diff(end.urgency), end.channel));
            shared.truncate(QUOTE_CHANNELS_MAX);
            shared.sort_by_key(|end| end.channel);
        }
        ends
    }

    fn quoted_end(&self, channel: &Channel, now: Now) -> QuotedEnd {
        let id = channel.terms.channel;
        let Offer { want, send_msat, receive_msat, urgency } = self.offer(channel, now);
        let price_ppm = self.liquidity_of(id).price_ppm;
        QuotedEnd { channel: id, want, send_msat, receive_msat, urgency, price_ppm }
    }

    /// What we know in the rounds for `target`: every channel that both ends have quoted.
    fn standing(&self, target: Epoch) -> Standing {
        let mut standing = Standing { said: self.rounds.said, ..Standing::default() };
        for quote in self.rounds.heard.values().filter(|quote| quote.epoch == target) {
            let neighbour = standing.heard.len();
            standing.heard.push(quote.potential);
            let known = quote.ends.iter().filter_map(|other| {
                let own = *self.rounds.quoted.get(&other.channel)?;
                Some(Known { neighbour, own, other: *other })
            });
            standing.channels.extend(known);
        }
        standing.channels.sort_by_key(|known| known.own.channel);
        standing
    }

    pub(super) fn on_quote(&mut self, from: NodeId, quote: Quote, now: Now) -> Result<(), Reject> {
        if self.price_rule().is_none() {
            // Modes may differ from member to member: nobody is wrong to quote to us.
            return Ok(());
        }
        let here = self.epoch(now);
        if quote.epoch != here.plus(1) {
            return Err(Reject::Epoch { found: quote.epoch.0, now: here.0 });
        }
        if quote.round >= QUOTE_ROUNDS_MAX {
            return Err(Reject::malformed("quote", "a round beyond the last one"));
        }
        let ends = quote.ends.iter();
        if ends.zip(quote.ends.iter().skip(1)).any(|(a, b)| a.channel >= b.channel) {
            return Err(Reject::malformed("quote", "channels must ascend"));
        }
        if self.channels_with(from).is_empty() {
            return Err(Reject::unfitting("quote", "no channel with its sender"));
        }
        for end in &quote.ends {
            let shared = self.durable.channels.get(&end.channel);
            let Some(shared) = shared.filter(|channel| channel.peer() == from) else {
                return Err(Reject::unfitting("quote", "a channel not shared with its sender"));
            };
            if end.send_msat.max(end.receive_msat) > shared.terms.capacity_msat {
                return Err(Reject::malformed("quote", "more than the channel holds"));
            }
        }
        if let Some(known) = self.rounds.heard.get(&from).filter(|known| known.epoch == quote.epoch)
        {
            if known.round == quote.round {
                return Err(Reject::Duplicate);
            }
            if known.round > quote.round {
                let (found, newest) = (u64::from(quote.round), u64::from(known.round));
                return Err(Reject::Stale { found, newest });
            }
        }
        // One per neighbour, and there are no more neighbours than channels.
        self.rounds.heard.insert(from, quote);
        Ok(())
    }

    /// The prices of a plan we took: where the next rounds start in hybrid mode.
    pub(super) fn note_plan_prices(&mut self, proof: &PlanProof) {
        let me = self.config.node;
        let ours = proof.prices.iter().find(|price| price.node == me);
        self.rounds.plan_ppm = ours.map(|price| price.potential_ppm).or(self.rounds.plan_ppm);
    }

    /// Works out, once, what the rounds for this epoch came to.
    pub(super) fn settle_rounds(&mut self, epoch: Epoch) {
        let Some(rule) = self.price_rule() else { return };
        if self.rounds.epoch != Some(epoch)
            || self.rounds.outcome.as_ref().is_some_and(|outcome| outcome.epoch == epoch)
        {
            return;
        }
        let standing = self.standing(epoch);
        let offers = (rule.offers)(&standing);
        let channels = standing.channels.iter().map(|known| known.own.channel);
        let (said, rounds, neighbours) = (self.rounds.said, self.rounds.next, standing.heard.len());
        let agreed = channels.zip(offers).collect();
        self.rounds.outcome = Some(Outcome { epoch, said, rounds, neighbours, agreed });
        let price_ppm = (rule.ppm)(said);
        let neighbours = u32::try_from(neighbours).unwrap_or(u32::MAX);
        self.outbox.emit(Event::PricesSettled { epoch, rounds, neighbours, price_ppm });
    }

    /// What the rounds for this epoch came to at one channel end. `None`: they never knew both of
    /// its ends.
    fn agreed(&self, channel: ChannelId, epoch: Epoch) -> Option<&Agreed> {
        let outcome = self.rounds.outcome.as_ref().filter(|outcome| outcome.epoch == epoch)?;
        outcome.agreed.get(&channel)
    }

    /// A channel end as the network sees it in this epoch: what price rounds came to, else its
    /// offer in buckets.
    pub(super) fn shown(&self, channel: &Channel, offer: &Offer, now: Now) -> ChannelSummary {
        let id = channel.terms.channel;
        let mut shown = offer.summarise(channel, &self.liquidity_of(id));
        if self.hides_ratios() {
            shown = shown.without_ratio();
        }
        match self.agreed(id, self.epoch(now)) {
            Some(agreed) => shown.agreed(agreed, offer),
            None => shown,
        }
    }

    /// The rounds at a glance.
    pub(super) fn prices(&self) -> Option<Prices> {
        let rule = self.price_rule()?;
        let outcome = self.rounds.outcome.as_ref();
        Some(Prices {
            epoch: outcome.map(|outcome| outcome.epoch),
            rounds: outcome.map_or(0, |outcome| outcome.rounds),
            neighbours: outcome.map_or(0, |outcome| outcome.neighbours),
            price_ppm: outcome.map(|outcome| (rule.ppm)(outcome.said)),
        })
    }

    /// Whether price rounds decided what this channel end offers now.
    pub(super) fn is_priced(&self, channel: ChannelId, now: Now) -> bool {
        self.agreed(channel, self.epoch(now)).is_some()
    }
}

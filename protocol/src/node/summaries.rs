//! Publishing our own summary and taking others'.
//!
//! A summary leaves at the start of an epoch, because plans are made then, and in between when what
//! others must know at once changed: the channels, their policies, whether they are usable, whether
//! we ask for help. Balances alone wait for the next epoch; what moved within it stays private.
//! Never more often than once per round length, and never with a raw balance in it.

use super::Node;
use crate::amount::Msat;
use crate::bounded::Bounded;
use crate::channel::Channel;
use crate::config::Liquidity;
use crate::event::Event;
use crate::evidence::{EnvelopeBytes, Evidence};
use crate::ids::{ChannelId, Epoch};
use crate::input::Timer;
use crate::journal::Record;
use crate::limits::{ROSTER_MAX, SUMMARY_CHANNELS_MAX};
use crate::message::Message;
use crate::mutant::{Mutant, active};
use crate::reject::Reject;
use crate::summary::{ChannelSummary, ForwardPolicy, Offer, Summary, Want};
use crate::time::Now;
use crate::wire::Verified;
use debal_crypto::NodeId;
use std::collections::BTreeMap;

/// Volatile state of publishing.
#[derive(Debug, Default)]
pub(super) struct Publishing {
    /// Something other than a balance changed.
    pub(super) changed: bool,
    /// Epoch and standing of the newest summary sent since the start.
    last: Option<(Epoch, Standing)>,
    /// Why we ask for help: `none`, `kappa`, `theta`, `tau`.
    request: Option<&'static str>,
    /// The newest summary of each member as it came: a second one of its number accuses.
    envelopes: BTreeMap<NodeId, (u64, EnvelopeBytes)>,
}

/// What others must know at once: whether we ask for help, and our channels without their balances.
#[derive(Debug, PartialEq, Eq)]
struct Standing {
    requests: bool,
    channels: Vec<(ChannelId, Msat, ForwardPolicy, u32)>,
}

impl Standing {
    fn of(requests: bool, channels: &[ChannelSummary]) -> Self {
        let known = |c: &ChannelSummary| (c.channel, c.capacity_msat, c.policy, c.price_ppm);
        Self { requests, channels: channels.iter().map(known).collect() }
    }
}

impl Node {
    pub(super) fn epoch(&self, now: Now) -> Epoch {
        self.config.timetable.epoch_at(now.wall_ms)
    }

    /// The exact offer of a channel end; an end that takes no part offers nothing.
    pub(super) fn offer(&self, channel: &Channel, now: Now) -> Offer {
        if !self.durable.rebalancing {
            return Offer::NONE;
        }
        let id = channel.terms.channel;
        let mut reserved = self.durable.reserved_msat(id);
        if active(Mutant::ReservationsIgnored) {
            reserved = Msat::ZERO;
        }
        let mut offer =
            Offer::of(channel, reserved, self.depletion_ms(channel, now), &self.liquidity_of(id));
        if let Some(urgency) = self.steers.get(&id).and_then(|steer| steer.urgency)
            && offer.want != Want::Nothing
        {
            offer.urgency = urgency;
        }
        offer
    }

    /// The thresholds of a channel end: the agent's for it, else the configured ones.
    pub(super) fn liquidity_of(&self, channel: ChannelId) -> Liquidity {
        let configured = &self.config.liquidity;
        self.steers.get(&channel).map_or(*configured, |steer| steer.over(configured))
    }

    /// The most a cycle may cost for what it does to a channel end that wants it, ppm.
    pub(super) fn fee_max_ppm(&self, channel: ChannelId) -> u32 {
        let cap = self.config.caps.fee_max_ppm;
        self.steers.get(&channel).map_or(cap, |steer| steer.fee_max_ppm.min(cap))
    }

    /// Predicted time to depletion: the agent's forecast, else the mean of the last epochs.
    pub(super) fn depletion_ms(&self, channel: &Channel, now: Now) -> Option<u64> {
        let id = channel.terms.channel;
        match self.steers.get(&id).and_then(|steer| steer.forecast) {
            Some(forecast) => forecast.ms(),
            None => self.flow.depletion_ms(id, channel.local_msat(), now.wall_ms),
        }
    }

    /// Why this node asks for rebalancing, or `none`.
    pub(super) fn request_reason(&self, now: Now) -> &'static str {
        let liquidity = &self.config.liquidity;
        let channels = || self.durable.channels.values().filter(|channel| !channel.frozen);
        let total = |amount: fn(&Channel) -> Msat| {
            channels().fold(Msat::ZERO, |sum, channel| sum.plus_capped(amount(channel)))
        };
        let outbound = total(Channel::local_msat);
        let capacity = total(|channel| channel.terms.capacity_msat);
        if outbound.ppm_of(capacity).is_some_and(|ppm| ppm < liquidity.kappa_ppm) {
            return "kappa";
        }
        let thin = |channel: &Channel| {
            let least = channel.local_msat().min(channel.remote_msat());
            least.ppm_of(channel.terms.capacity_msat).is_some_and(|p| p < liquidity.theta_ppm)
        };
        if channels().any(thin) {
            return "theta";
        }
        let drying = |channel: &Channel| {
            let left = self.depletion_ms(channel, now);
            left.is_some_and(|left_ms| left_ms < liquidity.tau_ms)
        };
        if channels().any(drying) { "tau" } else { "none" }
    }

    pub(super) fn start_summaries(&mut self, now: Now) {
        self.wake_summaries(now);
    }

    pub(super) fn wake_summaries(&mut self, now: Now) {
        self.summarise(now);
        let timetable = self.config.timetable;
        let next_epoch_ms = timetable.start_ms(self.epoch(now).plus(1));
        let pause_ms = timetable.round_ms();
        let next_ms = next_epoch_ms.min(now.wall_ms.saturating_add(pause_ms));
        self.set_timer_at_wall(Timer::Summary, next_ms.max(now.wall_ms.saturating_add(1)), now);
    }

    /// Publishes our summary if it is due or our standing differs from the last one.
    pub(super) fn summarise(&mut self, now: Now) {
        let epoch = self.epoch(now);
        self.settle_rounds(epoch);
        let channels = self.channel_summaries(now);
        let reason = self.request_reason(now);
        if self.summaries.request.replace(reason) != Some(reason) {
            let requests = reason != "none";
            self.outbox.emit(Event::RequestChanged { requests, reason });
        }
        let newest = Some((epoch, Standing::of(reason != "none", &channels)));
        if self.summaries.last == newest && !self.summaries.changed {
            return;
        }
        let seq = self.durable.summary_seq.saturating_add(1);
        self.record(Record::SummarySent { seq });
        self.summaries.changed = false;
        self.summaries.last = newest;
        let summary = Summary {
            seq,
            epoch,
            bits: if self.hides_ratios() { 0 } else { self.config.liquidity.summary_bits },
            requests: reason != "none",
            channels: Bounded::first_of(channels),
        };
        if self.book.take(self.config.node, summary.clone()).is_ok() {
            self.gossip(Message::Summary(summary), now);
        }
    }

    /// Our channels as others see them; the most urgent ones if there are too many for one summary.
    fn channel_summaries(&self, now: Now) -> Vec<ChannelSummary> {
        let channels = self.durable.channels.values();
        let mut all: Vec<ChannelSummary> = channels
            .map(|channel| {
                let mut summary = self.shown(channel, &self.offer(channel, now), now);
                if channel.frozen || !self.peers_up.contains(&channel.peer()) {
                    summary.policy.disabled = true;
                }
                summary
            })
            .collect();
        if all.len() > SUMMARY_CHANNELS_MAX {
            all.sort_by_key(|channel| (u8::MAX.abs_diff(channel.urgency), channel.channel));
            all.truncate(SUMMARY_CHANNELS_MAX);
            all.sort_by_key(|channel| channel.channel);
        }
        all
    }

    /// Two different summaries of one sequence number are evidence against their author: an honest
    /// node journals the number before it publishes.
    pub(super) fn note_summary_envelope(&mut self, verified: &Verified, now: Now) {
        let Message::Summary(summary) = verified.message() else { return };
        let (from, seq) = (verified.sender(), summary.seq);
        let Ok(sealed) = EnvelopeBytes::try_from(verified.sealed().to_vec()) else { return };
        let room = self.summaries.envelopes.len() < ROSTER_MAX;
        match self.summaries.envelopes.get(&from) {
            Some((known, first)) if *known == seq && *first != sealed => {
                let evidence = Evidence::Envelopes(first.clone(), sealed);
                self.accuse(evidence, now);
            }
            Some((known, _)) if *known >= seq => {}
            None if !room => {}
            _ => {
                self.summaries.envelopes.insert(from, (seq, sealed));
            }
        }
    }

    pub(super) fn on_summary(
        &mut self,
        from: NodeId,
        summary: Summary,
        now: Now,
    ) -> Result<(), Reject> {
        let apart = summary.epoch.0.abs_diff(self.epoch(now).0);
        if apart > 1 {
            return Err(Reject::Epoch { found: summary.epoch.0, now: self.epoch(now).0 });
        }
        self.book.take(from, summary)
    }

    /// Notes what a newly completed state means for the flow of its channel.
    pub(super) fn observe_flow(&mut self, channel: ChannelId, now: Now) {
        let Some(entry) = self.durable.channels.get(&channel) else { return };
        let own_locks = entry.state().locked_by(entry.side);
        let owned = entry.local_msat().plus_capped(own_locks);
        let cycling = entry.state().locks.is_empty() && self.recently_cycled(channel);
        if cycling {
            self.flow.rebase(channel, owned);
        } else {
            self.flow.observe(channel, owned, now.wall_ms);
        }
    }

    fn recently_cycled(&self, channel: ChannelId) -> bool {
        self.durable.open_transfers().any(|(_, transfer)| {
            let cycle = matches!(transfer.kind, crate::transfer::Kind::Cycle { .. });
            let legs = [transfer.incoming, transfer.outgoing];
            cycle && legs.iter().flatten().any(|leg| leg.channel == channel)
        })
    }
}

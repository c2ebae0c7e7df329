//! What a channel end has seen: its drift, the fees it earned, when it was last rebalanced.
//!
//! It must never take a cycle for traffic, nor count a forward twice.

use debal_learn::forecast::{Drift, Settings};
use debal_protocol::message::Outcome;
use debal_protocol::transfer::{Kind, Stage};
use debal_protocol::{ChannelId, Node};
use std::collections::BTreeMap;

/// The past counts half after so many epochs: the 6 h that were chosen for epochs of ten minutes.
const HALF_LIFE_EPOCHS: f64 = 36.0;
const DAY_S: f64 = 86_400.0;

/// A channel at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The channel.
    pub channel: ChannelId,
    /// What this end owns, its own locks included: a payment counts when it settles.
    pub local_msat: u64,
    /// The capacity.
    pub capacity_msat: u64,
    /// Changes whenever a cycle touches the channel.
    pub cycles: (usize, u64),
    /// Fees of the forwards since the look before that left through this end, and entered, msat.
    pub fees_msat: [u64; 2],
}

/// Everything at this moment; forwards that ended after `since_ms` count.
pub fn seen_of(node: &Node, since_ms: u64) -> Vec<Seen> {
    let durable = node.durable();
    let mut cycles: BTreeMap<ChannelId, (usize, u64)> = BTreeMap::new();
    let mut fees: BTreeMap<ChannelId, [u64; 2]> = BTreeMap::new();
    for transfer in durable.transfers.values() {
        let legs = [transfer.outgoing, transfer.incoming];
        match (transfer.kind, transfer.stage) {
            (Kind::Cycle { .. }, _) => {
                for leg in legs.into_iter().flatten() {
                    let entry = cycles.entry(leg.channel).or_default();
                    let marks = transfer.began_ms.saturating_add(u64::from(leg.ended()));
                    *entry = (entry.0.saturating_add(1), entry.1.max(marks));
                }
            }
            (Kind::Payment, Stage::Done { outcome: Outcome::Committed, at_ms })
                if at_ms > since_ms =>
            {
                let [Some(out), Some(into)] = legs else { continue };
                let fee_msat = into.amount_msat.minus_or_zero(out.amount_msat).0;
                for (way, leg) in [out, into].into_iter().enumerate() {
                    let earned = fees.entry(leg.channel).or_default();
                    earned[way] = earned[way].saturating_add(fee_msat);
                }
            }
            _ => {}
        }
    }
    let channels = durable.channels.iter().map(|(id, channel)| Seen {
        channel: *id,
        local_msat: channel.local_msat().plus_capped(channel.state().locked_by(channel.side)).0,
        capacity_msat: channel.terms.capacity_msat.0,
        cycles: cycles.get(id).copied().unwrap_or_default(),
        fees_msat: fees.get(id).copied().unwrap_or_default(),
    });
    channels.collect()
}

/// A channel's past.
#[derive(Debug)]
pub struct Past {
    /// Drift and variance of the local balance.
    pub drift: Drift,
    cycles: (usize, u64),
    /// Since when it is watched, Unix milliseconds.
    pub since_ms: u64,
    /// Fees earned on what leaves and enters, msat a day.
    pub fees_day: [f64; 2],
    /// When a cycle last touched it, or the watch began.
    pub rebalanced_ms: u64,
    looked_ms: u64,
    half_life_s: f64,
}

impl Past {
    /// Nothing seen yet; so much silence is taken to lie before.
    pub fn new(end: &Seen, now_ms: u64, epoch_s: f64, silence_s: f64) -> Self {
        let half_life_s = HALF_LIFE_EPOCHS * epoch_s;
        Self {
            drift: Drift::new(Settings { half_life_s, prior_s: silence_s }),
            cycles: end.cycles,
            since_ms: now_ms,
            fees_day: [0.0; 2],
            rebalanced_ms: now_ms,
            looked_ms: now_ms,
            half_life_s,
        }
    }

    /// Takes in a look.
    pub fn look(&mut self, end: &Seen, now_ms: u64) {
        if self.cycles == end.cycles {
            self.drift.observe(now_ms, end.local_msat);
        } else {
            self.drift.rebase(now_ms, end.local_msat);
            (self.cycles, self.rebalanced_ms) = (end.cycles, now_ms);
        }
        let seconds = now_ms.saturating_sub(self.looked_ms) as f64 / 1_000.0;
        if seconds > 0.0 {
            let keep = (-std::f64::consts::LN_2 * seconds / self.half_life_s).exp();
            for (day, earned) in self.fees_day.iter_mut().zip(end.fees_msat) {
                *day = *day * keep + earned as f64 * (1.0 - keep) * DAY_S / seconds;
            }
            self.looked_ms = now_ms;
        }
    }
}

//! Observed flow per channel and the predicted time to depletion.
//!
//! What leaves a channel net of what enters, in slots of a quarter epoch over the last four epochs.
//! Integers only; volatile: after a restart the prediction starts again from nothing.

use crate::amount::Msat;
use crate::ids::ChannelId;
use std::collections::{BTreeMap, VecDeque};

/// Slots remembered.
const SLOTS: usize = 16;
/// Slots with data before a prediction is made.
const SLOTS_MIN: u64 = 4;

#[derive(Debug, Default)]
struct ChannelFlow {
    /// Free balance at the last look.
    last_msat: Option<Msat>,
    /// (slot number, net outflow in msat), oldest first.
    slots: VecDeque<(u64, i128)>,
    /// First slot observed.
    since: u64,
}

/// Flows of all channels.
#[derive(Debug)]
pub struct FlowBook {
    slot_ms: u64,
    channels: BTreeMap<ChannelId, ChannelFlow>,
}

impl FlowBook {
    /// A book for epochs of this length.
    #[must_use]
    pub fn new(epoch_ms: u64) -> Self {
        Self { slot_ms: (epoch_ms / 4).max(1), channels: BTreeMap::new() }
    }

    /// Notes what a channel's end owns now: free balance and own open locks together, so that a
    /// lock counts when it settles, not when it begins.
    pub fn observe(&mut self, channel: ChannelId, owned_msat: Msat, wall_ms: u64) {
        let slot = wall_ms.checked_div(self.slot_ms).unwrap_or(0);
        let flow = self.channels.entry(channel).or_default();
        let Some(last) = flow.last_msat.replace(owned_msat) else {
            flow.since = slot;
            return;
        };
        let out = i128::from(last.0).saturating_sub(i128::from(owned_msat.0));
        match flow.slots.back_mut() {
            Some((number, sum)) if *number == slot => *sum = sum.saturating_add(out),
            _ => flow.slots.push_back((slot, out)),
        }
        if flow.slots.len() > SLOTS {
            flow.slots.pop_front();
        }
    }

    /// Forgets a move that was not demand: what a cycle moved says nothing about depletion.
    pub fn rebase(&mut self, channel: ChannelId, owned_msat: Msat) {
        self.channels.entry(channel).or_default().last_msat = Some(owned_msat);
    }

    /// Milliseconds until `local` is gone at the mean net outflow of the window; `None` if the
    /// channel is not draining or too little was seen.
    #[must_use]
    pub fn depletion_ms(&self, channel: ChannelId, local: Msat, wall_ms: u64) -> Option<u64> {
        let flow = self.channels.get(&channel)?;
        let now_slot = wall_ms.checked_div(self.slot_ms).unwrap_or(0);
        let window = u64::try_from(SLOTS).unwrap_or(u64::MAX);
        let first = flow.since.max(now_slot.saturating_sub(window));
        let seen = now_slot.saturating_sub(first).saturating_add(1);
        if seen < SLOTS_MIN {
            return None;
        }
        let recent = flow.slots.iter().filter(|(slot, _)| *slot >= first);
        let out = recent.fold(0i128, |sum, (_, out)| sum.saturating_add(*out));
        let out = u128::try_from(out).ok().filter(|out| *out > 0)?;
        let span_ms = u128::from(seen.saturating_mul(self.slot_ms));
        let left_ms = u128::from(local.0).saturating_mul(span_ms).checked_div(out)?;
        Some(u64::try_from(left_ms).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steady_outflow_predicts_the_time_left() {
        let mut book = FlowBook::new(4_000);
        let channel = ChannelId(1);
        book.observe(channel, Msat(1_000), 0);
        for slot in 1..=4u64 {
            book.observe(channel, Msat(1_000 - 100 * slot), slot * 1_000);
        }
        // 400 msat in 5 slots of 1 s; 600 left: 7.5 s.
        assert_eq!(book.depletion_ms(channel, Msat(600), 4_999), Some(7_500));
    }

    #[test]
    fn no_prediction_without_outflow_or_with_too_little_seen() {
        let mut book = FlowBook::new(4_000);
        let channel = ChannelId(1);
        book.observe(channel, Msat(1_000), 0);
        book.observe(channel, Msat(900), 1_000);
        assert_eq!(book.depletion_ms(channel, Msat(900), 1_500), None);
        book.observe(channel, Msat(1_000), 9_000);
        assert_eq!(book.depletion_ms(channel, Msat(1_000), 9_000), None);
    }
}

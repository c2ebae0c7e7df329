//! What went through channels, by channel and time.
//!
//! Built once, when the first rule asks. It must never keep what went through channels that are
//! not ours any more.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::state::{FailedForward, Forward, NodeState};

/// What went through a channel in a window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Traffic {
    /// Forwards in.
    pub htlcs_in: i128,
    /// Forwards out.
    pub htlcs_out: i128,
    /// Amount in, sat, fees included.
    pub sats_in: i128,
    /// Amount out, sat.
    pub sats_out: i128,
    /// What the forwards out earned, msat.
    pub revenue_msat: i128,
}

impl Traffic {
    /// Both directions, msat.
    pub fn volume_msat(self) -> i128 {
        (self.sats_in + self.sats_out).saturating_mul(1000)
    }
}

/// Channel ids are spread by one multiplication; they come from our own node, not from peers.
#[derive(Default)]
pub(super) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64((self.0 << 8) | u64::from(*byte));
        }
    }

    fn write_u64(&mut self, id: u64) {
        let spread = id.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = spread ^ (spread >> 32);
    }
}

/// Where each of our channels is in the state.
pub(super) type Positions = HashMap<u64, u32, BuildHasherDefault<IdHasher>>;

/// Events of all channels, those of one channel together, by time.
#[derive(Debug, Default)]
pub(super) struct Events {
    /// Channel `i` has the events from `starts[i]` to `starts[i + 1]`.
    starts: Vec<usize>,
    events: Vec<Event>,
}

/// An amount at a time, and what it earned.
#[derive(Debug, Clone, Copy, Default)]
struct Event {
    timestamp: i64,
    amount: i64,
    fee_msat: i64,
}

impl Events {
    /// Sorts events into channels. Each comes with its channel's position, if it is ours.
    fn of(channels: usize, events: impl Iterator<Item = (Option<u32>, Event)>) -> Events {
        let place =
            |position: Option<u32>| position.and_then(|position| usize::try_from(position).ok());
        let events: Vec<(Option<u32>, Event)> = events.collect();
        let mut starts = vec![0; channels + 1];
        for (position, _) in &events {
            if let Some(count) = place(*position).and_then(|at| starts.get_mut(at + 1)) {
                *count += 1;
            }
        }
        let mut total = 0;
        for start in &mut starts {
            total += *start;
            *start = total;
        }
        let mut next = starts.clone();
        let mut sorted = vec![Event::default(); total];
        for (position, event) in events {
            let Some(slot) = place(position).and_then(|at| next.get_mut(at)) else { continue };
            if let Some(target) = sorted.get_mut(*slot) {
                *target = event;
            }
            *slot += 1;
        }
        let mut found = Events { starts, events: sorted };
        for channel in 0..channels {
            let range = found.range(channel);
            if let Some(events) = found.events.get_mut(range)
                && !events.is_sorted_by_key(|event| event.timestamp)
            {
                events.sort_by_key(|event| event.timestamp);
            }
        }
        found
    }

    fn range(&self, channel: usize) -> std::ops::Range<usize> {
        let at = |index: usize| self.starts.get(index).copied().unwrap_or_default();
        at(channel)..at(channel + 1)
    }

    /// Count, amount and earnings of a channel's events from `start` to `end`, both included.
    fn within(&self, channel: usize, start: i128, end: i64) -> (i128, i128, i128) {
        let events = self.events.get(self.range(channel)).unwrap_or_default();
        let first = events.partition_point(|event| i128::from(event.timestamp) < start);
        let events = events.iter().skip(first).take_while(|event| event.timestamp <= end);
        events.fold((0, 0, 0), |(count, amount, earned), event| {
            (count + 1, amount + i128::from(event.amount), earned + i128::from(event.fee_msat))
        })
    }
}

/// What went through all our channels.
#[derive(Debug)]
pub(super) struct Flows {
    incoming: Events,
    outgoing: Events,
    failed: Events,
}

impl Flows {
    /// Sorts a state's forwards.
    pub fn of(state: &NodeState, positions: &Positions) -> Flows {
        let (node, channels) = (&state.node, state.channels.len());
        let at = |id: u64| positions.get(&id).copied();
        let incoming = |forward: &Forward| Event {
            timestamp: forward.timestamp,
            amount: forward.amt_in_sat,
            fee_msat: 0,
        };
        let outgoing = |forward: &Forward| {
            let fee = || {
                let difference = forward.amt_in_sat.saturating_sub(forward.amt_out_sat);
                difference.saturating_mul(1000)
            };
            let fee_msat = forward.fee_msat.unwrap_or_else(fee);
            Event { timestamp: forward.timestamp, amount: forward.amt_out_sat, fee_msat }
        };
        let failed = |failed: &FailedForward| Event {
            timestamp: failed.timestamp,
            amount: failed.amt_msat,
            fee_msat: 0,
        };
        let (settled, lost) = (node.forwards.iter(), node.failed_forwards.iter());
        Flows {
            incoming: Events::of(
                channels,
                settled.clone().map(|forward| (at(forward.chan_id_in), incoming(forward))),
            ),
            outgoing: Events::of(
                channels,
                settled.map(|forward| (at(forward.chan_id_out), outgoing(forward))),
            ),
            failed: Events::of(channels, lost.map(|lost| (at(lost.chan_id_out), failed(lost)))),
        }
    }

    /// What went through a channel from `start` to `end`.
    pub fn traffic(&self, channel: usize, start: i128, end: i64) -> Traffic {
        let (htlcs_in, sats_in, _) = self.incoming.within(channel, start, end);
        let (htlcs_out, sats_out, revenue_msat) = self.outgoing.within(channel, start, end);
        Traffic { htlcs_in, htlcs_out, sats_in, sats_out, revenue_msat }
    }

    /// How many forwards out failed from `start` to `end`, and what they wanted to send, msat.
    pub fn failed(&self, channel: usize, start: i128, end: i64) -> (i128, i128) {
        let (count, amount, _) = self.failed.within(channel, start, end);
        (count, amount)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_includes_both_its_ends_and_only_its_channel() {
        let event = |position, timestamp, amount| {
            (position, Event { timestamp, amount, fee_msat: 10 * amount })
        };
        let events = [
            event(Some(1), 9, 5),
            event(Some(0), 4, 100),
            event(Some(1), 3, 1),
            event(None, 5, 1000),
            event(Some(1), 6, 2),
        ];
        let events = Events::of(2, events.into_iter());
        assert_eq!(events.within(1, 3, 6), (2, 3, 30));
        assert_eq!(events.within(1, 4, 9), (2, 7, 70));
        assert_eq!(events.within(1, 10, 9), (0, 0, 0));
        assert_eq!(events.within(1, i128::MIN, 2), (0, 0, 0));
        assert_eq!(events.within(0, 0, 9), (1, 100, 1000));
        assert_eq!(events.within(7, 0, 9), (0, 0, 0));
    }
}

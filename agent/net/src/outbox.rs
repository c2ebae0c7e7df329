//! Direct messages on their way out: first in, first out per peer, with a window of unacknowledged
//! ones. Order of delivery is not promised (each message is its own stream), order of sending is.
//! Every queue is capped; a message leaves only as acknowledged or as a named failure.

use std::collections::{HashMap, VecDeque};

use libp2p::{PeerId, request_response::OutboundRequestId};
use tokio::sync::OwnedSemaphorePermit;

use crate::limits::{PEER_QUEUE, PEER_WINDOW};

/// A message and its share of the outbound byte budget, returned when this is dropped.
#[derive(Debug)]
pub(crate) struct Parcel {
    pub(crate) bytes: Vec<u8>,
    pub(crate) budget: OwnedSemaphorePermit,
}

#[derive(Debug, Default)]
struct Lane {
    waiting: VecDeque<Parcel>,
    in_flight: usize,
}

/// The lanes of all peers.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    lanes: HashMap<PeerId, Lane>,
    in_flight: HashMap<OutboundRequestId, (PeerId, OwnedSemaphorePermit)>,
}

impl Outbox {
    /// Queues a message; false when the peer's queue is full.
    pub(crate) fn push(&mut self, to: PeerId, parcel: Parcel) -> bool {
        let lane = self.lanes.entry(to).or_default();
        if lane.waiting.len() >= PEER_QUEUE {
            return false;
        }
        lane.waiting.push_back(parcel);
        true
    }

    /// The next message the window to `to` has room for.
    pub(crate) fn next(&mut self, to: &PeerId) -> Option<Parcel> {
        let lane = self.lanes.get_mut(to)?;
        if lane.in_flight >= PEER_WINDOW {
            return None;
        }
        let parcel = lane.waiting.pop_front()?;
        lane.in_flight += 1;
        Some(parcel)
    }

    /// Notes under which request the message just taken by [`Outbox::next`] travels.
    pub(crate) fn sent(&mut self, id: OutboundRequestId, to: PeerId, budget: OwnedSemaphorePermit) {
        self.in_flight.insert(id, (to, budget));
    }

    /// A request ended, well or badly; returns whom it was for.
    pub(crate) fn ended(&mut self, id: OutboundRequestId) -> Option<PeerId> {
        let (to, _budget) = self.in_flight.remove(&id)?;
        if let Some(lane) = self.lanes.get_mut(&to) {
            lane.in_flight = lane.in_flight.saturating_sub(1);
        }
        self.tidy(&to);
        Some(to)
    }

    /// Gives up everything that waits for `to`; returns how many messages that was.
    pub(crate) fn give_up(&mut self, to: &PeerId) -> usize {
        let given_up = self.lanes.get_mut(to).map_or(0, |lane| lane.waiting.drain(..).count());
        self.tidy(to);
        given_up
    }

    /// Whether messages wait for `to`.
    pub(crate) fn waits_for(&self, to: &PeerId) -> bool {
        self.lanes.get(to).is_some_and(|lane| !lane.waiting.is_empty())
    }

    /// Whether nothing waits and nothing is in flight.
    pub(crate) fn is_idle(&self) -> bool {
        self.lanes.is_empty()
    }

    fn tidy(&mut self, peer: &PeerId) {
        let idle = |lane: &Lane| lane.waiting.is_empty() && lane.in_flight == 0;
        if self.lanes.get(peer).is_some_and(idle) {
            self.lanes.remove(peer);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use tokio::sync::Semaphore;

    use super::*;

    fn parcel(budget: &Arc<Semaphore>, tag: usize) -> Parcel {
        let budget = Arc::clone(budget).try_acquire_owned().unwrap();
        Parcel { bytes: vec![u8::try_from(tag % 256).unwrap()], budget }
    }

    #[test]
    fn messages_leave_in_order_and_only_as_the_window_allows() {
        let budget = Arc::new(Semaphore::new(10_000));
        let (mut outbox, peer) = (Outbox::default(), PeerId::random());
        let count = PEER_WINDOW + 5;
        assert!((0..count).all(|tag| outbox.push(peer, parcel(&budget, tag))));
        let sent: Vec<Parcel> = std::iter::from_fn(|| outbox.next(&peer)).collect();
        let tags: Vec<usize> = sent.iter().map(|parcel| usize::from(parcel.bytes[0])).collect();
        assert_eq!(tags, (0..PEER_WINDOW).collect::<Vec<_>>());
        assert_eq!(outbox.give_up(&peer), 5);
        assert!(!outbox.is_idle(), "the window is still in flight");
        assert!(!outbox.waits_for(&peer));
    }

    #[test]
    fn a_full_lane_refuses_and_its_budget_comes_back() {
        let budget = Arc::new(Semaphore::new(PEER_QUEUE + 1));
        let (mut outbox, peer) = (Outbox::default(), PeerId::random());
        assert!((0..PEER_QUEUE).all(|tag| outbox.push(peer, parcel(&budget, tag))));
        assert!(!outbox.push(peer, parcel(&budget, 0)));
        assert_eq!(budget.available_permits(), 1, "the refused message holds no budget");
        assert_eq!(outbox.give_up(&peer), PEER_QUEUE);
        assert_eq!(budget.available_permits(), PEER_QUEUE + 1);
        assert!(outbox.is_idle());
    }
}

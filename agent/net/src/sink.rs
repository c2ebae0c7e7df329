//! The way to the consumer: peer traffic may use most of the queue, control events all of it, and
//! a capped backlog behind it. A flooding peer can therefore never hide a `PeerDown`.

use std::{collections::VecDeque, sync::Arc};

use tokio::sync::mpsc;

use crate::{
    counters::{self, Counters},
    event::NetEvent,
    limits::{EVENT_BACKLOG, EVENT_RESERVE},
};

/// Hands events to the consumer without ever waiting for it.
#[derive(Debug)]
pub(crate) struct EventSink {
    queue: mpsc::Sender<NetEvent>,
    backlog: VecDeque<NetEvent>,
    counters: Arc<Counters>,
}

impl EventSink {
    /// A sink in front of the consumer's queue.
    pub(crate) fn new(queue: mpsc::Sender<NetEvent>, counters: Arc<Counters>) -> Self {
        Self { queue, backlog: VecDeque::new(), counters }
    }

    /// Offers peer traffic; false when the consumer does not keep up, and the event is dropped.
    pub(crate) fn traffic(&mut self, event: NetEvent) -> bool {
        self.flush();
        let room = self.backlog.is_empty() && self.queue.capacity() > EVENT_RESERVE;
        let taken = room && self.queue.try_send(event).is_ok();
        if !taken {
            counters::one(&self.counters.refused_busy);
        }
        taken
    }

    /// Hands over a control event, parking it while the queue is full.
    pub(crate) fn control(&mut self, event: NetEvent) {
        if self.backlog.len() >= EVENT_BACKLOG {
            counters::one(&self.counters.events_lost);
            tracing::error!("control event lost: the consumer has stopped reading");
            return;
        }
        self.backlog.push_back(event);
        self.flush();
    }

    /// Moves parked events into the queue as far as it has room.
    pub(crate) fn flush(&mut self) {
        while let Some(event) = self.backlog.pop_front() {
            if let Err(mpsc::error::TrySendError::Full(event)) = self.queue.try_send(event) {
                self.backlog.push_front(event);
                return;
            }
        }
    }

    /// Whether the consumer is gone.
    pub(crate) fn is_closed(&self) -> bool {
        self.queue.is_closed()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::key::PeerKey;

    fn traffic() -> NetEvent {
        NetEvent::Direct { from: PeerKey([1; 32]), bytes: vec![] }
    }

    #[test]
    fn traffic_leaves_the_reserve_to_control_events_and_these_keep_their_order() {
        let capacity = EVENT_RESERVE + 10;
        let (queue, mut events) = mpsc::channel(capacity);
        let mut sink = EventSink::new(queue, Arc::default());
        assert_eq!((0..100).filter(|_| sink.traffic(traffic())).count(), 10);
        let count = EVENT_RESERVE + 50;
        let key = |index: usize| PeerKey([u8::try_from(index % 256).unwrap(); 32]);
        (0..count).for_each(|index| sink.control(NetEvent::PeerDown(key(index))));
        assert!(!sink.traffic(traffic()), "parked control events go first");
        let mut seen = Vec::new();
        loop {
            sink.flush();
            let Ok(event) = events.try_recv() else { break };
            seen.push(event);
        }
        let expected = (0..10).map(|_| traffic());
        let expected = expected.chain((0..count).map(|index| NetEvent::PeerDown(key(index))));
        assert_eq!(seen, expected.collect::<Vec<_>>());
    }
}

//! The heap of everything that will happen.
//!
//! Events come out by (time, a tie-break drawn from the seed, number): never by the order in which
//! a container happens to hold them.

use super::clients::Ask;
use debal_protocol::effect::PlanRequest;
use debal_protocol::input::Timer;
use debal_protocol::message::Travel;
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::sync::Arc;

/// A message under way.
#[derive(Clone, Debug)]
pub(crate) struct Parcel {
    pub from: usize,
    pub to: usize,
    pub travel: Travel,
    pub bytes: Arc<Vec<u8>>,
    /// Nothing tampered with it and its sender is honest: it must be accepted as well formed.
    pub clean: bool,
    pub name: &'static str,
}

/// Something that happens.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// A message arrives.
    Deliver(Parcel),
    /// A timer may be due.
    Wake { host: usize, life: u64, timer: Timer, tick_ms: u64 },
    /// A flush ends.
    Flush { host: usize, life: u64 },
    /// The planner answers.
    Planned { host: usize, life: u64, request: Box<PlanRequest> },
    /// A host looks at its connection to a peer.
    Notice { host: usize, peer: usize },
    /// An operator asks for something.
    Operator(Ask),
    /// A fault begins.
    FaultBegins(usize),
    /// A fault ends.
    FaultEnds(usize),
    /// A halted or crashed process is started again.
    Restart { host: usize, life: u64 },
}

impl Event {
    /// Whose process it happens to; `None` for what happens to machines and links.
    pub const fn host(&self) -> Option<usize> {
        match self {
            Self::Deliver(parcel) => Some(parcel.to),
            Self::Wake { host, .. }
            | Self::Flush { host, .. }
            | Self::Planned { host, .. }
            | Self::Notice { host, .. } => Some(*host),
            Self::Operator(ask) => Some(ask.host),
            Self::FaultBegins(_) | Self::FaultEnds(_) | Self::Restart { .. } => None,
        }
    }
}

#[derive(Debug)]
struct Entry {
    key: (u64, u32, u64),
    event: Event,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}
impl Eq for Entry {}
impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        other.key.cmp(&self.key)
    }
}

/// The heap.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    heap: BinaryHeap<Entry>,
    pushed: u64,
}

impl Queue {
    pub fn push(&mut self, at_ms: u64, tie: u32, event: Event) {
        self.pushed += 1;
        self.heap.push(Entry { key: (at_ms, tie, self.pushed), event });
    }

    /// The next event, if it is due by `until_ms`.
    pub fn pop(&mut self, until_ms: u64) -> Option<(u64, Event)> {
        if self.heap.peek()?.key.0 > until_ms {
            return None;
        }
        self.heap.pop().map(|entry| (entry.key.0, entry.event))
    }
}

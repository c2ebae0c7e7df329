//! The stream of what happened, and the trace of gossip times.
//!
//! Everyone who watches reads the same ring: history, metrics, the control API, the ledger backend.

use crate::clock;
use crate::ring::Ring;
use debal_protocol::event::Event;

/// Events kept for slow readers.
pub const EVENTS_KEPT: usize = 65_536;

/// Gossip times kept, each way.
pub const TRACE_KEPT: usize = 16_384;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// The core says so.
    Core(Event),
    /// The agent around the core says so.
    Agent {
        /// Stable name.
        kind: &'static str,
        /// For people.
        text: String,
    },
}

/// An entry of the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When, Unix milliseconds.
    pub at_unix_ms: u64,
    /// What.
    pub what: Happening,
}

/// The feed.
pub type Feed = Ring<Entry>;

impl Entry {
    /// An entry of now.
    #[must_use]
    pub fn now(what: Happening) -> Self {
        Self { at_unix_ms: clock::unix_ms(), what }
    }
}

/// First eight hex characters of an envelope's digest, and a Unix time in microseconds.
pub type Sighting = (String, u64);

/// When envelopes were published and received here.
#[derive(Clone)]
pub struct GossipTrace {
    /// Published by this node.
    pub published: Ring<Sighting>,
    /// Received by this node.
    pub received: Ring<Sighting>,
}

impl Default for GossipTrace {
    fn default() -> Self {
        Self { published: Ring::new(TRACE_KEPT), received: Ring::new(TRACE_KEPT) }
    }
}

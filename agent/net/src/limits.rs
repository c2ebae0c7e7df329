//! Every queue capacity, byte cap, deadline and rate of this crate, at one place.
//! Nothing elsewhere in the crate may invent a bound of its own; a number that limits a peer or
//! sizes a queue stands here with its unit and its reason.

use std::time::Duration;

use crate::topic::Topic;

/// Direct messages waiting between the handle and the network task, in messages.
pub const COMMAND_QUEUE: usize = 4096;
/// Dial, block, score and similar requests waiting for the network task, in requests.
pub const CONTROL_QUEUE: usize = 1024;
/// Validation verdicts waiting for the network task, in verdicts; more than the event queue can
/// ever hand out at once, so a consumer that answers each event once never fills it.
pub const VERDICT_QUEUE: usize = 8192;
/// Events waiting for the consumer, in events; the receiver that [`crate::start`] returns holds
/// at most this many.
pub const EVENT_QUEUE: usize = 2048;
/// The part of [`EVENT_QUEUE`] that peer traffic cannot use, so that `PeerDown` or `SendFailed`
/// still gets through when a peer floods, in events.
pub const EVENT_RESERVE: usize = 256;
/// Control events (never peer traffic) parked while even the reserve is full, in events.
pub const EVENT_BACKLOG: usize = 4096;
/// Bytes of direct and gossip messages handed in and not yet gone, over all peers.
pub const OUTBOUND_BYTES: usize = 32 << 20;
/// Direct messages to one peer that wait for its window, in messages.
pub const PEER_QUEUE: usize = 512;
/// Direct messages to one peer that may be unacknowledged at once, in messages.
pub const PEER_WINDOW: usize = 32;
/// Concurrent request streams on one connection, both directions together; twice the window,
/// because both ends may fill theirs.
pub const STREAMS_PER_CONNECTION: usize = 2 * PEER_WINDOW + 8;
/// Streams of any protocol that one connection may hold open at once.
pub const YAMUX_STREAMS: usize = 256;
/// Largest direct message, in bytes; refused on both ends, on the receiving end before memory is
/// reserved for it.
pub const DIRECT_MAX_BYTES: usize = 64 << 10;

/// Bytes a signed gossip frame adds to its payload (source, sequence number, signature, topic).
pub const GOSSIP_OVERHEAD_BYTES: usize = 512;
/// Slack over the largest gossip frame: the upstream decoder compares its whole read buffer, which
/// may hold up to 8 KiB of the following frame, with the cap, and would refuse legal traffic.
pub const GOSSIP_READ_SLACK_BYTES: usize = 16 << 10;
/// Gossip messages in one remote procedure call frame; upstream allows 5000.
pub const GOSSIP_MESSAGES_PER_RPC: usize = 64;
/// Control entries (IHAVE, IWANT) exchanged per heartbeat; upstream allows 5000.
pub const GOSSIP_CONTROL_MESSAGES: usize = 1000;
/// Gossip frames buffered for one slow peer, in frames; upstream allows 5000.
pub const GOSSIP_PEER_QUEUE: usize = 512;

/// From a stream's opening to its answer. A stream that dribbles is cut here, whatever it sends.
pub const STREAM_DEADLINE: Duration = Duration::from_secs(5);
/// From the first byte of a direct message to its last; shorter than [`STREAM_DEADLINE`], because
/// upstream tells nobody about a stream it cuts before the message is whole.
pub const READ_DEADLINE: Duration = Duration::from_secs(4);
/// From an accepted or dialled socket to an authenticated, multiplexed connection.
pub const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(5);
/// From an authenticated connection to the identify answer that proves the network id.
pub const IDENTIFY_DEADLINE: Duration = Duration::from_secs(10);
/// How long a connection that nothing uses stays open; explicit peers are kept regardless.
pub const IDLE_DEADLINE: Duration = Duration::from_secs(120);
/// How long `shutdown` waits for direct messages that are already on the wire.
pub const SHUTDOWN_GRACE: Duration = Duration::from_millis(500);

/// How long `shutdown` lets the connections flush gossip, even when no direct message waits.
pub const SHUTDOWN_FLUSH: Duration = Duration::from_millis(30);

/// First pause before an anchor (bootstrap or explicit peer) is dialled again.
pub const REDIAL_BASE: Duration = Duration::from_millis(250);
/// Longest pause between two dials of one anchor.
pub const REDIAL_CAP: Duration = Duration::from_secs(30);
/// A connection that ends sooner counts as a failed dial, so that a peer which accepts and hangs up
/// (it has blocked us, say) is not dialled in a tight loop.
pub const STABLE_AFTER: Duration = Duration::from_secs(10);
/// Failures in a row after which a peer that is no anchor is forgotten.
pub const STRANGER_PATIENCE: u32 = 10;
/// The housekeeping beat: redials, deadlines, decay.
pub const TICK: Duration = Duration::from_millis(100);
/// Verified connections below which known peers are dialled to fill up.
pub const TARGET_PEERS: usize = 16;
/// Peers whose addresses are remembered.
pub const BOOK_PEERS: usize = 1024;
/// Addresses remembered for one peer.
pub const BOOK_ADDRESSES: usize = 8;
/// Routing lookups for peers without an address that may run at once.
pub const LOOKUPS: usize = 8;
/// Distinct keys a rate table or a score table tracks before strangers share one entry.
pub const TRACKED_KEYS: usize = 4096;
/// How long a foreign peer is neither dialled nor reported again.
pub const FOREIGN_MEMORY: Duration = Duration::from_secs(600);

/// Size and rate caps of one topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicLimits {
    /// Largest payload in bytes.
    pub max_bytes: usize,
    /// Messages a second one signer may originate in the long run.
    pub per_second: u32,
    /// Messages one signer may originate at once.
    pub burst: u32,
}

/// The limits an operator may change. `Default` is right for 3 to 50 nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetLimits {
    /// Caps of [`Topic::Summaries`].
    pub summaries: TopicLimits,
    /// Caps of [`Topic::Election`].
    pub election: TopicLimits,
    /// Caps of [`Topic::Plans`].
    pub plans: TopicLimits,
    /// Caps of [`Topic::Receipts`].
    pub receipts: TopicLimits,
    /// Direct messages a second one peer may send in the long run.
    pub direct_per_second: u32,
    /// Direct messages one peer may send at once.
    pub direct_burst: u32,
    /// Established inbound connections.
    pub inbound_connections: u32,
    /// Established outbound connections; separate, so that inbound strangers can never use up the
    /// slots through which this node reaches its own counterparties.
    pub outbound_connections: u32,
    /// Inbound connections in handshake.
    pub pending_inbound: u32,
    /// Inbound connections (pending and established) from one IPv4 /24 or IPv6 /48.
    pub inbound_per_prefix: u32,
    /// Resident bytes of the process above which new connections are refused.
    pub max_process_bytes: usize,
}

impl Default for NetLimits {
    fn default() -> Self {
        let topic = |max_bytes, per_second, burst| TopicLimits { max_bytes, per_second, burst };
        Self {
            summaries: topic(16 << 10, 4, 16),
            election: topic(24 << 10, 10, 40),
            plans: topic(64 << 10, 2, 8),
            receipts: topic(4 << 10, 100, 400),
            direct_per_second: 2000,
            direct_burst: 4000,
            inbound_connections: 128,
            outbound_connections: 64,
            pending_inbound: 128,
            inbound_per_prefix: 32,
            max_process_bytes: 4 << 30,
        }
    }
}

impl NetLimits {
    /// The caps of one topic.
    pub fn topic(&self, topic: Topic) -> TopicLimits {
        match topic {
            Topic::Summaries => self.summaries,
            Topic::Election => self.election,
            Topic::Plans => self.plans,
            Topic::Receipts => self.receipts,
        }
    }

    /// The largest payload of any topic in bytes.
    pub(crate) fn largest_gossip_bytes(&self) -> usize {
        Topic::ALL.iter().map(|topic| self.topic(*topic).max_bytes).max().unwrap_or(0)
    }
}

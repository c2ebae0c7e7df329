//! What the network tells its consumer, and the named reasons for which it refuses or fails.
//! Payloads are opaque bytes; nothing here may parse them.

use libp2p::Multiaddr;
use thiserror::Error;

use crate::{gossip::GOSSIP_ID_BYTES, key::PeerKey, topic::Topic};

/// Something that happened on the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetEvent {
    /// The node accepts connections at this address.
    Listening(Multiaddr),
    /// A peer of the same network is connected and has stated the right network id.
    PeerUp(PeerKey),
    /// The last connection to a peer reported by `PeerUp` is gone.
    PeerDown(PeerKey),
    /// A direct message. `from` is authenticated by the connection.
    Direct {
        /// The authenticated sender.
        from: PeerKey,
        /// The message, at most [`crate::limits::DIRECT_MAX_BYTES`] long.
        bytes: Vec<u8>,
    },
    /// A gossip message within its topic's size and rate caps. It travels on only after
    /// [`crate::NetHandle::verdict`] says [`Verdict::Accept`], within about seven seconds.
    Gossip {
        /// The topic it came on.
        topic: Topic,
        /// Who signed the gossip frame. Content is deduplicated by hash, so a relay may re-sign
        /// somebody else's bytes: authorship is what the bytes themselves prove.
        source: PeerKey,
        /// The payload.
        bytes: Vec<u8>,
        /// What to give back with the verdict.
        token: GossipToken,
        /// The neighbour that handed it to us.
        propagation: PeerKey,
    },
    /// A direct message did not reach its peer, or its acknowledgement did not reach us.
    SendFailed {
        /// The intended receiver.
        to: PeerKey,
        /// Why.
        reason: SendFailure,
    },
    /// Something an operator should know; the network goes on.
    Warning(Warning),
}

/// A condition that is reported and survived.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Warning {
    /// A bootstrap or explicit peer could not be reached; it is dialled again after a pause.
    #[error("peer {peer} unreachable after {attempts} attempts: {reason}")]
    AnchorUnreachable {
        /// The peer.
        peer: PeerKey,
        /// Dials that failed in a row.
        attempts: u32,
        /// The transport's own words, cut to 256 characters.
        reason: String,
    },
    /// A connected peer stated another network id or protocol and was disconnected.
    #[error("peer {peer} belongs to another network: {stated}")]
    ForeignNetwork {
        /// The peer.
        peer: PeerKey,
        /// What it stated, cut to 128 characters.
        stated: String,
    },
    /// A publication that `publish` took could not be sent to anybody.
    #[error("publication on {topic} failed: {reason}")]
    PublishFailed {
        /// The topic.
        topic: Topic,
        /// Why.
        reason: PublishFailure,
    },
    /// A listening address was lost after start.
    #[error("listening stopped: {reason}")]
    ListenerClosed {
        /// The transport's own words, cut to 256 characters.
        reason: String,
    },
}

/// Why a publication went nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PublishFailure {
    /// The same bytes were published or seen on this topic within the last two minutes.
    #[error("duplicate content")]
    Duplicate,
    /// No connected peer listens on the topic.
    #[error("no peer subscribed")]
    NoPeers,
    /// Every peer's queue is full.
    #[error("all peer queues full")]
    QueuesFull,
    /// The frame exceeds the topic's cap or could not be signed.
    #[error("frame refused")]
    Refused,
}

/// Why the handle did not take a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SendRefused {
    /// The message exceeds the cap.
    #[error("message of {bytes} bytes exceeds the cap of {cap}")]
    TooLarge {
        /// The message's length.
        bytes: usize,
        /// The cap.
        cap: usize,
    },
    /// The outgoing queue holds its cap of messages or bytes.
    #[error("outgoing queue full")]
    QueueFull,
    /// This node's own rate cap on the topic is used up; peers would ignore more.
    #[error("own rate cap on {0} reached")]
    OverRate(Topic),
    /// A node does not send to itself.
    #[error("message to self")]
    ToSelf,
    /// The network has been shut down.
    #[error("network shut down")]
    Closed,
}

/// Why a direct message failed after the handle took it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SendFailure {
    /// The queue to this peer is full.
    #[error("queue to this peer full")]
    QueueFull,
    /// No address of the peer is known; a routing lookup was started.
    #[error("no address known")]
    NoAddress,
    /// The peer could not be reached.
    #[error("could not connect")]
    Unreachable,
    /// No acknowledgement in time; the message may have arrived.
    #[error("no acknowledgement in time")]
    Timeout,
    /// The connection closed first; the message may have arrived.
    #[error("connection closed")]
    ConnectionClosed,
    /// The peer does not speak this network's protocol.
    #[error("peer does not speak this network's protocol")]
    Unsupported,
    /// The peer's consumer is not keeping up; it did not take the message.
    #[error("peer busy")]
    PeerBusy,
    /// The peer says we send too fast; it did not take the message.
    #[error("over the peer's rate cap")]
    OverRate,
    /// The peer's size cap is lower than ours; it did not take the message.
    #[error("over the peer's size cap")]
    TooLarge,
    /// The message reached the peer too slowly; it did not take it.
    #[error("message arrived too slowly")]
    TooSlow,
    /// The stream broke; the message may have arrived.
    #[error("stream broke")]
    Broken,
}

/// The consumer's judgement of a gossip message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Valid: pass it on.
    Accept,
    /// Cannot judge, or not useful: drop it, blame nobody.
    Ignore,
    /// Invalid whoever looks at it: drop it and blame every neighbour that handed it to us.
    Reject,
}

/// Names one received gossip message towards [`crate::NetHandle::verdict`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GossipToken {
    pub(crate) id: [u8; GOSSIP_ID_BYTES],
    pub(crate) propagation: PeerKey,
    pub(crate) source: PeerKey,
}

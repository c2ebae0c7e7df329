//! Where the driver's released effects go: the network, or a test.
//!
//! What arrives here has passed the journal. Nothing here may hold it back or repeat it.

use debal_net::{GossipToken, NetHandle, PeerKey, Topic};
use debal_protocol::message::Travel;
use debal_protocol::{NodeId, Verdict};

/// The way out of the driver.
pub trait Outbox: Send {
    /// Sends a sealed envelope to one member; a failure is counted by the network, the core
    /// repeats.
    fn send(&self, to: NodeId, bytes: Vec<u8>);
    /// Publishes a sealed envelope.
    fn gossip(&self, travel: Travel, bytes: Vec<u8>);
    /// Says what to do with a gossiped message.
    fn verdict(&self, token: GossipToken, verdict: Verdict);
    /// Keeps a connection to this member: it is a channel counterparty.
    fn keep(&self, peer: NodeId);
}

/// The real network.
pub struct NetOutbox(pub NetHandle);

impl Outbox for NetOutbox {
    fn send(&self, to: NodeId, bytes: Vec<u8>) {
        if let Err(error) = self.0.send(PeerKey(to.0), bytes) {
            tracing::debug!(to = %to.short(), %error, "not sent; the core repeats it");
        }
    }

    fn gossip(&self, travel: Travel, bytes: Vec<u8>) {
        let Some(topic) = topic(travel) else { return };
        if let Err(error) = self.0.publish(topic, bytes) {
            tracing::warn!(%topic, %error, "not published");
        }
    }

    fn verdict(&self, token: GossipToken, verdict: Verdict) {
        let verdict = match verdict {
            Verdict::Accept => debal_net::Verdict::Accept,
            Verdict::Ignore => debal_net::Verdict::Ignore,
            Verdict::Reject => debal_net::Verdict::Reject,
        };
        self.0.verdict(token, verdict);
    }

    fn keep(&self, peer: NodeId) {
        self.0.set_explicit_peer(PeerKey(peer.0));
    }
}

/// The topic of a way of travelling; direct messages have none.
const fn topic(travel: Travel) -> Option<Topic> {
    match travel {
        Travel::Summaries => Some(Topic::Summaries),
        Travel::Election => Some(Topic::Election),
        Travel::Plans => Some(Topic::Plans),
        Travel::Receipts => Some(Topic::Receipts),
        Travel::Direct => None,
    }
}

/// The way of travelling of a topic.
pub(super) const fn travel(topic: Topic) -> Travel {
    match topic {
        Topic::Summaries => Travel::Summaries,
        Topic::Election => Travel::Election,
        Topic::Plans => Travel::Plans,
        Topic::Receipts => Travel::Receipts,
    }
}

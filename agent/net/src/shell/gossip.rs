//! Gossip: caps before the consumer sees a message, the consumer's verdict before it travels on.

use std::time::Instant;

use libp2p::{
    PeerId,
    gossipsub::{Event, Message, MessageAcceptance, MessageId, PublishError},
};

use super::Shell;
use crate::{
    counters,
    event::{GossipToken, NetEvent, PublishFailure, Verdict, Warning},
    judge::Ruling,
    key::PeerKey,
    topic::Topic,
};

/// What a gossip message over the rate costs the neighbour to blame. Penalties heal by a tenth
/// each second, so more than 24 excess messages a second, kept up, end on the graylist.
const OVER_RATE_PENALTY: f64 = 0.5;

impl Shell {
    pub(super) fn publish(&mut self, topic: Topic, bytes: Vec<u8>) {
        let length = bytes.len();
        let name = self.names.gossip(topic);
        let reason = match self.swarm.behaviour_mut().gossip.publish(name, bytes) {
            Ok(_) => {
                counters::one(&self.counters.gossip_out);
                counters::add(&self.counters.gossip_bytes_out, length);
                return;
            }
            Err(PublishError::Duplicate) => PublishFailure::Duplicate,
            Err(PublishError::NoPeersSubscribedToTopic) => PublishFailure::NoPeers,
            Err(PublishError::AllQueuesFull(_)) => PublishFailure::QueuesFull,
            Err(error) => {
                tracing::warn!(%topic, %error, "publication refused");
                PublishFailure::Refused
            }
        };
        counters::one(&self.counters.publish_failures);
        let warning = Warning::PublishFailed { topic, reason };
        tracing::debug!(%warning);
        self.sink.control(NetEvent::Warning(warning));
    }

    pub(super) fn on_gossip(&mut self, event: Event) {
        match event {
            Event::Message { propagation_source, message_id, message } => {
                self.hear(propagation_source, message_id, message);
            }
            Event::SlowPeer { peer_id, .. } => tracing::debug!(peer = %peer_id, "slow peer"),
            _ => {}
        }
    }

    fn hear(&mut self, neighbour: PeerId, id: MessageId, message: Message) {
        let topic = self.names.topic_of(&message.topic);
        let signer = message.source;
        let keys = signer.as_ref().and_then(PeerKey::from_peer_id);
        let keys = keys.zip(PeerKey::from_peer_id(&neighbour));
        let short_id = id.0.as_slice().try_into().ok();
        let (Some(topic), Some(signer), Some((source, propagation)), Some(short_id)) =
            (topic, signer, keys, short_id)
        else {
            return self.report(&id, &neighbour, MessageAcceptance::Reject);
        };
        let length = message.data.len();
        match self.judge.rule(topic, length, signer, neighbour, Instant::now()) {
            Ruling::Pass => {}
            Ruling::TooLarge => {
                counters::one(&self.counters.refused_size);
                return self.report(&id, &neighbour, MessageAcceptance::Reject);
            }
            ruling => {
                counters::one(&self.counters.refused_rate);
                if ruling == Ruling::DropAndBlame {
                    self.penalise(neighbour, OVER_RATE_PENALTY);
                }
                return self.report(&id, &neighbour, MessageAcceptance::Ignore);
            }
        }
        let token = GossipToken { id: short_id, propagation, source };
        let bytes = message.data;
        if self.sink.traffic(NetEvent::Gossip { topic, source, bytes, token, propagation }) {
            counters::one(&self.counters.gossip_in);
            counters::add(&self.counters.gossip_bytes_in, length);
        } else {
            self.report(&id, &neighbour, MessageAcceptance::Ignore);
        }
    }

    pub(super) fn judged(&mut self, token: &GossipToken, verdict: Verdict) {
        let peers = token.source.to_peer_id().zip(token.propagation.to_peer_id());
        let Some((signer, neighbour)) = peers else { return };
        let acceptance = match verdict {
            Verdict::Accept => {
                self.judge.accepted(signer);
                MessageAcceptance::Accept
            }
            Verdict::Ignore => MessageAcceptance::Ignore,
            Verdict::Reject => {
                counters::one(&self.counters.rejected);
                MessageAcceptance::Reject
            }
        };
        self.report(&MessageId::new(&token.id), &neighbour, acceptance);
    }

    fn report(&mut self, id: &MessageId, neighbour: &PeerId, acceptance: MessageAcceptance) {
        let gossip = &mut self.swarm.behaviour_mut().gossip;
        if !gossip.report_message_validation_result(id, neighbour, acceptance) {
            counters::one(&self.counters.verdicts_late);
        }
    }

    /// Lowers a peer's score by a penalty that heals.
    pub(super) fn penalise(&mut self, peer: PeerId, amount: f64) {
        let total = self.peers.scores.penalise(peer, amount);
        self.swarm.behaviour_mut().gossip.set_application_score(&peer, total);
    }

    /// Stores the consumer's score of a peer.
    pub(super) fn give_score(&mut self, peer: PeerId, score: f64) {
        let total = self.peers.scores.give(peer, score);
        self.swarm.behaviour_mut().gossip.set_application_score(&peer, total);
    }

    /// Heals penalties by one second.
    pub(super) fn heal_scores(&mut self) {
        for (peer, total) in self.peers.scores.heal() {
            self.swarm.behaviour_mut().gossip.set_application_score(&peer, total);
        }
    }
}

//! Direct messages: out through the outbox, in through a rate cap into the consumer's queue.

use std::time::Instant;

use libp2p::{
    PeerId,
    request_response::{Message, OutboundFailure},
};

use super::{DirectEvent, Shell};
use crate::{
    codec::{Ack, Frame},
    counters,
    event::{NetEvent, SendFailure},
    key::PeerKey,
    outbox::Parcel,
};

/// What a direct message over the cap costs its sender's score: twenty are past the graylist.
const OVERSIZE_PENALTY: f64 = 6.0;
/// What a direct message that dribbled past its deadline costs; an honest bad line survives some.
const SLOW_PENALTY: f64 = 2.0;
/// What a direct message over the rate costs its sender's score.
const OVER_RATE_PENALTY: f64 = 0.05;

impl Shell {
    pub(super) fn send_direct(&mut self, to: PeerKey, parcel: Parcel) {
        let Some(peer) = to.to_peer_id() else {
            return self.send_failed(to, SendFailure::Unreachable);
        };
        if !self.outbox.push(peer, parcel) {
            return self.send_failed(to, SendFailure::QueueFull);
        }
        if self.swarm.behaviour().direct.is_connected(&peer) {
            self.pump(peer);
        } else {
            self.dial(peer);
        }
    }

    /// Sends what the window to a connected peer has room for.
    pub(super) fn pump(&mut self, peer: PeerId) {
        while self.swarm.behaviour().direct.is_connected(&peer) {
            let Some(parcel) = self.outbox.next(&peer) else { return };
            let frame = Frame::Message(parcel.bytes);
            let id = self.swarm.behaviour_mut().direct.send_request(&peer, frame);
            self.outbox.sent(id, peer, parcel.budget);
        }
    }

    /// Fails everything that waits for a peer.
    pub(super) fn give_up(&mut self, peer: PeerId, reason: SendFailure) {
        let count = self.outbox.give_up(&peer);
        if let Some(to) = PeerKey::from_peer_id(&peer) {
            (0..count).for_each(|_| self.send_failed(to, reason));
        }
    }

    fn send_failed(&mut self, to: PeerKey, reason: SendFailure) {
        counters::one(&self.counters.send_failures);
        self.sink.control(NetEvent::SendFailed { to, reason });
    }

    pub(super) fn on_direct(&mut self, event: DirectEvent) {
        match event {
            DirectEvent::Message { peer, message, .. } => match message {
                Message::Request { request, channel, .. } => {
                    let ack = self.receive(peer, request);
                    // Refused only when the stream is already gone; the sender then sees that.
                    let _ = self.swarm.behaviour_mut().direct.send_response(channel, ack);
                }
                Message::Response { request_id, response } => {
                    let outcome = match response {
                        Ack::Taken => Ok(()),
                        Ack::Busy => Err(SendFailure::PeerBusy),
                        Ack::OverRate => Err(SendFailure::OverRate),
                        Ack::TooLarge => Err(SendFailure::TooLarge),
                        Ack::TooSlow => Err(SendFailure::TooSlow),
                    };
                    self.finish(peer, request_id, outcome);
                }
            },
            DirectEvent::OutboundFailure { peer, request_id, error, .. } => {
                self.finish(peer, request_id, Err(failure(&error)));
            }
            DirectEvent::InboundFailure { peer, error, .. } => {
                tracing::debug!(%peer, %error, "acknowledgement lost");
            }
            DirectEvent::ResponseSent { .. } => {}
        }
    }

    fn finish(
        &mut self,
        peer: PeerId,
        id: libp2p::request_response::OutboundRequestId,
        outcome: Result<(), SendFailure>,
    ) {
        if self.outbox.ended(id).is_none() {
            return;
        }
        match (outcome, PeerKey::from_peer_id(&peer)) {
            (Ok(()), _) => counters::one(&self.counters.direct_out),
            (Err(reason), Some(to)) => self.send_failed(to, reason),
            (Err(_), None) => {}
        }
        self.pump(peer);
    }

    fn receive(&mut self, peer: PeerId, frame: Frame) -> Ack {
        let Some(from) = PeerKey::from_peer_id(&peer) else { return Ack::Busy };
        let bytes = match frame {
            Frame::Message(bytes) => bytes,
            Frame::TooLarge => {
                counters::one(&self.counters.refused_size);
                self.penalise(peer, OVERSIZE_PENALTY);
                return Ack::TooLarge;
            }
            Frame::TooSlow => {
                counters::one(&self.counters.refused_slow);
                self.penalise(peer, SLOW_PENALTY);
                return Ack::TooSlow;
            }
        };
        if !self.direct_rates.take(peer, Instant::now()) {
            counters::one(&self.counters.refused_rate);
            self.penalise(peer, OVER_RATE_PENALTY);
            return Ack::OverRate;
        }
        if !self.sink.traffic(NetEvent::Direct { from, bytes }) {
            return Ack::Busy;
        }
        counters::one(&self.counters.direct_in);
        Ack::Taken
    }
}

fn failure(error: &OutboundFailure) -> SendFailure {
    match error {
        OutboundFailure::DialFailure => SendFailure::Unreachable,
        OutboundFailure::Timeout => SendFailure::Timeout,
        OutboundFailure::ConnectionClosed => SendFailure::ConnectionClosed,
        OutboundFailure::UnsupportedProtocols => SendFailure::Unsupported,
        OutboundFailure::Io(_) => SendFailure::Broken,
    }
}

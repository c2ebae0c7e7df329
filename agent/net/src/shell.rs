//! The network task: one loop that owns the swarm and answers the handle.
//! It never waits for the consumer, never parses a payload, and never ends because of what a peer
//! sent; its handlers live beside it, one file per concern.

mod direct;
mod gossip;
mod peers;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Instant,
};

use futures::StreamExt;
use libp2p::{
    Multiaddr, PeerId, Swarm, identify, kad, request_response,
    swarm::{ListenError, SwarmEvent},
};
use tokio::{
    sync::{mpsc, watch},
    time::sleep,
};

use crate::{
    behaviour::{NetBehaviour, NetBehaviourEvent},
    book::Book,
    codec::{Ack, Frame},
    counters::{self, Counters},
    event::{GossipToken, NetEvent, Verdict, Warning},
    handle::{Control, Outgoing},
    judge::Judge,
    limits::{SHUTDOWN_FLUSH, SHUTDOWN_GRACE, TICK},
    outbox::Outbox,
    rate::RateTable,
    scores::Scores,
    sink::EventSink,
    topic::Names,
};

/// Ticks between two rounds of filling up connections and healing scores: one second.
const TICKS_PER_ROUND: u64 = 10;

/// What is known about a connected peer.
#[derive(Clone, Copy, Debug)]
struct Link {
    since: Instant,
    /// Whether identify has shown the right network id; `PeerUp` has then been reported.
    verified: bool,
}

/// The queues from the handle.
pub(crate) struct Inbox {
    pub(crate) outgoing: mpsc::Receiver<Outgoing>,
    pub(crate) control: mpsc::Receiver<Control>,
    pub(crate) verdicts: mpsc::Receiver<(GossipToken, Verdict)>,
    pub(crate) stop: watch::Receiver<bool>,
}

/// The network task's state.
pub(crate) struct Shell {
    pub(crate) swarm: Swarm<NetBehaviour>,
    pub(crate) inbox: Inbox,
    pub(crate) sink: EventSink,
    pub(crate) counters: Arc<Counters>,
    pub(crate) names: Names,
    pub(crate) loopback: bool,
    pub(crate) book: Book,
    pub(crate) outbox: Outbox,
    pub(crate) judge: Judge,
    pub(crate) direct_rates: RateTable<PeerId>,
    pub(crate) peers: Peers,
    /// Where others reach us, as the operating system tells it.
    pub(crate) listening: watch::Sender<Vec<Multiaddr>>,
    pub(crate) ticks: u64,
}

/// The peers of the moment.
#[derive(Debug, Default)]
pub(crate) struct Peers {
    links: HashMap<PeerId, Link>,
    /// Foreign peers and when they were found out.
    foreign: HashMap<PeerId, Instant>,
    scores: Scores,
    lookups: HashMap<kad::QueryId, PeerId>,
    /// Anchors dialled at least once, to count redials.
    dialled: HashSet<PeerId>,
}

impl Shell {
    /// Runs until told to stop, until every handle is gone, or until the consumer is gone.
    pub(crate) async fn run(mut self) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = self.inbox.stop.changed() => break,
                Some((token, verdict)) = self.inbox.verdicts.recv() => self.judged(&token, verdict),
                outgoing = self.inbox.outgoing.recv() => match outgoing {
                    Some(outgoing) => self.send(outgoing),
                    None => break,
                },
                Some(control) = self.inbox.control.recv() => self.control(control),
                event = self.swarm.select_next_some() => self.on_swarm(event),
                _ = tick.tick() => {
                    self.tick();
                    if self.sink.is_closed() {
                        break;
                    }
                }
            }
        }
        self.drain().await;
    }

    /// Lets messages that were already taken reach the wire, for a bounded time.
    async fn drain(&mut self) {
        while let Ok(outgoing) = self.inbox.outgoing.try_recv() {
            self.send(outgoing);
        }
        let (flush, grace) = (sleep(SHUTDOWN_FLUSH), sleep(SHUTDOWN_GRACE));
        tokio::pin!(flush, grace);
        while !flush.is_elapsed() || !self.outbox.is_idle() {
            tokio::select! {
                event = self.swarm.select_next_some() => self.on_swarm(event),
                () = &mut flush, if !flush.is_elapsed() => {}
                () = &mut grace => return,
            }
        }
    }

    /// Sends a message, after everything that was asked for before it: the three queues of the
    /// handle keep, between them, the order in which one caller spoke.
    fn send(&mut self, outgoing: Outgoing) {
        while let Ok(control) = self.inbox.control.try_recv() {
            self.control(control);
        }
        while let Ok((token, verdict)) = self.inbox.verdicts.try_recv() {
            self.judged(&token, verdict);
        }
        match outgoing {
            Outgoing::Direct { to, parcel } => self.send_direct(to, parcel),
            Outgoing::Publish { topic, parcel } => self.publish(topic, parcel.bytes),
        }
    }

    fn tick(&mut self) {
        self.ticks = self.ticks.wrapping_add(1);
        self.sink.flush();
        self.redial_anchors();
        if self.ticks.is_multiple_of(TICKS_PER_ROUND) {
            self.heal_scores();
            self.cut_silent_peers();
            self.fill_up();
        }
    }

    fn on_swarm(&mut self, event: SwarmEvent<NetBehaviourEvent>) {
        match event {
            SwarmEvent::Behaviour(event) => self.on_behaviour(event),
            SwarmEvent::NewListenAddr { address, .. } => {
                self.listening.send_modify(|all| all.push(address.clone()));
                self.sink.control(NetEvent::Listening(address));
            }
            SwarmEvent::ExpiredListenAddr { address, .. } => {
                self.listening.send_modify(|all| all.retain(|known| *known != address));
            }
            SwarmEvent::ListenerClosed { reason: Err(error), .. }
            | SwarmEvent::ListenerError { error, .. } => {
                let reason = peers::cut(&error.to_string(), 256);
                self.sink.control(NetEvent::Warning(Warning::ListenerClosed { reason }));
            }
            SwarmEvent::ConnectionEstablished { peer_id, endpoint, .. } => {
                self.on_connected(peer_id, &endpoint);
            }
            SwarmEvent::ConnectionClosed { peer_id, num_established: 0, cause, .. } => {
                tracing::debug!(peer = %peer_id, ?cause, "disconnected");
                self.on_disconnected(peer_id);
            }
            SwarmEvent::OutgoingConnectionError { peer_id: Some(peer), error, .. } => {
                self.on_dial_failed(peer, &error);
            }
            SwarmEvent::IncomingConnectionError { error, send_back_addr, .. } => {
                counters::one(&self.counters.refused_connections);
                if let ListenError::Denied { cause } = &error {
                    tracing::debug!(from = %send_back_addr, %cause, "connection refused");
                }
            }
            _ => {}
        }
    }

    fn on_behaviour(&mut self, event: NetBehaviourEvent) {
        match event {
            NetBehaviourEvent::Gossip(event) => self.on_gossip(event),
            NetBehaviourEvent::Direct(event) => self.on_direct(event),
            NetBehaviourEvent::Identify(identify::Event::Received { peer_id, info, .. }) => {
                self.on_identified(peer_id, &info);
            }
            NetBehaviourEvent::Routing(event) => self.on_routing(event),
            #[cfg(feature = "mdns")]
            NetBehaviourEvent::Mdns(libp2p::mdns::Event::Discovered(found)) => {
                let now = Instant::now();
                found.into_iter().for_each(|(peer, address)| self.learn(peer, address, now));
            }
            _ => {}
        }
    }
}

/// A request-response event of our codec.
type DirectEvent = request_response::Event<Frame, Ack>;

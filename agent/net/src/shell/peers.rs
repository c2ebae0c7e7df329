//! Peers: dialling and redialling, proof of the network id, discovery, blocks and scores.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    net::IpAddr,
    sync::atomic::Ordering,
    time::Instant,
};

use libp2p::{
    Multiaddr, PeerId,
    core::ConnectedPoint,
    identify, kad,
    multiaddr::Protocol,
    swarm::{
        DialError,
        dial_opts::{DialOpts, PeerCondition},
    },
};

use super::{Link, Shell};
use crate::{
    counters,
    event::{NetEvent, SendFailure, Warning},
    gate::ip_of,
    handle::Control,
    key::PeerKey,
    limits::{
        BOOK_ADDRESSES, FOREIGN_MEMORY, IDENTIFY_DEADLINE, LOOKUPS, STABLE_AFTER, TARGET_PEERS,
        TRACKED_KEYS,
    },
};

/// Strangers dialled in one round while connections are missing.
const DIALS_PER_ROUND: usize = 3;

/// The first `limit` characters of a text that a peer or the system chose.
pub(super) fn cut(text: &str, limit: usize) -> String {
    text.chars().filter(|character| !character.is_control()).take(limit).collect()
}

fn jitter() -> u64 {
    // Every RandomState is keyed differently; that is all the randomness a pause needs.
    RandomState::new().build_hasher().finish()
}

impl Shell {
    /// Enters the configured peers.
    pub(crate) fn configure(&mut self, bootstrap: &[(PeerKey, Multiaddr)], explicit: &[PeerKey]) {
        let (now, me) = (Instant::now(), *self.swarm.local_peer_id());
        for (key, address) in bootstrap {
            match key.to_peer_id() {
                Some(peer) if peer != me => {
                    self.book.anchor(peer, now);
                    self.book.configure(peer, address.clone(), now);
                }
                _ => tracing::debug!(%key, "bootstrap entry is this node itself"),
            }
        }
        explicit.iter().for_each(|key| self.make_explicit(*key));
    }

    pub(super) fn control(&mut self, control: Control) {
        let now = Instant::now();
        let key = match &control {
            Control::Dial { peer, .. }
            | Control::Block(peer)
            | Control::Unblock(peer)
            | Control::Explicit(peer)
            | Control::AppScore(peer, _) => *peer,
        };
        let Some(peer) = key.to_peer_id() else { return };
        if peer == *self.swarm.local_peer_id() {
            return;
        }
        match control {
            Control::Dial { address, .. } => {
                self.book.configure(peer, address, now);
                self.dial(peer);
            }
            Control::Block(_) => {
                self.give_up(peer, SendFailure::Unreachable);
                let behaviour = self.swarm.behaviour_mut();
                behaviour.blocked.block_peer(peer);
                behaviour.gossip.blacklist_peer(&peer);
                behaviour.routing.remove_peer(&peer);
            }
            Control::Unblock(_) => {
                let behaviour = self.swarm.behaviour_mut();
                behaviour.blocked.unblock_peer(peer);
                behaviour.gossip.remove_blacklisted_peer(&peer);
                self.book.reached(&peer, now);
            }
            Control::Explicit(_) => self.make_explicit(key),
            Control::AppScore(_, score) => self.give_score(peer, score),
        }
    }

    fn make_explicit(&mut self, key: PeerKey) {
        let Some(peer) = key.to_peer_id() else { return };
        if peer == *self.swarm.local_peer_id() {
            return;
        }
        self.book.anchor(peer, Instant::now());
        let behaviour = self.swarm.behaviour_mut();
        behaviour.gate.keep(peer);
        behaviour.gossip.add_explicit_peer(&peer);
    }

    /// Connects to a peer unless that is already done or under way.
    pub(super) fn dial(&mut self, peer: PeerId) {
        self.try_dial(peer);
    }

    /// The same; returns whether a dial was started.
    fn try_dial(&mut self, peer: PeerId) -> bool {
        let options = DialOpts::peer_id(peer)
            .addresses(self.book.addresses(&peer))
            .extend_addresses_through_behaviour()
            .condition(PeerCondition::DisconnectedAndNotDialing)
            .build();
        match self.swarm.dial(options) {
            Ok(()) => true,
            Err(error) => {
                self.on_dial_failed(peer, &error);
                false
            }
        }
    }

    pub(super) fn redial_anchors(&mut self) {
        let now = Instant::now();
        for peer in self.book.due_anchors(now) {
            if self.swarm.is_connected(&peer) || self.is_blocked(&peer) {
                continue;
            }
            if self.try_dial(peer) && !self.peers.dialled.insert(peer) {
                counters::one(&self.counters.redials);
            }
        }
    }

    fn is_blocked(&self, peer: &PeerId) -> bool {
        self.swarm.behaviour().blocked.blocked_peers().contains(peer)
    }

    /// Dials known strangers while fewer than [`TARGET_PEERS`] are connected.
    pub(super) fn fill_up(&mut self) {
        if self.peers.links.len() >= TARGET_PEERS {
            return;
        }
        let mut due = self.book.due_strangers(Instant::now());
        due.retain(|peer| !self.swarm.is_connected(peer) && !self.is_blocked(peer));
        if due.is_empty() {
            return;
        }
        let length = u64::try_from(due.len()).unwrap_or(1);
        let start = usize::try_from(jitter() % length).unwrap_or(0);
        due.rotate_left(start);
        due.into_iter().take(DIALS_PER_ROUND).for_each(|peer| self.dial(peer));
    }

    pub(super) fn on_connected(&mut self, peer: PeerId, endpoint: &ConnectedPoint) {
        let now = Instant::now();
        if PeerKey::from_peer_id(&peer).is_none() {
            let _ = self.swarm.disconnect_peer_id(peer);
            return;
        }
        self.peers.links.entry(peer).or_insert(Link { since: now, verified: false });
        if let ConnectedPoint::Dialer { address, .. } = endpoint {
            self.book.learn(peer, without_peer(address), now);
        }
        let total = self.peers.scores.total(&peer);
        self.swarm.behaviour_mut().gossip.set_application_score(&peer, total);
        self.pump(peer);
    }

    pub(super) fn on_disconnected(&mut self, peer: PeerId) {
        let Some(link) = self.peers.links.remove(&peer) else { return };
        let now = Instant::now();
        if link.verified && now.duration_since(link.since) >= STABLE_AFTER {
            self.book.reached(&peer, now);
        } else {
            self.book.failed(&peer, now, jitter());
        }
        if link.verified {
            self.counters.connected_peers.fetch_sub(1, Ordering::Relaxed);
            if let Some(key) = PeerKey::from_peer_id(&peer) {
                self.sink.control(NetEvent::PeerDown(key));
            }
        }
        if self.outbox.waits_for(&peer) {
            self.dial(peer);
        }
    }

    pub(super) fn on_dial_failed(&mut self, peer: PeerId, error: &DialError) {
        if matches!(error, DialError::DialPeerConditionFalse(_)) || self.swarm.is_connected(&peer) {
            return;
        }
        counters::one(&self.counters.dial_failures);
        tracing::debug!(%peer, %error, "dial failed");
        let nowhere = matches!(error, DialError::NoAddresses);
        let reason = if nowhere { SendFailure::NoAddress } else { SendFailure::Unreachable };
        self.give_up(peer, reason);
        let attempts = self.book.failed(&peer, Instant::now(), jitter());
        if nowhere {
            self.look_up(peer);
        }
        if self.book.is_anchor(&peer)
            && let Some(key) = PeerKey::from_peer_id(&peer)
        {
            let reason = cut(&error.to_string(), 256);
            let warning = Warning::AnchorUnreachable { peer: key, attempts, reason };
            tracing::warn!(%warning);
            self.sink.control(NetEvent::Warning(warning));
        }
    }

    /// Asks the routing table's neighbours where a peer is; the answer fills the book.
    fn look_up(&mut self, peer: PeerId) {
        let running = &self.peers.lookups;
        if running.len() < LOOKUPS && !running.values().any(|sought| *sought == peer) {
            let query = self.swarm.behaviour_mut().routing.get_closest_peers(peer);
            self.peers.lookups.insert(query, peer);
        }
    }

    pub(super) fn on_routing(&mut self, event: kad::Event) {
        let kad::Event::OutboundQueryProgressed { id, result, step, .. } = event else { return };
        if step.last {
            self.peers.lookups.remove(&id);
        }
        if let kad::QueryResult::GetClosestPeers(Ok(found)) = result {
            let now = Instant::now();
            for info in found.peers {
                for address in info.addrs {
                    self.learn(info.peer_id, address, now);
                }
            }
        }
    }

    /// Remembers an address that somebody stated, if it can be meant for us.
    pub(super) fn learn(&mut self, peer: PeerId, address: Multiaddr, now: Instant) {
        let mine = peer == *self.swarm.local_peer_id();
        if !mine && believable(&address, self.loopback) && PeerKey::from_peer_id(&peer).is_some() {
            self.book.learn(peer, without_peer(&address), now);
        }
    }

    pub(super) fn on_identified(&mut self, peer: PeerId, info: &identify::Info) {
        let Some(key) = PeerKey::from_peer_id(&peer) else { return };
        if info.protocol_version != self.names.identify() {
            return self.expel(peer, key, &info.protocol_version);
        }
        let now = Instant::now();
        let addresses = info.listen_addrs.iter().take(BOOK_ADDRESSES);
        for address in addresses.filter(|address| believable(address, self.loopback)) {
            self.book.learn(peer, without_peer(address), now);
            let routing = &mut self.swarm.behaviour_mut().routing;
            routing.add_address(&peer, without_peer(address));
        }
        let Some(link) = self.peers.links.get_mut(&peer) else { return };
        if !link.verified {
            link.verified = true;
            self.counters.connected_peers.fetch_add(1, Ordering::Relaxed);
            self.sink.control(NetEvent::PeerUp(key));
        }
    }

    /// Disconnects a peer of another network and remembers it for a while.
    fn expel(&mut self, peer: PeerId, key: PeerKey, stated: &str) {
        let now = Instant::now();
        counters::one(&self.counters.refused_foreign);
        self.peers.foreign.retain(|_, since| now.duration_since(*since) < FOREIGN_MEMORY);
        let room = self.peers.foreign.len() < TRACKED_KEYS;
        if room && self.peers.foreign.insert(peer, now).is_none() {
            let warning = Warning::ForeignNetwork { peer: key, stated: cut(stated, 128) };
            tracing::warn!(%warning);
            self.sink.control(NetEvent::Warning(warning));
        }
        self.book.postpone(&peer, now + FOREIGN_MEMORY);
        self.give_up(peer, SendFailure::Unsupported);
        self.swarm.behaviour_mut().routing.remove_peer(&peer);
        let _ = self.swarm.disconnect_peer_id(peer);
    }

    /// Disconnects peers that have not identified themselves in time.
    pub(super) fn cut_silent_peers(&mut self) {
        let now = Instant::now();
        let links = self.peers.links.iter();
        let silent = links.filter(|(_, link)| {
            !link.verified && now.duration_since(link.since) > IDENTIFY_DEADLINE
        });
        for peer in silent.map(|(peer, _)| *peer).collect::<Vec<_>>() {
            counters::one(&self.counters.refused_silent);
            tracing::debug!(%peer, "disconnected: it never identified itself");
            let _ = self.swarm.disconnect_peer_id(peer);
        }
    }
}

/// Whether an address a peer states for itself can lead anywhere from here.
fn believable(address: &Multiaddr, loopback: bool) -> bool {
    let Some(ip) = ip_of(address) else { return false };
    let local = match ip {
        IpAddr::V4(ip) => ip.is_loopback(),
        IpAddr::V6(ip) => ip.is_loopback(),
    };
    let port = address.iter().any(|part| match part {
        Protocol::Tcp(port) | Protocol::Udp(port) => port != 0,
        _ => false,
    });
    port && !ip.is_unspecified() && !ip.is_multicast() && (loopback || !local)
}

/// The address without a trailing peer id, so that one address has one spelling.
fn without_peer(address: &Multiaddr) -> Multiaddr {
    let mut address = address.clone();
    if matches!(address.iter().last(), Some(Protocol::P2p(_))) {
        address.pop();
    }
    address
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn addresses_that_lead_nowhere_are_not_believed() {
        let believed = |text: &str, loopback| believable(&text.parse().unwrap(), loopback);
        assert!(believed("/ip4/203.0.113.5/tcp/9735", false));
        assert!(believed("/ip4/127.0.0.1/tcp/9735", true));
        assert!(!believed("/ip4/127.0.0.1/tcp/9735", false));
        assert!(!believed("/ip6/::1/tcp/9735", false));
        assert!(!believed("/ip4/0.0.0.0/tcp/9735", true));
        assert!(!believed("/ip4/224.0.0.1/tcp/9735", true));
        assert!(!believed("/ip4/203.0.113.5/tcp/0", true));
        assert!(!believed("/memory/7", true));
    }

    #[test]
    fn foreign_text_is_cut_and_cleaned() {
        assert_eq!(cut("ab\u{1b}[31m\ncd", 6), "ab[31m");
    }
}

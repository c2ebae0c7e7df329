//! The address book: where peers were last seen, and when they may be dialled again.
//! Anchors (bootstrap and explicit peers) are never forgotten; strangers fill a capped table and
//! push each other out. Time and jitter are arguments; nothing here touches the network.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use libp2p::{Multiaddr, PeerId};

use crate::limits::{BOOK_ADDRESSES, BOOK_PEERS, REDIAL_BASE, REDIAL_CAP, STRANGER_PATIENCE};

/// What is known about one peer.
#[derive(Clone, Debug)]
struct Entry {
    /// Configured addresses first; they are never dropped.
    addresses: Vec<Multiaddr>,
    configured: usize,
    anchor: bool,
    failures: u32,
    not_before: Instant,
    seen_at: Instant,
}

/// Addresses and back-off by peer.
#[derive(Debug, Default)]
pub(crate) struct Book {
    entries: HashMap<PeerId, Entry>,
}

/// The pause after `failures` dials in a row: doubling from [`REDIAL_BASE`], at most
/// [`REDIAL_CAP`], less up to a quarter by `jitter`, so that restarted clusters spread out.
fn pause(failures: u32, jitter: u64) -> Duration {
    let doubled = REDIAL_BASE.saturating_mul(1 << failures.saturating_sub(1).min(16));
    let full = doubled.min(REDIAL_CAP);
    let per_mille = u32::try_from(jitter % 250).unwrap_or(0);
    full.saturating_sub(full.saturating_mul(per_mille) / 1000)
}

impl Book {
    fn entry(&mut self, peer: PeerId, now: Instant) -> &mut Entry {
        if !self.entries.contains_key(&peer) {
            self.make_room();
        }
        self.entries.entry(peer).or_insert_with(|| Entry {
            addresses: Vec::new(),
            configured: 0,
            anchor: false,
            failures: 0,
            not_before: now,
            seen_at: now,
        })
    }

    fn make_room(&mut self) {
        if self.entries.len() < BOOK_PEERS {
            return;
        }
        let oldest = self.entries.iter().filter(|(_, entry)| !entry.anchor);
        // Ties are broken by peer id, so that the choice does not depend on the map's order.
        let oldest = oldest.min_by_key(|(peer, entry)| (entry.seen_at, **peer));
        if let Some(peer) = oldest.map(|(peer, _)| *peer) {
            self.entries.remove(&peer);
        }
    }

    /// Makes `peer` an anchor: kept for ever and redialled whenever it is not connected.
    pub(crate) fn anchor(&mut self, peer: PeerId, now: Instant) {
        self.entry(peer, now).anchor = true;
    }

    /// Whether `peer` is an anchor.
    pub(crate) fn is_anchor(&self, peer: &PeerId) -> bool {
        self.entries.get(peer).is_some_and(|entry| entry.anchor)
    }

    /// Adds an address from the configuration or an operator, and forgets the back-off.
    pub(crate) fn configure(&mut self, peer: PeerId, address: Multiaddr, now: Instant) {
        let entry = self.entry(peer, now);
        entry.not_before = now;
        entry.seen_at = now;
        let known = entry.addresses.iter().position(|known| *known == address);
        match known {
            Some(position) if position < entry.configured => return,
            Some(position) => {
                entry.addresses.remove(position);
            }
            None => {}
        }
        if entry.configured < BOOK_ADDRESSES {
            entry.addresses.insert(entry.configured, address);
            entry.configured += 1;
            entry.addresses.truncate(BOOK_ADDRESSES);
        }
    }

    /// Adds an address a peer stated or was reached at; the oldest learnt one makes room.
    pub(crate) fn learn(&mut self, peer: PeerId, address: Multiaddr, now: Instant) {
        let entry = self.entry(peer, now);
        entry.seen_at = now;
        if entry.addresses.contains(&address) {
            return;
        }
        if entry.addresses.len() >= BOOK_ADDRESSES {
            if entry.configured >= BOOK_ADDRESSES {
                return;
            }
            entry.addresses.remove(entry.configured);
        }
        entry.addresses.push(address);
    }

    /// The addresses of a peer, configured ones first.
    pub(crate) fn addresses(&self, peer: &PeerId) -> Vec<Multiaddr> {
        self.entries.get(peer).map(|entry| entry.addresses.clone()).unwrap_or_default()
    }

    /// The peer was a good neighbour: no back-off.
    pub(crate) fn reached(&mut self, peer: &PeerId, now: Instant) {
        if let Some(entry) = self.entries.get_mut(peer) {
            entry.failures = 0;
            entry.not_before = now;
            entry.seen_at = now;
        }
    }

    /// A dial failed, or a connection did not last: the next dial waits longer. A stranger that
    /// fails [`STRANGER_PATIENCE`] times in a row is forgotten. Returns the failures in a row.
    pub(crate) fn failed(&mut self, peer: &PeerId, now: Instant, jitter: u64) -> u32 {
        let Some(entry) = self.entries.get_mut(peer) else { return 0 };
        entry.failures = entry.failures.saturating_add(1);
        entry.not_before = entry.not_before.max(now + pause(entry.failures, jitter));
        let failures = entry.failures;
        if !entry.anchor && failures >= STRANGER_PATIENCE {
            self.entries.remove(peer);
        }
        failures
    }

    /// Holds a peer off for a time, whatever its history.
    pub(crate) fn postpone(&mut self, peer: &PeerId, until: Instant) {
        if let Some(entry) = self.entries.get_mut(peer) {
            entry.not_before = entry.not_before.max(until);
        }
    }

    /// Anchors that may be dialled now, in key order.
    pub(crate) fn due_anchors(&self, now: Instant) -> Vec<PeerId> {
        self.due(now, true)
    }

    /// Other peers with an address that may be dialled now, in key order.
    pub(crate) fn due_strangers(&self, now: Instant) -> Vec<PeerId> {
        self.due(now, false)
    }

    fn due(&self, now: Instant, anchor: bool) -> Vec<PeerId> {
        let due = self.entries.iter().filter(|(_, entry)| {
            let dialable = entry.anchor || !entry.addresses.is_empty();
            entry.anchor == anchor && entry.not_before <= now && dialable
        });
        let mut peers: Vec<PeerId> = due.map(|(peer, _)| *peer).collect();
        peers.sort_unstable();
        peers
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::key::PeerKey;

    fn peer(index: u16) -> PeerId {
        let mut key = [0; 32];
        key[..2].copy_from_slice(&index.to_be_bytes());
        PeerKey(key).to_peer_id().unwrap()
    }

    fn address(port: u16) -> Multiaddr {
        format!("/ip4/10.0.0.1/tcp/{port}").parse().unwrap()
    }

    #[test]
    fn the_pause_doubles_to_the_cap_and_jitter_only_shortens_it() {
        let millis = |failures| pause(failures, 0).as_millis();
        assert_eq!([1, 2, 3, 4].map(millis), [250, 500, 1000, 2000]);
        assert_eq!(pause(40, 0), REDIAL_CAP);
        for jitter in 0..1000 {
            assert!(pause(8, jitter) <= REDIAL_CAP && pause(8, jitter) >= REDIAL_CAP * 3 / 4);
        }
    }

    #[test]
    fn an_anchor_survives_any_number_of_strangers() {
        let start = Instant::now();
        let mut book = Book::default();
        book.anchor(peer(0), start);
        book.configure(peer(0), address(1), start);
        for index in 1..5000 {
            let now = start + Duration::from_millis(u64::from(index));
            book.learn(peer(index), address(index), now);
        }
        assert_eq!(book.entries.len(), BOOK_PEERS);
        assert_eq!(book.addresses(&peer(0)), vec![address(1)]);
        assert!(book.addresses(&peer(1)).is_empty(), "the oldest stranger made room");
        assert!(!book.addresses(&peer(4999)).is_empty());
    }

    #[test]
    fn learnt_addresses_push_out_learnt_ones_never_configured_ones() {
        let now = Instant::now();
        let mut book = Book::default();
        book.configure(peer(1), address(1), now);
        (2..100).for_each(|port| book.learn(peer(1), address(port), now));
        let known = book.addresses(&peer(1));
        assert_eq!((known.len(), &known[0]), (BOOK_ADDRESSES, &address(1)));
        assert_eq!(known[BOOK_ADDRESSES - 1], address(99));
        book.configure(peer(1), address(99), now);
        assert_eq!(book.addresses(&peer(1))[..2], [address(1), address(99)]);
    }

    #[test]
    fn a_failed_peer_is_due_again_only_after_its_pause() {
        let now = Instant::now();
        let mut book = Book::default();
        book.anchor(peer(1), now);
        book.learn(peer(2), address(2), now);
        assert_eq!(book.due_anchors(now), vec![peer(1)]);
        assert_eq!(book.due_strangers(now), vec![peer(2)]);
        assert_eq!(book.failed(&peer(1), now, 0), 1);
        assert!(book.due_anchors(now + Duration::from_millis(249)).is_empty());
        assert_eq!(book.due_anchors(now + Duration::from_millis(250)), vec![peer(1)]);
        book.reached(&peer(1), now);
        assert_eq!(book.failed(&peer(1), now, 0), 1);
    }

    #[test]
    fn a_peer_held_off_stays_held_off_when_its_connection_ends() {
        let now = Instant::now();
        let mut book = Book::default();
        book.anchor(peer(1), now);
        book.postpone(&peer(1), now + Duration::from_secs(600));
        book.failed(&peer(1), now, 0);
        assert!(book.due_anchors(now + Duration::from_secs(599)).is_empty());
        assert_eq!(book.due_anchors(now + Duration::from_secs(600)), vec![peer(1)]);
    }

    #[test]
    fn a_dead_stranger_is_forgotten_and_a_dead_anchor_is_not() {
        let now = Instant::now();
        let mut book = Book::default();
        book.anchor(peer(1), now);
        book.configure(peer(1), address(1), now);
        book.learn(peer(2), address(2), now);
        for _ in 0..STRANGER_PATIENCE {
            book.failed(&peer(1), now, 0);
            book.failed(&peer(2), now, 0);
        }
        assert_eq!(book.addresses(&peer(1)), vec![address(1)]);
        assert!(book.addresses(&peer(2)).is_empty());
    }
}

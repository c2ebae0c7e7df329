//! Links: delay, loss, duplication, corruption, queues, clogs, cuts, and who knows of a connection.
//!
//! A message is opened here only to let the watch see what leaves; nothing here may change what an
//! honest member says, except by the scenario's noise.

use super::queue::{Event, Parcel};
use super::{Phase, World, words};
use crate::mutants::Driver;
use crate::streams::happens;
use debal_protocol::input::Input;
use debal_protocol::message::Travel;
use rand::Rng;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// What the links are going through.
#[derive(Debug, Default)]
pub(crate) struct Network {
    /// Directions that lose everything, with how many faults say so.
    pub blocked: BTreeMap<(usize, usize), u32>,
    /// Pairs (smaller, larger) whose connection is down, with how many faults say so.
    pub severed: BTreeMap<(usize, usize), u32>,
    /// How often a pair was severed.
    pub cuts: BTreeMap<(usize, usize), u64>,
    /// Directions that pass nothing before this time.
    pub clogged_until_ms: BTreeMap<(usize, usize), u64>,
    /// Messages under way per direction.
    pub under_way: BTreeMap<(usize, usize), usize>,
    /// What each fault in force cuts, to be undone.
    pub cuts_of: BTreeMap<usize, Vec<(usize, usize, bool)>>,
    /// Faults in force.
    pub active: BTreeSet<usize>,
}

const fn pair(a: usize, b: usize) -> (usize, usize) {
    if a < b { (a, b) } else { (b, a) }
}

impl World {
    /// The generation of a connection, if there is one.
    fn connection(&self, a: usize, b: usize) -> Option<(u64, u64, u64)> {
        let severed = self.network.severed.get(&pair(a, b)).is_some_and(|count| *count > 0);
        let up = self.hosts[a].up && self.hosts[b].up;
        let cuts = self.network.cuts.get(&pair(a, b)).copied().unwrap_or(0);
        let (low, high) = pair(a, b);
        (up && !severed).then(|| (self.hosts[low].life, self.hosts[high].life, cuts))
    }

    /// Both ends will look at their connection after a while.
    pub(super) fn connection_changed(&mut self, a: usize, b: usize) {
        for (host, peer) in [(a, b), (b, a)] {
            let delay_ms = self.streams.network.random_range(1..=400);
            self.push_in(delay_ms, Event::Notice { host, peer });
        }
    }

    /// A process came or went: everybody will look at their connection to it.
    pub(super) fn connections_changed(&mut self, host: usize) {
        for peer in self.members().filter(|peer| *peer != host) {
            self.connection_changed(host, peer);
        }
    }

    pub(super) fn notice(&mut self, host: usize, peer: usize) {
        // Identities are told of, not processes: nobody hears of a clone as such.
        let clone = peer >= self.scenario.nodes || self.twin_of(host) == peer && host != peer;
        if !self.hosts[host].up || clone {
            return;
        }
        let actual = self.connection(host, peer);
        let known = self.hosts[host].peers.get(&peer).copied();
        if actual == known {
            return;
        }
        let id = self.founding.ids[peer];
        if known.is_some() {
            self.hosts[host].peers.remove(&peer);
            self.input(host, Input::PeerDown(id));
        }
        if let Some(generation) = actual.filter(|_| self.hosts[host].up) {
            self.hosts[host].peers.insert(peer, generation);
            let reconnected = self.hosts[host].life > 0;
            if !(self.mutant == Some(Driver::LosePeerUp) && reconnected) {
                self.input(host, Input::PeerUp(id));
            }
        }
    }

    pub(super) fn cut(&mut self, fault: usize, from: usize, to: usize, one_way: bool) {
        if from == to {
            return;
        }
        self.network.cuts_of.entry(fault).or_default().push((from, to, one_way));
        *self.network.blocked.entry((from, to)).or_default() += 1;
        if !one_way {
            *self.network.blocked.entry((to, from)).or_default() += 1;
            *self.network.severed.entry(pair(from, to)).or_default() += 1;
            *self.network.cuts.entry(pair(from, to)).or_default() += 1;
            self.connection_changed(from, to);
        }
    }

    pub(super) fn mend(&mut self, fault: usize) {
        for (from, to, one_way) in self.network.cuts_of.remove(&fault).unwrap_or_default() {
            let less = |count: Option<&mut u32>| {
                if let Some(count) = count {
                    *count = count.saturating_sub(1);
                }
            };
            less(self.network.blocked.get_mut(&(from, to)));
            if !one_way {
                less(self.network.blocked.get_mut(&(to, from)));
                less(self.network.severed.get_mut(&pair(from, to)));
                self.connection_changed(from, to);
            }
        }
    }

    pub(super) fn send(&mut self, host: usize, to: usize, bytes: Vec<u8>, name: &'static str) {
        if self.hosts[host].ailments.scripts.is_empty() {
            if host < self.scenario.nodes {
                self.watch_direct(host, to, &bytes, name);
            } else {
                self.marks.hit("clone", "said");
            }
            return self.transmit(host, to, Travel::Direct, &Arc::new(bytes), name);
        }
        self.leak(host, to);
        for bytes in self.tamper_direct(host, to, bytes, name) {
            self.transmit(host, to, Travel::Direct, &Arc::new(bytes), name);
        }
    }

    pub(super) fn gossip(&mut self, host: usize, travel: Travel, bytes: Vec<u8>) {
        let twin = self.twin_of(host);
        let others = self.members().filter(|to| *to != twin);
        let mut targets: Vec<usize> = others.collect();
        if self.mutant == Some(Driver::MapIteration) {
            let map: HashMap<usize, ()> = targets.iter().map(|to| (*to, ())).collect();
            targets = map.into_keys().collect();
        }
        if self.hosts[host].ailments.scripts.is_empty() {
            if host < self.scenario.nodes {
                self.watch_gossip(host, travel, &bytes);
            }
            let bytes = Arc::new(bytes);
            for to in targets {
                self.transmit(host, to, travel, &bytes, "gossip");
            }
            return;
        }
        for (to, bytes) in self.tamper_gossip(host, travel, bytes, &targets) {
            self.transmit(host, to, travel, &Arc::new(bytes), "gossip");
        }
    }

    fn watch_direct(&mut self, host: usize, to: usize, bytes: &[u8], name: &'static str) {
        if !matches!(name, "propose" | "countersign" | "claim_hop" | "accept") {
            return;
        }
        if let Ok(message) = self.hosts[host].node.open(Travel::Direct, bytes) {
            let peer = self.founding.ids[to];
            self.watch.sent(host, &self.hosts[host].node, Some(peer), message.message());
        }
    }

    fn watch_gossip(&mut self, host: usize, travel: Travel, bytes: &[u8]) {
        if matches!(travel, Travel::Plans | Travel::Receipts) {
            return;
        }
        if let Ok(message) = self.hosts[host].node.open(travel, bytes) {
            self.watch.sent(host, &self.hosts[host].node, None, message.message());
        }
    }

    /// Puts bytes on a link; the link decides what becomes of them.
    pub(super) fn transmit(
        &mut self,
        from: usize,
        to: usize,
        travel: Travel,
        bytes: &Arc<Vec<u8>>,
        name: &'static str,
    ) {
        let (chaos, model) = (self.phase == Phase::Chaos, self.scenario.link);
        let under_way = self.network.under_way.get(&(from, to)).copied().unwrap_or(0);
        let mut noise = |per_mille| happens(&mut self.streams.network, per_mille) && chaos;
        let lost = noise(model.loss_per_mille);
        let twice = noise(model.duplicate_per_mille);
        let corrupt = noise(model.corrupt_per_mille);
        if lost || (chaos && under_way >= model.queue_max) {
            self.marks.hit("link", if lost { "lost" } else { "tail_drop" });
            return;
        }
        let mut clean = from < self.scenario.nodes && !self.scenario.is_tainted(from);
        let mut bytes = Arc::clone(bytes);
        if corrupt {
            self.marks.hit("link", "corrupted");
            clean = false;
            let at = self.streams.network.random_range(0..bytes.len().max(1));
            let flip = 1u8 << self.streams.network.random_range(0..8);
            if let Some(byte) = Arc::make_mut(&mut bytes).get_mut(at) {
                *byte ^= flip;
            }
        }
        for _ in 0..=u8::from(twice) {
            let parcel = Parcel { from, to, travel, bytes: Arc::clone(&bytes), clean, name };
            self.dispatch_parcel(parcel);
        }
    }

    fn dispatch_parcel(&mut self, parcel: Parcel) {
        let link = (parcel.from, parcel.to);
        let model = self.scenario.link;
        let rng = &mut self.streams.network;
        let mut delay_ms = rng.random_range(model.delay_min_ms..=model.delay_max_ms);
        if self.hosts[parcel.from].ailments.slow || self.hosts[parcel.to].ailments.slow {
            delay_ms = delay_ms * 10 + 50;
        }
        let clogged_ms = self.network.clogged_until_ms.get(&link).copied().unwrap_or(0);
        delay_ms += clogged_ms.saturating_sub(self.now_ms);
        *self.network.under_way.entry(link).or_default() += 1;
        self.push_in(delay_ms, Event::Deliver(parcel));
    }

    pub(super) fn deliver(&mut self, parcel: Parcel) {
        let (from, to) = (parcel.from, parcel.to);
        if let Some(count) = self.network.under_way.get_mut(&(from, to)) {
            *count = count.saturating_sub(1);
        }
        let blocked = self.network.blocked.get(&(from, to)).is_some_and(|count| *count > 0);
        if blocked || !self.hosts[to].up {
            return self.marks.hit("link", if blocked { "blocked" } else { "host_down" });
        }
        match self.hosts[to].node.open(parcel.travel, &parcel.bytes) {
            Ok(message) => {
                let name = message.message().name();
                self.note(3, from * 64 + to, &parcel.bytes, || {
                    format!("{from} -> {to} {}", words::message(message.message()))
                });
                self.marks.hit("message", name);
                self.input(to, Input::Message(message));
            }
            Err(reject) => {
                self.marks.hit("reject", reject.name());
                if parcel.clean {
                    let what = format!("{} of honest node {from} refused: {reject}", parcel.name);
                    self.watch.now_ms = self.now_ms;
                    self.watch.fail("W1", what);
                }
            }
        }
    }
}

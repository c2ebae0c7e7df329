//! Clones: a second process under a member's identity, started from a copy of its disk.
//!
//! The two never hear of each other; a message for their identity reaches one of them. A clone must
//! never be taken for an honest member, nor may anything be asked of it but that others keep
//! theirs.

use super::World;
use super::host::{Ailments, Disk, Host};
use rand::Rng;

impl World {
    /// The member whose identity a host has.
    pub(super) fn twin_of(&self, host: usize) -> usize {
        if host < self.scenario.nodes {
            return host;
        }
        let mut clones = self.clones.values();
        clones.find(|(clone, _)| *clone == host).map_or(host, |(_, member)| *member)
    }

    /// Who hears what is said to a member: itself or one of its clones.
    pub(super) fn one_of_twins(&mut self, to: usize) -> usize {
        if self.clones.is_empty() || to >= self.scenario.nodes {
            return to;
        }
        let clones = self.clones.values().filter(|(_, member)| *member == to);
        let mut twins: Vec<usize> = clones.map(|(clone, _)| *clone).collect();
        if twins.is_empty() {
            return to;
        }
        twins.push(to);
        let heard = twins[self.streams.adversary.random_range(0..twins.len())];
        if heard != to {
            self.marks.hit("clone", "heard");
        }
        heard
    }

    /// Somebody starts a copy of a member's disk.
    pub(super) fn clone_begins(&mut self, fault: usize, member: usize) {
        let Some(mut node) = self.restored_node(member) else { return };
        let original = &self.hosts[member];
        let records = original.disk.records[..original.disk.durable].to_vec();
        for record in &records {
            if let Err(error) = node.restore(record) {
                let what = format!("a copy of node {member}'s disk cannot be replayed: {error}");
                return self.watch.fail("I17", what);
            }
        }
        let mut clock = original.clock;
        clock.booted_ms = self.now_ms;
        let clone = Host {
            node,
            suite: std::sync::Arc::clone(&original.suite),
            disk: Disk { durable: records.len(), records, ..Disk::default() },
            clock,
            timers: std::collections::BTreeMap::new(),
            held: std::collections::VecDeque::new(),
            life: 0,
            up: false,
            ailments: Ailments::default(),
            parked: Vec::new(),
            peers: std::collections::BTreeMap::new(),
        };
        let number = self.hosts.len();
        self.hosts.push(clone);
        self.clones.insert(fault, (number, member));
        self.watch.forgets(member);
        self.watch.forgets(number);
        self.start(number);
    }

    /// The clone is found and stopped for good.
    pub(super) fn clone_ends(&mut self, fault: usize) {
        let Some((number, _)) = self.clones.remove(&fault) else { return };
        let clone = &mut self.hosts[number];
        clone.up = false;
        clone.life += 1;
        clone.timers.clear();
        clone.held.clear();
    }
}

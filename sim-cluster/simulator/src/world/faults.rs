//! Carrying faults out: crashes, restarts, cuts, pauses, clocks, and stopping all of them.
//!
//! A crash keeps what was durable, always, and of what was not what the real journal finds on a
//! disk that tore. A restart sees the disk only.

use super::host::DeathTrap;
use super::queue::Event;
use super::{World, host::Ailments};
use crate::mutants::Driver;
use crate::scenario::FaultKind;
use crate::streams::happens;
use debal_protocol::input::Input;
use rand::Rng;

impl World {
    /// Puts the scenario's faults on the heap; the chaos phase begins now.
    pub(crate) fn schedule_faults(&mut self) {
        for index in 0..self.scenario.faults.len() {
            let at_ms = self.scenario.faults[index].at_ms;
            self.push_in(at_ms, Event::FaultBegins(index));
        }
    }

    pub(super) fn fault_begins(&mut self, index: usize) {
        let fault = self.scenario.faults[index].clone();
        let phase = self.phase.name();
        self.marks.hit(&format!("fault.{phase}"), fault.kind.class());
        self.note(4, index, fault.kind.class().as_bytes(), || {
            format!("fault {index} begins, {} ms: {:?}", fault.lasts_ms, fault.kind)
        });
        self.network.active.insert(index);
        self.push_in(fault.lasts_ms, Event::FaultEnds(index));
        let until_ms = self.now_ms + fault.lasts_ms;
        let all = self.members();
        match fault.kind {
            FaultKind::Partition { side, one_way } => {
                for from in side.clone() {
                    for to in all.clone().filter(|to| !side.contains(to)) {
                        self.cut(index, from, to, one_way);
                    }
                }
            }
            FaultKind::CutEdge { a, b, one_way } => self.cut(index, a, b, one_way),
            FaultKind::IsolateLeader => {
                if let Some(leader) = self.watch.leader {
                    all.for_each(|other| self.cut(index, leader, other, false));
                }
            }
            FaultKind::Clog { a, b } => {
                self.network.clogged_until_ms.insert((a, b), until_ms.min(self.now_ms + 5_000));
            }
            FaultKind::Crash { node } => self.crash(node, Some(fault.lasts_ms)),
            FaultKind::CrashAtEffect { node, effect } => {
                self.set_trap(node, DeathTrap::Effects(effect), fault.lasts_ms);
            }
            FaultKind::CrashAll => {
                all.for_each(|node| self.crash(node, Some(fault.lasts_ms.min(20_000))));
            }
            FaultKind::Restore { node, percent } => self.roll_back(node, percent, fault.lasts_ms),
            FaultKind::LostJournal { node } => self.roll_back(node, 0, fault.lasts_ms),
            FaultKind::CloneHost { node } => self.clone_begins(index, node),
            kind => self.ail(&kind),
        }
    }

    fn ail(&mut self, kind: &FaultKind) {
        let now_ms = self.now_ms;
        match kind {
            FaultKind::Pause { node } => self.hosts[*node].ailments.paused = true,
            FaultKind::Slow { node } => self.hosts[*node].ailments.slow = true,
            FaultKind::FlushError { node } => self.hosts[*node].disk.fail_flush = true,
            FaultKind::DiskFull { node } => self.hosts[*node].disk.full = true,
            FaultKind::ClockJump { node, by_ms } => self.hosts[*node].clock.offset_ms += by_ms,
            FaultKind::ClockDrift { node, ppm } => {
                let clock = &mut self.hosts[*node].clock;
                clock.settle(now_ms);
                (clock.drift_ppm, clock.drift_since_ms) = (*ppm, now_ms);
            }
            FaultKind::Byzantine { node, script } => {
                self.hosts[*node].ailments.scripts.insert(*script);
            }
            _ => {}
        }
    }

    pub(super) fn fault_ends(&mut self, index: usize) {
        if !self.network.active.remove(&index) {
            return;
        }
        self.mend(index);
        match self.scenario.faults[index].kind {
            FaultKind::Slow { node } => self.hosts[node].ailments.slow = false,
            FaultKind::Pause { node } => self.wake_up(node),
            FaultKind::FlushError { node } => self.hosts[node].disk.fail_flush = false,
            FaultKind::DiskFull { node } => self.hosts[node].disk.full = false,
            FaultKind::ClockJump { node, by_ms } => self.hosts[node].clock.offset_ms -= by_ms,
            FaultKind::ClockDrift { node, .. } => self.hosts[node].clock.settle(self.now_ms),
            FaultKind::CrashAtEffect { node, .. } => self.hosts[node].ailments.trap = None,
            FaultKind::CloneHost { .. } => self.clone_ends(index),
            FaultKind::Byzantine { node, script } => {
                self.hosts[node].ailments.scripts.remove(&script);
            }
            _ => {}
        }
    }

    /// A paused process goes on with what happened to it meanwhile.
    fn wake_up(&mut self, host: usize) {
        self.hosts[host].ailments.paused = false;
        for event in std::mem::take(&mut self.hosts[host].parked) {
            self.push_in(0, event);
        }
    }

    /// Ends every fault, sets every clock right and starts every process.
    pub(crate) fn stop_faults(&mut self) {
        let active: Vec<usize> = self.network.active.iter().copied().collect();
        active.into_iter().for_each(|index| self.fault_ends(index));
        for host in self.members() {
            self.hosts[host].ailments = Ailments::default();
            let clock = &mut self.hosts[host].clock;
            clock.settle(self.now_ms);
            clock.offset_ms = clock.offset_ms.clamp(-5, 5);
            if !self.hosts[host].up {
                self.restart(host);
            }
        }
    }

    pub(crate) fn set_trap(&mut self, node: usize, trap: DeathTrap, down_ms: u64) {
        let ailments = &mut self.hosts[node].ailments;
        ailments.trap = Some(trap);
        ailments.trap_down_ms = down_ms;
    }

    /// The process dies; it is started again after `down_ms`, or soon if nobody says.
    pub(crate) fn crash(&mut self, host: usize, down_ms: Option<u64>) {
        if !self.hosts[host].up {
            return;
        }
        let soon_ms = self.streams.disk.random_range(500..=8_000);
        let damaged = happens(&mut self.streams.disk, self.scenario.disk.damage_per_mille);
        let unflushed = self.hosts[host].disk.records.len() - self.hosts[host].disk.durable;
        let kept = if damaged { self.power_loss(host) } else { unflushed };
        let entry = &mut self.hosts[host];
        let end = entry.disk.durable + kept;
        entry.disk.records.truncate(end);
        entry.disk.flushing = None;
        entry.disk.fail_flush = false;
        entry.ailments.trap = None;
        entry.up = false;
        entry.life += 1;
        let life = entry.life;
        entry.timers.clear();
        entry.held.clear();
        entry.peers.clear();
        self.marks.hit("crash", if kept < unflushed { "torn_tail" } else { "whole_tail" });
        self.note(5, host, &(kept as u64).to_be_bytes(), || {
            format!("node {host} dies; {kept} of {unflushed} unflushed records survive")
        });
        let down_ms = down_ms.unwrap_or(soon_ms).max(1);
        self.push_in(down_ms, Event::Restart { host, life });
        self.connections_changed(host);
    }

    /// The process dies and its journal is replaced by an old copy.
    fn roll_back(&mut self, node: usize, percent: u64, down_ms: u64) {
        self.crash(node, Some(down_ms));
        let disk = &mut self.hosts[node].disk;
        let kept = disk.durable * percent as usize / 100;
        disk.records.truncate(kept);
        disk.durable = disk.durable.min(kept);
        self.watch.forgets(node);
    }

    /// Starts a process from its disk.
    pub(crate) fn restart(&mut self, host: usize) {
        let Some(mut node) = self.restored_node(host) else { return };
        self.watch.now_ms = self.now_ms;
        if self.mutant == Some(Driver::ForgetRecord) {
            self.hosts[host].disk.records.pop();
        }
        let records = &self.hosts[host].disk.records;
        let again = (self.mutant == Some(Driver::FoldTwice)).then(|| records.last()).flatten();
        for record in records.iter().chain(again) {
            if let Err(error) = node.restore(record) {
                self.watch.fail("I17", format!("node {host} cannot replay its journal: {error}"));
                return;
            }
        }
        let entry = &mut self.hosts[host];
        let survived = entry.disk.durable.min(entry.disk.records.len());
        entry.disk.durable = entry.disk.records.len();
        self.watch.durable(host, &entry.disk.records[survived..]);
        self.watch.restarted(host, &node);
        entry.node = node;
        entry.clock.booted_ms = self.now_ms;
        self.note(6, host, &[], || format!("node {host} starts again"));
        self.start(host);
    }

    pub(super) fn start(&mut self, host: usize) {
        self.hosts[host].up = true;
        self.input(host, Input::Start);
        self.connections_changed(host);
    }
}

//! The driver of the simulated hosts: feeds nodes, carries effects out in order, keeps back what
//! waits for the disk.
//!
//! This is the contract every real driver must keep: an effect leaves only when the record it waits
//! for is durable, and a failed append or flush stops the process before anything more leaves.

use super::host::{DeathTrap, Outgoing};
use super::queue::Event;
use super::{World, words};
use crate::mutants::Driver;
use debal_crypto::{
    Digest, Domain, NodeId, Secret, Signature, SignatureError, Suite, VrfError, VrfKey, VrfOutput,
    VrfPreout, VrfProof,
};
use debal_planner::leader::{self, PlanLimits};
use debal_protocol::Msat;
use debal_protocol::effect::{Effect, PlanRequest, Position};
use debal_protocol::input::{Input, Timer};
use debal_protocol::journal::Record;
use debal_protocol::message::Travel;
use debal_protocol::node::Step;
use debal_protocol::plan::CyclePlan;
use rand::Rng;
use std::sync::Arc;

impl World {
    /// Gives a running host one input and carries out what follows.
    pub(crate) fn input(&mut self, host: usize, input: Input) {
        let now = self.hosts[host].clock.now(self.now_ms);
        let Step { effects, .. } = self.hosts[host].node.handle(input, now);
        let life = self.hosts[host].life;
        let first = self.hosts[host].disk.records.len();
        for effect in effects {
            if self.sprung_before_effect(host) || !self.carry_out(host, effect) {
                break;
            }
        }
        if self.hosts[host].life != life || !self.hosts[host].up {
            return;
        }
        self.begin_flush(host);
        if self.hosts[host].disk.records.len() > first {
            self.watch.now_ms = self.now_ms;
            self.watch.after_step(host, &self.hosts[host].node);
        }
    }

    /// Carries out one effect; false if the process died of it.
    fn carry_out(&mut self, host: usize, effect: Effect) -> bool {
        match effect {
            Effect::Append(record) => return self.append(host, record),
            Effect::Send { to, bytes, name, after } => {
                if let Some(to) = self.founding.index.get(&to).copied() {
                    self.hold(host, after, Outgoing::Send { to, bytes, name });
                }
            }
            Effect::Gossip { travel, bytes, after } => {
                if travel == Travel::Summaries {
                    self.watch.published(host, &self.hosts[host].node, &bytes);
                }
                self.hold(host, after, Outgoing::Gossip { travel, bytes });
            }
            Effect::Answer { ticket, answer, after } => {
                self.hold(host, after, Outgoing::Answer { ticket, answer });
            }
            Effect::SetTimer { timer, at_tick_ms } => self.set_timer(host, timer, at_tick_ms),
            Effect::MakePlan(request) => {
                let (life, request) = (self.hosts[host].life, Box::new(request));
                let delay_ms = self.streams.schedule.random_range(1..=60);
                self.push_in(delay_ms, Event::Planned { host, life, request });
            }
            Effect::Emit(event) => self.emitted(host, &event),
            Effect::Halt(reason) => {
                self.watch.halted(host, &reason);
                self.crash(host, None);
                return false;
            }
        }
        true
    }

    fn append(&mut self, host: usize, record: Record) -> bool {
        let index = self.hosts[host].disk.records.len();
        if self.hosts[host].disk.full {
            self.hosts[host].disk.full = false;
            self.crash(host, None);
            return false;
        }
        if self.sprung(host, DeathTrap::BeforeAppend(index)) {
            return false;
        }
        self.marks.hit("record", record_name(&record));
        self.note(1, host, record_name(&record).as_bytes(), || {
            format!("node {host} journals {}", words::record(&record))
        });
        self.watch.now_ms = self.now_ms;
        self.watch.book(host, &self.hosts[host].node, &record);
        self.hosts[host].disk.records.push(record);
        if self.mutant == Some(Driver::ReorderRecords) && index % 7 == 6 {
            self.hosts[host].disk.records.swap(index - 1, index);
        }
        !self.sprung(host, DeathTrap::BeforeFlush(index))
    }

    fn set_timer(&mut self, host: usize, timer: Timer, at_tick_ms: u64) {
        if self.mutant == Some(Driver::LoseTimers) && matches!(timer, Timer::Transfer(_)) {
            return;
        }
        let entry = &mut self.hosts[host];
        entry.timers.insert(timer, at_tick_ms);
        let (life, tick_ms) = (entry.life, entry.clock.tick(self.now_ms));
        let delay_ms = at_tick_ms.saturating_sub(tick_ms);
        self.push_in(delay_ms, Event::Wake { host, life, timer, tick_ms: at_tick_ms });
    }

    pub(super) fn wake(&mut self, host: usize, life: u64, timer: Timer, tick_ms: u64) {
        let entry = &mut self.hosts[host];
        if !entry.up || entry.life != life || entry.timers.get(&timer) != Some(&tick_ms) {
            return;
        }
        entry.timers.remove(&timer);
        self.note(2, host, format!("{timer:?}").as_bytes(), || {
            format!("node {host} wakes {timer:?}")
        });
        self.input(host, Input::Wake(timer));
    }

    fn hold(&mut self, host: usize, after: Position, what: Outgoing) {
        let early = self.mutant == Some(Driver::SendBeforeFlush);
        if early || after.0 <= self.hosts[host].disk.durable as u64 {
            self.release(host, after, what);
        } else {
            self.hosts[host].held.push_back((after, what));
        }
    }

    fn begin_flush(&mut self, host: usize) {
        if !self.hosts[host].up || !self.hosts[host].wants_flush() {
            return;
        }
        let model = self.scenario.disk;
        let mut delay_ms = self.streams.disk.random_range(model.flush_min_ms..=model.flush_max_ms);
        if self.hosts[host].ailments.slow {
            delay_ms = delay_ms * 10 + 20;
        }
        let entry = &mut self.hosts[host];
        entry.disk.flushing = Some(entry.disk.records.len());
        let life = entry.life;
        self.push_in(delay_ms, Event::Flush { host, life });
    }

    pub(super) fn flush_ends(&mut self, host: usize, life: u64) {
        let entry = &mut self.hosts[host];
        if !entry.up || entry.life != life {
            return;
        }
        let Some(upto) = entry.disk.flushing.take() else { return };
        let mut really = true;
        if std::mem::take(&mut entry.disk.fail_flush) {
            if self.mutant != Some(Driver::IgnoreFlushError) {
                return self.crash(host, None);
            }
            really = false;
        }
        let first = entry.disk.durable;
        entry.disk.durable = upto;
        if really {
            self.watch.durable(host, &self.hosts[host].disk.records[first..upto]);
        }
        if (first..upto).any(|index| self.sprung(host, DeathTrap::BeforeSend(index))) {
            return;
        }
        self.release_due(host, upto);
        if self.hosts[host].life != life {
            return;
        }
        if (first..upto).any(|index| self.sprung(host, DeathTrap::AfterSend(index))) {
            return;
        }
        self.begin_flush(host);
    }

    fn release_due(&mut self, host: usize, upto: usize) {
        while let Some((after, _)) = self.hosts[host].held.front() {
            if after.0 > upto as u64 {
                return;
            }
            if let Some((after, what)) = self.hosts[host].held.pop_front() {
                self.release(host, after, what);
            }
        }
    }

    /// What waited for the disk leaves.
    fn release(&mut self, host: usize, after: Position, what: Outgoing) {
        self.watch.now_ms = self.now_ms;
        let durable = self.hosts[host].disk.durable as u64;
        self.watch.released(host, after.0, durable);
        match what {
            Outgoing::Send { to, bytes, name } => self.send(host, to, bytes, name),
            Outgoing::Gossip { travel, bytes } => self.gossip(host, travel, bytes),
            Outgoing::Answer { ticket, answer } => self.answered(host, ticket, answer),
        }
    }

    pub(super) fn planned(&mut self, host: usize, life: u64, request: &PlanRequest) {
        if !self.hosts[host].up || self.hosts[host].life != life {
            return;
        }
        let limits = PlanLimits {
            min_amount_msat: 1_000,
            max_hops_in_all: request.hops_max,
            ..PlanLimits::default()
        };
        let mut made = leader::plan(&request.summaries, &limits);
        let cycles = &mut made.cycles;
        let greed = self.scenario.wishes.greed_percent;
        if greed != 100 {
            cycles.iter_mut().for_each(|cycle| scale(cycle, greed));
        }
        if self.plans_left == 0 {
            cycles.clear();
        } else if !cycles.is_empty() {
            self.plans_left -= 1;
        }
        self.marks.hit("plan", if cycles.is_empty() { "empty" } else { "cycles" });
        let (epoch, round) = (request.epoch, request.round);
        self.input(host, Input::PlanMade { epoch, round, made });
    }

    fn sprung_before_effect(&mut self, host: usize) -> bool {
        match &mut self.hosts[host].ailments.trap {
            Some(DeathTrap::Effects(0)) => self.spring(host),
            Some(DeathTrap::Effects(left)) => {
                *left -= 1;
                false
            }
            _ => false,
        }
    }

    fn sprung(&mut self, host: usize, trap: DeathTrap) -> bool {
        self.hosts[host].ailments.trap == Some(trap) && self.spring(host)
    }

    fn spring(&mut self, host: usize) -> bool {
        let down_ms = self.hosts[host].ailments.trap_down_ms;
        self.marks.hit("trap", "sprung");
        self.crash(host, Some(down_ms));
        true
    }
}

fn scale(cycle: &mut CyclePlan, percent: u64) {
    let hops = cycle.hops.iter().copied().map(|mut hop| {
        hop.amount_msat = Msat(hop.amount_msat.0.saturating_mul(percent) / 100);
        hop
    });
    cycle.hops = debal_protocol::Bounded::first_of(hops);
}

/// Short name of a record, for marks and charts.
pub(crate) const fn record_name(record: &Record) -> &'static str {
    match record {
        Record::Election(_) => "election",
        Record::SummarySent { .. } => "summary_sent",
        Record::Rebalancing(_) => "rebalancing",
        Record::ChannelExpected(_) => "channel_expected",
        Record::ChannelOpening(_) => "channel_opening",
        Record::ChannelOpened { .. } => "channel_opened",
        Record::PolicySet { .. } => "policy_set",
        Record::Proposed { .. } => "proposed",
        Record::Countersigned { .. } => "countersigned",
        Record::Completed { .. } => "completed",
        Record::Adopted { .. } => "adopted",
        Record::AddRefused { .. } => "add_refused",
        Record::ChannelFrozen { .. } => "channel_frozen",
        Record::ReceivePrepared { .. } => "receive_prepared",
        Record::ReceiveSettled { .. } => "receive_settled",
        Record::ReceiveCancelled { .. } => "receive_cancelled",
        Record::CycleReserved { .. } => "cycle_reserved",
        Record::CycleLapsed { .. } => "cycle_lapsed",
        Record::CycleGo { .. } => "cycle_go",
        Record::PaymentStarted { .. } => "payment_started",
        Record::LockAsked { .. } => "lock_asked",
        Record::PlanPublished { .. } => "plan_published",
        Record::Snapshot(_) => "snapshot",
        Record::Committed { .. } => "committed",
        Record::Aborted { .. } => "aborted",
        Record::Revealed { .. } => "revealed",
        Record::Closed { .. } => "closed",
    }
}

/// The suite a host uses: its own, or one that believes everything.
pub(super) fn checked_suite(suite: Arc<dyn Suite>, mutant: Option<Driver>) -> Arc<dyn Suite> {
    if mutant == Some(Driver::VerifyNothing) { Arc::new(Credulous(suite)) } else { suite }
}

struct Credulous(Arc<dyn Suite>);

impl Suite for Credulous {
    fn node(&self) -> NodeId {
        self.0.node()
    }
    fn vrf_key(&self) -> VrfKey {
        self.0.vrf_key()
    }
    fn sign(&self, domain: Domain, bytes: &[u8]) -> Signature {
        self.0.sign(domain, bytes)
    }
    fn verify(&self, _: &NodeId, _: Domain, _: &[u8], _: &Signature) -> Result<(), SignatureError> {
        Ok(())
    }
    fn vrf_prove(&self, input: &Digest, context: &Digest) -> (VrfPreout, VrfProof, VrfOutput) {
        self.0.vrf_prove(input, context)
    }
    fn vrf_verify(
        &self,
        key: &VrfKey,
        input: &Digest,
        context: &Digest,
        preout: &VrfPreout,
        proof: &VrfProof,
    ) -> Result<VrfOutput, VrfError> {
        self.0.vrf_verify(key, input, context, preout, proof)
    }
    fn transfer_secret(&self, label: &Digest) -> Secret {
        self.0.transfer_secret(label)
    }
}

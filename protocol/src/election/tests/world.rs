//! A few elections and a lossy network in virtual time. Test-only.

use super::suite::{FastSuite, members_of, network_id};
use crate::election::{
    Certificate, Context, Durable, Election, ElectionEffect, ElectionRecord, Genesis, Settings, Tip,
};
use crate::ids::Epoch;
use crate::message::Message;
use crate::reject::Reject;
use crate::roster::Member;
use crate::time::{Now, Timetable};
use debal_crypto::NodeId;
use std::collections::{BTreeMap, BTreeSet};

pub(super) const EPOCH_MS: u64 = 10_000;

#[derive(Clone, Debug)]
pub(super) enum Packet {
    Said(Message),
    Plan(Certificate),
    Wake,
}

pub(super) struct Host {
    pub(super) suite: FastSuite,
    pub(super) election: Election,
    pub(super) journal: Vec<ElectionRecord>,
    pub(super) up: bool,
    /// How far this host's wall clock is ahead.
    ahead_ms: i64,
    /// Leads without ever delivering a plan.
    pub(super) stalls: bool,
    pub(super) rejects: Vec<Reject>,
    /// (epoch, round, leader) of every Certified effect.
    pub(super) certified: Vec<(Epoch, u8, NodeId)>,
    pub(super) skipped: Vec<Epoch>,
    pub(super) accused: BTreeSet<NodeId>,
}

/// Decides the fate of a packet: which message each receiver sees, if any.
pub(super) type Tamper = Box<dyn FnMut(u64, usize, usize, &Packet) -> Option<Packet>>;

pub(super) struct World {
    pub(super) now_ms: u64,
    pub(super) hosts: Vec<Host>,
    queue: BTreeMap<(u64, u64), (usize, usize, Packet)>,
    order: u64,
    random: u64,
    pub(super) loss_percent: u64,
    pub(super) tamper: Tamper,
    genesis: Genesis,
}

pub(super) fn genesis(members: Vec<Member>) -> Genesis {
    let timetable = Timetable { genesis_ms: 0, epoch_ms: EPOCH_MS };
    Genesis { network: network_id(), timetable, members }
}

impl World {
    pub(super) fn new(weights: &[u64], seed: u64) -> Self {
        println!("world seed {seed}");
        let genesis = genesis(members_of(weights));
        let mut world = Self {
            now_ms: 0,
            hosts: Vec::new(),
            queue: BTreeMap::new(),
            order: 0,
            random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            loss_percent: 0,
            tamper: Box::new(|_, _, _, packet| Some(packet.clone())),
            genesis,
        };
        for _ in weights {
            world.add_host();
        }
        world
    }

    /// A host that knows the founding, member or not.
    pub(super) fn add_host(&mut self) -> usize {
        let at = self.hosts.len();
        let election = Election::new(self.genesis.clone(), Settings::default()).unwrap();
        self.hosts.push(Host {
            suite: FastSuite::new(at as u8 + 1),
            election,
            journal: Vec::new(),
            up: true,
            ahead_ms: 0,
            stalls: false,
            rejects: Vec::new(),
            certified: Vec::new(),
            skipped: Vec::new(),
            accused: BTreeSet::new(),
        });
        self.start(at);
        at
    }

    fn next_random(&mut self, below: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % below
    }

    pub(super) fn node(&self, at: usize) -> NodeId {
        NodeId([at as u8 + 1; 32])
    }

    pub(super) fn call<T>(
        &mut self,
        at: usize,
        step: impl FnOnce(&mut Election, &Context<'_>) -> T,
    ) -> T {
        let wall_ms = self.now_ms.saturating_add_signed(self.hosts[at].ahead_ms);
        let now = Now { tick_ms: self.now_ms, wall_ms };
        let host = &mut self.hosts[at];
        let suite = host.suite;
        step(&mut host.election, &Context { suite: &suite, now, block: None })
    }

    fn start(&mut self, at: usize) {
        let effects = self.call(at, |election, context| election.on_start(context));
        self.perform(at, effects);
    }

    /// Sets a host's clock; like every driver on a jump, wakes the election.
    pub(super) fn set_clock(&mut self, at: usize, ahead_ms: i64) {
        self.hosts[at].ahead_ms = ahead_ms;
        let effects = self.call(at, |election, context| election.on_wake(context));
        self.perform(at, effects);
    }

    pub(super) fn crash(&mut self, at: usize) {
        self.hosts[at].up = false;
    }

    pub(super) fn restart(&mut self, at: usize) {
        let mut election = Election::new(self.genesis.clone(), Settings::default()).unwrap();
        self.hosts[at].journal.iter().for_each(|record| election.apply(record));
        assert_eq!(election.durable(), self.hosts[at].election.durable(), "I17");
        self.hosts[at].election = election;
        self.hosts[at].up = true;
        self.start(at);
    }

    pub(super) fn perform(&mut self, at: usize, effects: Vec<ElectionEffect>) {
        for effect in effects {
            match effect {
                ElectionEffect::Journal(record) => self.hosts[at].journal.push(record),
                ElectionEffect::Gossip(message) => {
                    self.check_journaled(at, &message);
                    for to in 0..self.hosts.len() {
                        self.post(at, to, Packet::Said(message.clone()));
                    }
                }
                ElectionEffect::Send(to, message) => {
                    let to = usize::from(to.0[0]) - 1;
                    self.post(at, to, Packet::Said(message));
                }
                ElectionEffect::Certified { certificate, leader, epoch, round, us, .. } => {
                    self.hosts[at].certified.push((epoch, round, leader));
                    if us && !self.hosts[at].stalls {
                        for to in 0..self.hosts.len() {
                            self.post(at, to, Packet::Plan(certificate.clone()));
                        }
                        self.hosts[at].election.plan_seen(epoch, round);
                    }
                }
                ElectionEffect::Skipped { epoch } => self.hosts[at].skipped.push(epoch),
                ElectionEffect::Accused { node, .. } => {
                    self.hosts[at].accused.insert(node);
                }
                ElectionEffect::Wake { at_wall_ms } => {
                    self.order += 1;
                    let due = at_wall_ms.saturating_add_signed(-self.hosts[at].ahead_ms);
                    let due = due.max(self.now_ms + 1);
                    self.queue.insert((due, self.order), (at, at, Packet::Wake));
                }
            }
        }
    }

    /// I11: what is said is in the journal.
    fn check_journaled(&self, at: usize, message: &Message) {
        let journal = &self.hosts[at].journal;
        let found = match message {
            Message::Claim(said) => {
                journal.iter().any(|r| matches!(r, ElectionRecord::Claimed(c) if c == said))
            }
            Message::Endorse(said) => journal.iter().any(|record| {
                let voted = matches!(record, ElectionRecord::Voted { endorsement, .. }
                    if *endorsement == said.endorsement);
                voted
            }),
            _ => true,
        };
        assert!(found, "{} said before it was journaled", message.name());
    }

    pub(super) fn post(&mut self, from: usize, to: usize, packet: Packet) {
        if from == to {
            return;
        }
        let lost = self.next_random(100) < self.loss_percent;
        let due = self.now_ms + 5 + self.next_random(40);
        if lost {
            return;
        }
        if let Some(packet) = (self.tamper)(self.now_ms, from, to, &packet) {
            self.order += 1;
            self.queue.insert((due, self.order), (from, to, packet));
        }
    }

    pub(super) fn run_until(&mut self, until_ms: u64) {
        while let Some(((due, order), _)) = self.queue.first_key_value() {
            let key = (*due, *order);
            if key.0 > until_ms {
                break;
            }
            let (from, to, packet) = self.queue.remove(&key).unwrap();
            self.now_ms = key.0;
            self.deliver(from, to, packet);
        }
        self.now_ms = until_ms;
    }

    /// Runs to the middle of `epoch`, when its election is over.
    pub(super) fn run_epoch(&mut self, epoch: u64) {
        self.run_until(epoch * EPOCH_MS + EPOCH_MS / 2);
    }

    fn deliver(&mut self, from: usize, to: usize, packet: Packet) {
        if !self.hosts[to].up {
            return;
        }
        let sender = self.node(from);
        let result = self.call(to, |election, context| match packet {
            Packet::Wake => Ok(election.on_wake(context)),
            Packet::Plan(certificate) => {
                let effects = election.on_certificate(context, sender, &certificate);
                election.plan_seen(certificate.epoch(), certificate.round);
                effects
            }
            Packet::Said(message) => hear(election, context, sender, message),
        });
        match result {
            Ok(effects) => self.perform(to, effects),
            Err(reject) => self.hosts[to].rejects.push(reject),
        }
    }

    pub(super) fn tips(&self) -> Vec<&Tip> {
        self.hosts.iter().filter(|host| host.up).map(|host| host.election.tip()).collect()
    }

    /// All hosts that are up hold one chain; returns its end.
    pub(super) fn agreed(&self) -> &Tip {
        let tips = self.tips();
        let ends: Vec<_> = tips.iter().map(|tip| (tip.epoch, tip.round, tip.record)).collect();
        assert!(ends.iter().all(|end| *end == ends[0]), "{ends:?}");
        assert!(tips.iter().all(|tip| *tip == tips[0]));
        tips[0]
    }

    pub(super) fn durable(&self, at: usize) -> &Durable {
        self.hosts[at].election.durable()
    }

    /// I13: no two certificates of one (epoch, round) anywhere.
    pub(super) fn check_single_certificates(&self) {
        let mut known: BTreeMap<(Epoch, u8), NodeId> = BTreeMap::new();
        for (epoch, round, leader) in self.hosts.iter().flat_map(|host| &host.certified) {
            let first = known.entry((*epoch, *round)).or_insert(*leader);
            assert_eq!(first, leader, "two leaders in epoch {epoch} round {round}");
        }
    }
}

pub(super) fn hear(
    election: &mut Election,
    context: &Context<'_>,
    sender: NodeId,
    message: Message,
) -> Result<Vec<ElectionEffect>, Reject> {
    match message {
        Message::Claim(claim) => election.on_claim(context, sender, claim),
        Message::Endorse(endorse) => election.on_endorse(context, sender, endorse),
        Message::RosterChange(change) => election.on_roster_change(context, sender, change),
        Message::Evidence(evidence) => election.on_evidence(context, sender, evidence),
        Message::TipRequest { tip } => election.on_tip_request(context, sender, tip),
        Message::TipReply { base, certificate } => {
            election.on_tip_reply(context, sender, base, &certificate)
        }
        other => panic!("the election never says {}", other.name()),
    }
}

//! A network of real elections in virtual time: every member runs the protocol's own state machine
//! and every message passes through its wire format.
//!
//! Gossip is modelled as the daemon configures it: an author tells all its connections (16), who
//! pass on what they accept to their mesh (5). What is lost on a link is gone: nothing here
//! repairs it, which is harder than gossipsub on TCP. One seed gives one run.

use super::members::{EPOCH_MS, Members};
use super::overlay::Overlay;
use super::seen::Seen;
use super::weather::Weather;
use crate::BenchError;
use debal_crypto::{Digest, NodeId};
use debal_protocol::bounded::Bounded;
use debal_protocol::election::{
    Certificate, Claim, Context, Election, ElectionEffect, Endorse, Endorsement, Genesis, Settings,
};
use debal_protocol::ids::Epoch;
use debal_protocol::message::{Message, Travel};
use debal_protocol::plan::{Plan, PlanProof};
use debal_protocol::reject::Reject;
use debal_protocol::roster::RosterChange;
use debal_protocol::time::Now;
use debal_protocol::wire::{self, Verified};
use debal_topology::random;
use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashSet};
use std::sync::Arc;

/// Shortest and longest time of a transmission, milliseconds.
const LATENCY_MS: std::ops::Range<u64> = 20..200;
/// Clocks are off by up to this, milliseconds.
const CLOCK_MS: i64 = 500;
/// A member that goes away stays for about so many epochs.
const AWAY_EPOCHS: usize = 3;
/// When the claims of an epoch are all there: just before the first vote, milliseconds.
const LOOK_MS: u64 = 29_900;

/// How a member behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// By the protocol.
    Honest,
    /// By the protocol, but a leader without a plan.
    Silent,
    /// Claims and votes one way towards even members, another way towards odd ones.
    TwoFaced,
}

/// One member's machine.
pub(super) struct Host {
    pub(super) election: Election,
    pub(super) manner: Manner,
    pub(super) up: bool,
    /// How far its wall clock is ahead.
    ahead_ms: i64,
    /// Restarts: a wake-up of an earlier life is nobody's.
    life: u64,
    /// Messages heard in this epoch.
    heard: HashSet<u64>,
}

/// One sealed message.
struct Word {
    number: u64,
    author: usize,
    travel: Travel,
    sealed: Vec<u8>,
}

enum What {
    Wake { host: usize, life: u64 },
    Arrives { from: usize, to: usize, word: Arc<Word> },
    Begin(u64),
    Look(u64),
    Turn,
}

struct Event {
    due_ms: u64,
    order: u64,
    what: What,
}

impl Event {
    const fn key(&self) -> (u64, u64) {
        (self.due_ms, self.order)
    }
}

impl PartialEq for Event {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Event {}

impl PartialOrd for Event {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Event {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

/// The members, what is under way, and what was seen.
pub struct World {
    members: Members,
    weather: Weather,
    epochs: u64,
    genesis: Genesis,
    now_ms: u64,
    pub(super) hosts: Vec<Host>,
    numbers: BTreeMap<NodeId, usize>,
    queue: BinaryHeap<Reverse<Event>>,
    order: u64,
    words: u64,
    rng: ChaCha8Rng,
    overlay: Overlay,
    /// Who is cut off while the network is split.
    beyond: Vec<bool>,
    /// Who was there at some time of the current claim window, and so could claim.
    present: Vec<bool>,
    /// Claims of the current epoch: what a two-faced voter chooses from.
    claims: Vec<Claim>,
    /// What was seen.
    pub(super) seen: Seen,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("now_ms", &self.now_ms).finish_non_exhaustive()
    }
}

impl World {
    /// Members in a weather, nothing having happened yet.
    ///
    /// # Errors
    /// Members that are no roster.
    pub fn new(
        members: Members,
        weather: Weather,
        epochs: u64,
        seed: u64,
    ) -> Result<Self, BenchError> {
        let genesis = members.genesis();
        let mut rng = random::stream(seed, "b5 world", members.count() as u64);
        let count = members.count();
        let mut order: Vec<usize> = (0..count).collect();
        order.shuffle(&mut rng);
        let bad = |share: f64| (count as f64 * share).round() as usize;
        let mut manners = vec![Manner::Honest; count];
        for (place, member) in order.iter().enumerate() {
            if place < bad(weather.two_faced) {
                manners[*member] = Manner::TwoFaced;
            } else if place < bad(weather.two_faced) + bad(weather.silent) {
                manners[*member] = Manner::Silent;
            }
        }
        let mut hosts = Vec::with_capacity(count);
        for manner in manners {
            let election = Election::new(genesis.clone(), Settings::default())
                .map_err(|e| BenchError::Usage(format!("{count} members: {e}")))?;
            let ahead_ms = rng.random_range(-CLOCK_MS..=CLOCK_MS);
            let heard = HashSet::new();
            hosts.push(Host { election, manner, up: true, ahead_ms, life: 0, heard });
        }
        let beyond = chosen(&order, &members.weights, weather.split);
        let away = chosen(&order, &members.weights, weather.offline);
        hosts.iter_mut().zip(away).for_each(|(host, away)| host.up = !away);
        let numbers = members.nodes().zip(0..).collect();
        let (overlay, seen) = (Overlay::default(), Seen::of(count));
        let (queue, claims) = (BinaryHeap::new(), Vec::new());
        let (now_ms, order, words) = (0, 0, 0);
        Ok(Self {
            members,
            weather,
            epochs,
            genesis,
            now_ms,
            hosts,
            numbers,
            queue,
            order,
            words,
            rng,
            overlay,
            beyond,
            present: vec![false; count],
            claims,
            seen,
        })
    }

    /// Runs all epochs.
    pub fn run(&mut self) {
        self.link();
        for host in 0..self.hosts.len() {
            if self.hosts[host].up {
                let effects = self.call(host, |election, context| election.on_start(context));
                self.perform(host, effects);
            }
        }
        for epoch in 1..=self.epochs + 1 {
            self.post(epoch * EPOCH_MS - CLOCK_MS.unsigned_abs() - 1, What::Begin(epoch));
        }
        while let Some(Reverse(event)) = self.queue.pop() {
            self.now_ms = event.due_ms;
            match event.what {
                What::Begin(epoch) if epoch > self.epochs => {
                    self.close(epoch - 1);
                    return;
                }
                What::Begin(epoch) => self.begin(epoch),
                What::Look(epoch) => self.look(epoch),
                What::Turn => self.turn(),
                What::Wake { host, life } => {
                    if self.hosts[host].up && self.hosts[host].life == life {
                        let effects =
                            self.call(host, |election, context| election.on_wake(context));
                        self.perform(host, effects);
                    }
                }
                What::Arrives { from, to, word } => self.arrives(from, to, &word),
            }
        }
    }

    fn post(&mut self, due_ms: u64, what: What) {
        self.order += 1;
        self.queue.push(Reverse(Event { due_ms, order: self.order, what }));
    }

    /// Whether the network is split in this epoch: its middle third is.
    fn is_split(&self, epoch: u64) -> bool {
        let third = self.epochs / 3;
        self.weather.split > 0.0 && epoch > third && epoch <= 2 * third
    }

    fn epoch(&self) -> u64 {
        // Begin comes a moment before the epoch does, and belongs to it.
        (self.now_ms + CLOCK_MS.unsigned_abs() + 1) / EPOCH_MS
    }

    fn apart(&self, one: usize, other: usize) -> bool {
        self.is_split(self.epoch()) && self.beyond[one] != self.beyond[other]
    }

    fn begin(&mut self, epoch: u64) {
        self.close(epoch - 1);
        self.claims.clear();
        self.present = self.hosts.iter().map(|host| host.up).collect();
        for host in &mut self.hosts {
            host.heard.clear();
        }
        self.post(epoch * EPOCH_MS + LOOK_MS, What::Look(epoch));
        let away = self.hosts.iter().filter(|host| !host.up).count();
        for _ in 0..away.div_ceil(AWAY_EPOCHS) {
            let at = self.rng.random_range(0..EPOCH_MS);
            self.post(self.now_ms + at, What::Turn);
        }
        if self.weather.split > 0.0 {
            self.link();
        }
    }

    /// The epoch is over: who led, who is barred, does everyone agree?
    fn close(&mut self, epoch: u64) {
        let healed = self.weather.split > 0.0 && epoch > 2 * (self.epochs / 3);
        let since = healed.then(|| epoch - 2 * (self.epochs / 3));
        self.seen.close(epoch, &self.hosts, since, &self.numbers);
    }

    /// Somebody comes back, others go, as long as the weight that is away stays within its share.
    fn turn(&mut self) {
        let mut hosts: Vec<usize> = (0..self.hosts.len()).collect();
        hosts.shuffle(&mut self.rng);
        let Some(back) = hosts.iter().copied().find(|host| !self.hosts[*host].up) else { return };
        let durable = self.hosts[back].election.durable().clone();
        let timetable = self.genesis.timetable;
        let host = &mut self.hosts[back];
        host.election = Election::resumed(durable, timetable, Settings::default());
        (host.up, host.life) = (true, host.life + 1);
        if self.now_ms % EPOCH_MS < LOOK_MS {
            self.present[back] = true;
        }
        let total: u64 = self.members.weights.iter().sum();
        let most = (total as f64 * self.weather.offline) as u64;
        let away = |hosts: &[Host], weights: &[u64]| -> u64 {
            hosts.iter().zip(weights).filter(|(host, _)| !host.up).map(|(_, weight)| weight).sum()
        };
        let mut gone = away(&self.hosts, &self.members.weights);
        for host in hosts.into_iter().filter(|host| *host != back) {
            let weight = self.members.weights[host];
            if self.hosts[host].up && gone + weight <= most {
                self.hosts[host].up = false;
                gone += weight;
            }
        }
        self.link();
        let effects = self.call(back, |election, context| election.on_start(context));
        self.perform(back, effects);
    }

    /// Connects those who are there, on each side of a split.
    fn link(&mut self) {
        let split = self.is_split(self.epoch());
        let there = |side: Option<bool>| -> Vec<usize> {
            let on = |host: &usize| side.is_none_or(|side| self.beyond[*host] == side);
            (0..self.hosts.len()).filter(|host| self.hosts[*host].up).filter(on).collect()
        };
        let groups =
            if split { vec![there(Some(false)), there(Some(true))] } else { vec![there(None)] };
        self.overlay = Overlay::draw(self.hosts.len(), groups, &mut self.rng);
    }

    /// What the claims of an epoch promise everyone who could lead it.
    fn look(&mut self, epoch: u64) {
        let honest =
            |host: &&usize| self.hosts[**host].up && self.hosts[**host].manner != Manner::TwoFaced;
        let all: Vec<usize> = (0..self.hosts.len()).collect();
        let newest = |host: &&usize| {
            let tip = self.hosts[**host].election.tip().epoch;
            // On the larger side of a split.
            (!(self.is_split(epoch) && self.beyond[**host]), tip)
        };
        let Some(&witness) = all.iter().filter(honest).max_by_key(newest) else { return };
        let election = &self.hosts[witness].election;
        let now = Epoch(epoch);
        let Some(view) = election.durable().base_for(now).and_then(|tip| tip.view(now)) else {
            return;
        };
        let chance = |(host, node): (usize, NodeId)| {
            let may = self.present[host]
                && !self.apart(witness, host)
                && !view.cools_down(&node)
                && !election.quarantined(&node, now);
            if may { self.members.weights[host] as f64 } else { 0.0 }
        };
        let chances = self.members.nodes().enumerate().map(|(host, node)| chance((host, node)));
        self.seen.chances = chances.collect();
    }

    fn call<T>(&mut self, at: usize, step: impl FnOnce(&mut Election, &Context<'_>) -> T) -> T {
        let host = &mut self.hosts[at];
        let wall_ms = self.now_ms.saturating_add_signed(host.ahead_ms);
        let now = Now { tick_ms: self.now_ms, wall_ms };
        let suite = self.members.suites[at].as_ref();
        step(&mut host.election, &Context { suite, now, block: None })
    }

    fn perform(&mut self, at: usize, effects: Vec<ElectionEffect>) {
        for effect in effects {
            match effect {
                // The durable state is in the election; it outlives a restart as it is.
                ElectionEffect::Journal(_) | ElectionEffect::Skipped { .. } => {}
                ElectionEffect::Gossip(message) => self.gossip(at, message),
                ElectionEffect::Send(to, message) => {
                    if let Some(&to) = self.numbers.get(&to)
                        && let Some(word) = self.word(at, message)
                    {
                        self.transmit(at, to, &word);
                    }
                }
                ElectionEffect::Certified { certificate, epoch, round, us, .. } => {
                    let leader = self.numbers.get(&certificate.leader()).copied();
                    let claim = certificate.claim.digest(&self.genesis.network);
                    self.seen.certified(epoch.0, round, claim, leader);
                    if us && self.hosts[at].manner != Manner::Silent {
                        self.lead(at, certificate);
                    }
                }
                ElectionEffect::Accused { node, .. } => {
                    if let Some(&accused) = self.numbers.get(&node) {
                        let honest = self.hosts[accused].manner != Manner::TwoFaced;
                        self.seen.accused(honest);
                    }
                }
                ElectionEffect::Wake { at_wall_ms } => {
                    let host = &self.hosts[at];
                    let due_ms = at_wall_ms.saturating_add_signed(-host.ahead_ms);
                    let what = What::Wake { host: at, life: host.life };
                    self.post(due_ms.max(self.now_ms + 1), what);
                }
            }
        }
    }

    /// A certified leader gives its plan: an empty one, for the election only its proof matters.
    fn lead(&mut self, at: usize, certificate: Certificate) {
        let (epoch, round) = (certificate.epoch(), certificate.round);
        self.seen.led(epoch.0, self.now_ms.saturating_sub(epoch.0 * EPOCH_MS));
        let plan = Plan {
            certificate,
            summaries: Digest([0; 32]),
            proof: PlanProof::default(),
            expires_ms: self.genesis.timetable.plan_expires_ms(epoch),
            cycles: Bounded::new(),
        };
        self.gossip(at, Message::Plan(plan));
        self.hosts[at].election.plan_seen(epoch, round);
        self.note_plan(at, epoch.0);
    }

    fn note_plan(&mut self, at: usize, epoch: u64) {
        let there = self.hosts.iter().map(|host| host.up);
        let weights = self.members.weights.iter().copied().zip(there);
        self.seen.plan_heard(epoch, at, weights);
    }

    fn word(&mut self, author: usize, message: Message) -> Option<Arc<Word>> {
        let travel = message.travel();
        let suite = self.members.suites[author].as_ref();
        let epoch = Epoch(self.now_ms / EPOCH_MS);
        // What is too long is never sent, as in the daemon.
        let sealed = wire::seal(suite, self.genesis.network, epoch, message).ok()?;
        self.words += 1;
        Some(Arc::new(Word { number: self.words, author, travel, sealed }))
    }

    /// Publishes: to all connections. A two-faced member has a second story for every other one.
    fn gossip(&mut self, at: usize, message: Message) {
        if let Message::Claim(claim) = &message {
            self.claims.push(claim.clone());
        }
        let second = match self.hosts[at].manner {
            Manner::TwoFaced => self.second_story(at, &message),
            _ => None,
        };
        let Some(first) = self.word(at, message) else { return };
        self.hosts[at].heard.insert(first.number);
        let second = second.and_then(|message| self.word(at, message));
        if second.is_some() {
            self.seen.lied(at, self.epoch());
        }
        for to in self.overlay.connections(at).to_vec() {
            let word = if to % 2 == 1 { second.as_ref().unwrap_or(&first) } else { &first };
            self.transmit(at, to, word);
        }
    }

    /// What contradicts `message` and could be believed as well: a claim that also says goodbye, a
    /// vote for another claim.
    fn second_story(&self, at: usize, message: &Message) -> Option<Message> {
        let (suite, network) = (self.members.suites[at].as_ref(), &self.genesis.network);
        match message {
            Message::Claim(claim) => {
                let durable = self.hosts[at].election.durable();
                let view = durable.base_for(claim.epoch)?.view(claim.epoch)?;
                let goodbye = RosterChange::leave(suite, network, claim.epoch);
                Some(Message::Claim(Claim::make(suite, &view, None, [&goodbye]).0))
            }
            Message::Endorse(said) => {
                let other = self.claims.iter().find(|claim| {
                    claim.epoch == said.claim.epoch && claim.node != said.claim.node
                })?;
                let (epoch, round) = (said.endorsement.epoch, said.endorsement.round);
                let digest = other.digest(network);
                let endorsement = Endorsement::make(suite, network, epoch, round, digest);
                Some(Message::Endorse(Endorse { claim: other.clone(), endorsement }))
            }
            _ => None,
        }
    }

    fn transmit(&mut self, from: usize, to: usize, word: &Arc<Word>) {
        self.seen.sent(word.sealed.len());
        let lost = self.weather.loss > 0.0 && self.rng.random::<f64>() < self.weather.loss;
        let due_ms = self.now_ms + self.rng.random_range(LATENCY_MS);
        if from != to && !lost && !self.apart(from, to) {
            self.post(due_ms, What::Arrives { from, to, word: Arc::clone(word) });
        }
    }

    fn arrives(&mut self, from: usize, to: usize, word: &Arc<Word>) {
        if !self.hosts[to].up || !self.hosts[to].heard.insert(word.number) {
            return;
        }
        let suite = self.members.suites[to].as_ref();
        let opened = wire::open(suite, self.genesis.network, word.travel, &word.sealed);
        let Ok(verified) = opened else { return };
        let Ok(effects) = self.take(to, verified) else { return };
        if word.travel != Travel::Direct {
            for next in self.overlay.mesh(to).to_vec() {
                if next != from && next != word.author {
                    self.transmit(to, next, word);
                }
            }
        }
        self.perform(to, effects);
    }

    fn take(&mut self, at: usize, verified: Verified) -> Result<Vec<ElectionEffect>, Reject> {
        let sender = verified.sender();
        match verified.into_message() {
            Message::Plan(plan) => {
                let certificate = plan.certificate;
                let effects = self.call(at, |election, context| {
                    let effects = election.on_certificate(context, sender, &certificate);
                    election.plan_seen(certificate.epoch(), certificate.round);
                    effects
                })?;
                if self.hosts[at].election.is_certified(&certificate) {
                    self.note_plan(at, certificate.epoch().0);
                }
                Ok(effects)
            }
            message => self.call(at, |election, context| match message {
                Message::Claim(claim) => election.on_claim(context, sender, claim),
                Message::Endorse(endorse) => election.on_endorse(context, sender, endorse),
                Message::RosterChange(change) => election.on_roster_change(context, sender, change),
                Message::Evidence(evidence) => election.on_evidence(context, sender, evidence),
                Message::TipRequest { tip } => election.on_tip_request(context, sender, tip),
                Message::TipReply { base, certificate } => {
                    election.on_tip_reply(context, sender, base, &certificate)
                }
                _ => Ok(Vec::new()),
            }),
        }
    }
}

/// The members first in `order` whose weight together stays within `share` of all.
fn chosen(order: &[usize], weights: &[u64], share: f64) -> Vec<bool> {
    let most = (weights.iter().sum::<u64>() as f64 * share) as u64;
    let (mut sum, mut chosen) = (0, vec![false; weights.len()]);
    for &member in order {
        if sum + weights[member] <= most {
            sum += weights[member];
            chosen[member] = true;
        }
    }
    chosen
}

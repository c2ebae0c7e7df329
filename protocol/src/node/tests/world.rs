//! A handful of nodes, a queue of messages, a clock that jumps.
//!
//! Every effect is carried out in order and only once its records are in the journal; a crashed
//! node is rebuilt from its journal alone.

use crate::amount::Msat;
use crate::channel::ChannelTerms;
use crate::config::{Caps, Config, Deadlines, Liquidity};
use crate::effect::{Answer, Effect, OperatorError};
use crate::election::{Certificate, Genesis};
use crate::event::Event;
use crate::ids::{ChannelId, Epoch};
use crate::input::{Input, OpenChannel, Operator, Ticket, Timer};
use crate::invariants;
use crate::journal::Record;
use crate::market::Market;
use crate::message::{Message, Travel};
use crate::node::Node;
use crate::plan::{CyclePlan, Hop, LeaderPlan, Plan};
use crate::roster::Member;
use crate::summary::ForwardPolicy;
use crate::time::{Now, Timetable};
use debal_crypto::{Digest, Domain, Identity, LockHash, NodeId, RealSuite, Suite};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

pub const POLICY: ForwardPolicy = ForwardPolicy {
    base_msat: 1_000,
    ppm: 100,
    min_msat: Msat(1),
    max_msat: Msat::MAX,
    disabled: false,
};

pub struct Host {
    pub node: Node,
    pub journal: Vec<Record>,
    pub timers: BTreeMap<Timer, u64>,
    pub events: Vec<Event>,
    pub answers: BTreeMap<u64, Result<Answer, OperatorError>>,
    pub up: bool,
}

pub struct World {
    pub hosts: Vec<Host>,
    pub now: Now,
    pub founded: Msat,
    queue: VecDeque<(usize, usize, Travel, Vec<u8>)>,
    /// Directed links that lose everything.
    pub cut: BTreeSet<(usize, usize)>,
    tickets: u64,
    /// Each member's part in price rounds.
    markets: Vec<Market>,
    /// A certified leader waits for its plan.
    wanted_plan: Option<(usize, Epoch, u8)>,
}

fn identity(index: usize) -> Identity {
    // Sorted by identity so that a smaller index is the low end of every channel.
    let mut seeds: Vec<(NodeId, u8)> =
        (1..=40u8).map(|seed| (Identity::from_seed(&[seed; 32]).unwrap().node(), seed)).collect();
    seeds.sort();
    Identity::from_seed(&[seeds[index].1; 32]).unwrap()
}

impl World {
    pub fn new(count: usize) -> Self {
        Self::with_markets(&vec![Market::default(); count])
    }

    pub fn with_markets(markets: &[Market]) -> Self {
        let count = markets.len();
        let mut world = Self {
            hosts: Vec::new(),
            now: Now { tick_ms: 1_000, wall_ms: 1_000_000 },
            founded: Msat::ZERO,
            queue: VecDeque::new(),
            cut: BTreeSet::new(),
            tickets: 0,
            markets: markets.to_vec(),
            wanted_plan: None,
        };
        for index in 0..count {
            let node = world.build(index);
            let host = Host {
                node,
                journal: Vec::new(),
                timers: BTreeMap::new(),
                events: Vec::new(),
                answers: BTreeMap::new(),
                up: false,
            };
            world.hosts.push(host);
        }
        for index in 0..count {
            world.start(index);
        }
        world.run();
        world
    }

    fn network() -> Digest {
        Digest::of(Domain::NetworkId, &[b"world"])
    }

    fn build(&self, index: usize) -> Node {
        let count = self.markets.len();
        let timetable = Timetable { genesis_ms: 900_000, epoch_ms: 600_000 };
        let members = (0..count).map(|index| {
            let identity = identity(index);
            Member { node: identity.node(), vrf: identity.vrf_key(), weight: 1 }
        });
        let genesis = Genesis { network: Self::network(), timetable, members: members.collect() };
        let suite = RealSuite::new(identity(index));
        let config = Config {
            network: Self::network(),
            node: suite.node(),
            timetable,
            liquidity: Liquidity { summary_bits: 8, ..Liquidity::default() },
            caps: Caps {
                cycle_min_msat: Msat(1),
                exposure_msat: Msat(15_000_000_000),
                pair_cooldown_ms: 1_500_000,
                ..Caps::default()
            },
            deadlines: Deadlines::default(),
            market: self.markets[index],
            rebalancing: true,
        };
        Node::new(config, genesis, Arc::new(suite)).unwrap().pricing(super::market::COUNTING)
    }

    pub fn id(&self, index: usize) -> NodeId {
        self.hosts[index].node.durable().node
    }

    fn index_of(&self, node: NodeId) -> usize {
        (0..self.hosts.len()).find(|index| self.id(*index) == node).unwrap()
    }

    pub fn start(&mut self, index: usize) {
        self.hosts[index].up = true;
        self.input(index, Input::Start);
        for other in 0..self.hosts.len() {
            if other != index && self.hosts[other].up {
                let (a, b) = (self.id(index), self.id(other));
                self.input(index, Input::PeerUp(b));
                self.input(other, Input::PeerDown(a));
                self.input(other, Input::PeerUp(a));
            }
        }
    }

    pub fn crash(&mut self, index: usize) {
        self.hosts[index].up = false;
        self.hosts[index].timers.clear();
        let gone = self.id(index);
        self.queue.retain(|(from, to, _, _)| *from != index && *to != index);
        for other in 0..self.hosts.len() {
            if other != index && self.hosts[other].up {
                self.input(other, Input::PeerDown(gone));
            }
        }
    }

    pub fn restart(&mut self, index: usize) {
        let mut node = self.build(index);
        for record in &self.hosts[index].journal {
            node.restore(record).unwrap();
        }
        assert_eq!(node.durable(), self.hosts[index].node.durable(), "I17");
        self.hosts[index].node = node;
        self.start(index);
    }

    pub fn input(&mut self, index: usize, input: Input) {
        let step = self.hosts[index].node.handle(input, self.now);
        for effect in step.effects {
            self.carry_out(index, effect);
        }
    }

    fn carry_out(&mut self, index: usize, effect: Effect) {
        let host = &mut self.hosts[index];
        match effect {
            Effect::Append(record) => host.journal.push(record),
            Effect::Send { to, bytes, .. } => {
                let to = self.index_of(to);
                self.queue.push_back((index, to, Travel::Direct, bytes));
            }
            Effect::Gossip { travel, bytes, .. } => {
                for to in (0..self.hosts.len()).filter(|to| *to != index) {
                    self.queue.push_back((index, to, travel, bytes.clone()));
                }
            }
            Effect::SetTimer { timer, at_tick_ms } => {
                host.timers.insert(timer, at_tick_ms);
            }
            Effect::MakePlan(request) => {
                self.wanted_plan = Some((index, request.epoch, request.round));
            }
            Effect::Answer { ticket, answer, .. } => {
                host.answers.insert(ticket.0, answer);
            }
            Effect::Emit(event) => host.events.push(event),
            Effect::Halt(reason) => panic!("node {index} halted: {reason}"),
        }
    }

    /// Delivers one message; false if none is left.
    pub fn deliver_one(&mut self) -> bool {
        let Some((from, to, travel, bytes)) = self.queue.pop_front() else { return false };
        if self.hosts[to].up && !self.cut.contains(&(from, to)) {
            let message = self.hosts[to].node.open(travel, &bytes).unwrap();
            self.input(to, Input::Message(message));
        }
        true
    }

    /// The network delivers the next two messages in the other order.
    pub fn swap_next_two(&mut self) {
        assert!(self.queue.len() >= 2, "fewer than two messages are under way");
        self.queue.swap(0, 1);
    }

    /// Delivers everything that follows without time passing.
    pub fn run(&mut self) {
        while self.deliver_one() {}
    }

    /// Lets time pass, waking timers in order.
    pub fn pass(&mut self, ms: u64) {
        let end = self.now.tick_ms + ms;
        self.run();
        loop {
            let hosts = self.hosts.iter().enumerate().filter(|(_, host)| host.up);
            let due = hosts
                .flat_map(|(index, host)| host.timers.iter().map(move |(t, at)| (*at, index, *t)))
                .filter(|(at, _, timer)| *at <= end && *timer != Timer::Summary)
                .min();
            let Some((at, index, timer)) = due else { break };
            self.advance_to(at.max(self.now.tick_ms));
            self.hosts[index].timers.remove(&timer);
            self.input(index, Input::Wake(timer));
            self.run();
        }
        self.advance_to(end);
    }

    fn advance_to(&mut self, tick_ms: u64) {
        let by = tick_ms - self.now.tick_ms;
        self.now = Now { tick_ms, wall_ms: self.now.wall_ms + by };
    }

    pub fn ask(&mut self, index: usize, request: Operator) -> Result<Answer, OperatorError> {
        let ticket = self.ask_later(index, request);
        self.run();
        self.hosts[index].answers.get(&ticket).cloned().unwrap()
    }

    pub fn ask_later(&mut self, index: usize, request: Operator) -> u64 {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.input(index, Input::Operator { ticket, request });
        self.tickets
    }

    /// Opens a channel in which `a` starts with `a_msat`.
    pub fn open(&mut self, number: u64, a: usize, b: usize, a_msat: u64, capacity: u64) {
        let (low, high) = (a.min(b), a.max(b));
        let terms = ChannelTerms {
            network: Self::network(),
            channel: ChannelId(number),
            low: self.id(low),
            high: self.id(high),
            capacity_msat: Msat(capacity),
            reserve_msat: Msat(0),
        };
        let low_msat = if a == low { a_msat } else { capacity - a_msat };
        let open = OpenChannel { terms, low_msat: Msat(low_msat), policy: POLICY };
        assert_eq!(self.ask(b, Operator::ExpectChannel(open)), Ok(Answer::Done));
        assert_eq!(self.ask(a, Operator::OpenChannel(open)), Ok(Answer::Opened(terms)));
        self.founded = self.founded.checked_add(Msat(capacity)).unwrap();
    }

    pub fn local(&self, index: usize, channel: u64) -> u64 {
        self.hosts[index].node.durable().channels[&ChannelId(channel)].local_msat().0
    }

    pub fn hop(&self, channel: u64, payer: usize, payee: usize, amount: u64) -> Hop {
        let (payer, payee) = (self.id(payer), self.id(payee));
        Hop { channel: ChannelId(channel), payer, payee, amount_msat: Msat(amount) }
    }

    pub fn receive(&mut self, index: usize, amount: u64) -> LockHash {
        self.tickets += 1;
        let request = Operator::PrepareReceive {
            hash: None,
            amount_msat: Msat(amount),
            expires_ms: u64::MAX,
            nonce: self.tickets,
        };
        match self.ask(index, request) {
            Ok(Answer::Receive(hash)) => hash,
            other => panic!("{other:?}"),
        }
    }

    /// Lets time pass until a leader is certified and asks for a plan.
    pub fn elect(&mut self) -> usize {
        self.wanted_plan = None;
        for _ in 0..2_000 {
            if let Some((leader, _, _)) = self.wanted_plan {
                return leader;
            }
            self.pass(1_000);
        }
        panic!("no leader in two thousand seconds");
    }

    /// The certificate of the leader that waits for its plan.
    pub fn leader_certificate(&self) -> Certificate {
        let (leader, epoch, round) = self.wanted_plan.unwrap();
        self.hosts[leader].node.election.certificate(epoch, round).unwrap().clone()
    }

    /// Whether a leader that finds itself certified asks for a plan.
    pub fn certify_again(&mut self, leader: usize, certificate: Certificate) -> bool {
        let node = &mut self.hosts[leader].node;
        node.begin_leading(certificate, self.now);
        let step = node.outbox.take(crate::node::Verdict::Accept);
        step.effects.iter().any(|effect| matches!(effect, Effect::MakePlan(_)))
    }

    /// The elected leader publishes a plan of one cycle.
    pub fn publish(&mut self, hops: Vec<Hop>) {
        let (leader, epoch, round) = self.wanted_plan.take().unwrap();
        let cycle = CyclePlan { hops: hops.try_into().unwrap() };
        self.input(leader, Input::PlanMade { epoch, round, made: unproven(cycle) });
    }

    /// The elected leader's planner answers this; returns what is published.
    pub fn publish_made(&mut self, made: LeaderPlan) -> Plan {
        let (leader, epoch, round) = self.wanted_plan.take().unwrap();
        self.input(leader, Input::PlanMade { epoch, round, made });
        let mut plans = self.queue.iter().filter(|(_, _, travel, _)| *travel == Travel::Plans);
        let (_, to, travel, bytes) = plans.next_back().unwrap();
        match self.hosts[*to].node.open(*travel, bytes).unwrap().into_message() {
            Message::Plan(plan) => plan,
            other => panic!("{other:?}"),
        }
    }

    /// A second plan of the same certificate, sealed by the leader, as a dishonest one would.
    pub fn clone_leader_plan(&mut self, leader: usize, hops: Vec<Hop>) -> Vec<u8> {
        let (_, epoch, round) = self.wanted_plan.unwrap();
        let mut twin = self.build(leader);
        for record in &self.hosts[leader].journal {
            twin.restore(record).unwrap();
        }
        let certificate = twin.election.certificate(epoch, round).unwrap().clone();
        twin.begin_leading(certificate, self.now);
        let cycle = CyclePlan { hops: hops.try_into().unwrap() };
        let input = Input::PlanMade { epoch, round, made: unproven(cycle) };
        let step = twin.handle(input, self.now);
        let mut plans = step.effects.into_iter().filter_map(|effect| match effect {
            Effect::Gossip { travel: Travel::Plans, bytes, .. } => Some(bytes),
            _ => None,
        });
        plans.next_back().unwrap()
    }

    /// A copy of a member publishes something else under the number of its newest summary.
    pub fn clone_summary(&mut self, member: usize) -> Vec<u8> {
        let mut twin = self.build(member);
        for record in &self.hosts[member].journal {
            twin.restore(record).unwrap();
        }
        twin.durable.summary_seq -= 1;
        twin.config.liquidity.summary_bits = 8;
        let step = twin.handle(Input::Wake(Timer::Summary), self.now);
        let mut summaries = step.effects.into_iter().filter_map(|effect| match effect {
            Effect::Gossip { travel: Travel::Summaries, bytes, .. } => Some(bytes),
            _ => None,
        });
        summaries.next_back().unwrap()
    }

    /// Every member looks whether its summary is due.
    pub fn summarise(&mut self) {
        for index in 0..self.hosts.len() {
            self.input(index, Input::Wake(Timer::Summary));
        }
        self.run();
    }

    /// Bytes arrive at a host out of nowhere.
    pub fn inject(&mut self, to: usize, travel: Travel, bytes: &[u8]) {
        let message = self.hosts[to].node.open(travel, bytes).unwrap();
        self.input(to, Input::Message(message));
    }

    pub fn lead(&mut self, hops: Vec<Hop>) {
        self.elect();
        self.publish(hops);
    }

    pub fn assert_whole(&self, quiescent: bool) {
        let nodes: Vec<_> = self.hosts.iter().map(|host| host.node.durable()).collect();
        let report = invariants::check_network(&nodes, self.founded, quiescent);
        if !report.violations.is_empty() {
            for (index, node) in nodes.iter().enumerate() {
                for (id, transfer) in &node.transfers {
                    println!("node {index} transfer {id:?}: {transfer:#?}");
                }
            }
        }
        assert_eq!(report.violations, Vec::<String>::new());
        for host in &self.hosts {
            let local = invariants::check_local(host.node.durable());
            assert_eq!(local.violations, Vec::<String>::new());
        }
    }

    pub fn ended(&self, index: usize) -> Vec<&Event> {
        let ends =
            |event: &&Event| matches!(event, Event::PaymentEnded { .. } | Event::CycleEnded { .. });
        self.hosts[index].events.iter().filter(ends).collect()
    }
}

/// A plan of one cycle; nobody here recomputes what it claims.
fn unproven(cycle: CyclePlan) -> LeaderPlan {
    LeaderPlan { cycles: vec![cycle], ..LeaderPlan::default() }
}

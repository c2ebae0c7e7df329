//! The world: hosts, links, disks, clocks and the heap of events that moves them.
//!
//! The world only carries out. What must hold is judged by [`crate::watch`]; what goes wrong is
//! said by the scenario. It must never draw from anything but the streams of its seed.

mod byzantine;
mod clients;
mod clones;
mod driver;
mod faults;
mod forgeries;
pub(crate) mod host;
mod network;
mod queue;
mod tears;
mod words;

pub(crate) use clients::{Clients, Paid};
pub(crate) use driver::record_name;
pub(crate) use host::{DeathTrap, Host};

use crate::marks::Marks;
use crate::mutants::Driver;
use crate::scenario::Scenario;
use crate::streams::Streams;
use crate::suite::suite_of;
use crate::watch::Watch;
use debal_crypto::{Digest, Domain, NodeId, Suite};
use debal_planner::leader::plan_check;
use debal_planner::market::PRICE_RULE;
use debal_protocol::Msat;
use debal_protocol::config::{Caps, Config, Deadlines, Liquidity};
use debal_protocol::election::Genesis;
use debal_protocol::node::Node;
use debal_protocol::roster::Member;
use debal_protocol::time::Timetable;
use host::{Ailments, Clock, Disk, WALL_BEGIN_MS};
use network::Network;
use queue::{Event, Queue};
use rand::Rng;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Epoch 1 begins this long after the world, so that channels are open by then.
const QUIET_BEGIN_MS: u64 = 3_000;

/// What a run is in the middle of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Channels open, nothing goes wrong.
    Quiet,
    /// Faults happen.
    Chaos,
    /// Faults stop; everything must come to rest.
    Heal,
    /// Fresh work must succeed.
    Serve,
}

impl Phase {
    /// Name for marks.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Quiet => "quiet",
            Self::Chaos => "chaos",
            Self::Heal => "heal",
            Self::Serve => "serve",
        }
    }
}

/// Hash of everything that happened, and the story in words if somebody wants it.
pub(crate) struct Trace {
    pub hasher: blake3::Hasher,
    pub events: u64,
    pub story: Option<Vec<String>>,
}

/// What is equal on all members.
pub(crate) struct Founding {
    pub network: Digest,
    pub genesis: Genesis,
    pub ids: Vec<NodeId>,
    pub index: BTreeMap<NodeId, usize>,
}

/// A world.
pub struct World {
    pub(crate) scenario: Scenario,
    pub(crate) mutant: Option<Driver>,
    pub(crate) now_ms: u64,
    pub(crate) phase: Phase,
    /// When the chaos phase began.
    pub(crate) chaos_ms: u64,
    /// Plans with cycles that will still be made; later ones are empty.
    pub(crate) plans_left: u32,
    pub(crate) founding: Founding,
    /// The members, then the clones there have been.
    pub(crate) hosts: Vec<Host>,
    /// Clones that run: the fault, the clone's number, its member's.
    pub(crate) clones: BTreeMap<usize, (usize, usize)>,
    queue: Queue,
    pub(crate) network: Network,
    pub(crate) streams: Streams,
    pub(crate) clients: Clients,
    pub(crate) watch: Watch,
    pub(crate) marks: Marks,
    pub(crate) trace: Trace,
}

impl World {
    /// A world before its first event; `None` if the scenario cannot be built at all.
    #[must_use]
    pub fn new(scenario: Scenario, mutant: Option<Driver>, with_story: bool) -> Option<Self> {
        let suites = suites(&scenario)?;
        let founding = founding(&scenario, &suites);
        let mut hosts = Vec::new();
        for suite in suites {
            let suite = driver::checked_suite(suite, mutant);
            let node = build_node(&scenario, &founding, &suite)?;
            hosts.push(Host {
                node,
                suite,
                disk: Disk::default(),
                clock: Clock::default(),
                timers: BTreeMap::new(),
                held: std::collections::VecDeque::new(),
                life: 0,
                up: false,
                ailments: Ailments::default(),
                parked: Vec::new(),
                peers: BTreeMap::new(),
            });
        }
        let watch = Watch::new(&scenario, &founding.ids);
        let mut world = Self {
            streams: Streams::new(scenario.seed),
            network: Network::default(),
            clients: Clients::default(),
            mutant,
            now_ms: 0,
            phase: Phase::Quiet,
            chaos_ms: u64::MAX,
            plans_left: u32::MAX,
            founding,
            hosts,
            clones: BTreeMap::new(),
            queue: Queue::default(),
            watch,
            marks: Marks::default(),
            trace: Trace {
                hasher: blake3::Hasher::new(),
                events: 0,
                story: with_story.then(Vec::new),
            },
            scenario,
        };
        for host in 0..world.hosts.len() {
            world.start(host);
        }
        world.ask_for_channels();
        Some(world)
    }

    pub(crate) fn push_in(&mut self, delay_ms: u64, event: Event) {
        let tie = self.streams.schedule.random();
        self.queue.push(self.now_ms.saturating_add(delay_ms), tie, event);
    }

    /// Lets one event happen, if one is due by `until_ms`.
    pub(crate) fn step(&mut self, until_ms: u64) -> bool {
        let Some((at_ms, event)) = self.queue.pop(until_ms) else {
            self.now_ms = self.now_ms.max(until_ms);
            return false;
        };
        self.now_ms = self.now_ms.max(at_ms);
        self.trace.events += 1;
        self.happen(event);
        if self.trace.events.is_multiple_of(64) {
            self.check_globally(false);
        }
        true
    }

    /// Lets everything happen up to a time, or until something is found wrong.
    pub(crate) fn run_until(&mut self, until_ms: u64) {
        while self.watch.violations.is_empty() && self.step(until_ms) {}
    }

    fn happen(&mut self, mut event: Event) {
        if let Event::Deliver(parcel) = &mut event {
            parcel.to = self.one_of_twins(parcel.to);
        }
        if let Some(host) = event.host().filter(|host| self.hosts[*host].is_paused()) {
            return self.hosts[host].parked.push(event);
        }
        match event {
            Event::Deliver(parcel) => self.deliver(parcel),
            Event::Wake { host, life, timer, tick_ms } => self.wake(host, life, timer, tick_ms),
            Event::Flush { host, life } => self.flush_ends(host, life),
            Event::Planned { host, life, request } => self.planned(host, life, &request),
            Event::Notice { host, peer } => self.notice(host, peer),
            Event::Operator(ask) => self.operator(ask),
            Event::FaultBegins(index) => self.fault_begins(index),
            Event::FaultEnds(index) => self.fault_ends(index),
            Event::Restart { host, life } => {
                if self.hosts[host].life == life && !self.hosts[host].up {
                    self.restart(host);
                }
            }
        }
    }

    /// Everything only an observer of all can check.
    pub(crate) fn check_globally(&mut self, quiescent: bool) {
        self.watch.now_ms = self.now_ms;
        let nodes: Vec<&Node> =
            self.hosts.iter().take(self.scenario.nodes).map(|host| &host.node).collect();
        for (host, node) in nodes.iter().enumerate().filter(|(host, _)| self.hosts[*host].up) {
            self.watch.check_book(host, node);
        }
        self.watch.check_network(&nodes, quiescent);
    }

    /// The members' numbers; hosts beyond them are clones.
    pub(crate) const fn members(&self) -> std::ops::Range<usize> {
        0..self.scenario.nodes
    }

    /// The members' nodes.
    pub(crate) fn member_nodes(&self) -> Vec<&Node> {
        self.hosts.iter().take(self.scenario.nodes).map(|host| &host.node).collect()
    }

    /// Adds to the trace's hash, and to the story.
    pub(crate) fn note(
        &mut self,
        kind: u8,
        who: usize,
        bytes: &[u8],
        story: impl FnOnce() -> String,
    ) {
        let head = [self.now_ms.to_be_bytes(), (who as u64).to_be_bytes()].concat();
        self.trace.hasher.update(&[kind]).update(&head).update(bytes);
        if let Some(lines) = &mut self.trace.story {
            lines.push(format!("{:>9} {}", self.now_ms, story()));
        }
    }

    /// Adds to the story only: what people want to know and no trace needs.
    pub(crate) fn tell(&mut self, words: impl FnOnce() -> Option<String>) {
        let Some(lines) = &mut self.trace.story else { return };
        lines.extend(words().map(|words| format!("{:>9} {words}", self.now_ms)));
    }

    pub(crate) fn restored_node(&self, host: usize) -> Option<Node> {
        build_node(&self.scenario, &self.founding, &self.hosts[host].suite)
    }
}

fn suites(scenario: &Scenario) -> Option<Vec<Arc<dyn Suite>>> {
    let make = |node| suite_of(scenario.seed, scenario.identity(node), scenario.real_curves).ok();
    (0..scenario.nodes).map(make).collect()
}

fn founding(scenario: &Scenario, suites: &[Arc<dyn Suite>]) -> Founding {
    let network = Digest::of(Domain::NetworkId, &[b"simulator", &scenario.seed.to_be_bytes()]);
    let timetable = Timetable {
        genesis_ms: WALL_BEGIN_MS + QUIET_BEGIN_MS - scenario.epoch_ms,
        epoch_ms: scenario.epoch_ms,
    };
    let member =
        |suite: &Arc<dyn Suite>| Member { node: suite.node(), vrf: suite.vrf_key(), weight: 1 };
    let genesis = Genesis { network, timetable, members: suites.iter().map(member).collect() };
    let ids: Vec<NodeId> = suites.iter().map(|suite| suite.node()).collect();
    let index = ids.iter().enumerate().map(|(index, id)| (*id, index)).collect();
    Founding { network, genesis, ids, index }
}

/// In worlds of more greed than this nobody recomputes the proofs of plans.
const CHECKED_GREED_PERCENT: u64 = 200;

fn build_node(scenario: &Scenario, founding: &Founding, suite: &Arc<dyn Suite>) -> Option<Node> {
    let wishes = &scenario.wishes;
    let node = founding.index.get(&suite.node()).copied().unwrap_or(usize::MAX);
    let config = Config {
        network: founding.network,
        node: suite.node(),
        timetable: founding.genesis.timetable,
        liquidity: Liquidity {
            summary_bits: wishes.summary_bits,
            price_ppm: wishes.price_ppm,
            ..Liquidity::default()
        },
        caps: Caps {
            cycle_min_msat: Msat(1_000),
            exposure_msat: Msat(wishes.exposure_msat),
            pair_cooldown_ms: scenario.epoch_ms,
            ..Caps::default()
        },
        deadlines: Deadlines::default(),
        market: scenario.market(node),
        rebalancing: true,
    };
    let node = Node::new(config, founding.genesis.clone(), Arc::clone(suite)).ok()?;
    let node = node.pricing(PRICE_RULE);
    // Greed shows at once in a plan that is checked; the greediest worlds leave it to the parties.
    let checks = wishes.greed_percent <= CHECKED_GREED_PERCENT;
    Some(if checks { node.checking_plans(plan_check) } else { node })
}

//! The most valuable circulation, nearly, without anybody seeing anybody's balances: nodes tell
//! their neighbours one potential a round, and a channel's two ends work out its flow by themselves.
//!
//! The rounds solve the smoothed dual of [`crate::circulation`]: the flow of an arc grows from
//! nothing to all it can carry while its gain (value plus the rise in potential) goes from zero to a
//! part of its value, and every node moves its potential against what it would be left with. What
//! the rounds leave open at a node is lost when the flows are cut into cycles, never moved: wealth
//! is safe whatever anybody says. It must never decide by floating point, read a clock or draw
//! random numbers; messages that get lost are the caller's [`Weather`].
//!
//! ```
//! use debal_planner::circulation::ResidualArc;
//! use debal_planner::cycles::Limits;
//! use debal_planner::prices::{Calm, PriceNetwork, Rounds, Schedule};
//!
//! let arc = |tail, head, capacity_msat, label| ResidualArc {
//!     tail, head, capacity_msat, value_ppm: 1_000, label,
//! };
//! let arcs = [arc(0, 1, 900, 1), arc(1, 2, 700, 2), arc(2, 0, 800, 3), arc(0, 2, 500, 4)];
//! let network = PriceNetwork::new(3, &arcs)?;
//! let rounds = Rounds { schedule: Schedule::default(), ..Rounds::of(50) };
//! let agreed = network.run(&rounds, &mut Calm);
//! let limits = Limits { max_hops: 20, min_amount_msat: 1, max_cycles: usize::MAX };
//! let settled = network.settle(&agreed.flows_msat, 1, &limits)?;
//! assert!(settled.moved_msat[..3].iter().all(|moved| *moved >= 690));
//! assert_eq!(settled.moved_msat[3], 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod node;
mod rule;
mod wire;

use thiserror::Error;

use crate::circulation::{MAX_CAPACITY_MSAT, MAX_VALUE_PPM, ResidualArc, net_gains, worth};
use crate::cycles::{Cycle, CycleError, Limits, strip};
use crate::score::Score;

pub use node::{End, NodePrices};
pub use rule::{Momentum, ONE, Rule, Schedule};
pub use wire::{decode, encode};

/// Bits after the point of a potential: it is in 256ths of a ppm.
pub const FRACTION_BITS: u32 = 8;

/// The largest potential in either direction: 256 times the largest value of a channel.
pub const MAX_POTENTIAL: i64 = 1 << 56;

/// How a potential travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// Eight bytes, exact.
    #[default]
    Exact,
    /// Two bytes ([`encode`]); the sender goes on with what the receiver reads.
    TwoBytes,
}

impl Precision {
    /// Bytes of one potential on the wire.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        match self {
            Precision::Exact => 8,
            Precision::TwoBytes => 2,
        }
    }
}

/// Why there is no network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PriceError {
    /// An arc names a node that does not exist, or joins a node to itself.
    #[error("arc {arc} does not join two different nodes of {nodes}")]
    Ends {
        /// The arc.
        arc: u32,
        /// How many nodes there are.
        nodes: u32,
    },
    /// A capacity above 2^61 msat or a value beyond 2^40 ppm.
    #[error("the capacity or value of arc {arc} is out of range")]
    Range {
        /// The arc.
        arc: u32,
    },
}

/// Which messages arrive and which nodes take part in a round.
pub trait Weather {
    /// Whether node `from`'s message of `round` reaches its neighbour `to`.
    fn arrives(&mut self, round: u32, from: u32, to: u32) -> bool;

    /// Whether `node` makes its step in `round`.
    fn acts(&mut self, round: u32, node: u32) -> bool;
}

/// Everything arrives and everybody acts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Calm;

impl Weather for Calm {
    fn arrives(&mut self, _round: u32, _from: u32, _to: u32) -> bool {
        true
    }

    fn acts(&mut self, _round: u32, _node: u32) -> bool {
        true
    }
}

/// How the rounds run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rounds {
    /// How many.
    pub rounds: u32,
    /// What nodes do in each.
    pub schedule: Schedule,
    /// How potentials travel.
    pub precision: Precision,
    /// What every node starts at, known to its neighbours, in 256ths of a ppm; empty for zero. The
    /// dual potentials of a leader's coarse plan go here.
    pub start: Vec<i64>,
}

impl Rounds {
    /// So many rounds by the default rules, from zero, exact.
    #[must_use]
    pub fn of(rounds: u32) -> Rounds {
        let (schedule, precision) = (Schedule::default(), Precision::Exact);
        Rounds { rounds, schedule, precision, start: Vec::new() }
    }
}

/// What the rounds came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreed {
    /// Per arc, what both of its ends are ready to move, in msat; not yet a circulation.
    pub flows_msat: Vec<u64>,
    /// Per node, what it said last, in 256ths of a ppm.
    pub potentials: Vec<i64>,
    /// Potentials sent, one per neighbour and step.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What is moved in the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// The cycles, shortest first.
    pub cycles: Vec<Cycle>,
    /// Per arc, what its cycles move together: a circulation.
    pub moved_msat: Vec<u64>,
    /// Its value in millionths of a msat, comparable with the optimum's objective; `None` beyond
    /// 128 bits.
    pub value: Option<i128>,
}

/// One node's neighbours and the arcs at its ends.
#[derive(Debug, Clone, Default)]
struct Place {
    /// Per neighbour: its number, and which of its neighbours this node is.
    neighbours: Vec<(u32, u32)>,
    ends: Vec<End>,
    /// The arc of every end.
    arcs: Vec<u32>,
}

/// Nodes and arcs, each node knowing its own part only.
#[derive(Debug, Clone)]
pub struct PriceNetwork {
    arcs: Vec<ResidualArc>,
    places: Vec<Place>,
}

impl PriceNetwork {
    /// The network of `arcs` among `nodes` nodes. A channel is one arc, from the end that has more
    /// than it aims at to the other, or three with helpers ([`crate::circulation::channel_arcs`]).
    /// Gains that both directions claim are netted, as [`crate::circulation::solve`] does.
    ///
    /// # Errors
    /// [`PriceError`] names the arc.
    pub fn new(nodes: u32, arcs: &[ResidualArc]) -> Result<PriceNetwork, PriceError> {
        for (index, arc) in (0u32..).zip(arcs) {
            if arc.tail == arc.head || arc.tail.max(arc.head) >= nodes {
                return Err(PriceError::Ends { arc: index, nodes });
            }
            let value = arc.value_ppm.unsigned_abs();
            if arc.capacity_msat > MAX_CAPACITY_MSAT || value > MAX_VALUE_PPM.unsigned_abs() {
                return Err(PriceError::Range { arc: index });
            }
        }
        let arcs = net_gains(arcs).into_owned();
        let places = places(nodes, &arcs);
        Ok(PriceNetwork { arcs, places })
    }

    /// How many neighbours each node has.
    pub fn neighbours(&self) -> impl Iterator<Item = usize> {
        self.places.iter().map(|place| place.neighbours.len())
    }

    /// Runs the rounds. In each, every node that acts makes one step and tells its neighbours; what
    /// does not arrive leaves the last word standing.
    pub fn run(&self, rounds: &Rounds, weather: &mut impl Weather) -> Agreed {
        let mut nodes = self.start(rounds);
        let mut inboxes: Vec<Vec<Option<i64>>> =
            self.places.iter().map(|place| vec![None; place.neighbours.len()]).collect();
        let mut messages = 0u64;
        for round in 0..rounds.rounds {
            let rule = rounds.schedule.rule(round);
            let said: Vec<Option<i64>> = (0u32..)
                .zip(nodes.iter_mut().zip(&mut inboxes))
                .map(|(node, (prices, inbox))| {
                    let said = if weather.acts(round, node) {
                        Some(prices.step(rule, inbox))
                    } else {
                        prices.hear(inbox);
                        None
                    };
                    inbox.fill(None);
                    said
                })
                .collect();
            for ((from, place), said) in (0u32..).zip(&self.places).zip(said) {
                let Some(said) = said else { continue };
                messages += place.neighbours.len() as u64;
                for &(to, slot) in &place.neighbours {
                    if weather.arrives(round, from, to) {
                        inboxes[to as usize][slot as usize] = Some(said);
                    }
                }
            }
        }
        for (prices, inbox) in nodes.iter_mut().zip(&inboxes) {
            prices.hear(inbox);
        }
        let flows_msat = self.agreed_flows(&nodes, rounds.schedule.rule(rounds.rounds.max(1) - 1));
        let potentials = nodes.iter().map(NodePrices::said).collect();
        Agreed { flows_msat, potentials, messages, bytes: messages * rounds.precision.bytes() }
    }

    /// Cuts flows into cycles, shortest first, in whole `unit_msat`, within `limits`: what cannot
    /// be cut is not moved.
    ///
    /// # Errors
    /// [`CycleError`] if there are not as many flows as arcs.
    pub fn settle(
        &self,
        flows_msat: &[u64],
        unit_msat: u64,
        limits: &Limits,
    ) -> Result<Settled, CycleError> {
        let unit = unit_msat.max(1);
        let floored: Vec<u64> = flows_msat.iter().map(|flow| flow - flow % unit).collect();
        let nodes = self.places.len() as u32;
        let (cycles, left) = strip(nodes, &self.arcs, &floored, limits)?;
        let moved_msat: Vec<u64> =
            floored.iter().zip(left).map(|(flow, left)| flow - left).collect();
        let free = vec![Score::ZERO; self.arcs.len()];
        let value = worth(&self.arcs, &free, &moved_msat);
        Ok(Settled { cycles, moved_msat, value })
    }

    fn start(&self, rounds: &Rounds) -> Vec<NodePrices> {
        let start = |node: u32| rounds.start.get(node as usize).copied().unwrap_or_default();
        (0u32..)
            .zip(&self.places)
            .map(|(node, place)| {
                let heard = place.neighbours.iter().map(|&(other, _)| start(other)).collect();
                NodePrices::new(place.ends.clone(), start(node), heard, rounds.precision)
            })
            .collect()
    }

    /// Where a lost message leaves the ends with different flows, the smaller one counts.
    fn agreed_flows(&self, nodes: &[NodePrices], rule: &Rule) -> Vec<u64> {
        let mut flows: Vec<u64> = vec![u64::MAX; self.arcs.len()];
        for (place, prices) in self.places.iter().zip(nodes) {
            for (end, &arc) in place.ends.iter().zip(&place.arcs) {
                let seen = prices.flow_msat(end, rule);
                let flow = &mut flows[arc as usize];
                *flow = (*flow).min(seen);
            }
        }
        flows.iter().map(|flow| if *flow == u64::MAX { 0 } else { *flow }).collect()
    }
}

fn places(nodes: u32, arcs: &[ResidualArc]) -> Vec<Place> {
    let mut places = vec![Place::default(); nodes as usize];
    let mut joined: Vec<Vec<u32>> = vec![Vec::new(); nodes as usize];
    let wanted = |arc: &&ResidualArc| arc.value_ppm != 0 && arc.capacity_msat > 0;
    for arc in arcs.iter().filter(wanted) {
        joined[arc.tail as usize].push(arc.head);
        joined[arc.head as usize].push(arc.tail);
    }
    for list in &mut joined {
        list.sort_unstable();
        list.dedup();
    }
    let slot = |node: u32, other: u32| {
        joined[node as usize].binary_search(&other).unwrap_or_default() as u32
    };
    for (node, list) in (0u32..).zip(&joined) {
        places[node as usize].neighbours =
            list.iter().map(|&other| (other, slot(other, node))).collect();
    }
    for (index, arc) in (0u32..).zip(arcs) {
        if !wanted(&arc) {
            continue;
        }
        for (node, other, pays) in [(arc.tail, arc.head, true), (arc.head, arc.tail, false)] {
            let neighbour = slot(node, other);
            let (capacity_msat, value_ppm) = (arc.capacity_msat, arc.value_ppm);
            let place = &mut places[node as usize];
            place.ends.push(End { neighbour, pays, capacity_msat, value_ppm });
            place.arcs.push(index);
        }
    }
    places
}

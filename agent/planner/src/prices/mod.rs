//! The most valuable circulation, nearly, without anybody seeing anybody's balances: nodes tell
//! their neighbours one potential a round, and a channel's two ends work out its flow by
//! themselves.
//!
//! The rounds solve the smoothed dual of [`crate::circulation`]: the flow of an arc grows from
//! nothing to all it can carry while its gain (value plus the rise in potential) goes from zero
//! to a part of its value, and every node moves its potential against what it would be left with.
//! What the rounds leave open at a node is lost when the flows are cut into cycles, never moved:
//! wealth is safe whatever anybody says. A leader sees what channels offer to move, never a
//! balance. It must never decide by floating point, read a clock or draw random numbers; messages
//! that get lost are the caller's [`Weather`].
//!
//! ```
//! use debal_planner::circulation::ResidualArc;
//! use debal_planner::cycles::Limits;
//! use debal_planner::prices::{Calm, PriceNetwork, Rounds};
//!
//! let arc = |tail, head, capacity_msat, label| ResidualArc {
//!     tail, head, capacity_msat, value_ppm: 1_000, label,
//! };
//! let arcs = [arc(0, 1, 900, 1), arc(1, 2, 700, 2), arc(2, 0, 800, 3), arc(0, 2, 500, 4)];
//! let network = PriceNetwork::new(3, &arcs)?;
//! let agreed = network.run(&Rounds::of(50), &mut Calm);
//! let limits = Limits { max_hops: 20, min_amount_msat: 1, max_cycles: usize::MAX };
//! let settled = network.settle(&agreed.offers_msat, 1, &limits)?;
//! assert_eq!(settled.moved_msat, [700, 700, 800, 100]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod node;
mod rule;
mod wire;

use thiserror::Error;

use crate::circulation::{
    Error as CirculationError, MAX_CAPACITY_MSAT, MAX_VALUE_PPM, ResidualArc, dual_bound,
    net_gains, solve, worth,
};
use crate::cycles::{Cycle, CycleError, Limits, strip};
use crate::score::Score;

pub use node::{End, NodePrices};
pub use rule::{Aim, CLASSES, Momentum, ONE, Rule, Schedule, URGENCY_WIDTH_PPM};
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

/// Why offers cannot be settled.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SettleError {
    /// The solver refused them.
    #[error(transparent)]
    Circulation(#[from] CirculationError),
    /// Cutting them into cycles failed.
    #[error(transparent)]
    Cycles(#[from] CycleError),
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
    /// What a channel offers to move, in 1024ths of the flow its ends came to (with the rule's
    /// slack), within what it can: [`ONE`] or more. Room to spare is what the leader needs to find
    /// short cycles.
    pub offer: u32,
    /// What every node starts at, known to its neighbours, in 256ths of a ppm; empty for zero. The
    /// dual potentials of a leader's coarse plan go here.
    pub start: Vec<i64>,
}

impl Rounds {
    /// So many rounds by the default rules, from zero, exact.
    #[must_use]
    pub fn of(rounds: u32) -> Rounds {
        let (schedule, precision) = (Schedule::default(), Precision::Exact);
        Rounds { rounds, schedule, precision, offer: ONE + ONE / 2, start: Vec::new() }
    }
}

/// What the rounds came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreed {
    /// Per arc, what both of its ends offer to move, in msat; not yet a circulation.
    pub offers_msat: Vec<u64>,
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

    /// Runs the rounds. In each, every node that acts makes one step and tells its neighbours;
    /// what does not arrive leaves the last word standing.
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
        let rule = rounds.schedule.rule(rounds.rounds.max(1) - 1);
        let offers_msat = self.offers(&nodes, rule, rounds.offer);
        let potentials = nodes.iter().map(NodePrices::said).collect();
        Agreed { offers_msat, potentials, messages, bytes: messages * rounds.precision.bytes() }
    }

    /// Finds the most valuable circulation within the offers, floored to whole `unit_msat`, and
    /// cuts it into cycles, shortest first, within `limits`; then takes the short cycles that the
    /// offers left over still hold. What cannot be cut is not moved.
    ///
    /// # Errors
    /// [`SettleError`] if there are not as many offers as arcs.
    pub fn settle(
        &self,
        offers_msat: &[u64],
        unit_msat: u64,
        limits: &Limits,
    ) -> Result<Settled, SettleError> {
        let floored = floored(offers_msat, unit_msat);
        let offered: Vec<ResidualArc> = self
            .arcs
            .iter()
            .zip(&floored)
            .map(|(arc, offer)| ResidualArc { capacity_msat: *offer, ..*arc })
            .collect();
        let (nodes, free) = (self.places.len() as u32, vec![Score::ZERO; offered.len()]);
        let best = solve(nodes, &offered, &free)?;
        let (mut cycles, left) = strip(nodes, &offered, &best.flows_msat, limits)?;
        let taken = best.flows_msat.iter().zip(&left).map(|(flow, left)| flow - left);
        // Only what gains: a cycle with a costly arc might lose.
        let spare: Vec<u64> = (floored.iter().zip(taken).zip(&offered))
            .map(|((offer, taken), arc)| if arc.value_ppm > 0 { offer - taken } else { 0 })
            .collect();
        let spare = self::floored(&spare, unit_msat);
        let most = limits.max_cycles - cycles.len().min(limits.max_cycles);
        let (more, _) = strip(nodes, &offered, &spare, &Limits { max_cycles: most, ..*limits })?;
        cycles.extend(more);
        Ok(self.settled(cycles))
    }

    /// Cuts the offers themselves into cycles, shortest first, without looking for the best
    /// circulation among them.
    ///
    /// # Errors
    /// [`SettleError`] if there are not as many offers as arcs.
    pub fn strip(
        &self,
        offers_msat: &[u64],
        unit_msat: u64,
        limits: &Limits,
    ) -> Result<Settled, SettleError> {
        let floored = floored(offers_msat, unit_msat);
        let (cycles, _) = strip(self.places.len() as u32, &self.arcs, &floored, limits)?;
        Ok(self.settled(cycles))
    }

    /// The most that any circulation of all arcs can be worth, as these potentials (in 256ths of a
    /// ppm) prove it, in millionths of a msat; `None` where it does not fit.
    #[must_use]
    pub fn bound(&self, potentials: &[i64]) -> Option<i128> {
        let whole: Vec<i64> = potentials.iter().map(|price| price >> FRACTION_BITS).collect();
        let free = vec![Score::ZERO; self.arcs.len()];
        dual_bound(self.places.len() as u32, &self.arcs, &free, &whole).ok()
    }

    fn settled(&self, cycles: Vec<Cycle>) -> Settled {
        let mut moved_msat = vec![0u64; self.arcs.len()];
        for cycle in &cycles {
            for &arc in &cycle.arcs {
                moved_msat[arc as usize] += cycle.amount_msat;
            }
        }
        let value = worth(&self.arcs, &vec![Score::ZERO; self.arcs.len()], &moved_msat);
        Settled { cycles, moved_msat, value }
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
    fn offers(&self, nodes: &[NodePrices], rule: &Rule, offer: u32) -> Vec<u64> {
        let mut offers: Vec<u64> = self.arcs.iter().map(|arc| arc.capacity_msat).collect();
        let mut seen = vec![false; offers.len()];
        for (place, prices) in self.places.iter().zip(nodes) {
            for (end, &arc) in place.ends.iter().zip(&place.arcs) {
                let flow = u128::from(prices.ready_msat(end, rule));
                let ready = (flow * u128::from(offer.max(ONE))) >> ONE.ilog2();
                let offer = &mut offers[arc as usize];
                *offer = (*offer).min(u64::try_from(ready).unwrap_or(u64::MAX));
                seen[arc as usize] = true;
            }
        }
        offers.iter().zip(seen).map(|(offer, seen)| if seen { *offer } else { 0 }).collect()
    }
}

fn floored(amounts_msat: &[u64], unit_msat: u64) -> Vec<u64> {
    let unit = unit_msat.max(1);
    amounts_msat.iter().map(|amount| amount - amount % unit).collect()
}

fn places(nodes: u32, arcs: &[ResidualArc]) -> Vec<Place> {
    let mut places = vec![Place::default(); nodes as usize];
    let mut joined: Vec<Vec<u32>> = vec![Vec::new(); nodes as usize];
    let wanted = |arc: &&ResidualArc| arc.capacity_msat > 0;
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

#[cfg(test)]
mod tests;

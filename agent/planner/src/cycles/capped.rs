//! The best plan of short cycles that we find, and what the caps cost against the optimum.
//!
//! It must never report a plan as better than it is: a plan's value is recomputed from the arcs,
//! exactly, and stands beside the optimum without caps, which no plan can exceed.
//!
//! Method: cut the optimum into cycles, shortest first, keep those within the caps, most valuable
//! first; then add short cycles that still gain in what is left of every channel (`improve`) until
//! none within the caps does or the effort is spent. A channel is only moved further in the way it
//! already moves.

use serde::{Deserialize, Serialize};

use super::improve::Market;
use super::{CycleError, Limits, decompose};
use crate::circulation::{Circulation, Directions, ResidualArc, net_gains};
use crate::score::Score;

/// What the cycles of a plan may share.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Disjoint {
    /// Anything.
    #[default]
    Nothing,
    /// No channel is in two cycles.
    Channels,
    /// No node is in two cycles.
    Nodes,
}

/// What a plan may look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    /// The most hops of one cycle, at least 2.
    pub max_hops: u32,
    /// The least amount of one cycle, in msat; 0 counts as 1.
    pub min_amount_msat: u64,
    /// The most cycles.
    pub max_cycles: usize,
    /// What cycles may share.
    pub disjoint: Disjoint,
    /// How many arcs the improvement may look at. A count, not a time: the same input gives the
    /// same plan everywhere.
    pub effort: u64,
}

/// One cycle of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedCycle {
    /// The directions of [`Capped::directions`] in order.
    pub directions: Vec<u32>,
    /// What moves around, in msat.
    pub amount_msat: u64,
    /// What it adds to the cycles before it, in millionths of a msat.
    pub value: i128,
}

/// A plan within the caps.
#[derive(Debug, Clone)]
pub struct Capped {
    /// The cycles: those cut from the optimum, most valuable first, then those that were added.
    pub cycles: Vec<PlannedCycle>,
    /// The channel directions that the cycles name.
    pub directions: Directions,
    /// What the cycles are worth together, in millionths of a msat.
    pub value: i128,
    /// What cutting the optimum alone would have kept of it.
    pub cut_value: i128,
    /// The optimum without caps.
    pub optimum: i128,
    /// Whether no short cycle is left that would gain (false: the effort or the number of cycles
    /// ended first).
    pub exhausted: bool,
}

impl Capped {
    /// What the caps cost, in millionths of a msat; never negative.
    #[must_use]
    pub fn loss(&self) -> i128 {
        self.optimum - self.value
    }

    /// What the caps cost in millionths of the optimum, rounded up; 0 where the optimum is 0.
    #[must_use]
    pub fn loss_ppm(&self) -> u32 {
        let (loss, optimum) = (self.loss(), self.optimum.max(1));
        // Split to stay within 128 bits; both are far below 2^107 on any graph that is solved.
        let ppm = loss.saturating_mul(1_000_000).saturating_add(optimum - 1) / optimum;
        u32::try_from(ppm.clamp(0, 1_000_000)).unwrap_or(1_000_000)
    }
}

/// Plans cycles within `caps` from the optimum `best` of these arcs. `least` says the smallest
/// amount that an arc's direction carries (its smallest HTLC).
///
/// # Errors
/// [`CycleError`] when the lists do not match or `best` is no circulation of them.
pub fn plan_capped(
    nodes: u32,
    arcs: &[ResidualArc],
    scores: &[Score],
    best: &Circulation,
    caps: &Caps,
    least: impl Fn(&ResidualArc) -> u64,
) -> Result<Capped, CycleError> {
    super::check(nodes, arcs, scores, &best.flows_msat)?;
    let arcs = &*net_gains(arcs);
    let directions = Directions::new(arcs, scores);
    let (merged, flows) = merge(arcs, &directions, &best.flows_msat);
    let limits = Limits {
        max_hops: caps.max_hops,
        min_amount_msat: caps.min_amount_msat,
        max_cycles: usize::MAX,
    };
    let free = vec![Score::ZERO; merged.len()];
    let parts = decompose(nodes, &merged, &free, &flows, &limits)?;
    let mut market = Market::new(nodes, arcs, scores, &directions, &best.potentials, caps);
    let worth = |direction: u32, amount: u64| {
        directions.worth(arcs, scores, direction, amount).unwrap_or_default()
    };
    let average: Vec<i128> = (0u32..).zip(&flows).map(|(d, &flow)| worth(d, flow)).collect();
    let share = |&direction: &u32, amount: u64| {
        let flow = i128::from(flows[direction as usize].max(1));
        // Only ranks cycles: rounded, and split so that it cannot leave 128 bits.
        average[direction as usize] / flow * i128::from(amount)
    };
    let mut ranked: Vec<(i128, _)> = parts
        .cycles
        .into_iter()
        .map(|cycle| {
            let value = cycle.arcs.iter().map(|arc| share(arc, cycle.amount_msat)).sum();
            (value, cycle)
        })
        .collect();
    ranked.sort_by_key(|(value, _)| std::cmp::Reverse(*value));
    let smallest: Vec<u64> = merged.iter().map(least).collect();
    for (_, cycle) in ranked {
        let carried = |&arc: &u32| smallest[arc as usize] <= cycle.amount_msat;
        if cycle.arcs.iter().all(carried) {
            market.offer(cycle.arcs, cycle.amount_msat);
        }
    }
    let cut_value = market.value();
    let exhausted = market.improve(&smallest);
    let (value, cycles) = (market.value(), market.into_cycles());
    let optimum = best.objective;
    Ok(Capped { cycles, directions, value, cut_value, optimum, exhausted })
}

/// One arc per direction, with its whole capacity and the sum of its flows.
fn merge(
    arcs: &[ResidualArc],
    directions: &Directions,
    flows_msat: &[u64],
) -> (Vec<ResidualArc>, Vec<u64>) {
    let mut merged = Vec::with_capacity(directions.count());
    let mut flows = Vec::with_capacity(directions.count());
    for direction in 0..directions.count() as u32 {
        let parts = directions.arcs(direction);
        let capacity = |sum: u64, &arc: &u32| sum.saturating_add(arcs[arc as usize].capacity_msat);
        let capacity_msat = parts.iter().fold(0, capacity);
        merged.push(ResidualArc { capacity_msat, value_ppm: 0, ..arcs[parts[0] as usize] });
        let flow = |sum: u64, &arc: &u32| sum.saturating_add(flows_msat[arc as usize]);
        flows.push(parts.iter().fold(0, flow));
    }
    (merged, flows)
}

//! Minimum-cost flow by a primal network simplex of our own, in exact integers.
//!
//! It must never round, overflow silently, or index with anything that the entrance has not
//! checked: [`solve`] checks every index and magnitude once, and the engine below it (`tree`,
//! `pricing`, `pivot`) then works on dense arrays by plain slice indexing.
//!
//! The method: one artificial arc joins every node to an artificial root, so that a spanning tree
//! exists from the start; arcs that violate their reduced cost enter, the tree stays *strongly
//! feasible* (every node can send a positive amount to the root), which forbids endless degenerate
//! pivots without perturbing anything.

mod cost;
mod pivot;
mod pricing;
mod repair;
mod tree;
mod warm;

use serde::{Deserialize, Serialize};
use thiserror::Error;

pub(crate) use cost::Cost;
pub(crate) use pivot::{Engine, Way};
pub use pricing::Pricing;
pub use warm::Solver;

/// The largest capacity of an arc and the largest supply of a node: 2^61.
pub const MAX_CAPACITY: i64 = 1 << 61;

/// The largest sum of all positive supplies: 2^62, so that no artificial arc can overflow.
pub const MAX_TOTAL_SUPPLY: i64 = 1 << 62;

/// The largest `(largest |cost| + 1) * (nodes + 1)`: 2^60. A path visits a node once, so a
/// potential stays within twice this figure and a reduced cost within five times, which is what
/// keeps 64 bits enough.
pub const MAX_COST_SPAN: i64 = 1 << 60;

/// A directed arc. Parallel arcs and loops are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arc {
    /// The node that the arc leaves.
    pub tail: u32,
    /// The node that the arc enters.
    pub head: u32,
    /// The most it can carry, `0..=MAX_CAPACITY`.
    pub capacity: i64,
    /// What one unit of flow costs; negative where it earns.
    pub cost: i64,
}

/// A minimum-cost flow problem.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// How many nodes there are; they are `0..nodes`.
    pub nodes: u32,
    /// Per node, what it sends (positive) or takes (negative). The sum is zero.
    pub supplies: Vec<i64>,
    /// The arcs; answers keep their order.
    pub arcs: Vec<Arc>,
}

/// An optimal flow with the proof that it is optimal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Solution {
    /// The flow on every arc.
    pub flows: Vec<i64>,
    /// The dual: with reduced cost `cost + potential[tail] - potential[head]`, an arc below its
    /// capacity has none below zero and an arc that carries flow has none above zero.
    pub potentials: Vec<i64>,
    /// The sum of `cost * flow`.
    pub objective: i128,
    /// How many basis changes it took (bound flips included).
    pub pivots: u64,
}

/// Why supplies cannot be met: a set of nodes that holds more than can leave it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// The nodes of the set, ascending.
    pub nodes: Vec<u32>,
    /// The arcs that leave the set, ascending: all of them are full, and their capacities bound
    /// what can leave.
    pub arcs: Vec<u32>,
    /// By how much the supply of the set exceeds the capacity that leaves it.
    pub excess: i64,
}

/// Why there is no [`Solution`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SolveError {
    /// There are more nodes and arcs together than a 32-bit index names.
    #[error("{nodes} nodes and {arcs} arcs are more than 32-bit indices can name")]
    TooLarge {
        /// Nodes given.
        nodes: u32,
        /// Arcs given.
        arcs: usize,
    },
    /// The list of supplies is not as long as there are nodes.
    #[error("{given} supplies for {nodes} nodes")]
    SuppliesLength {
        /// Nodes declared.
        nodes: u32,
        /// Supplies given.
        given: usize,
    },
    /// An arc starts or ends at a node that does not exist.
    #[error("arc {arc} names node {node}, which does not exist")]
    NodeOutOfRange {
        /// The arc.
        arc: u32,
        /// The node it names.
        node: u32,
    },
    /// A capacity below zero.
    #[error("arc {arc} has negative capacity {capacity}")]
    NegativeCapacity {
        /// The arc.
        arc: u32,
        /// Its capacity.
        capacity: i64,
    },
    /// A capacity above [`MAX_CAPACITY`].
    #[error("arc {arc} has capacity {capacity}, above 2^61")]
    CapacityRange {
        /// The arc.
        arc: u32,
        /// Its capacity.
        capacity: i64,
    },
    /// A cost too large for this many nodes; see [`MAX_COST_SPAN`].
    #[error("arc {arc} has cost {cost}: times the number of nodes it is above 2^60")]
    CostRange {
        /// The arc.
        arc: u32,
        /// Its cost.
        cost: i64,
    },
    /// A supply above [`MAX_CAPACITY`], or all of them together above [`MAX_TOTAL_SUPPLY`].
    #[error("supply {supply} of node {node} is over range, alone or with those before it")]
    SupplyRange {
        /// The node.
        node: u32,
        /// Its supply.
        supply: i64,
    },
    /// The supplies do not sum to zero.
    #[error("supplies sum to {excess}, not to zero")]
    SupplyImbalance {
        /// The sum.
        excess: i128,
    },
    /// The sum of `|cost| * capacity` does not fit 128 bits.
    #[error("costs times capacities do not fit 128 bits at arc {arc}")]
    ObjectiveRange {
        /// The arc at which the sum left the range.
        arc: u32,
    },
    /// The pivot budget was used up before the optimum was proven.
    #[error("not optimal after {pivots} pivots")]
    Budget {
        /// Pivots made.
        pivots: u64,
    },
    /// The supplies cannot be met; the cut proves it.
    #[error("supplies cannot be met: a cut holds {} more than can leave it", .0.excess)]
    Infeasible(Box<Cut>),
}

/// Solves `problem` to proven optimality. The same problem always gives the same flows, potentials
/// and pivot count.
///
/// # Errors
/// A named [`SolveError`] for input out of range, and [`SolveError::Infeasible`] with a cut when
/// the supplies cannot be met. Capacities are finite, so no problem is unbounded.
pub fn solve(problem: &Problem) -> Result<Solution, SolveError> {
    Solver::new(problem.clone())?.solve()
}

/// Refuses whatever the engine could not index or add safely.
fn check(problem: &Problem) -> Result<(), SolveError> {
    let (nodes, arcs) = (problem.nodes, problem.arcs.len());
    if u64::from(nodes) + arcs as u64 + 2 > u64::from(u32::MAX) {
        return Err(SolveError::TooLarge { nodes, arcs });
    }
    if problem.supplies.len() != nodes as usize {
        return Err(SolveError::SuppliesLength { nodes, given: problem.supplies.len() });
    }
    check_supplies(&problem.supplies)?;
    let mut worth: i128 = 0;
    for (index, arc) in (0u32..).zip(&problem.arcs) {
        check_arc(nodes, index, arc)?;
        let most = i128::from(arc.cost.unsigned_abs()) * i128::from(arc.capacity);
        worth = worth.checked_add(most).ok_or(SolveError::ObjectiveRange { arc: index })?;
    }
    Ok(())
}

fn check_supplies(supplies: &[i64]) -> Result<(), SolveError> {
    let (mut excess, mut sent) = (0i128, 0i128);
    for (node, &supply) in (0u32..).zip(supplies) {
        excess += i128::from(supply);
        sent += i128::from(supply.max(0));
        let alone = supply.unsigned_abs() > MAX_CAPACITY.unsigned_abs();
        if alone || sent > i128::from(MAX_TOTAL_SUPPLY) {
            return Err(SolveError::SupplyRange { node, supply });
        }
    }
    if excess == 0 { Ok(()) } else { Err(SolveError::SupplyImbalance { excess }) }
}

fn check_arc(nodes: u32, index: u32, arc: &Arc) -> Result<(), SolveError> {
    for node in [arc.tail, arc.head] {
        if node >= nodes {
            return Err(SolveError::NodeOutOfRange { arc: index, node });
        }
    }
    let capacity = arc.capacity;
    if capacity < 0 {
        return Err(SolveError::NegativeCapacity { arc: index, capacity });
    }
    if capacity > MAX_CAPACITY {
        return Err(SolveError::CapacityRange { arc: index, capacity });
    }
    let span = (i128::from(arc.cost.unsigned_abs()) + 1) * (i128::from(nodes) + 1);
    if span > i128::from(MAX_COST_SPAN) {
        return Err(SolveError::CostRange { arc: index, cost: arc.cost });
    }
    Ok(())
}

#[cfg(test)]
mod tests;

//! From a circulation to the cycles that carry it, shortest first.
//!
//! It must never invent or lose a msat: the cycles and what is left over add up to the circulation,
//! exactly. It never returns a cycle that visits a node twice, is longer than the cap, or carries
//! less than the minimum.
//!
//! Method: pick a set of nodes that every cycle must touch (repeatedly the busiest one of what is
//! still cyclic), and take the cycles through each of them in order of length: a breadth-first
//! search gives the length of the shortest cycle through a node, and one sweep over its levels
//! takes all cycles of that length. Taking flow away only makes the remaining cycles longer, so a
//! length once found is a bound for ever after, and a node is searched again only when its bound
//! comes up.

mod capped;
mod cover;
mod improve;
mod levels;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::circulation::{ResidualArc, worth};
use crate::score::Score;
pub use capped::{Capped, Caps, Disjoint, PlannedCycle, plan_capped};
use levels::Support;

/// What a cycle may look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// The most arcs of one cycle, at least 2.
    pub max_hops: u32,
    /// The least amount worth moving around a cycle, in msat; 0 counts as 1.
    pub min_amount_msat: u64,
    /// The most cycles to return.
    pub max_cycles: usize,
}

/// One amount moved once around.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cycle {
    /// The arcs in order; each starts where the one before ends, the first where the last ends.
    pub arcs: Vec<u32>,
    /// What moves around, in msat.
    pub amount_msat: u64,
}

/// A circulation as cycles, and what the limits cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decomposition {
    /// The cycles, shortest first.
    pub cycles: Vec<Cycle>,
    /// Per arc, the flow that no returned cycle carries, in msat.
    pub leftover_msat: Vec<u64>,
    /// The sum of `(value_ppm - score) * leftover`, in millionths of a msat: what the limits cost.
    pub leftover_value: i128,
}

/// Why a flow cannot be decomposed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CycleError {
    /// Arcs, scores and flows are not equally many.
    #[error("{arcs} arcs, {scores} scores, {flows} flows")]
    Length {
        /// Arcs given.
        arcs: usize,
        /// Scores given.
        scores: usize,
        /// Flows given.
        flows: usize,
    },
    /// An arc names a node that does not exist.
    #[error("arc {arc} names node {node}, which does not exist")]
    NodeOutOfRange {
        /// The arc.
        arc: u32,
        /// The node.
        node: u32,
    },
    /// A node does not send on what it receives: this is no circulation.
    #[error("node {node} does not send what it receives")]
    NotConserved {
        /// The node.
        node: u32,
    },
    /// What is left over is worth more than 128 bits say; no plan of [`crate::circulation::solve`]
    /// gets there.
    #[error("the value of the leftover does not fit 128 bits")]
    ValueRange,
}

/// Decomposes the circulation `flows_msat`, the same way every time.
///
/// # Errors
/// [`CycleError`] when the lists do not match or the flow is no circulation.
pub fn decompose(
    nodes: u32,
    arcs: &[ResidualArc],
    scores: &[Score],
    flows_msat: &[u64],
    limits: &Limits,
) -> Result<Decomposition, CycleError> {
    check(nodes, arcs, scores, flows_msat)?;
    let (cycles, leftover_msat) = strip(nodes, arcs, flows_msat, limits)?;
    let leftover_value = worth(arcs, scores, &leftover_msat).ok_or(CycleError::ValueRange)?;
    Ok(Decomposition { cycles, leftover_msat, leftover_value })
}

/// Takes cycles, shortest first, out of amounts that need not be a circulation, as [`decompose`]
/// does out of one; returns them and, per arc, what none of them took.
///
/// # Errors
/// [`CycleError`] when there are not as many amounts as arcs or an arc names an unknown node.
pub fn strip(
    nodes: u32,
    arcs: &[ResidualArc],
    amounts_msat: &[u64],
    limits: &Limits,
) -> Result<(Vec<Cycle>, Vec<u64>), CycleError> {
    if arcs.len() != amounts_msat.len() {
        let (arcs, flows) = (arcs.len(), amounts_msat.len());
        return Err(CycleError::Length { arcs, scores: arcs, flows });
    }
    for (arc, ends) in (0u32..).zip(arcs) {
        let node = ends.tail.max(ends.head);
        if node >= nodes {
            return Err(CycleError::NodeOutOfRange { arc, node });
        }
    }
    let mut support = Support::new(nodes, arcs, amounts_msat, limits.min_amount_msat.max(1));
    let mut cycles = Vec::new();
    // One bucket per length; a node waits in the bucket of its bound.
    let longest = limits.max_hops.min(nodes) as usize;
    let mut buckets: Vec<Vec<u32>> = vec![Vec::new(); longest + 1];
    if longest >= 2 {
        buckets[2] = cover::cycle_cover(&support);
    }
    for hops in 2..=longest {
        let mut turn = 0;
        while turn < buckets[hops].len() && cycles.len() < limits.max_cycles {
            let node = buckets[hops][turn];
            turn += 1;
            let Some(found) = support.shortest_through(node, longest as u32) else { continue };
            if found as usize == hops {
                support.take_level(node, found, limits.max_cycles, &mut cycles);
                if hops < longest {
                    buckets[hops + 1].push(node);
                }
            } else {
                buckets[found as usize].push(node);
            }
        }
        buckets[hops] = Vec::new();
    }
    Ok((cycles, support.into_remaining()))
}

fn check(
    nodes: u32,
    arcs: &[ResidualArc],
    scores: &[Score],
    flows_msat: &[u64],
) -> Result<(), CycleError> {
    if arcs.len() != scores.len() || arcs.len() != flows_msat.len() {
        let (scores, flows) = (scores.len(), flows_msat.len());
        return Err(CycleError::Length { arcs: arcs.len(), scores, flows });
    }
    let mut surplus = vec![0i128; nodes as usize];
    for (index, (arc, &flow)) in (0u32..).zip(arcs.iter().zip(flows_msat)) {
        for (node, change) in [(arc.tail, -i128::from(flow)), (arc.head, i128::from(flow))] {
            let held = surplus.get_mut(node as usize);
            *held.ok_or(CycleError::NodeOutOfRange { arc: index, node })? += change;
        }
    }
    match (0u32..).zip(surplus).find(|&(_, surplus)| surplus != 0) {
        Some((node, _)) => Err(CycleError::NotConserved { node }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;

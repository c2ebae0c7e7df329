//! Fixed-charge flow: links that cost something once they carry anything, and links that carry
//! nothing or at least a minimum. Solved by branch and bound over exact minimum-cost flows.
//!
//! It must never use a coupling constant ("big M") or a tolerance: a link's charge is spread over
//! the most it can carry in any plan without cycles, which only bounds from below, and branching
//! decides the rest. Bounds are rounded down, so that they stay bounds.

mod acyclic;
mod cuts;
mod improve;
mod multipliers;
mod pool;
mod prepare;
mod refine;
mod relax;
mod round;
mod search;
mod sets;

use thiserror::Error;

pub(crate) use search::grid;

/// A directed link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChargedLink {
    /// The node it leaves.
    pub tail: u32,
    /// The node it enters.
    pub head: u32,
    /// The most it carries.
    pub capacity: i64,
    /// It carries nothing or at least this much.
    pub minimum: i64,
    /// What one unit costs, not below zero.
    pub unit_cost: i128,
    /// What carrying anything costs, not below zero.
    pub fixed_cost: i128,
}

/// A fixed-charge flow problem.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChargeProblem {
    /// Per node, what it sends (positive) or takes (negative). The sum is zero.
    pub supplies: Vec<i64>,
    /// The links; answers keep their order.
    pub links: Vec<ChargedLink>,
}

impl ChargeProblem {
    /// What `flows` cost.
    pub fn cost(&self, flows: &[i64]) -> i128 {
        let cost = |(link, &flow): (&ChargedLink, &i64)| {
            let fixed = if flow > 0 { link.fixed_cost } else { 0 };
            link.unit_cost * i128::from(flow) + fixed
        };
        self.links.iter().zip(flows).map(cost).sum()
    }
}

/// How far a search is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What the best flow so far costs.
    pub objective: Option<i128>,
    /// No flow costs less.
    pub bound: i128,
    /// Branching nodes looked at.
    pub nodes: u64,
    /// Basis changes made.
    pub pivots: u64,
}

/// The best flow found, and how good it is for certain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Best {
    /// The flow on every link; it has no cycle.
    pub flows: Vec<i64>,
    /// What it costs.
    pub objective: i128,
    /// No flow without cycles costs less; equal to the objective if it is proven optimal.
    pub bound: i128,
    /// Branching nodes looked at.
    pub nodes: u64,
    /// Basis changes made.
    pub pivots: u64,
}

impl Best {
    /// Whether no flow is cheaper, for certain.
    pub fn is_proven(&self) -> bool {
        self.bound >= self.objective
    }
}

/// Why there is no [`Best`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ChargeError {
    /// No flow meets the supplies within capacities and minimums.
    #[error("no flow meets the supplies within capacities and minimums")]
    Infeasible,
    /// The watcher ended the search before any flow was found.
    #[error("stopped after {nodes} branching nodes, before any flow was found")]
    Stopped {
        /// Branching nodes looked at.
        nodes: u64,
    },
    /// Costs times amounts do not fit 128 bits.
    #[error("costs times amounts do not fit 128 bits")]
    Range,
}

/// Solves `problem`. `start` is a flow without cycles to improve on, if one is known. `watch` is
/// told how far the search is, before every branching node, and ends it by answering false; apart
/// from that the same problem always gives the same answer.
///
/// The caller has checked supplies as [`crate::simplex::solve`] does, and indices.
///
/// # Errors
/// A [`ChargeError`].
pub fn solve(
    problem: &ChargeProblem,
    start: Option<&[i64]>,
    watch: &mut dyn FnMut(&Progress) -> bool,
) -> Result<Best, ChargeError> {
    let tight = prepare::tighten(problem)?;
    match relax::Scale::choose(&tight) {
        Some(relax::Scale::Narrow(scale)) => {
            search::run::<i64>(problem, &tight, scale, start, watch)
        }
        Some(relax::Scale::Wide(scale)) => {
            search::run::<i128>(problem, &tight, scale, start, watch)
        }
        None => Err(ChargeError::Range),
    }
}

#[cfg(test)]
mod tests;

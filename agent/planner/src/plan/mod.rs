//! Plans: which amounts move over which edges, in which order, at what cost, and how far from the
//! optimum they can be.
//!
//! It must never return a plan that [`verify::verify`] refuses, and never call optimal what is not
//! proven.

mod certificate;
mod diagnose;
mod earliest;
mod problem;
mod progress;
mod stages;
pub mod verify;

use thiserror::Error;

use crate::charge::{ChargeError, ChargeProblem};
use crate::exact::Decimal;
use crate::network::{InputError, Network};
use crate::schedule::{self, Move};

pub use certificate::Certificate;
pub use diagnose::{Diagnosis, Raise};
pub use problem::{InFlight, Problem, read_problem};
pub use progress::Progress;

/// What is best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// The smallest sum of fees; then the fewest steps.
    Cheapest,
    /// The smallest sum of the times of used edges; then the fewest steps.
    Fastest,
    /// The smallest fees; among those the smallest sum of times; then the fewest steps.
    CheapestThenFastest,
    /// The smallest sum of times; among those the smallest fees; then the fewest steps.
    FastestThenCheapest,
    /// The earliest end if every step waits for all that enters its source: the longest chain of
    /// used edges is shortest.
    Earliest,
}

impl Mode {
    /// All modes, with the names that files and command lines use.
    pub const ALL: [(&'static str, Mode); 5] = [
        ("cheapest", Mode::Cheapest),
        ("fastest", Mode::Fastest),
        ("cheapest-then-fastest", Mode::CheapestThenFastest),
        ("fastest-then-cheapest", Mode::FastestThenCheapest),
        ("earliest", Mode::Earliest),
    ];

    /// The mode of a name.
    ///
    /// # Errors
    /// [`InputError::Mode`] with the known names.
    pub fn parse(name: &str) -> Result<Mode, InputError> {
        let found = Mode::ALL.iter().find(|(known, _)| *known == name);
        let names: Vec<&str> = Mode::ALL.iter().map(|(known, _)| *known).collect();
        let shown: String = name.chars().take(40).collect();
        found.map(|(_, mode)| *mode).ok_or(InputError::Mode {
            given: format!("{shown:?} is none"),
            known: names.join(", "),
        })
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        Mode::ALL.iter().find(|(_, mode)| mode == self).map_or("", |(name, _)| name)
    }
}

/// One transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The number of the edge.
    pub edge: u32,
    /// The place it leaves.
    pub src: u32,
    /// The place it enters.
    pub dest: u32,
    /// How much, base units.
    pub amount: u64,
}

/// A plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What it is best at.
    pub mode: Mode,
    /// The steps in an order in which each can be paid for.
    pub steps: Vec<Step>,
    /// Per step, the earlier steps whose funds it spends.
    pub after: Vec<Vec<u32>>,
    /// What the mode minimises (its first figure): fees in base units, or seconds.
    pub objective: Decimal,
    /// No plan has less.
    pub bound: Decimal,
    /// Whether everything that the mode names is proven optimal.
    pub proven_optimal: bool,
    /// Whether no equally good plan has fewer steps, for certain.
    pub fewest_steps: bool,
    /// All fees.
    pub cost: Decimal,
    /// The sum of the times of used edges.
    pub time_sec: Decimal,
    /// When the last step ends if independent steps run side by side.
    pub duration_sec: Option<Decimal>,
    /// Branching nodes looked at.
    pub nodes: u64,
    /// Basis changes made.
    pub pivots: u64,
}

impl Plan {
    /// How far the objective is from the bound, relative to the objective, in millionths, rounded
    /// up; zero if it is proven.
    pub fn gap_ppm(&self) -> u64 {
        if self.proven_optimal { 0 } else { progress::gap_ppm(self.objective, self.bound) }
    }
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PlanError {
    /// The input is refused.
    #[error("{0}")]
    Input(#[from] InputError),
    /// No plan reaches the targets.
    #[error("{0}")]
    Infeasible(Box<Diagnosis>),
    /// The watcher ended the search before any plan was found.
    #[error("stopped before any plan was found; allow more time")]
    Stopped,
}

/// Finds the best plan. `watch` is told how far the search is and ends it by answering false; apart
/// from that the same problem always gives the same plan.
///
/// # Errors
/// [`PlanError::Input`] for fees and amounts whose product does not fit, [`PlanError::Infeasible`]
/// with a [`Diagnosis`], [`PlanError::Stopped`].
pub fn solve(
    problem: &Problem,
    watch: &mut dyn FnMut(&Progress) -> bool,
) -> Result<Plan, PlanError> {
    match find(problem, watch) {
        Err(ChargeError::Infeasible) => {
            let diagnosis = diagnose::diagnose(problem, watch);
            Err(PlanError::Infeasible(Box::new(diagnosis)))
        }
        Err(ChargeError::Stopped { .. }) => Err(PlanError::Stopped),
        Err(ChargeError::Range) => Err(PlanError::Input(InputError::network(
            "network.edges",
            "fees or times times amounts do not fit 128 bits; use coarser decimals",
        ))),
        Ok(plan) => Ok(plan),
    }
}

/// What the first figure of the problem's mode is as a fixed-charge flow, and by which power of ten
/// its costs are multiplied. `None` if they do not fit.
pub fn charge_problem(problem: &Problem) -> Option<(ChargeProblem, u32)> {
    let figure = problem.mode.figures().first()?;
    let places = figure.places(problem.network.edges());
    Some((figure.charge(problem).ok()?, places))
}

fn find(problem: &Problem, watch: &mut dyn FnMut(&Progress) -> bool) -> Result<Plan, ChargeError> {
    let found = match problem.mode {
        Mode::Earliest => earliest::find(problem, watch)?,
        _ => stages::find(problem, watch)?,
    };
    Ok(present(problem, found))
}

/// A flow with what is known about it.
pub(crate) struct Found {
    pub flows: Vec<i64>,
    pub objective: Decimal,
    pub bound: Decimal,
    pub proven: bool,
    pub fewest_steps: bool,
    pub nodes: u64,
    pub pivots: u64,
}

/// Puts a flow into steps and adds up what it costs.
fn present(problem: &Problem, found: Found) -> Plan {
    let network = &problem.network;
    let moves = moves_of(network, &found.flows);
    let chain = |place: u32| network.chain(place);
    let schedule = schedule::order(network.places().len(), chain, &problem.funds(), &moves);
    let step = |&index: &usize| {
        let Move { number, src, dest, amount, .. } = moves[index];
        Step { edge: number, src, dest, amount }
    };
    let (cost, time_sec) = verify::totals(network, &found.flows).unwrap_or_default();
    Plan {
        mode: problem.mode,
        steps: schedule.order.iter().map(step).collect(),
        after: schedule.after,
        objective: found.objective,
        bound: found.bound,
        proven_optimal: found.proven,
        fewest_steps: found.fewest_steps,
        cost,
        time_sec,
        duration_sec: schedule.duration_sec,
        nodes: found.nodes,
        pivots: found.pivots,
    }
}

/// One move per used edge, or as many as its transfer limit asks for.
fn moves_of(network: &Network, flows: &[i64]) -> Vec<Move> {
    let mut moves = Vec::new();
    for (number, (edge, &flow)) in (0u32..).zip(network.edges().iter().zip(flows)) {
        let mut left = flow.unsigned_abs();
        let limit = edge.link.transfer_limit.unwrap_or(u64::MAX);
        while left > 0 {
            let amount = left.min(limit);
            let (src, dest, time_sec) = (edge.tail, edge.head, edge.link.time_sec);
            moves.push(Move { number, src, dest, amount, time_sec });
            left -= amount;
        }
    }
    moves
}

#[cfg(test)]
mod tests;

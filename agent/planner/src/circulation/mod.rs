//! The most valuable circulation of a residual graph: who should push how much over which channel
//! so that every node keeps what it owns and the sum of what channels gain is as large as possible.
//!
//! It must never approximate: flows are whole msat, and the potentials that come with them let
//! anyone check in one pass over the arcs ([`certify`]) that no better circulation of the published
//! arcs exists.
//!
//! ```
//! use debal_planner::circulation::{ResidualArc, certify, solve};
//! use debal_planner::score::Score;
//!
//! let arc = |tail, head, capacity_msat, value_ppm, label| ResidualArc {
//!     tail, head, capacity_msat, value_ppm, label,
//! };
//! let arcs = [arc(0, 1, 900, 10, 1), arc(1, 2, 700, 10, 2), arc(2, 0, 800, -5, 3)];
//! let scores = [Score::ZERO; 3];
//! let best = solve(3, &arcs, &scores)?;
//! assert_eq!(best.flows_msat, [700, 700, 700]);
//! assert_eq!(best.objective, 700 * (10 + 10 - 5));
//! assert!(certify(3, &arcs, &scores, &best.flows_msat, &best.potentials).is_ok());
//! assert!(certify(3, &arcs, &scores, &[600; 3], &best.potentials).is_err());
//! # Ok::<(), debal_planner::circulation::Error>(())
//! ```

mod certificate;
mod claim;
mod direction;
mod fees;
mod value;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::score::Score;
use crate::simplex::{Arc, Problem, SolveError, Solver};

pub use certificate::{CertificateError, certify, dual_bound};
pub use claim::{Claim, ClaimError, ClaimedCycle, Move, check_claim, claimed_value};
pub use direction::{Directions, net_gains};
pub use fees::split_fees;
pub use value::{
    ChannelEnd, ChannelShape, ChannelValue, Helpers, MAX_RATE_PPM, MAX_TIERS, ValueRules,
    channel_arcs, end_worth, value_arcs,
};

/// The largest capacity of an arc, 2^61 msat.
pub const MAX_CAPACITY_MSAT: u64 = 1 << 61;

/// The largest value of an arc in either direction, 2^40 ppm.
pub const MAX_VALUE_PPM: i64 = 1 << 40;

/// How many pivots are made before whoever watches is told.
const WATCH_PIVOTS: u64 = 10_000;

/// Some liquidity that can move from one node to another over one channel, all of it worth the
/// same.
///
/// A channel whose value shrinks as more is moved is several parallel arcs, the best one first by
/// itself: the optimum never uses a worse parallel arc before a better one is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResidualArc {
    /// The node that pays out.
    pub tail: u32,
    /// The node that receives.
    pub head: u32,
    /// The most that can move.
    pub capacity_msat: u64,
    /// What moving one million msat is worth, in msat; negative where it costs.
    pub value_ppm: i64,
    /// The caller's name of the channel. Arcs with one label are one channel: its two directions
    /// are netted, and so is what both of them claim to gain ([`net_gains`]).
    pub label: u64,
}

/// An optimal circulation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Circulation {
    /// The flow on every arc, in msat.
    pub flows_msat: Vec<u64>,
    /// The sum of `(value_ppm - score) * flow`, in millionths of a msat.
    pub objective: i128,
    /// One price per node, in ppm: the dual certificate that [`certify`] checks.
    pub potentials: Vec<i64>,
    /// How many basis changes it took.
    pub pivots: u64,
}

/// Why a circulation cannot be computed. Every refusal names the arc.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    /// There are not as many scores as arcs.
    #[error("{scores} scores for {arcs} arcs")]
    ScoresLength {
        /// Arcs given.
        arcs: usize,
        /// Scores given.
        scores: usize,
    },
    /// A capacity above [`MAX_CAPACITY_MSAT`].
    #[error("arc {arc} has capacity {capacity_msat} msat, above 2^61")]
    CapacityRange {
        /// The arc.
        arc: u32,
        /// Its capacity.
        capacity_msat: u64,
    },
    /// A value beyond [`MAX_VALUE_PPM`] in either direction.
    #[error("arc {arc} has value {value_ppm} ppm, beyond 2^40")]
    ValueRange {
        /// The arc.
        arc: u32,
        /// Its value.
        value_ppm: i64,
    },
    /// An arc from a node to itself: no channel does that.
    #[error("arc {arc} joins node {node} to itself")]
    SelfLoop {
        /// The arc.
        arc: u32,
        /// The node.
        node: u32,
    },
    /// The solver refused the problem; it names the arc.
    #[error(transparent)]
    Solve(#[from] SolveError),
}

/// Finds the circulation with the largest objective on `nodes` nodes. `scores[i]` belongs to
/// `arcs[i]`. Where both directions of a channel claim to gain, the claims are netted first.
///
/// # Errors
/// [`enum@Error`] for input out of range. A circulation always exists (the empty one), so nothing
/// else can fail.
pub fn solve(nodes: u32, arcs: &[ResidualArc], scores: &[Score]) -> Result<Circulation, Error> {
    solve_watched(nodes, arcs, scores, &mut |_| {})
}

/// As [`solve`]; `watch` is told now and then how many pivots have been made.
///
/// # Errors
/// As [`solve`].
pub fn solve_watched(
    nodes: u32,
    arcs: &[ResidualArc],
    scores: &[Score],
    watch: &mut dyn FnMut(u64),
) -> Result<Circulation, Error> {
    let arcs = &*net_gains(arcs);
    let mut solver = Solver::new(to_problem(nodes, arcs, scores)?)?;
    solver.set_pivot_budget(WATCH_PIVOTS);
    let mut pivots = 0;
    let solution = loop {
        match solver.solve() {
            Err(SolveError::Budget { pivots: made }) => {
                pivots += made;
                watch(pivots);
            }
            other => break other?,
        }
    };
    let mut flows_msat: Vec<u64> = solution.flows.iter().map(|flow| flow.unsigned_abs()).collect();
    net_opposite(arcs, scores, &mut flows_msat);
    Ok(Circulation {
        flows_msat,
        objective: -solution.objective,
        potentials: solution.potentials,
        pivots: pivots + solution.pivots,
    })
}

/// The net cost per million of using an arc: what its unreliability costs less what it gains.
pub(crate) fn net_cost(arc: &ResidualArc, score: Score) -> i128 {
    i128::from(score.ppm()) - i128::from(arc.value_ppm)
}

/// The sum of `(value_ppm - score) * amount` over all arcs; `None` where it leaves 128 bits.
pub(crate) fn worth(arcs: &[ResidualArc], scores: &[Score], amounts_msat: &[u64]) -> Option<i128> {
    let mut priced = arcs.iter().zip(scores).zip(amounts_msat);
    priced.try_fold(0i128, |sum, ((arc, score), &amount)| {
        sum.checked_sub(net_cost(arc, *score).checked_mul(i128::from(amount))?)
    })
}

fn to_problem(nodes: u32, arcs: &[ResidualArc], scores: &[Score]) -> Result<Problem, Error> {
    if scores.len() != arcs.len() {
        return Err(Error::ScoresLength { arcs: arcs.len(), scores: scores.len() });
    }
    let mut converted = Vec::with_capacity(arcs.len());
    for (index, (arc, score)) in (0u32..).zip(arcs.iter().zip(scores)) {
        let &ResidualArc { tail, head, capacity_msat, value_ppm, .. } = arc;
        if tail == head {
            return Err(Error::SelfLoop { arc: index, node: tail });
        }
        let cost = i64::try_from(net_cost(arc, *score))
            .ok()
            .filter(|_| value_ppm.unsigned_abs() <= MAX_VALUE_PPM.unsigned_abs())
            .ok_or(Error::ValueRange { arc: index, value_ppm })?;
        let capacity = i64::try_from(capacity_msat)
            .ok()
            .filter(|_| capacity_msat <= MAX_CAPACITY_MSAT)
            .ok_or(Error::CapacityRange { arc: index, capacity_msat })?;
        converted.push(Arc { tail, head, capacity, cost });
    }
    Ok(Problem { nodes, supplies: vec![0; nodes as usize], arcs: converted })
}

/// Cancels what one channel would send both ways. Out and back never gain (see [`net_gains`]), and
/// at an optimum never lose, so the objective and the certificate stay as they are.
fn net_opposite(arcs: &[ResidualArc], scores: &[Score], flows_msat: &mut [u64]) {
    let directions = Directions::new(arcs, scores);
    for (one, other) in directions.opposites(arcs) {
        for &out in directions.arcs(one) {
            for &back in directions.arcs(other) {
                let both = flows_msat[out as usize].min(flows_msat[back as usize]);
                flows_msat[out as usize] -= both;
                flows_msat[back as usize] -= both;
            }
        }
    }
}

#[cfg(test)]
mod tests;

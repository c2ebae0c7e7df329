//! The most valuable circulation of a residual graph: who should push how much over which channel so that every node
//! keeps what it owns and the sum of what channels gain is as large as possible.
//!
//! It must never approximate: flows are whole msat, and the potentials that come with them let anyone check in one
//! pass over the arcs ([`certify`]) that no better circulation of the published arcs exists.

mod certificate;
mod pieces;

use std::collections::BTreeMap;

use thiserror::Error;

use crate::score::Score;
use crate::simplex::{self, Arc, Problem, SolveError};

pub use certificate::{CertificateError, certify};
pub use pieces::{ChannelShape, Helpers, channel_arcs};

/// The largest capacity of an arc, 2^61 msat.
pub const MAX_CAPACITY_MSAT: u64 = 1 << 61;

/// The largest value of an arc in either direction, 2^40 ppm.
pub const MAX_VALUE_PPM: i64 = 1 << 40;

/// Some liquidity that can move from one node to another over one channel, all of it worth the same.
///
/// A channel whose value shrinks as more is moved is several parallel arcs, the best one first by itself: the optimum
/// never uses a worse parallel arc before a better one is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResidualArc {
    /// The node that pays out.
    pub tail: u32,
    /// The node that receives.
    pub head: u32,
    /// The most that can move.
    pub capacity_msat: u64,
    /// What moving one million msat is worth, in msat; negative where it costs.
    pub value_ppm: i64,
    /// The caller's name of the channel. Arcs with one label are one channel: its two directions are netted.
    pub label: u64,
}

/// An optimal circulation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Circulation {
    /// The flow on every arc, in msat.
    pub flows_msat: Vec<u64>,
    /// The sum of `(value_ppm - score) * flow`, in millionths of a msat.
    pub objective: i128,
    /// One price per node, in ppm: the dual certificate that [`certify`] checks.
    pub potentials: Vec<i64>,
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

/// Finds the circulation with the largest objective on `nodes` nodes. `scores[i]` belongs to `arcs[i]`.
///
/// # Errors
/// [`Error`] for input out of range. A circulation always exists (the empty one), so nothing else can fail.
pub fn solve(nodes: u32, arcs: &[ResidualArc], scores: &[Score]) -> Result<Circulation, Error> {
    let problem = to_problem(nodes, arcs, scores)?;
    let solution = simplex::solve(&problem)?;
    let mut flows_msat: Vec<u64> = solution.flows.iter().map(|flow| flow.unsigned_abs()).collect();
    net_opposite(arcs, &mut flows_msat);
    Ok(Circulation {
        flows_msat,
        objective: -solution.objective,
        potentials: solution.potentials,
    })
}

/// The net cost per million of using an arc: what its unreliability costs less what it gains.
pub(crate) fn net_cost(arc: &ResidualArc, score: Score) -> i64 {
    // A score is at most 2^40 and a value at least -2^40 wherever the entrance was passed; saturation only serves
    // `certify`, which must survive any input.
    i64::try_from(score.ppm()).unwrap_or(i64::MAX).saturating_sub(arc.value_ppm)
}

/// The sum of `(value_ppm - score) * amount` over all arcs.
pub(crate) fn worth(arcs: &[ResidualArc], scores: &[Score], amounts_msat: &[u64]) -> i128 {
    let one = |((arc, score), amount): ((&ResidualArc, &Score), &u64)| {
        -i128::from(net_cost(arc, *score)) * i128::from(*amount)
    };
    arcs.iter().zip(scores).zip(amounts_msat).map(one).sum()
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
        if value_ppm.unsigned_abs() > MAX_VALUE_PPM.unsigned_abs() {
            return Err(Error::ValueRange { arc: index, value_ppm });
        }
        let capacity = i64::try_from(capacity_msat)
            .ok()
            .filter(|_| capacity_msat <= MAX_CAPACITY_MSAT)
            .ok_or(Error::CapacityRange { arc: index, capacity_msat })?;
        converted.push(Arc { tail, head, capacity, cost: net_cost(arc, *score) });
    }
    Ok(Problem { nodes, supplies: vec![0; nodes as usize], arcs: converted })
}

/// Cancels what one channel would send both ways. At an optimum such a pair gains exactly nothing (or it would have
/// been cancelled already), so the objective and the certificate stay as they are.
fn net_opposite(arcs: &[ResidualArc], flows_msat: &mut [u64]) {
    let mut used: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    for (index, arc) in arcs.iter().enumerate().filter(|&(index, _)| flows_msat[index] > 0) {
        used.entry(arc.label).or_default().push(index);
    }
    for group in used.values().filter(|group| group.len() > 1) {
        for (place, &one) in group.iter().enumerate() {
            for &other in &group[place + 1..] {
                if (arcs[one].tail, arcs[one].head) == (arcs[other].head, arcs[other].tail) {
                    let both = flows_msat[one].min(flows_msat[other]);
                    flows_msat[one] -= both;
                    flows_msat[other] -= both;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;

//! What a plan claims, cycle by cycle, and the check that anyone can make of it.
//!
//! It must never run a solver, and never trust a figure of the claim: the value and the bound are
//! recomputed from the published arcs in one pass each (and one sort, which is a pass too on arcs
//! that stand channel by channel), exactly.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{CertificateError, Directions, ResidualArc, dual_bound, net_gains};
use crate::score::Score;

/// One hop of a cycle: over the channel `label` from `tail` to `head`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Move {
    /// The channel.
    pub label: u64,
    /// Who pays.
    pub tail: u32,
    /// Who is paid.
    pub head: u32,
}

/// A cycle as it is claimed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimedCycle {
    /// The hops; each starts where the one before ends, the first where the last ends.
    pub moves: Vec<Move>,
    /// What moves around, in msat.
    pub amount_msat: u64,
}

/// What a plan says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// One price per node, in ppm.
    pub potentials: Vec<i64>,
    /// What the cycles are worth together, in millionths of a msat.
    pub value: i128,
    /// What the potentials prove that no circulation exceeds, in millionths of a msat.
    pub bound: i128,
}

/// What is wrong with a claim: the first violation.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ClaimError {
    /// The lists do not fit each other.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// A cycle names somebody who published nothing.
    #[error("cycle {cycle} names somebody who published nothing")]
    Stranger {
        /// The cycle.
        cycle: usize,
    },
    /// A cycle of nothing, or with fewer than two hops.
    #[error("cycle {cycle} moves nothing")]
    Empty {
        /// The cycle.
        cycle: usize,
    },
    /// A hop over a channel direction that nobody published.
    #[error("cycle {cycle} moves over channel {label} from {} to {}", .hop.tail, .hop.head, label = .hop.label)]
    Unpublished {
        /// The cycle.
        cycle: usize,
        /// The hop.
        hop: Move,
    },
    /// A hop that does not start where the one before ends.
    #[error("cycle {cycle} breaks before node {}", .hop.tail)]
    Broken {
        /// The cycle.
        cycle: usize,
        /// The hop that starts elsewhere.
        hop: Move,
    },
    /// A cycle that visits a node twice.
    #[error("cycle {cycle} visits node {node} twice")]
    NodeTwice {
        /// The cycle.
        cycle: usize,
        /// The node.
        node: u32,
    },
    /// The cycles together move more over a direction than was published.
    #[error("more moves over channel {} from {} to {} than was published", .hop.label, .hop.tail, .hop.head)]
    OverCapacity {
        /// The direction.
        hop: Move,
    },
    /// The cycles are worth something else.
    #[error("the cycles are worth {found}, not {stated}")]
    Value {
        /// As claimed.
        stated: i128,
        /// As recomputed.
        found: i128,
    },
    /// The potentials prove something else.
    #[error("the potentials prove {found}, not {stated}")]
    Bound {
        /// As claimed.
        stated: i128,
        /// As recomputed.
        found: i128,
    },
}

impl ClaimError {
    /// Short stable name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Certificate(_) => "its prices do not fit the summaries",
            Self::Stranger { .. } => "a cycle names somebody who published nothing",
            Self::Empty { .. } => "a cycle moves nothing",
            Self::Unpublished { .. } => "a cycle moves where nothing was offered",
            Self::Broken { .. } => "a cycle breaks",
            Self::NodeTwice { .. } => "a cycle visits a node twice",
            Self::OverCapacity { .. } => "its cycles move more than was offered",
            Self::Value { .. } => "its cycles are worth something else",
            Self::Bound { .. } => "its prices prove something else",
        }
    }
}

/// Checks that `cycles` are cycles of the published `arcs` within their capacities, that they are
/// worth what `claim` says, and that its potentials prove the bound it says. What it returns is the
/// gap: how much better another circulation could be at most, zero for a proven optimum.
///
/// # Errors
/// The first violation: cycles in order, then directions, then value, then bound.
pub fn check_claim(
    nodes: u32,
    arcs: &[ResidualArc],
    scores: &[Score],
    cycles: &[ClaimedCycle],
    claim: &Claim,
) -> Result<i128, ClaimError> {
    let found = dual_bound(nodes, arcs, scores, &claim.potentials)?;
    let value = claimed_value(nodes, arcs, scores, cycles)?;
    if value != claim.value {
        return Err(ClaimError::Value { stated: claim.value, found: value });
    }
    if found != claim.bound {
        return Err(ClaimError::Bound { stated: claim.bound, found });
    }
    Ok(found - value)
}

/// What `cycles` are worth together, in millionths of a msat.
///
/// # Errors
/// As [`check_claim`], for all but the claim's two figures.
pub fn claimed_value(
    nodes: u32,
    arcs: &[ResidualArc],
    scores: &[Score],
    cycles: &[ClaimedCycle],
) -> Result<i128, ClaimError> {
    if arcs.len() != scores.len() {
        let (wanted, found) = (arcs.len(), scores.len());
        return Err(CertificateError::Length { list: "scores", wanted, found }.into());
    }
    let arcs = &*net_gains(arcs);
    let directions = Directions::new(arcs, scores);
    let mut moved = vec![0u128; directions.count()];
    // Per node, one more than the last cycle that visited it.
    let mut visited = vec![0usize; nodes as usize];
    for (index, cycle) in cycles.iter().enumerate() {
        for direction in check_cycle(arcs, &directions, (index, cycle), &mut visited)? {
            moved[direction as usize] += u128::from(cycle.amount_msat);
        }
    }
    value(arcs, scores, &directions, &moved)
}

/// The directions of a cycle, in its order.
fn check_cycle(
    arcs: &[ResidualArc],
    directions: &Directions,
    (cycle, claimed): (usize, &ClaimedCycle),
    visited: &mut [usize],
) -> Result<Vec<u32>, ClaimError> {
    let moves = &claimed.moves;
    let Some(last) = moves.last().filter(|_| moves.len() > 1 && claimed.amount_msat > 0) else {
        return Err(ClaimError::Empty { cycle });
    };
    let mut here = last.head;
    let mut found = Vec::with_capacity(moves.len());
    for &hop in moves {
        if hop.tail != here {
            return Err(ClaimError::Broken { cycle, hop });
        }
        here = hop.head;
        let direction = directions.find(arcs, hop.label, hop.tail, hop.head);
        let unpublished = ClaimError::Unpublished { cycle, hop };
        let Some((direction, visit)) = direction.zip(visited.get_mut(hop.tail as usize)) else {
            return Err(unpublished);
        };
        if std::mem::replace(visit, cycle + 1) == cycle + 1 {
            return Err(ClaimError::NodeTwice { cycle, node: hop.tail });
        }
        found.push(direction);
    }
    Ok(found)
}

fn value(
    arcs: &[ResidualArc],
    scores: &[Score],
    directions: &Directions,
    moved: &[u128],
) -> Result<i128, ClaimError> {
    let mut sum = 0i128;
    for (direction, &amount) in (0u32..).zip(moved).filter(|(_, amount)| **amount > 0) {
        let first = arcs[directions.arcs(direction)[0] as usize];
        let hop = Move { label: first.label, tail: first.tail, head: first.head };
        let worth = u64::try_from(amount).ok();
        let worth = worth.and_then(|amount| directions.worth(arcs, scores, direction, amount));
        sum += worth.ok_or(ClaimError::OverCapacity { hop })?;
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::solve;
    use super::*;

    fn arc(tail: u32, head: u32, capacity_msat: u64, value_ppm: i64, label: u64) -> ResidualArc {
        ResidualArc { tail, head, capacity_msat, value_ppm, label }
    }

    const SCORES: [Score; 4] = [Score::ZERO; 4];

    /// A triangle, one of its channels with a second, worse piece.
    fn published() -> Vec<ResidualArc> {
        vec![
            arc(0, 1, 900, 10, 1),
            arc(1, 2, 700, 10, 2),
            arc(2, 0, 500, 8, 3),
            arc(2, 0, 900, -5, 3),
        ]
    }

    fn claimed(amount_msat: u64) -> ClaimedCycle {
        let hop = |label, tail, head| Move { label, tail, head };
        ClaimedCycle { moves: vec![hop(1, 0, 1), hop(2, 1, 2), hop(3, 2, 0)], amount_msat }
    }

    /// The optimum: 500 at 28 and 200 at 15.
    fn claim() -> Claim {
        let best = solve(3, &published(), &SCORES).unwrap();
        Claim { potentials: best.potentials, value: 17_000, bound: 17_000 }
    }

    fn check(cycles: &[ClaimedCycle], claim: &Claim) -> Result<i128, ClaimError> {
        check_claim(3, &published(), &SCORES, cycles, claim)
    }

    #[test]
    fn an_optimum_has_no_gap_however_it_is_cut() {
        assert_eq!(check(&[claimed(700)], &claim()), Ok(0));
        assert_eq!(check(&[claimed(300), claimed(400)], &claim()), Ok(0));
    }

    #[test]
    fn a_lesser_plan_states_its_gap() {
        let claim = Claim { value: 500 * 28, ..claim() };
        assert_eq!(check(&[claimed(500)], &claim), Ok(3_000));
        let nothing = Claim { value: 0, ..claim };
        assert_eq!(check(&[], &nothing), Ok(17_000));
    }

    #[test]
    fn every_perturbation_is_refused_by_name() {
        let good = claim();
        let value = |stated, found| Err(ClaimError::Value { stated, found });
        assert_eq!(check(&[claimed(699)], &good), value(17_000, 17_000 - 15));
        assert_eq!(
            check(&[claimed(700)], &Claim { value: 17_001, ..claim() }),
            value(17_001, 17_000)
        );
        let over = Move { label: 2, tail: 1, head: 2 };
        assert_eq!(check(&[claimed(701)], &good), Err(ClaimError::OverCapacity { hop: over }));
        let bound = Claim { bound: 16_999, ..claim() };
        let refused = Err(ClaimError::Bound { stated: 16_999, found: 17_000 });
        assert_eq!(check(&[claimed(700)], &bound), refused);
        let mut prices = claim();
        prices.potentials[1] -= 3;
        assert!(matches!(check(&[claimed(700)], &prices), Err(ClaimError::Bound { .. })));
        prices.potentials.pop();
        assert!(matches!(check(&[claimed(700)], &prices), Err(ClaimError::Certificate(_))));
        assert_eq!(check(&[claimed(0)], &good), Err(ClaimError::Empty { cycle: 0 }));
        let mut broken = claimed(700);
        broken.moves.swap(0, 1);
        assert!(matches!(check(&[broken], &good), Err(ClaimError::Broken { cycle: 0, .. })));
        let mut unknown = claimed(700);
        unknown.moves[1].label = 3;
        let hop = unknown.moves[1];
        assert_eq!(check(&[unknown], &good), Err(ClaimError::Unpublished { cycle: 0, hop }));
        let mut twice = claimed(300);
        twice.moves.extend(claimed(300).moves);
        assert_eq!(check(&[twice], &good), Err(ClaimError::NodeTwice { cycle: 0, node: 0 }));
    }
}

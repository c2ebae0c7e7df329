//! The check that a claimed circulation is optimal for published arcs, in one pass.
//!
//! It must never trust the claim or panic on it: lengths, indices and magnitudes are the
//! claimant's, so everything is checked and added in 128 bits. It proves nothing about the arcs
//! themselves, only that no circulation of *these* arcs is worth more.

use thiserror::Error;

use super::{ResidualArc, net_cost, net_gains};
use crate::score::Score;

/// What is wrong with a claimed optimum: the first violation, by arc or by node.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CertificateError {
    /// A list is not as long as it must be.
    #[error("{list} has {found} entries, not {wanted}")]
    Length {
        /// Which list: `scores`, `flows` or `potentials`.
        list: &'static str,
        /// The entries it should have.
        wanted: usize,
        /// The entries it has.
        found: usize,
    },
    /// An arc names a node that does not exist.
    #[error("arc {arc} names node {node}, which does not exist")]
    NodeOutOfRange {
        /// The arc.
        arc: u32,
        /// The node.
        node: u32,
    },
    /// An arc carries more than it can.
    #[error("arc {arc} carries more than its capacity")]
    OverCapacity {
        /// The arc.
        arc: u32,
    },
    /// An arc could carry more and each msat more would gain.
    #[error("arc {arc} has room left and would gain {gain_ppm} ppm")]
    Underused {
        /// The arc.
        arc: u32,
        /// What more would gain at the claimed prices.
        gain_ppm: i128,
    },
    /// An arc carries something and each msat less would gain.
    #[error("arc {arc} carries flow at a loss of {loss_ppm} ppm")]
    Overused {
        /// The arc.
        arc: u32,
        /// What it loses at the claimed prices.
        loss_ppm: i128,
    },
    /// The bound does not fit 128 bits.
    #[error("the bound leaves 128 bits at arc {arc}")]
    BoundRange {
        /// The arc.
        arc: u32,
    },
    /// A node does not send on what it receives.
    #[error("node {node} receives {surplus_msat} msat more than it sends")]
    NotConserved {
        /// The node.
        node: u32,
        /// Received less sent, in msat.
        surplus_msat: i128,
    },
}

/// Checks in linear time that `flows_msat` is a circulation within the capacities and that
/// `potentials` prove it optimal (complementary slackness). A different plan passes only if it is
/// worth exactly as much. What both directions of a channel claim to gain is netted first, as
/// [`super::solve`] does.
///
/// # Errors
/// The first violation found: lists, then arcs in order, then nodes in order.
pub fn certify(
    nodes: u32,
    arcs: &[ResidualArc],
    scores: &[Score],
    flows_msat: &[u64],
    potentials: &[i64],
) -> Result<(), CertificateError> {
    length("scores", arcs.len(), scores.len())?;
    length("flows", arcs.len(), flows_msat.len())?;
    length("potentials", nodes as usize, potentials.len())?;
    let arcs = &*net_gains(arcs);
    let mut surplus_msat = vec![0i128; potentials.len()];
    for (index, ((arc, &score), &flow)) in (0u32..).zip(arcs.iter().zip(scores).zip(flows_msat)) {
        let price = |node: u32| {
            let missing = CertificateError::NodeOutOfRange { arc: index, node };
            potentials.get(node as usize).map(|&price| i128::from(price)).ok_or(missing)
        };
        let reduced = net_cost(arc, score) + price(arc.tail)? - price(arc.head)?;
        if flow > arc.capacity_msat {
            return Err(CertificateError::OverCapacity { arc: index });
        }
        if reduced < 0 && flow < arc.capacity_msat {
            return Err(CertificateError::Underused { arc: index, gain_ppm: -reduced });
        }
        if reduced > 0 && flow > 0 {
            return Err(CertificateError::Overused { arc: index, loss_ppm: reduced });
        }
        surplus_msat[arc.tail as usize] -= i128::from(flow);
        surplus_msat[arc.head as usize] += i128::from(flow);
    }
    match (0u32..).zip(surplus_msat).find(|&(_, surplus)| surplus != 0) {
        Some((node, surplus_msat)) => Err(CertificateError::NotConserved { node, surplus_msat }),
        None => Ok(()),
    }
}

/// The most that any circulation of `arcs` can be worth, as `potentials` prove it, in millionths of
/// a msat: the sum over all arcs of the capacity times what the arc gains at those prices. Any
/// potentials give a bound; those of the optimum give the optimum.
///
/// # Errors
/// Lists of the wrong length, a node that does not exist, or a bound beyond 128 bits.
pub fn dual_bound(
    nodes: u32,
    arcs: &[ResidualArc],
    scores: &[Score],
    potentials: &[i64],
) -> Result<i128, CertificateError> {
    length("scores", arcs.len(), scores.len())?;
    length("potentials", nodes as usize, potentials.len())?;
    let mut bound = 0i128;
    for (index, (arc, &score)) in (0u32..).zip(net_gains(arcs).iter().zip(scores)) {
        let price = |node: u32| {
            let missing = CertificateError::NodeOutOfRange { arc: index, node };
            potentials.get(node as usize).map(|&price| i128::from(price)).ok_or(missing)
        };
        let reduced = net_cost(arc, score) + price(arc.tail)? - price(arc.head)?;
        let most = (-reduced.min(0)).checked_mul(i128::from(arc.capacity_msat));
        let sum = most.and_then(|most| bound.checked_add(most));
        bound = sum.ok_or(CertificateError::BoundRange { arc: index })?;
    }
    Ok(bound)
}

fn length(list: &'static str, wanted: usize, found: usize) -> Result<(), CertificateError> {
    if wanted == found { Ok(()) } else { Err(CertificateError::Length { list, wanted, found }) }
}

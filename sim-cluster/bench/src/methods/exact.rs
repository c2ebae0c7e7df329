//! The exact optimum, proven: the yardstick, and a leader that is told every balance.
//!
//! An answer without a valid certificate must never become a row.

use super::{REPORT_BYTES, applied, leader_cost, lengths};
use crate::BenchError;
use crate::method::{Method, Outcome};
use crate::states::{Demands, State};
use debal_planner::circulation::{Circulation, ResidualArc, certify, solve};
use debal_planner::cycles::{Limits, decompose};
use debal_planner::score::Score;

/// The exact circulation among channels that want it, or with all channels helping.
#[derive(Debug, Clone, Copy)]
pub struct Exact {
    /// Whether channels may move away from their targets for others.
    pub helpers: bool,
}

/// The optimum of `arcs` with its certificate checked.
///
/// # Errors
/// What the solver refuses; a certificate that does not hold.
pub fn optimum(nodes: u32, arcs: &[ResidualArc]) -> Result<Circulation, BenchError> {
    let free = vec![Score::ZERO; arcs.len()];
    let best = solve(nodes, arcs, &free)?;
    certify(nodes, arcs, &free, &best.flows_msat, &best.potentials)?;
    Ok(best)
}

impl Method for Exact {
    fn name(&self) -> String {
        if self.helpers { "exact, helpers" } else { "exact" }.to_owned()
    }

    fn settle(&self, state: &State, _seed: u64) -> Result<Outcome, BenchError> {
        let arcs = if self.helpers { state.with_helpers() } else { state.demands() };
        let best = optimum(state.nodes, &arcs)?;
        let free = vec![Score::ZERO; arcs.len()];
        let limits = Limits { max_hops: u32::MAX, min_amount_msat: 1, max_cycles: usize::MAX };
        let cut = decompose(state.nodes, &arcs, &free, &best.flows_msat, &limits)?;
        let cycles = lengths(&cut.cycles);
        let report_bytes = state.channels.len() as u64 * 2 * REPORT_BYTES;
        let cost = leader_cost(state.nodes, report_bytes, &cycles);
        Ok(Outcome { held_msat: applied(state, &arcs, &best.flows_msat), cycles, cost })
    }
}

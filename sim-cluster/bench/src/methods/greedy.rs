//! Greedy cycles with full knowledge: the shortest cycle that every hop gains from, as much as it
//! carries, again and again.
//!
//! It must never take a cycle that a hop loses by.

use super::{REPORT_BYTES, applied, leader_cost, lengths};
use crate::BenchError;
use crate::method::{Method, Outcome};
use crate::states::State;
use debal_planner::cycles::{Limits, strip};

/// Cycles of at most so many hops.
#[derive(Debug, Clone, Copy)]
pub struct Greedy {
    /// Most hops; none for no limit.
    pub hops: Option<u32>,
}

impl Method for Greedy {
    fn name(&self) -> String {
        self.hops.map_or_else(|| "greedy".to_owned(), |hops| format!("greedy <= {hops}"))
    }

    fn settle(&self, state: &State, _seed: u64) -> Result<Outcome, BenchError> {
        let arcs = state.demands();
        let wanted: Vec<u64> = arcs.iter().map(|arc| arc.capacity_msat).collect();
        let max_hops = self.hops.unwrap_or(u32::MAX);
        let limits = Limits { max_hops, min_amount_msat: 1_000, max_cycles: usize::MAX };
        let (cycles, left) = strip(state.nodes, &arcs, &wanted, &limits)?;
        let moved: Vec<u64> = wanted.iter().zip(left).map(|(all, left)| all - left).collect();
        let cycles = lengths(&cycles);
        let report_bytes = state.channels.len() as u64 * 2 * REPORT_BYTES;
        let cost = leader_cost(state.nodes, report_bytes, &cycles);
        Ok(Outcome { held_msat: applied(state, &arcs, &moved), cycles, cost })
    }
}

//! Greedy cycles with full knowledge: the shortest cycle that every hop gains from, as much as it
//! carries, again and again.
//!
//! It must never take a cycle that a hop loses by.

use super::{REPORT_BYTES, applied, leader_cost, lengths};
use crate::BenchError;
use crate::method::{Method, Outcome};
use crate::states::{Demands, State};
use debal_planner::circulation::ResidualArc;
use debal_planner::cycles::{Limits, strip};

/// Cycles of at most so many hops.
#[derive(Debug, Clone, Copy)]
pub struct Greedy {
    /// Most hops; none for no limit.
    pub hops: Option<u32>,
    /// Only channels whose smaller side is below this share; none for all.
    pub under: Option<f64>,
}

impl Method for Greedy {
    fn name(&self) -> String {
        let all = self.hops.map_or_else(|| "greedy".to_owned(), |hops| format!("greedy <= {hops}"));
        if self.under.is_some() { format!("{all}, < theta") } else { all }
    }

    fn settle(&self, state: &State, _seed: u64) -> Result<Outcome, BenchError> {
        let mut arcs = state.demands();
        if let Some(theta) = self.under {
            let healthy = |arc: &ResidualArc| {
                let channel = &state.channels[arc.label as usize];
                let least = channel.holds(0).min(channel.holds(1));
                least as f64 >= theta * channel.capacity_msat as f64
            };
            arcs.retain(|arc| !healthy(arc));
        }
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

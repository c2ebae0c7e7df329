//! The methods. What they share: turning amounts on arcs into balances, and counting messages.
//!
//! Counting rule, the same for all: only what it takes to agree on amounts counts, not the
//! execution of cycles. A leader's method costs a report from every node and an answer to every
//! node; a report is [`REPORT_BYTES`] for each channel end it tells about (or its bits), an
//! answer [`HOP_BYTES`] for each hop of a cycle the node takes part in.

pub mod exact;
pub mod greedy;
pub mod local;
pub mod operators;
pub mod prices;
pub mod revive;
pub mod summaries;
pub mod swaps;

use crate::method::{Cost, Method, Outcome};
use crate::states::State;
use debal_planner::circulation::ResidualArc;
use debal_planner::cycles::Cycle;

/// A channel end in a report: channel 8, amount 8.
pub const REPORT_BYTES: u64 = 16;
/// A hop in an answer: channel 8, amount 8, cycle 4.
pub const HOP_BYTES: u64 = 20;

/// Balances after `moved_msat` went over `arcs`, whose labels are the channels.
#[must_use]
pub fn applied(state: &State, arcs: &[ResidualArc], moved_msat: &[u64]) -> Vec<u64> {
    let mut held: Vec<u64> = state.channels.iter().map(|channel| channel.held_msat).collect();
    for (arc, &moved) in arcs.iter().zip(moved_msat) {
        let index = arc.label as usize;
        let pays = state.channels[index].ends[0] == arc.tail;
        held[index] = if pays { held[index] - moved } else { held[index] + moved };
    }
    held
}

/// Hops and amount of every cycle.
#[must_use]
pub fn lengths(cycles: &[Cycle]) -> Vec<(u32, u64)> {
    cycles.iter().map(|cycle| (cycle.arcs.len() as u32, cycle.amount_msat)).collect()
}

/// What a leader costs that `reports` channel ends of `report_bytes` each are told to.
#[must_use]
pub fn leader_cost(nodes: u32, report_bytes: u64, cycles: &[(u32, u64)]) -> Cost {
    let hops: u64 = cycles.iter().map(|(hops, _)| u64::from(*hops)).sum();
    // Every hop is told to both of its ends.
    let bytes = report_bytes + hops * 2 * HOP_BYTES;
    Cost { rounds: 2, messages: u64::from(nodes) * 2, bytes, ..Cost::default() }
}

/// Nothing is done.
#[derive(Debug, Clone, Copy)]
pub struct Nothing;

impl Method for Nothing {
    fn name(&self) -> String {
        "none".to_owned()
    }

    fn settle(&self, state: &State, _seed: u64) -> Result<Outcome, crate::BenchError> {
        let held_msat = state.channels.iter().map(|channel| channel.held_msat).collect();
        Ok(Outcome { held_msat, ..Outcome::default() })
    }
}

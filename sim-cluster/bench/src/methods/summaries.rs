//! A leader that is told balances only by buckets, and the hybrid: its potentials start the price
//! rounds, private balances finish them.
//!
//! Nothing but the bucket may leave a channel on the way to the leader.

use super::prices::{Drawn, run};
use super::{applied, leader_cost, lengths};
use crate::BenchError;
use crate::method::{Method, Outcome};
use crate::methods::exact::optimum;
use crate::states::{Aims, Channel, Demands, State};
use debal_planner::circulation::ResidualArc;
use debal_planner::cycles::{Limits, decompose};
use debal_planner::prices::{FRACTION_BITS, Rounds};
use debal_planner::score::Score;

/// The exact circulation of what the buckets guarantee.
#[derive(Debug, Clone, Copy)]
pub struct Summaries {
    /// Bits of the bucket of a channel's local share.
    pub bits: u32,
}

/// Price rounds that start at the potentials of the leader's plan from buckets.
#[derive(Debug, Clone)]
pub struct Hybrid {
    /// Bits of the bucket of a channel's local share.
    pub bits: u32,
    /// Rounds that follow.
    pub rounds: u32,
}

/// The most and the middle of what a bucket of the local share says about a demand: the least that
/// every balance in it would move, and half a bucket more.
fn bucketed(channel: &Channel, bits: u32) -> (u64, u64) {
    let width = (channel.capacity_msat >> bits).max(1);
    let least = channel.demand_msat() / width * width;
    (least, (least + width / 2).min(channel.capacity_msat / 2))
}

fn with_demands(state: &State, demand: impl Fn(&Channel) -> u64) -> Vec<ResidualArc> {
    let arcs = state.demands().into_iter().zip(&state.channels);
    arcs.map(|(arc, channel)| ResidualArc { capacity_msat: demand(channel), ..arc }).collect()
}

/// Bytes of all nodes' reports: the id of a channel and its bucket, from both ends.
fn report_bytes(state: &State, bits: u32) -> u64 {
    state.channels.len() as u64 * 2 * (64 + u64::from(bits)).div_ceil(8)
}

impl Method for Summaries {
    fn name(&self) -> String {
        format!("leader, {} bits", self.bits)
    }

    fn settle(&self, state: &State, _seed: u64) -> Result<Outcome, BenchError> {
        let arcs = with_demands(state, |channel| bucketed(channel, self.bits).0);
        let best = optimum(state.nodes, &arcs)?;
        let free = vec![Score::ZERO; arcs.len()];
        let limits = Limits { max_hops: u32::MAX, min_amount_msat: 1, max_cycles: usize::MAX };
        let cut = decompose(state.nodes, &arcs, &free, &best.flows_msat, &limits)?;
        let cycles = lengths(&cut.cycles);
        let cost = leader_cost(state.nodes, report_bytes(state, self.bits), &cycles);
        Ok(Outcome { held_msat: applied(state, &arcs, &best.flows_msat), cycles, cost })
    }
}

impl Method for Hybrid {
    fn name(&self) -> String {
        format!("hybrid {}, {} bits", self.rounds, self.bits)
    }

    fn settle(&self, state: &State, seed: u64) -> Result<Outcome, BenchError> {
        let guessed = with_demands(state, |channel| bucketed(channel, self.bits).1);
        let prices = optimum(state.nodes, &guessed)?.potentials;
        let start = prices.into_iter().map(|price| price << FRACTION_BITS).collect();
        let rounds = Rounds { start, ..Rounds::of(self.rounds) };
        let calm = &mut Drawn::new(seed, 0.0, 0.0);
        let mut outcome = run(state, &state.demands(), &rounds, false, calm)?;
        // The reports, and one potential to every node and from it to its neighbours' view.
        outcome.cost.messages += u64::from(state.nodes) * 2;
        outcome.cost.bytes += report_bytes(state, self.bits) + u64::from(state.nodes) * 8;
        outcome.cost.rounds += 2;
        Ok(outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_never_promises_more_than_there_is() {
        for held_msat in 0..=1_000 {
            let channel = Channel { ends: [0, 1], capacity_msat: 1_000, held_msat };
            for bits in 2..=4 {
                let (least, middle) = bucketed(&channel, bits);
                assert!(least <= channel.demand_msat(), "{held_msat} at {bits} bits");
                assert!(middle <= 500 && middle >= least);
            }
        }
    }
}

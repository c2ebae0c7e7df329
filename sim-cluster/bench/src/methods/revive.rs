//! Revive (Khalil and Gervais): the linear program of its leader, solved exactly for every group
//! of participants by itself.
//!
//! A channel that leaves its group is never moved.

use super::{REPORT_BYTES, applied, leader_cost, lengths};
use crate::BenchError;
use crate::method::{Method, Outcome};
use crate::methods::exact::optimum;
use crate::states::{Demands, State};
use debal_planner::circulation::ResidualArc;
use debal_planner::cycles::{Limits, decompose};
use debal_planner::score::Score;
use debal_topology::random;
use rand::seq::SliceRandom;

/// Groups of neighbouring nodes, one leader each, one round.
#[derive(Debug, Clone, Copy)]
pub struct Revive {
    /// Nodes of a group.
    pub group: usize,
}

impl Method for Revive {
    fn name(&self) -> String {
        format!("Revive, groups of {}", self.group)
    }

    fn settle(&self, state: &State, seed: u64) -> Result<Outcome, BenchError> {
        let groups = self.groups(state, seed);
        let same = |arc: &ResidualArc| groups[arc.tail as usize] == groups[arc.head as usize];
        let arcs: Vec<ResidualArc> = state.demands().into_iter().filter(same).collect();
        // The groups share no channel: their programs are one program.
        let best = optimum(state.nodes, &arcs)?;
        let free = vec![Score::ZERO; arcs.len()];
        let limits = Limits { max_hops: u32::MAX, min_amount_msat: 1, max_cycles: usize::MAX };
        let cut = decompose(state.nodes, &arcs, &free, &best.flows_msat, &limits)?;
        let cycles = lengths(&cut.cycles);
        let cost = leader_cost(state.nodes, arcs.len() as u64 * 2 * REPORT_BYTES, &cycles);
        Ok(Outcome { held_msat: applied(state, &arcs, &best.flows_msat), cycles, cost })
    }
}

impl Revive {
    /// A group for every node: from a node drawn anew, the nearest that have none yet.
    fn groups(&self, state: &State, seed: u64) -> Vec<usize> {
        let channels_of = state.channels_of();
        let mut order: Vec<u32> = (0..state.nodes).collect();
        order.shuffle(&mut random::stream(seed, "groups", 0));
        let mut groups = vec![usize::MAX; state.nodes as usize];
        for (group, start) in order.into_iter().enumerate() {
            if groups[start as usize] != usize::MAX {
                continue;
            }
            let mut members = vec![start];
            groups[start as usize] = group;
            let mut next = 0;
            while let Some(&node) = members.get(next) {
                next += 1;
                for &channel in &channels_of[node as usize] {
                    for other in state.channels[channel as usize].ends {
                        if members.len() < self.group && groups[other as usize] == usize::MAX {
                            groups[other as usize] = group;
                            members.push(other);
                        }
                    }
                }
            }
        }
        groups
    }
}

//! Pickhardt and Nowostawski's local greedy rebalancing (arXiv 1912.09555): a node sends what one
//! of its channels holds above the node's mean share around a cycle into a channel below it;
//! every node on the way must gain in the same sense.
//!
//! A hop that would move a channel past a node's mean share is never taken.

use super::applied;
use crate::BenchError;
use crate::method::{Cost, Method, Outcome};
use crate::states::{Aims, State};
use debal_planner::circulation::ResidualArc;
use debal_topology::random;
use debal_train::world::search::Search;
use rand::seq::SliceRandom;

/// Most hops of a cycle.
const MAX_HOPS: u32 = 20;
/// Bytes of a question or an answer on the way: cycle 4, channel 8, amount 8.
const QUESTION_BYTES: u64 = 20;

/// Their greedy cycles until no node finds another.
#[derive(Debug, Clone, Copy)]
pub struct Local;

impl Method for Local {
    fn name(&self) -> String {
        "local greedy".to_owned()
    }

    fn settle(&self, state: &State, seed: u64) -> Result<Outcome, BenchError> {
        let arcs = demands(state);
        let ends: Vec<(u32, u32)> = arcs.iter().map(|arc| (arc.tail, arc.head)).collect();
        let mut left: Vec<u64> = arcs.iter().map(|arc| arc.capacity_msat).collect();
        let mut order: Vec<u32> = (0u32..).take(arcs.len()).collect();
        order.shuffle(&mut random::stream(seed, "local greedy", 0));
        let mut search = Search::new(state.nodes, &ends);
        let (mut cycles, mut cost) = (Vec::new(), Cost::default());
        for first in order {
            let (tail, head) = ends[first as usize];
            while left[first as usize] > 0 {
                let usable = |arc: u32| left[arc as usize] > 0;
                let Some(mut path) = search.path(head, tail, MAX_HOPS - 1, &ends, usable) else {
                    break;
                };
                path.push(first);
                let carried = path.iter().map(|&arc| left[arc as usize]).min().unwrap_or(0);
                for &arc in &path {
                    left[arc as usize] -= carried;
                }
                // Every hop is asked and answers.
                cost.messages += path.len() as u64 * 2;
                cycles.push((path.len() as u32, carried));
            }
        }
        cost.rounds = cycles.len() as u64;
        cost.bytes = cost.messages * QUESTION_BYTES;
        let moved: Vec<u64> =
            arcs.iter().zip(left).map(|(arc, left)| arc.capacity_msat - left).collect();
        Ok(Outcome { held_msat: applied(state, &arcs, &moved), cycles, cost })
    }
}

/// What brings both ends of a channel nearer to their nodes' mean shares, in whole satoshis.
fn demands(state: &State) -> Vec<ResidualArc> {
    let mut owned = vec![(0u128, 0u128); state.nodes as usize];
    for channel in &state.channels {
        for (which, end) in channel.ends.into_iter().enumerate() {
            let (holds, capacity) = &mut owned[end as usize];
            *holds += u128::from(channel.holds(which));
            *capacity += u128::from(channel.capacity_msat);
        }
    }
    let fair = |node: u32, capacity_msat: u64| {
        let (holds, capacity) = owned[node as usize];
        let share = u128::from(capacity_msat) * holds / capacity.max(1);
        u64::try_from(share).unwrap_or(capacity_msat)
    };
    let mut arcs = Vec::new();
    for (label, channel) in (0u64..).zip(&state.channels) {
        for from in [0, 1] {
            let (tail, head) = (channel.ends[from], channel.ends[1 - from]);
            let above = channel.holds(from).saturating_sub(fair(tail, channel.capacity_msat));
            let below = fair(head, channel.capacity_msat).saturating_sub(channel.holds(1 - from));
            let capacity_msat = above.min(below) / 1_000 * 1_000;
            if capacity_msat > 0 {
                let value_ppm = channel.value_ppm();
                arcs.push(ResidualArc { tail, head, capacity_msat, value_ppm, label });
            }
        }
    }
    arcs
}

//! The likeliest way by what a row says, and whether it carries.
//!
//! A sender knows its own channels' balances, whatever the row; of the others it must never use
//! more than the weights it was given.

use debal_learn::arcs::Graph;
use debal_planner::score::micronats_from_probability;
use debal_train::arcs::score::holds;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// What a hop costs beside its unreliability: of equally likely ways the shorter one.
const HOP_MICRONATS: u64 = 1;

/// A node as one side of a search has it.
#[derive(Debug, Clone, Copy, Default)]
struct Mark {
    /// The search that reached it.
    turn: u32,
    cost: u64,
    /// The arc it was reached by.
    arc: u32,
}

/// A graph, its balances, and what its arcs cost.
#[derive(Debug)]
pub struct Router<'a> {
    graph: &'a Graph,
    held_msat: &'a [u64],
    /// Micronats per arc; none where it cannot be.
    weights: Vec<Option<u64>>,
    /// Per side (from the sender, towards the recipient) and node.
    marks: [Vec<Mark>; 2],
    turn: u32,
}

impl<'a> Router<'a> {
    /// Over a graph with these balances at end 0 of its channels.
    pub fn new(graph: &'a Graph, held_msat: &'a [u64]) -> Self {
        let marks = vec![Mark::default(); graph.nodes()];
        Self { graph, held_msat, weights: Vec::new(), marks: [marks.clone(), marks], turn: 0 }
    }

    /// Takes the probabilities of all arcs.
    pub fn weigh(&mut self, chance: impl Fn(usize) -> f64) {
        let weight = |arc: usize| {
            let chance = chance(arc);
            // What rounds to nothing in 32 bits cannot be.
            if chance < 2f64.powi(-32) { None } else { micronats_from_probability(chance) }
        };
        self.weights = (0..self.graph.arcs()).map(weight).collect();
    }

    fn holds(&self, arc: usize) -> u64 {
        holds(self.graph, self.held_msat, arc)
    }

    /// Whether the likeliest way from one node to another carries the amount.
    pub fn sends(&mut self, from: u32, to: u32, amount_msat: u64) -> bool {
        match self.path(from, to, amount_msat) {
            Some(path) => path.iter().all(|arc| self.holds(*arc) >= amount_msat),
            None => false,
        }
    }

    /// What an arc costs a sender, who knows its own.
    fn weight(&self, arc: usize, from: u32, amount_msat: u64) -> Option<u64> {
        let weight = if self.graph.tail(arc) == from as usize {
            (self.holds(arc) >= amount_msat).then_some(0)
        } else {
            self.weights[arc]
        };
        Some(weight? + HOP_MICRONATS)
    }

    /// Dijkstra from both ends; it is done when no way over nodes still waiting could cost less.
    fn path(&mut self, from: u32, to: u32, amount_msat: u64) -> Option<Vec<usize>> {
        self.turn += 1;
        let turn = self.turn;
        let mut heaps = [from, to].map(|node| BinaryHeap::from([Reverse((0_u64, node))]));
        for (marks, node) in self.marks.iter_mut().zip([from, to]) {
            marks[node as usize] = Mark { turn, cost: 0, arc: u32::MAX };
        }
        let (mut best, mut meeting) = (u64::MAX, None);
        while let [Some(Reverse(one)), Some(Reverse(two))] = [heaps[0].peek(), heaps[1].peek()] {
            if one.0.saturating_add(two.0) >= best {
                break;
            }
            let side = usize::from(heaps[1].len() < heaps[0].len());
            let Some(Reverse((cost, node))) = heaps[side].pop() else { break };
            if cost > self.marks[side][node as usize].cost {
                continue;
            }
            for &leaving in self.graph.leaving(node as usize) {
                // Towards the recipient a node is reached by the arc that enters it.
                let arc = if side == 0 { leaving as usize } else { leaving as usize ^ 1 };
                let Some(weight) = self.weight(arc, from, amount_msat) else { continue };
                let other = self.graph.head(leaving as usize);
                let sum = cost + weight;
                let mark = &mut self.marks[side][other];
                if mark.turn == turn && mark.cost <= sum {
                    continue;
                }
                *mark = Mark { turn, cost: sum, arc: arc as u32 };
                heaps[side].push(Reverse((sum, other as u32)));
                let met = self.marks[1 - side][other];
                if met.turn == turn && sum + met.cost < best {
                    (best, meeting) = (sum + met.cost, Some(other));
                }
            }
        }
        meeting.map(|node| self.joined(node))
    }

    /// The way over the node at which both sides met.
    fn joined(&self, meeting: usize) -> Vec<usize> {
        let (mut path, mut node) = (Vec::new(), meeting);
        while self.marks[0][node].arc != u32::MAX {
            let arc = self.marks[0][node].arc as usize;
            path.push(arc);
            node = self.graph.tail(arc);
        }
        path.reverse();
        node = meeting;
        while self.marks[1][node].arc != u32::MAX {
            let arc = self.marks[1][node].arc as usize;
            path.push(arc);
            node = self.graph.head(arc);
        }
        path
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use debal_learn::arcs::Channel;

    #[test]
    fn the_likelier_way_is_taken_and_only_the_first_hop_is_known() {
        let channel = |ends| Channel { ends, capacity_msat: 100, fees: [None; 2] };
        let channels = [[0, 1], [1, 3], [0, 2], [2, 3]].map(channel);
        let graph = Graph::new(4, channels.to_vec()).unwrap();
        let likely = |over: usize| move |arc: usize| if arc / 2 == over { 0.9 } else { 0.5 };
        let sends = |held: [u64; 4], over: usize| {
            let mut router = Router::new(&graph, &held);
            router.weigh(likely(over));
            router.sends(0, 3, 40)
        };
        assert!(sends([50, 50, 50, 0], 1) && !sends([50, 0, 50, 50], 1));
        assert!(sends([50, 0, 50, 50], 3));
        // Its own channel is empty: it goes the other way whatever is said.
        assert!(sends([0, 50, 50, 50], 1));
    }

    #[test]
    fn both_ends_find_what_one_end_finds() {
        let mut state = 1_u64;
        let mut draw = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % below
        };
        for _ in 0..200 {
            let channels: Vec<Channel> = (0..24)
                .map(|_| Channel {
                    ends: [draw(10) as u32, draw(10) as u32],
                    capacity_msat: 100,
                    fees: [None; 2],
                })
                .filter(|channel| channel.ends[0] != channel.ends[1])
                .collect();
            let graph = Graph::new(10, channels).unwrap();
            let held: Vec<u64> = graph.channels().iter().map(|_| draw(100)).collect();
            let chances: Vec<f64> =
                (0..graph.arcs()).map(|_| draw(5) as f64 / 5.0 + 0.05).collect();
            let mut router = Router::new(&graph, &held);
            router.weigh(|arc| chances[arc]);
            // Bellman and Ford.
            let mut cost = [u64::MAX; 10];
            cost[0] = 0;
            for _ in 0..10 {
                for arc in 0..graph.arcs() {
                    let Some(weight) = router.weight(arc, 0, 40) else { continue };
                    let sum = cost[graph.tail(arc)].saturating_add(weight);
                    cost[graph.head(arc)] = cost[graph.head(arc)].min(sum);
                }
            }
            for to in 1..10 {
                let path = router.path(0, to, 40);
                let found = path.map(|path| {
                    let weights = path.iter().map(|arc| router.weight(*arc, 0, 40).unwrap());
                    weights.sum::<u64>()
                });
                assert_eq!(found.unwrap_or(u64::MAX), cost[to as usize]);
            }
        }
    }
}

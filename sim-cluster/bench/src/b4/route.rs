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

/// A graph, its balances, and what its arcs cost.
#[derive(Debug)]
pub struct Router<'a> {
    graph: &'a Graph,
    held_msat: &'a [u64],
    /// Micronats per arc; none where it cannot be.
    weights: Vec<Option<u64>>,
    /// Per node: the search that reached it, what that cost, the arc it came by, whether done.
    marks: Vec<(u32, u64, u32, bool)>,
    turn: u32,
}

impl<'a> Router<'a> {
    /// Over a graph with these balances at end 0 of its channels.
    pub fn new(graph: &'a Graph, held_msat: &'a [u64]) -> Self {
        let marks = vec![(0, 0, 0, false); graph.nodes()];
        Self { graph, held_msat, weights: Vec::new(), marks, turn: 0 }
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

    fn path(&mut self, from: u32, to: u32, amount_msat: u64) -> Option<Vec<usize>> {
        self.turn += 1;
        let turn = self.turn;
        self.marks[from as usize] = (turn, 0, u32::MAX, false);
        let mut heap = BinaryHeap::from([Reverse((0_u64, from))]);
        while let Some(Reverse((cost, node))) = heap.pop() {
            if self.marks[node as usize].3 && self.marks[node as usize].0 == turn {
                continue;
            }
            self.marks[node as usize].3 = true;
            if node == to {
                return Some(self.back(from, to));
            }
            for &arc in self.graph.leaving(node as usize) {
                let index = arc as usize;
                let weight = if node == from {
                    (self.holds(index) >= amount_msat).then_some(0)
                } else {
                    self.weights[index]
                };
                let Some(weight) = weight else { continue };
                let other = self.graph.head(index);
                let sum = cost + weight + HOP_MICRONATS;
                let mark = self.marks[other];
                if mark.0 != turn || (!mark.3 && sum < mark.1) {
                    self.marks[other] = (turn, sum, arc, false);
                    heap.push(Reverse((sum, other as u32)));
                }
            }
        }
        None
    }

    fn back(&self, from: u32, to: u32) -> Vec<usize> {
        let (mut path, mut node) = (Vec::new(), to as usize);
        while node != from as usize {
            let arc = self.marks[node].2 as usize;
            path.push(arc);
            node = self.graph.tail(arc);
        }
        path.reverse();
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
}

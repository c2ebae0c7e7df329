//! A flow problem as a petgraph graph, and back.
//!
//! It must never reorder: node `i` is node index `i`, arc `i` is edge index `i`, both ways.

use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;

use crate::simplex::{Arc, Problem};

/// What an edge of the petgraph form carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    /// The most it can carry.
    pub capacity: i64,
    /// What one unit of flow costs.
    pub cost: i64,
}

/// The problem as a directed graph; node weights are supplies. Arcs that name no node, and supplies
/// beyond the number of nodes, are left out: neither can be said in a graph, and the solver refuses
/// both.
pub fn to_petgraph(problem: &Problem) -> DiGraph<i64, Edge> {
    let mut graph = DiGraph::with_capacity(problem.nodes as usize, problem.arcs.len());
    for node in 0..problem.nodes as usize {
        graph.add_node(problem.supplies.get(node).copied().unwrap_or(0));
    }
    let inside = |arc: &&Arc| arc.tail < problem.nodes && arc.head < problem.nodes;
    for arc in problem.arcs.iter().filter(inside) {
        let (tail, head) = (NodeIndex::new(arc.tail as usize), NodeIndex::new(arc.head as usize));
        graph.add_edge(tail, head, Edge { capacity: arc.capacity, cost: arc.cost });
    }
    graph
}

/// The problem that a directed graph states; its 32-bit indices are ours.
pub fn from_petgraph(graph: &DiGraph<i64, Edge>) -> Problem {
    let supplies: Vec<i64> = graph.node_weights().copied().collect();
    let arcs = graph
        .edge_references()
        .map(|edge| Arc {
            tail: edge.source().index() as u32,
            head: edge.target().index() as u32,
            capacity: edge.weight().capacity,
            cost: edge.weight().cost,
        })
        .collect();
    Problem { nodes: supplies.len() as u32, supplies, arcs }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_survives_the_way_there_and_back() {
        let problem = Problem {
            nodes: 3,
            supplies: vec![2, 0, -2],
            arcs: vec![
                Arc { tail: 0, head: 1, capacity: 2, cost: 5 },
                Arc { tail: 1, head: 2, capacity: 2, cost: -1 },
                Arc { tail: 0, head: 1, capacity: 1, cost: 4 },
            ],
        };
        assert_eq!(from_petgraph(&to_petgraph(&problem)), problem);
    }
}

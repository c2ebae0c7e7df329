//! Flow problems and networks as petgraph graphs, and back.
//!
//! It must never reorder or lose: node `i` is node index `i`, arc or edge `i` is edge index `i`,
//! both ways, and what goes there comes back equal.

use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;

use crate::network::{InputError, Link, Network, NetworkDefinition, Place};
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

/// What an edge of a network's petgraph form carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkEdge {
    /// Whether it was added automatically.
    pub auto: bool,
    /// The link. On the way back its ends are those of the edge, whatever names stand in it.
    pub link: Link,
}

/// The network as a directed graph: places are nodes, edges keep their numbers.
pub fn network_to_petgraph(network: &Network) -> DiGraph<Place, NetworkEdge> {
    let mut graph = DiGraph::with_capacity(network.places().len(), network.edges().len());
    for place in network.places() {
        graph.add_node(place.clone());
    }
    for edge in network.edges() {
        let (tail, head) = (NodeIndex::new(edge.tail as usize), NodeIndex::new(edge.head as usize));
        graph.add_edge(tail, head, NetworkEdge { auto: edge.auto, link: edge.link.clone() });
    }
    graph
}

/// The network that a directed graph states; nothing is added to it.
///
/// # Errors
/// As [`NetworkDefinition::build`]: the graph may have been changed on the way.
pub fn network_from_petgraph(graph: &DiGraph<Place, NetworkEdge>) -> Result<Network, InputError> {
    let places: Vec<Place> = graph.node_weights().cloned().collect();
    let name = |node: NodeIndex| graph[node].id.clone();
    let link = |edge: petgraph::graph::EdgeReference<'_, NetworkEdge>| Link {
        src: name(edge.source()),
        dest: name(edge.target()),
        ..edge.weight().link.clone()
    };
    let links = graph.edge_references().map(link).collect();
    let network = NetworkDefinition { places, links, auto_intra: false }.build()?;
    Ok(network.with_automatic(graph.edge_weights().map(|edge| edge.auto)))
}

#[cfg(test)]
#[allow(clippy::panic)]
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

    #[test]
    fn a_network_survives_the_way_there_and_back() {
        let place =
            |id: &str, hub: Option<&str>| Place { id: id.to_owned(), hub: hub.map(str::to_owned) };
        let link = |src: &str, dest: &str, tag: &str| Link {
            src: src.to_owned(),
            dest: dest.to_owned(),
            capacity: Some(7),
            min_amount: 2,
            transfer_limit: Some(5),
            tags: vec![tag.to_owned()],
            off: tag == "slow",
            ..Link::default()
        };
        let definition = NetworkDefinition {
            places: vec![place("@A", None), place("a", Some("@A")), place("@B", None)],
            links: vec![link("@A", "@B", "slow"), link("@A", "@B", "fast")],
            auto_intra: true,
        };
        let Ok(network) = definition.build() else { panic!("a sound definition") };
        let mut graph = network_to_petgraph(&network);
        assert_eq!((graph.node_count(), graph.edge_count()), (3, 4));
        assert_eq!(network_from_petgraph(&graph), Ok(network));
        let refused =
            graph.add_edge(0.into(), 0.into(), graph[petgraph::graph::EdgeIndex::new(3)].clone());
        assert_eq!(refused.index(), 4);
        assert!(network_from_petgraph(&graph).is_err(), "a link to itself");
    }
}

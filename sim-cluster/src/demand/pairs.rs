//! Who pays whom: circulating triples ("drift"), pairs that never circulate, or any pair.
//!
//! Drift demand is a circulation in expectation, so coordinated rebalancing can serve it for ever;
//! the pairs of the DAG share follow one fixed order of the nodes and no rebalancing by cycles can
//! serve them for ever. Neither may look at balances.

use crate::random::{self, Weighted};
use crate::topology::Graph;
use clap::ValueEnum;
use rand::Rng;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

/// Most triples, and pairs of the DAG share, per node (20,000 triples on 2,358 nodes in experiment
/// B2).
const RELATIONS_PER_NODE: usize = 8;
/// Ordered pairs of nodes per triple, at least: three pairs in thirty, a tenth, are used. With
/// more, as B2's number would give in a small network, both directions of most pairs are used and
/// nothing drifts. Networks above about 250 nodes get B2's number.
const PAIRS_PER_RELATION: usize = 30;
/// Fewest triples.
const LEAST_RELATIONS: usize = 3;
/// Shape of the weights of triples and pairs: a few dominate.
const WEIGHT_SHAPE: f64 = 1.2;

/// Pattern of the circulating part of demand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pattern {
    /// Random triples a -> b -> c -> a with heavy-tailed weights, ends drawn by the square root of
    /// node capacity.
    Drift,
    /// Uniform random pairs; rebalancing barely matters under it.
    Uniform,
}

/// A source of payer and recipient.
pub struct Pairs {
    nodes: usize,
    triples: Vec<[usize; 3]>,
    triple_weights: Weighted,
    chain: Vec<(usize, usize)>,
    chain_weights: Weighted,
    dag_share: f64,
}

impl Pairs {
    /// Draws the relations of one run.
    ///
    /// # Errors
    /// A text if the graph has too few nodes for the pattern.
    pub fn draw(
        graph: &Graph,
        pattern: Pattern,
        dag_share: f64,
        seed: u64,
    ) -> Result<Self, String> {
        let nodes = graph.nodes.len();
        let needed = if pattern == Pattern::Drift { 3 } else { 2 };
        if nodes < needed {
            return Err(format!(
                "this demand needs at least {needed} nodes, the graph has {nodes}"
            ));
        }
        #[allow(clippy::cast_precision_loss)]
        let roots = graph.node_capacities_sat().into_iter().map(|sat| (sat as f64).sqrt());
        let by_capacity = Weighted::new(roots);
        let sparse = nodes.saturating_mul(nodes - 1) / PAIRS_PER_RELATION;
        let count = nodes.saturating_mul(RELATIONS_PER_NODE).min(sparse).max(LEAST_RELATIONS);
        let mut rng = random::stream(seed, "triples", 0);
        let triples: Vec<[usize; 3]> = match pattern {
            Pattern::Drift => (0..count).map(|_| distinct(&by_capacity, nodes, &mut rng)).collect(),
            Pattern::Uniform => Vec::new(),
        };
        let triple_weights =
            Weighted::new(triples.iter().map(|_| random::pareto(&mut rng, WEIGHT_SHAPE)));
        let mut rng = random::stream(seed, "chain", 0);
        let mut rank: Vec<usize> = (0..nodes).collect();
        rank.shuffle(&mut rng);
        let chain: Vec<(usize, usize)> = (0..count)
            .map(|_| {
                let [a, b]: [usize; 2] = distinct(&by_capacity, nodes, &mut rng);
                if rank[a] < rank[b] { (a, b) } else { (b, a) }
            })
            .collect();
        let chain_weights =
            Weighted::new(chain.iter().map(|_| random::pareto(&mut rng, WEIGHT_SHAPE)));
        Ok(Self { nodes, triples, triple_weights, chain, chain_weights, dag_share })
    }

    /// Payer and recipient of the next payment.
    pub fn next(&self, rng: &mut impl Rng) -> (usize, usize) {
        if rng.random::<f64>() < self.dag_share {
            let pair = self.chain_weights.draw(rng).and_then(|index| self.chain.get(index));
            return pair.copied().unwrap_or((0, 1));
        }
        let triple = self.triple_weights.draw(rng).and_then(|index| self.triples.get(index));
        match triple {
            Some(triple) => {
                let leg = rng.random_range(0..3);
                (triple[leg], triple[(leg + 1) % 3])
            }
            None => {
                let from = rng.random_range(0..self.nodes);
                let to = rng.random_range(0..self.nodes - 1);
                (from, if to >= from { to + 1 } else { to })
            }
        }
    }
}

/// `N` different nodes drawn by weight. A draw that repeats too often is finished in node order, so
/// that one giant node cannot make this loop.
fn distinct<const N: usize>(weights: &Weighted, nodes: usize, rng: &mut impl Rng) -> [usize; N] {
    let mut chosen: Vec<usize> = Vec::with_capacity(N);
    for _ in 0..1_000 {
        if chosen.len() == N {
            break;
        }
        if let Some(node) = weights.draw(rng).filter(|node| !chosen.contains(node)) {
            chosen.push(node);
        }
    }
    let rest: Vec<usize> = (0..nodes).filter(|node| !chosen.contains(node)).collect();
    let mut all = chosen.into_iter().chain(rest);
    std::array::from_fn(|_| all.next().unwrap_or(0))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::topology::embedded;

    /// Net payments of each node after `count` draws.
    fn net(dag_share: f64, pattern: Pattern, count: i32) -> Vec<i32> {
        let graph = embedded().unwrap();
        let pairs = Pairs::draw(&graph, pattern, dag_share, 11).unwrap();
        let mut rng = random::stream(11, "test", 0);
        let mut net = vec![0; graph.nodes.len()];
        for _ in 0..count {
            let (from, to) = pairs.next(&mut rng);
            net[from] -= 1;
            net[to] += 1;
        }
        net
    }

    #[test]
    fn drift_demand_is_a_circulation_and_the_dag_share_is_not() {
        let largest = |net: Vec<i32>| net.into_iter().map(i32::abs).max().unwrap();
        assert!(largest(net(0.0, Pattern::Drift, 30_000)) < 600);
        assert!(largest(net(1.0, Pattern::Drift, 30_000)) > 3_000);
    }

    #[test]
    fn the_dag_share_has_no_circle() {
        let graph = embedded().unwrap();
        let pairs = Pairs::draw(&graph, Pattern::Uniform, 1.0, 3).unwrap();
        for (a, b) in &pairs.chain {
            assert!(!pairs.chain.contains(&(*b, *a)), "{a} {b}");
        }
    }

    #[test]
    fn a_small_network_has_few_triples_so_that_demand_has_a_direction() {
        let pairs = Pairs::draw(&embedded().unwrap(), Pattern::Drift, 0.0, 3).unwrap();
        assert_eq!((pairs.triples.len(), pairs.chain.len()), (4, 4));
    }

    #[test]
    fn a_graph_too_small_for_triples_is_refused() {
        let piece = crate::topology::cut(&embedded().unwrap(), 2, 1).unwrap();
        assert!(Pairs::draw(&piece, Pattern::Drift, 0.0, 1).is_err());
        assert!(Pairs::draw(&piece, Pattern::Uniform, 0.0, 1).is_ok());
    }
}

//! Cuts a connected piece of a wanted size out of a larger graph, by seed.
//!
//! The piece must never depend on hash order or file order beyond the node numbers.

use crate::Graph;
use crate::random;
use rand::Rng;
use std::collections::BTreeSet;

/// Steps of the walk per wanted node before it is started elsewhere.
const STEPS_PER_NODE: usize = 10_000;

/// Cuts `wanted` nodes out of `graph` with a Metropolis-Hastings random walk.
///
/// The walk runs over channels enabled both ways, inside the largest connected part, and, when that
/// is large enough, inside its 2-core (nodes with one neighbour can never be rebalanced in a
/// circle). Metropolis-Hastings accepts a step with probability `degree(here) / degree(there)`,
/// which keeps hubs from swallowing the piece. The piece has every channel between its nodes,
/// missing policies included. The same graph, size and seed give the same piece.
///
/// # Errors
/// A text that names the largest possible size when `wanted` is too large, or below 2.
pub fn cut(graph: &Graph, wanted: usize, seed: u64) -> Result<Graph, String> {
    if wanted < 2 {
        return Err(format!("a cluster needs at least 2 nodes, not {wanted}"));
    }
    let neighbours = graph.neighbours(crate::Channel::enabled_both_ways);
    let largest = largest_component(&neighbours, &(0..graph.nodes.len()).collect());
    if largest.len() < wanted {
        return Err(format!(
            "the largest part connected by channels enabled both ways has {} nodes, not {wanted}",
            largest.len()
        ));
    }
    let core = largest_component(&neighbours, &two_core(&neighbours, &largest));
    let arena = if core.len() >= wanted { core } else { largest };
    let mut piece = walk(&neighbours, &arena, wanted, seed);
    piece.sort_unstable();
    let mut cut = graph.induced(&piece);
    cut.source = format!("{}, piece of {wanted} nodes by walk, seed {seed}", graph.source);
    Ok(cut)
}

fn walk(
    neighbours: &[Vec<usize>],
    arena: &BTreeSet<usize>,
    wanted: usize,
    seed: u64,
) -> Vec<usize> {
    let mut rng = random::stream(seed, "cut", 0);
    let starts: Vec<usize> = arena.iter().copied().collect();
    let near = |node: usize| -> Vec<usize> {
        neighbours[node].iter().copied().filter(|n| arena.contains(n)).collect()
    };
    let mut here = starts[rng.random_range(0..starts.len())];
    let mut visited = BTreeSet::from([here]);
    let mut order = vec![here];
    for _ in 0..wanted.saturating_mul(STEPS_PER_NODE) {
        if order.len() >= wanted {
            return order;
        }
        let from = near(here);
        let there = from[rng.random_range(0..from.len())];
        let accept = share(from.len(), near(there).len());
        if rng.random::<f64>() < accept {
            here = there;
            if visited.insert(here) {
                order.push(here);
            }
        }
    }
    complete(neighbours, arena, order, wanted)
}

/// Fills a piece that the walk was too slow to finish (a trap of very unequal degrees), breadth
/// first from what it has.
fn complete(
    neighbours: &[Vec<usize>],
    arena: &BTreeSet<usize>,
    mut order: Vec<usize>,
    wanted: usize,
) -> Vec<usize> {
    let mut visited: BTreeSet<usize> = order.iter().copied().collect();
    let mut next = 0;
    while let Some(node) = order.get(next).copied() {
        for neighbour in &neighbours[node] {
            if order.len() < wanted && arena.contains(neighbour) && visited.insert(*neighbour) {
                order.push(*neighbour);
            }
        }
        next += 1;
    }
    order
}

#[allow(clippy::cast_precision_loss)]
fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

/// The largest connected set inside `allowed`; of equal ones the one with the lowest number.
fn largest_component(neighbours: &[Vec<usize>], allowed: &BTreeSet<usize>) -> BTreeSet<usize> {
    let mut unseen = allowed.clone();
    let mut largest = BTreeSet::new();
    while let Some(start) = unseen.pop_first() {
        let mut component = BTreeSet::from([start]);
        let mut queue = vec![start];
        while let Some(node) = queue.pop() {
            for neighbour in &neighbours[node] {
                if unseen.remove(neighbour) {
                    component.insert(*neighbour);
                    queue.push(*neighbour);
                }
            }
        }
        if component.len() > largest.len() {
            largest = component;
        }
    }
    largest
}

/// What is left of `allowed` after nodes with fewer than two neighbours are removed, repeatedly.
fn two_core(neighbours: &[Vec<usize>], allowed: &BTreeSet<usize>) -> BTreeSet<usize> {
    let mut core = allowed.clone();
    let inside = |core: &BTreeSet<usize>, node: usize| {
        neighbours[node].iter().filter(|n| core.contains(n)).count()
    };
    let mut queue: Vec<usize> = core.iter().copied().collect();
    while let Some(node) = queue.pop() {
        if core.contains(&node) && inside(&core, node) < 2 {
            core.remove(&node);
            queue.extend(neighbours[node].iter().filter(|n| core.contains(n)));
        }
    }
    core
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::embedded;

    #[test]
    fn a_piece_is_connected_of_the_wanted_size_and_repeats_by_seed() {
        let whole = embedded().unwrap();
        for (wanted, seed) in [(2, 1), (5, 1), (5, 2), (8, 3), (12, 4)] {
            let piece = cut(&whole, wanted, seed).unwrap();
            assert_eq!(piece.nodes.len(), wanted, "seed {seed}");
            assert_eq!(piece, cut(&whole, wanted, seed).unwrap());
            let all = (0..wanted).collect();
            let connected = largest_component(&piece.neighbours(|_| true), &all);
            assert_eq!(connected.len(), wanted, "seed {seed}");
        }
        assert_ne!(cut(&whole, 5, 1).unwrap().nodes, cut(&whole, 5, 2).unwrap().nodes);
    }

    #[test]
    fn sizes_that_cannot_be_are_refused_with_the_largest_that_can() {
        let whole = embedded().unwrap();
        assert!(cut(&whole, 13, 1).unwrap_err().contains("has 12 nodes, not 13"));
        assert!(cut(&whole, 1, 1).unwrap_err().contains("at least 2"));
    }

    #[test]
    fn leaves_are_no_part_of_the_two_core() {
        let path_and_triangle = vec![vec![1], vec![0, 2], vec![1, 3, 4], vec![2, 4], vec![2, 3]];
        let all = (0..5).collect();
        assert_eq!(two_core(&path_and_triangle, &all), BTreeSet::from([2, 3, 4]));
    }
}

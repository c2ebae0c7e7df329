//! Seeded generators of the graphs that tests, benches and measurements share.
//!
//! It must never depend on anything but its arguments: the same seed gives the same graph
//! everywhere.

use debal_planner::simplex::{Arc, Problem};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Channels of a preferential-attachment graph: `(one end, other end)`.
pub fn attachment(nodes: u32, channels: usize, rng: &mut ChaCha8Rng) -> Vec<(u32, u32)> {
    let mut ends = vec![0, 1];
    let mut joined = vec![(0, 1)];
    for node in 2..nodes {
        let other = ends[rng.random_range(0..ends.len())];
        joined.push((node, other));
        ends.extend([node, other]);
    }
    while joined.len() < channels {
        let one = ends[rng.random_range(0..ends.len())];
        let other = if rng.random_range(0..3) == 0 {
            rng.random_range(0..nodes)
        } else {
            ends[rng.random_range(0..ends.len())]
        };
        if one != other {
            joined.push((one, other));
            ends.extend([one, other]);
        }
    }
    joined
}

/// A feasible flow problem on a preferential-attachment graph, costs 0 to 1000, supplies at most
/// nodes.
pub fn flow_problem(nodes: u32, arcs: usize, seed: u64) -> Problem {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut problem =
        Problem { nodes, supplies: vec![0; nodes as usize], arcs: Vec::with_capacity(arcs) };
    for (one, other) in attachment(nodes, arcs / 2, &mut rng) {
        let whole = log_uniform(300, 3, &mut rng);
        let near = rng.random_range(0..=whole);
        for (tail, head, capacity) in [(one, other, near), (other, one, whole - near)] {
            let free = rng.random_range(0..5) == 0;
            let cost = if free { 0 } else { rng.random_range(1..=1000) };
            problem.arcs.push(Arc { tail, head, capacity, cost });
            if rng.random_range(0..20) == 0 {
                // Some of what fits over the arc must go from its tail to its head, so the whole is
                // feasible.
                let moved = rng.random_range(0..=capacity * 3 / 10);
                problem.supplies[tail as usize] += moved;
                problem.supplies[head as usize] -= moved;
            }
        }
    }
    problem
}

/// A number between `least` and `least * 10^decades`, uniform in its logarithm.
pub fn log_uniform(least: i64, decades: u32, rng: &mut ChaCha8Rng) -> i64 {
    let factor = 10f64.powf(f64::from(decades) * rng.random::<f64>());
    (least as f64 * factor) as i64
}

//! Seeded generators of the graphs that tests, benches and measurements share.
//!
//! It must never depend on anything but its arguments: the same seed gives the same graph
//! everywhere.

use debal_planner::circulation::{ChannelShape, Helpers, ResidualArc, channel_arcs};
use debal_planner::simplex::{Arc, Problem};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Channels of a preferential-attachment graph: `(one end, other end)`.
fn attachment(nodes: u32, channels: usize, rng: &mut ChaCha8Rng) -> Vec<(u32, u32)> {
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

/// Channels `(one end, other end, capacity in sat)` of a preferential-attachment graph, capacities
/// over three decades.
pub fn lightning_like(nodes: u32, channels: usize, seed: u64) -> Vec<(u32, u32, u64)> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let joined = attachment(nodes, channels, &mut rng);
    let capacity = |(one, other)| (one, other, log_uniform(100_000, 3, &mut rng).unsigned_abs());
    joined.into_iter().map(capacity).collect()
}

/// The residual arcs of channels with uniform balances and every target in the middle; every
/// channel's relative skew is worth the same.
pub fn uniform_balances(
    channels: &[(u32, u32, u64)],
    helpers: Helpers,
    seed: u64,
) -> Vec<ResidualArc> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut arcs = Vec::new();
    for (label, &(near, far, capacity_sat)) in (0u64..).zip(channels) {
        let capacity_msat = capacity_sat * 1000;
        let shape = ChannelShape {
            near,
            far,
            capacity_msat,
            balance_msat: rng.random_range(0..=capacity_msat),
            target_msat: capacity_msat / 2,
            weight_ppm: (1_000_000_000_000_000 / capacity_msat) as i64,
            label,
        };
        channel_arcs(&shape, helpers, &mut arcs);
    }
    arcs
}

/// A number between `least` and `least * 10^decades`, uniform in its logarithm.
fn log_uniform(least: i64, decades: u32, rng: &mut ChaCha8Rng) -> i64 {
    let factor = 10f64.powf(f64::from(decades) * rng.random::<f64>());
    (least as f64 * factor) as i64
}

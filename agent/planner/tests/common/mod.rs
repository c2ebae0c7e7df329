//! What the planner's tests, benches and measurements share: seeded generators and checks that trust no solver.
//!
//! It must never use the code under test to judge it.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use debal_planner::circulation::{ChannelShape, Helpers, ResidualArc, channel_arcs};
use debal_planner::simplex::{Arc, Problem, Solution};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// How many random cases a property runs: `DEBAL_CASES`, or `default`.
pub fn cases(default: u32) -> u32 {
    std::env::var("DEBAL_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// The seed of this run: `DEBAL_SEED`, or 1. Printed, so that a failure can be run again.
pub fn seed() -> u64 {
    let seed = std::env::var("DEBAL_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    println!("seed {seed} (set DEBAL_SEED to change it)");
    seed
}

/// A proptest runner with the printed seed.
pub fn runner(default_cases: u32) -> TestRunner {
    let mut bytes = [0u8; 32];
    bytes[..8].copy_from_slice(&seed().to_le_bytes());
    let config =
        Config { cases: cases(default_cases), failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

/// Checks flows and potentials from first principles: bounds, conservation, complementary slackness, and that the
/// objective is what the flows cost. Together these prove optimality.
pub fn check_optimal(problem: &Problem, solution: &Solution) -> Result<(), String> {
    let mut kept: Vec<i128> = problem.supplies.iter().map(|&b| i128::from(b)).collect();
    let mut cost = 0i128;
    if solution.flows.len() != problem.arcs.len() {
        return Err("flows are missing".into());
    }
    for (index, (arc, &flow)) in problem.arcs.iter().zip(&solution.flows).enumerate() {
        let price = |node: u32| i128::from(solution.potentials[node as usize]);
        let reduced = i128::from(arc.cost) + price(arc.tail) - price(arc.head);
        if flow < 0 || flow > arc.capacity {
            return Err(format!("arc {index} carries {flow} of {}", arc.capacity));
        }
        if (flow < arc.capacity && reduced < 0) || (flow > 0 && reduced > 0) {
            return Err(format!("arc {index} has flow {flow} and reduced cost {reduced}"));
        }
        kept[arc.tail as usize] -= i128::from(flow);
        kept[arc.head as usize] += i128::from(flow);
        cost += i128::from(arc.cost) * i128::from(flow);
    }
    if kept.iter().any(|&rest| rest != 0) {
        return Err(format!("not conserved: {kept:?}"));
    }
    if cost == solution.objective { Ok(()) } else { Err(format!("objective, not {cost}")) }
}

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

/// A feasible flow problem on a preferential-attachment graph, costs 0 to 1000, supplies at most nodes.
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
                // Some of what fits over the arc must go from its tail to its head, so the whole is feasible.
                let moved = rng.random_range(0..=capacity * 3 / 10);
                problem.supplies[tail as usize] += moved;
                problem.supplies[head as usize] -= moved;
            }
        }
    }
    problem
}

/// The residual arcs of a Lightning-like graph with uniform balances and every target in the middle, capacities
/// spread over three decades, every channel's relative skew worth the same.
pub fn lightning_like(nodes: u32, channels: usize, helpers: Helpers, seed: u64) -> Vec<ResidualArc> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut arcs = Vec::new();
    for (label, (near, far)) in (0u64..).zip(attachment(nodes, channels, &mut rng)) {
        let capacity_msat = log_uniform(100_000_000, 3, &mut rng).unsigned_abs();
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

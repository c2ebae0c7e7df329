//! What every oracle test needs: a seeded runner that prints its seed, and a check that trusts no
//! solver.
//!
//! It must never use the code under test to judge it.

use debal_planner::simplex::{Problem, Solution};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// How many random cases a property runs: `DEBAL_CASES`, or `default`.
fn cases(default: u32) -> u32 {
    std::env::var("DEBAL_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// The seed of this run: `DEBAL_SEED`, or 1. Printed, so that a failure can be run again.
fn seed() -> u64 {
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

/// Checks flows and potentials from first principles: bounds, conservation, complementary
/// slackness, and that the objective is what the flows cost. Together these prove optimality.
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

//! Solving again after changes against solving from nothing.
//!
//! It must never compare flows: several may be optimal.

use debal_planner::simplex::{Problem, SolveError, Solver, solve};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{graphs, judge};

/// Changes some arcs and supplies of what `solver` holds.
fn change(solver: &mut Solver, rng: &mut ChaCha8Rng) -> Result<(), SolveError> {
    let (nodes, arcs) = (solver.problem().nodes, solver.problem().arcs.len() as u32);
    for _ in 0..rng.random_range(1..=8) {
        match rng.random_range(0..3) {
            0 => solver.set_cost(rng.random_range(0..arcs), rng.random_range(-50..=1_000))?,
            1 => solver.set_capacity(rng.random_range(0..arcs), rng.random_range(0..=2_000))?,
            _ => {
                let mut supplies = solver.problem().supplies.clone();
                let amount = rng.random_range(0..=20);
                supplies[rng.random_range(0..nodes) as usize] += amount;
                supplies[rng.random_range(0..nodes) as usize] -= amount;
                solver.set_supplies(&supplies)?;
            }
        }
    }
    Ok(())
}

/// Both ways say the same, and the warm answer proves itself.
fn agrees(solver: &mut Solver) -> Result<(), TestCaseError> {
    let problem: Problem = solver.problem().clone();
    match (solver.solve(), solve(&problem)) {
        (Ok(warm), Ok(cold)) => {
            judge::check_optimal(&problem, &warm).map_err(TestCaseError::fail)?;
            prop_assert_eq!(warm.objective, cold.objective);
        }
        (Err(SolveError::Infeasible(warm)), Err(SolveError::Infeasible(cold))) => {
            prop_assert_eq!(warm.excess, cold.excess);
        }
        (warm, cold) => prop_assert!(false, "warm {warm:?}, cold {cold:?}"),
    }
    Ok(())
}

#[test]
fn solving_again_gives_what_solving_anew_gives() {
    let property = |(seed, nodes): (u64, u32)| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let arcs = nodes as usize * 4;
        let mut solver = Solver::new(graphs::flow_problem(nodes, arcs, seed))
            .map_err(|error| TestCaseError::fail(error.to_string()))?;
        agrees(&mut solver)?;
        for _ in 0..6 {
            change(&mut solver, &mut rng).map_err(|e| TestCaseError::fail(e.to_string()))?;
            agrees(&mut solver)?;
        }
        Ok(())
    };
    judge::runner(500).run(&(any::<u64>(), 3u32..40), property).unwrap();
}

#[test]
fn a_pivot_budget_interrupts_and_the_next_call_goes_on() {
    let problem = graphs::flow_problem(300, 2_000, 7);
    let whole = solve(&problem).unwrap();
    let mut solver = Solver::new(problem).unwrap();
    solver.set_pivot_budget(50);
    let mut calls = 1;
    let found = loop {
        match solver.solve() {
            Err(SolveError::Budget { pivots: 50 }) => calls += 1,
            other => break other.unwrap(),
        }
    };
    assert_eq!(found.objective, whole.objective);
    assert!(calls > 5, "{calls} calls");
}

#[test]
fn a_small_change_takes_few_pivots() {
    let mut solver = Solver::new(graphs::flow_problem(2_000, 12_000, 3)).unwrap();
    let cold = solver.solve().unwrap().pivots;
    for arc in 0..12 {
        solver.set_cost(arc * 997, i64::from(arc) * 40).unwrap();
    }
    let warm = solver.solve().unwrap().pivots;
    assert!(warm * 20 < cold, "{warm} of {cold} pivots");
}

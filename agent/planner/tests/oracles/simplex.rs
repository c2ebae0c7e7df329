//! The simplex against oracles that share no code with it: an LP solver, enumeration, and duality.
//!
//! It must never accept an answer that only the simplex itself vouches for.

use debal_planner::simplex::{
    Arc, MAX_CAPACITY, MAX_COST_SPAN, Pricing, Problem, SolveError, Solver, solve,
};
use microlp::{ComparisonOp, LinearExpr, OptimizationDirection, SolveOutcome};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use crate::{graphs, judge};

/// Small problems: `nodes` up to `most_nodes`, supplies that sum to zero but may not fit.
fn problems(most_nodes: u32, most_arcs: usize, most: i64) -> impl Strategy<Value = Problem> {
    (1..=most_nodes).prop_flat_map(move |nodes| {
        let arc = (0..nodes, 0..nodes, 0..=most, -10i64..=10);
        let arc = arc.prop_map(|(tail, head, capacity, cost)| Arc { tail, head, capacity, cost });
        let shift = (0..nodes, 0..nodes, 0..=most);
        let arcs = prop::collection::vec(arc, 0..=most_arcs);
        (arcs, prop::collection::vec(shift, 0..3)).prop_map(move |(arcs, shifts)| {
            let mut supplies = vec![0; nodes as usize];
            for (from, to, amount) in shifts {
                supplies[from as usize] += amount;
                supplies[to as usize] -= amount;
            }
            Problem { nodes, supplies, arcs }
        })
    })
}

/// The optimum by linear programming, `None` if infeasible.
fn by_linear_program(problem: &Problem) -> Option<f64> {
    let mut program = microlp::Problem::new(OptimizationDirection::Minimize);
    let mut rows = vec![LinearExpr::empty(); problem.nodes as usize];
    for arc in &problem.arcs {
        let flow = program.add_var(arc.cost as f64, (0.0, arc.capacity as f64));
        if arc.tail != arc.head {
            rows[arc.tail as usize].add(flow, 1.0);
            rows[arc.head as usize].add(flow, -1.0);
        }
    }
    for (row, &supply) in rows.into_iter().zip(&problem.supplies) {
        program.add_constraint(row, ComparisonOp::Eq, supply as f64);
    }
    match program.solve() {
        Ok(SolveOutcome::Solution(solution)) => Some(solution.objective()),
        Err(microlp::Error::Infeasible) => None,
        other => panic!("the linear program is not solved: {other:?}"),
    }
}

/// The optimum by trying every flow.
fn by_enumeration(problem: &Problem) -> Option<i128> {
    let mut flows = vec![0i64; problem.arcs.len()];
    let mut best = None;
    loop {
        let mut rest = problem.supplies.clone();
        let mut cost = 0i128;
        for (arc, &flow) in problem.arcs.iter().zip(&flows) {
            rest[arc.tail as usize] -= flow;
            rest[arc.head as usize] += flow;
            cost += i128::from(arc.cost * flow);
        }
        if rest.iter().all(|&left| left == 0) && best.is_none_or(|found| cost < found) {
            best = Some(cost);
        }
        let Some(turn) = (0..flows.len()).find(|&i| flows[i] < problem.arcs[i].capacity) else {
            return best;
        };
        flows[turn] += 1;
        flows[..turn].fill(0);
    }
}

/// Solves and proves the answer, optimum or cut, from first principles.
fn proven(problem: &Problem) -> Result<Option<i128>, TestCaseError> {
    match solve(problem) {
        Ok(solution) => {
            judge::check_optimal(problem, &solution).map_err(TestCaseError::fail)?;
            Ok(Some(solution.objective))
        }
        Err(SolveError::Infeasible(cut)) => {
            let inside = |node: u32| cut.nodes.contains(&node);
            let leaves = |arc: &&Arc| inside(arc.tail) && !inside(arc.head);
            let supply = |&node: &u32| i128::from(problem.supplies[node as usize]);
            let room = |&arc: &u32| i128::from(problem.arcs[arc as usize].capacity);
            let held: i128 = cut.nodes.iter().map(supply).sum();
            let out: i128 =
                problem.arcs.iter().filter(leaves).map(|arc| i128::from(arc.capacity)).sum();
            prop_assert_eq!(cut.arcs.iter().map(room).sum::<i128>(), out, "{:?}", cut);
            prop_assert_eq!(held - out, i128::from(cut.excess), "{:?}", cut);
            prop_assert!(cut.excess > 0);
            Ok(None)
        }
        Err(refused) => Err(TestCaseError::fail(refused.to_string())),
    }
}

#[test]
fn small_problems_agree_with_a_linear_program() {
    let property = |problem: Problem| {
        let (ours, theirs) = (proven(&problem)?, by_linear_program(&problem));
        match (ours, theirs) {
            (Some(ours), Some(theirs)) => prop_assert!((ours as f64 - theirs).abs() < 1e-6),
            (ours, theirs) => prop_assert_eq!(ours.is_some(), theirs.is_some()),
        }
        Ok(())
    };
    judge::runner(2_000).run(&problems(8, 24, 20), property).unwrap();
}

#[test]
fn tiny_problems_agree_with_enumeration() {
    let property = |problem: Problem| {
        prop_assert_eq!(proven(&problem)?, by_enumeration(&problem));
        Ok(())
    };
    judge::runner(2_000).run(&problems(4, 6, 2), property).unwrap();
}

#[test]
fn larger_problems_prove_themselves() {
    let property = |problem: Problem| proven(&problem).map(|_| ());
    judge::runner(2_000).run(&problems(60, 300, 1_000), property).unwrap();
}

#[test]
fn amounts_of_two_to_the_sixty_scale_exactly() {
    // Capacities up to 20 times 2^56 stay under 2^61; the optimum must scale with them to the last
    // unit.
    let property = |problem: Problem| {
        let mut large = problem.clone();
        large.arcs.iter_mut().for_each(|arc| arc.capacity <<= 56);
        large.supplies.iter_mut().for_each(|supply| *supply <<= 55);
        let mut small = problem;
        small.arcs.iter_mut().for_each(|arc| arc.capacity <<= 1);
        let scaled = proven(&small)?.map(|objective| objective << 55);
        prop_assert_eq!(proven(&large)?, scaled);
        Ok(())
    };
    judge::runner(2_000).run(&problems(8, 24, 20), property).unwrap();
}

/// Problems at the very edge of every range: overflow checks are on in tests, so none may happen.
fn extremes() -> impl Strategy<Value = Problem> {
    problems(8, 30, 20).prop_map(|mut problem| {
        let dearest = MAX_COST_SPAN / (i64::from(problem.nodes) + 1) - 1;
        for arc in &mut problem.arcs {
            arc.capacity =
                if arc.capacity > 4 { MAX_CAPACITY + 4 - arc.capacity } else { arc.capacity };
            arc.cost = if arc.cost % 3 == 0 { arc.cost } else { arc.cost.signum() * dearest };
        }
        // At most three shifts of up to 20 each: the total stays within 2^62.
        problem.supplies.iter_mut().for_each(|supply| *supply *= 1 << 55);
        problem
    })
}

#[test]
fn the_largest_figures_never_overflow() {
    let property = |problem: Problem| proven(&problem).map(|_| ());
    judge::runner(2_000).run(&extremes(), property).unwrap();
}

/// Anything at all, mostly nonsense.
fn nonsense() -> impl Strategy<Value = Problem> {
    let figure = || prop_oneof![-3i64..4, any::<i64>(), Just(MAX_CAPACITY), Just(i64::MIN)];
    let arc = (0u32..5, 0u32..5, figure(), figure());
    let arc = arc.prop_map(|(tail, head, capacity, cost)| Arc { tail, head, capacity, cost });
    let arcs = prop::collection::vec(arc, 0..4);
    let supplies = prop::collection::vec(prop_oneof![3 => Just(0), 1 => figure()], 3..6);
    (3u32..6, supplies, arcs).prop_map(|(nodes, supplies, arcs)| Problem { nodes, supplies, arcs })
}

#[test]
fn nonsense_is_refused_by_name_or_solved() {
    let property = |problem: Problem| match solve(&problem) {
        Ok(_) | Err(SolveError::Infeasible(_)) => proven(&problem).map(|_| ()),
        Err(_) => Ok(()),
    };
    judge::runner(2_000).run(&nonsense(), property).unwrap();
}

#[test]
fn a_network_of_thousands_of_nodes_proves_itself() {
    for seed in 0..3 {
        let problem = graphs::flow_problem(2_000, 12_000, seed);
        let solution = solve(&problem).unwrap();
        assert_eq!(judge::check_optimal(&problem, &solution), Ok(()), "seed {seed}");
    }
}

#[test]
fn every_pricing_rule_finds_an_optimum() {
    for seed in 0..40 {
        let problem = graphs::flow_problem(150, 900, seed);
        let objective = solve(&problem).unwrap().objective;
        let others = [Pricing::Block, Pricing::First, Pricing::Best, Pricing::Candidates];
        for rule in others {
            let mut solver = Solver::new(problem.clone()).unwrap();
            solver.set_pricing(rule);
            let solution = solver.solve().unwrap();
            assert_eq!(judge::check_optimal(&problem, &solution), Ok(()), "seed {seed}, {rule:?}");
            assert_eq!(solution.objective, objective, "seed {seed}, {rule:?}");
        }
    }
}

//! Facts about the simplex that a reader can check by hand; random instances are in the crate's
//! `tests`.
//!
//! It must never need a generator: each case here is small enough to solve on paper.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;

fn arc(tail: u32, head: u32, capacity: i64, cost: i64) -> Arc {
    Arc { tail, head, capacity, cost }
}

fn problem(supplies: &[i64], arcs: &[Arc]) -> Problem {
    Problem { nodes: supplies.len() as u32, supplies: supplies.to_vec(), arcs: arcs.to_vec() }
}

#[test]
fn the_cheap_way_fills_before_the_dear_one() {
    let arcs = [arc(0, 1, 4, 1), arc(1, 2, 4, 1), arc(0, 2, 10, 5)];
    let solution = solve(&problem(&[7, 0, -7], &arcs)).unwrap();
    assert_eq!(solution.flows, [4, 4, 3]);
    assert_eq!(solution.objective, 4 * 2 + 3 * 5);
}

#[test]
fn nothing_is_solved_by_nothing() {
    let empty = Solution { flows: vec![], potentials: vec![], objective: 0, pivots: 0 };
    assert_eq!(solve(&Problem::default()), Ok(empty));
}

#[test]
fn a_cycle_that_earns_is_filled_without_any_supply() {
    let arcs = [arc(0, 1, 9, -5), arc(1, 2, 7, 1), arc(2, 0, 8, 1)];
    let solution = solve(&problem(&[0, 0, 0], &arcs)).unwrap();
    assert_eq!(solution.flows, [7, 7, 7]);
    assert_eq!(solution.objective, -21);
    assert!(solution.potentials.iter().all(|price| price.abs() <= 10), "plain prices");
}

#[test]
fn a_cycle_that_earns_nothing_is_left_alone() {
    let arcs = [arc(0, 1, 9, -2), arc(1, 0, 7, 2)];
    assert_eq!(solve(&problem(&[0, 0], &arcs)).unwrap().flows, [0, 0]);
}

#[test]
fn a_loop_that_earns_is_filled_and_one_that_costs_is_not() {
    let arcs = [arc(0, 0, 5, -1), arc(0, 0, 5, 1)];
    let solution = solve(&problem(&[0], &arcs)).unwrap();
    assert_eq!((solution.flows, solution.objective), (vec![5, 0], -5));
}

#[test]
fn parallel_arcs_fill_in_the_order_of_their_costs() {
    let arcs = [arc(0, 1, 3, 7), arc(0, 1, 3, 2), arc(0, 1, 3, 4)];
    assert_eq!(solve(&problem(&[5, -5], &arcs)).unwrap().flows, [0, 3, 2]);
}

#[test]
fn the_largest_amounts_lose_no_unit() {
    let most = MAX_CAPACITY;
    let arcs = [arc(0, 1, most, 1_000), arc(0, 1, most - 1, 999), arc(1, 0, most, 1)];
    let solution = solve(&problem(&[most, -most], &arcs)).unwrap();
    assert_eq!(solution.flows, [1, most - 1, 0]);
    assert_eq!(solution.objective, 1_000 + i128::from(most - 1) * 999);
}

#[test]
fn the_largest_total_supply_goes_through_one_node() {
    let most = MAX_CAPACITY;
    let arcs = [arc(0, 2, most, 3), arc(1, 2, most, 4), arc(2, 3, most, 5), arc(2, 4, most, -6)];
    let solution = solve(&problem(&[most, most, 0, -most, -most], &arcs)).unwrap();
    assert_eq!(solution.flows, [most; 4]);
    assert_eq!(solution.objective, i128::from(most) * 6);
}

#[test]
fn the_largest_costs_are_still_compared_exactly() {
    let cost = MAX_COST_SPAN / 3 - 1;
    let arcs = [arc(0, 1, 1, cost), arc(0, 1, 1, cost - 1), arc(1, 0, 1, -cost)];
    let solution = solve(&problem(&[1, -1], &arcs)).unwrap();
    assert_eq!(solution.objective, i128::from(cost - 1));
    let over = [arc(0, 1, 1, cost + 1)];
    let refused = SolveError::CostRange { arc: 0, cost: cost + 1 };
    assert_eq!(solve(&problem(&[0, 0], &over)), Err(refused));
}

#[test]
fn what_cannot_leave_is_named_by_a_cut() {
    // Node 0 and 1 hold 10; only 4 and 3 can leave them.
    let arcs = [arc(0, 1, 9, 1), arc(1, 2, 4, 1), arc(0, 3, 3, 1), arc(2, 3, 9, 1)];
    let refused = solve(&problem(&[8, 2, 0, -10], &arcs)).unwrap_err();
    let cut = Cut { nodes: vec![0, 1], arcs: vec![1, 2], excess: 3 };
    assert_eq!(refused, SolveError::Infeasible(Box::new(cut)));
}

#[test]
fn input_out_of_range_is_refused_by_name() {
    let refuse = |supplies: &[i64], arcs: &[Arc]| solve(&problem(supplies, arcs)).unwrap_err();
    let wrong = refuse(&[0, 0], &[arc(0, 1, 1, 1), arc(0, 2, 1, 1)]);
    assert_eq!(wrong, SolveError::NodeOutOfRange { arc: 1, node: 2 });
    let wrong = refuse(&[0, 0], &[arc(0, 1, -1, 1)]);
    assert_eq!(wrong, SolveError::NegativeCapacity { arc: 0, capacity: -1 });
    let capacity = MAX_CAPACITY + 1;
    let wrong = refuse(&[0, 0], &[arc(0, 1, capacity, 1)]);
    assert_eq!(wrong, SolveError::CapacityRange { arc: 0, capacity });
    assert_eq!(refuse(&[3, -2], &[]), SolveError::SupplyImbalance { excess: 1 });
    let supply = MAX_CAPACITY + 1;
    assert_eq!(refuse(&[0, supply], &[]), SolveError::SupplyRange { node: 1, supply });
    let (most, supplies) = (MAX_CAPACITY, [MAX_CAPACITY, MAX_CAPACITY, 1]);
    assert_eq!(refuse(&supplies, &[]), SolveError::SupplyRange { node: 2, supply: 1 });
    assert_eq!(refuse(&[i64::MIN], &[]), SolveError::SupplyRange { node: 0, supply: i64::MIN });
    let wrong = refuse(&[0, 0], &[arc(0, 1, most, i64::MIN)]);
    assert_eq!(wrong, SolveError::CostRange { arc: 0, cost: i64::MIN });
    let short = Problem { nodes: 2, supplies: vec![0], arcs: vec![] };
    assert_eq!(solve(&short), Err(SolveError::SuppliesLength { nodes: 2, given: 1 }));
}

#[test]
fn the_same_problem_gives_the_same_answer() {
    let arcs: Vec<Arc> =
        (0..60).map(|i| arc(i % 7, (i * 5 + 1) % 7, 3, i64::from(i % 4))).collect();
    let problem = problem(&[4, 0, -1, 2, -5, 0, 0], &arcs);
    assert_eq!(solve(&problem), solve(&problem));
}

#[test]
fn room_on_a_full_arc_is_taken_up_and_room_taken_away_is_given_back() {
    let arcs = [arc(0, 1, 4, 1), arc(1, 2, 9, 1), arc(0, 2, 10, 5)];
    let mut solver = Solver::new(problem(&[7, 0, -7], &arcs)).unwrap();
    assert_eq!(solver.solve().unwrap().flows, [4, 4, 3]);
    solver.set_capacity(0, 6).unwrap();
    assert_eq!(solver.solve().unwrap().flows, [6, 6, 1]);
    solver.set_capacity(0, 20).unwrap();
    assert_eq!(solver.solve().unwrap().flows, [7, 7, 0]);
    solver.set_capacity(0, 8).unwrap();
    assert_eq!(solver.solve().unwrap().flows, [7, 7, 0]);
    solver.set_capacity(0, 9).unwrap();
    solver.set_capacity(0, 2).unwrap();
    solver.set_capacity(1, 3).unwrap();
    assert_eq!(solver.solve().unwrap().flows, [2, 2, 5]);
}

#[test]
fn new_room_waits_where_the_budget_ended_the_last_solution() {
    let arcs = [arc(0, 1, 4, 1), arc(1, 2, 9, 1), arc(0, 2, 10, 5)];
    let mut solver = Solver::new(problem(&[7, 0, -7], &arcs)).unwrap();
    solver.set_pivot_budget(1);
    assert!(matches!(solver.solve(), Err(SolveError::Budget { pivots: 1 })));
    solver.set_capacity(0, 6).unwrap();
    solver.set_pivot_budget(u64::MAX);
    assert_eq!(solver.solve().unwrap().flows, [6, 6, 1]);
}

//! Solving again after a change, beside solving from nothing.
//!
//! It must never time the change itself apart from the solution it leads to: what `set_cost` and
//! `set_capacity` take is part of the warm time.

use debal_planner::simplex::{Arc, Solution, SolveError, Solver, solve};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::flows::Times;
use crate::table::{Column, Table, milliseconds};
use crate::{Asked, Failure, clock, flow_families};

/// The kinds of change, each on one arc in a hundred: what it is called, by how many percent costs
/// and capacities move. In the last it is one node in a hundred that takes a little from another,
/// which may be more than fits: then both ways must say so.
const CHANGES: [(&str, i64, i64); 5] = [
    ("costs by up to 10 %", 10, 0),
    ("capacities by up to 20 %", 0, 20),
    ("both by up to 20 %", 20, 20),
    ("costs drawn anew", 100, 0),
    (SUPPLIES, 0, 0),
];

/// The change of supplies.
const SUPPLIES: &str = "supplies, 1 % of nodes";

const COLUMNS: [Column; 7] = [
    ("family", 8, false),
    ("1 % of arcs change", 25, false),
    ("warm_ms", 8, true),
    ("cold_ms", 8, true),
    ("times", 6, true),
    ("pivots", 7, true),
    ("cold", 7, true),
];

/// One row per family and change: the best of the runs, each on a further change.
pub fn run(asked: &Asked) -> Result<(), Failure> {
    let arcs = asked.arcs.unwrap_or(100_000);
    let nodes = (arcs * 3 / 20) as u32;
    let title = format!("Solving again, {nodes} nodes, {arcs} arcs, {} runs each", asked.runs);
    let table = Table::start(asked, "warm", &title, &COLUMNS);
    for family in flow_families::FAMILIES {
        let problem = flow_families::flow(family, nodes, arcs, asked.seed);
        for (name, costs, capacities) in CHANGES {
            let mut rng = ChaCha8Rng::seed_from_u64(asked.seed);
            let mut solver = Solver::new(problem.clone())?;
            solver.solve()?;
            let (mut warm, mut cold, mut pivots) = (Times::default(), Times::default(), (0, 0));
            for _ in 0..asked.runs {
                let changed = draw(&solver, family, (costs, capacities), &mut rng);
                let supplies = (name == SUPPLIES).then(|| shift(&solver, &mut rng));
                let start = clock::seconds();
                for (number, arc) in changed {
                    solver.set_cost(number, arc.cost)?;
                    solver.set_capacity(number, arc.capacity)?;
                }
                if let Some(supplies) = &supplies {
                    solver.set_supplies(supplies)?;
                }
                let again = solver.solve();
                warm.add(clock::seconds() - start);
                let anew = solver.problem().clone();
                let start = clock::seconds();
                let anew = solve(&anew);
                cold.add(clock::seconds() - start);
                let (Ok(again), Ok(anew)) = (&again, &anew) else {
                    if excess(&again).is_none() || excess(&again) != excess(&anew) {
                        return Err("warm and cold differ".into());
                    }
                    continue;
                };
                if again.objective != anew.objective {
                    return Err("warm and cold differ".into());
                }
                pivots = (pivots.0 + again.pivots, pivots.1 + anew.pivots);
            }
            let runs = asked.runs as u64;
            table.row(&[
                family.to_owned(),
                name.to_owned(),
                milliseconds(warm.best()),
                milliseconds(cold.best()),
                format!("{:.1}", cold.median() / warm.median()),
                (pivots.0 / runs).to_string(),
                (pivots.1 / runs).to_string(),
            ]);
        }
    }
    Ok(())
}

/// By how much the supplies cannot be met, if they cannot.
fn excess(answer: &Result<Solution, SolveError>) -> Option<i64> {
    match answer {
        Err(SolveError::Infeasible(cut)) => Some(cut.excess),
        _ => None,
    }
}

/// The supplies after one node in a hundred took a little from another.
fn shift(solver: &Solver, rng: &mut ChaCha8Rng) -> Vec<i64> {
    let mut supplies = solver.problem().supplies.clone();
    for _ in 0..supplies.len() / 100 {
        let (one, other) =
            (rng.random_range(0..supplies.len()), rng.random_range(0..supplies.len()));
        let amount = rng.random_range(0..=20);
        supplies[one] += amount;
        supplies[other] -= amount;
    }
    supplies
}

/// Arcs to change, and what they become.
fn draw(
    solver: &Solver,
    family: &str,
    (costs, capacities): (i64, i64),
    rng: &mut ChaCha8Rng,
) -> Vec<(u32, Arc)> {
    let arcs = &solver.problem().arcs;
    let most = arcs.iter().map(|arc| arc.cost).max().unwrap_or(0);
    // Elsewhere than in `payment` some arcs are just wide enough for the whole to be feasible.
    let least = if family == "payment" { 100 - capacities } else { 100 };
    (0..arcs.len() / 100)
        .map(|_| {
            let number = rng.random_range(0..arcs.len());
            let Arc { capacity, cost, .. } = arcs[number];
            let cost = match costs {
                100 => rng.random_range(0..=most),
                _ => cost * rng.random_range(100 - costs..=100 + costs) / 100,
            };
            let capacity = capacity * rng.random_range(least..=100 + capacities) / 100;
            (number as u32, Arc { cost, capacity, ..arcs[number] })
        })
        .collect()
}

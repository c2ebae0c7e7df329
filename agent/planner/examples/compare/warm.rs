//! Solving again after a change, beside solving from nothing.
//!
//! It must never time the change itself apart from the solution it leads to: what `set_cost` and
//! `set_capacity` take is part of the warm time.

use debal_planner::simplex::{Arc, Solver, solve};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::flows::Times;
use crate::table::{Column, Table, milliseconds};
use crate::{Asked, Failure, clock, instances};

/// The kinds of change, each on one arc in a hundred: what it is called, by how many percent costs
/// and capacities move.
const CHANGES: [(&str, i64, i64); 4] = [
    ("costs by up to 10 %", 10, 0),
    ("capacities by up to 20 %", 0, 20),
    ("both by up to 20 %", 20, 20),
    ("costs drawn anew", 100, 0),
];

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
    for family in instances::FLOW_FAMILIES {
        let problem = instances::flow(family, nodes, arcs, asked.seed);
        for (name, costs, capacities) in CHANGES {
            let mut rng = ChaCha8Rng::seed_from_u64(asked.seed);
            let mut solver = Solver::new(problem.clone())?;
            solver.solve()?;
            let (mut warm, mut cold, mut pivots) = (Times::default(), Times::default(), (0, 0));
            for _ in 0..asked.runs {
                let changed = draw(&solver, family, (costs, capacities), &mut rng);
                let start = clock::seconds();
                for (number, arc) in changed {
                    solver.set_cost(number, arc.cost)?;
                    solver.set_capacity(number, arc.capacity)?;
                }
                let again = solver.solve()?;
                warm.add(clock::seconds() - start);
                let anew = solver.problem().clone();
                let start = clock::seconds();
                let anew = solve(&anew)?;
                cold.add(clock::seconds() - start);
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

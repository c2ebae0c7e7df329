//! How long flows, circulations and cycles take at the sizes that matter.
//!
//! It must never read a file: every graph comes from a seeded generator, so that anyone measures
//! the same thing.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use debal_planner::circulation::{self, Helpers, certify};
use debal_planner::cycles::{Limits, decompose};
use debal_planner::score::Score;
use debal_planner::simplex;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

#[path = "../examples/compare/flow_families.rs"]
mod flow_families;
#[path = "../tests/oracles/graphs.rs"]
mod graphs;
#[path = "../tests/oracles/lightning.rs"]
mod lightning;

const NODES: u32 = 17_000;
const CHANNELS: usize = 32_000;

/// From nothing, in the three families.
fn flows(bench: &mut Criterion) {
    let mut group = bench.benchmark_group("flow");
    group.sample_size(10);
    for family in flow_families::FAMILIES {
        for (nodes, arcs) in [(1_500, 10_000), (15_000, 100_000)] {
            let problem = flow_families::flow(family, nodes, arcs, 1);
            group.bench_function(format!("{family}, {nodes} nodes, {arcs} arcs"), |run| {
                run.iter(|| simplex::solve(black_box(&problem)));
            });
        }
    }
    group.finish();
}

/// Again, after the cost of one arc in a hundred or what it can carry changes by up to a tenth.
fn flows_again(bench: &mut Criterion) {
    let mut group = bench.benchmark_group("flow again");
    group.sample_size(10);
    for family in flow_families::FAMILIES {
        let problem = flow_families::flow(family, 15_000, 100_000, 1);
        for (name, costs) in [("costs", true), ("capacities", false)] {
            let Ok(mut solver) = simplex::Solver::new(problem.clone()) else { continue };
            let _ = solver.solve();
            let mut rng = ChaCha8Rng::seed_from_u64(1);
            group.bench_function(format!("{family}, 1 % of {name}"), |run| {
                run.iter(|| {
                    for _ in 0..problem.arcs.len() / 100 {
                        let arc = rng.random_range(0..problem.arcs.len());
                        let (number, before) = (arc as u32, problem.arcs[arc]);
                        let _ = if costs {
                            solver.set_cost(number, before.cost * rng.random_range(90..=110) / 100)
                        } else {
                            let capacity = before.capacity * rng.random_range(100..=110) / 100;
                            solver.set_capacity(number, capacity)
                        };
                    }
                    black_box(solver.solve())
                });
            });
        }
    }
    group.finish();
}

fn circulations(bench: &mut Criterion) {
    let mut group = bench.benchmark_group("circulation");
    group.sample_size(10);
    let channels = lightning::lightning_like(NODES, CHANNELS, 1);
    for helpers in [Helpers::Excluded, Helpers::Included] {
        let arcs = lightning::uniform_balances(&channels, helpers, 1);
        let scores = vec![Score::ZERO; arcs.len()];
        group.bench_function(format!("solve, helpers {helpers:?}"), |run| {
            run.iter(|| circulation::solve(NODES, black_box(&arcs), &scores));
        });
        let Ok(best) = circulation::solve(NODES, &arcs, &scores) else { continue };
        let (flows, prices) = (best.flows_msat, best.potentials);
        group.bench_function(format!("certify, helpers {helpers:?}"), |run| {
            run.iter(|| certify(NODES, black_box(&arcs), &scores, &flows, &prices));
        });
        let limits = Limits { max_hops: 8, min_amount_msat: 1, max_cycles: usize::MAX };
        group.bench_function(format!("cycles to 8 hops, helpers {helpers:?}"), |run| {
            run.iter(|| decompose(NODES, black_box(&arcs), &scores, &flows, &limits));
        });
    }
    group.finish();
}

criterion_group!(benches, flows, flows_again, circulations);
criterion_main!(benches);

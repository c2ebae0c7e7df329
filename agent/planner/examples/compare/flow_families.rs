//! The plain flow problems that all solvers and the benches get, from our own generators.
//!
//! It must never depend on anything but its arguments, so that anyone measures the same thing.

use debal_planner::simplex::{Arc, Problem};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::graphs;

/// The families of plain flow problems.
pub const FAMILIES: [&str; 3] = ["payment", "transit", "grid"];

/// A feasible flow problem of a family.
///
/// `payment` is a preferential-attachment graph like a payment-channel network, with a supply at
/// many nodes; `transit` is what NETGEN makes: chains from a few sources to a few sinks that make
/// it feasible, hidden among random arcs; `grid` is what GRIDGEN makes: a torus of one-way streets
/// with dear random chords.
pub fn flow(family: &str, nodes: u32, arcs: usize, seed: u64) -> Problem {
    match family {
        "transit" => transit(nodes, arcs, seed),
        "grid" => grid(nodes, arcs, seed),
        _ => graphs::flow_problem(nodes, arcs, seed),
    }
}

fn transit(nodes: u32, arcs: usize, seed: u64) -> Problem {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let ends = (nodes / 40).max(1);
    let mut problem = Problem { nodes, supplies: vec![0; nodes as usize], arcs: Vec::new() };
    let mut between: Vec<u32> = (ends..nodes - ends).collect();
    between.shuffle(&mut rng);
    // One chain per source through its share of the nodes between, to one sink.
    for (source, share) in (0..ends).zip(between.chunks(between.len().div_ceil(ends as usize))) {
        let sink = nodes - 1 - source;
        let amount = rng.random_range(1..=1_000) * 10;
        problem.supplies[source as usize] = amount;
        problem.supplies[sink as usize] = -amount;
        let mut tail = source;
        for &head in share.iter().chain([&sink]) {
            let cost = rng.random_range(5_000..=10_000);
            problem.arcs.push(Arc { tail, head, capacity: amount, cost });
            tail = head;
        }
    }
    while problem.arcs.len() < arcs {
        // Nothing enters a source or leaves a sink.
        let tail = rng.random_range(0..nodes - ends);
        let head = rng.random_range(ends..nodes);
        let (capacity, cost) = (rng.random_range(1..=1_000), rng.random_range(1..=10_000));
        if tail != head {
            problem.arcs.push(Arc { tail, head, capacity, cost });
        }
    }
    problem
}

fn grid(nodes: u32, arcs: usize, seed: u64) -> Problem {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let width = nodes.isqrt().max(2);
    let height = (nodes / width).max(2);
    let nodes = width * height;
    let mut problem = Problem { nodes, supplies: vec![0; nodes as usize], arcs: Vec::new() };
    let at = |x: u32, y: u32| y % height * width + x % width;
    for (x, y) in (0..height).flat_map(|y| (0..width).map(move |x| (x, y))) {
        // Streets alternate, as avenues do.
        let east = if y % 2 == 0 { at(x + 1, y) } else { at(x + width - 1, y) };
        let south = if x % 2 == 0 { at(x, y + 1) } else { at(x, y + height - 1) };
        for head in [east, south] {
            let (capacity, cost) = (rng.random_range(1..=20_000), rng.random_range(1..=10_000));
            problem.arcs.push(Arc { tail: at(x, y), head, capacity, cost });
        }
    }
    let pairs = (nodes / 100).max(1);
    for _ in 0..pairs {
        let (tail, head) = (rng.random_range(0..nodes), rng.random_range(0..nodes));
        let amount = rng.random_range(1..=5_000);
        problem.supplies[tail as usize] += amount;
        problem.supplies[head as usize] -= amount;
        // A chord that could carry it alone, so that the whole is feasible.
        problem.arcs.push(Arc { tail, head, capacity: amount, cost: 400_000 });
    }
    while problem.arcs.len() < arcs {
        let (tail, head) = (rng.random_range(0..nodes), rng.random_range(0..nodes));
        let (capacity, cost) = (rng.random_range(1..=20_000), rng.random_range(1..=100_000));
        problem.arcs.push(Arc { tail, head, capacity, cost });
    }
    problem
}

//! The instances that all solvers get, from seeded generators of our own.
//!
//! It must never read a file or depend on anything but its arguments, so that anyone measures the
//! same thing.

use debal_planner::document::Value;
use debal_planner::network::{Link, NetworkDefinition, Place};
use debal_planner::plan::{Mode, Problem as PlanProblem};
use debal_planner::simplex::{Arc, Problem, SolveError, solve};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::Failure;

/// The families of problems with charges.
pub const CHARGED_FAMILIES: [&str; 2] = ["hub", "mesh"];

/// A problem with charges on `edges` edges. `hub`: leaves on hubs, links between hubs that are
/// either dear and fast or cheap and slow, some with a flat fee or a capacity. `mesh`: channels
/// between hubs, a capacity and a small fee each way.
pub fn charged(family: &str, edges: usize, mode: Mode, seed: u64) -> Result<PlanProblem, Failure> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    if family == "hub" { hub(edges, mode, &mut rng) } else { mesh(edges, mode, &mut rng) }
}

fn hub(edges: usize, mode: Mode, rng: &mut ChaCha8Rng) -> Result<PlanProblem, Failure> {
    let (hubs, leaves) = (edges / 10, edges / 4);
    let mut places: Vec<Place> = (0..hubs).map(|h| place(format!("@h{h}"), None)).collect();
    places.extend((0..leaves).map(|leaf| place(format!("p{leaf}"), Some(leaf % hubs))));
    let moving = leaves * 3 / 8;
    let sent: Vec<u64> = (0..moving).map(|_| rng.random_range(5_000..500_000)).collect();
    let total: u64 = sent.iter().sum();
    let mut taken = vec![total / moving as u64; moving];
    taken[0] += total - taken.iter().sum::<u64>();
    for _ in 0..moving * 4 {
        let (one, other) = (rng.random_range(0..moving), rng.random_range(0..moving));
        let moved = rng.random_range(0..=taken[one] / 2);
        taken[one] -= moved;
        taken[other] += moved;
    }
    let mut ring: Vec<usize> = (0..hubs).collect();
    ring.shuffle(rng);
    let mut links = Vec::new();
    for number in 0..edges - 2 * leaves {
        let (from, to) = if number < hubs {
            (ring[number], ring[(number + 1) % hubs])
        } else {
            let from = rng.random_range(0..hubs);
            (from, (from + rng.random_range(1..hubs)) % hubs)
        };
        let fast = rng.random_range(0..5) < 2;
        let time = if fast { rng.random_range(5..60) } else { rng.random_range(200..1_200) };
        let flat = if rng.random_range(0..5) < 2 { rng.random_range(1..=50) * 100 } else { 0 };
        let few = number >= hubs && rng.random_range(0..4) == 0;
        links.push(Link {
            src: format!("@h{from}"),
            dest: format!("@h{to}"),
            variable_fee: decimal(rng.random_range(0..=40), 3)?,
            fixed_fee: decimal(flat, 0)?,
            time_sec: decimal(time, 0)?,
            capacity: few.then(|| rng.random_range(total / 25..=total * 2 / 5)),
            tags: vec![format!("t{number}")],
            ..Link::default()
        });
    }
    let mut current = vec![0; places.len()];
    let mut target = vec![Some(0); places.len()];
    let mut order: Vec<usize> = (hubs..hubs + leaves).collect();
    order.shuffle(rng);
    for (number, (&sends, &takes)) in sent.iter().zip(&taken).enumerate() {
        current[order[number]] = sends;
        target[order[moving + number]] = Some(takes);
    }
    let network = NetworkDefinition { places, links, auto_intra: true }.build()?;
    Ok(PlanProblem::new(network, current, target, Vec::new(), mode)?)
}

fn mesh(edges: usize, mode: Mode, rng: &mut ChaCha8Rng) -> Result<PlanProblem, Failure> {
    let nodes = edges / 5;
    let places: Vec<Place> = (0..nodes).map(|n| place(format!("@n{n}"), None)).collect();
    let mut links = Vec::new();
    let mut open = Problem { nodes: nodes as u32, supplies: vec![0; nodes], arcs: Vec::new() };
    for number in 0..edges / 2 {
        let from = if number < nodes { number } else { rng.random_range(0..nodes) };
        let to = (from + rng.random_range(1..nodes)) % nodes;
        let whole = rng.random_range(50..=2_000u64) * 1_000;
        let near = whole / 100 * rng.random_range(2..=98);
        for (tail, head, capacity) in [(from, to, near), (to, from, whole - near)] {
            links.push(Link {
                src: format!("@n{tail}"),
                dest: format!("@n{head}"),
                variable_fee: decimal(rng.random_range(1..2_000), 6)?,
                fixed_fee: decimal([0, 0, 1, 1, 1, 5, 10][rng.random_range(0..7)], 0)?,
                time_sec: decimal(rng.random_range(1..=30), 0)?,
                capacity: Some(capacity),
                tags: vec![format!("t{number}")],
                ..Link::default()
            });
            let (tail, head, capacity) = (tail as u32, head as u32, capacity.cast_signed());
            open.arcs.push(Arc { tail, head, capacity, cost: 0 });
        }
    }
    let mut order: Vec<usize> = (0..nodes).collect();
    order.shuffle(rng);
    for pair in order.chunks_exact(2).take((nodes / 8).max(1)) {
        let amount = rng.random_range(50_000..400_000);
        open.supplies[pair[0]] = amount;
        open.supplies[pair[1]] = -amount;
    }
    // Feasible by shrinking what moves until it fits.
    while let Err(SolveError::Infeasible(_)) = solve(&open) {
        open.supplies.iter_mut().for_each(|supply| *supply = *supply * 3 / 4);
        let rest: i64 = open.supplies.iter().sum();
        open.supplies[order[0]] -= rest;
    }
    let current = open.supplies.iter().map(|s| s.max(&0).unsigned_abs()).collect();
    let target = open.supplies.iter().map(|s| Some(s.min(&0).unsigned_abs())).collect();
    let network = NetworkDefinition { places, links, auto_intra: false }.build()?;
    Ok(PlanProblem::new(network, current, target, Vec::new(), mode)?)
}

fn place(id: String, hub: Option<usize>) -> Place {
    Place { id, hub: hub.map(|number| format!("@h{number}")) }
}

/// `digits` with the last `places` of them behind the point.
fn decimal(digits: u64, places: u32) -> Result<debal_planner::exact::Decimal, Failure> {
    let whole = 10u64.pow(places);
    let text = format!("{}.{:0>2$}", digits / whole, digits % whole, places.max(1) as usize);
    debal_planner::exact::Decimal::parse(&text).ok_or_else(|| text.into())
}

/// A case of the vectors as a problem file: without what only graders read.
pub fn bare(case: &Value) -> Value {
    let kept = ["network", "current", "target", "in_flight", "mode"];
    let entries = case.as_table().unwrap_or_default();
    let entries = entries.iter().filter(|(key, _)| kept.contains(&key.as_str()));
    Value::Table(entries.cloned().collect())
}

//! Times the planner once at the size of the whole Lightning network and prints the figures.
//!
//! It must never be part of a test: it prints wall-clock times, which depend on the machine.

use std::time::Instant;

use debal_planner::circulation::{self, Helpers, certify};
use debal_planner::cycles::{Limits, decompose};
use debal_planner::paths::{Graph, PathArc, Query, Reliability};
use debal_planner::score::Score;
use debal_planner::simplex;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

#[path = "../tests/oracles/graphs.rs"]
mod graphs;
#[path = "../tests/oracles/lightning.rs"]
mod lightning;

/// A graph: how many nodes, and per channel its two ends and its capacity in sat.
struct Channels {
    nodes: u32,
    list: Vec<(u32, u32, u64)>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for (nodes, arcs) in [(1_500, 10_000), (15_000, 100_000)] {
        let problem = graphs::flow_problem(nodes, arcs, 1);
        let start = Instant::now();
        let solution = simplex::solve(&problem)?;
        let took = start.elapsed();
        println!("flow {nodes} / {arcs}: {took:?}, {} pivots", solution.pivots);
    }
    let channels = match std::env::args().nth(1) {
        Some(file) => read(&std::fs::read_to_string(file)?)?,
        None => generated(17_000, 32_000),
    };
    for helpers in [Helpers::Excluded, Helpers::Included] {
        circulate(&channels, helpers)?;
    }
    pay(&channels)
}

fn generated(nodes: u32, channels: usize) -> Channels {
    let list = lightning::lightning_like(nodes, channels, 1);
    Channels { nodes, list }
}

/// Reads lines of `node node capacity_sat`; what follows on a line is ignored.
fn read(text: &str) -> Result<Channels, Box<dyn std::error::Error>> {
    let mut channels = Channels { nodes: 0, list: Vec::new() };
    for line in text.lines() {
        let mut fields = line.split_whitespace().map(str::parse::<u64>);
        let mut next = || fields.next().ok_or("a line is short");
        let (one, other, capacity_sat) = (next()?? as u32, next()?? as u32, next()??);
        channels.nodes = channels.nodes.max(one + 1).max(other + 1);
        channels.list.push((one, other, capacity_sat));
    }
    Ok(channels)
}

fn circulate(channels: &Channels, helpers: Helpers) -> Result<(), Box<dyn std::error::Error>> {
    let nodes = channels.nodes;
    let arcs = lightning::uniform_balances(&channels.list, helpers, 1);
    let scores = vec![Score::ZERO; arcs.len()];
    let start = Instant::now();
    let best = circulation::solve(nodes, &arcs, &scores)?;
    let solved = start.elapsed();
    certify(nodes, &arcs, &scores, &best.flows_msat, &best.potentials)?;
    let certified = start.elapsed() - solved;
    let skew: i128 =
        arcs.iter().map(|a| i128::from(a.capacity_msat) * i128::from(a.value_ppm.max(0))).sum();
    let (pivots, removed) = (best.pivots, best.objective as f64 / skew as f64);
    println!("circulation, helpers {helpers:?}, {nodes} nodes, {} arcs:", arcs.len());
    println!(
        "  solve {solved:?}, {pivots} pivots, certify {certified:?}, {removed:.3} of skew gone"
    );
    for max_hops in [4, 6, 8, 20, u32::MAX] {
        let limits = Limits { max_hops, min_amount_msat: 1, max_cycles: usize::MAX };
        let start = Instant::now();
        let parts = decompose(nodes, &arcs, &scores, &best.flows_msat, &limits)?;
        let took = start.elapsed();
        let kept = 1.0 - parts.leftover_value as f64 / best.objective as f64;
        println!(
            "  at most {max_hops} hops: {} cycles, {kept:.4} of the value, {took:?}",
            parts.cycles.len()
        );
    }
    Ok(())
}

fn pay(channels: &Channels) -> Result<(), Box<dyn std::error::Error>> {
    let arcs = (0u64..).zip(&channels.list).flat_map(|(label, &(tail, head, capacity_sat))| {
        let policy = PathArc {
            tail,
            head,
            capacity_msat: capacity_sat * 1000,
            min_htlc_msat: 1_000,
            max_htlc_msat: u64::MAX,
            base_fee_msat: label % 3 * 500,
            fee_ppm: label * 7919 % 1000,
            disabled: false,
        };
        [policy, PathArc { tail: head, head: tail, ..policy }]
    });
    let graph = Graph::new(channels.nodes, arcs.collect())?;
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let mut end = || channels.list[rng.random_range(0..channels.list.len())].0;
    let pairs: Vec<(u32, u32)> = (0..20).map(|_| (end(), end())).filter(|p| p.0 != p.1).collect();
    for (k, nat_price_msat) in [(1, 0), (1, 100_000), (5, 0), (5, 100_000)] {
        let start = Instant::now();
        let mut found = 0;
        for &(source, target) in &pairs {
            let query = Query::payment(source, target, 50_000_000);
            let reliability = Reliability::UniformPrior { nat_price_msat };
            found += graph.paths(&Query { k, reliability, ..query })?.len();
        }
        let took = start.elapsed() / pairs.len() as u32;
        println!("paths, k {k}, nat price {nat_price_msat}: {found} paths, {took:?} a query");
    }
    Ok(())
}

//! Times the planner once at the size of the whole Lightning network and prints the figures.
//!
//! It must never be part of a test: it prints wall-clock times, which depend on the machine.

use std::time::Instant;

use debal_planner::circulation::{self, Helpers, ResidualArc, certify};
use debal_planner::cycles::{Limits, decompose};
use debal_planner::paths::{Graph, PathArc, Query, Reliability};
use debal_planner::score::Score;
use debal_planner::simplex;

#[path = "../tests/common/mod.rs"]
mod common;

const NODES: u32 = 17_000;
const CHANNELS: usize = 32_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for (nodes, arcs) in [(1_500, 10_000), (15_000, 100_000)] {
        let problem = common::flow_problem(nodes, arcs, 1);
        let start = Instant::now();
        let solution = simplex::solve(&problem)?;
        let took = start.elapsed();
        println!("flow {nodes} / {arcs}: {took:?}, {} pivots", solution.pivots);
    }
    for helpers in [Helpers::Excluded, Helpers::Included] {
        let arcs = common::lightning_like(NODES, CHANNELS, helpers, 1);
        circulate(&format!("circulation {helpers:?}"), &arcs)?;
    }
    pay()
}

fn circulate(name: &str, arcs: &[ResidualArc]) -> Result<(), Box<dyn std::error::Error>> {
    let scores = vec![Score::ZERO; arcs.len()];
    let start = Instant::now();
    let best = circulation::solve(NODES, arcs, &scores)?;
    let solved = start.elapsed();
    certify(NODES, arcs, &scores, &best.flows_msat, &best.potentials)?;
    let certified = start.elapsed() - solved;
    println!("{name}: {} arcs, solve {solved:?}, certify {certified:?}", arcs.len());
    for max_hops in [4, 6, 8, 20, u32::MAX] {
        let limits = Limits { max_hops, min_amount_msat: 1, max_cycles: usize::MAX };
        let start = Instant::now();
        let parts = decompose(NODES, arcs, &scores, &best.flows_msat, &limits)?;
        let took = start.elapsed();
        let kept = 1.0 - parts.leftover_value as f64 / best.objective as f64;
        println!("  at most {max_hops} hops: {} cycles, {kept:.4} of the value, {took:?}", parts.cycles.len());
    }
    Ok(())
}

fn pay() -> Result<(), Box<dyn std::error::Error>> {
    let channels = common::lightning_like(NODES, CHANNELS, Helpers::Excluded, 1);
    let arcs = channels.iter().flat_map(|channel| {
        let policy = PathArc {
            tail: channel.tail,
            head: channel.head,
            capacity_msat: channel.capacity_msat * 3,
            min_htlc_msat: 1_000,
            max_htlc_msat: u64::MAX,
            base_fee_msat: channel.label % 3 * 500,
            fee_ppm: channel.label * 7919 % 1000,
            disabled: false,
        };
        [policy, PathArc { tail: policy.head, head: policy.tail, ..policy }]
    });
    let graph = Graph::new(NODES, arcs.collect())?;
    for (k, nat_price_msat) in [(1, 0), (1, 100_000), (5, 100_000)] {
        let start = Instant::now();
        let mut found = 0;
        for turn in 0..10 {
            let query = Query::payment(NODES - 1 - turn, 5_000 + turn, 50_000_000);
            let reliability = Reliability::UniformPrior { nat_price_msat };
            found += graph.paths(&Query { k, reliability, ..query })?.len();
        }
        println!("10 queries, k {k}, nat price {nat_price_msat}: {found} paths, {:?}", start.elapsed());
    }
    Ok(())
}

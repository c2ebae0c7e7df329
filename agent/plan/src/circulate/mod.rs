//! `debal plan circulate`: the most valuable circulation of a whole channel graph, its proof, and
//! the cycles that carry it.
//!
//! It must never print a figure that it has not checked: the optimum is certified, and the cycles
//! are checked against the arcs as a member would check a leader's plan, before anything is shown.

mod market;
mod show;

use std::io::Write;
use std::time::{Duration, Instant};

use debal_planner::circulation::{
    Circulation, Claim, ClaimedCycle, Move, ResidualArc, certify, check_claim, dual_bound,
    solve_watched,
};
use debal_planner::cycles::{Capped, Caps, Disjoint, plan_capped};
use debal_planner::score::Score;

use crate::Shown;
use crate::args::{Circulate, Share};
use crate::failure::Failure;
use market::Market;

/// Everything that was found, checked.
struct Found {
    best: Circulation,
    plan: Capped,
    /// What the potentials prove that no plan exceeds, and how far the plan is from it.
    bound: i128,
    gap: i128,
    /// What each stage took, in order.
    stages: Vec<Stage>,
}

/// What one stage took.
struct Stage {
    name: &'static str,
    /// By the clock.
    wall: Duration,
    /// On the core, where the system says so: what other programs do beside does not count.
    core: Option<Duration>,
}

/// Runs the command.
pub fn circulate(given: &Circulate, json: bool, err: &mut dyn Write) -> Result<Shown, Failure> {
    let mut clock = Stages::new();
    let market = Market::read(given)?;
    clock.ended("read");
    if clock.stages.iter().any(|stage| stage.wall.as_secs() >= 2) {
        let _ = writeln!(err, "read {} channels", market.channels.len());
    }
    let found = find(&market, given, clock, err)?;
    let text = if json {
        format!("{}\n", show::json(&market, given, &found))
    } else {
        show::text(&market, given, &found)
    };
    Shown::done(text)
}

fn find(
    market: &Market,
    given: &Circulate,
    mut clock: Stages,
    err: &mut dyn Write,
) -> Result<Found, Failure> {
    let arcs = market.arcs();
    let scores = vec![Score::ZERO; arcs.len()];
    clock.ended("arcs");
    let (start, mut told) = (Instant::now(), 0);
    let best = solve_watched(market.nodes, &arcs, &scores, &mut |pivots| {
        let seconds = start.elapsed().as_secs();
        if seconds >= told + 2 {
            told = seconds;
            let _ = writeln!(err, "solving for {seconds} s: {pivots} pivots");
        }
    });
    let best = best.map_err(|error| Failure::of(3, "invalid_graph", error.to_string()))?;
    clock.ended("optimum");
    let unproven = |error: &dyn std::fmt::Display| Failure::failed(format!("not proven: {error}"));
    certify(market.nodes, &arcs, &scores, &best.flows_msat, &best.potentials)
        .map_err(|error| unproven(&error))?;
    clock.ended("certificate");
    let caps = Caps {
        max_hops: given.max_hops,
        min_amount_msat: given.min_amount,
        max_cycles: given.max_cycles,
        disjoint: match given.disjoint {
            Share::Nothing => Disjoint::Nothing,
            Share::Channels => Disjoint::Channels,
            Share::Nodes => Disjoint::Nodes,
        },
        effort: given.effort.saturating_mul(1_000_000),
    };
    let least = |arc: &ResidualArc| market.least_msat(arc);
    let plan = plan_capped(market.nodes, &arcs, &scores, &best, &caps, least)
        .map_err(|error| unproven(&error))?;
    clock.ended("cycles");
    let bound = dual_bound(market.nodes, &arcs, &scores, &best.potentials)
        .map_err(|error| unproven(&error))?;
    let claim = Claim { potentials: best.potentials.clone(), value: plan.value, bound };
    let cycles = claimed(&arcs, &plan);
    let gap = check_claim(market.nodes, &arcs, &scores, &cycles, &claim)
        .map_err(|error| unproven(&error))?;
    clock.ended("check of the plan");
    Ok(Found { best, plan, bound, gap, stages: clock.stages })
}

/// The cycles as a checker takes them.
fn claimed(arcs: &[ResidualArc], plan: &Capped) -> Vec<ClaimedCycle> {
    let hop = |&direction: &u32| {
        let arc = arcs[plan.directions.arcs(direction)[0] as usize];
        Move { label: arc.label, tail: arc.tail, head: arc.head }
    };
    let claim = |cycle: &debal_planner::cycles::PlannedCycle| ClaimedCycle {
        moves: cycle.directions.iter().map(hop).collect(),
        amount_msat: cycle.amount_msat,
    };
    plan.cycles.iter().map(claim).collect()
}

/// What took how long.
struct Stages {
    wall: Instant,
    core: Option<Duration>,
    stages: Vec<Stage>,
}

impl Stages {
    fn new() -> Stages {
        Stages { wall: Instant::now(), core: on_core(), stages: Vec::new() }
    }

    fn ended(&mut self, name: &'static str) {
        let now = on_core();
        let core = now.zip(self.core).map(|(now, before)| now.saturating_sub(before));
        self.stages.push(Stage { name, wall: self.wall.elapsed(), core });
        (self.wall, self.core) = (Instant::now(), now);
    }
}

/// How long this thread has run on a core, where the system says so.
fn on_core() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

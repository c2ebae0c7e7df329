//! B1, the static ceiling: from one drawn state, how much of the skew that any circulation could
//! remove does a method remove?
//!
//! `phi` is that share: 1 is the exact optimum among channels that want it, whose certificate is
//! checked for every seed; helpers can exceed it.

use crate::BenchError;
use crate::clock::{Spent, Stopwatch};
use crate::figures::Figure;
use crate::graphs::GraphSource;
use crate::measures::{Balance, balance};
use crate::method::{Method, Outcome, check};
use crate::methods::exact::{Exact, optimum};
use crate::methods::greedy::Greedy;
use crate::methods::local::Local;
use crate::methods::operators::Operators;
use crate::methods::prices::Prices;
use crate::methods::revive::Revive;
use crate::methods::summaries::{Hybrid, Summaries};
use crate::methods::{Nothing, applied};
use crate::report::{Column, Report, Row};
use crate::states::{Demands, State, TUNING_SEEDS};
use debal_planner::prices::{Precision, Rounds};
use debal_topology::balances::StartingBalances;

/// What is run.
#[derive(Debug, Clone)]
pub struct Options {
    /// The graph.
    pub source: GraphSource,
    /// How balances are drawn.
    pub balances: StartingBalances,
    /// Seeds 1 to this are measured.
    pub seeds: u64,
}

/// Names of the metrics, in the order of the table.
pub const METRICS: [&str; 14] = [
    "phi",
    "removed",
    "skew",
    "under_theta",
    "gini",
    "cycles",
    "hops",
    "moved_btc",
    "rounds",
    "messages_per_node",
    "bytes_per_node",
    "processor_s",
    "wall_s",
    "channels",
];

/// The table's columns.
pub const COLUMNS: [Column; 8] = [
    Column { metric: "phi", heading: "phi", digits: 3, interval: true },
    Column { metric: "skew", heading: "skew", digits: 3, interval: false },
    Column { metric: "under_theta", heading: "<theta", digits: 3, interval: false },
    Column { metric: "gini", heading: "G", digits: 3, interval: false },
    Column { metric: "hops", heading: "hops", digits: 1, interval: false },
    Column { metric: "messages_per_node", heading: "msgs", digits: 0, interval: false },
    Column { metric: "bytes_per_node", heading: "bytes", digits: 0, interval: false },
    Column { metric: "processor_s", heading: "cpu s", digits: 2, interval: false },
];

/// The plots: metric and title.
pub const PLOTS: [(&str, &str); 2] =
    [("phi", "Share of the exact optimum (phi)"), ("bytes_per_node", "Bytes per node to agree")];

/// The methods whose names contain one of `words`; all of them without words.
///
/// # Errors
/// Words that no method's name contains.
pub fn methods(words: &[String]) -> Result<Vec<Box<dyn Method>>, BenchError> {
    let mut all = all_methods();
    if !words.is_empty() {
        all.retain(|method| words.iter().any(|word| method.name().contains(word.as_str())));
    }
    if all.is_empty() {
        return Err(BenchError::Usage(format!("no method is called like {}", words.join(", "))));
    }
    Ok(all)
}

fn all_methods() -> Vec<Box<dyn Method>> {
    let mut all: Vec<Box<dyn Method>> = vec![Box::new(Nothing), Box::new(Operators::default())];
    all.push(Box::new(Local));
    for hops in [Some(4), Some(5), None] {
        all.push(Box::new(Greedy { hops, under: None }));
    }
    all.push(Box::new(Revive { group: 300 }));
    for bits in [2, 3, 4] {
        all.push(Box::new(Summaries { bits }));
    }
    for rounds in [50, 100] {
        all.push(Box::new(Prices::gradient(rounds)));
    }
    for rounds in [10, 20, 50, 100, 200] {
        all.push(Box::new(Prices::of(Rounds::of(rounds))));
    }
    let in_weather = |name: &str, rounds, loss, idle| {
        let name = name.to_owned();
        Box::new(Prices { name, loss, idle, ..Prices::of(Rounds::of(rounds)) })
    };
    all.push(in_weather("prices 100, 20 % lost", 100, 0.2, 0.0));
    all.push(in_weather("prices 50, half idle", 50, 0.0, 0.5));
    let short = Rounds { precision: Precision::TwoBytes, ..Rounds::of(50) };
    all.push(Box::new(Prices { name: "prices 50, 2 bytes".to_owned(), ..Prices::of(short) }));
    all.push(Box::new(Hybrid { bits: 4, rounds: 10 }));
    let name = "prices 50, helpers".to_owned();
    all.push(Box::new(Prices { name, helpers: true, ..Prices::of(Rounds::of(50)) }));
    all.push(Box::new(Exact { helpers: false }));
    all.push(Box::new(Exact { helpers: true }));
    all
}

/// The best of every method's candidates by phi (the least left off target) on the tuning seeds,
/// in the methods' order.
fn tuned(
    options: &Options,
    methods: &[Box<dyn Method>],
    watch: &mut dyn FnMut(&str),
) -> Result<Vec<Option<Box<dyn Method>>>, BenchError> {
    let mut chosen = Vec::with_capacity(methods.len());
    for method in methods {
        let mut best: Option<(f64, Box<dyn Method>)> = None;
        for candidate in method.candidates() {
            watch(&format!("tuning {}", method.name()));
            let mut reached = 0.0;
            for seed in TUNING_SEEDS {
                let graph = options.source.graph(seed)?;
                let state = State::draw(&graph, options.balances, seed)?;
                let outcome = candidate.settle(&state, seed)?;
                reached -= balance(&state, &outcome.held_msat).off_target;
            }
            if best.as_ref().is_none_or(|(most, _)| reached > *most) {
                best = Some((reached, candidate));
            }
        }
        chosen.push(best.map(|(_, candidate)| candidate));
    }
    Ok(chosen)
}

/// Runs `methods` on every seed. `watch` is told what is being done.
///
/// # Errors
/// [`BenchError`] of the graph, of the optimum, or of a method.
pub fn run(
    options: &Options,
    methods: &[Box<dyn Method>],
    watch: &mut dyn FnMut(&str),
) -> Result<Report, BenchError> {
    let tuned = tuned(options, methods, watch)?;
    let chosen: Vec<&dyn Method> = methods
        .iter()
        .zip(&tuned)
        .map(|(method, tuned)| tuned.as_ref().unwrap_or(method).as_ref())
        .collect();
    let mut observed = vec![vec![Vec::new(); METRICS.len()]; methods.len()];
    let mut graph = options.source.graph(1)?;
    for seed in 1..=options.seeds {
        if seed > 1 && matches!(options.source, GraphSource::Generated(..)) {
            graph = options.source.graph(seed)?;
        }
        let state = State::draw(&graph, options.balances, seed)?;
        let start = Start::of(&state)?;
        for (method, observed) in chosen.iter().zip(&mut observed) {
            watch(&format!("seed {seed}: {}", method.name()));
            let stopwatch = Stopwatch::start();
            let outcome = method.settle(&state, seed)?;
            let spent = stopwatch.spent();
            check(*method, &state, &outcome)?;
            let values = start.values(&state, &outcome, spent);
            for (list, value) in observed.iter_mut().zip(values) {
                list.push(value);
            }
        }
    }
    let row = |(method, lists): (&&dyn Method, Vec<Vec<f64>>)| Row {
        method: method.name(),
        metrics: METRICS
            .iter()
            .zip(lists)
            .map(|(name, list)| ((*name).to_owned(), Figure::of(&list)))
            .collect(),
    };
    Ok(Report {
        experiment: "b1".to_owned(),
        graph: options.source.name(),
        seeds: options.seeds,
        state: state_name(options.balances).to_owned(),
        rows: chosen.iter().zip(observed).map(row).collect(),
    })
}

/// The name of a way to draw balances.
#[must_use]
pub const fn state_name(balances: StartingBalances) -> &'static str {
    match balances {
        StartingBalances::Uniform => "uniform",
        StartingBalances::Half => "half",
        StartingBalances::Bimodal => "bimodal",
        StartingBalances::OneSided => "one-sided",
    }
}

/// A state before anything is done, and what the optimum removes from it.
struct Start {
    before: Balance,
    /// What the optimum removes of [`Balance::off_target`].
    removable: f64,
}

impl Start {
    fn of(state: &State) -> Result<Self, BenchError> {
        let arcs = state.demands();
        let best = optimum(state.nodes, &arcs)?;
        let held: Vec<u64> = state.channels.iter().map(|channel| channel.held_msat).collect();
        let before = balance(state, &held);
        let after = balance(state, &applied(state, &arcs, &best.flows_msat));
        Ok(Self { before, removable: before.off_target - after.off_target })
    }

    /// In the order of [`METRICS`].
    fn values(&self, state: &State, outcome: &Outcome, spent: Spent) -> [f64; METRICS.len()] {
        let after = balance(state, &outcome.held_msat);
        let removed = self.before.off_target - after.off_target;
        let nodes = f64::from(state.nodes);
        let hops: u64 = outcome.cycles.iter().map(|(hops, _)| u64::from(*hops)).sum();
        let cycles = outcome.cycles.len() as f64;
        let moved_msat: u64 = outcome.cycles.iter().map(|(_, amount)| amount).sum();
        [
            if self.removable > 0.0 { removed / self.removable } else { 1.0 },
            removed / self.before.off_target.max(f64::MIN_POSITIVE),
            after.skew,
            after.under_theta,
            after.gini,
            cycles,
            hops as f64 / cycles.max(1.0),
            moved_msat as f64 / 1e11,
            outcome.cost.rounds as f64,
            outcome.cost.messages as f64 / nodes,
            outcome.cost.bytes as f64 / nodes,
            spent.processor_s,
            spent.wall_s,
            state.channels.len() as f64,
        ]
    }
}

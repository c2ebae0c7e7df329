//! B1, the static ceiling: from one drawn state, how much of the skew that any circulation could
//! remove does a method remove?
//!
//! `phi` is that share: 1 is the exact optimum among channels that want it, whose certificate is
//! checked for every seed; helpers can exceed it.

use crate::BenchError;
use crate::clock::{Spent, Stopwatch};
use crate::experiment::{Experiment, measure, named};
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
use crate::methods::swaps::Autoloop;
use crate::methods::{Nothing, applied};
use crate::report::{Column, Report, Row};
use crate::states::{Demands, State, TUNING_SEEDS};
use debal_planner::prices::{Precision, Rounds};
use debal_topology::Graph;
use debal_topology::balances::StartingBalances;
use std::ops::Range;

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
pub const METRICS: [&str; 16] = [
    "phi",
    "removed",
    "skew",
    "under_theta",
    "gini",
    "cycles",
    "hops",
    "moved_btc",
    "on_chain_btc",
    "swap_fees_btc",
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

/// The columns of what stands beside the table: rows that go through the chain, and what it costs.
pub const CHAIN: [Column; 4] = [
    Column { metric: "phi", heading: "phi", digits: 3, interval: true },
    Column { metric: "cycles", heading: "swaps", digits: 0, interval: false },
    Column { metric: "on_chain_btc", heading: "on-chain BTC", digits: 2, interval: true },
    Column { metric: "swap_fees_btc", heading: "fees BTC", digits: 3, interval: true },
];

/// The rows that go through the chain, if there are any.
#[must_use]
pub fn through_the_chain(report: &Report) -> Option<Report> {
    let swaps = |row: &&Row| row.figure("on_chain_btc").is_some_and(|figure| figure.mean > 0.0);
    let rows: Vec<Row> = report.rows.iter().filter(swaps).cloned().collect();
    (!rows.is_empty()).then(|| Report { rows, ..report.clone() })
}

/// The plots: metric and title.
pub const PLOTS: [(&str, &str); 2] =
    [("phi", "Share of the exact optimum (phi)"), ("bytes_per_node", "Bytes per node to agree")];

/// The methods whose names contain one of `words`; all of them without words.
///
/// # Errors
/// Words that no method's name contains.
pub fn methods(words: &[String]) -> Result<Vec<Box<dyn Method>>, BenchError> {
    named(all_methods(), words)
}

fn all_methods() -> Vec<Box<dyn Method>> {
    let mut all: Vec<Box<dyn Method>> = vec![Box::new(Nothing), Box::new(Operators::default())];
    // Loopmax has no row: it acts on the drift of a balance, and a single state has none.
    all.push(Box::new(Autoloop { low: 0.3 }));
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
    for rounds in [3, 5, 10, 20, 50, 100, 200] {
        all.push(Box::new(Prices::of(Rounds::of(rounds))));
        all.extend(Prices::learned(rounds).map(|one| Box::new(one) as Box<dyn Method>));
    }
    let in_weather = |name: &str, rounds, loss, idle| {
        let name = name.to_owned();
        Box::new(Prices { name, loss, idle, ..Prices::of(Rounds::of(rounds)) })
    };
    all.push(in_weather("prices 100, 20 % lost", 100, 0.2, 0.0));
    all.push(in_weather("prices 50, half idle", 50, 0.0, 0.5));
    all.push(in_weather("prices 5, 20 % lost", 5, 0.2, 0.0));
    // Few rounds have few chances to hear what was lost.
    if let Some(learned) = Prices::learned(5) {
        let name = format!("{}, 20 % lost", learned.name);
        all.push(Box::new(Prices { name, loss: 0.2, ..learned }));
    }
    let short = Rounds { precision: Precision::TwoBytes, ..Rounds::of(50) };
    all.push(Box::new(Prices { name: "prices 50, 2 bytes".to_owned(), ..Prices::of(short) }));
    all.push(Box::new(Hybrid { bits: 4, rounds: 10 }));
    let name = "prices 50, helpers".to_owned();
    all.push(Box::new(Prices { name, helpers: true, ..Prices::of(Rounds::of(50)) }));
    all.push(Box::new(Exact { helpers: false }));
    all.push(Box::new(Exact { helpers: true }));
    all
}

/// States of one graph, or of one drawn per seed.
struct Static<'a> {
    options: &'a Options,
    /// A file is read once.
    file: Option<Graph>,
}

/// A state, and what the optimum removes from it.
struct Setting {
    state: State,
    start: Start,
}

impl Experiment for Static<'_> {
    type Setting = Setting;
    type Reached = (Outcome, Spent);

    fn metrics(&self) -> &'static [&'static str] {
        &METRICS
    }

    fn tuning_seeds(&self) -> Range<u64> {
        TUNING_SEEDS
    }

    fn setting(&self, seed: u64) -> Result<Setting, BenchError> {
        let drawn;
        let graph = match &self.file {
            Some(graph) => graph,
            None => {
                drawn = self.options.source.graph(seed)?;
                &drawn
            }
        };
        let state = State::draw(graph, self.options.balances, seed)?;
        let start = Start::of(&state)?;
        Ok(Setting { state, start })
    }

    fn reach(
        &self,
        setting: &Setting,
        method: &dyn Method,
        seed: u64,
    ) -> Result<(Outcome, Spent), BenchError> {
        let stopwatch = Stopwatch::start();
        let outcome = method.settle(&setting.state, seed)?;
        let spent = stopwatch.spent();
        check(method, &setting.state, &outcome)?;
        Ok((outcome, spent))
    }

    /// The least left off target.
    fn merit(&self, setting: &Setting, (outcome, _): &(Outcome, Spent)) -> f64 {
        -balance(&setting.state, &outcome.held_msat).off_target
    }

    fn values(
        &self,
        setting: &Setting,
        _methods: &[&dyn Method],
        reached: &[(Outcome, Spent)],
        _seed: u64,
    ) -> Result<Vec<Vec<f64>>, BenchError> {
        let Setting { state, start } = setting;
        let values = |(outcome, spent): &(Outcome, Spent)| start.values(state, outcome, *spent);
        Ok(reached.iter().map(|one| values(one).to_vec()).collect())
    }
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
    let file = match &options.source {
        GraphSource::File(_) => Some(options.source.graph(1)?),
        GraphSource::Generated(..) => None,
    };
    let rows = measure(&Static { options, file }, methods, options.seeds, watch)?;
    Ok(Report {
        experiment: "b1".to_owned(),
        graph: options.source.name(),
        seeds: options.seeds,
        state: state_name(options.balances).to_owned(),
        rows,
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
            outcome.cost.on_chain_msat as f64 / 1e11,
            outcome.cost.swap_fees_msat as f64 / 1e11,
            outcome.cost.rounds as f64,
            outcome.cost.messages as f64 / nodes,
            outcome.cost.bytes as f64 / nodes,
            spent.processor_s,
            spent.wall_s,
            state.channels.len() as f64,
        ]
    }
}

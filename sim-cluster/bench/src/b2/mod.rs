//! B2, dynamic success: 200,000 payments over the dense core of a graph, rebalanced every 5,000;
//! how many more arrive, and how much is moved for it?
//!
//! `gain` is the share of what the exact opt-in circulation adds to the success without
//! rebalancing, `moved_share` what is moved for it, as a share of what the exact one moves.

pub mod agents;
pub mod forecast;

pub use debal_train::world::{demand, payments as world, traffic};

use crate::BenchError;
use crate::clock::Stopwatch;
use crate::experiment::{Experiment, measure, named};
use crate::graphs::GraphSource;
use crate::measures::balance;
use crate::method::{Cost, Method, check};
use crate::methods::Nothing;
use crate::methods::exact::Exact;
use crate::methods::greedy::Greedy;
use crate::methods::operators::Operators;
use crate::methods::prices::Prices;
use crate::methods::summaries::Summaries;
use crate::methods::swaps::{Autoloop, Loopmax};
use crate::report::{Column, Report};
use crate::states::{State, TUNING_SEEDS};
use agents::Agents;
use debal_learn::policy::Margin;
use debal_planner::prices::Rounds;
use demand::{Payment, payments};
use forecast::Forecast;
use std::ops::Range;
use world::{World, regime};

/// Payments between two rebalancings.
const PERIOD: usize = 5_000;

/// What is run.
#[derive(Debug, Clone)]
pub struct Options {
    /// The graph.
    pub source: GraphSource,
    /// Seeds 1 to this are measured.
    pub seeds: u64,
    /// Payments of a run; the second half is measured.
    pub payments: usize,
    /// Share of one-way demand, which no circulation serves.
    pub one_way: f64,
    /// Routes tried for a payment.
    pub attempts: u32,
}

/// Names of the metrics, in the order of the table.
pub const METRICS: [&str; 14] = [
    "success",
    "volume",
    "gain",
    "moved_share",
    "skew",
    "moved_sat",
    "swap_sat",
    "attempts",
    "messages",
    "bytes",
    "cpu_s",
    "run_cpu_s",
    "nodes",
    "channels",
];

/// The table's columns.
pub const COLUMNS: [Column; 7] = [
    Column { metric: "success", heading: "success", digits: 3, interval: true },
    Column { metric: "volume", heading: "volume", digits: 3, interval: false },
    Column { metric: "gain", heading: "gain", digits: 2, interval: true },
    Column { metric: "moved_share", heading: "moved", digits: 2, interval: false },
    Column { metric: "moved_sat", heading: "moved sat", digits: 0, interval: false },
    Column { metric: "skew", heading: "skew", digits: 2, interval: false },
    Column { metric: "cpu_s", heading: "cpu s", digits: 1, interval: false },
];

/// The plots: metric and title.
pub const PLOTS: [(&str, &str); 2] = [
    ("success", "Payments that arrive, second half"),
    ("moved_sat", "Moved by rebalancing, sat over all hops"),
];

/// The methods whose names contain one of `words`; all of them without words.
///
/// # Errors
/// Words that no method's name contains.
pub fn methods(words: &[String]) -> Result<Vec<Box<dyn Method>>, BenchError> {
    let all: Vec<Box<dyn Method>> = vec![
        Box::new(Nothing),
        Box::new(Greedy { hops: Some(4), under: Some(0.2) }),
        Box::new(Greedy { hops: Some(4), under: None }),
        Box::new(Operators::default()),
        Box::new(Autoloop { low: 0.3 }),
        Box::new(Loopmax { confirm: 0.5 }),
        Box::new(Summaries { bits: 4 }),
        Box::new(Prices::of(Rounds::of(20))),
        Box::new(Prices::of(Rounds::of(50))),
        Box::new(Exact { helpers: false }),
        Box::new(Exact { helpers: true }),
        Box::new(Forecast::default()),
        Box::new(Agents::new(None)),
        Box::new(Agents::new(Some(Margin::DEFAULT))),
    ];
    named(all, words)
}

/// One seed's network, payments and routes: the same for all methods.
#[derive(Debug)]
pub struct Setting {
    /// The network at the start.
    pub state: State,
    /// Who pays whom.
    pub payments: Vec<Payment>,
    routes: Vec<Vec<u32>>,
}

impl Setting {
    /// Draws the setting of `seed`.
    ///
    /// # Errors
    /// A graph that is none, or without a core.
    pub fn draw(options: &Options, seed: u64) -> Result<Self, BenchError> {
        let state = regime(&options.source, seed)?;
        let payments = payments(&state, options.payments, options.one_way, seed);
        let mut world = World::new(state.clone());
        let routes = payments.iter().map(|one| world.route(one).unwrap_or_default()).collect();
        Ok(Self { state, payments, routes })
    }
}

/// What a run came to.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Reached {
    /// Share of the payments of the second half that arrived, and of their amounts.
    pub success: f64,
    /// See `success`.
    pub volume: f64,
    /// Mean attempts of a payment of the second half.
    pub attempts: f64,
    /// Mean skew after the rebalancings of the second half.
    pub skew: f64,
    /// Moved by rebalancing, over all hops, in msat.
    pub moved_msat: u64,
    /// What it took.
    pub cost: Cost,
    /// Processor seconds of rebalancing, and of the whole run.
    pub cpu_s: [f64; 2],
}

/// Runs one method through a setting.
///
/// # Errors
/// [`BenchError`] of the method, or what it broke.
pub fn live(
    setting: &Setting,
    method: &dyn Method,
    attempts: u32,
    seed: u64,
) -> Result<Reached, BenchError> {
    let whole = Stopwatch::start();
    let mut world = World::new(setting.state.clone());
    let mut reached = Reached::default();
    let (mut asked, mut arrived, mut looks) = ([0u64; 2], [0u64; 2], 0.0);
    let half = setting.payments.len() / 2;
    for (index, (payment, route)) in setting.payments.iter().zip(&setting.routes).enumerate() {
        if index > 0 && index.is_multiple_of(PERIOD) {
            world.traffic.close();
            let stopwatch = Stopwatch::start();
            let turn = seed.wrapping_mul(1_000).wrapping_add((index / PERIOD) as u64);
            let outcome = method.settle_seeing(&world.state, &world.traffic, turn)?;
            reached.cpu_s[0] += stopwatch.spent().processor_s;
            check(method, &world.state, &outcome)?;
            if index >= half {
                reached.skew += balance(&world.state, &outcome.held_msat).skew;
                looks += 1.0;
            }
            for (hops, amount) in &outcome.cycles {
                reached.moved_msat += u64::from(*hops) * amount;
            }
            reached.cost.rounds += outcome.cost.rounds;
            reached.cost.messages += outcome.cost.messages;
            reached.cost.bytes += outcome.cost.bytes;
            reached.cost.swap_fees_msat += outcome.cost.swap_fees_msat;
            for (channel, held) in world.state.channels.iter_mut().zip(outcome.held_msat) {
                channel.held_msat = held;
            }
        }
        let paid = world.pay(payment, route, attempts);
        if index >= half {
            let counts = [1, payment.amount_msat];
            for (which, count) in counts.into_iter().enumerate() {
                asked[which] += count;
                arrived[which] += if paid.arrived { count } else { 0 };
            }
            reached.attempts += f64::from(paid.attempts);
        }
    }
    let share = |which: usize| arrived[which] as f64 / asked[which].max(1) as f64;
    (reached.success, reached.volume) = (share(0), share(1));
    reached.attempts /= asked[0].max(1) as f64;
    reached.skew /= f64::max(looks, 1.0);
    reached.cpu_s[1] = whole.spent().processor_s;
    Ok(reached)
}

impl Reached {
    /// In the order of [`METRICS`].
    fn values(&self, none: &Self, exact: &Self, state: &State) -> [f64; METRICS.len()] {
        let gained = exact.success - none.success;
        let nodes = f64::from(state.nodes);
        [
            self.success,
            self.volume,
            if gained > 0.0 { (self.success - none.success) / gained } else { 1.0 },
            self.moved_msat as f64 / exact.moved_msat.max(1) as f64,
            self.skew,
            self.moved_msat as f64 / 1e3,
            self.cost.swap_fees_msat as f64 / 1e3,
            self.attempts,
            self.cost.messages as f64 / nodes,
            self.cost.bytes as f64 / nodes,
            self.cpu_s[0],
            self.cpu_s[1],
            nodes,
            state.channels.len() as f64,
        ]
    }
}

/// Payments over the core of a graph.
struct Dynamic<'a>(&'a Options);

impl Experiment for Dynamic<'_> {
    type Setting = Setting;
    type Reached = Reached;

    fn metrics(&self) -> &'static [&'static str] {
        &METRICS
    }

    /// One: a run is long.
    fn tuning_seeds(&self) -> Range<u64> {
        TUNING_SEEDS.start..TUNING_SEEDS.start + 1
    }

    fn setting(&self, seed: u64) -> Result<Setting, BenchError> {
        Setting::draw(self.0, seed)
    }

    fn reach(
        &self,
        setting: &Setting,
        method: &dyn Method,
        seed: u64,
    ) -> Result<Reached, BenchError> {
        live(setting, method, self.0.attempts, seed)
    }

    fn merit(&self, _setting: &Setting, reached: &Reached) -> f64 {
        reached.success
    }

    fn values(
        &self,
        setting: &Setting,
        methods: &[&dyn Method],
        reached: &[Reached],
        seed: u64,
    ) -> Result<Vec<Vec<f64>>, BenchError> {
        let of = |wanted: &dyn Method| {
            let same = |method: &&dyn Method| method.name() == wanted.name();
            match methods.iter().position(same) {
                Some(at) => Ok(reached[at]),
                None => self.reach(setting, wanted, seed),
            }
        };
        let (none, exact) = (of(&Nothing)?, of(&Exact { helpers: false })?);
        let values = |one: &Reached| one.values(&none, &exact, &setting.state).to_vec();
        Ok(reached.iter().map(values).collect())
    }
}

/// Runs `methods` on every seed. `watch` is told what is being done.
///
/// # Errors
/// [`BenchError`] of the graph or of a method.
pub fn run(
    options: &Options,
    methods: &[Box<dyn Method>],
    watch: &mut dyn FnMut(&str),
) -> Result<Report, BenchError> {
    let rows = measure(&Dynamic(options), methods, options.seeds, watch)?;
    Ok(Report {
        experiment: "b2".to_owned(),
        graph: options.source.name(),
        seeds: options.seeds,
        state: state_name(options),
        rows,
    })
}

/// What is said of the demand.
fn state_name(options: &Options) -> String {
    let Options { payments, one_way, attempts, .. } = options;
    let one_way = one_way * 100.0;
    format!("{payments}-payments-{one_way:.0}-percent-one-way-{attempts}-attempts")
}

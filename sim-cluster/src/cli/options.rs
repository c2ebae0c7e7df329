//! The options of every command, with their units, ranges and defaults.
//!
//! A value out of range is refused here, before anything starts.

use crate::balances::StartingBalances;
use crate::demand::Pattern;
use crate::launch::{Decides, Learning};
use clap::builder::RangedU64ValueParser;
use clap::{Args, Subcommand, ValueEnum};
use debal_protocol::market::{Market, PlanMode};
use std::path::PathBuf;

/// Shortest default epoch.
const EPOCH_MS: u64 = 5_000;
/// Default epoch per node of the network, if that is longer.
const EPOCH_PER_NODE_MS: u64 = 300;
/// Shortest default time of payments per arm, milliseconds.
const DURATION_MS: u64 = 75_000;
/// Epochs the default time of payments covers.
const DURATION_EPOCHS: u64 = 10;

/// What `sim-cluster` can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the same network and payments with rebalancing off, then on, and report the difference
    Run(RunOptions),
    /// Kill, pause and partition real agents under load, then check that nothing is missing
    Chaos(ChaosOptions),
    /// Search the protocol for faults by seed, in virtual time (`simulate --help` lists its
    /// options)
    #[command(disable_help_flag = true)]
    Simulate {
        /// Options of the simulator
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<std::ffi::OsString>,
    },
    /// Measure atomic rings: latency one by one, rate many at once, beside the disk's flush time
    Rings(RingsOptions),
    /// Count leaderships over many simulated epochs against the shares the weights promise
    Fairness(FairnessOptions),
    /// Run the same payments with models off, then on, on pieces of a network, and compare
    Models(ModelsOptions),
    /// Measure methods of rebalancing beside the exact optimum (b1 to b3), and the election (b5)
    Bench {
        /// Which experiment.
        #[command(subcommand)]
        command: BenchCommand,
    },
    /// Show an earlier run again: print its table and write its page anew
    Report(ReportOptions),
}

/// Which network, whatever is done with it.
#[derive(Clone, Debug, Args)]
pub struct NetworkOptions {
    /// Topology file: lngraph or lnd describegraph JSON, gzip or plain
    /// [default: a shipped 12-node piece of the mainnet graph of 2026-02-03]
    #[arg(long, value_name = "FILE")]
    pub topology: Option<PathBuf>,
    /// Cut a connected piece of N nodes out of the topology, by seed
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(2..=100))]
    pub nodes: Option<usize>,
    /// Seed of everything drawn: identities, balances, demand, faults
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Length of an epoch, milliseconds [default: 5000, beyond 16 nodes 300 for each]
    #[arg(long, value_name = "MS", value_parser = RangedU64ValueParser::<u64>::new().range(200..=600_000))]
    pub epoch_ms: Option<u64>,
    /// Distribution of starting balances
    #[arg(long, value_enum, default_value_t = StartingBalances::Uniform)]
    pub balances: StartingBalances,
    /// How members' offers to plans come about: leader, market or hybrid (their plan.mode)
    #[arg(long, value_name = "MODE", default_value = "leader", value_parser = plan_mode)]
    pub plan_mode: PlanMode,
    /// Price rounds before an epoch (their plan.rounds)
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u8).range(2..=64))]
    pub plan_rounds: u8,
    /// Channel backend; only `ledger` can run a cluster without other software
    #[arg(long, value_name = "NAME", default_value = "ledger")]
    pub backend: String,
}

impl NetworkOptions {
    /// The members' part in price rounds.
    #[must_use]
    pub const fn market(&self) -> Market {
        Market { mode: self.plan_mode, rounds: self.plan_rounds }
    }

    /// Length of an epoch in a network of `nodes`, milliseconds. All agents share this machine: an
    /// epoch costs it work by the square of the nodes.
    #[must_use]
    pub fn epoch_ms(&self, nodes: usize) -> u64 {
        let nodes = u64::try_from(nodes).unwrap_or(u64::MAX);
        self.epoch_ms.unwrap_or_else(|| nodes.saturating_mul(EPOCH_PER_NODE_MS).max(EPOCH_MS))
    }
}

/// Options of `run`.
#[derive(Clone, Debug, Args)]
pub struct RunOptions {
    /// The network.
    #[command(flatten)]
    pub network: NetworkOptions,
    /// Payment amounts from a CSV file with a column amount_sat, in_msat, out_msat, eur or usd
    /// [default: drawn from a distribution fitted to published Lightning amounts]
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
    /// Seconds of payments per arm [default: 75, or ten epochs if that is longer]
    #[arg(long, value_name = "SECONDS", value_parser = duration)]
    pub duration: Option<f64>,
    /// Mean payments per second over the whole network
    #[arg(long, value_name = "RATE", default_value_t = 8.0, value_parser = rate)]
    pub payments_per_second: f64,
    /// Factor on every amount: more load, more depleted channels
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = factor)]
    pub load: f64,
    /// Who pays whom
    #[arg(long, value_enum, default_value_t = Pattern::Drift)]
    pub demand: Pattern,
    /// Share of payments on pairs that never circulate, which no rebalancing can serve for ever
    #[arg(long, value_name = "SHARE", default_value_t = 0.05, value_parser = fraction)]
    pub dag_share: f64,
    /// Routes a payment may try
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=20))]
    pub attempts: u32,
    /// Forecasts, and who decides by them.
    #[command(flatten)]
    pub learning: Learning,
    /// Directory of the report
    #[arg(long, value_name = "DIR", default_value = "cluster-run")]
    pub out: PathBuf,
    /// Print the report as JSON instead of the table
    #[arg(long)]
    pub json: bool,
    /// Keep the agents' directories: journals, logs, configurations
    #[arg(long)]
    pub keep: bool,
}

impl RunOptions {
    /// Time of payments per arm, milliseconds.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub fn duration_ms(&self, epoch_ms: u64) -> u64 {
        let default_ms = DURATION_MS.max(epoch_ms.saturating_mul(DURATION_EPOCHS));
        self.duration.map_or(default_ms, |seconds| (seconds * 1_000.0) as u64)
    }
}

/// Options of `models`.
#[derive(Clone, Debug, Args)]
pub struct ModelsOptions {
    /// Pieces of the network, cut by the seeds from --seed on; without --topology always the
    /// shipped one
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=100))]
    pub pieces: u64,
    /// Balances and demands drawn for every piece
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=100))]
    pub draws: u64,
    /// What the agents decide by when models are off
    #[arg(long, value_enum, value_name = "POLICY", default_value_t = Decides::Off)]
    pub against: Decides,
    /// A run.
    #[command(flatten)]
    pub run: RunOptions,
}

/// Options of `chaos`.
#[derive(Clone, Debug, Args)]
pub struct ChaosOptions {
    /// The network.
    #[command(flatten)]
    pub network: NetworkOptions,
    /// Minutes of faults
    #[arg(long, value_name = "M", default_value_t = 3.0, value_parser = minutes)]
    pub minutes: f64,
    /// Directory of the summary
    #[arg(long, value_name = "DIR", default_value = "cluster-chaos")]
    pub out: PathBuf,
    /// Print the summary as JSON
    #[arg(long)]
    pub json: bool,
    /// Keep the agents' directories: journals, logs, configurations
    #[arg(long)]
    pub keep: bool,
}

/// Options of `rings`.
#[derive(Clone, Debug, Args)]
pub struct RingsOptions {
    /// Members of the ring
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = RangedU64ValueParser::<usize>::new().range(3..=20))]
    pub size: usize,
    /// Rings measured one by one
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub rounds: u32,
    /// Rings started at once
    #[arg(long, value_name = "N", default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=50))]
    pub at_once: u32,
    /// Directory the agents live in while measured; its disk is the one measured
    #[arg(long, value_name = "DIR", default_value = "cluster-rings")]
    pub out: PathBuf,
    /// Print the figures as JSON
    #[arg(long)]
    pub json: bool,
}

/// Options of `fairness`.
#[derive(Clone, Debug, Args)]
pub struct FairnessOptions {
    /// Epochs simulated
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(100..=10_000_000))]
    pub epochs: u64,
    /// Members of the roster
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = RangedU64ValueParser::<usize>::new().range(4..=256))]
    pub members: usize,
    /// Seed of the draws
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Print the figures as JSON
    #[arg(long)]
    pub json: bool,
}

/// The experiments.
#[derive(Debug, Subcommand)]
pub enum BenchCommand {
    /// How much of the skew that any circulation could remove does each method remove?
    B1(BenchOptions),
    /// How many more payments arrive with each method, and how much does it move for that?
    B2 {
        /// Graph, seeds, output
        #[command(flatten)]
        options: BenchOptions,
        /// Demand
        #[command(flatten)]
        demand: DemandOptions,
    },
    /// What does one relay node end with? RebEL's environment; learns two policies a seed
    B3(BenchOptions),
    /// Which arcs carry an amount: how many first attempts arrive by what each method knows?
    B4 {
        /// Graph, seeds, output
        #[command(flatten)]
        options: BenchOptions,
        /// What is asked
        #[command(flatten)]
        paths: PathOptions,
    },
    /// How often and how soon does a network have a leader, are turns fair, does lying pay?
    B5(ElectionOptions),
}

/// What is asked in `bench b4`.
#[derive(Clone, Debug, Args)]
pub struct PathOptions {
    /// Payments before it is asked [default: 4.76 a channel, 120,000 on the core of 2021]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(100..=10_000_000))]
    pub payments: Option<u32>,
    /// Random pairs of nodes that pay
    #[arg(long, value_name = "N", default_value_t = 1_500, value_parser = clap::value_parser!(u32).range(10..=100_000))]
    pub pairs: u32,
    /// Per cent of the payments that only ever flow one way (the DAG share)
    #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=100))]
    pub dag: u8,
    /// How balances are before the first payment
    #[arg(long, value_enum, default_value_t = StartingBalances::Half)]
    pub start: StartingBalances,
    /// Model file instead of the shipped one
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
}

/// What is paid in `bench b2`.
#[derive(Clone, Debug, Args)]
pub struct DemandOptions {
    /// Payments of a run; the second half is measured
    #[arg(long, value_name = "N", default_value_t = 200_000, value_parser = clap::value_parser!(u32).range(100..=10_000_000))]
    pub payments: u32,
    /// Per cent of the payments that only ever flow one way (the DAG share)
    #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=100))]
    pub dag: u8,
    /// Routes tried for a payment
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=20))]
    pub attempts: u32,
}

/// A family of generated graphs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Family {
    /// Degrees and capacities as on Lightning in 2021
    ChungLu,
    /// Few short cycles, widely mixed capacities: the hard case
    BarabasiAlbert,
    /// Many triangles, capacities less mixed
    HolmeKim,
}

/// Options of every experiment.
#[derive(Clone, Debug, Args)]
pub struct BenchOptions {
    /// Graph file: lngraph, lnd describegraph or node1,node2,capacity_sat, gzip or plain
    /// [default: a generated graph]
    #[arg(long, value_name = "FILE")]
    pub graph: Option<PathBuf>,
    /// Family of the generated graph
    #[arg(long, value_enum, default_value_t = Family::ChungLu)]
    pub generate: Family,
    /// Nodes of the generated graph
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    pub nodes: usize,
    /// Seeds measured, from 1 on
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    pub seeds: u64,
    /// How starting balances are drawn
    #[arg(long, value_enum, default_value_t = StartingBalances::Uniform)]
    pub balances: StartingBalances,
    /// Only rows whose name contains one of these (separated by commas)
    #[arg(long, value_name = "WORDS", value_delimiter = ',')]
    pub methods: Vec<String>,
    /// What is written
    #[command(flatten)]
    pub output: OutputOptions,
}

/// Options of `bench b5`.
#[derive(Clone, Debug, Args)]
pub struct ElectionOptions {
    /// Members of the roster, separated by commas; above 256 only who leads how often is measured
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "50", value_parser = RangedU64ValueParser::<usize>::new().range(4..=10_000))]
    pub nodes: Vec<usize>,
    /// Seeds measured, from 1 on
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    pub seeds: u64,
    /// Epochs of a living network, a seed
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u64).range(3..=1_000_000))]
    pub epochs: u64,
    /// Real curves instead of keyed hashes (slow: to see what a step costs)
    #[arg(long)]
    pub curves: bool,
    /// Only rows whose name contains one of these (separated by commas)
    #[arg(long, value_name = "WORDS", value_delimiter = ',')]
    pub methods: Vec<String>,
    /// What is written
    #[command(flatten)]
    pub output: OutputOptions,
}

/// What an experiment writes besides its table.
#[derive(Clone, Debug, Args)]
pub struct OutputOptions {
    /// Print JSON instead of the table
    #[arg(long)]
    pub json: bool,
    /// Write every figure as CSV
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Write one self-contained page
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Write the plots as SVG files
    #[arg(long, value_name = "DIR")]
    pub svg: Option<PathBuf>,
}

/// Options of `report`.
#[derive(Clone, Debug, Args)]
pub struct ReportOptions {
    /// Directory of an earlier run
    pub directory: PathBuf,
    /// Print the report as JSON instead of the table
    #[arg(long)]
    pub json: bool,
}

fn bounded(text: &str, low: f64, high: f64) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| format!("{text:?} is no number"))?;
    let inside = (low..=high).contains(&value);
    if inside { Ok(value) } else { Err(format!("{value} is not between {low} and {high}")) }
}

fn plan_mode(text: &str) -> Result<PlanMode, String> {
    PlanMode::named(text).ok_or_else(|| format!("{text:?} is not leader, market or hybrid"))
}

fn minutes(text: &str) -> Result<f64, String> {
    bounded(text, 0.01, 1_440.0)
}

fn duration(text: &str) -> Result<f64, String> {
    bounded(text, 1.0, 86_400.0)
}

fn rate(text: &str) -> Result<f64, String> {
    bounded(text, 0.1, 1_000.0)
}

fn factor(text: &str) -> Result<f64, String> {
    bounded(text, 0.001, 1_000.0)
}

fn fraction(text: &str) -> Result<f64, String> {
    bounded(text, 0.0, 1.0)
}

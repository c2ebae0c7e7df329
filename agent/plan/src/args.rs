//! The command line as it is typed.
//!
//! Only words: what they do is in the neighbouring modules.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Exact plans for moving funds over a network with fees, times and limits.
#[derive(Debug, Parser)]
#[command(name = "debal plan", about, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 invalid or infeasible input."
)]
pub struct Line {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Print JSON instead of text.
    #[arg(long, global = true)]
    pub json: bool,
}

/// What is solved, and how it is shown.
#[derive(Debug, Args)]
pub struct Solve {
    /// The problem, JSON or TOML (by its name's ending).
    pub file: PathBuf,
    /// cheapest, fastest, cheapest-then-fastest, fastest-then-cheapest or earliest; overrides the
    /// file's.
    #[arg(long, value_name = "MODE")]
    pub mode: Option<String>,
    /// Say for every step what it costs and what it waits for, and how the plan was proven.
    #[arg(long)]
    pub explain: bool,
    /// Draw the plan in the language of Graphviz.
    #[arg(long, conflicts_with_all = ["json", "svg"])]
    pub dot: bool,
    /// Draw the plan as SVG.
    #[arg(long, conflicts_with = "json")]
    pub svg: bool,
    /// Leave an edge unused, for this run (e7; may be repeated).
    #[arg(long, value_name = "EDGE")]
    pub off: Vec<String>,
    /// How long to search; then the best plan is printed with its proven bound.
    #[arg(long, value_name = "S", default_value_t = 20)]
    pub seconds: u64,
}

/// What is circulated, and within which caps.
#[derive(Debug, Args)]
pub struct Circulate {
    /// The graph: lngraph or the output of `lncli describegraph`, plain or gzip.
    pub graph: PathBuf,
    /// Who holds what: uniform, bimodal, half, one-sided, or a file with lines of a channel's id
    /// and what its first node holds in msat.
    #[arg(long, value_name = "NAME|FILE", default_value = "uniform")]
    pub balances: String,
    /// The seed of drawn balances.
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// The most hops of a cycle.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(2..))]
    pub max_hops: u32,
    /// The least amount of a cycle.
    #[arg(long, value_name = "MSAT", default_value_t = 1_000_000)]
    pub min_amount: u64,
    /// The most cycles.
    #[arg(long, value_name = "N", default_value_t = usize::MAX, hide_default_value = true)]
    pub max_cycles: usize,
    /// How many million arcs the search for more short cycles may look at.
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub effort: u64,
    /// What no two cycles may share.
    #[arg(long, value_name = "WHAT", default_value = "nothing")]
    pub disjoint: Share,
    /// What counts: skew (every channel alike) or coins (every coin alike).
    #[arg(long, value_name = "WHAT", default_value = "skew")]
    pub weigh: Weigh,
    /// The part of a channel that its first node should hold.
    #[arg(long, value_name = "PPM", default_value_t = 500_000)]
    pub target_ppm: u32,
    /// In how many steps urgency falls towards the target, 1 to 16.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=16))]
    pub tiers: u32,
    /// What either end asks for moving a channel away from its target: this part of its urgency.
    #[arg(long, value_name = "PPM", default_value_t = 0)]
    pub lend_ppm: u32,
    /// What each end must keep, of the capacity.
    #[arg(long, value_name = "PPM", default_value_t = 10_000)]
    pub reserve_ppm: u32,
}

/// What is paid, and within which limits.
#[derive(Debug, Args)]
pub struct Paths {
    /// The graph: lngraph or the output of `lncli describegraph`, plain or gzip.
    pub graph: PathBuf,
    /// Who pays: a node's number, its alias, or the start of its public key.
    #[arg(long, value_name = "NODE")]
    pub from: String,
    /// Who is paid. The payer itself for a circular payment, with --first and --last.
    #[arg(long, value_name = "NODE")]
    pub to: String,
    /// How much arrives.
    #[arg(long, value_name = "MSAT")]
    pub amount_msat: u64,
    /// How many paths are shown, 1 to 100.
    #[arg(long, value_name = "K", default_value_t = 5)]
    pub max_paths: usize,
    /// The most hops of a path, 1 to 20.
    #[arg(long, value_name = "H", default_value_t = 20)]
    pub max_hops: u32,
    /// The most that all fees of a path may be; without it there is no limit, but with --front the
    /// largest of 5 % of the amount, 10,000 msat and twice what the cheapest path costs.
    #[arg(long, value_name = "MSAT")]
    pub max_fee_msat: Option<u64>,
    /// Show the paths that no other beats in fee, lock time and probability at once, instead of
    /// the cheapest.
    #[arg(long)]
    pub front: bool,
    /// Which balances are known: uniform, bimodal, half, one-sided (drawn for every channel), or a
    /// file with lines of a channel's id and what its first node holds in msat. A known balance
    /// carries that much for certain; of other channels any balance is equally likely.
    #[arg(long, value_name = "NAME|FILE")]
    pub balances: Option<String>,
    /// The seed of drawn balances.
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// The channel by which to leave the payer.
    #[arg(long, value_name = "CHANNEL")]
    pub first: Option<String>,
    /// The channel by which to reach who is paid.
    #[arg(long, value_name = "CHANNEL")]
    pub last: Option<String>,
}

/// What no two cycles may share.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum Share {
    /// They may share anything.
    Nothing,
    /// A channel.
    Channels,
    /// A node.
    Nodes,
}

/// What counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Weigh {
    /// Every channel's distance from its target relative to its capacity.
    Skew,
    /// Every coin.
    Coins,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Find the best plan for a problem.
    Solve(Solve),
    /// Order given moves so that each can be paid for.
    Schedule {
        /// The moves: nodes, supply and moves, as in the vectors' category `order`.
        file: PathBuf,
    },
    /// Check a plan against its problem, without any solver.
    Verify {
        /// What `solve --json` printed.
        plan: PathBuf,
        /// The problem.
        network: PathBuf,
        /// What the plan was made for; overrides the file's.
        #[arg(long, value_name = "MODE")]
        mode: Option<String>,
    },
    /// Find the most valuable circulation of a channel graph, prove it, and cut it into cycles.
    Circulate(Circulate),
    /// Find the best payment paths between two nodes of a channel graph.
    Paths(Paths),
    /// Write a problem as the minimum-cost flow that is solved, charges in comments.
    Export {
        /// The problem.
        file: PathBuf,
        /// The format: DIMACS `min`, which every flow solver reads.
        #[arg(long, required = true)]
        dimacs: bool,
        /// As for `solve`.
        #[arg(long, value_name = "MODE")]
        mode: Option<String>,
    },
    /// Run a folder of cases and count which pass.
    Vectors {
        /// The folder.
        directory: PathBuf,
        /// The most seconds for one case.
        #[arg(long, value_name = "S", default_value_t = 20)]
        seconds: u64,
    },
}

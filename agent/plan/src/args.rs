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
    /// Write a problem without charges as the minimum-cost flow that is solved.
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

//! The command line of `debal learn` as it is typed.
//!
//! Only words: it must never do anything.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Train, evaluate and export what a node has learned.
#[derive(Debug, Parser)]
#[command(name = "debal learn", version, max_term_width = 100)]
#[command(after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 invalid input.")]
pub struct Line {
    /// Print JSON.
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Train a model; stops when nothing gets better.
    Train(Train),
    /// Compare a model with every baseline on what it was not trained on.
    Evaluate(Evaluate),
    /// Write the best model of a checkpoint.
    Export {
        /// Checkpoint of a training.
        #[arg(long, value_name = "FILE")]
        checkpoint: PathBuf,
        /// Model file to write.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
}

/// What is learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum What {
    /// The node policy: target, urgency, lend band of a channel end.
    Policy,
    /// The residual of the time-to-depletion forecast.
    Forecast,
    /// Success probabilities of arcs.
    Arcs,
    /// Learned price rounds.
    Rounds,
}

/// How long it may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Profile {
    /// As shipped models are made: under 15 minutes on two cores.
    Full,
    /// Two minutes or less: shows that the loop learns.
    Ci,
}

/// Words of `train`.
#[derive(Debug, Args)]
pub struct Train {
    /// What to train.
    #[arg(long, value_enum)]
    pub what: What,
    /// Seed of everything.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How long it may take.
    #[arg(long, value_enum, default_value = "full")]
    pub profile: Profile,
    /// Most generations (for `arcs`, steps), instead of the profile's.
    #[arg(long, value_name = "N")]
    pub generations: Option<usize>,
    /// Rounds of the schedule (`--what rounds`).
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub rounds: u8,
    /// For `arcs`: no messages between channels, the ablation of B4.
    #[arg(long)]
    pub local: bool,
    /// Model file to write; a .toml of the same name says how it was made.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Where the search is kept after every check.
    #[arg(long, value_name = "FILE")]
    pub checkpoint: Option<PathBuf>,
    /// Go on from the checkpoint.
    #[arg(long, requires = "checkpoint")]
    pub resume: bool,
}

/// Words of `evaluate`.
#[derive(Debug, Args)]
pub struct Evaluate {
    /// What to evaluate.
    #[arg(long, value_enum)]
    pub what: What,
    /// Model file; the one built in if none is given.
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// Samples of every metric.
    #[arg(long, default_value_t = 10)]
    pub seeds: usize,
    /// Recorded forwards to forecast, too (`unix_ms,chan_in,chan_out,in_msat,out_msat`).
    #[arg(long, value_name = "FILE")]
    pub forwards: Option<PathBuf>,
    /// Graph file to measure on as well (`--what rounds`).
    #[arg(long, value_name = "FILE")]
    pub graph: Option<PathBuf>,
    /// Experiment B3 instead of the many-channel node (`--what policy`).
    #[arg(long)]
    pub b3: bool,
}

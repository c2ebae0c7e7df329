//! The command line: `run`, `chaos`, `simulate`, `rings`, `fairness`, `models`, `bench`, `report`.
//!
//! Results go to standard output, everything else to standard error. Exit codes: 0 done, 1 failed,
//! 2 usage, 3 invalid input.

mod bench;
mod chaos;
mod fairness;
mod models;
mod options;
mod report;
mod rings;
mod run;

pub use chaos::plan as chaos_plan;
pub use options::{
    BenchCommand, BenchOptions, ChaosOptions, Command, ElectionOptions, FairnessOptions, Family,
    ModelsOptions, NetworkOptions, OutputOptions, ReportOptions, RingsOptions, RunOptions,
};
pub use run::plan;

use crate::error::ClusterError;
use clap::Parser;
use std::future::Future;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

/// Real clusters of DEBAL agents on real Lightning topologies.
#[derive(Debug, Parser)]
#[command(name = "sim-cluster", version, about, max_term_width = 100)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Parses the command line and does what it says.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are no errors; clap prints both kinds where they belong.
            drop(error.print());
            return ExitCode::from(u8::from(error.use_stderr()) * 2);
        }
    };
    let done = match arguments.command {
        Command::Simulate { arguments } => {
            let texts = arguments.into_iter().map(|text| text.to_string_lossy().into_owned());
            return debal_simulator::cli::main_with(texts);
        }
        Command::Run(options) => until_interrupted(run::run(&options)),
        Command::Chaos(options) => until_interrupted(chaos::run(&options)),
        Command::Rings(options) => until_interrupted(rings::run(&options)),
        Command::Models(options) => until_interrupted(models::run(&options)),
        Command::Bench { command } => bench::run(&command),
        Command::Fairness(options) => fairness::run(&options),
        Command::Report(options) => report::report(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

/// Drives `work` on one thread. On Ctrl-C or SIGTERM the work is dropped, which ends every agent.
///
/// One thread is enough for a launcher, and it must not change: agents are told to end when the
/// thread that started them does.
fn until_interrupted(
    work: impl Future<Output = Result<(), ClusterError>>,
) -> Result<(), ClusterError> {
    let failed = |e: std::io::Error| ClusterError::Failed(format!("cannot start: {e}"));
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
        tokio::select! {
            done = work => done,
            _ = interrupt.recv() => Err(interrupted()),
            _ = terminate.recv() => Err(interrupted()),
        }
    })
}

fn interrupted() -> ClusterError {
    ClusterError::Failed("interrupted; every agent was ended".to_owned())
}

//! The agent inside this executable: `sim-cluster debal ...` is `debal ...`.
//!
//! One executable means that a fresh clone needs one cargo command and no agent has to be found.
//! The launcher must never run an agent inside its own process: crashes and kills have to be real.

use std::ffi::OsString;
use std::process::ExitCode;

/// Runs the agent's command line with the arguments after `debal`.
#[must_use]
pub fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    // A launcher that was killed cannot end its agents any more; the system does it instead.
    #[cfg(target_os = "linux")]
    if let Err(error) =
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
    {
        eprintln!("warning: this agent will outlive a killed launcher: {error}");
    }
    debal::cli::run(std::iter::once(OsString::from("debal")).chain(arguments))
}

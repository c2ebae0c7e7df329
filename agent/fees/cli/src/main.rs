//! `debal-fees`: the fee rules' command line on its own, for whoever needs no agent.
//!
//! It must never do anything but call [`debal_fees_cli::run`].

use std::io::{stderr, stdout};
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    ExitCode::from(debal_fees_cli::run(&args, &mut stdout(), &mut stderr()))
}

//! `debal-plan`: the planner's command line on its own, for whoever needs no agent.
//!
//! It must never do anything but call [`debal_plan::run`].

use std::io::{stderr, stdout};
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    ExitCode::from(debal_plan::run(&args, &mut stdout(), &mut stderr()))
}

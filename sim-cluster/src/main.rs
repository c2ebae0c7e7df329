//! The `sim-cluster` binary: the command line, and the agent itself when called as
//! `sim-cluster debal ...`.
//!
//! Everything lives in the library; this file only chooses between the two.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    if arguments.nth(1).is_some_and(|first| first == "debal") {
        return sim_cluster::passthrough::run(arguments);
    }
    sim_cluster::cli::main()
}

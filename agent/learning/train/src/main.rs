//! `debal-learn`: the same command line as `debal learn`, without the rest of the agent.
//!
//! It must never do anything by itself.

use std::process::ExitCode;

/// Tensors come and go by megabytes: the system's allocator would map and unmap each.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    debal_train::cli::run(&words, &mut std::io::stdout(), &mut std::io::stderr()).into()
}

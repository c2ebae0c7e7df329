//! The `debal` program: everything is in the library.
//!
//! It must stay this short: the cluster launcher runs the same function.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    debal::cli::run(std::env::args_os())
}

//! `simulate` without the rest of `sim-cluster`, for work on the simulator itself.
//!
//! Never anything but a call into the library.

fn main() -> std::process::ExitCode {
    debal_simulator::cli::main_with(std::env::args().skip(1))
}

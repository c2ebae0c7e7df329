//! A deterministic world with virtual time over the same protocol core that the daemon runs.
//!
//! `Scenario::from_seed` draws what will happen, [`run::run`] lets it happen and judges it. Nothing
//! in this crate may read a clock, iterate a hash map or draw from the system's randomness while a
//! world runs: one seed must give one trace on every machine.

pub mod batch;
pub mod chart;
pub mod cli;
pub mod crash_points;
pub mod marks;
pub mod mutants;
pub mod parallel;
pub mod run;
pub mod scenario;
pub mod shrink;
pub mod streams;
pub mod suite;
pub mod watch;
pub mod world;

pub use marks::Marks;
pub use mutants::Mutant;
pub use run::{Options, Outcome, run};
pub use scenario::Scenario;

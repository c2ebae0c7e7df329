//! What arcs carry, learned: a paid-over network records what its payers learn, and a network
//! learns to say before the payment what came of it.
//!
//! Balances must never reach a feature or a label: labels are results of payments and of probes,
//! balances are for scoring alone.

pub mod history;
pub mod module;
pub mod score;
pub mod training;

pub use history::{Fees, History, Moment};

#[cfg(test)]
mod tests;

//! Configuration: one table of knobs, what the operator wrote, and what the agent runs with.
//!
//! A key nobody knows must never be ignored: it is a slip, and a slip in a cap costs money.

pub mod genesis;
pub mod raw;
pub mod resolved;
pub mod table;

pub use genesis::{Founding, GenesisError};
pub use raw::{ConfigError, Peer};
pub use resolved::{AgentConfig, Decides, FeesConfig, Learning, PlannerLimits, Sources};

#[cfg(test)]
mod tests;

//! Real multi-process DEBAL clusters on real Lightning topologies: start agents, open channels,
//! send payments, break things, and report what rebalancing changed.
//!
//! This crate speaks to agents only through their control sockets and process signals. It must
//! never reach into an agent's state, and never decide anything about money: it counts.

pub mod chaos;
pub mod cli;
pub mod control;
pub mod demand;
pub mod error;
pub mod launch;
pub mod measure;
pub mod passthrough;
pub mod report;
pub mod rings;
pub mod run;

pub use debal_topology as topology;
pub use debal_topology::{balances, random};

//! The DEBAL agent: the daemon, the command line and the library facade.
//!
//! It wires the core to disk, network, operator and planner. It must never decide about money: a
//! branch on balances in the driver is a bug.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod agent;
pub mod api;
pub mod cli;
pub mod clock;
pub mod config;
pub mod driver;
pub mod fees;
mod history;
pub mod init;
pub mod manager;
pub mod metrics;
pub mod payments;
pub mod ring;
mod shutdown;
pub mod steering;

#[cfg(test)]
mod agent_tests;
#[cfg(test)]
mod world;

//! Chaos on real processes: kills, pauses and partitions while payments and cycles run; afterwards
//! everything must heal and not one msat may be missing.
//!
//! Chaos must never make an outcome look better: whatever is not clean at the end is a failure.

mod proxy;
mod runner;
mod schedule;

pub use proxy::{Link, Proxies};
pub use runner::{ChaosPlan, ChaosReport, FaultCounts, chaos};
pub use schedule::{Fault, Kind, draw};

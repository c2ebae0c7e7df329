//! Tests of the election: exact effects, small networks, restarts, files, fairness.
//!
//! Everything here is seeded and virtual: no clock is read and nothing sleeps.

mod chain;
mod exact;
mod fair;
mod files;
mod network;
mod restart;
mod suite;
mod world;

pub(crate) use suite::{FastSuite, members_of, network_id};

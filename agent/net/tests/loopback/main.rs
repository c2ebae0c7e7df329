//! The network over real loopback sockets: every promise of the crate, shown between nodes in one
//! process, some of them hostile. Tests wait for events, never for time to pass, and none asserts
//! a duration.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cluster;
mod exchange;
mod hostile;
mod latency;
mod membership;
mod node;
mod refusals;
mod rogue;

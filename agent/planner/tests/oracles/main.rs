//! Random instances against oracles that share no code with the planner. `DEBAL_CASES` and
//! `DEBAL_SEED` choose how many and which.
//!
//! It must never accept an answer that only the planner itself vouches for.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod channels;
mod charge;
mod circulation;
mod graphs;
mod judge;
mod lightning;
mod paths;
mod simplex;
mod warm;

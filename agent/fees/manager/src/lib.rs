//! From decisions to a node's channels and back: snapshot, apply, resolve, take back.
//!
//! Every change is written down before it is sent and ends exactly once: confirmed, refused or
//! abandoned. It must never send what was not decided, never guess what became of a lost answer,
//! and never touch a channel whose rule is in error.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod apply;
mod cln;
mod error;
mod limits;
mod lnd;
mod node;
mod policy;
mod recover;
mod undo;

pub use apply::{Applied, ChannelRun, Outcome, Pace};
pub use cln::ClnNode;
pub use error::{ManagerError, NodeError};
pub use limits::LimitRun;
pub use lnd::LndNode;
pub use node::{FeeNode, Target};
pub use policy::{changed, recorded, wanted};
pub use undo::{Candidate, Undone};

use debal_fees_history::FeeHistory;

/// A node, and the memory of what was done to it.
pub struct Manager<'a> {
    node: &'a dyn FeeNode,
    history: FeeHistory,
    pace: Pace,
    breaker: Option<debal_breaker::Breaker>,
}

impl std::fmt::Debug for Manager<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Manager").field("history", &self.history.path()).finish_non_exhaustive()
    }
}

impl<'a> Manager<'a> {
    /// Takes a node and its history together; channels change at most at this pace.
    #[must_use]
    pub const fn new(node: &'a dyn FeeNode, history: FeeHistory, pace: Pace) -> Self {
        Self { node, history, pace, breaker: None }
    }

    /// The history.
    #[must_use]
    pub const fn history(&self) -> &FeeHistory {
        &self.history
    }
}

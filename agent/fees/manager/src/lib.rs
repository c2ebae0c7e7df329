//! From decisions to a node's channels and back: snapshot, apply, resolve, take back.
//!
//! Every change is written down before it is sent and ends exactly once: confirmed, refused or
//! abandoned. It must never send what was not decided, never guess what became of a lost answer,
//! and never touch a channel whose rule is in error.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod apply;
mod cln;
mod error;
mod failures;
mod learn;
mod limits;
mod lnd;
mod node;
mod policy;
mod recover;
mod snapshot;
mod undo;

pub use apply::{Applied, ChannelRun, Outcome, Pace};
pub use cln::ClnNode;
pub use error::{ManagerError, NodeError};
pub use failures::{FIRST_PAUSE, Heard, Listener, listen};
pub use limits::LimitRun;
pub use lnd::LndNode;
pub use node::{Failures, FeeNode, Target};
pub use policy::{changed, recorded, wanted};
pub use undo::{Candidate, Undone};

use debal_fees_history::FeeHistory;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A node, and the memory of what was done to it.
pub struct Manager<'a> {
    node: &'a dyn FeeNode,
    history: FeeHistory,
    pace: Pace,
    breaker: Option<debal_breaker::Breaker>,
    stop: Option<Arc<AtomicBool>>,
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
        Self { node, history, pace, breaker: None, stop: None }
    }

    /// Lets a run end between two channels once the flag is set: what is under way is finished.
    pub fn stop_on(&mut self, flag: Arc<AtomicBool>) {
        self.stop = Some(flag);
    }

    /// Whether the flag is set.
    #[must_use]
    pub fn is_to_stop(&self) -> bool {
        self.stop.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed))
    }

    /// Changes that may still be made today, over the channels of a run.
    ///
    /// # Errors
    /// [`ManagerError::History`].
    pub fn budget_left(&self, applied: &Applied, now_s: i64) -> Result<u64, ManagerError> {
        let since_s = now_s.saturating_sub(debal_fees_learn::DAY_S);
        let mut left = 0;
        for channel in &applied.channels {
            let sent = self.history.sent_since(channel.chan_id, since_s)?;
            left += u64::from(self.pace.per_day.saturating_sub(sent));
        }
        Ok(left)
    }

    /// The history, for what happened outside of a run.
    pub const fn history_mut(&mut self) -> &mut FeeHistory {
        &mut self.history
    }

    /// The history.
    #[must_use]
    pub const fn history(&self) -> &FeeHistory {
        &self.history
    }
}

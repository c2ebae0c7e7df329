//! What the fee manager asks of a node.
//!
//! It must stay small: whatever a node lacks is an error by name, never a silent nothing.

use crate::error::NodeError;
use async_trait::async_trait;
use debal_fees::state::{NodeState, Policy};
use debal_fees::{Needs, PolicyUpdate, Status};
use debal_fees_history::{FailedForward, ForwardRow};
use futures::stream::BoxStream;

/// A channel as writes name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target<'a> {
    /// Its number.
    pub chan_id: u64,
    /// Its funding output, `txid:index`.
    pub point: &'a str,
}

/// Forwards that fail on the node's own links, as they fail. It ends with its first error.
pub type Failures = BoxStream<'static, Result<FailedForward, NodeError>>;

/// A node whose fees are managed.
#[async_trait]
pub trait FeeNode: Send + Sync {
    /// The node and its channels as they are now, without settled forwards; besides these only
    /// what is needed.
    ///
    /// # Errors
    /// [`NodeError`]: nothing is known then.
    async fn state(&self, now_s: i64, needs: &Needs) -> Result<NodeState, NodeError>;

    /// Forwards settled in a span, both seconds included, oldest first.
    ///
    /// # Errors
    /// [`NodeError`]: none of them may be believed complete.
    async fn forwards(&self, from_s: i64, to_s: i64) -> Result<Vec<ForwardRow>, NodeError>;

    /// Sets a channel's policy.
    ///
    /// # Errors
    /// [`NodeError::Unknown`] if it may or may not be in force.
    async fn update(&self, target: Target<'_>, update: &PolicyUpdate) -> Result<(), NodeError>;

    /// Switches a channel on or off. On means: on, or left to the node where it refuses that.
    ///
    /// # Errors
    /// [`NodeError::Unknown`] if it may or may not be in force.
    async fn switch(&self, target: Target<'_>, status: Status) -> Result<(), NodeError>;

    /// Our policy of a channel as the node announces it; nothing if it has none.
    ///
    /// # Errors
    /// [`NodeError::Missing`] for a channel that is gone.
    async fn policy(&self, chan_id: u64) -> Result<Option<Policy>, NodeError>;

    /// What happened on the way to the node since the last time this was asked, for people.
    fn remarks(&self) -> Vec<String> {
        Vec::new()
    }

    /// Opens the stream of forwards that fail on our own links, from now on.
    ///
    /// # Errors
    /// [`NodeError`]; [`NodeError::Refused`] from a node that has no such stream.
    async fn failures(&self) -> Result<Failures, NodeError> {
        Err(NodeError::Refused("it has no stream of failed forwards".to_owned()))
    }
}

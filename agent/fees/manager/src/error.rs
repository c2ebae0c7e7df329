//! Why a node did not do it, and why a run ended early.
//!
//! Every variant says what is known about the channel: nothing sent, refused, or unknown.

use debal_fees_history::HistoryError;

/// A node's answer to one call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NodeError {
    /// The node does not answer, is locked or starting; nothing was sent. Try again later.
    #[error("the node does not answer: {0}")]
    Unavailable(String),
    /// The credentials do not allow it; nothing was sent.
    #[error("the node's credentials do not allow it: {0}")]
    Denied(String),
    /// The node knows no such channel.
    #[error("the node knows no such channel: {0}")]
    Missing(String),
    /// The node said no; nothing of the channel changed.
    #[error("the node refused: {0}")]
    Refused(String),
    /// The node took it, but for limits that it moved: the channel must be read back.
    #[error("{0}")]
    Adjusted(String),
    /// The answer was lost: the channel must be read back.
    #[error("the answer was lost: {0}")]
    Unknown(String),
    /// The answer cannot be used.
    #[error("the node's answer cannot be used: {0}")]
    Broken(String),
}

impl NodeError {
    /// Whether going on with other channels is pointless now.
    #[must_use]
    pub const fn ends_run(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Denied(_))
    }
}

/// Why a run ended early.
#[derive(Debug, thiserror::Error)]
pub enum ManagerError {
    /// The node.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// The circuit breaker is another node's; nothing was sent.
    #[error("the circuit breaker guards {guarded}, not this node")]
    OtherNode {
        /// The key of the node it guards.
        guarded: String,
    },
    /// The history: nothing is sent that cannot be written down.
    #[error(transparent)]
    History(#[from] HistoryError),
}

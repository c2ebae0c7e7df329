//! Why a backend did not do what it was asked.
//!
//! Every variant tells the caller what to do next; "something failed" is not one of them.

use crate::caps::Gap;
use crate::types::PaymentState;
use debal_protocol::message::Refusal;
use debal_protocol::{ChannelId, LockHash, Msat, NodeId};

/// A backend's answer.
pub type Result<T> = std::result::Result<T, Error>;

/// Why not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The node does not answer; nothing was sent. Try again later.
    #[error("the node does not answer: {0}; try again")]
    Unavailable(String),
    /// The channel exists but takes nothing now.
    #[error("channel {0} cannot be used now: its peer is away or it is frozen")]
    ChannelUnusable(ChannelId),
    /// There is no such channel.
    #[error("there is no channel {0} here")]
    UnknownChannel(ChannelId),
    /// The free balance is too small.
    #[error("only {available_msat} can be sent now")]
    Insufficient {
        /// What could be sent.
        available_msat: Msat,
    },
    /// Below the smallest amount the channel takes.
    #[error("below the smallest amount of {min_msat}")]
    BelowMinimum {
        /// That amount.
        min_msat: Msat,
    },
    /// Too much is in flight already.
    #[error("too much is in flight already; wait for open payments to end")]
    TooMuchInFlight,
    /// No free slot for one more lock.
    #[error("no slot free for one more lock; wait for open payments to end")]
    NoSlots,
    /// A hop asks more than the route pays.
    #[error("{node} asks a higher fee on {channel}")]
    FeeInsufficient {
        /// Who asks.
        node: NodeId,
        /// Over which channel.
        channel: ChannelId,
    },
    /// A deadline is too near.
    #[error("the deadline is too near")]
    ExpiryTooSoon,
    /// A deadline is too far.
    #[error("the deadline is too far")]
    ExpiryTooFar,
    /// Refused for a named reason.
    #[error("refused: {reason:?}")]
    Refused {
        /// Who refused; `None` is this node.
        by: Option<NodeId>,
        /// Why.
        reason: Refusal,
    },
    /// The hash belongs to another operation. A hash serves one operation for ever.
    #[error("this hash was used before; its payment is {0}")]
    Duplicate(PaymentState),
    /// This backend cannot do that.
    #[error("this backend has no {0}")]
    Unsupported(Gap),
    /// Nothing is known under that hash.
    #[error("nothing is known under hash {0}")]
    UnknownHash(LockHash),
    /// The receive is settled: it cannot be cancelled.
    #[error("the payment is settled already")]
    AlreadySettled,
    /// The request contradicts itself.
    #[error("{0}")]
    Invalid(String),
    /// Whether something was sent is not known. Ask `payment(hash)`; never send again blindly.
    #[error("the answer was lost: ask for the payment's state, do not send again")]
    Ambiguous,
    /// The node cannot go on.
    #[error("the node stopped: {0}")]
    Fatal(String),
}

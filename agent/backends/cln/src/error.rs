//! Why a call did not give what was asked, each with what the caller does next.
//!
//! Every variant says whether the request may have reached the node; it must never leave that
//! open.

use crate::version::Version;

/// The answer of a call.
pub type Result<T> = std::result::Result<T, Error>;

/// Why not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The node does not answer. Nothing was changed; try again later.
    #[error("the node does not answer: {reason}; try again")]
    Unavailable {
        /// What happened.
        reason: String,
    },
    /// The socket's file does not let this user in. Nothing was sent.
    #[error("this user may not open {path}: run as the node's user, or give its group access")]
    Denied {
        /// The socket.
        path: String,
    },
    /// The node understood and said no; nothing of that channel changed.
    #[error("the node refused (code {code}): {reason}")]
    Refused {
        /// The node's error code.
        code: i64,
        /// The node's words.
        reason: String,
    },
    /// A write was sent and its answer was lost: read the channel back, do not send again blindly.
    #[error("the answer to {method} was lost ({reason}): read the channel back, do not send again")]
    Ambiguous {
        /// The write.
        method: &'static str,
        /// What happened.
        reason: String,
    },
    /// An answer is larger than the limit.
    #[error("the answer to {method} is over the limit of {limit}")]
    TooLarge {
        /// The call.
        method: &'static str,
        /// The limit: bytes of an answer, or events of a history.
        limit: u64,
    },
    /// The node is too old, or does not say how old it is.
    #[error("core lightning {found} cannot be used: {since} or newer is needed")]
    TooOld {
        /// Its version text.
        found: String,
        /// First version that can be used.
        since: Version,
    },
    /// The node does not have the method: a plugin may be off.
    #[error("the node does not have {method}")]
    Unimplemented {
        /// The call.
        method: &'static str,
    },
    /// The request contradicts itself; nothing was sent.
    #[error("{0}")]
    Invalid(String),
    /// The method is not on the allow-list; nothing was sent. A defect of the caller.
    #[error("the method {method} is not on the allow-list")]
    NotAllowed {
        /// What was asked for.
        method: String,
    },
    /// The node's answer cannot be understood; reads changed nothing.
    #[error("the answer to {method} cannot be understood: {what}")]
    Protocol {
        /// The call.
        method: &'static str,
        /// What is wrong with it.
        what: String,
    },
}

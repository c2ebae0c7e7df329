//! Why a call did not give what was asked, each with what the caller does next.
//!
//! No message here may hold a macaroon or anything the macaroon file contained.

use crate::permission::Permission;
use crate::version::Version;

/// The answer of a call.
pub type Result<T> = std::result::Result<T, Error>;

/// Why not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The node does not answer on any transport. Nothing was changed; try again later.
    #[error("the node does not answer: {reason}; try again")]
    Unavailable {
        /// What happened.
        reason: String,
    },
    /// The wallet is locked or absent: the operator must unlock it.
    #[error("the node's wallet is locked: {reason}; unlock it")]
    Locked {
        /// The node's words.
        reason: String,
    },
    /// The node is starting; try again in a moment.
    #[error("the node is starting: {reason}; try again in a moment")]
    Starting {
        /// The node's words.
        reason: String,
    },
    /// The macaroon is missing, expired or does not cover the method.
    #[error("the node refused the macaroon for {method} ({permission}): {reason}")]
    Denied {
        /// Full method name, as `lncli bakemacaroon uri:` takes it.
        method: &'static str,
        /// The permission that also covers it.
        permission: Permission,
        /// The node's words.
        reason: String,
    },
    /// The node's TLS certificate was refused. Nothing was sent.
    #[error("the node's TLS certificate was refused: {0}")]
    Certificate(CertificateProblem),
    /// The node knows no such channel or node.
    #[error("the node knows no such thing: {reason}")]
    NotFound {
        /// The node's words.
        reason: String,
    },
    /// The node understood and said no; nothing of that channel changed. Ask for something else.
    #[error("the node refused ({refusal}): {reason}")]
    Refused {
        /// What kind of refusal.
        refusal: Refusal,
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
    /// An answer is larger than the limit. Ask for less, or raise the limit.
    #[error("the answer to {method} is over the limit of {limit}")]
    TooLarge {
        /// The call.
        method: &'static str,
        /// The limit: bytes of a message, or events of a history.
        limit: u64,
    },
    /// This node's version has not got it.
    #[error("{what} needs lnd {since} or newer")]
    Unsupported {
        /// What was asked.
        what: &'static str,
        /// First version that has it.
        since: Version,
    },
    /// Neither transport of this node has the method.
    #[error("the node does not serve {method}: {reason}")]
    Unimplemented {
        /// The call.
        method: &'static str,
        /// The node's words.
        reason: String,
    },
    /// The request contradicts itself or cannot be expressed; nothing was sent.
    #[error("{0}")]
    Invalid(String),
    /// The method is not on the allow-list; nothing was sent. A defect of the caller.
    #[error("the method {method} is not on the allow-list")]
    NotAllowed {
        /// What was asked for.
        method: String,
    },
    /// The node's answer cannot be understood. Report it; reads changed nothing.
    #[error("the answer to {method} cannot be understood: {what}")]
    Protocol {
        /// The call.
        method: &'static str,
        /// What is wrong with it.
        what: String,
    },
}

/// What kind of refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The whole call was refused.
    Call,
    /// Positive inbound fees need `accept-positive-inbound-fees` in the node's configuration.
    PositiveInbound,
    /// The channel is not confirmed yet.
    Pending,
    /// The node has no such channel.
    UnknownChannel,
    /// A value is outside what the channel can carry.
    Parameter,
    /// The node failed while it applied the update to this channel.
    Internal,
    /// The node gave a reason this version does not know.
    Unknown,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Call => "whole call",
            Self::PositiveInbound => "positive inbound fee",
            Self::Pending => "channel still pending",
            Self::UnknownChannel => "unknown channel",
            Self::Parameter => "value out of bounds",
            Self::Internal => "internal failure",
            Self::Unknown => "unknown reason",
        })
    }
}

/// Why a certificate was refused, or could not be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateProblem {
    /// The node shows another certificate than the pinned one.
    #[error(
        "it is not the pinned certificate; if the node made a new one, copy its tls.cert again"
    )]
    Different,
    /// It was valid until this Unix second.
    #[error("it expired (valid until Unix second {until_s}); let the node make a new one")]
    Expired {
        /// End of its validity.
        until_s: u64,
    },
    /// It is valid from this Unix second.
    #[error("it is not valid before Unix second {from_s}; check this machine's clock")]
    NotYetValid {
        /// Start of its validity.
        from_s: u64,
    },
    /// It does not name the host that was dialled.
    #[error(
        "it does not name {host}; add tlsextradomain or tlsextraip to the node's configuration"
    )]
    Name {
        /// The host.
        host: String,
    },
    /// The handshake was not signed by the certificate's key, or TLS failed otherwise.
    #[error("the TLS handshake failed: {0}")]
    Handshake(String),
    /// The pinned file is not a certificate.
    #[error("the certificate file cannot be read: {0}")]
    Unreadable(String),
}

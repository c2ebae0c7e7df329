//! What went wrong between us and the node, and what that means for the caller.
//!
//! The one question that money hangs on is answered here: may the request have reached the node?
//! If that is not certain, a write is ambiguous and must never be sent again by this crate.

use crate::error::{CertificateProblem, Error, Refusal};
use crate::permission::{Kind, Method};

/// gRPC status codes that are told apart.
pub(crate) mod code {
    pub(crate) const CANCELLED: u32 = 1;
    pub(crate) const UNKNOWN: u32 = 2;
    pub(crate) const DEADLINE_EXCEEDED: u32 = 4;
    pub(crate) const NOT_FOUND: u32 = 5;
    pub(crate) const PERMISSION_DENIED: u32 = 7;
    pub(crate) const RESOURCE_EXHAUSTED: u32 = 8;
    pub(crate) const UNIMPLEMENTED: u32 = 12;
    pub(crate) const INTERNAL: u32 = 13;
    pub(crate) const UNAVAILABLE: u32 = 14;
    pub(crate) const UNAUTHENTICATED: u32 = 16;
}

/// A call that gave no answer, or an answer that is an error.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// The request did not leave this machine.
    NotSent(String),
    /// TLS was refused; the request did not leave this machine.
    Certificate(CertificateProblem),
    /// The request may have reached the node; no answer came.
    Lost(String),
    /// An answer came that cannot be read.
    Malformed(String),
    /// An answer came that is too large to read.
    TooLarge,
    /// The node answered with an error.
    Answered {
        /// gRPC status code.
        code: u32,
        /// The node's words, bounded.
        message: String,
    },
    /// Refused by this crate before anything was sent.
    Refused(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl Failure {
    /// An error the node answered with; its words are bounded here.
    pub(crate) fn answered(code: u32, message: &str) -> Self {
        Self::Answered { code, message: crate::convert::text(message, 400) }
    }

    /// Whether the same request may be sent on the other transport.
    pub(crate) fn may_try_other(&self, kind: Kind) -> bool {
        match self {
            Self::NotSent(_) | Self::Certificate(_) => true,
            Self::Answered { code, .. } if *code == code::UNIMPLEMENTED => true,
            Self::Answered { code, .. } => kind == Kind::Read && *code == code::UNAVAILABLE,
            Self::Lost(_) | Self::Malformed(_) => kind == Kind::Read,
            Self::TooLarge | Self::Refused(_) => false,
        }
    }

    /// Whether the transport itself works, whatever the answer was.
    pub(crate) fn transport_works(&self) -> bool {
        match self {
            Self::Answered { code, .. } => {
                *code != code::UNIMPLEMENTED && *code != code::UNAVAILABLE
            }
            Self::TooLarge => true,
            _ => false,
        }
    }

    /// One line for the log and for [`crate::Switch`].
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::NotSent(reason) | Self::Lost(reason) | Self::Malformed(reason) => reason.clone(),
            Self::Certificate(problem) => problem.to_string(),
            Self::TooLarge => "the answer is too large".into(),
            Self::Answered { code, message } => format!("{message} (code {code})"),
            Self::Refused(error) => error.to_string(),
        }
    }

    /// What the caller is told.
    pub(crate) fn into_error(self, method: &'static Method) -> Error {
        let (name, write) = (method.name, method.kind == Kind::Write);
        match self {
            Self::Refused(error) => error,
            Self::Certificate(problem) => Error::Certificate(problem),
            Self::NotSent(reason) => Error::Unavailable { reason },
            Self::Lost(reason) | Self::Malformed(reason) if write => {
                Error::Ambiguous { method: name, reason }
            }
            Self::TooLarge if write => {
                Error::Ambiguous { method: name, reason: "the answer is too large".into() }
            }
            Self::Lost(reason) => Error::Unavailable { reason },
            Self::Malformed(what) => Error::Protocol { method: name, what },
            Self::TooLarge => Error::TooLarge { method: name, limit: method.limit_bytes as u64 },
            Self::Answered { code, message } => answered(method, code, message),
        }
    }
}

/// Reads an error of the node. Most of LND's errors have no code of their own, so its words count.
fn answered(method: &'static Method, code: u32, reason: String) -> Error {
    let says = |words: &[&str]| words.iter().any(|word| reason.contains(word));
    let denied = || Error::Denied {
        method: method.name,
        permission: method.permission,
        reason: reason.clone(),
    };
    if says(&["wallet locked", "wallet not created"]) {
        return Error::Locked { reason };
    }
    if says(&["in the process of starting", "waiting to start", "still starting"]) {
        return Error::Starting { reason };
    }
    // LND 0.13 and newer; the words are checked under code 2 only, where everything else lands too.
    let macaroon = ["macaroon", "permission denied", "verification failed"];
    match code {
        code::UNKNOWN if says(&macaroon) => denied(),
        code::PERMISSION_DENIED | code::UNAUTHENTICATED => denied(),
        code::UNKNOWN if says(&["edge not found", "unable to find node"]) => {
            Error::NotFound { reason }
        }
        code::NOT_FOUND => Error::NotFound { reason },
        code::UNIMPLEMENTED => Error::Unimplemented { method: method.name, reason },
        // These can come from a proxy, or from a node that gave up half-way.
        code::CANCELLED | code::DEADLINE_EXCEEDED | code::INTERNAL | code::UNAVAILABLE
            if method.kind == Kind::Write =>
        {
            Error::Ambiguous { method: method.name, reason }
        }
        code::CANCELLED
        | code::DEADLINE_EXCEEDED
        | code::INTERNAL
        | code::UNAVAILABLE
        | code::RESOURCE_EXHAUSTED => Error::Unavailable { reason },
        _ if says(&["positive values for inbound"]) => {
            Error::Refused { refusal: Refusal::PositiveInbound, reason }
        }
        _ => Error::Refused { refusal: Refusal::Call, reason },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::permission::{GET_INFO, UPDATE_CHANNEL_POLICY, allowed};

    fn told(name: &str, code: u32, words: &str) -> Error {
        Failure::answered(code, words).into_error(allowed(name).unwrap())
    }

    #[test]
    fn the_nodes_words_become_what_to_do_next() {
        let read = |words| told(GET_INFO, code::UNKNOWN, words);
        let locked = "wallet locked, unlock it to enable full RPC access";
        assert!(matches!(read(locked), Error::Locked { .. }));
        let starting = "the RPC server is in the process of starting up, but not yet ready";
        assert!(matches!(read(starting), Error::Starting { .. }));
        for words in
            ["expected 1 macaroon, got 0", "permission denied", "verification failed: signature"]
        {
            assert!(matches!(read(words), Error::Denied { .. }), "{words}");
        }
        assert!(matches!(read("edge not found"), Error::NotFound { .. }));
        assert!(matches!(read("unknown scope"), Error::Refused { refusal: Refusal::Call, .. }));
    }

    #[test]
    fn only_a_request_that_certainly_stayed_here_is_sent_again_when_it_writes() {
        let lost = Failure::Lost("gone".into());
        assert!(lost.may_try_other(Kind::Read) && !lost.may_try_other(Kind::Write));
        assert!(Failure::NotSent("refused".into()).may_try_other(Kind::Write));
        assert!(!Failure::answered(code::UNAVAILABLE, "").may_try_other(Kind::Write));
        for code in [code::CANCELLED, code::INTERNAL, code::UNAVAILABLE] {
            let write = told(UPDATE_CHANNEL_POLICY, code, "gone");
            assert!(matches!(write, Error::Ambiguous { .. }), "{code}");
            assert!(matches!(told(GET_INFO, code, "gone"), Error::Unavailable { .. }), "{code}");
        }
    }
}

//! A client of the circuit breaker, the companion service that limits HTLCs by peer.
//!
//! The service speaks gRPC in plain text and asks nobody who they are: it belongs on this machine
//! or in a private network ([`Breaker::is_local`]). What this client must never do: call anything
//! but the four methods it needs, touch the default limit, or send a write twice. A write whose
//! answer is lost is [`Error::Ambiguous`], and [`Breaker::list_limits`] tells what became of it.
//!
//! ```no_run
//! use debal_breaker::Breaker;
//!
//! # async fn example() -> Result<(), debal_breaker::Error> {
//! let breaker = Breaker::new("127.0.0.1:9235")?;
//! println!("it guards {}", breaker.guarded_node().await?);
//! # Ok(())
//! # }
//! ```

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod client;
mod transport;

/// The message types written by the build script; they stay inside this crate.
#[allow(missing_docs, clippy::all, clippy::pedantic)]
mod proto {
    include!(concat!(env!("OUT_DIR"), "/circuitbreaker.rs"));
}

pub use client::{Breaker, Limit, Limits};

/// Why a call did not give what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The service does not answer; nothing was changed.
    #[error("the circuit breaker at {address} does not answer: {reason}")]
    Unavailable {
        /// Where it should be.
        address: String,
        /// What happened.
        reason: String,
    },
    /// The service said no; nothing changed.
    #[error("the circuit breaker refused (status {code}): {reason}")]
    Refused {
        /// gRPC's status code.
        code: u32,
        /// Its words.
        reason: String,
    },
    /// A write was sent and its answer was lost: list the limits.
    #[error("the circuit breaker's answer was lost: {reason}")]
    Ambiguous {
        /// What happened.
        reason: String,
    },
    /// The answer cannot be understood.
    #[error("the circuit breaker's answer cannot be understood: {0}")]
    Protocol(String),
    /// The request cannot be sent.
    #[error("{0}")]
    Invalid(String),
}

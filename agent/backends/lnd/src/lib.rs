//! A least-privilege client of LND: channels, policies, forwards and fees, over gRPC and REST.
//!
//! One [`Lnd`] speaks both transports. It starts with the preferred one and falls back to the other
//! when that does not answer, is refused by TLS or lacks a method, remembers the change and reports
//! it ([`Lnd::take_switches`] and the log). What it must never do:
//!
//! * call a method outside the allow-list ([`allow_list`]): both transports look there first;
//! * send a write twice: if an answer is lost the error is [`Error::Ambiguous`], and
//!   [`Lnd::read_back`] tells what became of it;
//! * switch certificate checks off: the node must show exactly the pinned certificate, valid now,
//!   naming the dialled host, and sign the handshake with its key;
//! * print, log or return the macaroon.
//!
//! Amounts carry their unit in their names (`_sat`, `_msat`). Everything from the node is bounded:
//! messages by a limit per method, histories by pages and a total, texts by length, and control
//! characters are dropped. No decision is made here: what to set is the caller's business.
//!
//! The tests run against `debal-lnd-fake`, a scripted node; `tests/real.rs` runs against a real one
//! that `DEBAL_TEST_LND` names.
//!
//! ```no_run
//! use debal_lnd::{Certificate, Config, Lnd, Macaroon, Prefer};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let lnd = Lnd::new(Config {
//!     grpc: Some("localhost:10009".parse()?),
//!     rest: Some("localhost:8080".parse()?),
//!     ..Config::new(
//!         Certificate::read("lnd/tls.cert".as_ref())?,
//!         Macaroon::read("lnd/debal.macaroon".as_ref())?,
//!         Prefer::Grpc,
//!     )
//! })?;
//! let identity = lnd.get_info().await?;
//! println!("{} runs lnd {}", identity.node, identity.version);
//! # Ok(())
//! # }
//! ```

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod body;
mod certificate;
mod client;
mod config;
mod convert;
mod error;
mod failure;
mod graph;
mod grpc;
mod history;
mod htlc;
mod json;
mod macaroon;
mod permission;
mod reads;
mod rest;
#[cfg(test)]
mod samples;
mod tls;
mod types;
mod version;
mod writes;

/// The message types written by the build script; they stay inside this crate.
#[allow(missing_docs, clippy::all, clippy::pedantic)]
mod proto {
    pub(crate) mod lnrpc {
        include!(concat!(env!("OUT_DIR"), "/lnrpc.rs"));
    }
    pub(crate) mod routerrpc {
        include!(concat!(env!("OUT_DIR"), "/routerrpc.rs"));
    }
    pub(crate) mod walletrpc {
        include!(concat!(env!("OUT_DIR"), "/walletrpc.rs"));
    }
}

pub use certificate::Certificate;
pub use client::{Lnd, Switch};
pub use config::{Address, Config, Limits, Prefer, Transport};
pub use error::{CertificateProblem, Error, Refusal, Result};
pub use graph::{Edge, Graph, GraphNode, InboundFee, NetworkInfo, Policy};
pub use history::{Forward, ForwardPages, HistoryQuery};
pub use htlc::{HtlcEvent, HtlcEventKind, HtlcEvents, HtlcKind, LinkFailure};
pub use macaroon::{Grant, Macaroon};
pub use permission::{Audit, Permission, Permissions, allow_list, audit, permissions};
pub use types::{
    Activity, Balance, Channel, ChannelFees, ChannelPoint, ClosedChannel, FeeEstimate, FeeReport,
    HtlcLimits, Identity, NodeKey, PendingHtlc, State, Transaction, TxId,
};
pub use version::{Feature, Version};
pub use writes::{PolicyUpdate, ReadBack, StatusAction};

//! A least-privilege client of Core Lightning: channels, policies, forwards and fees, by the
//! node's unix socket (`lightning-rpc`).
//!
//! Versions 24.02 and newer; older ones are refused by name, because they do not tell both
//! policies of a channel. What it must never do:
//!
//! * call a method outside the allow-list ([`allow_list`]): the transport looks there first. The
//!   socket itself allows everything, payments too, to whoever may open it;
//! * name a channel to `setchannel` by anything but its short id: `all` or a peer's key would
//!   change other channels too;
//! * send a write twice: if an answer is lost the error is [`Error::Ambiguous`], and the channel's
//!   policy tells what became of it.
//!
//! Amounts carry their unit in their names. Everything from the node is bounded: answers by a
//! limit per method, histories by pages and a total, texts by length, and control characters are
//! dropped. No decision is made here. The tests run against `debal-cln-fake`, a scripted node; the
//! commands' suite (`agent/fees/cli/tests/real.rs`) runs against a real one that `DEBAL_TEST_CLN`
//! names.
//!
//! ```no_run
//! use debal_cln::{Cln, Limits};
//!
//! # async fn example() -> Result<(), debal_cln::Error> {
//! let cln = Cln::new("lightning-dir/bitcoin/lightning-rpc".into(), Limits::default());
//! let identity = cln.get_info().await?;
//! println!("{} runs core lightning {}", identity.node, identity.version);
//! # Ok(())
//! # }
//! ```

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod channel;
mod client;
mod error;
mod forward;
mod graph;
mod method;
mod number;
mod socket;
mod version;

pub use channel::{Applied, Channel, PendingHtlc, Policy, PolicyUpdate};
pub use client::{Cln, Identity, Opening};
pub use error::{Error, Result};
pub use forward::{Forward, ForwardStatus};
pub use graph::{GraphNode, HalfChannel};
pub use method::{allow_list, create_rune};
pub use socket::Limits;
pub use version::Version;

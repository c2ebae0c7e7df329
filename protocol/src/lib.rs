//! The sans-IO core of DEBAL: `Node::handle(input, now) -> effects`, a deterministic value.
//!
//! The story of the system is readable in two enums: [`input::Input`] and [`effect::Effect`]. This
//! crate must never read a clock, draw randomness, touch a file or a socket, use floats, or iterate
//! a hash map: the same inputs give the same effects on every machine. `SPEC.md` is normative.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

pub mod amount;
pub mod bounded;
pub mod channel;
pub mod config;
pub mod durable;
pub mod effect;
pub mod election;
pub mod event;
pub mod evidence;
pub mod flow;
pub mod ids;
pub mod input;
pub mod invariants;
pub mod journal;
pub mod limits;
pub mod market;
pub mod message;
pub mod mutant;
pub mod node;
pub mod plan;
pub mod reject;
pub mod roster;
pub mod status;
pub mod steer;
pub mod summary;
pub mod time;
pub mod transfer;
pub mod wire;

pub use amount::Msat;
pub use bounded::Bounded;
pub use debal_crypto::{Digest, LockHash, NodeId, Secret, Signature};
pub use ids::{ChannelId, Epoch, TransferId};
pub use message::Message;
pub use node::{Node, Step, Verdict};
pub use reject::Reject;
pub use time::Now;

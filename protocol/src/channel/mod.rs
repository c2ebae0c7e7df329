//! Co-signed channels: states, locks, and the one way a state follows another.
//!
//! A channel's low end (smaller identity) sequences: it alone proposes states, the high end asks
//! and counter-signs, so two different states of one sequence number never get two honest
//! signatures (docs/decisions/001-low-end-sequences.md). No state may ever lose or invent a
//! millisatoshi.

pub mod record;
pub mod state;
pub mod transition;

pub use record::{Channel, Proposal};
pub use state::{Change, ChannelTerms, Lock, LockKey, Mode, Side, SignedState, State};
pub use transition::{StateError, first_state, next_state};

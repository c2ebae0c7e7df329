//! Bytes to verified messages and back: the only place that names the byte format.

pub mod codec;
pub mod envelope;

pub use codec::{decode, encode};
pub use envelope::{Envelope, Verified, open, seal};

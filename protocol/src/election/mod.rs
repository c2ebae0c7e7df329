//! Leader election: claims, endorsements, certificates, the chain of epoch records.
//!
//! The leader is a liveness role. Nothing in this module may decide about money: a wrong, late or
//! forked election costs an epoch and never a millisatoshi.

pub mod types;

pub use types::{Certificate, Claim, Endorse, Endorsement, Tip};

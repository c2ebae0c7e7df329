//! Leader election: claims, endorsements, certificates, the chain of epoch records.
//!
//! The leader is a liveness role. Nothing in this module may decide about money: a wrong, late or
//! forked election costs an epoch and never a millisatoshi.

pub mod certificate;
pub mod checks;
pub mod claim;
pub mod durable;
pub mod fairness;
pub mod file;
pub mod machine;
mod pool;
pub mod ranking;
pub mod tip;
pub mod types;

pub use certificate::CheckedCertificate;
pub use checks::{Checks, Curves};
pub use claim::CheckedClaim;
pub use durable::{Durable, ElectionRecord};
pub use fairness::{FairnessReport, simulate_fairness};
pub use file::{CertificateFileError, VerifiedCertificate, verify_file};
pub use machine::{Context, Election, ElectionEffect, Genesis, Settings};
pub use tip::View;
pub use types::{Certificate, Claim, Endorse, Endorsement, Tip};

#[cfg(test)]
pub(crate) mod tests;

//! Keys, signatures, the election's VRF, hash locks and digests.
//!
//! Layer 0: everything above signs, verifies and hashes through this crate. It must never log,
//! print or serialise a secret, never read a clock, and never hash or sign bytes without a label of
//! the [`domain`] table in front of them.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

pub mod bytes;
pub mod digest;
pub mod domain;
pub mod hashlock;
pub mod identity;
pub mod seed_file;
pub mod signature;
pub mod suite;
pub mod vrf;

pub use bytes::{HexError, NodeId, VrfKey};
pub use digest::{Digest, Hasher};
pub use domain::Domain;
pub use hashlock::{LockHash, Secret};
pub use identity::{Binding, Identity};
pub use seed_file::{SeedFile, SeedFileError};
pub use signature::{Signature, SignatureError};
pub use suite::{RealSuite, Suite};
pub use vrf::{VrfError, VrfOutput, VrfPreout, VrfProof};

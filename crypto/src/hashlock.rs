//! Secrets and the SHA-256 locks they open (the lock of a Lightning HTLC).
//!
//! A secret must never be printed: its `Debug` shows nothing. It travels only inside claim and
//! settle messages and the journal.

use crate::bytes::{HexError, decode_hex, encode_hex, public_bytes};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::str::FromStr;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

public_bytes!(
    /// SHA-256 of a [`Secret`]: the payment hash of a lock.
    LockHash,
    32
);

impl LockHash {
    /// Whether `secret` opens this lock; the comparison takes the same time for every input.
    #[must_use]
    pub fn opens_with(&self, secret: &Secret) -> bool {
        self.0.ct_eq(&secret.lock_hash().0).into()
    }
}

/// A 32-byte preimage. Wiped on drop; never shown by `Debug`.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop, Serialize, Deserialize)]
pub struct Secret([u8; 32]);

impl Secret {
    /// Wraps preimage bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The preimage, for the wire and the journal only.
    #[must_use]
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// The lock this secret opens.
    #[must_use]
    pub fn lock_hash(&self) -> LockHash {
        LockHash(Sha256::digest(self.0).into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_opens_with_its_secret_only() {
        let secret = Secret::new([7; 32]);
        assert!(secret.lock_hash().opens_with(&secret));
        assert!(!secret.lock_hash().opens_with(&Secret::new([8; 32])));
    }

    #[test]
    fn the_lock_is_plain_sha256_so_that_lightning_can_carry_it() {
        // SHA-256 of 32 zero bytes, a published test value.
        assert_eq!(
            Secret::new([0; 32]).lock_hash().to_string(),
            "66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925"
        );
    }

    #[test]
    fn debug_shows_nothing_of_a_secret() {
        assert_eq!(format!("{:?}", Secret::new([0x41; 32])), "Secret(..)");
    }
}

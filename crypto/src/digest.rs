//! Domain-separated digests.
//!
//! A digest must never be taken of bytes without a [`Domain`] in front, and variable-length parts
//! are length-prefixed so that two different lists never hash alike.

use crate::bytes::{decode_hex, encode_hex, public_bytes};
use crate::domain::Domain;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

use crate::bytes::HexError;

public_bytes!(
    /// A BLAKE3 digest under one [`Domain`].
    Digest,
    32
);

impl Digest {
    /// The digest of `parts` under `domain`; each part is length-prefixed.
    #[must_use]
    pub fn of(domain: Domain, parts: &[&[u8]]) -> Self {
        let mut hasher = Hasher::new(domain);
        for part in parts {
            hasher.part(part);
        }
        hasher.finish()
    }
}

/// Builds a digest part by part.
pub struct Hasher(blake3::Hasher);

impl Hasher {
    /// Starts a digest under `domain`.
    #[must_use]
    pub fn new(domain: Domain) -> Self {
        let mut hasher = Self(blake3::Hasher::new());
        hasher.part(domain.label().as_bytes());
        hasher
    }

    /// Adds one length-prefixed part.
    pub fn part(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.update(&u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
        self.0.update(bytes);
        self
    }

    /// Adds one integer.
    pub fn number(&mut self, number: u64) -> &mut Self {
        self.part(&number.to_be_bytes())
    }

    /// The digest of everything added.
    #[must_use]
    pub fn finish(&self) -> Digest {
        Digest(*self.0.finalize().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moving_a_byte_between_parts_changes_the_digest() {
        let a = Digest::of(Domain::PlanDigest, &[b"ab", b"c"]);
        let b = Digest::of(Domain::PlanDigest, &[b"a", b"bc"]);
        assert_ne!(a, b);
    }

    #[test]
    fn the_domain_changes_the_digest() {
        assert_ne!(Digest::of(Domain::CycleId, &[b"x"]), Digest::of(Domain::PlanDigest, &[b"x"]));
    }
}

//! ed25519 signatures over `(domain, bytes)`, verified strictly.
//!
//! Nothing here may verify with the lenient rule: all members must agree on every signature, so
//! small-order keys and non-canonical encodings are refused (`verify_strict`).

use crate::bytes::{HexError, NodeId, decode_hex, encode_hex};
use crate::domain::Domain;
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// An ed25519 signature, in two halves because serde derives arrays up to 32 only.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Signature {
    point: [u8; 32],
    scalar: [u8; 32],
}

impl Signature {
    /// From the standard 64-byte form.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 64]) -> Self {
        let (mut point, mut scalar) = ([0u8; 32], [0u8; 32]);
        point.iter_mut().chain(scalar.iter_mut()).zip(bytes).for_each(|(to, from)| *to = *from);
        Self { point, scalar }
    }

    /// The standard 64-byte form.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 64] {
        let mut bytes = [0u8; 64];
        let halves = self.point.iter().chain(self.scalar.iter());
        bytes.iter_mut().zip(halves).for_each(|(to, from)| *to = *from);
        bytes
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&encode_hex(&self.to_bytes()))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text: String = self.to_string().chars().take(8).collect();
        write!(f, "Signature({text})")
    }
}

impl FromStr for Signature {
    type Err = HexError;
    fn from_str(text: &str) -> Result<Self, HexError> {
        decode_hex(text).map(|bytes: [u8; 64]| Self::from_bytes(&bytes))
    }
}

/// Why a signature was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The 32 bytes are no valid ed25519 public key.
    #[error("not an ed25519 public key")]
    BadKey,
    /// The signature does not match key and bytes, or is not canonical.
    #[error("signature does not verify")]
    Mismatch,
}

fn framed(domain: Domain, bytes: &[u8]) -> Vec<u8> {
    let label = domain.label().as_bytes();
    let mut framed = Vec::with_capacity(label.len().saturating_add(bytes.len()));
    framed.extend_from_slice(label);
    framed.extend_from_slice(bytes);
    framed
}

pub(crate) fn sign(key: &SigningKey, domain: Domain, bytes: &[u8]) -> Signature {
    Signature::from_bytes(&key.sign(&framed(domain, bytes)).to_bytes())
}

/// Verifies `signature` of `node` over `(domain, bytes)` by the strict rule.
///
/// # Errors
/// [`SignatureError`] says whether the key or the signature is at fault.
pub fn verify(
    node: &NodeId,
    domain: Domain,
    bytes: &[u8],
    signature: &Signature,
) -> Result<(), SignatureError> {
    let key = VerifyingKey::from_bytes(&node.0).map_err(|_| SignatureError::BadKey)?;
    let signature = ed25519_dalek::Signature::from_bytes(&signature.to_bytes());
    key.verify_strict(&framed(domain, bytes), &signature).map_err(|_| SignatureError::Mismatch)
}

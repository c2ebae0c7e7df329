//! The election's verifiable random function: schnorrkel in its non-malleable form.
//!
//! The public key is hashed into the input, no key is ever soft-derived, and the randomness of a
//! proof is injected, never drawn here. Only outputs made from a *verified* pre-output may be used,
//! and only as bytes expanded under a domain label (sources: schnorrkel `vrf` module; BABE and
//! Praos, which use the same two-step construction).

use crate::bytes::{HexError, VrfKey, decode_hex, encode_hex, public_bytes};
use crate::digest::Digest;
use crate::domain::Domain;
use rand_core06::{CryptoRng, RngCore};
use schnorrkel::context::attach_rng;
use schnorrkel::vrf::{VRFInOut, VRFPreOut, VRFProof};
use schnorrkel::{Keypair, MiniSecretKey, PublicKey};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

public_bytes!(
    /// A VRF pre-output: unique for a key and an input. A compressed Ristretto point.
    VrfPreout,
    32
);

/// A proof that a pre-output is right. Randomised: two proofs of one pre-output may differ.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct VrfProof {
    challenge: [u8; 32],
    response: [u8; 32],
}

impl fmt::Debug for VrfProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VrfProof(..)")
    }
}

impl VrfProof {
    /// Splits the 64-byte form.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 64]) -> Self {
        let (mut challenge, mut response) = ([0u8; 32], [0u8; 32]);
        let halves = challenge.iter_mut().chain(response.iter_mut());
        halves.zip(bytes).for_each(|(to, from)| *to = *from);
        Self { challenge, response }
    }

    fn to_bytes(self) -> [u8; 64] {
        let mut bytes = [0u8; 64];
        let halves = self.challenge.iter().chain(self.response.iter());
        bytes.iter_mut().zip(halves).for_each(|(to, from)| *to = *from);
        bytes
    }
}

/// What a verified claim yields: one expansion ranks claims, the other feeds the seed chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VrfOutput {
    /// Uniform bytes that rank the claim in its epoch.
    pub rank: [u8; 32],
    /// Uniform bytes that enter the seed two epochs later.
    pub seed: [u8; 32],
}

/// Why a VRF claim was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VrfError {
    /// The key is not a canonical, non-identity Ristretto point.
    #[error("not a usable VRF public key")]
    BadKey,
    /// The pre-output is not a canonical point, or is the identity.
    #[error("not a usable VRF pre-output")]
    BadPreout,
    /// The proof's scalars are not canonical.
    #[error("not a canonical VRF proof")]
    BadProof,
    /// The proof does not verify for key, input and pre-output.
    #[error("VRF proof does not verify")]
    Mismatch,
}

/// Injected randomness: the bytes of one seed, expanded by BLAKE3. It must never be reused for two
/// different transcripts without the transcript being part of the seed; [`prove`] sees to that.
struct SeededRng(blake3::OutputReader);

impl RngCore for SeededRng {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0u8; 4];
        self.0.fill(&mut bytes);
        u32::from_le_bytes(bytes)
    }
    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0u8; 8];
        self.0.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }
    fn fill_bytes(&mut self, dest: &mut [u8]) {
        self.0.fill(dest);
    }
    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), rand_core06::Error> {
        self.0.fill(dest);
        Ok(())
    }
}
impl CryptoRng for SeededRng {}

/// The secret half of a VRF key. Never cloned, never printed; schnorrkel wipes it on drop.
pub struct VrfSecret(Keypair);

impl fmt::Debug for VrfSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VrfSecret(..)")
    }
}

impl VrfSecret {
    /// Derives the key pair from 32 secret bytes.
    ///
    /// # Errors
    /// [`VrfError::BadKey`] never happens for 32 bytes; it keeps the signature honest.
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, VrfError> {
        let mini = MiniSecretKey::from_bytes(seed).map_err(|_| VrfError::BadKey)?;
        Ok(Self(mini.expand_to_keypair(MiniSecretKey::ED25519_MODE)))
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> VrfKey {
        VrfKey(self.0.public.to_bytes())
    }

    /// Proves the output for `input`. `context` is bound into the proof and does not change the
    /// output; `randomness` is the injected seed of the proof's nonce.
    #[must_use]
    pub fn prove(
        &self,
        input: &Digest,
        context: &Digest,
        randomness: &[u8; 32],
    ) -> (VrfPreout, VrfProof, VrfOutput) {
        let nonce = Digest::of(Domain::VrfNonce, &[randomness, &input.0, &context.0]);
        let rng = SeededRng(blake3::Hasher::new_keyed(&nonce.0).finalize_xof());
        let extra = attach_rng(extra_transcript(context), rng);
        let (in_out, proof, _) = self.0.vrf_sign_extra(input_transcript(input), extra);
        let preout = VrfPreout(in_out.to_preout().to_bytes());
        (preout, VrfProof::from_bytes(&proof.to_bytes()), expand(&in_out))
    }
}

fn input_transcript(input: &Digest) -> merlin::Transcript {
    schnorrkel::signing_context(Domain::VrfInput.label().as_bytes()).bytes(&input.0)
}

fn extra_transcript(context: &Digest) -> merlin::Transcript {
    let mut transcript = merlin::Transcript::new(b"VRF");
    transcript.append_message(b"debal-context", &context.0);
    transcript
}

fn expand(in_out: &VRFInOut) -> VrfOutput {
    VrfOutput {
        rank: in_out.make_bytes(Domain::VrfRank.label().as_bytes()),
        seed: in_out.make_bytes(Domain::VrfSeed.label().as_bytes()),
    }
}

/// Verifies a claim and returns its output.
///
/// # Errors
/// [`VrfError`] names the first part that is not canonical or does not verify.
pub fn verify(
    key: &VrfKey,
    input: &Digest,
    context: &Digest,
    preout: &VrfPreout,
    proof: &VrfProof,
) -> Result<VrfOutput, VrfError> {
    let public = PublicKey::from_bytes(&key.0).map_err(|_| VrfError::BadKey)?;
    if key.0 == [0u8; 32] {
        return Err(VrfError::BadKey);
    }
    // The identity point encodes as zero bytes and would give every key the same output.
    if preout.0 == [0u8; 32] {
        return Err(VrfError::BadPreout);
    }
    let pre = VRFPreOut::from_bytes(&preout.0).map_err(|_| VrfError::BadPreout)?;
    pre.attach_input_hash(&public, input_transcript(input)).map_err(|_| VrfError::BadPreout)?;
    let parsed = VRFProof::from_bytes(&proof.to_bytes()).map_err(|_| VrfError::BadProof)?;
    if parsed.to_bytes() != proof.to_bytes() {
        return Err(VrfError::BadProof);
    }
    let (in_out, _) = public
        .vrf_verify_extra(input_transcript(input), &pre, &parsed, extra_transcript(context))
        .map_err(|_| VrfError::Mismatch)?;
    Ok(expand(&in_out))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]
mod tests {
    use super::*;

    fn inputs() -> (Digest, Digest) {
        (Digest::of(Domain::VrfInput, &[b"in"]), Digest::of(Domain::TipDigest, &[b"ctx"]))
    }

    #[test]
    fn a_proof_verifies_and_gives_the_provers_output() {
        let (input, context) = inputs();
        let secret = VrfSecret::from_seed(&[1; 32]).unwrap();
        let (preout, proof, output) = secret.prove(&input, &context, &[9; 32]);
        assert_eq!(verify(&secret.public(), &input, &context, &preout, &proof), Ok(output));
        assert_ne!(output.rank, output.seed);
    }

    #[test]
    fn the_output_depends_on_key_and_input_and_not_on_randomness_or_context() {
        let (input, context) = inputs();
        let secret = VrfSecret::from_seed(&[1; 32]).unwrap();
        let first = secret.prove(&input, &context, &[9; 32]);
        let second = secret.prove(&input, &input, &[8; 32]);
        assert_eq!((first.0, first.2), (second.0, second.2));
        assert_ne!(first.1, second.1);
        let other = VrfSecret::from_seed(&[2; 32]).unwrap().prove(&input, &context, &[9; 32]);
        assert_ne!(first.2, other.2);
    }

    #[test]
    fn any_changed_bit_of_key_preout_or_proof_is_refused() {
        let (input, context) = inputs();
        let secret = VrfSecret::from_seed(&[3; 32]).unwrap();
        let (preout, proof, _) = secret.prove(&input, &context, &[9; 32]);
        for byte in 0..32 {
            let mut bad = preout;
            bad.0[byte] ^= 1;
            assert!(verify(&secret.public(), &input, &context, &bad, &proof).is_err());
            let mut key = secret.public();
            key.0[byte] ^= 1;
            assert!(verify(&key, &input, &context, &preout, &proof).is_err());
        }
        for byte in 0..64 {
            let mut bytes = proof.to_bytes();
            bytes[byte] ^= 1;
            let bad = VrfProof::from_bytes(&bytes);
            assert!(verify(&secret.public(), &input, &context, &preout, &bad).is_err());
        }
    }

    #[test]
    fn the_identity_point_is_refused_as_preout_and_as_key() {
        let (input, context) = inputs();
        let secret = VrfSecret::from_seed(&[3; 32]).unwrap();
        let (preout, proof, _) = secret.prove(&input, &context, &[9; 32]);
        let zero = VrfPreout([0; 32]);
        let refused = verify(&secret.public(), &input, &context, &zero, &proof);
        assert_eq!(refused, Err(VrfError::BadPreout));
        let refused = verify(&VrfKey([0; 32]), &input, &context, &preout, &proof);
        assert_eq!(refused, Err(VrfError::BadKey));
    }

    #[test]
    fn a_preout_of_another_key_does_not_verify() {
        let (input, context) = inputs();
        let a = VrfSecret::from_seed(&[1; 32]).unwrap();
        let b = VrfSecret::from_seed(&[2; 32]).unwrap();
        let (preout, proof, _) = a.prove(&input, &context, &[9; 32]);
        let refused = verify(&b.public(), &input, &context, &preout, &proof);
        assert_eq!(refused, Err(VrfError::Mismatch));
    }
}

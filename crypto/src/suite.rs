//! The one object through which the protocol core signs and verifies.
//!
//! The daemon uses [`RealSuite`]. The simulator has a fast keyed-hash stand-in of its own, which
//! must never be linked into the daemon: it lives in the simulator crate for that reason.

use crate::bytes::{NodeId, VrfKey};
use crate::digest::Digest;
use crate::domain::Domain;
use crate::hashlock::Secret;
use crate::identity::Identity;
use crate::signature::{self, Signature, SignatureError};
use crate::vrf::{self, VrfError, VrfOutput, VrfPreout, VrfProof};

/// Signing and verifying on behalf of one member. Deterministic: the same call gives the same
/// bytes.
pub trait Suite: Send + Sync {
    /// The member this suite signs for.
    fn node(&self) -> NodeId;
    /// Its VRF key.
    fn vrf_key(&self) -> VrfKey;
    /// Signs `(domain, bytes)`.
    fn sign(&self, domain: Domain, bytes: &[u8]) -> Signature;
    /// Verifies `signature` of `node` over `(domain, bytes)`.
    ///
    /// # Errors
    /// [`SignatureError`] says what is wrong.
    fn verify(
        &self,
        node: &NodeId,
        domain: Domain,
        bytes: &[u8],
        signature: &Signature,
    ) -> Result<(), SignatureError>;
    /// Proves the VRF output for `input` with `context` bound into the proof.
    fn vrf_prove(&self, input: &Digest, context: &Digest) -> (VrfPreout, VrfProof, VrfOutput);
    /// Verifies a VRF claim of `key` and returns its output.
    ///
    /// # Errors
    /// [`VrfError`] says what is wrong.
    fn vrf_verify(
        &self,
        key: &VrfKey,
        input: &Digest,
        context: &Digest,
        preout: &VrfPreout,
        proof: &VrfProof,
    ) -> Result<VrfOutput, VrfError>;
    /// The transfer secret this member draws for `label`.
    fn transfer_secret(&self, label: &Digest) -> Secret;
}

/// Real curves: ed25519 and schnorrkel.
#[derive(Debug)]
pub struct RealSuite(Identity);

impl RealSuite {
    /// A suite that signs with `identity`.
    #[must_use]
    pub const fn new(identity: Identity) -> Self {
        Self(identity)
    }

    /// The identity behind the suite.
    #[must_use]
    pub const fn identity(&self) -> &Identity {
        &self.0
    }
}

impl Suite for RealSuite {
    fn node(&self) -> NodeId {
        self.0.node()
    }
    fn vrf_key(&self) -> VrfKey {
        self.0.vrf_key()
    }
    fn sign(&self, domain: Domain, bytes: &[u8]) -> Signature {
        self.0.sign(domain, bytes)
    }
    fn verify(
        &self,
        node: &NodeId,
        domain: Domain,
        bytes: &[u8],
        signature: &Signature,
    ) -> Result<(), SignatureError> {
        signature::verify(node, domain, bytes, signature)
    }
    fn vrf_prove(&self, input: &Digest, context: &Digest) -> (VrfPreout, VrfProof, VrfOutput) {
        self.0.prove(input, context)
    }
    fn vrf_verify(
        &self,
        key: &VrfKey,
        input: &Digest,
        context: &Digest,
        preout: &VrfPreout,
        proof: &VrfProof,
    ) -> Result<VrfOutput, VrfError> {
        vrf::verify(key, input, context, preout, proof)
    }
    fn transfer_secret(&self, label: &Digest) -> Secret {
        self.0.transfer_secret(label)
    }
}

//! Verification without a secret: what a signing suite and a stranger with a file have in common.
//!
//! Nothing here may sign or prove. [`Curves`] is the real mathematics; every [`Suite`] checks with
//! its own.

use debal_crypto::{
    Digest, Domain, NodeId, Signature, SignatureError, Suite, VrfError, VrfKey, VrfOutput,
    VrfPreout, VrfProof, signature, vrf,
};

/// The two checks an election needs.
pub trait Checks {
    /// Checks `signature` of `node` over `(domain, bytes)`.
    ///
    /// # Errors
    /// [`SignatureError`] says what is wrong.
    fn check_signature(
        &self,
        node: &NodeId,
        domain: Domain,
        bytes: &[u8],
        signature: &Signature,
    ) -> Result<(), SignatureError>;

    /// Checks a VRF proof of `key` and returns the output it proves.
    ///
    /// # Errors
    /// [`VrfError`] says what is wrong.
    fn check_vrf(
        &self,
        key: &VrfKey,
        input: &Digest,
        context: &Digest,
        preout: &VrfPreout,
        proof: &VrfProof,
    ) -> Result<VrfOutput, VrfError>;
}

/// The real curves: ed25519 and schnorrkel. Holds no secret.
#[derive(Clone, Copy, Debug)]
pub struct Curves;

impl Checks for Curves {
    fn check_signature(
        &self,
        node: &NodeId,
        domain: Domain,
        bytes: &[u8],
        signature: &Signature,
    ) -> Result<(), SignatureError> {
        signature::verify(node, domain, bytes, signature)
    }

    fn check_vrf(
        &self,
        key: &VrfKey,
        input: &Digest,
        context: &Digest,
        preout: &VrfPreout,
        proof: &VrfProof,
    ) -> Result<VrfOutput, VrfError> {
        vrf::verify(key, input, context, preout, proof)
    }
}

impl<S: Suite + ?Sized> Checks for S {
    fn check_signature(
        &self,
        node: &NodeId,
        domain: Domain,
        bytes: &[u8],
        signature: &Signature,
    ) -> Result<(), SignatureError> {
        self.verify(node, domain, bytes, signature)
    }

    fn check_vrf(
        &self,
        key: &VrfKey,
        input: &Digest,
        context: &Digest,
        preout: &VrfPreout,
        proof: &VrfProof,
    ) -> Result<VrfOutput, VrfError> {
        self.vrf_verify(key, input, context, preout, proof)
    }
}

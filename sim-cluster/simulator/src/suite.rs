//! A keyed-hash stand-in for the curves: fast, deterministic, and no security at all.
//!
//! Anyone who knows a public key can sign for it. It must never be linked into the daemon; it lives
//! here, in a crate the daemon does not depend on, for that reason.

use debal_crypto::{
    Digest, Domain, Identity, NodeId, RealSuite, Secret, Signature, SignatureError, Suite,
    VrfError, VrfKey, VrfOutput, VrfPreout, VrfProof,
};
use std::sync::Arc;

/// Signs by hashing public data.
#[derive(Clone, Copy, Debug)]
pub struct FastSuite {
    node: NodeId,
}

fn hasher(tag: u8, parts: &[&[u8]]) -> blake3::Hasher {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&[tag]);
    for part in parts {
        hasher.update(&(part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher
}

fn hash32(tag: u8, parts: &[&[u8]]) -> [u8; 32] {
    *hasher(tag, parts).finalize().as_bytes()
}

fn hash64(tag: u8, parts: &[&[u8]]) -> [u8; 64] {
    let mut bytes = [0; 64];
    hasher(tag, parts).finalize_xof().fill(&mut bytes);
    bytes
}

impl FastSuite {
    /// The suite of member `index` in the world of `seed`.
    #[must_use]
    pub fn new(seed: u64, index: usize) -> Self {
        let index = (index as u64).to_be_bytes();
        Self { node: NodeId(hash32(0, &[&seed.to_be_bytes(), &index])) }
    }
}

impl Suite for FastSuite {
    fn node(&self) -> NodeId {
        self.node
    }
    fn vrf_key(&self) -> VrfKey {
        VrfKey(self.node.0)
    }
    fn sign(&self, domain: Domain, bytes: &[u8]) -> Signature {
        let label = domain.label().as_bytes();
        Signature::from_bytes(&hash64(1, &[&self.node.0, label, bytes]))
    }
    fn verify(
        &self,
        node: &NodeId,
        domain: Domain,
        bytes: &[u8],
        signature: &Signature,
    ) -> Result<(), SignatureError> {
        let right = Self { node: *node }.sign(domain, bytes) == *signature;
        if right { Ok(()) } else { Err(SignatureError::Mismatch) }
    }
    fn vrf_prove(&self, input: &Digest, context: &Digest) -> (VrfPreout, VrfProof, VrfOutput) {
        let key = self.vrf_key();
        let preout = hash32(2, &[&key.0, &input.0]);
        let proof = hash64(3, &[&key.0, &input.0, &context.0]);
        let output = VrfOutput { rank: hash32(4, &[&preout]), seed: hash32(5, &[&preout]) };
        (VrfPreout(preout), VrfProof::from_bytes(&proof), output)
    }
    fn vrf_verify(
        &self,
        key: &VrfKey,
        input: &Digest,
        context: &Digest,
        preout: &VrfPreout,
        proof: &VrfProof,
    ) -> Result<VrfOutput, VrfError> {
        let (right, right_proof, output) = Self { node: NodeId(key.0) }.vrf_prove(input, context);
        let good = right == *preout && right_proof == *proof;
        if good { Ok(output) } else { Err(VrfError::Mismatch) }
    }
    fn transfer_secret(&self, label: &Digest) -> Secret {
        Secret::new(hash32(6, &[&self.node.0, &label.0]))
    }
}

/// The suite of member `index`: the real curves, or the stand-in.
///
/// # Errors
/// [`VrfError`] never happens for 32 bytes; it keeps the signature honest.
pub fn suite_of(seed: u64, index: usize, real: bool) -> Result<Arc<dyn Suite>, VrfError> {
    let fast = FastSuite::new(seed, index);
    if real {
        return Ok(Arc::new(RealSuite::new(Identity::from_seed(&fast.node.0)?)));
    }
    Ok(Arc::new(fast))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stand_in_refuses_what_another_member_signed() {
        let (a, b) = (FastSuite::new(1, 0), FastSuite::new(1, 1));
        let signature = a.sign(Domain::Envelope, b"x");
        assert_eq!(b.verify(&a.node(), Domain::Envelope, b"x", &signature), Ok(()));
        let wrong = Err(SignatureError::Mismatch);
        assert_eq!(b.verify(&b.node(), Domain::Envelope, b"x", &signature), wrong);
        assert_eq!(b.verify(&a.node(), Domain::Binding, b"x", &signature), wrong);
    }
}

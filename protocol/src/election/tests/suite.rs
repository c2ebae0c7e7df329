//! A keyed-hash stand-in for the curves: fast, deterministic, and no security at all. Test-only.

use crate::roster::Member;
use debal_crypto::{
    Binding, Digest, Domain, Hasher, NodeId, Secret, Signature, SignatureError, Suite, VrfError,
    VrfKey, VrfOutput, VrfPreout, VrfProof,
};

/// Signs by hashing public data.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FastSuite {
    node: NodeId,
}

fn hash(tag: u8, parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Hasher::new(Domain::MessageDigest);
    hasher.part(&[tag]);
    for part in parts {
        hasher.part(part);
    }
    hasher.finish().0
}

fn double(first: [u8; 32]) -> [u8; 64] {
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(&first);
    bytes[32..].copy_from_slice(&hash(9, &[&first]));
    bytes
}

impl FastSuite {
    pub(crate) fn new(number: u8) -> Self {
        Self { node: NodeId([number; 32]) }
    }

    pub(crate) fn binding(&self, network: &Digest) -> Binding {
        let (node, vrf) = (self.node, self.vrf_key());
        let signature = Signature::from_bytes(&[0; 64]);
        let unsigned = Binding { node, vrf, signature };
        let signature = self.sign(Domain::Binding, &unsigned.signed_bytes(network));
        Binding { signature, ..unsigned }
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
        Signature::from_bytes(&double(hash(1, &[&self.node.0, label, bytes])))
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
        let preout = hash(2, &[&key.0, &input.0]);
        let proof = double(hash(3, &[&key.0, &input.0, &context.0]));
        let output = VrfOutput { rank: hash(4, &[&preout]), seed: hash(5, &[&preout]) };
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
        Secret::new(hash(6, &[&self.node.0, &label.0]))
    }
}

pub(crate) fn network_id() -> Digest {
    Digest::of(Domain::NetworkId, &[b"election tests"])
}

/// Founders 1, 2, ... with these weights.
pub(crate) fn members_of(weights: &[u64]) -> Vec<Member> {
    let member = |(at, weight): (usize, &u64)| {
        let suite = FastSuite::new(at as u8 + 1);
        Member { node: suite.node(), vrf: suite.vrf_key(), weight: *weight }
    };
    weights.iter().enumerate().map(member).collect()
}

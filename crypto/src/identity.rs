//! A member's identity: one seed, two keys derived from it, and the record that binds them.
//!
//! The seed and the secret keys must never leave this module except through `sign` and `prove`; the
//! libp2p shell gets the ed25519 seed once, at start, to build its transport key.

use crate::bytes::{NodeId, VrfKey};
use crate::digest::Digest;
use crate::domain::Domain;
use crate::hashlock::Secret;
use crate::signature::{self, Signature, SignatureError};
use crate::vrf::{VrfError, VrfOutput, VrfPreout, VrfProof, VrfSecret};
use ed25519_dalek::SigningKey;
use serde::{Deserialize, Serialize};
use std::fmt;
use zeroize::Zeroizing;

/// The keys of one member.
pub struct Identity {
    signing: SigningKey,
    vrf: VrfSecret,
    secrets: Zeroizing<[u8; 32]>,
    node: NodeId,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({})", self.node.short())
    }
}

/// The record that binds a VRF key to an identity; signed by the identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Binding {
    /// The identity that signs.
    pub node: NodeId,
    /// The VRF key it will use in elections.
    pub vrf: VrfKey,
    /// The identity's signature over the VRF key and the network.
    pub signature: Signature,
}

impl Binding {
    /// Checks that the identity signed this VRF key for `network`.
    ///
    /// # Errors
    /// [`SignatureError`] of the underlying check.
    pub fn verify(&self, network: &Digest) -> Result<(), SignatureError> {
        signature::verify(&self.node, Domain::Binding, &self.signed_bytes(network), &self.signature)
    }

    /// The bytes the identity signs under [`Domain::Binding`], for suites with their own curves.
    #[must_use]
    pub fn signed_bytes(&self, network: &Digest) -> Vec<u8> {
        binding_bytes(&self.vrf, network)
    }
}

fn binding_bytes(vrf: &VrfKey, network: &Digest) -> Vec<u8> {
    [vrf.0, network.0].concat()
}

impl Identity {
    /// Derives both keys from the 32 bytes of a seed file, each under its own label.
    ///
    /// # Errors
    /// [`VrfError::BadKey`] if the VRF key cannot be built (cannot happen for 32 bytes).
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, VrfError> {
        let derive = |domain| Zeroizing::new(Digest::of(domain, &[seed]).0);
        let signing = SigningKey::from_bytes(&derive(Domain::DeriveIdentity));
        let vrf = VrfSecret::from_seed(&derive(Domain::DeriveVrf))?;
        let node = NodeId(signing.verifying_key().to_bytes());
        Ok(Self { signing, vrf, secrets: derive(Domain::DeriveSecret), node })
    }

    /// The public identity.
    #[must_use]
    pub const fn node(&self) -> NodeId {
        self.node
    }

    /// The public VRF key.
    #[must_use]
    pub fn vrf_key(&self) -> VrfKey {
        self.vrf.public()
    }

    /// The binding record for `network`.
    #[must_use]
    pub fn binding(&self, network: &Digest) -> Binding {
        let vrf = self.vrf_key();
        let bytes = binding_bytes(&vrf, network);
        let signature = signature::sign(&self.signing, Domain::Binding, &bytes);
        Binding { node: self.node, vrf, signature }
    }

    /// Signs `(domain, bytes)`.
    #[must_use]
    pub fn sign(&self, domain: Domain, bytes: &[u8]) -> Signature {
        signature::sign(&self.signing, domain, bytes)
    }

    /// Proves the VRF output for `input`, with `context` bound into the proof. The proof's
    /// randomness is derived from the seed and the inputs, so a repeat gives the same bytes.
    #[must_use]
    pub fn prove(&self, input: &Digest, context: &Digest) -> (VrfPreout, VrfProof, VrfOutput) {
        self.vrf.prove(input, context, &self.secrets)
    }

    /// The transfer secret for `label`: derived, so that a restarted opener finds it again, and
    /// unpredictable to everyone without the seed.
    #[must_use]
    pub fn transfer_secret(&self, label: &Digest) -> Secret {
        Secret::new(Digest::of(Domain::DeriveSecret, &[&*self.secrets, &label.0]).0)
    }

    /// The ed25519 seed for the transport key, wiped when dropped.
    #[must_use]
    pub fn transport_seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.signing.to_bytes())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_binding_verifies_for_its_network_only() {
        let identity = Identity::from_seed(&[5; 32]).unwrap();
        let network = Digest::of(Domain::NetworkId, &[b"a"]);
        let other = Digest::of(Domain::NetworkId, &[b"b"]);
        let binding = identity.binding(&network);
        assert_eq!(binding.verify(&network), Ok(()));
        assert_eq!(binding.verify(&other), Err(SignatureError::Mismatch));
    }

    #[test]
    fn a_signature_of_one_domain_does_not_verify_in_another() {
        let identity = Identity::from_seed(&[5; 32]).unwrap();
        let signature = identity.sign(Domain::Envelope, b"x");
        let node = identity.node();
        assert_eq!(signature::verify(&node, Domain::Envelope, b"x", &signature), Ok(()));
        let refused = signature::verify(&node, Domain::ChannelState, b"x", &signature);
        assert_eq!(refused, Err(SignatureError::Mismatch));
    }

    #[test]
    fn debug_shows_no_secret() {
        let identity = Identity::from_seed(&[5; 32]).unwrap();
        let text = format!("{identity:?} {:?}", identity.vrf);
        assert_eq!(text, format!("Identity({}) VrfSecret(..)", identity.node().short()));
    }
}

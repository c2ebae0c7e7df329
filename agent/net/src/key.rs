//! A peer's ed25519 public key, which is the protocol's node id, and its libp2p spelling.
//! Both directions are plain byte copies; no key is ever looked up or stored here.

use std::fmt;

use libp2p::PeerId;

/// What precedes an ed25519 key in a libp2p peer id: identity multihash of 36 bytes, then the
/// protobuf fields key type (ed25519) and key bytes (32).
const PREFIX: [u8; 6] = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20];

/// An ed25519 public key; the protocol's node id.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerKey(pub [u8; 32]);

impl PeerKey {
    /// The libp2p peer id of this key; `None` cannot happen for 32 bytes, but libp2p's own
    /// constructor is fallible. Whether the bytes are a curve point shows only on connecting.
    pub fn to_peer_id(self) -> Option<PeerId> {
        let mut bytes = PREFIX.to_vec();
        bytes.extend_from_slice(&self.0);
        PeerId::from_bytes(&bytes).ok()
    }

    /// The key inside a libp2p peer id; `None` when it holds no inlined ed25519 key.
    pub fn from_peer_id(peer: &PeerId) -> Option<Self> {
        let bytes = peer.to_bytes();
        let key = bytes.strip_prefix(PREFIX.as_slice())?;
        key.try_into().ok().map(Self)
    }
}

impl fmt::Display for PeerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for PeerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PeerKey({self})")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use libp2p::identity::Keypair;

    use super::*;

    #[test]
    fn a_key_survives_the_way_to_a_peer_id_and_back() {
        for seed in 0..32_u8 {
            let pair = Keypair::ed25519_from_bytes([seed; 32]).unwrap();
            let key = PeerKey(pair.public().try_into_ed25519().unwrap().to_bytes());
            assert_eq!(key.to_peer_id().unwrap(), pair.public().to_peer_id());
            assert_eq!(PeerKey::from_peer_id(&pair.public().to_peer_id()), Some(key));
        }
    }

    #[test]
    fn a_hashed_peer_id_holds_no_key() {
        let mut sha256_multihash = vec![0x12, 0x20];
        sha256_multihash.extend_from_slice(&[9; 32]);
        assert_eq!(PeerKey::from_peer_id(&PeerId::from_bytes(&sha256_multihash).unwrap()), None);
    }
}

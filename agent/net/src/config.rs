//! The configuration of the network and the errors that keep it from starting.
//! Secrets are wiped on drop and never printed.

use std::fmt;

use libp2p::Multiaddr;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::{key::PeerKey, limits::NetLimits};

/// Everything [`crate::start`] needs.
pub struct NetConfig {
    /// The ed25519 secret seed of the node's identity.
    pub secret: Zeroizing<[u8; 32]>,
    /// The network id; peers that state another are disconnected.
    pub network: [u8; 32],
    /// Addresses to listen on; none is allowed (dial-only node).
    pub listen: Vec<Multiaddr>,
    /// Peers to join by; dialled for ever with growing pauses. A dead one costs a warning.
    pub bootstrap: Vec<(PeerKey, Multiaddr)>,
    /// Caps that an operator may change.
    pub limits: NetLimits,
    /// Whether 127.0.0.1 and ::1 are ordinary neighbours: exempt from address colocation scoring
    /// and prefix caps, and believed when a peer states them. Only for clusters on one machine.
    pub loopback: bool,
    /// Channel counterparties: always forwarded to, kept connected, redialled.
    pub explicit_peers: Vec<PeerKey>,
}

impl fmt::Debug for NetConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NetConfig")
            .field("listen", &self.listen)
            .field("bootstrap", &self.bootstrap)
            .field("limits", &self.limits)
            .field("loopback", &self.loopback)
            .field("explicit_peers", &self.explicit_peers)
            .finish_non_exhaustive()
    }
}

/// Why the network did not start.
#[derive(Debug, Error)]
pub enum NetError {
    /// The seed is not an ed25519 secret.
    #[error("identity seed refused: {0}")]
    BadSecret(String),
    /// The encrypted transport could not be built.
    #[error("transport refused: {0}")]
    Transport(String),
    /// The gossip settings contradict each other; only custom [`NetLimits`] can cause it.
    #[error("gossip settings refused: {0}")]
    Gossip(String),
    /// An address could not be listened on, for example because its port is taken.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// The address.
        address: Multiaddr,
        /// The transport's own words.
        reason: String,
    },
}

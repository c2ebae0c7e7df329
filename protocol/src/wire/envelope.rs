//! Signed envelopes: who says what, on which network, in which epoch.
//!
//! [`Verified`] is made by [`open`] only, so the rest of the core has no "maybe signed" branch.

use super::codec;
use crate::ids::Epoch;
use crate::limits::ENVELOPE_MAX_BYTES;
use crate::message::{Message, Travel};
use crate::reject::Reject;
use debal_crypto::{Digest, Domain, NodeId, Signature, Suite};
use serde::{Deserialize, Serialize};

/// The protocol version this node speaks.
pub const VERSION: u8 = 1;

/// What is signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// Protocol version.
    pub version: u8,
    /// Network id.
    pub network: Digest,
    /// Who speaks.
    pub sender: NodeId,
    /// The sender's epoch.
    pub epoch: Epoch,
    /// What it says.
    pub message: Message,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Sealed {
    envelope: Envelope,
    signature: Signature,
}

/// A message whose size, form, network and signature have been checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    envelope: Envelope,
    digest: Digest,
    sealed: Vec<u8>,
}

impl Verified {
    /// Who speaks.
    #[must_use]
    pub const fn sender(&self) -> NodeId {
        self.envelope.sender
    }

    /// The sender's epoch.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.envelope.epoch
    }

    /// What it says.
    #[must_use]
    pub const fn message(&self) -> &Message {
        &self.envelope.message
    }

    /// Digest of the sealed bytes, for duplicate detection.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// The sealed bytes as they arrived: what the sender cannot deny.
    #[must_use]
    pub fn sealed(&self) -> &[u8] {
        &self.sealed
    }

    /// The message itself.
    #[must_use]
    pub fn into_message(self) -> Message {
        self.envelope.message
    }
}

/// Signs a message and encodes the sealed envelope.
///
/// # Errors
/// [`Reject::TooLarge`] if the message is over the cap of its kind: we must not send what every
/// honest node refuses.
pub fn seal(
    suite: &dyn Suite,
    network: Digest,
    epoch: Epoch,
    message: Message,
) -> Result<Vec<u8>, Reject> {
    let max = message.max_bytes();
    let envelope = Envelope { version: VERSION, network, sender: suite.node(), epoch, message };
    let mut bytes = codec::encode(&envelope)?;
    let signature = suite.sign(Domain::Envelope, &bytes);
    bytes.extend_from_slice(&codec::encode(&signature)?);
    if bytes.len() > max {
        return Err(Reject::TooLarge { found: bytes.len(), max });
    }
    Ok(bytes)
}

/// Bounds, decodes, canonicalises and verifies an envelope that arrived by `travel`.
///
/// # Errors
/// [`Reject`] names the first check that failed; cheap checks come first.
pub fn open(
    suite: &dyn Suite,
    network: Digest,
    travel: Travel,
    bytes: &[u8],
) -> Result<Verified, Reject> {
    let max = if travel == Travel::Direct { ENVELOPE_MAX_BYTES } else { travel.max_bytes() };
    let sealed: Sealed = codec::decode(bytes, max)?;
    let Sealed { envelope, signature } = sealed;
    if envelope.version != VERSION {
        return Err(Reject::Version(envelope.version));
    }
    if envelope.network != network {
        return Err(Reject::Network);
    }
    if envelope.message.travel() != travel {
        return Err(Reject::WrongWay(envelope.message.name()));
    }
    let own_max = envelope.message.max_bytes();
    if bytes.len() > own_max {
        return Err(Reject::TooLarge { found: bytes.len(), max: own_max });
    }
    let signed = codec::encode(&envelope)?;
    suite.verify(&envelope.sender, Domain::Envelope, &signed, &signature)?;
    let digest = Digest::of(Domain::MessageDigest, &[bytes]);
    Ok(Verified { envelope, digest, sealed: bytes.to_vec() })
}

//! The founding file of a network: its name, timetable and first members.
//!
//! No member is believed without its own signature over its VRF key: a wrong founding file would
//! fail every election, so it is refused here, by file and member.

use debal_crypto::{Binding, Domain, Identity, SignatureError, VrfKey};
use debal_protocol::limits::ROSTER_MAX;
use debal_protocol::roster::Member;
use debal_protocol::time::Timetable;
use debal_protocol::{Digest, NodeId, Signature};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// A founding file of 256 members is far below this; a larger one is refused unread.
pub const FILE_MAX_BYTES: u64 = 1024 * 1024;

/// One member as it stands in the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberEntry {
    /// Identity, hex.
    pub node: String,
    /// VRF key, hex.
    pub vrf: String,
    /// The identity's signature over VRF key and network, hex.
    pub signature: String,
    /// Election weight: public capacity in satoshi, at least 1.
    pub weight: u64,
}

/// The file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenesisFile {
    /// Name of the network.
    pub network: String,
    /// When epoch 0 begins, Unix milliseconds.
    pub genesis_unix_ms: u64,
    /// Length of an epoch, milliseconds.
    pub epoch_ms: u64,
    /// First members.
    pub members: Vec<MemberEntry>,
}

/// A verified founding file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Founding {
    /// Name of the network.
    pub name: String,
    /// Its id.
    pub network: Digest,
    /// Its timetable.
    pub timetable: Timetable,
    /// First members, ascending by identity.
    pub members: Vec<Member>,
}

/// Why a founding file is refused.
#[derive(Debug, thiserror::Error)]
pub enum GenesisError {
    /// The file cannot be read.
    #[error("{path}: {source}; every member needs the same founding file, ask the one who made it")]
    Io {
        /// The file.
        path: PathBuf,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// The content is no founding file.
    #[error("{path}: {message}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column where known.
        message: String,
    },
    /// One member is wrong.
    #[error("{path}: member {index} (counted from 0): {message}")]
    Member {
        /// The file.
        path: PathBuf,
        /// Which member.
        index: usize,
        /// What is wrong.
        message: String,
    },
}

/// The id of a network: nobody can join two networks by one signature.
#[must_use]
pub fn network_id(name: &str, timetable: &Timetable) -> Digest {
    let genesis = timetable.genesis_ms.to_be_bytes();
    let epoch = timetable.epoch_ms.to_be_bytes();
    Digest::of(Domain::NetworkId, &[name.as_bytes(), &genesis, &epoch])
}

/// The line of the founding file that makes `identity` a member.
#[must_use]
pub fn member_entry(identity: &Identity, network: &Digest, weight: u64) -> MemberEntry {
    let Binding { node, vrf, signature } = identity.binding(network);
    MemberEntry {
        node: node.to_string(),
        vrf: vrf.to_string(),
        signature: signature.to_string(),
        weight,
    }
}

impl Founding {
    /// Reads and verifies a founding file.
    ///
    /// # Errors
    /// [`GenesisError`] names file and member.
    pub fn load(path: &Path) -> Result<Self, GenesisError> {
        let io = |source| GenesisError::Io { path: path.to_owned(), source };
        let length = std::fs::metadata(path).map_err(io)?.len();
        if length > FILE_MAX_BYTES {
            let message = format!("{length} bytes, at most {FILE_MAX_BYTES} allowed");
            return Err(GenesisError::Content { path: path.to_owned(), message });
        }
        let text = std::fs::read(path).map_err(io)?;
        let mut reader = serde_json::Deserializer::from_slice(&text);
        let file: GenesisFile = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            let message = format!("{}: {}", error.path(), error.inner());
            GenesisError::Content { path: path.to_owned(), message }
        })?;
        Self::verify(path, &file)
    }

    /// Verifies the content of a file; `path` is for messages.
    ///
    /// # Errors
    /// As [`Founding::load`].
    pub fn verify(path: &Path, file: &GenesisFile) -> Result<Self, GenesisError> {
        let content = |message: &str| GenesisError::Content {
            path: path.to_owned(),
            message: message.to_owned(),
        };
        if !(Timetable::MIN_EPOCH_MS..=Timetable::MAX_EPOCH_MS).contains(&file.epoch_ms) {
            return Err(content("epoch_ms must be 1000 to 86400000"));
        }
        if file.members.is_empty() || file.members.len() > ROSTER_MAX {
            return Err(content("a network has 1 to 256 founding members"));
        }
        let timetable = Timetable { genesis_ms: file.genesis_unix_ms, epoch_ms: file.epoch_ms };
        let network = network_id(&file.network, &timetable);
        let mut members: Vec<Member> = Vec::new();
        for (index, entry) in file.members.iter().enumerate() {
            let wrong = |message| GenesisError::Member { path: path.to_owned(), index, message };
            let member = verified(entry, &network).map_err(wrong)?;
            if members.iter().any(|other| other.node == member.node) {
                return Err(wrong("the same node stands in the file twice".to_owned()));
            }
            members.push(member);
        }
        members.sort_by_key(|member| member.node);
        Ok(Self { name: file.network.clone(), network, timetable, members })
    }

    /// Whether `node` is a founding member.
    #[must_use]
    pub fn has(&self, node: &NodeId) -> bool {
        self.members.iter().any(|member| member.node == *node)
    }
}

fn verified(entry: &MemberEntry, network: &Digest) -> Result<Member, String> {
    let Binding { node, vrf, .. } = binding(entry, network)?;
    Ok(Member { node, vrf, weight: entry.weight })
}

/// The key binding of an entry, verified for `network`.
///
/// # Errors
/// What is wrong with the entry, for people.
pub fn binding(entry: &MemberEntry, network: &Digest) -> Result<Binding, String> {
    let node: NodeId = entry.node.parse().map_err(|error| format!("node: {error}"))?;
    let vrf: VrfKey = entry.vrf.parse().map_err(|error| format!("vrf: {error}"))?;
    let signature: Signature =
        entry.signature.parse().map_err(|error| format!("signature: {error}"))?;
    if entry.weight == 0 {
        return Err("weight must be at least 1".to_owned());
    }
    let binding = Binding { node, vrf, signature };
    binding.verify(network).map_err(|error: SignatureError| {
        format!("{error}: the VRF key was signed for another network, name or timetable")
    })?;
    Ok(binding)
}

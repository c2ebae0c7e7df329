//! The four gossip topics and the names of everything that is negotiated on the wire.
//! Every name carries the network id, so two networks can never share a mesh, a request or a
//! routing table; nothing here may depend on what the messages mean.

use std::fmt;

use libp2p::gossipsub::{IdentTopic, TopicHash};

/// What a gossip message is about; each topic has its own size and rate caps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Topic {
    /// Balance summaries.
    Summaries,
    /// Claims, endorsements, certificates and evidence.
    Election,
    /// Plans of certified leaders.
    Plans,
    /// Outcomes of cycles.
    Receipts,
}

impl Topic {
    /// Every topic, in declaration order.
    pub const ALL: [Self; 4] = [Self::Summaries, Self::Election, Self::Plans, Self::Receipts];

    /// The topic's short name, as in its wire name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Summaries => "summaries",
            Self::Election => "election",
            Self::Plans => "plans",
            Self::Receipts => "receipts",
        }
    }

    /// The position in [`Topic::ALL`].
    pub(crate) fn index(self) -> usize {
        match self {
            Self::Summaries => 0,
            Self::Election => 1,
            Self::Plans => 2,
            Self::Receipts => 3,
        }
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The wire names of one network.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    network_hex: String,
}

impl Names {
    /// The names of the network with this id.
    pub(crate) fn new(network: &[u8; 32]) -> Self {
        use fmt::Write as _;
        let mut network_hex = String::with_capacity(64);
        for byte in network {
            // Writing to a String cannot fail.
            let _ = write!(network_hex, "{byte:02x}");
        }
        Self { network_hex }
    }

    /// The identify protocol version; a peer that states another is foreign.
    pub(crate) fn identify(&self) -> String {
        format!("/debal/1/{}", self.network_hex)
    }

    /// The request-response protocol of direct messages.
    pub(crate) fn direct(&self) -> String {
        format!("/debal/direct/1/{}", self.network_hex)
    }

    /// The Kademlia protocol.
    pub(crate) fn routing(&self) -> String {
        format!("/debal/kad/1/{}", self.network_hex)
    }

    /// The gossipsub topic.
    pub(crate) fn gossip(&self, topic: Topic) -> IdentTopic {
        IdentTopic::new(format!("/debal/{}/1/{}", topic.name(), self.network_hex))
    }

    /// Which of our topics a hash names, if any.
    pub(crate) fn topic_of(&self, hash: &TopicHash) -> Option<Topic> {
        let rest =
            hash.as_str().strip_prefix("/debal/")?.strip_suffix(self.network_hex.as_str())?;
        Topic::ALL.into_iter().find(|topic| rest.strip_suffix("/1/") == Some(topic.name()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_found_by_its_own_name_and_by_no_other_networks() {
        let names = Names::new(&[7; 32]);
        let foreign = Names::new(&[8; 32]);
        for (index, topic) in Topic::ALL.into_iter().enumerate() {
            assert_eq!(topic.index(), index);
            assert_eq!(names.topic_of(&names.gossip(topic).hash()), Some(topic));
            assert_eq!(names.topic_of(&foreign.gossip(topic).hash()), None);
        }
    }
}

//! The register of durable facts: what each member may say, and what it has said.
//!
//! I11 by content, not by position: whatever positions the core attached to a message, the
//! signature, vote, secret or consent in it must be on that member's disk. Two different statements
//! about one thing are found here too (R8, I4, I13).

use super::Watch;
use debal_crypto::{Digest, Domain, LockHash, NodeId, Signature};
use debal_protocol::effect::Answer;
use debal_protocol::election::ElectionRecord;
use debal_protocol::journal::Record;
use debal_protocol::message::Message;
use debal_protocol::node::Node;
use debal_protocol::{ChannelId, TransferId, wire};
use std::collections::{BTreeMap, BTreeSet};

/// Something a member may say once it is on its disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fact {
    Signed(Signature),
    Voted(u64, u8),
    Claimed(u64),
    Summary(u64),
    Reserved(TransferId),
    Revealed(TransferId),
    Committed(TransferId),
    Started(TransferId),
    Prepared(LockHash),
}

impl Fact {
    /// What a record allows its owner to say.
    pub(super) fn of(record: &Record) -> Vec<Self> {
        match record {
            Record::Proposed { signature, .. } => vec![Self::Signed(*signature)],
            Record::Completed { high, .. } => vec![Self::Signed(*high)],
            // One of the two is the owner's own, made in a life it forgot.
            Record::Adopted { state, .. } => {
                vec![Self::Signed(state.low), Self::Signed(state.high)]
            }
            Record::Election(ElectionRecord::Voted { endorsement, .. }) => {
                vec![Self::Voted(endorsement.epoch.0, endorsement.round)]
            }
            Record::Election(ElectionRecord::Claimed(claim)) => vec![Self::Claimed(claim.epoch.0)],
            Record::SummarySent { seq } => vec![Self::Summary(*seq)],
            Record::CycleReserved { cycle, .. } => vec![Self::Reserved(*cycle)],
            Record::Revealed { transfer, .. } => vec![Self::Revealed(*transfer)],
            Record::Committed { transfer, .. } => vec![Self::Committed(*transfer)],
            Record::PaymentStarted { transfer, .. } => vec![Self::Started(*transfer)],
            Record::ReceivePrepared { hash, .. } => vec![Self::Prepared(*hash)],
            _ => Vec::new(),
        }
    }
}

/// What a statement is about; a member may make one statement about each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum About {
    State(ChannelId, u64),
    Vote(u64, u8),
    Claim(u64),
    Summary(u64),
}

/// The register.
#[derive(Debug, Default)]
pub(super) struct Facts {
    durable: BTreeSet<(usize, Fact)>,
    said: BTreeMap<(usize, About), Digest>,
    newest_signed: BTreeMap<(usize, ChannelId), u64>,
    newest_summary: BTreeMap<usize, u64>,
}

impl Facts {
    pub(super) fn durable(&mut self, host: usize, fact: Fact) {
        self.durable.insert((host, fact));
    }

    pub(super) fn newest_signed(&self, host: usize, channel: ChannelId) -> u64 {
        self.newest_signed.get(&(host, channel)).copied().unwrap_or(0)
    }

    pub(super) fn newest_summary(&self, host: usize) -> u64 {
        self.newest_summary.get(&host).copied().unwrap_or(0)
    }
}

fn digest<T: serde::Serialize>(value: &T) -> Digest {
    Digest::of(Domain::MessageDigest, &[&wire::encode(value).unwrap_or_default()])
}

impl Watch {
    fn on_disk(&mut self, host: usize, fact: Fact) {
        let found = self.facts.durable.contains(&(host, fact));
        self.must(found, "I11", || format!("node {host} says {fact:?} before it is on its disk"));
    }

    fn says_once(&mut self, host: usize, about: About, digest: Digest) {
        if self.forgetful.contains(&host) {
            return;
        }
        let first = *self.facts.said.entry((host, about)).or_insert(digest);
        self.must(first == digest, "R8", || format!("node {host} says two things about {about:?}"));
    }

    /// An untampered message leaves.
    pub(crate) fn sent(&mut self, host: usize, node: &Node, to: Option<NodeId>, message: &Message) {
        match message {
            Message::Propose { channel, seq, signature, .. }
            | Message::Countersign { channel, seq, signature } => {
                self.on_disk(host, Fact::Signed(*signature));
                self.says_once(host, About::State(*channel, *seq), digest(signature));
                let newest = self.facts.newest_signed.entry((host, *channel)).or_default();
                *newest = (*newest).max(*seq);
            }
            Message::Endorse(endorse) if endorse.endorsement.node == self.ids[host] => {
                let vote = endorse.endorsement;
                self.on_disk(host, Fact::Voted(vote.epoch.0, vote.round));
                self.says_once(host, About::Vote(vote.epoch.0, vote.round), digest(&vote));
            }
            Message::Claim(claim) if claim.node == self.ids[host] => {
                self.on_disk(host, Fact::Claimed(claim.epoch.0));
                self.says_once(host, About::Claim(claim.epoch.0), digest(claim));
            }
            Message::Summary(summary) => {
                self.on_disk(host, Fact::Summary(summary.seq));
                self.says_once(host, About::Summary(summary.seq), digest(summary));
                let newest = self.facts.newest_summary.entry(host).or_default();
                *newest = (*newest).max(summary.seq);
            }
            Message::Accept(accept) => self.on_disk(host, Fact::Reserved(accept.cycle)),
            Message::ClaimHop { channel, key, .. } => {
                self.claims(host, node, to, *channel, key.transfer);
            }
            _ => {}
        }
    }

    /// R3: a secret leaves its holder only towards the payer of its own incoming hop, and only when
    /// the record that says so is durable.
    fn claims(
        &mut self,
        host: usize,
        node: &Node,
        to: Option<NodeId>,
        channel: ChannelId,
        id: TransferId,
    ) {
        let Some(transfer) = node.durable().transfers.get(&id) else { return };
        let incoming = transfer.incoming.filter(|leg| leg.channel == channel);
        let peer = node.durable().channels.get(&channel).map(|entry| entry.peer());
        self.must(incoming.is_some() && peer == to, "R3", || {
            format!("node {host} shows the secret of {} to a stranger", id.short())
        });
        // Whoever forgot its reveal, or left it to a clone, was shown the secret by its own payee.
        let revealed = self.facts.durable.contains(&(host, Fact::Revealed(id)));
        let shown = self.forgetful.contains(&host) && !revealed;
        if transfer.is_recipient() && !shown {
            self.on_disk(host, Fact::Revealed(id));
        } else if transfer.is_decider() || transfer.is_recipient() {
            self.on_disk(host, Fact::Committed(id));
        }
    }

    /// A node answered its operator.
    pub(crate) fn answered(&mut self, host: usize, answer: Option<&Answer>) {
        match answer {
            Some(Answer::Receive(hash)) => self.on_disk(host, Fact::Prepared(*hash)),
            Some(Answer::Sending(transfer)) => self.on_disk(host, Fact::Started(*transfer)),
            _ => {}
        }
    }
}

//! The messages of the control socket, as the agents' contract gives them.
//!
//! Readers ignore fields they do not know, so an agent may say more. Amounts are msat, times are
//! Unix milliseconds, nodes and digests are lower-case hex.

use crate::topology::Policy;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Answer of `status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The agent's identity.
    pub node: String,
    /// The epoch it is in.
    pub epoch: u64,
    /// Leader of that epoch, once certified.
    pub leader: Option<String>,
    /// Members it is connected to.
    pub peers: u64,
    /// Whether it takes part in rebalancing.
    pub rebalancing: bool,
    /// Its channels.
    pub channels: Vec<ChannelStatus>,
    /// Process id.
    pub pid: u32,
    /// Resident memory.
    pub rss_bytes: u64,
}

/// One channel as one end sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelStatus {
    /// Short channel id.
    pub channel: String,
    /// The other end.
    pub peer: String,
    /// Capacity.
    pub capacity_msat: u64,
    /// This end's balance outside locks.
    pub local_msat: u64,
    /// The other end's balance outside locks.
    pub remote_msat: u64,
    /// In open locks.
    #[serde(default)]
    pub locked_msat: u64,
    /// Version of the co-signed state.
    #[serde(default)]
    pub seq: u64,
    /// Out of use because the peer broke the rules.
    #[serde(default)]
    pub frozen: bool,
}

/// A fee policy as `open_channel` and `expect_channel` take it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyFields {
    /// Fixed part of the fee.
    pub base_msat: u64,
    /// Millionths of the amount.
    pub ppm: u64,
    /// Smallest payment.
    pub min_msat: u64,
    /// Largest payment.
    pub max_msat: u64,
    /// Blocks added to the time lock.
    pub cltv: u16,
    /// The direction is not for use.
    pub disabled: bool,
}

impl From<Policy> for PolicyFields {
    fn from(policy: Policy) -> Self {
        let Policy { base_msat, ppm, min_msat, max_msat, cltv, disabled } = policy;
        let (base_msat, ppm) = (u64::from(base_msat), u64::from(ppm));
        Self { base_msat, ppm, min_msat, max_msat, cltv, disabled }
    }
}

/// Answer of `invoice`, and what `pay` takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invoice {
    /// Who is to be paid.
    pub recipient: String,
    /// Hash of the secret.
    pub hash: String,
    /// Amount.
    pub amount_msat: u64,
    /// When it lapses.
    pub expires_unix_ms: u64,
}

/// Answer of `pay`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paid {
    /// `succeeded` or `failed`.
    pub outcome: String,
    /// Name of the reason when it failed.
    #[serde(default)]
    pub reason: Option<String>,
    /// Fee paid.
    #[serde(default)]
    pub fee_msat: u64,
    /// Channels crossed.
    #[serde(default)]
    pub hops: u64,
    /// Routes tried.
    #[serde(default)]
    pub attempts: u64,
    /// From the call to the outcome.
    #[serde(default)]
    pub duration_ms: u64,
}

/// Answer of `events`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventPage {
    /// Where to go on.
    pub cursor: u64,
    /// Events after the cursor asked for.
    pub events: Vec<NodeEvent>,
}

/// One event; the fields depend on its kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeEvent {
    /// When it happened.
    pub at_unix_ms: u64,
    /// Its kind, in snake case.
    pub kind: String,
    /// Everything else.
    #[serde(flatten)]
    pub fields: Map<String, Value>,
}

impl NodeEvent {
    /// An integer field.
    #[must_use]
    pub fn number(&self, field: &str) -> Option<u64> {
        self.fields.get(field)?.as_u64()
    }

    /// A text field.
    #[must_use]
    pub fn text(&self, field: &str) -> Option<&str> {
        self.fields.get(field)?.as_str()
    }
}

/// Answer of `gossip_trace`: the start of each message's digest, and Unix microseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GossipTrace {
    /// Published by the agent.
    pub published: Vec<(String, u64)>,
    /// Received by the agent.
    pub received: Vec<(String, u64)>,
}

/// Answer of `audit`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    /// Sum of this node's own balances in all its channels.
    pub balance_total_msat: u64,
    /// Locks not yet resolved.
    pub open_locks: u64,
    /// Invariant checks made.
    pub invariants_checked: u64,
    /// Invariants found broken, in words.
    pub violations: Vec<String>,
    /// Latest co-signed state of every channel.
    pub channels: Vec<AuditChannel>,
}

/// Latest co-signed state of one channel as one end holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditChannel {
    /// Short channel id.
    pub channel: String,
    /// Version of the state.
    pub seq: u64,
    /// Digest of the state.
    pub digest: String,
    /// This end's balance outside locks.
    pub local_msat: u64,
    /// The other end's.
    pub remote_msat: u64,
    /// In open locks.
    pub locked_msat: u64,
}

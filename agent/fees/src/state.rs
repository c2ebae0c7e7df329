//! The node as it was recorded: what rules are evaluated against.
//!
//! The format is that of the vectors (`tests/vectors/README.md`), with optional members for what
//! the superset needs. It must never be read unbounded, and never be changed by an evaluation.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::limits::{CHANNELS_MAX, FORWARDS_MAX, PEERS_MAX, STATE_MAX_BYTES};

/// A node, its channels and its circuit breaker. Members it does not know are ignored, so that a
/// whole case of the vectors is a state.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NodeState {
    /// The node.
    pub node: Node,
    /// Its channels, in the order of processing.
    pub channels: Vec<Channel>,
    /// The companion service that limits HTLCs, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub circuitbreaker: Option<CircuitBreaker>,
}

/// What one node knows of itself, the chain, the graph and its past.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Node {
    /// Its key, hex.
    pub pubkey: String,
    /// Its name.
    #[serde(default)]
    pub alias: String,
    /// Its version text, as LND gives it.
    pub version: String,
    /// Whether it keeps inbound fees.
    #[serde(default)]
    pub supports_inbound_fees: bool,
    /// Whether it accepts inbound fees above zero.
    #[serde(default)]
    pub accept_positive_inbound_fees: bool,
    /// The least and the greatest time lock delta it accepts, blocks.
    #[serde(default = "default_time_lock_range")]
    pub time_lock_delta_range: (i64, i64),
    /// Height of the chain's tip.
    pub block_height: i64,
    /// The clock, unix seconds.
    pub now: i64,
    /// Whether it follows the chain.
    #[serde(default)]
    pub synced_to_chain: bool,
    /// Fee estimates by target in blocks, sat per 1000 weight.
    #[serde(default)]
    pub fee_estimates_sat_per_kw: BTreeMap<u32, i64>,
    /// The wallet's transactions.
    #[serde(default)]
    pub transactions: Vec<Transaction>,
    /// What the graph says about peers, by key.
    #[serde(default)]
    pub peers: BTreeMap<String, Peer>,
    /// Settled forwards.
    #[serde(default)]
    pub forwards: Vec<Forward>,
    /// Forwards that failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed_forwards: Vec<FailedForward>,
    /// What a node of its kind does not have, whatever its version.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub lacks: BTreeSet<Lack>,
}

/// Something that a kind of node does not have for a single channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lack {
    /// Inbound fees.
    InboundFees,
    /// A time lock delta; the whole node has one.
    TimeLockDelta,
    /// Switching a channel off and on.
    Switch,
}

fn default_time_lock_range() -> (i64, i64) {
    (18, 65_535)
}

/// A transaction of the wallet.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Transaction {
    /// Its id, hex.
    pub tx_hash: String,
    /// The block it is in.
    pub block_height: i64,
    /// What it paid, sat.
    pub total_fees_sat: i64,
}

/// What the graph says about a peer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Peer {
    /// Its name.
    #[serde(default)]
    pub alias: String,
    /// How many channels it has.
    pub num_channels: i64,
    /// Their capacity together, sat.
    pub total_capacity: i64,
    /// Other nodes' channels into it, if the graph was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alternatives: Option<Vec<Alternative>>,
}

/// Another node's channel into a peer: a way around ours.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Alternative {
    /// Its capacity, sat.
    pub capacity: i64,
    /// What it charges towards the peer, ppm.
    pub fee_ppm: i64,
    /// Whether it is switched off.
    #[serde(default)]
    pub disabled: bool,
}

/// A settled forward.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Forward {
    /// When, unix seconds.
    pub timestamp: i64,
    /// Where it came in.
    #[serde(with = "id_text")]
    pub chan_id_in: u64,
    /// Where it went out.
    #[serde(with = "id_text")]
    pub chan_id_out: u64,
    /// What came in, sat.
    pub amt_in_sat: i64,
    /// What went out, sat.
    pub amt_out_sat: i64,
    /// What it earned, msat; without it, the difference of the amounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee_msat: Option<i64>,
}

/// A forward that failed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FailedForward {
    /// When, unix seconds.
    pub timestamp: i64,
    /// Where it wanted to go out.
    #[serde(with = "id_text")]
    pub chan_id_out: u64,
    /// What it wanted to send, msat.
    pub amt_msat: i64,
}

/// One channel.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Channel {
    /// Its id.
    #[serde(with = "id_text")]
    pub chan_id: u64,
    /// Funding transaction and output, `txid:index`.
    #[serde(default)]
    pub channel_point: String,
    /// The peer's key, hex.
    pub remote_pubkey: String,
    /// Whether the peer is connected and the channel usable.
    pub active: bool,
    /// Whether it is unannounced.
    #[serde(default)]
    pub private: bool,
    /// Whether we opened it.
    #[serde(default)]
    pub initiator: bool,
    /// Amounts and what is under way.
    #[serde(flatten)]
    pub funds: Funds,
    /// Our limits.
    pub local_constraints: Constraints,
    /// The peer's limits.
    pub remote_constraints: Constraints,
    /// What we announce.
    pub local_policy: Policy,
    /// What the peer announces, if anything.
    #[serde(default)]
    pub remote_policy: Option<Policy>,
    /// How the recorded node treats calls about this channel.
    #[serde(flatten)]
    pub switches: Switches,
    /// What fees were tried here and what they earned, for `revenue_max`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fee_trials: Vec<FeeTrial>,
}

/// A channel's amounts, sat.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Funds {
    /// Capacity.
    pub capacity: i64,
    /// Ours.
    pub local_balance: i64,
    /// The peer's.
    pub remote_balance: i64,
    /// What the commitment transaction pays; its opener's.
    #[serde(default)]
    pub commit_fee: i64,
    /// HTLCs under way; they still belong to their sender.
    #[serde(default)]
    pub pending_htlcs: Vec<PendingHtlc>,
}

/// An HTLC under way.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PendingHtlc {
    /// Whether it comes towards us.
    pub incoming: bool,
    /// Amount, sat.
    pub amount_sat: i64,
    /// The block at which it ends.
    pub expiration_height: i64,
}

/// Limits of one side.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Constraints {
    /// What that side must keep, sat.
    pub chan_reserve_sat: i64,
    /// The smallest HTLC, msat.
    pub min_htlc_msat: i64,
    /// The most under way together, msat.
    pub max_pending_amt_msat: i64,
}

/// A side's announced policy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Fee per forward, msat.
    pub base_fee_msat: i64,
    /// Fee rate, ppm.
    pub fee_ppm: i64,
    /// Inbound fee per forward, msat; below zero a discount.
    #[serde(default)]
    pub inbound_base_fee_msat: i64,
    /// Inbound fee rate, ppm; below zero a discount.
    #[serde(default)]
    pub inbound_fee_ppm: i64,
    /// Blocks between an incoming and an outgoing time lock.
    pub time_lock_delta: i64,
    /// The smallest HTLC forwarded, msat.
    pub min_htlc_msat: i64,
    /// The largest HTLC forwarded, msat.
    pub max_htlc_msat: i64,
    /// Whether that side is switched off.
    #[serde(default)]
    pub disabled: bool,
}

/// How the recorded node treats calls about a channel.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Switches {
    /// The node knows no such edge.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub absent_from_graph: bool,
    /// How the node refuses an update, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reject_update: Option<Refusal>,
    /// The node refuses ENABLE.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reject_enable: bool,
}

/// How a node refuses an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The whole call fails.
    Rpc,
    /// The call succeeds and reports the channel as failed.
    FailedUpdate,
}

/// A fee that was in force for a while, and what it earned.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FeeTrial {
    /// Outbound rate, ppm.
    pub fee_ppm: i64,
    /// Inbound rate, ppm.
    #[serde(default)]
    pub inbound_fee_ppm: i64,
    /// How long it was in force, hours.
    pub hours: f64,
    /// Forwards out through the channel in that time.
    pub forwards: i64,
    /// What they earned, msat.
    pub revenue_msat: i64,
}

/// The companion service's state.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CircuitBreaker {
    /// The node it guards.
    pub node_key: String,
    /// The limit of peers without their own.
    pub default_limit: Limit,
    /// Limits by peer.
    #[serde(default)]
    pub limits: BTreeMap<String, Limit>,
}

/// A limit of the companion service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// HTLCs per hour; 0 is no limit.
    pub max_hourly_rate: i128,
    /// HTLCs under way; 0 is no limit.
    pub max_pending: i128,
    /// 0 fail, 1 queue, 2 queue those the peer started, 3 block.
    pub mode: i128,
}

/// Why a state is no state.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// It is no JSON of this shape.
    #[error("not a state: {0}")]
    Json(#[from] serde_json::Error),
    /// More of something than the bound.
    #[error("the state holds too many or too large {what}: {found}, at most {bound}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many.
        found: usize,
        /// The bound.
        bound: usize,
    },
    /// A channel that occurs twice.
    #[error("channel {0} occurs twice")]
    Twice(u64),
}

impl NodeState {
    /// Reads a state from JSON.
    ///
    /// # Errors
    ///
    /// No such JSON, more than the bounds in [`limits`](crate::limits), or a channel twice.
    pub fn from_json(text: &str) -> Result<NodeState, StateError> {
        within("bytes", text.len(), STATE_MAX_BYTES)?;
        let state: NodeState = serde_json::from_str(text)?;
        state.check()?;
        Ok(state)
    }

    /// Checks the bounds of a state that was not read from text.
    ///
    /// # Errors
    ///
    /// As [`from_json`](NodeState::from_json), without the JSON.
    pub fn check(&self) -> Result<(), StateError> {
        within("channels", self.channels.len(), CHANNELS_MAX)?;
        within("forwards", self.node.forwards.len(), FORWARDS_MAX)?;
        within("failed forwards", self.node.failed_forwards.len(), FORWARDS_MAX)?;
        within("peers", self.node.peers.len(), PEERS_MAX)?;
        within("transactions", self.node.transactions.len(), PEERS_MAX)?;
        let mut ids: Vec<u64> = self.channels.iter().map(|channel| channel.chan_id).collect();
        ids.sort_unstable();
        match ids.windows(2).find(|pair| pair.first() == pair.last()) {
            Some(pair) => Err(StateError::Twice(pair.first().copied().unwrap_or_default())),
            None => Ok(()),
        }
    }
}

fn within(what: &'static str, found: usize, bound: usize) -> Result<(), StateError> {
    if found > bound { Err(StateError::TooMany { what, found, bound }) } else { Ok(()) }
}

/// A channel id as text, because a double cannot hold it.
mod id_text {
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(id: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(id)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(u64),
            Text(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Number(id) => Ok(id),
            Written::Text(text) => crate::scid::parse(&text)
                .and_then(|id| u64::try_from(id).ok())
                .ok_or_else(|| serde::de::Error::custom(format!("{text} is no channel id"))),
        }
    }
}

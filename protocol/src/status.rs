//! What a node can show of itself: read-only views for status, why and audits.
//!
//! Views are computed, never stored; taking one must not change the node.

use crate::amount::Msat;
use crate::ids::{ChannelId, Epoch, TransferId};
use debal_crypto::{Digest, NodeId};
use serde::Serialize;

/// One channel as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChannelStatus {
    /// The channel.
    pub channel: ChannelId,
    /// The other end.
    pub peer: NodeId,
    /// Capacity.
    pub capacity_msat: Msat,
    /// Our free balance.
    pub local_msat: Msat,
    /// The peer's free balance.
    pub remote_msat: Msat,
    /// Locked both ways.
    pub locked_msat: Msat,
    /// Promised to accepted cycles that have not locked yet.
    pub reserved_msat: Msat,
    /// Newest complete state.
    pub seq: u64,
    /// Digest of that state; equal on both ends.
    pub digest: Digest,
    /// The channel takes no new work.
    pub frozen: bool,
    /// The peer is connected.
    pub peer_up: bool,
    /// Predicted time until the outbound side is empty, milliseconds; `None`: not draining.
    pub depletion_ms: Option<u64>,
}

/// The node at a glance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// This node.
    pub node: NodeId,
    /// Epoch in progress.
    pub epoch: Epoch,
    /// Newest certified leader and its epoch.
    pub leader: Option<(Epoch, NodeId)>,
    /// Members of the roster now.
    pub members: usize,
    /// Members we are connected to.
    pub peers: usize,
    /// Whether we take part in rebalancing.
    pub rebalancing: bool,
    /// How what we offer to the leader comes about: `leader`, `market`, `hybrid`.
    pub plan_mode: &'static str,
    /// The newest price rounds; `None` in leader mode.
    pub prices: Option<Prices>,
    /// Whether we ask for help, and why (`kappa`, `theta`, `tau`, `none`).
    pub request: &'static str,
    /// Fees spent and reserved in the last hour and day.
    pub fees_hour_msat: Msat,
    /// Fees spent and reserved in the last day.
    pub fees_day_msat: Msat,
    /// Channels, ascending by id.
    pub channels: Vec<ChannelStatus>,
}

/// Price rounds as one member knows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Prices {
    /// The epoch they were for; `None` before the first ones.
    pub epoch: Option<Epoch>,
    /// Rounds this node quoted in.
    pub rounds: u8,
    /// Neighbours that quoted to it.
    pub neighbours: usize,
    /// What a unit of liquidity was worth to it in the end, ppm, against its neighbours' prices.
    pub price_ppm: Option<i64>,
}

/// The answer to `why CHANNEL`: what the node would do, and what stands in the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Why {
    /// The channel.
    pub channel: ChannelStatus,
    /// What it wants: `send`, `receive`, `nothing`.
    pub want: &'static str,
    /// How much it offers to send in the current summary.
    pub send_msat: Msat,
    /// How much it offers to receive in the current summary.
    pub receive_msat: Msat,
    /// Urgency 0 to 255.
    pub urgency: u8,
    /// Whether price rounds decided what it offers now; otherwise it is the offer in buckets.
    pub priced: bool,
    /// Stable code of what stands in the way, or `none`.
    pub blocked_by: &'static str,
    /// One sentence for people, with the smallest change that would help.
    pub explanation: String,
}

/// Result of checking every local invariant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Audit {
    /// Free balance plus our outgoing locks, over all channels.
    pub balance_total_msat: Msat,
    /// Open locks.
    pub open_locks: u64,
    /// Open transfers.
    pub open_transfers: Vec<TransferId>,
    /// Checks made.
    pub invariants_checked: u64,
    /// What failed, in words; empty is good.
    pub violations: Vec<String>,
    /// Channels, ascending by id.
    pub channels: Vec<ChannelStatus>,
}

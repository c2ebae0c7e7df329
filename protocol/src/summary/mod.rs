//! Balance summaries: what a node tells the network about its channels, in coarse buckets.
//!
//! A raw balance must never enter a summary: ratios and amounts are rounded down to buckets before
//! they leave the node.

pub mod book;
pub mod offer;

pub use book::SummaryBook;
pub use offer::Offer;

use crate::amount::Msat;
use crate::bounded::Bounded;
use crate::ids::{ChannelId, Epoch};
use crate::limits::SUMMARY_CHANNELS_MAX;
use debal_crypto::NodeId;
use serde::{Deserialize, Serialize};

/// What a forwarding node asks, and the limits of one HTLC (BOLT 7 `channel_update`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForwardPolicy {
    /// Fixed fee per forward, msat.
    pub base_msat: u32,
    /// Proportional fee, millionths of the forwarded amount.
    pub ppm: u32,
    /// Smallest HTLC.
    pub min_msat: Msat,
    /// Largest HTLC.
    pub max_msat: Msat,
    /// The direction takes no payments. Cycles agreed by plan are not forwards and still pass.
    pub disabled: bool,
}

impl ForwardPolicy {
    /// Fee for forwarding `amount`: base plus ppm, in 128 bits because real rates reach 2^32 ppm.
    #[must_use]
    pub fn fee(&self, amount: Msat) -> Msat {
        let share = u128::from(amount.0).saturating_mul(u128::from(self.ppm)) / 1_000_000;
        let fee = share.saturating_add(u128::from(self.base_msat));
        Msat(u64::try_from(fee).unwrap_or(u64::MAX)).min(Msat::MAX)
    }

    /// Whether one HTLC of `amount` is within this policy.
    #[must_use]
    pub fn carries(&self, amount: Msat) -> bool {
        !self.disabled && amount >= self.min_msat && amount <= self.max_msat
    }
}

/// Which way this end would like liquidity to move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Want {
    /// Balanced enough: would lend either way inside its own band, at its price.
    Nothing,
    /// Too much on this side: would like to send out.
    Send,
    /// Too little on this side: would like to receive.
    Receive,
}

/// One channel end in a summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelSummary {
    /// The channel.
    pub channel: ChannelId,
    /// The other end.
    pub peer: NodeId,
    /// Capacity, public on Lightning.
    pub capacity_msat: Msat,
    /// Outbound ratio bucket: 0 is empty, 2^bits - 1 is full; 0 where the summary has no bits.
    pub ratio_bucket: u8,
    /// What it wants.
    pub want: Want,
    /// How much this end would send, rounded down to a bucket.
    pub send_msat: Msat,
    /// How much this end would receive, rounded down to a bucket.
    pub receive_msat: Msat,
    /// How badly, 0 (helper) to 255.
    pub urgency: u8,
    /// What it asks for lending, millionths of the amount.
    pub price_ppm: u32,
    /// Its public forwarding policy for payments that leave over this channel.
    pub policy: ForwardPolicy,
}

/// One node's view of its channels. The newest sequence number replaces all older ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Rises with every summary of this sender, across restarts.
    pub seq: u64,
    /// Epoch it was made in.
    pub epoch: Epoch,
    /// Bits of the ratio buckets, 1 to 8, or 0: ratios are not told.
    pub bits: u8,
    /// Whether the node asks for rebalancing (kappa, theta or tau crossed).
    pub requests: bool,
    /// Channels, strictly ascending by id.
    pub channels: Bounded<ChannelSummary, SUMMARY_CHANNELS_MAX>,
}

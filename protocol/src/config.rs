//! What the operator decides for this node: thresholds, caps, budgets, summary detail.
//!
//! Values arrive validated; the agent's configuration table gives each knob its unit, range,
//! default and reason. Ratios are millionths so that no float enters the core.

use crate::amount::Msat;
use crate::market::Market;
use crate::time::Timetable;
use debal_crypto::{Digest, NodeId};
use serde::{Deserialize, Serialize};

/// One millionth-scaled whole.
pub const WHOLE_PPM: u32 = 1_000_000;

/// When this node asks for help, and what it lends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Liquidity {
    /// Ask when outbound / capacity over all channels is below this (kappa).
    pub kappa_ppm: u32,
    /// Ask when min(out, in) / capacity of a channel is below this (theta).
    pub theta_ppm: u32,
    /// Ask when the predicted time to depletion is below this (tau), milliseconds.
    pub tau_ms: u64,
    /// Outbound share each channel should have.
    pub target_ppm: u32,
    /// Distance from the target within which a channel wants nothing.
    pub dead_band_ppm: u32,
    /// Distance from the target a channel may be lent to.
    pub lend_band_ppm: u32,
    /// What lending costs others, millionths of the amount.
    pub price_ppm: u32,
    /// Bits of the summary's buckets, 1 to 8.
    pub summary_bits: u8,
}

/// What may be at stake at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caps {
    /// Smallest lock accepted in a cycle.
    pub cycle_min_msat: Msat,
    /// Largest lock accepted in a cycle.
    pub cycle_max_msat: Msat,
    /// Open cycle amounts towards one counterparty, both directions.
    pub exposure_msat: Msat,
    /// Cycles accepted from one plan.
    pub cycles_per_plan: u32,
    /// Cycle fees per hour.
    pub fees_hour_msat: Msat,
    /// Cycle fees per day.
    pub fees_day_msat: Msat,
    /// Highest fee for one cycle, millionths of the amount.
    pub fee_max_ppm: u32,
    /// For this long after a cycle, none may move liquidity back between the same two channels.
    pub pair_cooldown_ms: u64,
}

/// Deadlines of transfers, milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deadlines {
    /// Time between the deadlines of neighbouring hops (rule R2).
    pub gap_ms: u64,
    /// Time the last hop has from the start of the transfer.
    pub last_hop_ms: u64,
    /// How long a consent to a cycle holds without a Go.
    pub accept_ttl_ms: u64,
    /// How long before a deadline the opener stops revealing its secret.
    pub reveal_margin_ms: u64,
    /// Pause before an unanswered message is sent again.
    pub retry_ms: u64,
}

impl Default for Liquidity {
    fn default() -> Self {
        Self {
            kappa_ppm: 100_000,
            theta_ppm: 200_000,
            tau_ms: 2 * 3_600_000,
            target_ppm: 500_000,
            dead_band_ppm: 50_000,
            lend_band_ppm: 200_000,
            price_ppm: 0,
            summary_bits: 4,
        }
    }
}

impl Default for Caps {
    fn default() -> Self {
        Self {
            cycle_min_msat: Msat(1_000_000),
            cycle_max_msat: Msat(10_000_000_000),
            exposure_msat: Msat(20_000_000_000),
            cycles_per_plan: 32,
            fees_hour_msat: Msat(1_000_000),
            fees_day_msat: Msat(5_000_000),
            fee_max_ppm: 1_000,
            pair_cooldown_ms: 600_000,
        }
    }
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            gap_ms: 3_000,
            last_hop_ms: 10_000,
            accept_ttl_ms: 5_000,
            reveal_margin_ms: 1_000,
            retry_ms: 1_000,
        }
    }
}

/// Everything the core needs to know about its operator's wishes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// The network.
    pub network: Digest,
    /// This node.
    pub node: NodeId,
    /// The network's timetable.
    pub timetable: Timetable,
    /// Thresholds.
    pub liquidity: Liquidity,
    /// Caps and budgets.
    pub caps: Caps,
    /// Deadlines.
    pub deadlines: Deadlines,
    /// Price rounds.
    pub market: Market,
    /// Whether this node takes part in rebalancing at the start.
    pub rebalancing: bool,
}

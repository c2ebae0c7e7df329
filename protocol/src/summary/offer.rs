//! What one channel end offers: which way, how much, how badly, at what price.
//!
//! The exact offer stays inside the node and is what plans are checked against; the summary shows
//! it rounded down to buckets. An offer must never exceed what the channel can lock.

use super::{ChannelSummary, Want};
use crate::amount::Msat;
use crate::channel::Channel;
use crate::config::{Liquidity, WHOLE_PPM};
use crate::market::Agreed;

/// Largest urgency.
pub const URGENCY_MAX: u8 = u8::MAX;

/// An exact offer of one channel end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Which way.
    pub want: Want,
    /// How much it would send.
    pub send_msat: Msat,
    /// How much it would receive.
    pub receive_msat: Msat,
    /// How badly, 0 for helpers.
    pub urgency: u8,
}

/// How a channel end stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The capacity.
    pub capacity_msat: Msat,
    /// What this end owns and has not promised.
    pub local_msat: Msat,
    /// What it could lock now.
    pub can_send_msat: Msat,
    /// What its peer could lock towards it.
    pub can_receive_msat: Msat,
}

impl Offer {
    /// No offer at all.
    pub const NONE: Self =
        Self { want: Want::Nothing, send_msat: Msat::ZERO, receive_msat: Msat::ZERO, urgency: 0 };

    /// The offer of a channel end that has `reserved` promised already and is predicted to run dry
    /// in `depletion_ms`.
    #[must_use]
    pub fn of(
        channel: &Channel,
        reserved: Msat,
        depletion_ms: Option<u64>,
        liquidity: &Liquidity,
    ) -> Self {
        if channel.frozen {
            return Self::NONE;
        }
        let stand = Standing {
            capacity_msat: channel.terms.capacity_msat,
            local_msat: channel.local_msat().minus_or_zero(reserved),
            can_send_msat: channel.spendable_msat().minus_or_zero(reserved),
            can_receive_msat: channel.remote_msat().minus_or_zero(channel.terms.reserve_msat),
        };
        Self::at(&stand, depletion_ms, liquidity)
    }

    /// The offer of an end that stands so.
    #[must_use]
    pub fn at(stand: &Standing, depletion_ms: Option<u64>, liquidity: &Liquidity) -> Self {
        let Standing { capacity_msat: capacity, local_msat: local, .. } = *stand;
        let ratio_ppm = local.ppm_of(capacity).unwrap_or(0);
        let target = capacity.ppm(liquidity.target_ppm);
        let low_band = capacity.ppm(liquidity.target_ppm.saturating_sub(liquidity.lend_band_ppm));
        let high_ppm = liquidity.target_ppm.saturating_add(liquidity.lend_band_ppm);
        let high_band = capacity.ppm(high_ppm.min(WHOLE_PPM));
        let off_target = ratio_ppm.abs_diff(liquidity.target_ppm);
        let (want, send, receive) = if off_target <= liquidity.dead_band_ppm {
            let lend = local.minus_or_zero(low_band);
            (Want::Nothing, lend, high_band.minus_or_zero(local))
        } else if ratio_ppm > liquidity.target_ppm {
            (Want::Send, local.minus_or_zero(target), high_band.minus_or_zero(local))
        } else {
            (Want::Receive, local.minus_or_zero(low_band), target.minus_or_zero(local))
        };
        let dry_soon = depletion_ms.is_some_and(|left_ms| left_ms < liquidity.tau_ms);
        let urgency = match want {
            Want::Nothing => 0,
            Want::Receive if dry_soon => URGENCY_MAX,
            _ => urgency_of(ratio_ppm, off_target, liquidity),
        };
        Self {
            want,
            send_msat: send.min(stand.can_send_msat),
            receive_msat: receive.min(stand.can_receive_msat),
            urgency,
        }
    }

    /// The offer as others see it: amounts and ratio rounded down to buckets of `2^bits`.
    #[must_use]
    pub fn summarise(&self, channel: &Channel, liquidity: &Liquidity) -> ChannelSummary {
        let capacity = channel.terms.capacity_msat;
        let bucket = bucket_msat(capacity, liquidity.summary_bits);
        ChannelSummary {
            channel: channel.terms.channel,
            peer: channel.peer(),
            capacity_msat: capacity,
            ratio_bucket: ratio_bucket(channel.local_msat(), capacity, liquidity.summary_bits),
            want: self.want,
            send_msat: round_down(self.send_msat, bucket),
            receive_msat: round_down(self.receive_msat, bucket),
            urgency: self.urgency,
            price_ppm: liquidity.price_ppm,
            policy: channel.our_policy,
        }
    }
}

/// Bits of the grid that what price rounds came to is rounded down to: 256 parts of the capacity.
const AGREED_BITS: u8 = 8;

impl ChannelSummary {
    /// The same end where price rounds decide what it offers: what they came to, rounded down, and
    /// never more than the exact offer has left.
    #[must_use]
    pub fn agreed(self, agreed: &Agreed, exact: &Offer) -> Self {
        let bucket = bucket_msat(self.capacity_msat, AGREED_BITS);
        Self {
            send_msat: round_down(agreed.send_msat.min(exact.send_msat), bucket),
            receive_msat: round_down(agreed.receive_msat.min(exact.receive_msat), bucket),
            ..self
        }
    }

    /// The same end with its ratio untold.
    #[must_use]
    pub const fn without_ratio(self) -> Self {
        Self { ratio_bucket: 0, ..self }
    }
}

/// Beyond theta the urgency is full; inside it grows with the distance from the target.
fn urgency_of(ratio_ppm: u32, off_target_ppm: u32, liquidity: &Liquidity) -> u8 {
    let nearest_edge_ppm = ratio_ppm.min(WHOLE_PPM.saturating_sub(ratio_ppm));
    if nearest_edge_ppm < liquidity.theta_ppm {
        return URGENCY_MAX;
    }
    let scaled = off_target_ppm.saturating_mul(u32::from(URGENCY_MAX) / 2);
    let share = scaled.checked_div(WHOLE_PPM / 2).unwrap_or(0);
    u8::try_from(share).unwrap_or(URGENCY_MAX).max(1)
}

/// Size of one bucket: capacity / 2^bits, at least 1 msat.
#[must_use]
pub fn bucket_msat(capacity: Msat, bits: u8) -> Msat {
    Msat(capacity.0.checked_shr(u32::from(bits)).unwrap_or(0).max(1))
}

/// Bucket number of a balance, 0 to 2^bits - 1.
#[must_use]
pub fn ratio_bucket(local: Msat, capacity: Msat, bits: u8) -> u8 {
    let bucket = bucket_msat(capacity, bits);
    let number = local.0.checked_div(bucket.0).unwrap_or(0);
    let last = 1u64.checked_shl(u32::from(bits)).unwrap_or(256).saturating_sub(1);
    u8::try_from(number.min(last)).unwrap_or(u8::MAX)
}

fn round_down(amount: Msat, bucket: Msat) -> Msat {
    let whole = amount.0.checked_div(bucket.0).unwrap_or(0);
    Msat(whole.saturating_mul(bucket.0))
}

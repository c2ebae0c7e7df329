//! What the agent has worked out for one channel end, in place of the configured figures.
//!
//! Advice of the node to itself: volatile, never sent, never needed for safety. It may move a
//! target or a price; it must never widen a cap, a floor or a budget.

use crate::config::{Liquidity, WHOLE_PPM};
use crate::summary::offer::URGENCY_MAX;

/// Figures for one channel end. The agent gives them again after every start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steer {
    /// Outbound share the channel should have, millionths.
    pub target_ppm: u32,
    /// Distance from the target up to which the end lends, millionths.
    pub lend_band_ppm: u32,
    /// Distance from the target within which the end wants nothing, millionths; no wider than the
    /// band it lends in.
    pub dead_band_ppm: u32,
    /// What lending costs others, millionths of the amount.
    pub price_ppm: u32,
    /// The most a cycle may cost for bringing this end nearer to its target, millionths of the
    /// amount. The cap of the configuration stays above it.
    pub fee_max_ppm: u32,
    /// How badly, 1 to 255, where the end wants something; `None` leaves it to the thresholds.
    pub urgency: Option<u8>,
    /// Somebody's forecast of the outbound side; `None` leaves it to the mean of the last epochs.
    pub forecast: Option<Depletion>,
}

/// When an outbound side is expected to be empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depletion {
    /// In so many milliseconds.
    InMs(u64),
    /// It is not draining.
    Never,
}

impl Depletion {
    /// Milliseconds, if it comes at all.
    #[must_use]
    pub const fn ms(self) -> Option<u64> {
        match self {
            Self::InMs(ms) => Some(ms),
            Self::Never => None,
        }
    }
}

impl Steer {
    /// The same with every share within the whole.
    #[must_use]
    pub fn bounded(self) -> Self {
        Self {
            target_ppm: self.target_ppm.min(WHOLE_PPM),
            lend_band_ppm: self.lend_band_ppm.min(WHOLE_PPM),
            dead_band_ppm: self.dead_band_ppm.min(WHOLE_PPM),
            price_ppm: self.price_ppm.min(WHOLE_PPM),
            fee_max_ppm: self.fee_max_ppm.min(WHOLE_PPM),
            urgency: self.urgency.map(|urgency| urgency.clamp(1, URGENCY_MAX)),
            forecast: self.forecast,
        }
    }

    /// The thresholds of this channel end. A band narrower than the dead band would make an end
    /// that wants nothing lend nothing: the dead band shrinks with it.
    #[must_use]
    pub fn over(self, liquidity: &Liquidity) -> Liquidity {
        Liquidity {
            target_ppm: self.target_ppm,
            lend_band_ppm: self.lend_band_ppm,
            dead_band_ppm: self.dead_band_ppm.min(self.lend_band_ppm),
            price_ppm: self.price_ppm,
            ..*liquidity
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEER: Steer = Steer {
        target_ppm: 700_000,
        lend_band_ppm: 20_000,
        dead_band_ppm: 50_000,
        price_ppm: 45,
        fee_max_ppm: 300,
        urgency: Some(9),
        forecast: None,
    };

    #[test]
    fn a_steer_replaces_target_band_and_price_and_nothing_else() {
        let base = Liquidity::default();
        let expected = Liquidity {
            target_ppm: 700_000,
            lend_band_ppm: 20_000,
            dead_band_ppm: 20_000,
            price_ppm: 45,
            ..base
        };
        assert_eq!(STEER.over(&base), expected);
    }

    #[test]
    fn shares_beyond_the_whole_and_no_urgency_are_brought_into_range() {
        let wild = Steer { target_ppm: 2_000_000, urgency: Some(0), ..STEER };
        assert_eq!(wild.bounded(), Steer { target_ppm: 1_000_000, urgency: Some(1), ..STEER });
    }
}

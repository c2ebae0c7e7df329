//! From a channel's recorded past to its next fee.
//!
//! Everything it uses is in the database, and its draw is seeded by the channel and the number of
//! fees tried: the same past gives the same fee again. It must never choose more often than the
//! hold time allows.

use crate::DAY_S;
use crate::choose::{Bounds, Choice, next_fee};
use crate::demand::{Demand, Reading, Reign, grain_msat, trials};
use crate::span::{Forward, Sample, Span};
use crate::supply::{Inbound, supply_msat_per_day};
use serde::{Deserialize, Serialize};

/// How a channel's fee is learned.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Learner {
    /// How the past is read.
    pub reading: Reading,
    /// How far one choice may go.
    pub bounds: Bounds,
    /// A fee stays at least this long, seconds.
    pub hold_s: i64,
    /// The supply of liquidity is averaged over this long, seconds.
    pub supply_s: i64,
    /// What the channel holds is counted as if it were sold over this long, days.
    pub stock_days: f64,
}

impl Default for Learner {
    fn default() -> Self {
        Self {
            reading: Reading::default(),
            bounds: Bounds::default(),
            hold_s: DAY_S,
            supply_s: 14 * DAY_S,
            stock_days: 30.0,
        }
    }
}

/// A channel's past, everything ascending by time.
#[derive(Debug, Clone, Copy)]
pub struct Past<'a> {
    /// Which fee was in force when; the last reign goes on.
    pub reigns: &'a [Reign],
    /// Forwards out through the channel.
    pub forwards: &'a [Forward],
    /// What came in through it, and its capacity.
    pub inbound: Inbound<'a>,
    /// What it could send.
    pub samples: &'a [Sample],
    /// Now, unix seconds.
    pub now_s: i64,
}

impl Learner {
    /// The next fee of channel number `channel`; nothing while the present one must stay, or
    /// without a reign.
    #[must_use]
    pub fn decide(&self, past: &Past<'_>, channel: u64) -> Option<Choice> {
        let last = past.reigns.last()?;
        if past.now_s.saturating_sub(last.span.from_s) < self.hold_s {
            return None;
        }
        let grain = grain_msat(past.forwards);
        // A channel that cannot send an ordinary payment is as good as empty.
        let least = if past.forwards.is_empty() { 0 } else { grain as u64 };
        let reading = Reading { least_msat: self.reading.least_msat.max(least), ..self.reading };
        let read = trials(&reading, past.reigns, past.forwards, past.samples, past.now_s);
        let demand = Demand::after(&read, grain);
        let span = Span { from_s: past.now_s.saturating_sub(self.supply_s), to_s: past.now_s };
        let first_s = past.reigns.first().map_or(span.from_s, |reign| reign.span.from_s);
        let span = Span { from_s: span.from_s.max(first_s), ..span };
        let supply = supply_msat_per_day(&past.inbound, past.samples, span, self.stock_days);
        let seed = channel ^ (past.reigns.len() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        Some(next_fee(&demand, &self.bounds, last.fee_ppm, supply, seed))
    }
}

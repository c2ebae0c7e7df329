//! What a channel can send in the long run: what comes back into it, and what it holds.
//!
//! It must never take a full channel for one into which nothing flows: while there is no room,
//! what would have come is unknown.

use crate::DAY_S;
use crate::span::{Sample, Span};

/// A channel with less room than this share of its capacity is full.
const ROOM: f64 = 0.05;

/// What flowed back into a channel.
#[derive(Debug, Clone, Copy)]
pub struct Inbound<'a> {
    /// The whole channel.
    pub capacity_msat: u64,
    /// When and how much, ascending by time.
    pub incoming: &'a [(i64, u64)],
}

/// What can be sent per day in the long run: the rate of what came in while there was room for it
/// in
/// `span`, and the newest sample's stock spread over `stock_days`. Infinite where the channel was
/// full all the time.
#[must_use]
pub fn supply_msat_per_day(
    inbound: &Inbound<'_>,
    samples: &[Sample],
    span: Span,
    stock_days: f64,
) -> f64 {
    let capacity = inbound.capacity_msat as f64;
    let full = |sample: &Sample| (sample.outbound_msat as f64) > (1.0 - ROOM) * capacity;
    let room_s = span.length_s() - held_s(samples, span, full);
    if room_s <= 0 {
        return f64::INFINITY;
    }
    let came = inbound.incoming.iter().filter(|(at_s, _)| span.holds(*at_s));
    let came: f64 = came.map(|(_, amount_msat)| *amount_msat as f64).sum();
    let stock = samples.last().map_or(0.0, |sample| sample.outbound_msat as f64);
    came * DAY_S as f64 / room_s as f64 + stock / stock_days
}

/// Seconds of `span` in which samples say something.
fn held_s(samples: &[Sample], span: Span, says: impl Fn(&Sample) -> bool) -> i64 {
    let ends = samples.iter().skip(1).map(|next| next.at_s).chain([i64::MAX]);
    let spans = samples.iter().zip(ends).filter(|(sample, _)| says(sample));
    spans.map(|(sample, to_s)| span.shared_s(Span { from_s: sample.at_s, to_s })).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_have_come_into_a_full_channel_is_not_nothing() {
        let sample =
            |day: i64, outbound_msat| Sample { at_s: day * DAY_S, outbound_msat, active: true };
        let samples = [sample(0, 0), sample(5, 100)];
        let span = Span { from_s: 0, to_s: 10 * DAY_S };
        let inbound = Inbound { capacity_msat: 100, incoming: &[(1, 50), (4 * DAY_S, 50)] };
        let supply = |days| supply_msat_per_day(&inbound, &samples, span, days);
        assert_eq!((supply(f64::INFINITY), supply(30.0)), (20.0, 20.0 + 100.0 / 30.0));
        let later = Span { from_s: 6 * DAY_S, to_s: 10 * DAY_S };
        assert_eq!(supply_msat_per_day(&inbound, &samples, later, 30.0), f64::INFINITY);
    }
}

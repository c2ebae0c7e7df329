//! Spans of time, what happened in them, and how much of them a channel could forward.
//!
//! It must never count time in which a channel was empty as time in which nobody wanted it.

use serde::{Deserialize, Serialize};

/// A span of time, unix seconds; the end is not part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// First second.
    pub from_s: i64,
    /// The second after the last.
    pub to_s: i64,
}

impl Span {
    /// How long it is, seconds; nothing if it ends before it begins.
    #[must_use]
    pub fn length_s(self) -> i64 {
        self.to_s.saturating_sub(self.from_s).max(0)
    }

    /// The same span earlier.
    #[must_use]
    pub fn earlier(self, by_s: i64) -> Self {
        Self { from_s: self.from_s.saturating_sub(by_s), to_s: self.to_s.saturating_sub(by_s) }
    }

    /// Whether a moment is in it.
    #[must_use]
    pub fn holds(self, at_s: i64) -> bool {
        (self.from_s..self.to_s).contains(&at_s)
    }

    pub(crate) fn shared_s(self, other: Self) -> i64 {
        let both = Self { from_s: self.from_s.max(other.from_s), to_s: self.to_s.min(other.to_s) };
        both.length_s()
    }
}

/// A settled forward out through a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forward {
    /// When, unix seconds.
    pub at_s: i64,
    /// What left.
    pub amount_msat: u64,
    /// What it earned.
    pub fee_msat: u64,
}

/// What a channel could send at one moment; it holds until the next sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// When, unix seconds.
    pub at_s: i64,
    /// Outbound liquidity.
    pub outbound_msat: u64,
    /// Whether the peer was connected and the channel switched on.
    pub active: bool,
}

/// Seconds of `span` in which the channel was active and could send `least_msat`. Samples ascend by
/// time. Before the first sample nothing is known, and the time counts as usable: a channel without
/// samples is judged by its whole time.
#[must_use]
pub fn usable_s(samples: &[Sample], span: Span, least_msat: u64) -> i64 {
    let samples = touching(samples, span);
    let ends = samples.iter().skip(1).map(|next| next.at_s).chain([i64::MAX]);
    let unusable = samples
        .iter()
        .zip(ends)
        .filter(|(sample, _)| !sample.active || sample.outbound_msat < least_msat)
        .map(|(sample, to_s)| span.shared_s(Span { from_s: sample.at_s, to_s }));
    span.length_s() - unusable.sum::<i64>()
}

/// The samples that hold at some moment of a span: those in it, and the one before.
fn touching(samples: &[Sample], span: Span) -> &[Sample] {
    let first = samples.partition_point(|sample| sample.at_s <= span.from_s).saturating_sub(1);
    let end = samples.partition_point(|sample| sample.at_s < span.to_s);
    samples.get(first..end).unwrap_or_default()
}

/// The forwards of a span; `forwards` ascend by time.
#[must_use]
pub fn within(forwards: &[Forward], span: Span) -> &[Forward] {
    let first = forwards.partition_point(|forward| forward.at_s < span.from_s);
    let end = forwards.partition_point(|forward| forward.at_s < span.to_s);
    forwards.get(first..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(at_s: i64, outbound_msat: u64, active: bool) -> Sample {
        Sample { at_s, outbound_msat, active }
    }

    #[test]
    fn empty_and_inactive_time_is_not_usable_and_unknown_time_is() {
        let samples = [
            sample(100, 0, true),
            sample(200, 50, true),
            sample(300, 50, false),
            sample(400, 9, true),
        ];
        let span = Span { from_s: 50, to_s: 450 };
        // 50..100 unknown, 200..300 with liquidity; 400..450 holds less than ten.
        assert_eq!(usable_s(&samples, span, 10), 50 + 100);
        assert_eq!(usable_s(&samples, span, 9), 50 + 100 + 50);
        assert_eq!(usable_s(&[], span, 10), 400);
        assert_eq!(usable_s(&samples, Span { from_s: 9, to_s: 3 }, 10), 0);
    }

    #[test]
    fn a_span_has_its_first_second_and_not_its_last() {
        let forward = |at_s| Forward { at_s, amount_msat: 1, fee_msat: 1 };
        let forwards = [forward(1), forward(2), forward(3)];
        assert_eq!(within(&forwards, Span { from_s: 1, to_s: 3 }), &forwards[..2]);
        assert_eq!(within(&forwards, Span { from_s: 4, to_s: 9 }), &[]);
        assert_eq!(within(&forwards, Span { from_s: 3, to_s: 1 }), &[]);
    }
}

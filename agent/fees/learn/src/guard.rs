//! Whether a change of fees cost a channel revenue, against its own past and the node's trend.
//!
//! The time after the change is compared with the same weekdays before it, per day in which the
//! channel could forward at all, corrected by what the node's other channels did meanwhile. It must
//! never call a drop that the channel's balance, the market or chance explains a loss.

use crate::span::{Forward, Sample, Span, usable_s, within};
use crate::{DAY_S, WEEK_S};
use serde::{Deserialize, Serialize};

/// How a change is watched.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Watch {
    /// The share of revenue that may be lost, 0 to 1.
    pub threshold: f64,
    /// Forwards before the change below which nothing can be said.
    pub least_forwards: usize,
    /// Usable time after the change before anything is said, seconds.
    pub least_usable_s: i64,
    /// Baseline windows looked at, each a whole number of weeks earlier.
    pub windows: i64,
    /// Standard deviations that chance may explain.
    pub deviations: f64,
    /// Amount a channel must be able to send to count as usable.
    pub least_msat: u64,
    /// After this long a change that was not taken back stays, seconds.
    pub watch_s: i64,
}

impl Default for Watch {
    fn default() -> Self {
        Self {
            threshold: 0.3,
            least_forwards: 20,
            least_usable_s: 2 * DAY_S,
            windows: 4,
            // One-sided, 5 %.
            deviations: 1.645,
            least_msat: 10_000_000,
            watch_s: 2 * WEEK_S,
        }
    }
}

/// What is known of the channel and the node.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// Forwards out through the channel, ascending by time.
    pub own: &'a [Forward],
    /// Forwards out through all channels of the node, the own ones too, ascending by time: one
    /// reading serves every change.
    pub all: &'a [Forward],
    /// What the channel could send, ascending by time.
    pub samples: &'a [Sample],
    /// Since when the policy before the change was in force and recorded, unix seconds.
    pub old_since_s: i64,
}

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Revenue per usable day before the change.
    pub before_msat_per_day: f64,
    /// What it should be now if only the node's trend had changed.
    pub expected_msat_per_day: f64,
    /// What it is.
    pub after_msat_per_day: f64,
    /// What is missing of the expected, 0 to 1; below zero is a gain.
    pub drop: f64,
    /// How many standard deviations below the expected it is.
    pub deviations: f64,
    /// Revenue of the other channels now, of what it was before.
    pub trend: f64,
    /// Usable days in the baseline and after the change.
    pub usable_days: (f64, f64),
    /// Forwards in the baseline and after the change.
    pub forwards: (usize, usize),
}

/// What is to become of the change.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// Too little happened yet.
    Wait {
        /// Usable seconds so far.
        usable_s: i64,
        /// Wanted before a judgement.
        wanted_s: i64,
    },
    /// The old policy was in force too short a time, or too little was forwarded under it: nobody
    /// can say what the change did.
    NoBaseline {
        /// Forwards found in the baseline.
        forwards: usize,
    },
    /// No loss beyond the threshold so far.
    Watching(Figures),
    /// The watch is over without a loss.
    Keep(Figures),
    /// Revenue fell by more than the threshold, and chance does not explain it.
    RollBack(Figures),
}

/// Judges a change made at `changed_s`, now.
#[must_use]
pub fn judge(watch: &Watch, known: &Known<'_>, changed_s: i64, now_s: i64) -> Verdict {
    // Later than the watch nothing new is learnt about the change.
    let end_s = now_s.min(changed_s.saturating_add(watch.watch_s));
    let after = Span { from_s: changed_s, to_s: end_s };
    let usable_after_s = usable_s(known.samples, after, watch.least_msat);
    let over = now_s >= changed_s.saturating_add(watch.watch_s);
    if usable_after_s < watch.least_usable_s && !over {
        return Verdict::Wait { usable_s: usable_after_s, wanted_s: watch.least_usable_s };
    }
    let baseline = baseline(watch, known.old_since_s, after);
    let before = Total::of(known.own, &baseline);
    if before.forwards < watch.least_forwards || usable_after_s <= 0 {
        return Verdict::NoBaseline { forwards: before.forwards };
    }
    let usable_before_s: i64 =
        baseline.iter().map(|span| usable_s(known.samples, *span, watch.least_msat)).sum();
    let days = (days(usable_before_s), days(usable_after_s));
    let figures = figures(known, &baseline, after, before, days);
    let lost = figures.drop >= watch.threshold && figures.deviations >= watch.deviations;
    match (lost, over) {
        (true, _) => Verdict::RollBack(figures),
        (false, true) => Verdict::Keep(figures),
        (false, false) => Verdict::Watching(figures),
    }
}

/// Windows as long as `after`, the same weekdays, before the change and under the old policy.
fn baseline(watch: &Watch, old_since_s: i64, after: Span) -> Vec<Span> {
    let weeks = after.length_s().div_euclid(WEEK_S) + 1;
    let shifts = (1..=watch.windows).map(|window| window.saturating_mul(weeks * WEEK_S));
    let spans = shifts.map(|shift_s| after.earlier(shift_s));
    spans.filter(|span| span.from_s >= old_since_s && span.length_s() > 0).collect()
}

#[derive(Debug, Clone, Copy, Default)]
struct Total {
    forwards: usize,
    fees_msat: f64,
    /// Sum of the squared fees: the variance of a compound Poisson sum.
    squares: f64,
}

impl Total {
    fn of(forwards: &[Forward], spans: &[Span]) -> Self {
        let all = spans.iter().flat_map(|span| within(forwards, *span));
        all.fold(Self::default(), |total, forward| {
            let fee = forward.fee_msat as f64;
            Self {
                forwards: total.forwards + 1,
                fees_msat: total.fees_msat + fee,
                squares: total.squares + fee * fee,
            }
        })
    }
}

impl Total {
    /// What is left without a part. Sums of whole msat are exact below 2^53: nothing is lost.
    fn without(self, part: Self) -> Self {
        Self {
            forwards: self.forwards.saturating_sub(part.forwards),
            fees_msat: self.fees_msat - part.fees_msat,
            squares: self.squares - part.squares,
        }
    }
}

fn days(seconds: i64) -> f64 {
    (seconds as f64 / DAY_S as f64).max(f64::MIN_POSITIVE)
}

fn figures(
    known: &Known<'_>,
    baseline: &[Span],
    after: Span,
    before: Total,
    days: (f64, f64),
) -> Figures {
    let now = Total::of(known.own, &[after]);
    let trend = trend(known, baseline, after, (before, now));
    let before_rate = before.fees_msat / days.0;
    let (expected, rate) = (before_rate * trend, now.fees_msat / days.1);
    // If nothing but the trend had changed, the time after would scatter like the time before.
    let spread = before.squares / before.fees_msat.max(1.0);
    let variance = expected * spread / days.1 + trend * trend * before.squares / (days.0 * days.0);
    let deviations = (expected - rate) / variance.sqrt().max(f64::MIN_POSITIVE);
    Figures {
        before_msat_per_day: before_rate,
        expected_msat_per_day: expected,
        after_msat_per_day: rate,
        drop: if expected > 0.0 { 1.0 - rate / expected } else { 0.0 },
        deviations,
        trend,
        usable_days: days,
        forwards: (before.forwards, now.forwards),
    }
}

/// Forwards of the other channels below which their trend is not believed.
const TREND_FORWARDS: usize = 20;
/// A trend beyond this, either way, is cut: it is more likely an accident of few large forwards.
const TREND_MAX: f64 = 5.0;

fn trend(known: &Known<'_>, baseline: &[Span], after: Span, own: (Total, Total)) -> f64 {
    let before = Total::of(known.all, baseline).without(own.0);
    if before.forwards < TREND_FORWARDS || before.fees_msat <= 0.0 {
        return 1.0;
    }
    let length = |spans: &[Span]| spans.iter().map(|span| span.length_s()).sum::<i64>();
    let before_rate = before.fees_msat / days(length(baseline));
    let now = Total::of(known.all, &[after]).without(own.1);
    let after_rate = now.fees_msat / days(after.length_s());
    (after_rate / before_rate).clamp(1.0 / TREND_MAX, TREND_MAX)
}

#[cfg(test)]
mod tests;

//! From a channel's recorded past to its next fee.
//!
//! Time is cut into holds: whole multiples of the hold time since the fee in force began. A choice
//! sees what was recorded before its hold began and nothing later, and its draw is seeded by the
//! channel and the number of holds so far: within a hold the same database gives the same fee, in
//! whichever process and however often it is asked. It must never choose oftener than once a hold,
//! and never from fewer forwards or hours than asked for.

use crate::choose::{Bounds, Choice, next_fee};
use crate::demand::{Demand, Reading, Reign, grain_msat, trials};
use crate::span::{Forward, Sample, Span, usable_s, within};
use crate::supply::{Inbound, supply_msat_per_day};
use crate::{DAY_S, WEEK_S};
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
    /// Older than this nothing counts, seconds.
    pub look_back_s: i64,
    /// The supply of liquidity is averaged over this long, seconds.
    pub supply_s: i64,
    /// What the channel holds is counted as if it were sold over this long, days.
    pub stock_days: f64,
    /// Forwards out before anything is chosen.
    pub least_forwards: usize,
    /// Usable time before anything is chosen, seconds.
    pub least_usable_s: i64,
    /// So much usable time without enough forwards is an answer too: the fee is too high, seconds.
    pub silent_s: i64,
}

impl Default for Learner {
    fn default() -> Self {
        Self {
            reading: Reading::default(),
            bounds: Bounds::default(),
            hold_s: DAY_S,
            // Six half-lives: what is older weighs less than two hundredths.
            look_back_s: 126 * DAY_S,
            supply_s: 14 * DAY_S,
            stock_days: 30.0,
            least_forwards: 0,
            least_usable_s: 0,
            silent_s: WEEK_S,
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

/// What a channel's past says about its next fee.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Verdict {
    /// Too little is recorded under known fees.
    Young {
        /// Forwards out.
        forwards: usize,
        /// Time in which the channel could forward, seconds.
        usable_s: i64,
    },
    /// The fee in force stays until then, unix seconds.
    Held {
        /// When the next choice is due.
        until_s: i64,
    },
    /// A fee is chosen.
    Chosen {
        /// The fee and why.
        choice: Choice,
        /// Forwards out that it rests on.
        forwards: usize,
        /// Time in which the channel could forward, seconds.
        usable_s: i64,
    },
}

impl Learner {
    /// What follows from the past of channel number `channel`; nothing without a reign.
    #[must_use]
    pub fn judge(&self, past: &Past<'_>, channel: u64) -> Option<Verdict> {
        let (first, last) = (past.reigns.first()?, past.reigns.last()?);
        let hold_s = self.hold_s.max(1);
        let holds = past.now_s.saturating_sub(last.span.from_s).div_euclid(hold_s).max(0);
        let began_s = last.span.from_s.saturating_add(holds.saturating_mul(hold_s));
        let seen_s = if holds == 0 { past.now_s } else { began_s };
        let old_s = seen_s.saturating_sub(self.look_back_s);
        let seen = Span { from_s: first.span.from_s.max(old_s), to_s: seen_s };
        let past = self.until(past, seen);
        let usable_s = usable_s(past.samples, seen, self.least_msat(past.forwards));
        let forwards = past.forwards.len();
        let few = forwards < self.least_forwards && usable_s < self.silent_s;
        if few || usable_s < self.least_usable_s {
            return Some(Verdict::Young { forwards, usable_s });
        }
        if holds == 0 {
            return Some(Verdict::Held { until_s: began_s.saturating_add(hold_s) });
        }
        let choice = self.choose(&past, seen, channel);
        Some(Verdict::Chosen { choice, forwards, usable_s })
    }

    /// The next fee of channel number `channel`; nothing while the present one must stay, or
    /// without a reign.
    #[must_use]
    pub fn decide(&self, past: &Past<'_>, channel: u64) -> Option<Choice> {
        match self.judge(past, channel) {
            Some(Verdict::Chosen { choice, .. }) => Some(choice),
            _ => None,
        }
    }

    /// A past as it was when a span ended: nothing later is left in it.
    fn until<'a>(&self, past: &Past<'a>, seen: Span) -> Past<'a> {
        let samples = past.samples.partition_point(|sample| sample.at_s < seen.to_s);
        Past {
            forwards: within(past.forwards, seen),
            samples: past.samples.get(..samples).unwrap_or_default(),
            now_s: seen.to_s,
            ..*past
        }
    }

    /// A channel that cannot send an ordinary payment is as good as empty.
    fn least_msat(&self, forwards: &[Forward]) -> u64 {
        let grain = if forwards.is_empty() { 0 } else { grain_msat(forwards) as u64 };
        self.reading.least_msat.max(grain)
    }

    fn choose(&self, past: &Past<'_>, seen: Span, channel: u64) -> Choice {
        let pieces = pieces(past.reigns, self.hold_s.max(1), past.now_s);
        let number = pieces.len() as u64;
        let recent = pieces.partition_point(|piece| piece.span.to_s <= seen.from_s);
        let recent = pieces.get(recent..).unwrap_or_default();
        let least_msat = self.least_msat(past.forwards);
        let reading = Reading { least_msat, ..self.reading };
        let grain = grain_msat(past.forwards);
        let read = trials(&reading, recent, past.forwards, past.samples, past.now_s);
        let demand = Demand::after(&read, grain);
        let from_s = past.now_s.saturating_sub(self.supply_s).max(seen.from_s);
        let span = Span { from_s, to_s: past.now_s };
        let supply = supply_msat_per_day(&past.inbound, past.samples, span, self.stock_days);
        let seed = channel ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let present = past.reigns.last().map_or(0, |reign| reign.fee_ppm);
        next_fee(&demand, &self.bounds, present, supply, seed)
    }
}

/// Reigns up to a time, cut into holds: what is old in a long reign fades before what is new.
fn pieces(reigns: &[Reign], hold_s: i64, end_s: i64) -> Vec<Reign> {
    let mut pieces = Vec::new();
    for reign in reigns {
        let to_s = reign.span.to_s.min(end_s);
        let mut from_s = reign.span.from_s;
        while from_s < to_s {
            let cut_s = from_s.saturating_add(hold_s).min(to_s);
            pieces.push(Reign { span: Span { from_s, to_s: cut_s }, ..*reign });
            from_s = cut_s;
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forward(at_s: i64) -> Forward {
        Forward { at_s, amount_msat: 50_000_000, fee_msat: 10_000 }
    }

    fn every_hour(days: i64) -> Vec<Forward> {
        (0..days * 24).map(|hour| forward(hour * 3_600 + 7)).collect()
    }

    fn judged(learner: &Learner, forwards: &[Forward], now_s: i64) -> Verdict {
        let span = Span { from_s: 0, to_s: now_s };
        let reigns = [Reign { span, fee_ppm: 200 }];
        let inbound = Inbound { capacity_msat: 1_000_000_000, incoming: &[] };
        let past = Past { reigns: &reigns, forwards, inbound, samples: &[], now_s };
        learner.judge(&past, 7).unwrap()
    }

    #[test]
    fn within_a_hold_nothing_that_happens_changes_the_choice() {
        let learner = Learner::default();
        let choice = judged(&learner, &every_hour(9), 9 * DAY_S);
        assert!(matches!(choice, Verdict::Chosen { forwards: 216, .. }), "{choice:?}");
        for later_s in [1, 3_600, DAY_S - 1] {
            assert_eq!(judged(&learner, &every_hour(10), 9 * DAY_S + later_s), choice);
        }
        assert_ne!(judged(&learner, &every_hour(10), 10 * DAY_S), choice);
    }

    #[test]
    fn a_new_fee_is_held_and_a_young_channel_is_left_to_its_rules() {
        let learner = Learner { least_forwards: 30, least_usable_s: DAY_S, ..Learner::default() };
        let young = judged(&learner, &every_hour(1), DAY_S);
        assert_eq!(young, Verdict::Young { forwards: 24, usable_s: DAY_S });
        let early = judged(&Learner { least_usable_s: 0, ..learner }, &every_hour(2), DAY_S - 9);
        assert_eq!(early, Verdict::Young { forwards: 24, usable_s: DAY_S - 9 });
        let held = judged(&Learner::default(), &every_hour(1), DAY_S - 9);
        assert_eq!(held, Verdict::Held { until_s: DAY_S });
        assert!(matches!(judged(&learner, &every_hour(3), 3 * DAY_S), Verdict::Chosen { .. }));
    }

    #[test]
    fn a_long_silence_is_an_answer_and_lowers_the_fee() {
        let learner = Learner { least_forwards: 3, ..Learner::default() };
        assert!(matches!(judged(&learner, &[], 6 * DAY_S), Verdict::Young { forwards: 0, .. }));
        for days in 7..20 {
            let Verdict::Chosen { choice, .. } = judged(&learner, &[], days * DAY_S) else {
                panic!("silent for {days} days")
            };
            println!("{days} {choice:?}");
            assert!(choice.fee_ppm < 200, "{choice:?}");
        }
    }

    #[test]
    fn long_reigns_are_cut_into_holds_and_none_of_their_time_is_lost() {
        let reign = |from_s, to_s, fee_ppm| Reign { span: Span { from_s, to_s }, fee_ppm };
        let cut = pieces(&[reign(5, 25, 1), reign(25, 30, 2), reign(30, 99, 3)], 8, 40);
        let spans: Vec<(i64, i64, u32)> =
            cut.iter().map(|piece| (piece.span.from_s, piece.span.to_s, piece.fee_ppm)).collect();
        assert_eq!(
            spans,
            [(5, 13, 1), (13, 21, 1), (21, 25, 1), (25, 30, 2), (30, 38, 3), (38, 40, 3)]
        );
    }

    #[test]
    fn what_is_older_than_the_look_back_does_not_count() {
        let learner = Learner { look_back_s: 2 * DAY_S, ..Learner::default() };
        let seen = judged(&learner, &every_hour(9), 9 * DAY_S);
        assert!(matches!(seen, Verdict::Chosen { forwards: 48, usable_s, .. }
            if usable_s == 2 * DAY_S));
    }
}

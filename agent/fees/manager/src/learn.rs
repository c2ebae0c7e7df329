//! Fees learned from the history: the adviser that rules with `learning_enabled` ask.
//!
//! Everything it says follows from the database, the rules' limits and the hold that the present
//! fee is in: the same database gives the same fee, before a crash and after it. It must never read
//! anything but the history, and never answer from a past that it could not read whole.

use debal_fees::state::{Channel, FeeTrial};
use debal_fees::{Advice, Adviser, Ask};
use debal_fees_history::{FeeHistory, HistoryError, Policy};
use debal_fees_learn::DAY_S;
use debal_fees_learn::choose::{Bounds, Choice, Motive};
use debal_fees_learn::demand::Reign;
use debal_fees_learn::learner::{Learner, Past, Verdict};
use debal_fees_learn::span::{Forward, Span, within};
use debal_fees_learn::supply::Inbound;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Changes of a channel that its tried fees are read from.
const TRIED_MAX: u32 = 500;
/// A tried fee counts for this long, seconds.
const TRIED_S: i64 = 90 * DAY_S;

/// The channels' pasts, as an adviser.
pub(crate) struct Pasts<'a> {
    history: &'a FeeHistory,
    now_s: i64,
    failure: RefCell<Option<HistoryError>>,
}

impl<'a> Pasts<'a> {
    pub(crate) const fn new(history: &'a FeeHistory, now_s: i64) -> Self {
        Self { history, now_s, failure: RefCell::new(None) }
    }

    /// The first failure to read, if there was one: nothing that was advised counts then.
    pub(crate) fn end(self) -> Result<(), HistoryError> {
        self.failure.into_inner().map_or(Ok(()), Err)
    }

    fn judge(&self, ask: &Ask) -> Result<Option<(Learner, Verdict)>, HistoryError> {
        let bounds =
            Bounds { min_ppm: ask.min_fee_ppm, max_ppm: ask.max_fee_ppm, ..Bounds::default() };
        let learner = Learner {
            bounds,
            least_forwards: ask.least_forwards as usize,
            // Hours of a rule file; what is no number or endless asks for everything.
            least_usable_s: (ask.least_hours * 3_600.0).ceil() as i64,
            ..Learner::default()
        };
        let (channel, now_s) = (ask.chan_id, self.now_s);
        let mut reigns = self.history.reigns(channel, now_s)?;
        if reigns.last().is_some_and(|last| last.fee_ppm != ask.present_ppm) {
            // A dry run saw a rate that nobody wrote down: it begins now.
            let span = Span { from_s: now_s, to_s: now_s };
            reigns.push(Reign { span, fee_ppm: ask.present_ppm });
        }
        // A hold may have begun a day before now; the look-back counts from there.
        let from_s = now_s.saturating_sub(learner.look_back_s + learner.hold_s);
        let span = Span { from_s, to_s: now_s };
        let forwards = self.history.out_of(channel, span)?;
        let incoming = self.history.came_into(channel, span)?;
        let samples = self.history.samples(channel, span)?;
        let capacity_msat = ask.capacity_sat.saturating_mul(1_000);
        let inbound = Inbound { capacity_msat, incoming: &incoming };
        let past = Past { reigns: &reigns, forwards: &forwards, inbound, samples: &samples, now_s };
        Ok(learner.judge(&past, channel).map(|verdict| (learner, verdict)))
    }
}

impl Adviser for Pasts<'_> {
    fn advise(&self, ask: &Ask) -> Advice {
        match self.judge(ask) {
            Ok(Some((learner, verdict))) => advice(ask, &learner, &verdict, self.now_s),
            Ok(None) => {
                let why = "learned: not yet, the channel was never seen: the rule's own rate holds";
                Advice::Fallback { why: why.to_owned() }
            }
            Err(error) => {
                let why = format!("learned: not now, {error}");
                self.failure.borrow_mut().get_or_insert(error);
                Advice::Fallback { why }
            }
        }
    }
}

fn advice(ask: &Ask, learner: &Learner, verdict: &Verdict, now_s: i64) -> Advice {
    let hours = |seconds: i64| seconds as f64 / 3_600.0;
    match *verdict {
        Verdict::Young { forwards, usable_s } => Advice::Fallback {
            why: format!(
                "learned: not yet, {forwards} of {} forwards in {:.1} of {:.1} usable hours (or {:.0} \
                 without them): the rule's own rate holds",
                learner.least_forwards,
                hours(usable_s),
                hours(learner.least_usable_s),
                hours(learner.silent_s),
            ),
        },
        Verdict::Held { until_s } => Advice::Fee {
            fee_ppm: ask.present_ppm,
            why: format!(
                "learned: {} ppm is being tried, {:.1} of {:.1} hours to go",
                ask.present_ppm,
                hours(until_s.saturating_sub(now_s)),
                hours(learner.hold_s),
            ),
        },
        Verdict::Chosen { choice, forwards, usable_s } => Advice::Fee {
            fee_ppm: choice.fee_ppm,
            why: words(ask.present_ppm, &choice, forwards, usable_s),
        },
    }
}

fn words(present_ppm: u32, choice: &Choice, forwards: usize, usable_s: i64) -> String {
    let does = match choice.motive {
        Motive::Explore => "explores",
        Motive::Exploit => "goes to",
        Motive::Hold => "keeps",
    };
    let sat = |msat: f64| msat / 1_000.0;
    format!(
        "learned: {does} {} ppm; at {present_ppm} ppm elasticity {:.2} (posterior mean) from \
         {forwards} forwards in {:.1} usable days; believed {:.1} sat a day, {:.1} at \
         {present_ppm} ppm",
        choice.fee_ppm,
        choice.elasticity,
        usable_s as f64 / DAY_S as f64,
        sat(choice.revenue_msat_per_day),
        sat(choice.present_msat_per_day),
    )
}

/// What each channel's tried fees earned, from the history: `revenue_max` without learning takes
/// the best of them.
pub(crate) fn tried(
    history: &FeeHistory,
    channels: &mut [Channel],
    now_s: i64,
) -> Result<(), HistoryError> {
    let span = Span { from_s: now_s.saturating_sub(TRIED_S), to_s: now_s };
    let out = history.out_by_channel(span)?;
    for channel in channels {
        let own = out.get(&channel.chan_id).map(Vec::as_slice).unwrap_or_default();
        channel.fee_trials = trials(&policies(history, channel.chan_id)?, own, span);
    }
    Ok(())
}

/// The policies of a channel and since when each was in force, ascending by time.
fn policies(history: &FeeHistory, channel: u64) -> Result<Vec<(i64, Policy)>, HistoryError> {
    let changes = history.confirmed(channel, TRIED_MAX)?;
    let mut found: Vec<(i64, Policy)> = changes
        .into_iter()
        .rev()
        .map(|change| (change.ended_s.unwrap_or(change.decided_s), change.new))
        .collect();
    let first = found.first().map_or(i64::MAX, |(since_s, _)| *since_s);
    if let Some(seen) = history.seen_first(channel)?.filter(|(at_s, _)| *at_s <= first) {
        found.insert(0, seen);
    }
    Ok(found)
}

fn trials(policies: &[(i64, Policy)], own: &[Forward], span: Span) -> Vec<FeeTrial> {
    let mut tried: BTreeMap<(i64, i64), (i64, i64, i64)> = BTreeMap::new();
    let ends = policies.iter().skip(1).map(|(since_s, _)| *since_s).chain([span.to_s]);
    for ((since_s, policy), to_s) in policies.iter().zip(ends) {
        let reign = Span { from_s: (*since_s).max(span.from_s), to_s };
        if reign.length_s() == 0 {
            continue;
        }
        let sent = within(own, reign);
        let sums = tried.entry((policy.fee_ppm, policy.inbound_fee_ppm)).or_default();
        sums.0 += reign.length_s();
        sums.1 = sums.1.saturating_add(i64::try_from(sent.len()).unwrap_or(i64::MAX));
        let earned = sent.iter().fold(0, |sum: i64, one| sum.saturating_add_unsigned(one.fee_msat));
        sums.2 = sums.2.saturating_add(earned);
    }
    let trial = |((fee_ppm, inbound_fee_ppm), (seconds, forwards, revenue_msat))| FeeTrial {
        fee_ppm,
        inbound_fee_ppm,
        // Hundredths of an hour: what is kept of a decision's inputs is short and exact.
        hours: (seconds / 36) as f64 / 100.0,
        forwards,
        revenue_msat,
    };
    tried.into_iter().map(trial).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tried_fees_are_summed_over_their_reigns_and_old_ones_fade_out() {
        let policy = |fee_ppm| Policy { fee_ppm, inbound_fee_ppm: -3, ..Policy::default() };
        let day = |day: i64| day * DAY_S;
        let forward = |at_s, fee_msat| Forward { at_s, amount_msat: 8, fee_msat };
        let policies = [(day(0), policy(50)), (day(95), policy(80)), (day(97), policy(50))];
        let all = [forward(day(9), 1_000), forward(day(94), 10), forward(day(96), 20)];
        let found = trials(&policies, &all, Span { from_s: day(10), to_s: day(100) });
        let found: Vec<(i64, i64, f64, i64, i64)> = found
            .iter()
            .map(|t| (t.fee_ppm, t.inbound_fee_ppm, t.hours, t.forwards, t.revenue_msat))
            .collect();
        assert_eq!(found, [(50, -3, 24.0 * 88.0, 1, 10), (80, -3, 48.0, 1, 20)]);
    }
}

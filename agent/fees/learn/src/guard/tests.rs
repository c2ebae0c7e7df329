//! Facts about the guard on histories a reader can check by hand.
//!
//! It must never need a generator with an unknown seed.

use super::*;

/// One forward of `fee_msat` every `every_s`, over a span.
fn steady(span: Span, every_s: i64, fee_msat: u64) -> Vec<Forward> {
    let times = (0..).map(|step| span.from_s + step * every_s).take_while(|at_s| span.holds(*at_s));
    times.map(|at_s| Forward { at_s, amount_msat: 1_000_000, fee_msat }).collect()
}

fn days_of(from: i64, to: i64) -> Span {
    Span { from_s: from * DAY_S, to_s: to * DAY_S }
}

/// Forty days of one forward an hour, then `after` until day 50.
fn history(after: Vec<Forward>) -> Vec<Forward> {
    let mut forwards = steady(days_of(0, 40), 3_600, 1_000);
    forwards.extend(after);
    forwards
}

fn verdict(own: &[Forward], others: &[Forward], samples: &[Sample], now: i64) -> Verdict {
    let mut all = [own, others].concat();
    all.sort_by_key(|forward| forward.at_s);
    let known = Known { own, all: &all, samples, old_since_s: 0 };
    judge(&Watch::default(), &known, 40 * DAY_S, now * DAY_S)
}

#[test]
fn a_channel_that_lost_most_of_its_revenue_is_rolled_back() {
    let own = history(steady(days_of(40, 50), 7_200, 1_000));
    let Verdict::RollBack(figures) = verdict(&own, &[], &[], 44) else { panic!() };
    assert!((figures.drop - 0.5).abs() < 1e-9, "{figures:?}");
    assert_eq!(figures.before_msat_per_day, 24_000.0);
    // Four windows of four days, each on the same weekdays, against four days after.
    assert_eq!((figures.usable_days, figures.forwards), ((16.0, 4.0), (384, 48)));
}

#[test]
fn a_small_loss_is_watched_and_then_kept() {
    let own = history(steady(days_of(40, 60), 4_000, 1_000));
    assert!(matches!(verdict(&own, &[], &[], 47), Verdict::Watching(f) if f.drop < 0.3));
    assert!(matches!(verdict(&own, &[], &[], 60), Verdict::Keep(f) if f.drop > 0.05));
}

#[test]
fn a_loss_of_the_whole_node_is_no_loss_of_the_change() {
    let own = history(steady(days_of(40, 50), 7_200, 1_000));
    let others = history(steady(days_of(40, 50), 7_200, 1_000));
    let Verdict::Watching(figures) = verdict(&own, &others, &[], 44) else { panic!() };
    assert!((figures.trend - 0.5).abs() < 1e-9 && figures.drop.abs() < 1e-9, "{figures:?}");
}

#[test]
fn an_empty_channel_is_not_blamed() {
    // Nothing was forwarded after day 42, because nothing could be.
    let own = history(steady(days_of(40, 42), 3_600, 1_000));
    let empty = [
        Sample { at_s: 0, outbound_msat: 500_000_000, active: true },
        Sample { at_s: 42 * DAY_S, outbound_msat: 0, active: true },
    ];
    let Verdict::Watching(figures) = verdict(&own, &[], &empty, 50) else { panic!() };
    assert_eq!((figures.drop, figures.usable_days.1), (0.0, 2.0));
    assert!(matches!(verdict(&own, &[], &[], 50), Verdict::RollBack(_)));
}

#[test]
fn chance_alone_takes_nothing_back() {
    // Five forwards a day of very different size: a missing large one is no evidence.
    let mut own = steady(days_of(0, 40), DAY_S / 5, 100);
    own.extend((0..40).map(|day| {
        let fee_msat = if day % 10 == 9 { 100_000 } else { 100 };
        Forward { at_s: day * DAY_S + 7, amount_msat: 1, fee_msat }
    }));
    own.extend(steady(days_of(40, 50), DAY_S / 5, 100));
    own.sort_by_key(|forward| forward.at_s);
    let Verdict::Watching(figures) = verdict(&own, &[], &[], 44) else { panic!() };
    assert!(figures.drop > 0.9 && figures.deviations < 1.645, "{figures:?}");
}

#[test]
fn too_little_time_and_too_little_past_are_said() {
    let own = history(Vec::new());
    let wait = Verdict::Wait { usable_s: DAY_S, wanted_s: 2 * DAY_S };
    assert_eq!(verdict(&own, &[], &[], 41), wait);
    let known = Known { own: &own, all: &own, samples: &[], old_since_s: 39 * DAY_S };
    let judged = judge(&Watch::default(), &known, 40 * DAY_S, 44 * DAY_S);
    assert_eq!(judged, Verdict::NoBaseline { forwards: 0 });
    // A weekly rhythm is compared with itself: no forwards on these weekdays, no judgement.
    let weekdays: Vec<Forward> =
        own.iter().copied().filter(|forward| (forward.at_s / DAY_S) % 7 < 5).collect();
    let known = Known { own: &weekdays, all: &weekdays, samples: &[], old_since_s: 0 };
    let judged = judge(&Watch::default(), &known, 33 * DAY_S, 35 * DAY_S);
    assert_eq!(judged, Verdict::NoBaseline { forwards: 0 });
}

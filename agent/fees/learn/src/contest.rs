//! Fixed, proportional and learned fees on the same simulated payers.
//!
//! The rivals are tuned on other markets than those they are measured on; the learner's knobs are
//! its defaults. It must never show the learner anything a node would not know.

use crate::demand::Reign;
use crate::learner::{Learner, Past};
use crate::market::{Earned, Kind, Market};
use crate::span::Span;
use crate::supply::Inbound;
use serde::Serialize;

/// The fee every method begins with, ppm.
const FIRST_PPM: u32 = 200;
/// Fees the rivals are tuned over.
const GRID_PPM: [u32; 14] = [10, 20, 40, 60, 90, 130, 190, 280, 400, 600, 900, 1_300, 1_900, 2_800];
/// Seeds of the markets that rivals are tuned on begin here, far from any measured one.
const TUNING_SEED: u64 = 1 << 40;

/// How large a contest is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Measured markets of each kind.
    pub markets: u64,
    /// Markets of each kind that rivals are tuned on.
    pub tuning: u64,
    /// Length, days.
    pub days: i64,
    /// The first seed of the measured markets.
    pub seed: u64,
}

/// A mean with the half width of its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Mean {
    /// The mean.
    pub mean: f64,
    /// Half the width of the 95 % interval (normal).
    pub ci95: f64,
}

/// One kind of demand: what each method earned.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// The kind.
    pub kind: Kind,
    /// The fixed fee that was best on the tuning markets of all kinds, sat a day.
    pub fixed: Mean,
    /// Proportional between its two best ends, sat a day.
    pub proportional: Mean,
    /// The learner, sat a day.
    pub learned: Mean,
    /// The best fixed fee of each market, known afterwards, sat a day.
    pub hindsight: Mean,
    /// Learned over the better rival, as a ratio of sums; the interval by markets in pairs.
    pub gain: Mean,
    /// Changes of the learner a week.
    pub changes_per_week: f64,
}

/// What the rivals were tuned to, and what came out.
#[derive(Debug, Clone, Serialize)]
pub struct Contest {
    /// The tuned fixed fee, ppm.
    pub fixed_ppm: u32,
    /// The tuned ends of the proportional fee, ppm: full and empty.
    pub proportional_ppm: (u32, u32),
    /// One row for each kind.
    pub rows: Vec<Row>,
    /// Learned over fixed on all kinds together.
    pub over_fixed: Mean,
    /// Learned over proportional on all kinds together.
    pub over_proportional: Mean,
}

/// Runs a contest.
#[must_use]
pub fn run(size: Size) -> Contest {
    let drawn = |seed: u64, count: u64| {
        Kind::ALL.map(|kind| {
            let seeds = (0..count).map(|market| seed + market);
            seeds.map(|seed| Market::draw(kind, size.days, seed)).collect::<Vec<_>>()
        })
    };
    let tuning = drawn(TUNING_SEED, size.tuning).concat();
    let fixed_ppm = best(&GRID_PPM, |fee| total(&tuning, |m| fixed(m, *fee)));
    let pairs: Vec<(u32, u32)> =
        GRID_PPM.iter().flat_map(|full| GRID_PPM.map(|empty| (*full, empty))).collect();
    let pair = best(&pairs, |ends| total(&tuning, |m| proportional(m, *ends)));
    let measured = Kind::ALL.into_iter().zip(drawn(size.seed, size.markets));
    let plays: Vec<Plays> = measured
        .map(|(kind, markets)| Plays::of(kind, &markets, size.days, fixed_ppm, pair))
        .collect();
    let all = |of: fn(&Plays) -> &Vec<f64>| plays.iter().flat_map(of).copied().collect::<Vec<_>>();
    let learned = all(|plays| &plays.learned);
    Contest {
        fixed_ppm,
        proportional_ppm: pair,
        over_fixed: ratio(&learned, &all(|plays| &plays.fixed)),
        over_proportional: ratio(&learned, &all(|plays| &plays.proportional)),
        rows: plays.iter().map(Plays::row).collect(),
    }
}

fn best<T: Copy>(options: &[T], revenue: impl Fn(&T) -> f64) -> T {
    let valued = options.iter().map(|option| (*option, revenue(option)));
    let better = |one: (T, f64), other: (T, f64)| if other.1 > one.1 { other } else { one };
    // The grids are constants with at least one entry.
    valued.reduce(better).map_or(options[0], |(option, _)| option)
}

fn total(markets: &[Market], play: impl Fn(&Market) -> Earned) -> f64 {
    markets.iter().map(|market| play(market).revenue_msat as f64).sum()
}

fn fixed(market: &Market, fee_ppm: u32) -> Earned {
    market.play(fee_ppm, |_| fee_ppm)
}

/// charge-lnd's proportional rule: the emptier the channel, the nearer to the second end.
fn proportional(market: &Market, (full, empty): (u32, u32)) -> Earned {
    let fee = |ratio: f64| {
        let (full, empty) = (f64::from(full), f64::from(empty));
        // Between two fees of the grid.
        (full + (1.0 - ratio) * (empty - full)).max(0.0) as u32
    };
    market.play(fee(0.5), |view| fee(view.ratio))
}

/// The learner, asked once a day as the daemon asks it.
#[must_use]
pub fn learned(learner: &Learner, market: &Market, channel: u64) -> Earned {
    let mut reigns = vec![Reign { span: Span { from_s: 0, to_s: 0 }, fee_ppm: FIRST_PPM }];
    market.play(FIRST_PPM, |view| {
        if let Some(last) = reigns.last_mut() {
            last.span.to_s = view.now_s;
        }
        let past = Past {
            reigns: &reigns,
            forwards: view.forwards,
            inbound: Inbound { capacity_msat: view.capacity_msat, incoming: view.incoming },
            samples: view.samples,
            now_s: view.now_s,
        };
        let Some(choice) = learner.decide(&past, channel) else { return view.fee_ppm };
        let span = Span { from_s: view.now_s, to_s: view.now_s };
        reigns.push(Reign { span, fee_ppm: choice.fee_ppm });
        choice.fee_ppm
    })
}

/// What each method earned on each market of a kind, sat a day.
struct Plays {
    kind: Kind,
    fixed: Vec<f64>,
    proportional: Vec<f64>,
    learned: Vec<f64>,
    hindsight: Vec<f64>,
    changes_per_week: f64,
}

impl Plays {
    fn of(kind: Kind, markets: &[Market], days: i64, fixed_ppm: u32, ends: (u32, u32)) -> Self {
        let per_day = |earned: Earned| earned.revenue_msat as f64 / 1_000.0 / days as f64;
        let of = |play: &dyn Fn(&Market) -> f64| markets.iter().map(play).collect::<Vec<f64>>();
        let learner = Learner::default();
        let numbered = markets.iter().zip(1u64..);
        let learners: Vec<Earned> =
            numbered.map(|(market, number)| learned(&learner, market, number)).collect();
        let changes: u32 = learners.iter().map(|earned| earned.changes).sum();
        let best_fixed = |market: &Market| {
            GRID_PPM.map(|fee| per_day(fixed(market, fee))).into_iter().fold(0.0, f64::max)
        };
        Self {
            kind,
            fixed: of(&|market| per_day(fixed(market, fixed_ppm))),
            proportional: of(&|market| per_day(proportional(market, ends))),
            learned: learners.into_iter().map(per_day).collect(),
            hindsight: of(&best_fixed),
            changes_per_week: f64::from(changes) / (days as f64 / 7.0 * markets.len() as f64),
        }
    }

    fn row(&self) -> Row {
        let sum = |of: &[f64]| of.iter().sum::<f64>();
        let fixed_wins = sum(&self.fixed) >= sum(&self.proportional);
        let rival = if fixed_wins { &self.fixed } else { &self.proportional };
        Row {
            kind: self.kind,
            fixed: mean(&self.fixed),
            proportional: mean(&self.proportional),
            learned: mean(&self.learned),
            hindsight: mean(&self.hindsight),
            gain: ratio(&self.learned, rival),
            changes_per_week: self.changes_per_week,
        }
    }
}

fn mean(values: &[f64]) -> Mean {
    let count = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Mean { mean, ci95: 1.96 * (squares / (count - 1.0).max(1.0) / count).sqrt() }
}

/// The ratio of two sums over the same markets, with the interval of a ratio estimate.
fn ratio(above: &[f64], below: &[f64]) -> Mean {
    let (sum, base) = (above.iter().sum::<f64>(), below.iter().sum::<f64>().max(f64::MIN_POSITIVE));
    let count = above.len().max(1) as f64;
    let ratio = sum / base;
    let residuals = above.iter().zip(below).map(|(a, b)| (a - ratio * b).powi(2)).sum::<f64>();
    let deviation = (residuals / (count - 1.0).max(1.0) / count).sqrt() / (base / count);
    Mean { mean: ratio, ci95: 1.96 * deviation }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn learning_beats_tuned_fixed_and_proportional_fees_on_unseen_demand() {
        let size = Size { markets: 10, tuning: 8, days: 90, seed: 5 };
        let contest = run(size);
        for row in &contest.rows {
            println!("{row:?}");
        }
        println!("{:?} {:?}", contest.over_fixed, contest.over_proportional);
        assert!(contest.over_fixed.mean - contest.over_fixed.ci95 > 1.0);
        assert!(contest.over_proportional.mean > 1.0);
    }

    #[test]
    fn a_ratio_of_equal_sums_is_one_and_certain() {
        let same = ratio(&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0]);
        assert_eq!((same.mean, same.ci95), (1.0, 0.0));
        assert_eq!(mean(&[2.0, 4.0]).mean, 3.0);
    }
}

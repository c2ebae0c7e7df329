//! What a channel's payers would send at which fee: a posterior over demand curves.
//!
//! A curve is `D(p) = A / (1 + (p / h)^s)`: `A` is what would be sent for nothing, `h` the fee that
//! halves it, `s` how sharply. Forwards are counted per usable day; for every pair `(h, s)` of a
//! grid the scale `A` has a gamma posterior in closed form, so the whole posterior is exact and a
//! few hundred numbers. Old trials fade, because demand moves. It must never take time in which the
//! channel could not forward for a lack of demand.

use crate::DAY_S;
use crate::span::{Forward, Sample, Span, usable_s, within};
use serde::{Deserialize, Serialize};

/// Half-demand fees of the grid: this many, spaced evenly in their logarithm over the range.
const HALVES: u32 = 32;
/// The cheapest and the dearest fee that may halve demand, ppm.
const HALF_RANGE_PPM: (f64, f64) = (5.0, 20_000.0);
/// How sharply demand may fall.
const STEEPNESS: [f64; 6] = [0.7, 1.0, 1.5, 2.5, 4.0, 8.0];
/// The prior's weight, in forwards and in usable days: almost nothing is assumed.
const PRIOR_FORWARDS: f64 = 0.5;
const PRIOR_DAYS: f64 = 0.05;

/// A time in which one fee was in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reign {
    /// When.
    pub span: Span,
    /// The fee rate, ppm.
    pub fee_ppm: u32,
}

/// What a fee brought, faded by its age.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trial {
    /// The fee rate, ppm.
    pub fee_ppm: u32,
    /// Usable days.
    pub days: f64,
    /// What was sent, msat.
    pub sent_msat: f64,
}

/// How a channel's past is read.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// After this long a trial counts half, seconds.
    pub half_life_s: i64,
    /// Amount a channel must be able to send to count as usable.
    pub least_msat: u64,
}

impl Default for Reading {
    fn default() -> Self {
        Self { half_life_s: 21 * DAY_S, least_msat: 10_000_000 }
    }
}

/// Reads reigns and forwards into trials. Everything ascends by time.
#[must_use]
pub fn trials(
    reading: &Reading,
    reigns: &[Reign],
    forwards: &[Forward],
    samples: &[Sample],
    now_s: i64,
) -> Vec<Trial> {
    let half_life = reading.half_life_s.max(1) as f64;
    let trial = |reign: &Reign| {
        let middle_s = reign.span.from_s + reign.span.length_s() / 2;
        let fading = (-((now_s - middle_s).max(0) as f64) / half_life).exp2();
        let sent: f64 = within(forwards, reign.span).iter().map(|f| f.amount_msat as f64).sum();
        let usable = usable_s(samples, reign.span, reading.least_msat);
        let days = usable as f64 / DAY_S as f64;
        Trial { fee_ppm: reign.fee_ppm, days: days * fading, sent_msat: sent * fading }
    };
    reigns.iter().map(trial).filter(|trial| trial.days > 0.0).collect()
}

/// The amount that one independent decision to pay moves: the size-weighted mean. Large payments
/// make the same volume less certain.
#[must_use]
pub fn grain_msat(forwards: &[Forward]) -> f64 {
    let amounts = || forwards.iter().map(|forward| forward.amount_msat as f64);
    let squares: f64 = amounts().map(|amount| amount * amount).sum();
    let sum: f64 = amounts().sum();
    if sum > 0.0 { squares / sum } else { 1.0 }
}

/// One curve of the grid with its share of the belief.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Curve {
    /// The fee that halves demand, ppm.
    pub half_ppm: f64,
    /// How sharply demand falls around it.
    pub steepness: f64,
    /// Demand for nothing, msat per usable day: the mean of its gamma posterior.
    pub free_msat_per_day: f64,
    /// Its share of the belief; all shares together are one.
    pub belief: f64,
}

impl Curve {
    /// Demand at a fee, msat per usable day.
    #[must_use]
    pub fn demand_msat_per_day(&self, fee_ppm: f64) -> f64 {
        self.free_msat_per_day * share(fee_ppm, self.half_ppm, self.steepness)
    }
}

/// What is left of demand at a fee.
fn share(fee_ppm: f64, half_ppm: f64, steepness: f64) -> f64 {
    1.0 / (1.0 + (fee_ppm / half_ppm).powf(steepness))
}

/// A belief about a channel's demand.
#[derive(Debug, Clone, PartialEq)]
pub struct Demand {
    curves: Vec<Curve>,
}

impl Demand {
    /// The posterior after some trials; `grain_msat` as [`grain_msat`] tells.
    #[must_use]
    pub fn after(trials: &[Trial], grain_msat: f64) -> Self {
        let grain = grain_msat.max(1.0);
        let (low, high) = HALF_RANGE_PPM;
        let ratio = (high / low).powf(1.0 / f64::from(HALVES - 1));
        let halves = (0..HALVES).map(|step| low * ratio.powf(f64::from(step)));
        let grid = halves.flat_map(|half| STEEPNESS.map(|steepness| (half, steepness)));
        let weighed: Vec<(Curve, f64)> =
            grid.map(|(half, steepness)| weigh(trials, grain, half, steepness)).collect();
        let best = weighed.iter().map(|(_, log)| *log).fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = weighed.iter().map(|(_, log)| (log - best).exp()).sum();
        let believe =
            |(curve, log): (Curve, f64)| Curve { belief: (log - best).exp() / total, ..curve };
        Self { curves: weighed.into_iter().map(believe).collect() }
    }

    /// All curves, by half-demand fee and then steepness.
    #[must_use]
    pub fn curves(&self) -> &[Curve] {
        &self.curves
    }

    /// Mean demand at a fee, msat per usable day.
    #[must_use]
    pub fn mean_msat_per_day(&self, fee_ppm: f64) -> f64 {
        self.curves.iter().map(|curve| curve.belief * curve.demand_msat_per_day(fee_ppm)).sum()
    }

    /// How sharply demand falls at a fee: the share of it lost per share of the fee, the mean over
    /// all curves.
    #[must_use]
    pub fn elasticity(&self, fee_ppm: f64) -> f64 {
        let of = |curve: &Curve| {
            let lost = 1.0 - share(fee_ppm, curve.half_ppm, curve.steepness);
            curve.belief * curve.steepness * lost
        };
        self.curves.iter().map(of).sum()
    }

    /// Mean revenue at a fee, msat a day, if no more than `supply_msat_per_day` can be sent in the
    /// long run.
    #[must_use]
    pub fn revenue_msat_per_day(&self, fee_ppm: f64, supply_msat_per_day: f64) -> f64 {
        let of = |curve: &Curve| {
            curve.belief * revenue_msat_per_day(curve, fee_ppm, supply_msat_per_day)
        };
        self.curves.iter().map(of).sum()
    }
}

/// Revenue of one curve at a fee, msat a day.
#[must_use]
pub fn revenue_msat_per_day(curve: &Curve, fee_ppm: f64, supply_msat_per_day: f64) -> f64 {
    fee_ppm / 1e6 * curve.demand_msat_per_day(fee_ppm).min(supply_msat_per_day)
}

/// The gamma posterior of a curve's scale, and the logarithm of how likely the trials are under it.
fn weigh(trials: &[Trial], grain: f64, half_ppm: f64, steepness: f64) -> (Curve, f64) {
    let (mut forwards, mut days, mut log) = (PRIOR_FORWARDS, PRIOR_DAYS, 0.0);
    for trial in trials {
        let left = share(f64::from(trial.fee_ppm), half_ppm, steepness);
        let count = trial.sent_msat / grain;
        forwards += count;
        days += left * trial.days;
        log += count * left.max(f64::MIN_POSITIVE).ln();
    }
    log -= forwards * days.ln();
    let free_msat_per_day = grain * forwards / days;
    (Curve { half_ppm, steepness, free_msat_per_day, belief: 0.0 }, log)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(fee_ppm: u32, days: f64, per_day: f64) -> Trial {
        Trial { fee_ppm, days, sent_msat: per_day * days * 1e9 }
    }

    #[test]
    fn demand_that_halves_between_two_fees_is_found_there() {
        // Ten a day at 100 ppm, one a day at 400.
        let demand = Demand::after(&[trial(100, 30.0, 10.0), trial(400, 30.0, 1.0)], 1e9);
        let believed = |from: f64, to: f64| {
            let inside = |c: &&Curve| (from..to).contains(&c.half_ppm);
            demand.curves().iter().filter(inside).map(|c| c.belief).sum::<f64>()
        };
        assert!(believed(50.0, 400.0) > 0.95, "{}", believed(50.0, 400.0));
        let at = |fee| demand.mean_msat_per_day(fee) / 1e9;
        assert!((at(100.0) - 10.0).abs() < 1.0 && (at(400.0) - 1.0).abs() < 0.5, "{}", at(400.0));
        assert!(
            demand.revenue_msat_per_day(150.0, f64::MAX)
                > demand.revenue_msat_per_day(400.0, f64::MAX)
        );
    }

    #[test]
    fn elasticity_is_the_slope_of_demand() {
        // Ten a day at 100 ppm, five at 200: a fall of one half for twice the fee.
        let demand = Demand::after(&[trial(100, 90.0, 10.0), trial(200, 90.0, 5.0)], 1e9);
        let slope = demand.elasticity(141.0);
        assert!((0.7..1.4).contains(&slope), "{slope}");
        assert!(demand.elasticity(1.0) < 0.2 && demand.elasticity(400.0) > slope);
    }

    #[test]
    fn demand_never_grows_with_the_fee_and_beliefs_are_one() {
        let demand = Demand::after(&[trial(50, 3.0, 2.0), trial(800, 2.0, 3.0)], 1e9);
        let total: f64 = demand.curves().iter().map(|curve| curve.belief).sum();
        assert!((total - 1.0).abs() < 1e-9);
        let mut fees = (0..60).map(|step| 1.15f64.powi(step));
        let mut last = f64::MAX;
        assert!(fees.all(|fee| {
            let now = demand.mean_msat_per_day(fee);
            std::mem::replace(&mut last, now) >= now
        }));
    }

    #[test]
    fn what_cannot_be_supplied_earns_nothing() {
        let demand = Demand::after(&[trial(100, 30.0, 10.0)], 1e9);
        let scarce = demand.revenue_msat_per_day(100.0, 1e9);
        assert!((scarce - 1e5).abs() < 1e3, "one a day at 100 ppm: {scarce}");
        assert!(demand.revenue_msat_per_day(200.0, 1e9) > 1.2 * scarce);
    }

    #[test]
    fn time_without_liquidity_is_no_lack_of_demand() {
        let span = Span { from_s: 0, to_s: 10 * DAY_S };
        let reigns = [Reign { span, fee_ppm: 100 }];
        let forwards = [Forward { at_s: 1, amount_msat: 7, fee_msat: 1 }];
        let samples = [
            Sample { at_s: 0, outbound_msat: 20_000_000, active: true },
            Sample { at_s: 2 * DAY_S, outbound_msat: 0, active: true },
        ];
        let reading = Reading { half_life_s: 5 * DAY_S, ..Reading::default() };
        let read = trials(&reading, &reigns, &forwards, &samples, 10 * DAY_S);
        // The reign's middle is one half-life ago.
        assert_eq!(read, [Trial { fee_ppm: 100, days: 1.0, sent_msat: 3.5 }]);
    }

    #[test]
    fn without_any_trial_nothing_is_believed_about_the_fee() {
        let demand = Demand::after(&[], 1e9);
        let first = demand.curves()[0].belief;
        assert!(demand.curves().iter().all(|curve| (curve.belief - first).abs() < 1e-12));
    }
}

//! When will a channel end run dry, or full? Drift and variance, first passage, learned residual.
//!
//! It must never take an operator's own move for traffic: [`Drift::rebase`] says that the balance
//! changed for another reason.

pub mod normal;
pub mod passage;
pub mod residual;
pub mod rules;
pub mod score;

pub use passage::Passage;
pub use residual::Residual;

use crate::ppm;

/// How the past is weighed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// After this long an observation counts half, seconds.
    pub half_life_s: f64,
    /// Seconds of silence assumed before the first observation: pulls an early drift towards 0.
    pub prior_s: f64,
}

impl Default for Settings {
    fn default() -> Self {
        // Chosen on simulated traffic (`debal learn evaluate --what forecast`).
        Self { half_life_s: 6.0 * 3_600.0, prior_s: 7_200.0 }
    }
}

/// Exponentially weighted drift and variance of one local balance, from observations at any times.
#[derive(Debug, Clone, PartialEq)]
pub struct Drift {
    settings: Settings,
    /// Time and balance of the last observation.
    last: Option<(u64, u64)>,
    /// Weighted sum of seconds between observations.
    seconds: f64,
    /// Weighted sum of changes, msat.
    change: f64,
    /// Weighted sum of squared changes.
    change_squared: f64,
    /// Weighted sum of change times seconds.
    change_seconds: f64,
    /// Weighted sum of squared seconds.
    seconds_squared: f64,
}

/// What the past of a balance says, in msat and seconds.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Estimate {
    /// Drift of the local balance, msat a second; below 0 it drains.
    pub mu: f64,
    /// Variance of the local balance, msat squared a second.
    pub sigma2: f64,
    /// Weighted seconds behind it, the prior included.
    pub span_s: f64,
}

impl Drift {
    /// Nothing seen yet.
    pub const fn new(settings: Settings) -> Self {
        Self {
            settings,
            last: None,
            seconds: 0.0,
            change: 0.0,
            change_squared: 0.0,
            change_seconds: 0.0,
            seconds_squared: 0.0,
        }
    }

    /// The local balance at a time. Times that do not advance only update the balance.
    pub fn observe(&mut self, at_ms: u64, local_msat: u64) {
        if let Some((before_ms, before_msat)) = self.last {
            let seconds = at_ms.saturating_sub(before_ms) as f64 / 1_000.0;
            let change = local_msat as f64 - before_msat as f64;
            let keep = (-seconds * std::f64::consts::LN_2 / self.settings.half_life_s).exp();
            self.seconds = self.seconds * keep + seconds;
            self.change = self.change * keep + change;
            self.change_squared = self.change_squared * keep + change * change;
            self.change_seconds = self.change_seconds * keep + change * seconds;
            self.seconds_squared = self.seconds_squared * keep + seconds * seconds;
        }
        let at_ms = self.last.map_or(at_ms, |(before_ms, _)| before_ms.max(at_ms));
        self.last = Some((at_ms, local_msat));
    }

    /// The balance is another for a reason that is no traffic (rebalanced, spliced, restarted):
    /// the step is not counted.
    pub fn rebase(&mut self, at_ms: u64, local_msat: u64) {
        let at_ms = self.last.map_or(at_ms, |(before_ms, _)| before_ms.max(at_ms));
        self.last = Some((at_ms, local_msat));
    }

    /// Drift and variance as far as they are known.
    pub fn estimate(&self) -> Estimate {
        let span_s = self.seconds + self.settings.prior_s;
        if span_s <= 0.0 {
            return Estimate::default();
        }
        let mu = self.change / span_s;
        let squares =
            self.change_squared - 2.0 * mu * self.change_seconds + mu * mu * self.seconds_squared;
        Estimate { mu, sigma2: (squares / span_s).max(0.0), span_s }
    }
}

/// The forecast of one channel end: both barriers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Forecast {
    /// The local balance reaches 0.
    pub depletion: Passage,
    /// The local balance reaches the capacity.
    pub saturation: Passage,
}

impl Forecast {
    /// From a balance and what its past says; the residual, if there is one, bends both passages.
    pub fn new(
        local_msat: u64,
        capacity_msat: u64,
        estimate: Estimate,
        residual: Option<&Residual>,
    ) -> Self {
        let remote_msat = capacity_msat.saturating_sub(local_msat);
        let drift_variance =
            if estimate.span_s > 0.0 { estimate.sigma2 / estimate.span_s } else { 0.0 };
        let passage = |distance_msat: u64, drift: f64| {
            let plain = Passage {
                distance: distance_msat as f64,
                drift,
                variance: estimate.sigma2,
                drift_variance,
            };
            residual.map_or(plain, |residual| {
                residual.bend(plain, capacity_msat as f64, estimate.span_s)
            })
        };
        Self {
            depletion: passage(local_msat, -estimate.mu),
            saturation: passage(remote_msat, estimate.mu),
        }
    }

    /// The lowest and the highest balance from which neither end is reached within `within_s` with
    /// more than `risk_ppm`, msat. Where no balance is so safe, twice the one at which both risks
    /// are the same.
    pub fn safe_msat(
        capacity_msat: u64,
        estimate: Estimate,
        residual: Option<&Residual>,
        within_s: u64,
        risk_ppm: u32,
    ) -> [u64; 2] {
        let forecast = |local_msat| Self::new(local_msat, capacity_msat, estimate, residual);
        let within = |passage: &Passage| ppm(passage.probability_within(within_s as f64));
        let depleted = |local_msat| within(&forecast(local_msat).depletion);
        let saturated = |local_msat| within(&forecast(local_msat).saturation);
        let low_msat = first_where(capacity_msat, |local| depleted(local) <= risk_ppm);
        let full_msat = first_where(capacity_msat, |local| saturated(local) > risk_ppm);
        let high_msat = full_msat.saturating_sub(capacity_msat.div_ceil(STEPS));
        if low_msat <= high_msat {
            return [low_msat, high_msat];
        }
        [first_where(capacity_msat, |local| depleted(local) <= saturated(local)); 2]
    }

    /// Probabilities of depletion and of saturation within each time, ppm: what policies see.
    pub fn odds_ppm(&self, at_s: [u64; 3]) -> ([u32; 3], [u32; 3]) {
        let within = |passage: &Passage| at_s.map(|s| ppm(passage.probability_within(s as f64)));
        (within(&self.depletion), within(&self.saturation))
    }

    /// What people see: the odds and the times, as integers.
    pub fn report(&self, at_s: [u64; 3], horizon_s: u64) -> Report {
        let (depleted_ppm, saturated_ppm) = self.odds_ppm(at_s);
        let times = |passage: &Passage| {
            [0.1, 0.5, 0.9].map(|p| passage.quantile(p, horizon_s as f64).map(|s| s.round() as u64))
        };
        Report {
            at_s,
            depleted_ppm,
            saturated_ppm,
            depletion_s: times(&self.depletion),
            saturation_s: times(&self.saturation),
        }
    }
}

/// Steps in which a balance is looked for.
const STEPS: u64 = 128;

/// The lowest balance for which `holds`, which every higher one is taken to satisfy too, to a
/// thousandth of the capacity; the capacity if none does.
fn first_where(capacity_msat: u64, holds: impl Fn(u64) -> bool) -> u64 {
    let (mut low, mut high) = (0, STEPS);
    let at = |step: u64| (u128::from(capacity_msat) * u128::from(step) / u128::from(STEPS)) as u64;
    while low < high {
        let middle = low.midpoint(high);
        if holds(at(middle)) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    at(low)
}

/// A forecast in integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// The times asked for, seconds.
    pub at_s: [u64; 3],
    /// Probability of depletion within each, ppm.
    pub depleted_ppm: [u32; 3],
    /// Probability of saturation within each, ppm.
    pub saturated_ppm: [u32; 3],
    /// Seconds until depletion at 10, 50 and 90 %; nothing past the horizon.
    pub depletion_s: [Option<u64>; 3],
    /// The same for saturation.
    pub saturation_s: [Option<u64>; 3],
}

impl Report {
    /// Median time to depletion, seconds; nothing past the horizon.
    pub const fn ttd_s(&self) -> Option<u64> {
        self.depletion_s[1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain() -> Drift {
        Drift::new(Settings { half_life_s: 1e9, prior_s: 0.0 })
    }

    #[test]
    fn drift_is_change_over_time_however_it_was_sampled() {
        let (mut dense, mut sparse) = (plain(), plain());
        for step in 0..=1_000_u64 {
            dense.observe(step * 1_000, 5_000_000 - step * 2_000);
        }
        sparse.observe(0, 5_000_000);
        sparse.observe(1_000_000, 3_000_000);
        for drift in [&dense, &sparse] {
            let estimate = drift.estimate();
            assert!((estimate.mu + 2_000.0).abs() < 1e-3, "{estimate:?}");
            // A straight line has no variance.
            assert!(estimate.sigma2 < 1.0, "{estimate:?}");
        }
    }

    #[test]
    fn payments_to_and_fro_have_variance_and_no_drift() {
        let mut drift = plain();
        for step in 0..2_001_u64 {
            drift.observe(step * 10_000, 1_000_000 + (step % 2) * 1_000);
        }
        let estimate = drift.estimate();
        assert!(estimate.mu.abs() < 1e-6);
        assert!((estimate.sigma2 - 1_000.0 * 1_000.0 / 10.0).abs() < 100.0, "{estimate:?}");
    }

    #[test]
    fn the_past_fades_by_its_half_life() {
        let mut drift = Drift::new(Settings { half_life_s: 3_600.0, prior_s: 0.0 });
        drift.observe(0, 0);
        drift.observe(3_600_000, 3_600_000);
        drift.observe(7_200_000, 3_600_000);
        // An hour at 1,000 a second counts half of the silent hour after it.
        assert!((drift.estimate().mu - 1_000.0 / 3.0).abs() < 1e-6);
    }

    #[test]
    fn an_own_move_is_no_traffic() {
        let mut drift = plain();
        drift.observe(0, 1_000);
        drift.rebase(1_000, 900_000);
        drift.observe(2_000, 900_000);
        assert_eq!(drift.estimate().mu, 0.0);
    }

    #[test]
    fn a_report_is_integers_and_knows_both_sides() {
        let estimate = Estimate { mu: -1_000.0, sigma2: 0.0, span_s: 0.0 };
        let forecast = Forecast::new(3_600_000, 10_000_000, estimate, None);
        let report = forecast.report([600, 3_600, 7_200], 86_400);
        assert_eq!(report.depleted_ppm, [0, 1_000_000, 1_000_000]);
        assert_eq!(report.saturated_ppm, [0, 0, 0]);
        assert_eq!(report.ttd_s(), Some(3_600));
        assert_eq!(report.saturation_s, [None; 3]);
    }

    #[test]
    fn a_draining_end_needs_more_and_a_calm_one_is_safe_nearly_everywhere() {
        let safe = |mu: f64, sigma2: f64| {
            let estimate = Estimate { mu, sigma2, span_s: 1e9 };
            Forecast::safe_msat(10_240_000, estimate, None, 3_600, 100_000)
        };
        // 1,000 msat a second for an hour: 3,600,000 are lost for certain; steps are 80,000.
        assert_eq!(safe(-1_000.0, 0.0), [3_680_000, 10_160_000]);
        assert_eq!(safe(1_000.0, 0.0), [80_000, 6_560_000]);
        assert_eq!(safe(0.0, 0.0), [80_000, 10_160_000]);
        let [low, high] = safe(0.0, 4e8);
        assert!(low > 1_000_000 && low.abs_diff(10_240_000 - high) <= 160_000, "{low} {high}");
        // Too much to and fro for any balance: the middle, both risks being the same there.
        let [low, high] = safe(0.0, 1e12);
        assert!(low == high && low.abs_diff(5_120_000) <= 160_000, "{low} {high}");
    }

    #[test]
    fn the_largest_balances_give_numbers() {
        let mut drift = Drift::new(Settings::default());
        drift.observe(0, u64::MAX);
        drift.observe(u64::MAX, 0);
        drift.observe(u64::MAX, u64::MAX);
        let report = Forecast::new(u64::MAX, u64::MAX, drift.estimate(), None)
            .report([1, u64::MAX / 2, u64::MAX], u64::MAX);
        assert!(report.depleted_ppm.iter().all(|p| *p <= crate::MILLION));
        assert_eq!(report.saturated_ppm, [crate::MILLION; 3]);
    }
}

//! First passage of a drifting Brownian motion: when does a balance first reach its barrier?
//!
//! It must never return a probability that falls with time, nor one that depends on the unit of
//! money. Source of the formula: papers.md section 4 (inverse Gaussian first passage).

use super::normal::{cdf, ln_cdf};

/// Nodes and weights that average over a normal error (Gauss-Hermite, five nodes).
const ERROR_NODES: [(f64, f64); 5] = [
    (0.0, 0.533_333_333_333_333),
    (1.355_626_179_974_266, 0.222_075_922_005_613),
    (-1.355_626_179_974_266, 0.222_075_922_005_613),
    (2.856_970_013_872_806, 0.011_257_411_327_721),
    (-2.856_970_013_872_806, 0.011_257_411_327_721),
];

/// Further than this many standard deviations beyond the drift is never reached (below 1e-18).
const OUT_OF_REACH: f64 = 9.0;

/// A balance on its way to a barrier. Distance in any unit of money, drift in that unit per second
/// (positive moves towards the barrier), variance in that unit squared per second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Passage {
    /// How far the barrier is; not above 0 means it has been reached.
    pub distance: f64,
    /// Drift towards the barrier.
    pub drift: f64,
    /// Variance of the balance a second.
    pub variance: f64,
    /// Variance of the estimate of the drift.
    pub drift_variance: f64,
}

impl Passage {
    /// Probability that the barrier is reached within `seconds`.
    pub fn probability_within(&self, seconds: f64) -> f64 {
        if self.distance <= 0.0 {
            return 1.0;
        }
        if seconds.is_nan() || seconds <= 0.0 {
            return 0.0;
        }
        if self.drift_variance <= 0.0 {
            return known(self.distance, self.drift, self.variance, seconds);
        }
        let spread = self.drift_variance.sqrt();
        let mixed = ERROR_NODES.iter().map(|(node, weight)| {
            weight * known(self.distance, self.drift + node * spread, self.variance, seconds)
        });
        mixed.sum::<f64>().clamp(0.0, 1.0)
    }

    /// Seconds after which the barrier is reached with probability `p`; nothing if that is not
    /// within `horizon_s`.
    pub fn quantile(&self, p: f64, horizon_s: f64) -> Option<f64> {
        if self.distance <= 0.0 {
            return Some(0.0);
        }
        if self.probability_within(horizon_s) < p {
            return None;
        }
        let (mut low, mut high) = (0.0, horizon_s);
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if self.probability_within(middle) < p { low = middle } else { high = middle }
        }
        Some(high)
    }
}

/// The same for a drift that is known exactly.
fn known(distance: f64, drift: f64, variance: f64, seconds: f64) -> f64 {
    if variance <= 0.0 {
        // Without noise the balance arrives on the second.
        return if drift > 0.0 && drift * seconds >= distance { 1.0 } else { 0.0 };
    }
    if seconds.is_infinite() {
        // It arrives for certain unless it drifts away.
        return if drift >= 0.0 { 1.0 } else { (2.0 * drift * distance / variance).exp() };
    }
    let root = (variance * seconds).sqrt();
    if distance - drift.abs() * seconds > OUT_OF_REACH * root {
        return 0.0;
    }
    let direct = cdf((drift * seconds - distance) / root);
    // The mirrored part is a huge number times a tiny one: add their logarithms.
    let mirrored = 2.0 * drift * distance / variance + ln_cdf((-drift * seconds - distance) / root);
    let total = direct + if mirrored.is_nan() { 0.0 } else { mirrored.min(0.0).exp() };
    total.clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn passage(distance: f64, drift: f64, variance: f64) -> Passage {
        Passage { distance, drift, variance, drift_variance: 0.0 }
    }

    #[test]
    fn without_drift_it_is_the_reflection_principle() {
        let p = passage(100.0, 0.0, 4.0).probability_within(2_500.0);
        assert!((p - 2.0 * cdf(-1.0)).abs() < 1e-14);
    }

    #[test]
    fn without_noise_it_is_distance_over_drift() {
        let draining = passage(100.0, 0.5, 0.0);
        assert_eq!(draining.probability_within(199.0), 0.0);
        assert_eq!(draining.probability_within(200.0), 1.0);
        assert!((draining.quantile(0.5, 1e6).unwrap() - 200.0).abs() < 1e-6);
        assert_eq!(passage(100.0, -0.5, 0.0).quantile(0.5, 1e6), None);
        assert_eq!(passage(100.0, 0.0, 0.0).probability_within(1e9), 0.0);
    }

    #[test]
    fn drifting_away_leaves_the_chance_of_ever_arriving() {
        let ever = passage(10.0, -0.1, 1.0).probability_within(1e9);
        assert!((ever - (-2.0_f64).exp()).abs() < 1e-9, "{ever}");
        assert_eq!(passage(10.0, -0.1, 1.0).probability_within(f64::INFINITY), (-2.0_f64).exp());
    }

    #[test]
    fn an_unsure_drift_widens_the_forecast() {
        let sure = passage(1_000.0, 0.1, 1.0);
        let unsure = Passage { drift_variance: 0.003, ..sure };
        assert!(unsure.probability_within(5_000.0) > 10.0 * sure.probability_within(5_000.0));
        assert!(unsure.probability_within(20_000.0) < sure.probability_within(20_000.0));
    }

    proptest! {
        #[test]
        fn probabilities_rise_with_time_and_ignore_the_unit(
            distance in 1e-3..1e15_f64, speed in -1e3..1e3_f64, noise in 0.0..1e3_f64,
            error in 0.0..2.0_f64, scale in -12..12_i32,
        ) {
            let drift = speed * distance / 86_400.0;
            let variance = noise * noise * distance * distance / 86_400.0;
            let drift_variance = error * drift * drift;
            let one = Passage { distance, drift, variance, drift_variance };
            let unit = 4.0_f64.powi(scale);
            let other = Passage {
                distance: distance * unit,
                drift: drift * unit,
                variance: variance * unit * unit,
                drift_variance: drift_variance * unit * unit,
            };
            let mut before = 0.0;
            for seconds in [1.0, 60.0, 600.0, 7_200.0, 86_400.0, 1e9] {
                let p = one.probability_within(seconds);
                prop_assert!((0.0..=1.0).contains(&p));
                prop_assert!(p >= before - 1e-9, "{p} after {before} at {seconds}");
                prop_assert!((p - other.probability_within(seconds)).abs() < 1e-9);
                before = p;
            }
        }
    }
}

//! How good were the forecasts? CRPS, Brier score, calibration slope.
//!
//! It must never score a forecast by what was not observed: an outcome past the horizon counts
//! only as "not within the horizon".

/// Continuous ranked probability score of a distribution of times, up to `horizon_s`: the integral
/// of (F(t) - [t >= observed])^2, by the midpoint rule on `steps` equal parts. Lower is better;
/// the unit is seconds. For a single guess it is the absolute error.
pub fn crps(
    probability_within: impl Fn(f64) -> f64,
    observed_s: Option<f64>,
    horizon_s: f64,
    steps: u32,
) -> f64 {
    let width = horizon_s / f64::from(steps);
    let parts = (0..steps).map(|step| {
        let start = f64::from(step) * width;
        let p = probability_within(start + 0.5 * width);
        // The part in which it happened is split where it happened.
        let after = observed_s.map_or(0.0, |at| ((start + width - at) / width).clamp(0.0, 1.0));
        width * (after * (1.0 - p) * (1.0 - p) + (1.0 - after) * p * p)
    });
    parts.sum()
}

/// [`crps`] of a single guess: the absolute error within the horizon.
pub fn crps_of_guess(guess_s: Option<f64>, observed_s: Option<f64>, horizon_s: f64) -> f64 {
    let within = |at: Option<f64>| at.unwrap_or(horizon_s).clamp(0.0, horizon_s);
    (within(guess_s) - within(observed_s)).abs()
}

/// Mean squared error of probabilities against what happened.
pub fn brier(forecasts: &[(f64, bool)]) -> f64 {
    let squares = forecasts.iter().map(|(p, happened)| {
        let truth = f64::from(u8::from(*happened));
        (p - truth) * (p - truth)
    });
    squares.sum::<f64>() / forecasts.len().max(1) as f64
}

/// Slope of the regression of what happened on what was said: 1 is calibrated, below 1 is too
/// sure, above 1 too cautious. Nothing if all forecasts were equal.
pub fn calibration_slope(forecasts: &[(f64, bool)]) -> Option<f64> {
    let count = forecasts.len() as f64;
    let mean_p = forecasts.iter().map(|(p, _)| p).sum::<f64>() / count;
    let mean_y = forecasts.iter().filter(|(_, happened)| *happened).count() as f64 / count;
    let (mut covariance, mut variance) = (0.0, 0.0);
    for (p, happened) in forecasts {
        let truth = f64::from(u8::from(*happened));
        covariance += (p - mean_p) * (truth - mean_y);
        variance += (p - mean_p) * (p - mean_p);
    }
    (variance > 1e-12).then(|| covariance / variance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sure_guess_scores_its_absolute_error() {
        let step = |t: f64| if t >= 300.0 { 1.0 } else { 0.0 };
        assert!((crps(step, Some(500.0), 1_000.0, 1_000) - 200.0).abs() < 1e-9);
        assert!((crps(step, None, 1_000.0, 1_000) - 700.0).abs() < 1e-9);
        assert_eq!(crps_of_guess(Some(300.0), Some(500.0), 1_000.0), 200.0);
        assert_eq!(crps_of_guess(Some(300.0), None, 1_000.0), 700.0);
        assert_eq!(crps_of_guess(None, Some(5e9), 1_000.0), 0.0);
    }

    #[test]
    fn spreading_the_odds_beats_a_wrong_guess() {
        let even = |t: f64| t / 1_000.0;
        assert!(crps(even, Some(500.0), 1_000.0, 1_000) < 100.0);
    }

    #[test]
    fn calibrated_odds_have_slope_one() {
        let mut said = Vec::new();
        for (p, happened_of_ten) in [(0.1, 1), (0.5, 5), (0.9, 9)] {
            said.extend((0..10).map(|i| (p, i < happened_of_ten)));
        }
        assert!((calibration_slope(&said).unwrap() - 1.0).abs() < 1e-9);
        assert!((brier(&said) - (0.09 + 0.25 + 0.09) / 3.0).abs() < 1e-9);
        assert_eq!(calibration_slope(&said[..10]), None);
    }
}

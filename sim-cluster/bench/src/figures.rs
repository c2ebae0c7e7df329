//! Means and their 95 % intervals.
//!
//! An interval must never come from fewer than two observations: one observation has none (0).

use serde::Serialize;

/// A mean with half the width of its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Figure {
    /// The mean over the seeds.
    pub mean: f64,
    /// The 95 % interval is the mean plus and minus this (Student's t).
    pub ci95: f64,
}

/// Two-sided 95 % points of Student's t for 1 to 30 degrees of freedom.
const STUDENT: [f64; 30] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
    2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
    2.052, 2.048, 2.045, 2.042,
];

impl Figure {
    /// Mean and interval of what was observed; zeros if nothing was.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn of(observed: &[f64]) -> Self {
        let count = observed.len();
        if count == 0 {
            return Self { mean: 0.0, ci95: 0.0 };
        }
        let mean = observed.iter().sum::<f64>() / count as f64;
        if count == 1 {
            return Self { mean, ci95: 0.0 };
        }
        let squares: f64 = observed.iter().map(|one| (one - mean).powi(2)).sum();
        let error = (squares / (count - 1) as f64 / count as f64).sqrt();
        let student = STUDENT.get(count - 2).copied().unwrap_or(1.96);
        Self { mean, ci95: student * error }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_observations_have_the_interval_of_student_with_four_degrees() {
        let figure = Figure::of(&[1.0, 2.0, 3.0, 4.0, 5.0]);
        let error = (2.5f64 / 5.0).sqrt();
        assert!((figure.mean - 3.0).abs() < 1e-12);
        assert!((figure.ci95 - 2.776 * error).abs() < 1e-9);
    }

    #[test]
    fn one_observation_has_no_interval_and_none_is_zero() {
        assert_eq!(Figure::of(&[7.0]), Figure { mean: 7.0, ci95: 0.0 });
        assert_eq!(Figure::of(&[]), Figure { mean: 0.0, ci95: 0.0 });
    }
}

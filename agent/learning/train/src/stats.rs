//! Mean and 95 % interval of a few samples, and rows of a table.
//!
//! It must never report an interval of one sample: that is infinite.

use serde::Serialize;
use std::collections::BTreeMap;

/// One method of an experiment: every metric with one sample a seed, in the order of the seeds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The method's name.
    pub method: String,
    /// Metric -> samples.
    pub metrics: BTreeMap<String, Vec<f64>>,
}

impl Row {
    /// A row without metrics.
    pub fn new(method: impl Into<String>) -> Self {
        Self { method: method.into(), metrics: BTreeMap::new() }
    }

    /// Adds one sample.
    pub fn push(&mut self, metric: &str, sample: f64) {
        self.metrics.entry(metric.to_owned()).or_default().push(sample);
    }

    /// Mean and half-width of the 95 % interval of a metric; nothing if it has no samples.
    pub fn interval(&self, metric: &str) -> Option<(f64, f64)> {
        self.metrics.get(metric).filter(|samples| !samples.is_empty()).map(|s| interval(s))
    }
}

/// Two-sided 97.5 % quantile of Student's t by degrees of freedom (1 to 30).
const STUDENT: [f64; 30] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
    2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
    2.052, 2.048, 2.045, 2.042,
];

/// Mean and half-width of the 95 % interval of the mean.
pub fn interval(samples: &[f64]) -> (f64, f64) {
    let count = samples.len();
    let mean = samples.iter().sum::<f64>() / count.max(1) as f64;
    if count < 2 {
        return (mean, f64::INFINITY);
    }
    let squares = samples.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>();
    let error = (squares / (count - 1) as f64 / count as f64).sqrt();
    let t = STUDENT.get(count - 2).copied().unwrap_or(1.96);
    (mean, t * error)
}

/// [`interval`] of the differences of paired samples.
pub fn paired(a: &[f64], b: &[f64]) -> (f64, f64) {
    let differences: Vec<f64> = a.iter().zip(b).map(|(x, y)| x - y).collect();
    interval(&differences)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_students() {
        let (mean, half) = interval(&[1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(mean, 3.0);
        assert!((half - 2.776 * 0.5_f64.sqrt()).abs() < 1e-3, "{half}");
        assert_eq!(interval(&[4.0]), (4.0, f64::INFINITY));
        assert_eq!(paired(&[3.0, 4.0], &[1.0, 2.0]), (2.0, 0.0));
    }
}

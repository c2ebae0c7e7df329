//! Forecasts side by side: first passage with and without the residual, b / |mu|, the seed's.
//!
//! It must never score a residual on cases it was trained on.

use super::{HORIZON_S, Sample, samples};
use crate::node::case::Case;
use crate::pool;
use crate::stats::Row;
use debal_learn::forecast::{Passage, Residual, Settings, rules, score};

/// First seed of the test cases.
pub const TEST: u64 = 5 << 40;
/// Cases of one sample of a metric.
pub const CASES_A_SAMPLE: usize = 30;
/// Parts of the horizon in a CRPS.
pub const CRPS_STEPS: u32 = 48;
/// Where Brier score and calibration are taken, hours.
pub const MARKS_H: [f64; 3] = [0.5, 2.0, 6.0];

/// A forecast method.
#[derive(Debug, Clone, Copy)]
pub enum Method<'a> {
    /// First passage, bent by a residual if there is one.
    Passage(Option<&'a Residual>),
    /// b / |mu|.
    Ratio,
    /// The seed's formula.
    Seed,
}

impl Method<'_> {
    fn passage(residual: Option<&Residual>, sample: &Sample) -> Passage {
        residual.map_or(sample.plain, |residual| {
            residual.bend(sample.plain, sample.capacity, sample.span_s)
        })
    }

    /// The single guess of a method that gives one.
    fn guess(&self, sample: &Sample) -> Option<f64> {
        match self {
            Self::Passage(_) => None,
            Self::Ratio => rules::ratio_ttd_s(sample.plain.distance, sample.plain.drift),
            Self::Seed => Some(sample.seed_s),
        }
    }

    /// CRPS of one sample, seconds.
    pub fn crps(&self, sample: &Sample, steps: u32) -> f64 {
        match self {
            Self::Passage(residual) => {
                let passage = Self::passage(*residual, sample);
                let odds = |seconds: f64| passage.probability_within(seconds);
                score::crps(odds, sample.observed_s, HORIZON_S, steps)
            }
            _ => score::crps_of_guess(self.guess(sample), sample.observed_s, HORIZON_S),
        }
    }

    /// Probability of the barrier within `seconds`.
    fn odds(&self, sample: &Sample, seconds: f64) -> f64 {
        match self {
            Self::Passage(residual) => Self::passage(*residual, sample).probability_within(seconds),
            _ => f64::from(u8::from(self.guess(sample).is_some_and(|guess| guess <= seconds))),
        }
    }

    /// Adds one sample of every metric.
    pub fn score(&self, all: &[Sample], row: &mut Row) {
        let each =
            pool::map(all.len(), pool::threads(), |index| self.crps(&all[index], CRPS_STEPS));
        row.push("crps_h", each.iter().sum::<f64>() / all.len().max(1) as f64 / 3_600.0);
        for mark in MARKS_H {
            let seconds = mark * 3_600.0;
            let said: Vec<(f64, bool)> = all
                .iter()
                .map(|sample| {
                    let came = sample.observed_s.is_some_and(|observed| observed <= seconds);
                    (self.odds(sample, seconds), came)
                })
                .collect();
            row.push(&format!("brier_{mark}h"), score::brier(&said));
            if let Some(slope) = score::calibration_slope(&said) {
                row.push(&format!("slope_{mark}h"), slope);
            }
        }
    }
}

/// The samples of `count` cases from `first`.
pub fn drawn(first: u64, count: usize, settings: Settings) -> Vec<Sample> {
    let all = pool::map(count, pool::threads(), |index| {
        samples(&Case::new(first + index as u64), settings)
    });
    all.concat()
}

/// All methods on held-out simulated traffic; one sample is [`CASES_A_SAMPLE`] cases.
pub fn compare(blocks: usize, residual: Option<&Residual>) -> Vec<Row> {
    let mut methods = vec![
        ("first passage", Method::Passage(None)),
        ("b / |mu|", Method::Ratio),
        ("the seed's formula", Method::Seed),
    ];
    if residual.is_some() {
        methods.insert(1, ("first passage, residual", Method::Passage(residual)));
    }
    let mut rows: Vec<Row> = methods.iter().map(|(name, _)| Row::new(*name)).collect();
    for block in 0..blocks {
        let first = TEST + (block * CASES_A_SAMPLE) as u64;
        let all = drawn(first, CASES_A_SAMPLE, Settings::default());
        for (row, (_, method)) in rows.iter_mut().zip(&methods) {
            method.score(&all, row);
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_passage_beats_the_ratio_by_a_fifth() {
        let rows = compare(2, None);
        let crps = |row: &Row| row.interval("crps_h").unwrap().0;
        assert!(crps(&rows[0]) < 0.8 * crps(&rows[1]), "{rows:?}");
        assert!(crps(&rows[0]) < 0.8 * crps(&rows[2]), "{rows:?}");
    }
}

//! Experiment B3: what one relay node ends with in RebEL's environment.
//!
//! The environment, the methods and the learning are `debal_train`'s; here they only become a
//! report. Nothing may be tuned on the tapes measured.

use crate::error::BenchError;
use crate::figures::Figure;
use crate::report::{Column, Report, Row};
use debal_train::b3;

/// The table's columns.
pub const COLUMNS: [Column; 4] = [
    Column { metric: "fortune", heading: "fortune", digits: 0, interval: true },
    Column { metric: "success", heading: "success", digits: 4, interval: true },
    Column { metric: "swaps", heading: "swaps", digits: 0, interval: false },
    Column { metric: "learn_s", heading: "learn s", digits: 0, interval: false },
];

/// What is drawn: metric and title.
pub const PLOTS: [(&str, &str); 2] =
    [("fortune", "Final fortune, from 2,000"), ("success", "Share of payments that pass")];

/// Measures every method on `seeds` tapes; `words` choose rows by parts of their names.
///
/// # Errors
/// [`BenchError::Usage`] if learning cannot be done or no row has such a name.
pub fn run(
    seeds: u64,
    words: &[String],
    watch: &mut dyn FnMut(&str),
) -> Result<Report, BenchError> {
    let mut told = |progress: &debal_train::Progress| {
        let debal_train::Progress { stage, done, total, note } = progress;
        watch(&format!("{stage} {done}/{total} {note}"));
        true
    };
    let rows = b3::run(seeds, &mut told).map_err(|error| BenchError::Usage(error.to_string()))?;
    report(seeds, rows, words)
}

fn report(seeds: u64, rows: Vec<debal_train::Row>, words: &[String]) -> Result<Report, BenchError> {
    let chosen = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word));
    let rows: Vec<Row> = rows
        .into_iter()
        .filter(|row| chosen(&row.method))
        .map(|row| Row {
            method: row.method,
            metrics: row
                .metrics
                .iter()
                .map(|(name, all)| (name.clone(), Figure::of(all)))
                .collect(),
        })
        .collect();
    if rows.is_empty() {
        return Err(BenchError::Usage(format!("no method is called {}", words.join(" or "))));
    }
    Ok(Report {
        experiment: "b3".to_owned(),
        graph: "RebEL's two channels".to_owned(),
        seeds,
        state: "500/500".to_owned(),
        rows,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn rows_become_means_with_intervals_and_a_name_that_fits_nothing_is_refused() {
        let metrics = BTreeMap::from([("fortune".to_owned(), vec![9_000.0, 9_100.0])]);
        let rows = vec![debal_train::Row { method: "none".to_owned(), metrics }];
        let found = report(2, rows.clone(), &["no".to_owned()]).unwrap();
        let figure = found.rows[0].figure("fortune").unwrap();
        assert!((figure.mean - 9_050.0).abs() < 1e-9);
        // Two observations, 50 apart from their mean: 12.706 standard errors of 50.
        assert!((figure.ci95 - 12.706 * 50.0).abs() < 1e-6);
        assert!(report(2, rows, &["loop".to_owned()]).is_err());
    }
}

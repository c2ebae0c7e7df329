//! The report for programs: JSON and CSV.
//!
//! A field must never be left out: programs count on all of them.

use super::Report;
use crate::BenchError;

/// `{"experiment","graph","seeds","state","rows":[{"method","metrics":{name:{"mean","ci95"}}}]}`.
///
/// # Errors
/// A report that JSON cannot carry (none exists).
pub fn json(report: &Report) -> Result<String, BenchError> {
    serde_json::to_string_pretty(report).map_err(|e| BenchError::Write(e.to_string()))
}

/// A list of reports, each as [`json`] has it.
///
/// # Errors
/// As [`json`].
pub fn jsons(reports: &[Report]) -> Result<String, BenchError> {
    serde_json::to_string_pretty(reports).map_err(|e| BenchError::Write(e.to_string()))
}

/// One line per method and metric, with a header.
#[must_use]
pub fn csv(reports: &[Report]) -> String {
    let mut text = String::from("experiment,graph,state,seeds,method,metric,mean,ci95\n");
    for report in reports {
        let Report { experiment, graph, seeds, state, .. } = report;
        for row in &report.rows {
            for (name, figure) in &row.metrics {
                let start = [experiment, graph, state].map(|field| quoted(field)).join(",");
                let (method, mean, ci95) = (quoted(&row.method), figure.mean, figure.ci95);
                text += &format!("{start},{seeds},{method},{name},{mean},{ci95}\n");
            }
        }
    }
    text
}

/// A field in quotes where it needs them.
fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n']) {
        return format!("\"{}\"", field.replace('"', "\"\""));
    }
    field.to_owned()
}

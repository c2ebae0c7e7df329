//! Rows as tables for people and as JSON.
//!
//! It must never round what goes into JSON.

use crate::stats::{Row, interval};
use comfy_table::{Table, presets};
use serde_json::{Value, json};

/// The rows in the benchmark's form.
pub fn json(experiment: &str, seeds: usize, rows: &[Row]) -> Value {
    let row = |row: &Row| {
        let metrics = row.metrics.iter().map(|(name, samples)| {
            let (mean, ci95) = interval(samples);
            (name.clone(), json!({ "mean": mean, "ci95": finite(ci95) }))
        });
        let metrics: serde_json::Map<String, Value> = metrics.collect();
        json!({ "method": row.method, "metrics": metrics })
    };
    let rows: Vec<Value> = rows.iter().map(row).collect();
    json!({ "experiment": experiment, "seeds": seeds, "rows": rows })
}

fn finite(number: f64) -> Option<f64> {
    number.is_finite().then_some(number)
}

/// The rows as a table, the metrics in the order given.
pub fn table(rows: &[Row], metrics: &[&str]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(std::iter::once("method").chain(metrics.iter().copied()));
    for row in rows {
        let cells = metrics.iter().map(|metric| match row.interval(metric) {
            None => String::new(),
            Some((mean, ci95)) => cell(mean, ci95),
        });
        table.add_row(std::iter::once(row.method.clone()).chain(cells));
    }
    format!("{table}\n")
}

fn cell(mean: f64, ci95: f64) -> String {
    let digits = if mean.abs() >= 100.0 { 0 } else { 4 };
    if ci95.is_finite() {
        format!("{mean:.digits$} ± {ci95:.digits$}")
    } else {
        format!("{mean:.digits$}")
    }
}

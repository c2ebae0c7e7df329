//! The report as a table for a terminal, at most 80 columns wide.
//!
//! A mean stands with its interval where there is room; nothing is rounded to look better than it
//! is.

use super::Report;
use crate::figures::Figure;
use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, Table};

/// A column: the metric, its heading, and how many digits after the point.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// The metric.
    pub metric: &'static str,
    /// What stands above it.
    pub heading: &'static str,
    /// Digits after the point.
    pub digits: usize,
    /// Whether the interval is printed.
    pub interval: bool,
}

impl Column {
    /// The figure as text; a dash where there is none.
    #[must_use]
    pub fn cell(&self, figure: Option<Figure>) -> String {
        let Some(Figure { mean, ci95 }) = figure else { return "-".to_owned() };
        let digits = self.digits;
        if self.interval {
            return format!("{mean:.digits$} ±{ci95:.digits$}");
        }
        format!("{mean:.digits$}")
    }
}

/// Renders the report.
#[must_use]
pub fn table(report: &Report, columns: &[Column]) -> String {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN);
    let headings = columns.iter().map(|column| column.heading.to_owned());
    table.set_header(std::iter::once("method".to_owned()).chain(headings));
    for row in &report.rows {
        let cells = columns.iter().map(|column| column.cell(row.figure(column.metric)));
        table.add_row(std::iter::once(row.method.clone()).chain(cells));
    }
    for index in 1..=columns.len() {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 0));
    }
    table.to_string()
}

//! The table at the end of a run, at most 80 columns wide.
//!
//! Units stand beside the names; a value that was not observed is a dash.

use super::data::Report;
use crate::measure::ratio;
use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, ColumnConstraint, Table, Width};
use std::fmt::Display;

/// Renders the report as one table.
#[must_use]
pub fn table(report: &Report) -> String {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN);
    table.set_header(["", "rebalancing off", "rebalancing on"]);
    for row in arm_rows(report).into_iter().chain(run_rows(report)) {
        table.add_row(row);
    }
    for (index, width) in [(0, 36), (1, 18), (2, 18)] {
        if let Some(column) = table.column_mut(index) {
            column.set_constraint(ColumnConstraint::UpperBoundary(Width::Fixed(width)));
            if index > 0 {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
    }
    table.to_string()
}

/// What can be compared between the arms.
fn arm_rows(report: &Report) -> Vec<[String; 3]> {
    let (off, on) = (&report.arms.off, &report.arms.on);
    let points = (on.success_ratio - off.success_ratio) * 100.0;
    let row = |name: &str, off: String, on: String| [name.to_owned(), off, on];
    vec![
        row("payments", number(off.payments), number(on.payments)),
        row("succeeded", number(off.succeeded), number(on.succeeded)),
        row(
            "success ratio",
            percent(off.success_ratio),
            format!("{} ({points:+.1})", percent(on.success_ratio)),
        ),
        row("volume delivered, sat", sat(off.volume_msat), sat(on.volume_msat)),
        row("imbalance before (Gini)", gini(off.imbalance_before), gini(on.imbalance_before)),
        row("imbalance after (Gini)", gini(off.imbalance_after), gini(on.imbalance_after)),
    ]
}

/// What only the arm with rebalancing, or the whole run, has.
fn run_rows(report: &Report) -> Vec<[String; 3]> {
    let row = |name: &str, value: String| [name.to_owned(), String::new(), value];
    let (elections, cycles, audit) = (&report.elections, &report.cycles, &report.audit);
    let pair = |p50: String, p99: String| format!("{p50} / {p99}");
    let gossip = &report.gossip;
    vec![
        row("epochs with leader / without", {
            pair(number(elections.certified), number(elections.skipped))
        }),
        row("different leaders", number(report.leaders.len())),
        row("election p50 / p99, ms", pair(dash(elections.p50_ms), dash(elections.p99_ms))),
        row("cycles planned", number(cycles.planned)),
        row("cycles committed", number(cycles.committed)),
        row("cycles rolled back / refused", {
            pair(number(cycles.rolled_back), number(cycles.refused))
        }),
        row("commit p50 / p99, ms", pair(dash(cycles.commit_p50_ms), dash(cycles.commit_p99_ms))),
        row("moved by cycles, sat", sat(cycles.moved_msat)),
        row("gossip p50 / p99, ms", {
            pair(rounded(gossip.delivery_p50_ms), rounded(gossip.delivery_p99_ms))
        }),
        row("gossip per node and epoch, bytes", rounded(gossip.bytes_per_node_per_epoch)),
        row("quotes per node and epoch / bytes", {
            let bytes = rounded(gossip.quote_bytes_per_node_per_epoch);
            pair(rounded(gossip.quotes_per_node_per_epoch), bytes)
        }),
        row("memory per agent, MiB", format!("{:.1}", report.memory_mib_per_agent)),
        row("checks made / violated, both arms", {
            pair(number(audit.invariants_checked), number(audit.violations))
        }),
        row("open locks after draining", number(audit.open_locks)),
        row("lost, msat", number(audit.lost_msat)),
        row("wall time, s", format!("{:.0}", report.wall_s)),
    ]
}

/// An integer with thousands separators.
#[must_use]
pub fn number(value: impl Display) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// An amount in whole satoshis.
#[must_use]
pub fn sat(msat: u64) -> String {
    number(msat / 1_000)
}

/// A fraction as a percentage.
#[must_use]
pub fn percent(fraction: f64) -> String {
    format!("{:.1} %", fraction * 100.0)
}

/// A share of a whole as a percentage.
#[must_use]
pub fn share(part: u64, whole: u64) -> String {
    percent(ratio(part, whole))
}

/// An imbalance.
#[must_use]
pub fn gini(value: f64) -> String {
    format!("{value:.3}")
}

/// An integer that may not have been observed.
#[must_use]
pub fn dash(value: Option<u64>) -> String {
    value.map_or_else(|| "-".to_owned(), number)
}

/// A measurement that may not have been made.
#[must_use]
pub fn rounded(value: Option<f64>) -> String {
    value.map_or_else(
        || "-".to_owned(),
        |value| if value < 100.0 { format!("{value:.1}") } else { number(format!("{value:.0}")) },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated() {
        let spelled = [0, 999, 1_000, 1_234_567].map(number);
        assert_eq!(spelled, ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(rounded(Some(1234.6)), "1,235");
        assert_eq!(dash(None), "-");
    }
}

//! Commands that read the history alone: status and report.
//!
//! They must work while a daemon writes, and never need the node.

use crate::Shown;
use crate::access::now_s;
use crate::args::{Form, Memory};
use crate::failure::Failure;
use comfy_table::{Cell, CellAlignment, Table, presets};
use debal_fees::scid;
use debal_fees_history::{Earning, FeeHistory};
use debal_fees_learn::DAY_S;
use serde_json::json;
use std::path::Path;

/// Changes that `status` shows.
const CHANGES: u32 = 20;

/// Opens a history for reading.
pub fn open(memory: &Memory) -> Result<FeeHistory, Failure> {
    FeeHistory::open_read_only(&memory.history).map_err(|error| {
        Failure::of(1, "history", format!("{error}; `debal fees apply` makes one"))
    })
}

/// A history's error as a failure.
pub fn failed(error: &debal_fees_history::HistoryError) -> Failure {
    Failure::of(1, "history", error.to_string())
}

/// The format that a file's name asks for.
pub fn form_of(path: Option<&Path>) -> Option<Form> {
    match path?.extension()?.to_str()? {
        "json" => Some(Form::Json),
        "csv" => Some(Form::Csv),
        _ => None,
    }
}

/// A table of 80 columns.
pub fn table(heads: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_width(80).set_header(heads);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table
}

/// A cell with its text at the right.
pub fn right(text: impl ToString) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}

/// `status`.
pub fn status(memory: &Memory, as_json: bool) -> Result<Shown, Failure> {
    let history = open(memory)?;
    let now_s = now_s();
    let today = now_s.div_euclid(DAY_S) + 1;
    let open = history.open_changes().map_err(|error| failed(&error))?;
    let recent = history.confirmed_since(now_s - 7 * DAY_S, CHANGES);
    let recent = recent.map_err(|error| failed(&error))?;
    let earned = |days: i64| -> Result<i64, Failure> {
        let rows = history.earnings(today - days, today).map_err(|error| failed(&error))?;
        Ok(rows.iter().map(|row| row.fee_msat).sum())
    };
    let sums = [earned(1)?, earned(7)?, earned(30)?];
    let (lost, heard) = failures(&history, now_s).map_err(|error| failed(&error))?;
    if as_json {
        let [day, week, month] = sums;
        let earned = json!({"day_msat": day, "week_msat": week, "month_msat": month});
        let lost = json!({"forwards_7d": lost, "heard_percent": heard});
        let value =
            json!({"open_changes": open, "changes_7d": recent, "earned": earned, "failed": lost});
        return Ok(Shown { text: format!("{value}\n"), notes: String::new(), code: 0 });
    }
    let [day, week, month] = sums.map(|msat| msat / 1_000);
    let mut text = format!("earned        {day} sat today, {week} in 7 days, {month} in 30 days\n");
    text += &format!("open changes  {}", open.len());
    text += if open.is_empty() { "\n" } else { ": the next run asks the node about them\n" };
    text += &format!("failed        {lost} forwards in 7 days, heard {heard} % of the time\n");
    if recent.is_empty() {
        text += "\nNo fee changed in the last 7 days.\n";
        return Ok(Shown { text, notes: String::new(), code: 0 });
    }
    let mut rows = table(&["channel", "hours ago", "by", "ppm", "inbound ppm"]);
    for change in &recent {
        let hours = (now_s - change.ended_s.unwrap_or(now_s)) / 3_600;
        let (old, new) = (&change.old, &change.new);
        rows.add_row(vec![
            Cell::new(scid::show(change.channel)),
            right(hours),
            Cell::new(change.origin.name()),
            Cell::new(format!("{} -> {}", old.fee_ppm, new.fee_ppm)),
            Cell::new(format!("{} -> {}", old.inbound_fee_ppm, new.inbound_fee_ppm)),
        ]);
    }
    text += &format!("\nThe newest changes of the last 7 days:\n{rows}\n");
    Ok(Shown { text, notes: String::new(), code: 0 })
}

/// Forwards that failed in the last seven days, and how much of them somebody listened, percent.
fn failures(
    history: &FeeHistory,
    now_s: i64,
) -> Result<(i64, i64), debal_fees_history::HistoryError> {
    let since_s = now_s - 7 * DAY_S;
    let heard: i64 = history.watched_since(since_s)?.iter().map(|span| span.length_s()).sum();
    let failed = history.failed_from(since_s.div_euclid(DAY_S) + 1)?;
    Ok((failed, 100 * heard.min(7 * DAY_S) / (7 * DAY_S)))
}

/// `report`.
pub fn report(
    memory: &Memory,
    days: u32,
    form: Form,
    output: Option<&Path>,
) -> Result<Shown, Failure> {
    let history = open(memory)?;
    let end = now_s().div_euclid(DAY_S) + 1;
    let earned = history.earnings(end - i64::from(days), end).map_err(|error| failed(&error))?;
    let text = match form {
        Form::Json => format!("{}\n", json!({"days": days, "channels": earned})),
        Form::Csv => csv(&earned),
        Form::Table => columns(&earned, days),
    };
    let Some(path) = output else { return Ok(Shown { text, notes: String::new(), code: 0 }) };
    std::fs::write(path, text)
        .map_err(|error| Failure::of(1, "failed", format!("{}: {error}", path.display())))?;
    let text = format!("{} channels reported in {}\n", earned.len(), path.display());
    Ok(Shown { text, notes: String::new(), code: 0 })
}

fn csv(earned: &[Earning]) -> String {
    let mut text = "channel,scid,out_count,out_msat,fee_msat,in_count,in_msat\n".to_owned();
    for row in earned {
        let Earning { channel, out_count, out_msat, fee_msat, in_count, in_msat } = row;
        let name = scid::show(*channel);
        text +=
            &format!("{channel},{name},{out_count},{out_msat},{fee_msat},{in_count},{in_msat}\n");
    }
    text
}

fn columns(earned: &[Earning], days: u32) -> String {
    let mut rows = table(&["channel", "out", "out sat", "earned sat", "ppm", "in", "in sat"]);
    for row in earned {
        let ppm = row.fee_msat.saturating_mul(1_000_000).checked_div(row.out_msat);
        rows.add_row(vec![
            Cell::new(scid::show(row.channel)),
            right(row.out_count),
            right(row.out_msat / 1_000),
            right(row.fee_msat / 1_000),
            right(ppm.map_or_else(|| "-".to_owned(), |ppm| ppm.to_string())),
            right(row.in_count),
            right(row.in_msat / 1_000),
        ]);
    }
    let sum: i64 = earned.iter().map(|row| row.fee_msat).sum();
    format!("{rows}\n\n{} sat in {days} days over {} channels\n", sum / 1_000, earned.len())
}

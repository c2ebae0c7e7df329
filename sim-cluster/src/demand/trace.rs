//! Reads payment amounts from a trace: CSV with a header line, gzip or plain.
//!
//! Recognised columns, the first of this list that the header has: `out_msat` or `in_msat`
//! (millisatoshi), `amount_sat` (satoshi), `eur`, `usd`. Senders, receivers and times of a trace
//! are not used: the demand pattern gives those.

use crate::error::InputError;
use crate::topology::{read_bounded, unpack};
use std::path::Path;

/// Largest trace file, in bytes.
const MAX_FILE_BYTES: u64 = 64 << 20;
/// Most rows read.
const MAX_ROWS: usize = 5_000_000;

/// Columns in order of preference, with millisatoshi per unit. Fixed, stated rates: one dollar is
/// 1,000 sat and one euro 1,100 sat (a bitcoin of 100,000 USD).
const COLUMNS: [(&str, f64); 5] = [
    ("out_msat", 1.0),
    ("in_msat", 1.0),
    ("amount_sat", 1_000.0),
    ("eur", 1_100_000.0),
    ("usd", 1_000_000.0),
];

/// Reads the amounts of a trace in msat, in file order; zero amounts are left out.
///
/// # Errors
/// [`InputError`] naming line and column for anything that is not such a trace.
pub fn load(path: &Path) -> Result<Vec<u64>, InputError> {
    let name = path.display().to_string();
    let bytes = read_bounded(path, MAX_FILE_BYTES)?;
    parse(&name, &unpack(&name, &bytes)?)
}

fn parse(file: &str, text: &str) -> Result<Vec<u64>, InputError> {
    let mut lines = (1usize..).zip(text.lines());
    let header: Vec<&str> =
        lines.next().map(|(_, line)| line.split(',').map(str::trim).collect()).unwrap_or_default();
    let found = COLUMNS.iter().find_map(|(name, rate)| {
        header.iter().position(|column| column == name).map(|index| (index, *name, *rate))
    });
    let Some((index, column, rate)) = found else {
        let names: Vec<&str> = COLUMNS.iter().map(|(name, _)| *name).collect();
        let problem = "the header has no column of amounts";
        let fix = format!("name one of: {}", names.join(", "));
        return Err(InputError::new(file, "line 1", problem, fix));
    };
    let mut amounts = Vec::new();
    for (number, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
        let place = || format!("line {number}, column {column}");
        if amounts.len() >= MAX_ROWS {
            let problem = format!("more than {MAX_ROWS} rows");
            return Err(InputError::new(file, place(), problem, "use a shorter trace"));
        }
        let field = line.split(',').nth(index).map(str::trim).unwrap_or_default();
        let value = field.parse::<f64>().ok().filter(|value| value.is_finite() && *value >= 0.0);
        let Some(value) = value else {
            let field: String = field.chars().take(40).collect();
            let problem = format!("{field:?} is no amount");
            return Err(InputError::new(
                file,
                place(),
                problem,
                "write a number that is not negative",
            ));
        };
        // Saturates at u64::MAX, far above any bound an amount must meet later.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let msat = (value * rate) as u64;
        if msat > 0 {
            amounts.push(msat);
        }
    }
    if amounts.is_empty() {
        let problem = "it has no amount above 0";
        return Err(InputError::new(file, "the file", problem, "use a trace with payments"));
    }
    Ok(amounts)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_known_column_is_converted_by_its_stated_rate() {
        for (text, msat) in [
            ("amount_sat\n17424\n", 17_424_000),
            ("unix_ms,in_msat,out_msat\n1,49384049,49384000\n", 49_384_000),
            ("in_msat\n7\n\n", 7),
            ("eur\n2.00\n", 2_200_000),
            ("seq,sender,receiver,usd\n0,410,810,0.5\n", 500_000),
        ] {
            assert_eq!(parse("t", text), Ok(vec![msat]), "{text}");
        }
    }

    #[test]
    fn what_is_no_trace_names_line_and_column() {
        for (text, place) in [
            ("", "line 1"),
            ("amount\n5\n", "line 1"),
            ("eur\n5\nx\n", "line 3, column eur"),
            ("a,eur\n5\n", "line 2, column eur"),
            ("eur\n-5\n", "line 2, column eur"),
            ("eur\nNaN\n", "line 2, column eur"),
            ("eur\n0\n", "the file"),
        ] {
            assert_eq!(parse("t", text).unwrap_err().place, place, "{text}");
        }
    }
}

//! Reading files.
//!
//! It must never read more than the planner's bound.

use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

use debal_planner::charge::Progress;
use debal_planner::document::{DOCUMENT_MAX_BYTES, Value, parse_json, parse_toml};
use debal_planner::network::InputError;

use crate::failure::Failure;

/// Reads a document; TOML if the name ends in `.toml`, JSON otherwise.
pub fn document(path: &Path) -> Result<Value, Failure> {
    let shown = &path.display();
    let unreadable = |error: std::io::Error| {
        let mut failure = Failure::of(3, "unreadable", format!("{shown}: {error}"));
        failure.blame = vec![Value::table([("file", Value::text(shown))])];
        failure
    };
    let file = std::fs::File::open(path).map_err(&unreadable)?;
    let mut bytes = Vec::new();
    file.take(DOCUMENT_MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(&unreadable)?;
    let invalid = |reason: String| {
        let mut failure = Failure::of(3, "invalid_document", format!("{shown}: {reason}"));
        failure.blame = vec![Value::table([("file", Value::text(shown))])];
        failure
    };
    let invalid = &invalid;
    if bytes.len() > DOCUMENT_MAX_BYTES {
        return Err(invalid("longer than 256 MiB".to_owned()));
    }
    let text = String::from_utf8(bytes).map_err(|_| invalid("no UTF-8 text".to_owned()))?;
    let toml = path.extension().is_some_and(|ending| ending == "toml");
    let parsed = if toml { parse_toml(&text) } else { parse_json(&text) };
    let value = parsed.map_err(|error| invalid(InputError::from(error).to_string()))?;
    Ok(single_case(value))
}

/// A file of the vectors' format that holds one case is that case.
fn single_case(value: Value) -> Value {
    match value.get("cases").and_then(Value::as_list) {
        Some([only]) => only.clone(),
        _ => value,
    }
}

/// Watches the clock, and tells now and then how far a search is.
pub struct Watch<'a> {
    start: Instant,
    limit: Duration,
    told: u64,
    err: Option<&'a mut dyn std::io::Write>,
}

impl<'a> Watch<'a> {
    /// Ends a search after `seconds`; tells `err` every other second, if there is one.
    pub fn new(seconds: u64, err: Option<&'a mut dyn std::io::Write>) -> Watch<'a> {
        Watch { start: Instant::now(), limit: Duration::from_secs(seconds), told: 0, err }
    }

    /// Whether the search goes on.
    pub fn goes_on(&mut self, progress: &Progress) -> bool {
        let passed = self.start.elapsed();
        if let Some(err) = &mut self.err
            && passed.as_secs() >= self.told + 2
        {
            self.told = passed.as_secs();
            let best = progress.objective.map_or("none yet".to_owned(), |best| best.to_string());
            let (seconds, nodes, bound) = (self.told, progress.nodes, progress.bound);
            let _ = writeln!(
                err,
                "searching for {seconds} s: {nodes} branches, best {best}, bound {bound} (scaled)"
            );
        }
        passed < self.limit
    }

    /// How long it took.
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}

//! Reading files.
//!
//! It must never read more than the planner's bound.

use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

use debal_planner::document::{DOCUMENT_MAX_BYTES, Value, parse_json, parse_toml};
use debal_planner::network::InputError;
use debal_planner::plan::Progress;

use crate::failure::Failure;

/// Reads a document; TOML if the name ends in `.toml`, JSON otherwise. A file of the vectors'
/// format that holds one case is that case.
pub fn document(path: &Path) -> Result<Value, Failure> {
    let value = whole(path)?;
    match value.get("cases").and_then(Value::as_list) {
        Some([only]) => Ok(only.clone()),
        Some(cases) => {
            let (shown, count) = (path.display(), cases.len());
            let message =
                format!("{shown}: it holds {count} cases, one is expected; see `vectors`");
            let mut failure = Failure::of(3, "invalid_document", message);
            failure.blame = vec![Value::table([("field", Value::text("cases"))])];
            Err(failure)
        }
        None => Ok(value),
    }
}

/// Reads a document as it is.
pub fn whole(path: &Path) -> Result<Value, Failure> {
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
    parsed.map_err(|error| invalid(InputError::from(error).to_string()))
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
            let _ = writeln!(err, "searching for {} s: {}", self.told, told(progress));
        }
        passed < self.limit
    }

    /// How long it took.
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}

/// How far a search is, in words: the figures are those of the file.
fn told(progress: &Progress) -> String {
    let &Progress { figure, bound, nodes, .. } = progress;
    let best = match (progress.objective, progress.gap_ppm()) {
        (Some(best), Some(gap)) => {
            let percent = format!("{}.{:04}", gap / 10_000, gap % 10_000);
            format!("{best} {figure} so far, none below {bound} (gap {percent} %)")
        }
        _ => format!("no plan yet, none below {bound} {figure}"),
    };
    format!("{best}, {nodes} branches")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use debal_planner::document::parse_json;
    use debal_planner::plan::{read_problem, solve};

    use super::*;

    #[test]
    fn progress_is_told_in_the_units_of_the_file() {
        let text = r#"{"network":{"nodes":[{"id":"A"},{"id":"B"},{"id":"C"}],"edges":[
            {"src":"A","dest":"B","variable_fee":0.25,"fixed_fee":1.5,"time_sec":7.5},
            {"src":"A","dest":"C","variable_fee":0.125,"fixed_fee":1.5,"time_sec":1},
            {"src":"C","dest":"B","variable_fee":0.125,"time_sec":1}]},
            "current":{"A":"10"},"target":{"A":"0","B":"10"},"mode":"cheapest-then-fastest"}"#;
        let problem = read_problem(&parse_json(text).unwrap(), None).unwrap();
        let mut lines = Vec::new();
        let plan = solve(&problem, &mut |progress| {
            lines.push(told(progress));
            true
        });
        let plan = plan.unwrap();
        assert_eq!((plan.cost.to_string(), plan.time_sec.to_string()), ("4".into(), "2".into()));
        for line in &lines {
            assert!(!line.contains("fees so far") || line.starts_with("4 fees so far"), "{line}");
        }
        let seconds: Vec<_> = lines.iter().filter(|line| line.contains("seconds")).collect();
        assert!(!seconds.is_empty(), "{lines:?}");
        let (has, first) = (|line: &str| seconds[0].starts_with(line), seconds[0]);
        assert!(has("2 seconds so far") || has("7.5 seconds so far"), "{first}");
    }
}

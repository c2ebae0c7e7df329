//! `vectors`: runs a folder of recorded cases and counts which pass.
//!
//! It must never look at an expectation before the answer is there.

use std::path::{Path, PathBuf};

use debal_fees::{Flags, NodeState, Options, answer};
use serde_json::{Value, json};

use crate::Shown;
use crate::failure::Failure;

/// How one file went.
struct Tally {
    file: String,
    passed: usize,
    total: usize,
    failures: Vec<String>,
}

/// Runs every `.json` file of a folder.
pub fn run(directory: &Path, json: bool) -> Result<Shown, Failure> {
    let shown = directory.display();
    let unreadable = |reason: String| Failure::invalid("unreadable", format!("{shown}: {reason}"));
    let listing = std::fs::read_dir(directory).map_err(|error| unreadable(error.to_string()))?;
    let mut files: Vec<PathBuf> = listing.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
    files.sort();
    if files.is_empty() {
        return Err(unreadable("no .json file in it".to_owned()));
    }
    let tallies = files.iter().map(|file| run_file(file)).collect::<Result<Vec<_>, _>>()?;
    let total: usize = tallies.iter().map(|tally| tally.total).sum();
    let passed: usize = tallies.iter().map(|tally| tally.passed).sum();
    let text = if json {
        format!("{}\n", to_json(&tallies, passed, total))
    } else {
        to_text(&tallies, passed, total)
    };
    Ok(Shown { text, notes: String::new(), code: u8::from(passed < total) })
}

fn to_text(tallies: &[Tally], passed: usize, total: usize) -> String {
    let mut text = String::new();
    for tally in tallies {
        text += &format!("{:<24} {:>4} of {} pass\n", tally.file, tally.passed, tally.total);
        for failure in &tally.failures {
            text += &format!("  {failure}\n");
        }
    }
    text + &format!("{passed} passed, {} failed\n", total - passed)
}

fn to_json(tallies: &[Tally], passed: usize, total: usize) -> Value {
    let file = |tally: &Tally| {
        json!({
            "file": tally.file, "passed": tally.passed, "total": tally.total,
            "failures": tally.failures,
        })
    };
    let files: Vec<Value> = tallies.iter().map(file).collect();
    json!({"passed": passed, "failed": total - passed, "files": files})
}

fn run_file(path: &Path) -> Result<Tally, Failure> {
    let shown = path.display();
    let invalid =
        |reason: String| Failure::invalid("invalid_vectors", format!("{shown}: {reason}"));
    let text = std::fs::read_to_string(path).map_err(|error| invalid(error.to_string()))?;
    let value: Value = serde_json::from_str(&text).map_err(|error| invalid(error.to_string()))?;
    let cases = value.get("cases").and_then(Value::as_array);
    let cases = cases.ok_or_else(|| invalid("it has no list of cases".to_owned()))?;
    let mut failures = Vec::new();
    for case in cases {
        if let Err(reason) = run_case(case) {
            let name = case.get("name").and_then(Value::as_str).unwrap_or("a case without name");
            failures.push(format!("{name}: {reason}"));
        }
    }
    let file = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let passed = cases.len() - failures.len();
    Ok(Tally { file: file.unwrap_or_default(), passed, total: cases.len(), failures })
}

/// One case; what differs, if anything does.
fn run_case(case: &Value) -> Result<(), String> {
    let state = NodeState::from_json(&case.to_string()).map_err(|error| error.to_string())?;
    let none = Vec::new();
    let words = case.get("args").and_then(Value::as_array).unwrap_or(&none);
    let flags = Flags::parse(words.iter().filter_map(Value::as_str));
    let flags = flags.map_err(|error| error.to_string())?;
    let files = case.get("files").unwrap_or(&Value::Null);
    let mut read = |name: &str| {
        let text = files.get(name).and_then(Value::as_str);
        text.map(str::to_owned).ok_or_else(|| "no such file".to_owned())
    };
    let config = case.get("config").and_then(Value::as_str);
    let run = answer(config, "rules", &mut read, &state, &flags, Options::default());
    let found = serde_json::to_value(&run.answer).map_err(|error| error.to_string())?;
    let expect = case.get("expect").ok_or("it expects nothing")?;
    let plain = differences(&found, expect, None);
    let overlay = case.get("recommended");
    let careful = overlay.map(|overlay| differences(&found, expect, Some(overlay)));
    match careful {
        _ if plain.is_empty() => Ok(()),
        Some(careful) if careful.is_empty() => Ok(()),
        Some(careful) => Err(careful.join("; ")),
        None => Err(plain.join("; ")),
    }
}

/// What differs from an expectation, member by member; an overlay's members replace it, and what
/// follows from a replaced member is not compared.
fn differences(found: &Value, wanted: &Value, overlay: Option<&Value>) -> Vec<String> {
    let null = Value::Null;
    let mut differences = Vec::new();
    for member in ["exit_code", "error", "circuitbreaker"] {
        let replaced = overlay.and_then(|overlay| overlay.get(member));
        let wanted = replaced.or(wanted.get(member)).unwrap_or(&null);
        let found = found.get(member).unwrap_or(&null);
        if found != wanted {
            differences.push(format!("{member} is {found}, not {wanted}"));
        }
    }
    let channels = |value: &Value| value.get("channels").and_then(Value::as_object).cloned();
    let (found, wanted) =
        (channels(found).unwrap_or_default(), channels(wanted).unwrap_or_default());
    let (ids, wanted_ids) = (found.keys().count(), wanted.keys().count());
    if ids != wanted_ids {
        differences.push(format!("{ids} channels, not {wanted_ids}"));
    }
    for (id, wanted) in &wanted {
        let replaced = overlay.and_then(|overlay| overlay.get("channels")?.get(id));
        let found = found.get(id).unwrap_or(&null);
        let members = [wanted, found].into_iter().filter_map(Value::as_object);
        for name in members.flat_map(serde_json::Map::keys) {
            let replacement = replaced.and_then(|replaced| replaced.get(name));
            let follows = ["target", "update", "warnings"].contains(&name.as_str());
            if replaced.is_some() && replacement.is_none() && follows {
                continue;
            }
            let wanted = replacement.or(wanted.get(name)).unwrap_or(&null);
            let found = found.get(name).unwrap_or(&null);
            if found != wanted {
                differences.push(format!("{id}: {name} is {found}, not {wanted}"));
            }
        }
    }
    differences
}

//! `lint` and `generate-config`.
//!
//! It must never judge a rule file itself.

use std::path::Path;

use debal_fees::{Severity, lint as find};
use serde_json::json;

use crate::args::DialectName;
use crate::failure::Failure;
use crate::{Shown, evaluate, read};

/// The rule file to start from.
const STARTER: &str = include_str!("../../examples/starter.conf");

/// Prints what is wrong with a rule file; exit code 3 if a rule cannot do what it says.
pub fn lint(
    file: Option<&Path>,
    state: Option<&Path>,
    dialect: Option<DialectName>,
    json: bool,
) -> Result<Shown, Failure> {
    let file = file.ok_or_else(|| Failure::of(2, "usage", "which rule file?"))?;
    let shown = file.display().to_string();
    let text = read::rules(file)?
        .ok_or_else(|| Failure::invalid("config_missing", format!("{shown}: no such file")))?;
    let state = state.map(read::state).transpose()?;
    let node = state.as_ref().map(|state| &state.node);
    let mut files = read::named(file);
    let found = find(&text, &shown, &mut files, evaluate::options(dialect), node);
    let errors = found.iter().filter(|finding| finding.severity == Severity::Error).count();
    let code = if errors > 0 { 3 } else { 0 };
    let warnings = found.len() - errors;
    let text = if json {
        let value = json!({"errors": errors, "warnings": warnings, "findings": found});
        format!("{value}\n")
    } else {
        let lines: String = found.iter().map(|finding| format!("{finding}\n")).collect();
        format!("{lines}{shown}: {errors} errors, {warnings} warnings\n")
    };
    Ok(Shown { text, notes: String::new(), code })
}

/// Writes or prints the rule file to start from.
pub fn generate(file: Option<&Path>, force: bool) -> Result<Shown, Failure> {
    let Some(file) = file else {
        return Ok(Shown { text: STARTER.to_owned(), notes: String::new(), code: 0 });
    };
    let shown = file.display();
    if file.exists() && !force {
        let message = format!("{shown} is there already; --force replaces it");
        return Err(Failure::of(1, "exists", message));
    }
    std::fs::write(file, STARTER)
        .map_err(|error| Failure::of(1, "failed", format!("{shown}: {error}")))?;
    Ok(Shown { text: format!("{shown} is written\n"), notes: String::new(), code: 0 })
}

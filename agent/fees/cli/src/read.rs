//! Reading files.
//!
//! It must never read more than the bound of what it reads.

use std::io::Read;
use std::path::{Path, PathBuf};

use debal_fees::NodeState;
use debal_fees::limits::{LIST_FILE_MAX_BYTES, RULE_FILE_MAX_BYTES, STATE_MAX_BYTES};

use crate::failure::Failure;

/// A file's text, one byte past the bound at most: whoever parses it refuses what is too long.
fn text(path: &Path, max_bytes: usize) -> Result<String, String> {
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    let bound = u64::try_from(max_bytes).unwrap_or(u64::MAX - 1) + 1;
    file.take(bound).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map_err(|_| "no UTF-8 text".to_owned())
}

/// A recorded node.
pub fn state(path: &Path) -> Result<NodeState, Failure> {
    let shown = path.display();
    let text = text(path, STATE_MAX_BYTES)
        .map_err(|reason| Failure::invalid("unreadable", format!("{shown}: {reason}")))?;
    NodeState::from_json(&text)
        .map_err(|error| Failure::invalid("invalid_state", format!("{shown}: {error}")))
}

/// A rule file; nothing if there is none.
pub fn rules(path: &Path) -> Result<Option<String>, Failure> {
    if !path.exists() {
        return Ok(None);
    }
    let read = text(path, RULE_FILE_MAX_BYTES);
    let shown = path.display();
    read.map(Some).map_err(|why| Failure::invalid("unreadable", format!("{shown}: {why}")))
}

/// Reads the files that a rule file names: from the working directory, as charge-lnd does, or else
/// from beside the rule file.
pub fn named(rules: &Path) -> impl FnMut(&str) -> Result<String, String> {
    let beside: PathBuf = rules.parent().map(Path::to_path_buf).unwrap_or_default();
    move |name| {
        let here = PathBuf::from(name);
        let path = if here.exists() { here } else { beside.join(name) };
        text(&path, LIST_FILE_MAX_BYTES)
    }
}

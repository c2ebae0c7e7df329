//! Files that a rule file names: lists of channels and peers, and included rule files.
//!
//! Each is read once per compilation, through the caller's closure; it must never be read past its
//! bound.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::number::is_space;

/// Reads a file by the name a rule file gives it; relative to whatever the caller decides.
pub type ReadFile<'a> = dyn FnMut(&str) -> Result<String, String> + 'a;

/// The files read so far.
pub(crate) struct Files<'a> {
    read: &'a mut ReadFile<'a>,
    known: BTreeMap<String, Result<Arc<str>, String>>,
}

impl<'a> Files<'a> {
    /// Reads through a closure.
    pub fn new(read: &'a mut ReadFile<'a>) -> Files<'a> {
        Files { read, known: BTreeMap::new() }
    }

    /// A file's text.
    pub fn get(&mut self, name: &str, max_bytes: usize) -> Result<Arc<str>, String> {
        if let Some(known) = self.known.get(name) {
            return known.clone();
        }
        let text = match (self.read)(name) {
            Ok(text) if text.len() > max_bytes => {
                Err(format!("longer than {} KiB", max_bytes >> 10))
            }
            Ok(text) => Ok(Arc::from(text)),
            Err(reason) => Err(reason),
        };
        self.known.insert(name.to_owned(), text.clone());
        text
    }
}

/// The entries of a list file: one a line or separated by commas, `#` starts a comment. Each comes
/// with its line.
pub(crate) fn entries(text: &str) -> impl Iterator<Item = (u32, &str)> {
    let end = |character: char| {
        matches!(character, '\n' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}')
            || matches!(character, '\u{2028}' | '\u{2029}' | '\r')
    };
    let lines = (1u32..).zip(text.split('\n'));
    lines
        .flat_map(move |(number, line)| line.split(end).map(move |part| (number, part)))
        .flat_map(|(number, line)| line.split(',').map(move |entry| (number, entry)))
        .map(|(number, entry)| (number, entry.split('#').next().unwrap_or_default()))
        .map(|(number, entry)| (number, entry.trim_matches(is_space)))
        .filter(|(_, entry)| !entry.is_empty())
}

/// The name of a file in `file://name`.
pub(crate) fn file_name(item: &str) -> Option<String> {
    item.starts_with("file://").then(|| item.replace("file://", ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_split_at_lines_and_commas_and_lose_comments() {
        let text = "# mine\none # note\n\n  two ,three\r\nfour#x,five\n";
        let found: Vec<_> = entries(text).collect();
        assert_eq!(found, [(2, "one"), (4, "two"), (4, "three"), (5, "four"), (5, "five")]);
    }

    #[test]
    fn a_file_is_read_once_and_not_past_its_bound() {
        let mut reads = 0;
        let mut read = |name: &str| {
            reads += 1;
            if name == "gone" { Err("no such file".to_owned()) } else { Ok("x".repeat(2048)) }
        };
        let mut files = Files::new(&mut read);
        assert_eq!(files.get("a", 4096).map(|text| text.len()), Ok(2048));
        assert!(files.get("a", 4096).is_ok());
        assert_eq!(files.get("gone", 9), Err("no such file".to_owned()));
        assert_eq!(files.get("b", 1024), Err("longer than 1 KiB".to_owned()));
        assert_eq!(reads, 3);
    }
}

//! The file format: sections, keys, values that go on over lines, comments, `[DEFAULT]`.
//!
//! It follows Python's ConfigParser, which charge-lnd uses, and must never accept a file that it
//! refuses. One thing is more: a `#` or `;` behind white space starts a comment in a value.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::fault::{Fault, Place};
use crate::limits::{RULE_FILE_MAX_BYTES, SECTIONS_MAX};
use crate::number::{is_space, strip};

/// One key with its value as written: comments gone, references not yet followed.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// The key, in lower case.
    pub key: String,
    /// Where the key stands.
    pub place: Place,
    /// Where the value starts.
    pub value_place: Place,
    /// The value; lines are joined by line feeds.
    pub value: String,
    /// Whether a comment was cut off the value.
    pub commented: bool,
}

/// A section.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    /// Its name, exactly as written.
    pub name: String,
    /// Where its header stands.
    pub place: Place,
    /// Its own keys in order; a key occurs once.
    pub entries: Vec<Entry>,
    /// Where each key is among the entries.
    pub index: BTreeMap<String, usize>,
}

impl Block {
    fn new(name: &str, place: Place) -> Block {
        Block { name: name.to_owned(), place, entries: Vec::new(), index: BTreeMap::new() }
    }

    /// The section's own entry of a key.
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.index.get(key).and_then(|&index| self.entries.get(index))
    }
}

/// A file as it is written.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    /// What `[DEFAULT]`, in capitals, supplies to every section.
    pub defaults: Block,
    /// The sections in file order; no name occurs twice.
    pub sections: Vec<Block>,
    /// Whether a comment line asks for the superset (`# dialect: debal`).
    pub asks_for_superset: bool,
    names: BTreeMap<String, usize>,
}

impl Document {
    /// The section of a name.
    pub fn section(&self, name: &str) -> Option<&Block> {
        self.names.get(name).and_then(|&index| self.sections.get(index))
    }

    /// The entries that a section shows: its own, then those that only `[DEFAULT]` has.
    pub fn entries<'a>(&'a self, block: &'a Block) -> impl Iterator<Item = &'a Entry> {
        let inherited =
            self.defaults.entries.iter().filter(|entry| block.get(&entry.key).is_none());
        block.entries.iter().chain(inherited)
    }

    /// A section's entry of a key, its own or inherited.
    pub fn entry<'a>(&'a self, block: &'a Block, key: &str) -> Option<&'a Entry> {
        block.get(key).or_else(|| self.defaults.get(key))
    }
}

/// Reads a file. `file` is only its name, for places.
///
/// # Errors
///
/// The first fault that refuses the file: text before a header, an unclosed header, a duplicate
/// section or key, a key without a value, a file over the bound.
pub(crate) fn parse(text: &str, file: &str) -> Result<Document, Fault> {
    let file: Arc<str> = Arc::from(file);
    let start = Place { file: Arc::clone(&file), line: 1, column: 1 };
    if text.len() > RULE_FILE_MAX_BYTES {
        let bound = RULE_FILE_MAX_BYTES >> 10;
        return Err(Fault::new(&start, format!("the file is longer than {bound} KiB")));
    }
    let document = Document {
        defaults: Block::new("DEFAULT", start),
        sections: Vec::new(),
        asks_for_superset: false,
        names: BTreeMap::new(),
    };
    let mut reader = Reader { document, file, target: Target::None, key: None, indent: 0 };
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    for (number, line) in (1u32..).zip(text.split('\n')) {
        reader.line(number, line)?;
    }
    let mut document = reader.document;
    for block in document.sections.iter_mut().chain([&mut document.defaults]) {
        for entry in &mut block.entries {
            entry.value.truncate(entry.value.trim_end_matches(is_space).len());
        }
    }
    Ok(document)
}

#[derive(Clone, Copy, PartialEq)]
enum Target {
    None,
    Defaults,
    Section(usize),
}

struct Reader {
    document: Document,
    file: Arc<str>,
    target: Target,
    /// The entry that a deeper indented line would continue.
    key: Option<usize>,
    indent: usize,
}

impl Reader {
    fn line(&mut self, number: u32, line: &str) -> Result<(), Fault> {
        let text = strip(line);
        if text.starts_with(['#', ';']) {
            if is_dialect_line(text) {
                self.document.asks_for_superset = true;
            }
            return Ok(());
        }
        if text.is_empty() {
            if let Some(entry) = self.open_entry() {
                entry.value.push('\n');
            }
            return Ok(());
        }
        let indent = line.chars().take_while(|&character| is_space(character)).count();
        let place = self.place(number, indent);
        if self.key.is_some() && indent > self.indent {
            let (text, commented) = without_comment(text);
            if let Some(entry) = self.open_entry() {
                entry.value.push('\n');
                entry.value.push_str(text);
                entry.commented |= commented;
            }
            return Ok(());
        }
        self.indent = indent;
        if let Some(name) = header(text) {
            return self.open_section(name, place);
        }
        if self.target == Target::None {
            let message = if text.starts_with('[') {
                "the header is not closed"
            } else {
                "text before the first [section]"
            };
            return Err(Fault::new(&place, message));
        }
        self.option(text, place)
    }

    fn place(&self, line: u32, indent: usize) -> Place {
        let column = u32::try_from(indent).unwrap_or(u32::MAX - 1) + 1;
        Place { file: Arc::clone(&self.file), line, column }
    }

    fn block(&mut self) -> Option<&mut Block> {
        match self.target {
            Target::None => None,
            Target::Defaults => Some(&mut self.document.defaults),
            Target::Section(index) => self.document.sections.get_mut(index),
        }
    }

    fn open_entry(&mut self) -> Option<&mut Entry> {
        let key = self.key?;
        self.block()?.entries.get_mut(key)
    }

    fn open_section(&mut self, name: &str, place: Place) -> Result<(), Fault> {
        self.key = None;
        if name == "DEFAULT" {
            self.document.defaults.place = place;
            self.target = Target::Defaults;
            return Ok(());
        }
        if let Some(first) = self.document.section(name) {
            let message =
                format!("section [{name}] occurs twice, first in line {}", first.place.line);
            return Err(Fault::new(&place, message));
        }
        let index = self.document.sections.len();
        if index >= SECTIONS_MAX {
            return Err(Fault::new(&place, format!("more than {SECTIONS_MAX} sections")));
        }
        self.document.names.insert(name.to_owned(), index);
        self.document.sections.push(Block::new(name, place));
        self.target = Target::Section(index);
        Ok(())
    }

    fn option(&mut self, text: &str, place: Place) -> Result<(), Fault> {
        let Some(at) = text.find(['=', ':']) else {
            return Err(Fault::new(&place, format!("'{text}' has no value: key = value")));
        };
        let key = strip(&text[..at]).to_lowercase();
        if key.is_empty() {
            return Err(Fault::new(&place, "a value without a key"));
        }
        // The white space before the value counts when a comment starts right away.
        let (value, commented) = without_comment(&text[at + 1..]);
        let value = strip(value);
        let before = text[..at + 1].chars().count()
            + text[at + 1..].chars().take_while(|&character| is_space(character)).count();
        let before = u32::try_from(before).unwrap_or(u32::MAX / 2);
        let value_place = Place { column: place.column.saturating_add(before), ..place.clone() };
        let Some(block) = self.block() else { return Ok(()) };
        if let Some(first) = block.get(&key) {
            let message = format!(
                "{key} occurs twice in [{}], first in line {}",
                block.name, first.place.line
            );
            return Err(Fault::new(&place, message));
        }
        let index = block.entries.len();
        block.index.insert(key.clone(), index);
        block.entries.push(Entry { key, place, value_place, value: value.to_owned(), commented });
        self.key = Some(index);
        Ok(())
    }
}

/// The name in a header; behind its end there may be anything, as in the original.
fn header(text: &str) -> Option<&str> {
    let inside = text.strip_prefix('[')?;
    // A comment behind the header may hold a bracket of its own.
    let comment = inside.match_indices(']').map(|(at, _)| at).find(|&at| {
        let rest = &inside[at + 1..];
        rest.starts_with(is_space) && rest.trim_start_matches(is_space).starts_with(['#', ';'])
    });
    let end = comment.or_else(|| inside.rfind(']'))?;
    if end == 0 {
        return None;
    }
    Some(&inside[..end])
}

/// A value without the comment behind it.
fn without_comment(text: &str) -> (&str, bool) {
    let mut after_space = false;
    for (at, character) in text.char_indices() {
        if after_space && (character == '#' || character == ';') {
            return (text[..at].trim_end_matches(is_space), true);
        }
        after_space = is_space(character);
    }
    (text, false)
}

fn is_dialect_line(comment: &str) -> bool {
    let words = comment.trim_start_matches(['#', ';']);
    let Some((name, value)) = words.split_once(':') else { return false };
    strip(name).eq_ignore_ascii_case("dialect") && strip(value).eq_ignore_ascii_case("debal")
}

#[cfg(test)]
#[path = "ini/tests.rs"]
mod tests;

//! References in values: `${key}`, `${section:key}`, `$$` for a dollar.
//!
//! It must never follow more than the bounded number of references, nor grow a value without end.

use std::cell::Cell;

use crate::fault::Fault;
use crate::ini::{Block, Document, Entry};
use crate::limits::{INTERPOLATION_DEPTH_MAX, REFERENCES_MAX, VALUE_MAX_BYTES};

/// The value of an entry as a section sees it.
///
/// # Errors
///
/// A reference to nothing, a lone `$`, references too deep, a value too long.
pub(crate) fn resolve(document: &Document, block: &Block, entry: &Entry) -> Result<String, Fault> {
    if !entry.value.contains('$') {
        return Ok(entry.value.clone());
    }
    let mut resolved = String::new();
    let followed = Cell::new(0);
    let scope = Scope { document, block, entry, followed: &followed };
    scope.expand(&entry.value, &mut resolved, 1)?;
    Ok(resolved)
}

struct Scope<'a> {
    document: &'a Document,
    /// The section whose keys a bare `${key}` means.
    block: &'a Block,
    /// Whom a fault is about.
    entry: &'a Entry,
    /// How many references were followed: empty values grow nothing and still take time.
    followed: &'a Cell<usize>,
}

impl Scope<'_> {
    fn fault(&self, message: String) -> Fault {
        Fault::new(&self.entry.value_place, message)
    }

    fn expand(&self, text: &str, resolved: &mut String, depth: usize) -> Result<(), Fault> {
        if depth > INTERPOLATION_DEPTH_MAX {
            let key = &self.entry.key;
            return Err(self.fault(format!("the references of {key} go in circles or too deep")));
        }
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            resolved.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            if let Some(behind) = rest.strip_prefix('$') {
                resolved.push('$');
                rest = behind;
                continue;
            }
            let Some((path, behind)) = rest.strip_prefix('{').and_then(|rest| rest.split_once('}'))
            else {
                return Err(self.fault("a lone $; write $$ for a dollar".to_owned()));
            };
            rest = behind;
            self.reference(path, resolved, depth)?;
        }
        resolved.push_str(rest);
        if resolved.len() > VALUE_MAX_BYTES {
            let message =
                format!("{} is too long once its references are followed", self.entry.key);
            return Err(self.fault(message));
        }
        Ok(())
    }

    fn reference(&self, path: &str, resolved: &mut String, depth: usize) -> Result<(), Fault> {
        self.followed.set(self.followed.get() + 1);
        if self.followed.get() > REFERENCES_MAX {
            return Err(self.fault(format!("{} has too many references", self.entry.key)));
        }
        let unknown = || self.fault(format!("${{{path}}} refers to nothing"));
        let mut parts = path.split(':');
        let (block, key) = match (parts.next(), parts.next(), parts.next()) {
            (Some(key), None, _) => (self.block, key),
            (Some("DEFAULT"), Some(key), None) => (&self.document.defaults, key),
            (Some(section), Some(key), None) => {
                (self.document.section(section).ok_or_else(unknown)?, key)
            }
            _ => return Err(self.fault(format!("${{{path}}} has more than one ':'"))),
        };
        let entry = self.document.entry(block, &key.to_lowercase()).ok_or_else(unknown)?;
        if entry.value.contains('$') {
            let scope = Scope { block, ..*self };
            scope.expand(&entry.value, resolved, depth + 1)
        } else {
            resolved.push_str(&entry.value);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::ini::parse;

    fn resolved(text: &str, key: &str) -> Result<String, String> {
        let document = parse(text, "rules").unwrap();
        let block = document.section("a").unwrap();
        let entry = document.entry(block, key).unwrap();
        resolve(&document, block, entry).map_err(|fault| fault.message)
    }

    #[test]
    fn references_reach_the_section_other_sections_and_defaults() {
        let text = "[DEFAULT]\nd = 9\n[b]\nx = ${y}\ny = 4\n[a]\nk = ${d}-${b:X}-$$\n";
        assert_eq!(resolved(text, "k").unwrap(), "9-4-$");
    }

    #[test]
    fn broken_references_are_named() {
        assert!(resolved("[a]\nk = ${no}\n", "k").unwrap_err().contains("refers to nothing"));
        assert!(resolved("[a]\nk = ${b:no}\n", "k").unwrap_err().contains("refers to nothing"));
        assert!(resolved("[a]\nk = ${a:b:c}\n", "k").unwrap_err().contains("more than one"));
        assert!(resolved("[a]\nk = 5$\n", "k").unwrap_err().contains("lone $"));
        assert!(resolved("[a]\nk = ${k}\n", "k").unwrap_err().contains("circles"));
    }

    #[test]
    fn a_value_cannot_grow_without_end() {
        let ten = "0123456789";
        let mut text = format!("[a]\nk0 = {}\n", ten.repeat(100));
        for level in 1..9 {
            let below = format!("${{k{}}}", level - 1).repeat(10);
            text += &format!("k{level} = {below}\n");
        }
        assert!(resolved(&text, "k8").unwrap_err().contains("too long"));
        let nothing = text.replace(ten, "");
        assert!(resolved(&nothing, "k8").unwrap_err().contains("too many"));
    }
}

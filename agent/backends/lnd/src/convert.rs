//! From the wire's loose types to checked ones.
//!
//! A text from the node must never reach a terminal or a log unbounded or with control characters.

use crate::error::{Error, Result};

/// At most `most` characters of `text`, without control characters.
pub(crate) fn text(text: &str, most: usize) -> String {
    // Also drops the characters that reorder what a terminal shows.
    let visible = |c: &char| {
        let marks = ['\u{200e}'..='\u{200f}', '\u{202a}'..='\u{202e}', '\u{2066}'..='\u{2069}'];
        !c.is_control() && !marks.iter().any(|range| range.contains(c))
    };
    text.chars().filter(visible).take(most).collect()
}

/// Longest name of a node shown.
pub(crate) const ALIAS: usize = 64;

/// Reads one call's answer: every complaint names the call.
#[derive(Clone, Copy)]
pub(crate) struct Reading(pub(crate) &'static str);

impl Reading {
    /// The answer does not make sense.
    pub(crate) fn wrong(self, what: impl Into<String>) -> Error {
        Error::Protocol { method: self.0, what: what.into() }
    }

    /// An amount or count that LND declares signed and never makes negative.
    pub(crate) fn unsigned(self, value: i64, what: &str) -> Result<u64> {
        u64::try_from(value).map_err(|_| self.wrong(format!("negative {what}")))
    }

    /// Anything with a text form.
    pub(crate) fn parsed<T: std::str::FromStr>(self, value: &str, what: &str) -> Result<T> {
        value.parse().map_err(|_| self.wrong(format!("{:?} is no {what}", text(value, 80))))
    }
}

/// `None` for an empty text.
pub(crate) fn named(value: &str) -> Option<String> {
    Some(text(value, ALIAS)).filter(|value| !value.is_empty())
}

/// Writes bytes as lower-case hex.
pub(crate) fn write_hex(f: &mut std::fmt::Formatter<'_>, bytes: &[u8]) -> std::fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

/// Reads exactly `N` bytes of hex.
pub(crate) fn read_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if text.len() != 2 * N || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_and_cannot_drive_a_terminal() {
        assert_eq!(text("a\u{1b}[31mb\nc\u{202e}d", 99), "a[31mbcd");
        assert_eq!(text("ééé", 2), "éé");
    }

    #[test]
    fn hex_is_exact() {
        assert_eq!(read_hex::<2>("0aFf"), Some([10, 255]));
        assert_eq!(read_hex::<2>("0aF"), None);
        assert_eq!(read_hex::<2>("+aFf"), None);
        assert_eq!(read_hex::<1>("é"), None);
    }
}

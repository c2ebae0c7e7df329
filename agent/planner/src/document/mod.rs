//! Documents from outside, JSON or TOML, as plain values whose numbers keep the digits that were
//! written.
//!
//! It must never turn a number into a float, recurse without a bound, or accept a key twice.

mod json;
mod toml;

use std::fmt;

use thiserror::Error;

pub use json::parse_json;
pub use toml::parse_toml;

/// The longest document that is read, bytes.
pub const DOCUMENT_MAX_BYTES: usize = 256 << 20;
/// How deep lists and tables may nest.
const DEPTH_MAX: usize = 32;

/// A value of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// JSON's `null`.
    Null,
    /// True or false.
    Bool(bool),
    /// A number as it was written, `NaN` and `Infinity` included so that the reader can name the
    /// field.
    Number(String),
    /// A string.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// Keys and values in their order.
    Table(Vec<(String, Value)>),
}

impl Value {
    /// What stands under `key`, if this is a table that has it.
    pub fn get(&self, key: &str) -> Option<&Value> {
        match self {
            Value::Table(entries) => entries.iter().find(|(k, _)| k == key).map(|(_, v)| v),
            _ => None,
        }
    }

    /// The string, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The list, if it is one.
    pub fn as_list(&self) -> Option<&[Value]> {
        match self {
            Value::List(values) => Some(values),
            _ => None,
        }
    }

    /// The entries, if it is a table.
    pub fn as_table(&self) -> Option<&[(String, Value)]> {
        match self {
            Value::Table(entries) => Some(entries),
            _ => None,
        }
    }

    /// A table from keys and values.
    pub fn table<const N: usize>(entries: [(&str, Value); N]) -> Value {
        Value::Table(entries.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())
    }

    /// A string.
    pub fn text(text: impl fmt::Display) -> Value {
        Value::Text(text.to_string())
    }

    /// A number, written as it displays.
    pub fn number(number: impl fmt::Display) -> Value {
        Value::Number(number.to_string())
    }
}

/// As compact JSON.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => write!(f, "null"),
            Value::Bool(truth) => write!(f, "{truth}"),
            Value::Number(digits) => write!(f, "{digits}"),
            Value::Text(text) => json::write_text(f, text),
            Value::List(values) => {
                write!(f, "[")?;
                for (index, value) in values.iter().enumerate() {
                    let comma = if index == 0 { "" } else { "," };
                    write!(f, "{comma}{value}")?;
                }
                write!(f, "]")
            }
            Value::Table(entries) => {
                write!(f, "{{")?;
                for (index, (key, value)) in entries.iter().enumerate() {
                    write!(f, "{}", if index == 0 { "" } else { "," })?;
                    json::write_text(f, key)?;
                    write!(f, ":{value}")?;
                }
                write!(f, "}}")
            }
        }
    }
}

/// Why a text is no document.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}, column {column}: {reason}")]
pub struct SyntaxError {
    /// Line, from 1.
    pub line: usize,
    /// Column in bytes, from 1.
    pub column: usize,
    /// What is wrong there.
    pub reason: String,
}

impl SyntaxError {
    /// The error at a byte of `text`.
    fn at(text: &str, offset: usize, reason: impl Into<String>) -> SyntaxError {
        let before = &text.as_bytes()[..offset.min(text.len())];
        let line = before.iter().filter(|&&b| b == b'\n').count() + 1;
        let start = before.iter().rposition(|&b| b == b'\n').map_or(0, |p| p + 1);
        SyntaxError { line, column: before.len() - start + 1, reason: reason.into() }
    }
}

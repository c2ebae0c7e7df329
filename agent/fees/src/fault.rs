//! What is wrong with a rule file, and where.
//!
//! A fault must never lose its place: file, line and column travel with it to whoever reads it.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

/// A place in a rule file or a list file; lines and columns count from 1.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// The file, as it was named.
    #[serde(serialize_with = "as_text")]
    pub file: Arc<str>,
    /// The line.
    pub line: u32,
    /// The column, in characters.
    pub column: u32,
}

fn as_text<S: serde::Serializer>(text: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// Something wrong at a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
pub struct Fault {
    /// Where.
    pub place: Place,
    /// What, in plain words.
    pub message: String,
    /// The nearest valid name, if a name is wrong.
    pub nearest: Option<String>,
}

impl Fault {
    /// A fault without a name to suggest.
    pub(crate) fn new(place: &Place, message: impl Into<String>) -> Fault {
        Fault { place: place.clone(), message: message.into(), nearest: None }
    }

    /// The same fault with the nearest valid name.
    pub(crate) fn near(mut self, nearest: Option<String>) -> Fault {
        self.nearest = nearest;
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.place, self.message)?;
        match &self.nearest {
            Some(nearest) => write!(formatter, "; did you mean {nearest}?"),
            None => Ok(()),
        }
    }
}

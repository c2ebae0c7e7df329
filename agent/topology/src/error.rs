//! Why a file is not read: where in it, what is wrong, and what to do.
//!
//! It must never name less than that: no error is dropped for a default.

use std::fmt;

/// A refused input file: where in it, what is wrong, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputError {
    /// The file as the user named it.
    pub file: String,
    /// Line and field, or `the file` as a whole.
    pub place: String,
    /// What is wrong.
    pub problem: String,
    /// What would make it right.
    pub fix: String,
}

impl InputError {
    /// Builds the error from its four parts.
    pub fn new(
        file: &str,
        place: impl Into<String>,
        problem: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        let (place, problem, fix) = (place.into(), problem.into(), fix.into());
        Self { file: file.to_owned(), place, problem, fix }
    }
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}: {}; {}", self.file, self.place, self.problem, self.fix)
    }
}

impl std::error::Error for InputError {}

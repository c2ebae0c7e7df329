//! Why a command did not do it: for people, and as data.
//!
//! It must never lose what is to blame.

use serde_json::{Value, json};

/// A failure with its exit code.
#[derive(Debug)]
pub struct Failure {
    /// Exit code.
    pub code: u8,
    /// Stable name.
    pub kind: &'static str,
    /// In plain words.
    pub message: String,
}

impl Failure {
    /// A failure of a kind.
    pub fn of(code: u8, kind: &'static str, message: impl Into<String>) -> Failure {
        Failure { code, kind, message: message.into() }
    }

    /// Something given is no input.
    pub fn invalid(kind: &'static str, message: impl Into<String>) -> Failure {
        Failure::of(3, kind, message)
    }

    /// `{"error": {"kind": ..., "message": ...}}`
    pub fn to_json(&self) -> Value {
        json!({"error": {"kind": self.kind, "message": self.message}})
    }
}

//! Why the history could not be opened, written or read.
//!
//! Every error names the file and the next step; it must never print a row's content.

use rusqlite::ErrorCode;
use std::path::{Path, PathBuf};

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The file is not a database, or is damaged.
    #[error(
        "the fee history {} is damaged ({reason}); move it and its -wal and -shm files aside and \
         start again. A new one knows no old policies: nothing older can be rolled back",
        .path.display()
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        reason: String,
    },
    /// It was written by a newer version of this program.
    #[error(
        "the fee history {} has schema {found}, this program knows up to {known}; run the newer \
         version", .path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Schema in the file.
        found: i64,
        /// Newest schema known here.
        known: i64,
    },
    /// It was written by an older version of this program, and is open for reading only.
    #[error(
        "the fee history {} has schema {found}, this program reads {known}; a run of `debal fees \
         apply` or `daemon` brings it up to date", .path.display()
    )]
    Older {
        /// The file.
        path: PathBuf,
        /// Schema in the file.
        found: i64,
        /// Schema that is read here.
        known: i64,
    },
    /// It could not be made.
    #[error("cannot make the fee history {}: {source}", .path.display())]
    Create {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// There is no such change, or it has ended.
    #[error("change {id} is not open in the fee history {}", .path.display())]
    NotOpen {
        /// The file.
        path: PathBuf,
        /// The change.
        id: i64,
    },
    /// Anything else (full disk, locked, read-only).
    #[error("the fee history {}: {source}", .path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
}

impl HistoryError {
    pub(crate) fn of(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                Self::Corrupt { path, reason: source.to_string() }
            }
            _ => Self::Database { path, source },
        }
    }
}

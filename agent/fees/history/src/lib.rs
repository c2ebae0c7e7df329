//! The fee manager's memory in SQLite: every decision with its reasons, every change with the
//! whole old and new policy, forwards, failed forwards and balances.
//!
//! Unlike the agent's history this one is read back: a change is decided here before it is sent,
//! and after a crash the open ones are asked about. It must never hold a change that was sent
//! without having been decided first, and never forget the policy that a rollback needs. Amounts
//! are millisatoshi, times unix seconds, channels LND's 64-bit numbers.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod changes;
mod error;
mod failed;
mod flows;
mod limits;
mod reports;
mod rows;
mod schema;
mod seen;

pub use changes::{DecidedLast, Intent};
pub use error::HistoryError;
pub use failed::FAILED_PER_DAY;
pub use limits::{LimitChange, PeerLimit};
pub use reports::Earning;
pub use rows::{
    Change, ChangeId, ChangeState, Decided, FailedForward, ForwardRow, Origin, Policy, RunEnd,
    RunId, SampleRow,
};

use rusqlite::{Connection, OpenFlags};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long one process waits for another.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// The file is its owner's alone: it shows balances.
const FILE_MODE: u32 = 0o600;

/// An open history.
#[derive(Debug)]
pub struct FeeHistory {
    connection: Connection,
    path: PathBuf,
}

impl FeeHistory {
    /// Opens or makes the history for writing. Every commit is on disk before it returns: what was
    /// decided must survive a power cut that comes after it was sent.
    ///
    /// # Errors
    /// [`HistoryError`] names file and reason.
    pub fn open(path: &Path) -> Result<Self, HistoryError> {
        let made = std::fs::File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(FILE_MODE)
            .open(path);
        made.map_err(|source| HistoryError::Create { path: path.to_owned(), source })?;
        let history = Self::connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let pragma = |name, value| history.connection.pragma_update(None, name, value);
        history.wrap(pragma("journal_mode", "WAL"))?;
        history.wrap(pragma("synchronous", "FULL"))?;
        history.wrap(history.connection.pragma_update(None, "foreign_keys", true))?;
        let found = history.version()?;
        if found > schema::VERSION {
            return Err(history.newer(found));
        }
        history.wrap(schema::migrate(&history.connection, found))?;
        Ok(history)
    }

    /// Opens an existing history for reading, also while a daemon writes it.
    ///
    /// # Errors
    /// [`HistoryError`] names file and reason.
    pub fn open_read_only(path: &Path) -> Result<Self, HistoryError> {
        let history = Self::connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        match history.version()? {
            found if found > schema::VERSION => Err(history.newer(found)),
            found if found < schema::VERSION => {
                Err(HistoryError::Older { path: path.to_owned(), found, known: schema::VERSION })
            }
            _ => Ok(history),
        }
    }

    /// How SQLite would answer the questions of every pass, one line a step: for tests, which must
    /// not find a scan of a table that grows.
    #[doc(hidden)]
    pub fn plan(&self, sql: &str) -> Result<Vec<String>, HistoryError> {
        let read = || {
            let mut statement = self.connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
            statement.query_map([], |row| row.get(3))?.collect()
        };
        self.wrap(read())
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn connect(path: &Path, access: OpenFlags) -> Result<Self, HistoryError> {
        let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)
            .map_err(|source| HistoryError::Database { path: path.to_owned(), source })?;
        let history = Self { connection, path: path.to_owned() };
        history.wrap(history.connection.busy_timeout(BUSY_TIMEOUT))?;
        Ok(history)
    }

    fn version(&self) -> Result<i64, HistoryError> {
        self.wrap(self.connection.pragma_query_value(None, "user_version", |row| row.get(0)))
    }

    fn newer(&self, found: i64) -> HistoryError {
        HistoryError::Newer { path: self.path.clone(), found, known: schema::VERSION }
    }

    fn wrap<T>(&self, result: rusqlite::Result<T>) -> Result<T, HistoryError> {
        result.map_err(|source| HistoryError::of(&self.path, source))
    }
}

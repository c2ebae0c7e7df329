//! History in SQLite: what happened, for people and reports to query.
//!
//! Nothing here decides about money: the journal does. A failed insert is an error for the caller
//! to log, never a reason to stop, and the whole file may be moved away at any time. It must never
//! be read back into a decision, and never sit in the path of a journal flush. One process writes;
//! any number may read ([`History::open_read_only`]). A call may wait for the disk (and up to two
//! seconds for another process), so call it from a thread that may wait.

mod rows;
mod schema;

pub use rows::{ChannelSampleRow, CycleRow, Direction, EpochRow, EventRow, HistoryRow, PaymentRow};
pub use schema::SCHEMA_VERSION;

use crate::storage::FILE_MODE;
use rusqlite::{Connection, ErrorCode, OpenFlags, params};
use std::ops::Range;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Most rows one query returns.
pub const MAX_ROWS: usize = 100_000;
/// How long a writer waits for a reader that is checkpointing.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// Why history could not be opened, written or read.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The file is not a database, or is damaged.
    #[error(
        "the history database {} is damaged ({reason}); move it aside (`mv {} {}.damaged`, also \
         -wal and -shm) and start again: a new one is made. It holds no money and no promise, only \
         records for people",
        .path.display(), .path.display(), .path.display()
    )]
    Corrupt {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        reason: String,
    },
    /// The file was written by a newer version of this program.
    #[error(
        "the history database {} has schema {found}, this program knows up to {known}; run the \
         newer version or move the file aside", .path.display()
    )]
    Newer {
        /// The database.
        path: PathBuf,
        /// Schema in the file.
        found: i64,
        /// Newest schema known here.
        known: i64,
    },
    /// An amount or time does not fit SQLite's signed 64-bit integers, or a count read back is
    /// negative.
    #[error("the history value {column} does not fit: {value}")]
    OutOfRange {
        /// The column.
        column: &'static str,
        /// The value.
        value: String,
    },
    /// The database file could not be made.
    #[error("cannot create the history database {}: {source}", .path.display())]
    Create {
        /// The database.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Any other error of the database (full disk, locked, read-only).
    #[error("the history database {}: {source}", .path.display())]
    Database {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
}

/// The history database.
#[derive(Debug)]
pub struct History {
    connection: Connection,
    path: PathBuf,
}

impl History {
    /// Opens or creates the database for the one process that writes, and brings its schema up to
    /// date.
    pub fn open(path: &Path) -> Result<Self, HistoryError> {
        // SQLite gives its side files the mode of the database, so the file is made first, closed
        // to others.
        let made = std::fs::File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(FILE_MODE)
            .open(path);
        made.map_err(|source| HistoryError::Create { path: path.to_owned(), source })?;
        let history = Self::connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        history.wrap(history.connection.pragma_update(None, "journal_mode", "WAL"))?;
        // NORMAL survives a crash of the process without a flush per insert; a power cut may lose
        // the last rows.
        history.wrap(history.connection.pragma_update(None, "synchronous", "NORMAL"))?;
        let found = history.version()?;
        if found > SCHEMA_VERSION {
            return Err(history.newer(found));
        }
        history.wrap(schema::migrate(&history.connection, found))?;
        Ok(history)
    }

    /// Opens an existing database for reading, also while the agent writes it.
    pub fn open_read_only(path: &Path) -> Result<Self, HistoryError> {
        let history = Self::connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        match history.version()? {
            found if found > SCHEMA_VERSION => Err(history.newer(found)),
            _ => Ok(history),
        }
    }

    /// Stores a row. A row with the same key (epoch, cycle or payment id) is replaced, so a repeat
    /// after a restart does no harm.
    pub fn insert<R: HistoryRow>(&self, row: &R) -> Result<(), HistoryError> {
        row.insert(&self.connection).map_err(|error| self.error(error))
    }

    /// Stores many rows in one transaction: all or none.
    pub fn insert_all<R: HistoryRow>(&mut self, rows: &[R]) -> Result<(), HistoryError> {
        let result = (|| {
            let transaction = self.connection.transaction()?;
            for row in rows {
                row.insert(&transaction)?;
            }
            transaction.commit()
        })();
        result.map_err(|error| self.error(error))
    }

    /// The newest `count` rows (at most [`MAX_ROWS`]), newest first.
    pub fn last<R: HistoryRow>(&self, count: usize) -> Result<Vec<R>, HistoryError> {
        let limit = count.min(MAX_ROWS) as i64;
        let sql = format!(
            "SELECT {} FROM {} ORDER BY {} DESC, rowid DESC LIMIT ?1",
            R::COLUMNS,
            R::TABLE,
            R::TIME
        );
        self.query(&sql, params![limit])
    }

    /// Rows with `from <= time < to` in milliseconds since 1970, oldest first, at most
    /// [`MAX_ROWS`]. The time of a row is when it ended, or began while it has not ended.
    pub fn range<R: HistoryRow>(&self, time_ms: Range<u64>) -> Result<Vec<R>, HistoryError> {
        let sql = format!(
            "SELECT {} FROM {} WHERE {time} >= ?1 AND {time} < ?2 \
             ORDER BY {time}, rowid LIMIT {MAX_ROWS}",
            R::COLUMNS,
            R::TABLE,
            time = R::TIME
        );
        self.query(&sql, params![clamp(time_ms.start), clamp(time_ms.end)])
    }

    /// Samples of one channel in a range of time, oldest first, at most [`MAX_ROWS`].
    pub fn channel_samples(
        &self,
        channel: &str,
        time_ms: Range<u64>,
    ) -> Result<Vec<ChannelSampleRow>, HistoryError> {
        let sql = format!(
            "SELECT {} FROM channel_samples WHERE channel = ?1 AND at_ms >= ?2 AND at_ms < ?3 \
             ORDER BY at_ms LIMIT {MAX_ROWS}",
            ChannelSampleRow::COLUMNS
        );
        self.query(&sql, params![channel, clamp(time_ms.start), clamp(time_ms.end)])
    }

    /// Number of rows in a table.
    pub fn count<R: HistoryRow>(&self) -> Result<u64, HistoryError> {
        let sql = format!("SELECT count(*) FROM {}", R::TABLE);
        let count: i64 = self.wrap(self.connection.query_row(&sql, [], |row| row.get(0)))?;
        Ok(count.unsigned_abs())
    }

    /// Deletes every row older than `before_ms` (milliseconds since 1970), in one transaction, and
    /// returns how many.
    pub fn prune(&mut self, before_ms: u64) -> Result<usize, HistoryError> {
        let before = clamp(before_ms);
        let result = (|| {
            let transaction = self.connection.transaction()?;
            let mut deleted = 0;
            for (table, time) in rows::TABLES {
                let sql = format!("DELETE FROM {table} WHERE {time} < ?1");
                deleted += transaction.execute(&sql, [before])?;
            }
            transaction.commit()?;
            Ok(deleted)
        })();
        result.map_err(|error| self.error(error))
    }

    /// Reads the whole file and checks it; seconds on a large one.
    pub fn check(&self) -> Result<(), HistoryError> {
        let sql = "PRAGMA quick_check(1)";
        let answer: String = self.wrap(self.connection.query_row(sql, [], |row| row.get(0)))?;
        if answer == "ok" {
            return Ok(());
        }
        Err(HistoryError::Corrupt { path: self.path.clone(), reason: answer })
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
        HistoryError::Newer { path: self.path.clone(), found, known: SCHEMA_VERSION }
    }

    fn query<R: HistoryRow>(
        &self,
        sql: &str,
        values: impl rusqlite::Params,
    ) -> Result<Vec<R>, HistoryError> {
        let result = (|| {
            let mut statement = self.connection.prepare_cached(sql)?;
            statement.query_map(values, R::read)?.collect()
        })();
        self.wrap(result)
    }

    fn wrap<T>(&self, result: rusqlite::Result<T>) -> Result<T, HistoryError> {
        result.map_err(|error| self.error(error))
    }

    fn error(&self, source: rusqlite::Error) -> HistoryError {
        let path = self.path.clone();
        match source.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                HistoryError::Corrupt { path, reason: source.to_string() }
            }
            _ => rows::out_of_range(&source).unwrap_or(HistoryError::Database { path, source }),
        }
    }
}

/// A bound of a query; later than SQLite can say means "for ever".
fn clamp(time_ms: u64) -> i64 {
    i64::try_from(time_ms).unwrap_or(i64::MAX)
}

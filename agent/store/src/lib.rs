//! What an agent keeps on disk: an append-only journal (money), a directory lock, and SQLite
//! history (for operators).
//!
//! The journal is the only file that matters for safety: a signature leaves the agent only after
//! the record of it is durable here. History can be thrown away at any time. This crate treats
//! records as opaque bytes: it must never know a message of the protocol, never open a socket,
//! never write outside the one directory it was given, and never retry a write or flush that
//! failed.
//!
//! ```
//! use debal_store::{Journal, OpenOptions, SimDisk};
//!
//! let disk = SimDisk::new(1);
//! let options = OpenOptions::new([7; 16]);
//! let (mut journal, _) = Journal::open(disk.clone(), options.clone().create())?;
//! journal.append(b"a promise")?;
//! let promised = journal.flush()?; // only now may the promise leave this agent
//! assert_eq!(journal.flushed(), promised);
//!
//! drop(journal);
//! disk.crash();
//! let (_, recovered) = Journal::open(disk, options)?;
//! assert_eq!(recovered.records, [b"a promise"]);
//! # Ok::<(), debal_store::JournalError>(())
//! ```

pub mod history;
pub mod journal;
pub mod lock;
pub mod storage;

pub use history::{History, HistoryError};
pub use journal::{
    CutReason, CutTail, Journal, JournalError, OpenOptions, Position, Recovered, Space,
};
pub use lock::{DirLock, LockError};
pub use storage::{FailingDisk, ReadOnlyDisk, ReadStorage, RealDisk, SimDisk, Storage};

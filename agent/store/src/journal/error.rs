//! Everything that can go wrong with a journal, each with what the operator should do next.
//!
//! A message must never print a payload: records can hold secrets that are not yet public.

use super::recover::CutReason;
use std::io;

/// Why a journal refused to open, append, flush or rotate.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The operating system refused a call.
    #[error("cannot {doing} {file}: {source}")]
    Io {
        /// File inside the data directory.
        file: String,
        /// What was being done.
        doing: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// No journal in the directory, and the caller did not allow a new one.
    #[error(
        "the data directory holds no journal although this identity has run before; restore the \
         directory, or start a new identity. An empty journal would forget promises this identity \
         has signed"
    )]
    Missing,
    /// The file does not start with a sound header of ours.
    #[error("{file} has no readable journal header ({reason}); {}", NEXT_STEP)]
    BadHeader {
        /// The segment.
        file: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The file was written by another version of this program.
    #[error(
        "{file} has journal format {found}, this program reads {supported}; run the version that \
         wrote it"
    )]
    UnsupportedVersion {
        /// The segment.
        file: String,
        /// Version in the file.
        found: u32,
        /// Version of this program.
        supported: u32,
    },
    /// The journal belongs to another identity.
    #[error("{file} belongs to another identity; point this agent at its own data directory")]
    ForeignJournal {
        /// The segment.
        file: String,
    },
    /// Bytes that had been made durable are damaged, so records are missing between sound ones.
    #[error(
        "{file} is damaged at byte {offset} ({reason}) although its first {durable_bytes} bytes \
         had been made durable; {}",
        NEXT_STEP
    )]
    DamagedMiddle {
        /// The segment.
        file: String,
        /// Where the first bad record starts.
        offset: u64,
        /// Bytes from the start of the file that are proven to have been flushed.
        durable_bytes: u64,
        /// What is wrong there.
        reason: CutReason,
    },
    /// A record with a sound checksum does not follow the one before it: the file was edited, mixed
    /// or restored in part. A crash cannot do this.
    #[error("{file}: the record at byte {offset} does not continue record {after}; {}", NEXT_STEP)]
    ChainBroken {
        /// The segment.
        file: String,
        /// Where the record starts.
        offset: u64,
        /// Position of the last sound record.
        after: u64,
    },
    /// A record or snapshot over the size cap.
    #[error("a record of {bytes} bytes is over the cap of {cap} bytes")]
    TooLarge {
        /// Size offered.
        bytes: usize,
        /// Largest size accepted.
        cap: usize,
    },
    /// The record does not fit into the space reserved and the disk gives no more. Nothing of it
    /// was written.
    #[error(
        "the disk is full: {file} cannot grow by {bytes} bytes; free some space and start again"
    )]
    Full {
        /// The segment.
        file: String,
        /// Bytes wanted.
        bytes: u64,
    },
    /// An earlier append or flush failed; whether its bytes are on disk is unknown until a restart
    /// reads them.
    #[error(
        "the journal stopped after an earlier failure ({first}); look at the disk, then restart \
         the agent"
    )]
    Poisoned {
        /// The failure that stopped it.
        first: String,
    },
    /// A new segment could not be prepared. The journal goes on in the old one; try again later.
    #[error("the journal could not begin {file} and stays in the old segment: {source}")]
    RotationRefused {
        /// Name the new segment would have had.
        file: String,
        /// The system's reason.
        source: io::Error,
    },
    /// The owner rotated the journal away while it was being inspected.
    #[error("{file} was replaced while it was being read; run the audit again")]
    Rotated {
        /// The segment that went away.
        file: String,
    },
}

/// The same advice for every kind of damage that a crash cannot explain.
const NEXT_STEP: &str = "do not edit or delete it, it may hold promises signed to peers. Copy the \
    data directory aside, check the disk, then restore this file from a copy of the same moment; \
    with an older copy, let the peers show their newer co-signed states before signing anything";

impl JournalError {
    /// Adds file and purpose to an error of the operating system.
    pub(crate) fn io(file: &str, doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { file: file.to_owned(), doing, source }
    }
}

//! The append-only journal: opaque records, chained, group-committed, never trusted beyond what was
//! flushed.
//!
//! A record is promised only once [`Journal::flush`] has returned its position. It must never
//! report a position as flushed before the disk confirmed it, never go on after a failed append or
//! flush (what is on disk is then unknown, and a second flush may report success for lost bytes),
//! and never cut anything but an unproven tail. Layout: `frame.rs`; what is cut and what stops the
//! agent: `recover.rs`; new segments: `rotate.rs`.

mod error;
mod frame;
mod inspect;
mod open;
mod recover;
mod rotate;

pub use error::JournalError;
pub use frame::{Digest, HEAD_BYTES, MAX_RECORD_BYTES, MAX_SNAPSHOT_BYTES};
pub use inspect::{InspectEnd, InspectedRecord, Inspection, inspect, inspect_dir};
pub use open::{CutTail, Recovered};
pub use recover::CutReason;

use crate::storage::Storage;
use frame::{Header, Place};
use std::fmt;
use std::io;

/// A record's 1-based place in the life of the journal; it goes on counting across segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position(pub u64);

impl fmt::Display for Position {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// How to open a journal. Sizes in bytes.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    /// Names the journal's owner and salts its checksums. Derive it from the identity's secret, so
    /// that no peer can compute it: a peer that could would be able to craft record bytes that
    /// confuse recovery.
    pub id: [u8; 16],
    /// Whether an empty directory gets a new journal. Only the command that makes a new identity
    /// should allow it: an identity that lost its journal must not start over as if it had promised
    /// nothing.
    pub create: bool,
    /// Appended bytes are handed to the operating system (not yet flushed) once this many wait.
    /// Default 256 KiB.
    pub buffer_bytes: usize,
    /// Space is reserved in steps of this size. Default 1 MiB.
    pub allocate_step_bytes: u64,
    /// Space kept reserved ahead, for finishing open work when the disk is full. Default 1 MiB.
    pub reserve_bytes: u64,
    /// From this size on [`Journal::wants_rotation`] says so. Default 64 MiB.
    pub segment_bytes: u64,
}

impl OpenOptions {
    /// The defaults for a journal that must exist.
    pub fn new(id: [u8; 16]) -> Self {
        Self {
            id,
            create: false,
            buffer_bytes: 256 << 10,
            allocate_step_bytes: 1 << 20,
            reserve_bytes: 1 << 20,
            segment_bytes: 64 << 20,
        }
    }

    /// The same, allowing a new journal.
    #[must_use]
    pub fn create(mut self) -> Self {
        self.create = true;
        self
    }
}

/// How much room is left for records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Space {
    /// The reserve is whole.
    Ample,
    /// The disk gives no more and the reserve is being used: begin nothing new, finish what is
    /// open.
    Low,
    /// Less than a sixteenth of the reserve is left: the next append may be refused.
    Exhausted,
}

/// A journal open for writing. One process only: hold a [`crate::DirLock`] on the directory.
pub struct Journal {
    storage: Box<dyn Storage>,
    options: OpenOptions,
    header: Header,
    name: String,
    /// Bytes of the segment handed to the storage.
    written_bytes: u64,
    /// Bytes of the segment that a flush has confirmed.
    durable_bytes: u64,
    /// Bytes the storage has reserved for the segment.
    allocated_bytes: u64,
    /// The last attempt to keep the reserve whole failed.
    low: bool,
    buffer: Vec<u8>,
    appended: u64,
    flushed: u64,
    digest: Digest,
    poisoned: Option<String>,
}

impl Journal {
    /// Adds a record. It is in memory only until [`Journal::flush`] (or, unflushed, at the
    /// operating system once many bytes wait). Any error stops the journal for good.
    pub fn append(&mut self, payload: &[u8]) -> Result<Position, JournalError> {
        self.check()?;
        let result = self.append_inner(payload);
        self.keep_first_error(result)
    }

    /// Makes every appended record durable with one write and one flush, and returns the last one's
    /// position. Any error stops the journal for good.
    pub fn flush(&mut self) -> Result<Position, JournalError> {
        self.check()?;
        let result = self.flush_inner();
        self.keep_first_error(result)?;
        Ok(self.flushed())
    }

    /// The last position that is durable.
    pub fn flushed(&self) -> Position {
        Position(self.flushed)
    }

    /// The last position appended, durable or not.
    pub fn appended(&self) -> Position {
        Position(self.appended)
    }

    /// Digest of the last record appended; it binds every record before it.
    pub fn head_digest(&self) -> Digest {
        self.digest
    }

    /// Records in the present segment: what opening it again would return, were all of it flushed.
    pub fn len(&self) -> u64 {
        self.appended + 1 - self.header.first_position
    }

    /// Whether the present segment holds no record.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of the present segment in use, appended ones included.
    pub fn bytes(&self) -> u64 {
        self.written_bytes + self.buffer.len() as u64
    }

    /// Whether the segment has grown to where a snapshot should replace it.
    pub fn wants_rotation(&self) -> bool {
        self.bytes() >= self.options.segment_bytes
    }

    /// How much room is left. Renewed by every flush.
    pub fn space(&self) -> Space {
        let free = self.allocated_bytes.saturating_sub(self.bytes());
        match self.low {
            false => Space::Ample,
            true if free < self.options.reserve_bytes / 16 => Space::Exhausted,
            true => Space::Low,
        }
    }

    fn check(&self) -> Result<(), JournalError> {
        match &self.poisoned {
            Some(first) => Err(JournalError::Poisoned { first: first.clone() }),
            None => Ok(()),
        }
    }

    fn keep_first_error<T>(&mut self, result: Result<T, JournalError>) -> Result<T, JournalError> {
        if let Err(error) = &result
            && self.poisoned.is_none()
        {
            tracing::error!(%error, "the journal stops");
            self.poisoned = Some(error.to_string());
        }
        result
    }

    fn append_inner(&mut self, payload: &[u8]) -> Result<Position, JournalError> {
        if payload.len() > MAX_RECORD_BYTES {
            return Err(JournalError::TooLarge { bytes: payload.len(), cap: MAX_RECORD_BYTES });
        }
        let offset = self.bytes();
        let end = offset + (HEAD_BYTES + payload.len()) as u64;
        if end > self.allocated_bytes && self.reserve(end).is_err() {
            return Err(JournalError::Full { file: self.name.clone(), bytes: end - offset });
        }
        let place = Place { offset, base: self.durable_bytes, position: self.appended + 1 };
        self.digest =
            frame::encode_frame(&mut self.buffer, &self.header, place, &self.digest, payload);
        self.appended += 1;
        if self.buffer.len() >= self.options.buffer_bytes {
            self.write_out()?;
        }
        Ok(Position(self.appended))
    }

    fn write_out(&mut self) -> Result<(), JournalError> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.storage
            .write(&self.name, self.written_bytes, &self.buffer)
            .map_err(JournalError::io(&self.name, "write"))?;
        self.written_bytes += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    fn flush_inner(&mut self) -> Result<(), JournalError> {
        self.write_out()?;
        if self.durable_bytes == self.written_bytes {
            return Ok(());
        }
        self.storage.sync(&self.name).map_err(JournalError::io(&self.name, "flush"))?;
        self.durable_bytes = self.written_bytes;
        self.flushed = self.appended;
        self.top_up();
        Ok(())
    }

    /// Keeps the reserve whole while the disk allows it. A refusal only means that room is low.
    fn top_up(&mut self) {
        if self.allocated_bytes.saturating_sub(self.written_bytes) >= self.options.reserve_bytes {
            self.low = false;
            return;
        }
        let result = self.reserve(self.written_bytes);
        if let (Err(error), false) = (&result, self.low) {
            tracing::warn!(file = self.name, %error, "the disk is full; using the reserve");
        }
        self.low = result.is_err();
    }

    /// Reserves space up to `end` and the reserve behind it, in whole steps.
    fn reserve(&mut self, end: u64) -> io::Result<()> {
        let target = reserved_end(&self.options, end);
        self.storage.allocate(&self.name, target)?;
        self.allocated_bytes = target;
        Ok(())
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The buffer can hold secrets, so only counts are shown.
        out.debug_struct("Journal")
            .field("file", &self.name)
            .field("appended", &self.appended)
            .field("flushed", &self.flushed)
            .field("poisoned", &self.poisoned)
            .finish_non_exhaustive()
    }
}

/// Where the reserved space ends when `end` bytes are in use.
fn reserved_end(options: &OpenOptions, end: u64) -> u64 {
    let step = options.allocate_step_bytes.max(1);
    end.saturating_add(options.reserve_bytes).div_ceil(step).saturating_mul(step)
}

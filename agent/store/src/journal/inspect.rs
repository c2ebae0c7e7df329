//! Reading a journal that another process may be writing, for audits and reports.
//!
//! It is handed a [`ReadStorage`], so it cannot write or cut. It returns only whole records whose
//! chain is sound, and says what it met behind the last one. It must never report damage that is
//! only a write in progress.

use super::Position;
use super::error::JournalError;
use super::frame::Digest;
use super::recover::{self, CutReason, SegmentReader, Step};
use crate::storage::{ReadOnlyDisk, ReadStorage};
use std::path::Path;

/// One record of an inspected journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InspectedRecord {
    /// Its place.
    pub position: Position,
    /// Chain digest up to and including it.
    pub digest: Digest,
    /// Its bytes.
    pub payload: Vec<u8>,
}

/// What follows the last whole record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InspectEnd {
    /// Nothing.
    Clean,
    /// Bytes that are no whole record: a write in progress, or the tail that the next open would
    /// cut.
    Unfinished {
        /// Where they start.
        offset: u64,
        /// What is wrong with them.
        reason: CutReason,
    },
}

/// Iterator over the records of the newest segment as it was when the inspection began.
pub struct Inspection {
    storage: Box<dyn ReadStorage>,
    reader: SegmentReader,
    end: Option<InspectEnd>,
    failed: bool,
}

/// Inspects the journal in `storage`.
pub fn inspect(storage: impl ReadStorage + 'static) -> Result<Inspection, JournalError> {
    let storage: Box<dyn ReadStorage> = Box::new(storage);
    let newest = recover::segments(&*storage)?.pop().ok_or(JournalError::Missing)?;
    let reader = SegmentReader::open(&*storage, &recover::segment_name(newest))?;
    Ok(Inspection { storage, reader, end: None, failed: false })
}

/// Inspects the journal in the directory `dir`.
pub fn inspect_dir(dir: &Path) -> Result<Inspection, JournalError> {
    inspect(ReadOnlyDisk::new(dir))
}

impl Inspection {
    /// What follows the last whole record; `None` until the iterator has returned `None` without an
    /// error.
    pub fn end(&self) -> Option<InspectEnd> {
        self.end
    }

    /// Whether the first record is the snapshot a rotation wrote.
    pub fn starts_with_snapshot(&self) -> bool {
        self.reader.header.segment > 1
    }

    fn advance(&mut self) -> Result<Option<InspectedRecord>, JournalError> {
        let storage = &*self.storage;
        let mut step = self.reader.step(storage)?;
        let mut durable_bytes = 0;
        if !matches!(step, Step::Record(_)) {
            // The owner may have written these bytes after they were read. Whatever stands behind
            // them is read first and they are read again after it: if they are still bad now, and
            // something behind them proves that they had been flushed, no write in progress
            // explains it.
            durable_bytes = self.reader.aftermath(storage)?.durable_bytes;
            self.reader.refresh(storage)?;
            step = self.reader.step(storage)?;
        }
        let offset = self.reader.offset;
        let reason = match step {
            Step::Record(payload) => {
                let position = Position(self.reader.position);
                let record = InspectedRecord { position, digest: self.reader.digest, payload };
                return Ok(Some(record));
            }
            Step::End => None,
            Step::Bad(reason) => Some(reason),
        };
        if durable_bytes > offset {
            return Err(JournalError::DamagedMiddle {
                file: self.reader.name.clone(),
                offset,
                durable_bytes,
                reason: reason.unwrap_or(CutReason::Incomplete),
            });
        }
        self.end = Some(match reason {
            None => InspectEnd::Clean,
            Some(reason) => InspectEnd::Unfinished { offset, reason },
        });
        Ok(None)
    }
}

impl Iterator for Inspection {
    type Item = Result<InspectedRecord, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed || self.end.is_some() {
            return None;
        }
        let next = self.advance().transpose();
        self.failed = matches!(next, Some(Err(_)));
        next
    }
}

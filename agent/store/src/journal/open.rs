//! Opening a journal: choose the newest segment, read it, cut an unproven tail, make the rest
//! durable.
//!
//! It must never fall back to an older segment when the newest is damaged, and never hand out a
//! record that is not durable: what a crashed process wrote may still be in memory only, so the
//! file is flushed before it is trusted.

use super::error::JournalError;
use super::frame::{self, Digest, HEADER_BYTES, Header, Place};
use super::recover::{self, CutReason, SegmentReader, Step};
use super::{Journal, OpenOptions, Position, reserved_end};
use crate::storage::Storage;
use std::io;

/// A tail that was cut because nothing shows that it was ever flushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CutTail {
    /// The segment.
    pub file: String,
    /// Where it was cut.
    pub offset: u64,
    /// Bytes cut, up to the last that was not zero.
    pub bytes: u64,
    /// What was wrong with the first record cut.
    pub reason: CutReason,
}

/// What a journal held when it was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// All records of the newest segment, in order and durable.
    pub records: Vec<Vec<u8>>,
    /// Position of the first of them (or of the next append when there is none).
    pub first: Position,
    /// Whether the first of them is the snapshot a rotation wrote.
    pub starts_with_snapshot: bool,
    /// The tail that was cut, if any. After a cut, let peers show newer co-signed states before
    /// signing anything.
    pub cut: Option<CutTail>,
}

impl Journal {
    /// Opens the journal in `storage` and returns it with everything it holds. On an error nothing
    /// but leftovers of an unfinished rotation has been changed.
    pub fn open(
        storage: impl Storage + 'static,
        options: OpenOptions,
    ) -> Result<(Self, Recovered), JournalError> {
        let mut storage: Box<dyn Storage> = Box::new(storage);
        discard_drafts(&mut *storage)
            .map_err(JournalError::io("an unfinished segment", "remove"))?;
        let mut segments = recover::segments(&*storage)?;
        if segments.is_empty() {
            if !options.create {
                return Err(JournalError::Missing);
            }
            create_first(&mut *storage, &options)?;
            segments.push(1);
        }
        let newest = segments.pop().ok_or(JournalError::Missing)?;
        let (reader, recovered) = read_segment(&mut *storage, newest, &options)?;
        let mut journal = Self {
            written_bytes: reader.offset,
            durable_bytes: reader.offset,
            allocated_bytes: match recovered.cut {
                Some(_) => reader.offset,
                None => reader.file_bytes(),
            },
            low: false,
            buffer: Vec::new(),
            appended: reader.position,
            flushed: reader.position,
            digest: reader.digest,
            poisoned: None,
            name: reader.name,
            header: reader.header,
            options,
            storage,
        };
        journal.top_up();
        for old in segments {
            remove_old(&mut *journal.storage, old);
        }
        Ok((journal, recovered))
    }
}

/// A segment that has been written under its draft name and only needs its real one.
pub(super) struct Draft {
    pub header: Header,
    pub digest: Digest,
    pub allocated_bytes: u64,
}

/// Writes header and snapshot of a new segment under its draft name and makes them durable.
pub(super) fn write_draft(
    storage: &mut dyn Storage,
    mut header: Header,
    snapshot: Option<&[u8]>,
    options: &OpenOptions,
) -> io::Result<Draft> {
    let offset = HEADER_BYTES as u64;
    let frame_bytes = snapshot.map_or(0, |payload| frame::HEAD_BYTES + payload.len());
    header.born_bytes = offset + frame_bytes as u64;
    let mut digest = header.start_digest();
    let mut bytes = header.encode();
    if let Some(payload) = snapshot {
        let place = Place { offset, base: offset, position: header.first_position };
        digest = frame::encode_frame(&mut bytes, &header, place, &digest, payload);
    }
    let name = recover::draft_name(header.segment);
    let allocated_bytes = reserved_end(options, header.born_bytes);
    storage.create(&name)?;
    storage.allocate(&name, allocated_bytes)?;
    storage.write(&name, 0, &bytes)?;
    storage.sync(&name)?;
    Ok(Draft { header, digest, allocated_bytes })
}

/// Removes segments that never got their name.
pub(super) fn discard_drafts(storage: &mut dyn Storage) -> io::Result<()> {
    for name in storage.list()? {
        if name.starts_with("journal-") && name.ends_with(".new") {
            storage.remove(&name)?;
        }
    }
    Ok(())
}

/// Removes a segment that a newer one has replaced. A failure costs only space; the next open tries
/// again.
pub(super) fn remove_old(storage: &mut dyn Storage, segment: u64) {
    let name = recover::segment_name(segment);
    if let Err(error) = storage.remove(&name) {
        tracing::warn!(file = name, %error, "cannot remove a replaced journal segment");
    }
}

fn create_first(storage: &mut dyn Storage, options: &OpenOptions) -> Result<(), JournalError> {
    let header =
        Header { segment: 1, first_position: 1, born_bytes: 0, id: options.id, previous: [0; 32] };
    let (draft, name) = (recover::draft_name(1), recover::segment_name(1));
    write_draft(storage, header, None, options).map_err(JournalError::io(&draft, "create"))?;
    storage.rename(&draft, &name).map_err(JournalError::io(&name, "create"))
}

fn read_segment(
    storage: &mut dyn Storage,
    segment: u64,
    options: &OpenOptions,
) -> Result<(SegmentReader, Recovered), JournalError> {
    let name = recover::segment_name(segment);
    let mut reader = SegmentReader::open(&*storage, &name)?;
    if reader.header.id != options.id {
        return Err(JournalError::ForeignJournal { file: name });
    }
    let mut records = Vec::new();
    let reason = loop {
        match reader.step(&*storage)? {
            Step::Record(payload) => records.push(payload),
            Step::End => break None,
            Step::Bad(reason) => break Some(reason),
        }
    };
    let aftermath = reader.aftermath(&*storage)?;
    if aftermath.durable_bytes > reader.offset {
        return Err(JournalError::DamagedMiddle {
            file: name,
            offset: reader.offset,
            durable_bytes: aftermath.durable_bytes,
            reason: reason.unwrap_or(CutReason::Incomplete),
        });
    }
    let cut = reason.map(|reason| CutTail {
        file: name.clone(),
        offset: reader.offset,
        bytes: aftermath.used_end - reader.offset,
        reason,
    });
    if let Some(cut) = &cut {
        tracing::warn!(file = name, offset = cut.offset, bytes = cut.bytes, reason = %cut.reason,
            "cutting the journal's unflushed tail");
        storage.truncate(&name, cut.offset).map_err(JournalError::io(&name, "cut"))?;
    }
    storage.sync(&name).map_err(JournalError::io(&name, "flush"))?;
    let first = Position(reader.header.first_position);
    let starts_with_snapshot = reader.header.segment > 1;
    Ok((reader, Recovered { records, first, starts_with_snapshot, cut }))
}

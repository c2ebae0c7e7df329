//! Reading a segment from its start: whole records, then a verdict on whatever follows the last
//! one.
//!
//! **Tail or middle.** A crash can lose, tear or garble any sector written since the last flush, so
//! after a crash a sound record may stand *behind* a damaged one of the same flush: soundness
//! behind the damage alone proves nothing. What proves damage in the middle is a frame head whose
//! `base` lies beyond the first bad byte: it was written after a flush that covered that byte, and
//! a flushed byte does not change in a crash. Hence, for the first bad frame at offset X, with M
//! the largest `base` of any sound head behind X (and at least the bytes that were durable before
//! the segment got its name):
//!
//! - M > X: durable bytes are gone; the journal must not be used
//!   ([`super::JournalError::DamagedMiddle`]).
//! - M <= X: nothing shows that X was ever flushed; the tail from X on is cut and reported.
//! - only zeros from X on: the clean end of the allocated space.
//!
//! What no journal in a single file can tell: damage confined to the *last* flush from a torn
//! write, and a file restored from an older copy from one that never grew. Both come out as a
//! shorter, sound journal (the first with a reported cut); the caller lets its peers show newer
//! co-signed states before it signs. And after a *failed* flush some systems go on showing bytes
//! that the disk never got, until the machine restarts: such a tail reads as sound here. It was
//! never promised, but it is the reason to look at the disk before starting again.
//! This file must never write.

use super::error::JournalError;
use super::frame::{self, Digest, HEAD_BYTES, HEADER_BYTES, Head, Header, HeaderFault};
use crate::storage::ReadStorage;
use std::fmt;
use std::io;

/// Bytes read from the disk at once.
const WINDOW_BYTES: usize = 256 << 10;

/// What is wrong with the first bad record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CutReason {
    /// The file ends inside it.
    Incomplete,
    /// Its head is not one that was written at this place.
    Head,
    /// Its payload does not have the checksum its head promises.
    Payload,
}

impl fmt::Display for CutReason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Incomplete => "the file ends inside a record",
            Self::Head => "no sound record head",
            Self::Payload => "payload checksum",
        })
    }
}

/// The next thing in a segment.
pub(crate) enum Step {
    Record(Vec<u8>),
    End,
    Bad(CutReason),
}

/// What the bytes behind the first bad record say.
pub(crate) struct Aftermath {
    /// Bytes proven to have been durable.
    pub durable_bytes: u64,
    /// Offset behind the last byte that is not zero.
    pub used_end: u64,
}

/// Walks one segment. The storage is passed to each call so that an owner can keep both.
pub(crate) struct SegmentReader {
    pub name: String,
    pub header: Header,
    /// Start of the next frame.
    pub offset: u64,
    /// Position of the last record read; one less than the header's first before any.
    pub position: u64,
    pub digest: Digest,
    window: Window,
}

impl SegmentReader {
    /// Reads and checks the header.
    pub fn open(storage: &dyn ReadStorage, name: &str) -> Result<Self, JournalError> {
        let mut window = Window::new(storage, name)?;
        let bytes = window.slice(storage, 0, HEADER_BYTES)?;
        let header = Header::decode(bytes).map_err(|fault| header_error(name, fault))?;
        if segment_name(header.segment) != name {
            return Err(bad_header(name, "it names another segment"));
        }
        if header.born_bytes < HEADER_BYTES as u64 || header.first_position == 0 {
            return Err(bad_header(name, "impossible values"));
        }
        Ok(Self {
            name: name.to_owned(),
            offset: HEADER_BYTES as u64,
            position: header.first_position - 1,
            digest: header.start_digest(),
            header,
            window,
        })
    }

    /// Reads the next record and moves past it; stays in place on anything else.
    pub fn step(&mut self, storage: &dyn ReadStorage) -> Result<Step, JournalError> {
        let offset = self.offset;
        let bytes = self.window.slice(storage, offset, HEAD_BYTES)?;
        if bytes.iter().all(|byte| *byte == 0) {
            let clean = self.window.next_nonzero(storage, offset)?.is_none();
            return Ok(if clean { Step::End } else { Step::Bad(CutReason::Head) });
        }
        if bytes.len() < HEAD_BYTES {
            return Ok(Step::Bad(CutReason::Incomplete));
        }
        let Some(head) = Head::decode(bytes, &self.header, offset) else {
            return Ok(Step::Bad(CutReason::Head));
        };
        let start = offset + HEAD_BYTES as u64;
        let length = head.length as usize;
        let payload = self.window.slice(storage, start, length)?;
        if payload.len() < length {
            return Ok(Step::Bad(CutReason::Incomplete));
        }
        if crc32c::crc32c(payload) != head.payload_crc {
            return Ok(Step::Bad(CutReason::Payload));
        }
        let payload = payload.to_vec();
        // The digest covers the position, so a repeated or missing record breaks the chain too.
        let position = self.position + 1;
        if frame::chain(&self.digest, position, &payload) != head.digest {
            return Err(self.chain_broken());
        }
        self.offset = start + length as u64;
        self.position = position;
        self.digest = head.digest;
        Ok(Step::Record(payload))
    }

    /// Scans everything behind the first bad record; see the head of this file.
    pub fn aftermath(&mut self, storage: &dyn ReadStorage) -> Result<Aftermath, JournalError> {
        let mut found = Aftermath { durable_bytes: self.header.born_bytes, used_end: self.offset };
        let mut at = self.offset;
        while let Some(offset) = self.window.next_nonzero(storage, at)? {
            found.used_end = offset + 1;
            at = offset + 1;
            let bytes = self.window.slice(storage, offset, HEAD_BYTES)?;
            if frame::begins_like_head(bytes)
                && let Some(head) = Head::decode(bytes, &self.header, offset)
            {
                found.durable_bytes = found.durable_bytes.max(head.base);
            }
        }
        Ok(found)
    }

    /// Forgets what was read ahead, for a file that its owner is still writing.
    pub fn refresh(&mut self, storage: &dyn ReadStorage) -> Result<(), JournalError> {
        self.window = Window::new(storage, &self.name)?;
        Ok(())
    }

    /// Length of the file when it was opened.
    pub fn file_bytes(&self) -> u64 {
        self.window.file_bytes
    }

    fn chain_broken(&self) -> JournalError {
        let file = self.name.clone();
        JournalError::ChainBroken { file, offset: self.offset, after: self.position }
    }
}

/// Name of a segment that is in use.
pub(crate) fn segment_name(segment: u64) -> String {
    format!("journal-{segment:08}.log")
}

/// Name of a segment that is being prepared; it may hold anything.
pub(crate) fn draft_name(segment: u64) -> String {
    format!("journal-{segment:08}.new")
}

/// Number of a segment from its name.
pub(crate) fn segment_number(name: &str) -> Option<u64> {
    let number = name.strip_prefix("journal-")?.strip_suffix(".log")?.parse().ok()?;
    (segment_name(number) == name).then_some(number)
}

/// Segments in use, oldest first.
pub(crate) fn segments(storage: &dyn ReadStorage) -> Result<Vec<u64>, JournalError> {
    let names = storage.list().map_err(JournalError::io("the data directory", "list"))?;
    let mut numbers: Vec<u64> = names.iter().filter_map(|name| segment_number(name)).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

fn bad_header(name: &str, reason: &'static str) -> JournalError {
    JournalError::BadHeader { file: name.to_owned(), reason }
}

fn header_error(name: &str, fault: HeaderFault) -> JournalError {
    match fault {
        HeaderFault::TooShort => bad_header(name, "the file is too short"),
        HeaderFault::Magic => bad_header(name, "it does not start like a journal"),
        HeaderFault::Checksum => bad_header(name, "header checksum"),
        HeaderFault::Version(found) => JournalError::UnsupportedVersion {
            file: name.to_owned(),
            found,
            supported: frame::VERSION,
        },
    }
}

/// A part of the file in memory. The file's length is taken once, so a growing file cannot be read
/// for ever.
struct Window {
    name: String,
    file_bytes: u64,
    start: u64,
    bytes: Vec<u8>,
}

impl Window {
    fn new(storage: &dyn ReadStorage, name: &str) -> Result<Self, JournalError> {
        let file_bytes = storage.size(name).map_err(|error| read_error(name, error))?;
        Ok(Self { name: name.to_owned(), file_bytes, start: 0, bytes: Vec::new() })
    }

    /// Up to `length` bytes from `offset`, fewer only at the end of the file.
    fn slice(
        &mut self,
        storage: &dyn ReadStorage,
        offset: u64,
        length: usize,
    ) -> Result<&[u8], JournalError> {
        let rest = usize::try_from(self.file_bytes.saturating_sub(offset)).unwrap_or(usize::MAX);
        let wanted = length.min(rest);
        let inside =
            offset >= self.start && offset + wanted as u64 <= self.start + self.bytes.len() as u64;
        if !inside {
            self.bytes.resize(wanted.max(WINDOW_BYTES).min(rest), 0);
            let read = storage.read(&self.name, offset, &mut self.bytes);
            let count = read.map_err(|error| read_error(&self.name, error))?;
            self.bytes.truncate(count);
            self.start = offset;
        }
        let from = (offset - self.start) as usize;
        Ok(&self.bytes[from..(from + wanted).min(self.bytes.len())])
    }

    /// Offset of the first byte at or behind `from` that is not zero.
    fn next_nonzero(
        &mut self,
        storage: &dyn ReadStorage,
        from: u64,
    ) -> Result<Option<u64>, JournalError> {
        let mut at = from;
        while at < self.file_bytes {
            let inside = (self.start + self.bytes.len() as u64).saturating_sub(at) as usize;
            let length = if inside == 0 { WINDOW_BYTES } else { inside };
            let bytes = self.slice(storage, at, length)?;
            if bytes.is_empty() {
                return Ok(None);
            }
            match bytes.iter().position(|byte| *byte != 0) {
                Some(index) => return Ok(Some(at + index as u64)),
                None => at += bytes.len() as u64,
            }
        }
        Ok(None)
    }
}

fn read_error(name: &str, error: io::Error) -> JournalError {
    if error.kind() == io::ErrorKind::NotFound {
        return JournalError::Rotated { file: name.to_owned() };
    }
    JournalError::io(name, "read")(error)
}

//! The byte layout of a segment: one header, then frames of head and payload. All integers are
//! little-endian.
//!
//! ```text
//! header (88): magic 8 | version 4 | segment 8 | first position 8 | born bytes 8
//!              | journal id 16 | previous digest 32 | crc 4
//! frame  (64): marker 4 | length 4 | payload crc 4 | base 8 | position 8 | digest 32
//!              | head crc 4, then the payload
//! ```
//! `base` is how many bytes of the segment were durable when the frame was written: a sound head is
//! therefore proof that everything below its base once was on disk. The head's checksum also covers
//! the journal id, the segment and the frame's own offset, so bytes copied from elsewhere (or sent
//! by a peer and stored inside a payload) never look like a head. This file must never touch a
//! disk.

/// First bytes of every segment.
pub(crate) const MAGIC: [u8; 8] = *b"DEBALJNL";
/// Format version this program reads and writes.
pub(crate) const VERSION: u32 = 1;
/// Size of a segment header.
pub(crate) const HEADER_BYTES: usize = 88;
/// Size of a frame without its payload.
pub const HEAD_BYTES: usize = 64;
/// Largest payload of a record.
pub const MAX_RECORD_BYTES: usize = 1 << 20;
/// Largest snapshot that may open a segment.
pub const MAX_SNAPSHOT_BYTES: usize = 64 << 20;

const MARKER: [u8; 4] = [0xD6, b'R', b'E', b'C'];
const SEGMENT_LABEL: &str = "debal journal segment v1";
const RECORD_LABEL: &str = "debal journal record v1";

/// A chain digest.
pub type Digest = [u8; 32];

/// What a segment says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    /// Number of the segment, 1 for the first.
    pub segment: u64,
    /// Position of the first record in it.
    pub first_position: u64,
    /// Bytes that were durable before the segment got its name: header and, after a rotation, the
    /// snapshot.
    pub born_bytes: u64,
    /// Identity of the journal.
    pub id: [u8; 16],
    /// Digest of the last record of the segment before, zero for the first.
    pub previous: Digest,
}

/// Why a header was not accepted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum HeaderFault {
    TooShort,
    Magic,
    Version(u32),
    Checksum,
}

impl Header {
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&self.segment.to_le_bytes());
        bytes.extend_from_slice(&self.first_position.to_le_bytes());
        bytes.extend_from_slice(&self.born_bytes.to_le_bytes());
        bytes.extend_from_slice(&self.id);
        bytes.extend_from_slice(&self.previous);
        bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
        bytes
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, HeaderFault> {
        if bytes.len() < HEADER_BYTES {
            return Err(HeaderFault::TooShort);
        }
        if bytes[..8] != MAGIC {
            return Err(HeaderFault::Magic);
        }
        let version = u32::from_le_bytes(array(bytes, 8));
        if version != VERSION {
            return Err(HeaderFault::Version(version));
        }
        if crc32c::crc32c(&bytes[..84]) != u32::from_le_bytes(array(bytes, 84)) {
            return Err(HeaderFault::Checksum);
        }
        Ok(Self {
            segment: u64::from_le_bytes(array(bytes, 12)),
            first_position: u64::from_le_bytes(array(bytes, 20)),
            born_bytes: u64::from_le_bytes(array(bytes, 28)),
            id: array(bytes, 36),
            previous: array(bytes, 52),
        })
    }

    /// The digest the first record of this segment continues.
    pub fn start_digest(&self) -> Digest {
        let mut hasher = blake3::Hasher::new_derive_key(SEGMENT_LABEL);
        hasher.update(&self.id);
        hasher.update(&self.segment.to_le_bytes());
        hasher.update(&self.first_position.to_le_bytes());
        hasher.update(&self.previous);
        *hasher.finalize().as_bytes()
    }

    /// Largest payload the frame of `position` may have here.
    pub fn payload_cap(&self, position: u64) -> usize {
        let snapshot = self.segment > 1 && position == self.first_position;
        if snapshot { MAX_SNAPSHOT_BYTES } else { MAX_RECORD_BYTES }
    }
}

/// The fixed part of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    pub length: u32,
    pub payload_crc: u32,
    /// Durable bytes of the segment when this frame was written.
    pub base: u64,
    /// 1-based count over the life of the journal.
    pub position: u64,
    pub digest: Digest,
}

impl Head {
    /// Reads a head that was written at `offset` of the segment `header` describes; `None` when it
    /// was not.
    pub fn decode(bytes: &[u8], header: &Header, offset: u64) -> Option<Self> {
        if bytes.len() < HEAD_BYTES || bytes[..4] != MARKER {
            return None;
        }
        if head_crc(&bytes[..60], header, offset) != u32::from_le_bytes(array(bytes, 60)) {
            return None;
        }
        let head = Self {
            length: u32::from_le_bytes(array(bytes, 4)),
            payload_crc: u32::from_le_bytes(array(bytes, 8)),
            base: u64::from_le_bytes(array(bytes, 12)),
            position: u64::from_le_bytes(array(bytes, 20)),
            digest: array(bytes, 28),
        };
        let fits = head.length as usize <= header.payload_cap(head.position);
        (fits && head.base <= offset).then_some(head)
    }

    fn encode(&self, header: &Header, offset: u64, buffer: &mut Vec<u8>) {
        let start = buffer.len();
        buffer.extend_from_slice(&MARKER);
        buffer.extend_from_slice(&self.length.to_le_bytes());
        buffer.extend_from_slice(&self.payload_crc.to_le_bytes());
        buffer.extend_from_slice(&self.base.to_le_bytes());
        buffer.extend_from_slice(&self.position.to_le_bytes());
        buffer.extend_from_slice(&self.digest);
        let crc = head_crc(&buffer[start..], header, offset);
        buffer.extend_from_slice(&crc.to_le_bytes());
    }
}

/// Where a frame stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub offset: u64,
    pub base: u64,
    pub position: u64,
}

/// Appends one frame to `buffer` and returns the new chain digest. The caller has checked the
/// payload's size.
pub(crate) fn encode_frame(
    buffer: &mut Vec<u8>,
    header: &Header,
    place: Place,
    previous: &Digest,
    payload: &[u8],
) -> Digest {
    let digest = chain(previous, place.position, payload);
    let head = Head {
        length: payload.len() as u32,
        payload_crc: crc32c::crc32c(payload),
        base: place.base,
        position: place.position,
        digest,
    };
    head.encode(header, place.offset, buffer);
    buffer.extend_from_slice(payload);
    digest
}

/// Binds a record to its predecessor. How records were grouped into flushes does not enter, so two
/// journals of the same id with the same records have the same head digest.
pub(crate) fn chain(previous: &Digest, position: u64, payload: &[u8]) -> Digest {
    let mut hasher = blake3::Hasher::new_derive_key(RECORD_LABEL);
    hasher.update(previous);
    hasher.update(&position.to_le_bytes());
    hasher.update(payload);
    *hasher.finalize().as_bytes()
}

/// True when `bytes` begin like a head; the cheap first test of a scan.
pub(crate) fn begins_like_head(bytes: &[u8]) -> bool {
    bytes.starts_with(&MARKER)
}

fn head_crc(bytes: &[u8], header: &Header, offset: u64) -> u32 {
    let crc = crc32c::crc32c(&header.id);
    let crc = crc32c::crc32c_append(crc, &header.segment.to_le_bytes());
    let crc = crc32c::crc32c_append(crc, &offset.to_le_bytes());
    crc32c::crc32c_append(crc, bytes)
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[at..at + N]);
    out
}

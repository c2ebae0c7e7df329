//! Beginning a new segment with a snapshot, so that the journal does not grow for ever.
//!
//! Steps: flush the old segment; write header and snapshot under a draft name; flush; rename to the
//! real name; remove the old segment. Until the rename is durable the old segment is whole and in
//! use; from then on the new one is. A crash between two steps leaves a draft (discarded by the
//! next open) or an old segment (removed by it). It must never remove the old segment before the
//! new one is durable under its name.

use super::error::JournalError;
use super::frame::{Header, MAX_SNAPSHOT_BYTES};
use super::open::{self, write_draft};
use super::recover::{draft_name, segment_name};
use super::{Journal, Position};

impl Journal {
    /// Replaces everything appended so far by `snapshot`, which becomes the first record of a new
    /// segment and takes the next position. On `RotationRefused` and `TooLarge` the journal goes on
    /// as before; any other error stops it for good.
    pub fn rotate(&mut self, snapshot: &[u8]) -> Result<Position, JournalError> {
        if snapshot.len() > MAX_SNAPSHOT_BYTES {
            return Err(JournalError::TooLarge { bytes: snapshot.len(), cap: MAX_SNAPSHOT_BYTES });
        }
        self.flush()?;
        let segment = self.header.segment + 1;
        let header = Header {
            segment,
            first_position: self.appended + 1,
            born_bytes: 0,
            id: self.options.id,
            previous: self.digest,
        };
        let (draft_file, file) = (draft_name(segment), segment_name(segment));
        let storage = &mut *self.storage;
        let written = open::discard_drafts(storage)
            .and_then(|()| write_draft(storage, header, Some(snapshot), &self.options));
        let draft = match written {
            Ok(draft) => draft,
            Err(source) => {
                // Best effort: the next rotation or open removes what this cannot.
                let _ = storage.remove(&draft_file);
                return Err(JournalError::RotationRefused { file, source });
            }
        };
        let renamed = self.storage.rename(&draft_file, &file);
        self.keep_first_error(renamed.map_err(JournalError::io(&file, "name")))?;
        let old = std::mem::replace(&mut self.header, draft.header);
        self.name = file;
        self.written_bytes = self.header.born_bytes;
        self.durable_bytes = self.header.born_bytes;
        self.allocated_bytes = draft.allocated_bytes;
        self.low = false;
        self.appended += 1;
        self.flushed = self.appended;
        self.digest = draft.digest;
        open::remove_old(&mut *self.storage, old.segment);
        Ok(self.flushed())
    }
}

//! Changes of peers' limits at the companion service: written down before they are sent.
//!
//! A peer has at most one open change; the database itself refuses a second. It must never let a
//! change end twice.

use crate::{ChangeId, ChangeState, FeeHistory, HistoryError, RunId};
use rusqlite::{Row, params};
use serde::Serialize;

/// A peer's limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct PeerLimit {
    /// HTLCs per hour; 0 is no limit.
    pub max_hourly_rate: i64,
    /// HTLCs under way; 0 is no limit.
    pub max_pending: i64,
    /// 0 fail, 1 queue, 2 queue what the peer started, 3 block.
    pub mode: i64,
}

/// A change of a peer's own limit; none of its own means that the default holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LimitChange {
    /// Its name.
    pub id: ChangeId,
    /// The peer's key.
    pub peer: String,
    /// How far it got.
    pub state: ChangeState,
    /// The limit before.
    pub old: Option<PeerLimit>,
    /// The limit wanted.
    pub new: Option<PeerLimit>,
}

impl FeeHistory {
    /// Writes a change of a limit down as being sent. Only then may it be sent.
    ///
    /// # Errors
    /// [`HistoryError`]; also if another change of the peer's limit is still open.
    pub fn decide_limit(
        &self,
        run: RunId,
        peer: &str,
        (old, new): (Option<PeerLimit>, Option<PeerLimit>),
        at_s: i64,
    ) -> Result<ChangeId, HistoryError> {
        let sql = "INSERT INTO limit_changes (run_id, peer, state, decided_s, \
                   old_hourly_rate, old_pending, old_mode, \
                   new_hourly_rate, new_pending, new_mode) \
                   VALUES (?1, ?2, 'sent', ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        let values = params![
            run.0,
            peer,
            at_s,
            old.map(|limit| limit.max_hourly_rate),
            old.map(|limit| limit.max_pending),
            old.map(|limit| limit.mode),
            new.map(|limit| limit.max_hourly_rate),
            new.map(|limit| limit.max_pending),
            new.map(|limit| limit.mode),
        ];
        self.wrap(self.connection.execute(sql, values))?;
        Ok(ChangeId(self.connection.last_insert_rowid()))
    }

    /// The change of a limit ended: confirmed, refused or abandoned.
    ///
    /// # Errors
    /// [`HistoryError::NotOpen`] if it had ended before.
    pub fn limit_ended(
        &self,
        change: ChangeId,
        state: ChangeState,
        at_s: i64,
        reason: Option<&str>,
    ) -> Result<(), HistoryError> {
        let sql = "UPDATE limit_changes SET state = ?2, ended_s = ?3, reason = ?4 \
                   WHERE change_id = ?1 AND state = 'sent'";
        let values = params![change.0, state.name(), at_s, reason];
        match self.wrap(self.connection.execute(sql, values))? {
            1 => Ok(()),
            _ => Err(HistoryError::NotOpen { path: self.path.clone(), id: change.0 }),
        }
    }

    /// Changes of limits whose end is not known, oldest first.
    ///
    /// # Errors
    /// [`HistoryError`] names file and reason.
    pub fn open_limit_changes(&self) -> Result<Vec<LimitChange>, HistoryError> {
        self.limit_changes("WHERE state = 'sent' ORDER BY change_id LIMIT ?1", u32::MAX)
    }

    /// The newest changes of limits.
    ///
    /// # Errors
    /// [`HistoryError`] names file and reason.
    pub fn newest_limit_changes(&self, most: u32) -> Result<Vec<LimitChange>, HistoryError> {
        self.limit_changes("ORDER BY change_id DESC LIMIT ?1", most)
    }

    fn limit_changes(&self, clause: &str, most: u32) -> Result<Vec<LimitChange>, HistoryError> {
        let sql = format!(
            "SELECT change_id, peer, state, old_hourly_rate, old_pending, old_mode, \
             new_hourly_rate, new_pending, new_mode FROM limit_changes {clause}"
        );
        let limit = |row: &Row<'_>, first: usize| -> rusqlite::Result<Option<PeerLimit>> {
            let Some(max_hourly_rate) = row.get(first)? else { return Ok(None) };
            let (max_pending, mode) = (row.get(first + 1)?, row.get(first + 2)?);
            Ok(Some(PeerLimit { max_hourly_rate, max_pending, mode }))
        };
        let read = |row: &Row<'_>| {
            Ok(LimitChange {
                id: ChangeId(row.get(0)?),
                peer: row.get(1)?,
                state: row.get(2)?,
                old: limit(row, 3)?,
                new: limit(row, 6)?,
            })
        };
        let all = || self.connection.prepare_cached(&sql)?.query_map([most], read)?.collect();
        self.wrap(all())
    }
}

//! What was found at a channel before anything of it was changed, and the node as it was last seen.
//!
//! The first policy must never be written twice: it says since when a fee was known.

use crate::rows::{POLICY, id};
use crate::{FeeHistory, HistoryError, Policy};
use rusqlite::types::Value;
use rusqlite::{OptionalExtension, params, params_from_iter};

impl FeeHistory {
    /// Keeps the policy of each channel that was never seen before.
    ///
    /// # Errors
    /// [`HistoryError`] names file and reason.
    pub fn first_seen(&mut self, at_s: i64, all: &[(u64, Policy)]) -> Result<(), HistoryError> {
        let places = (1..=10).map(|place| format!("?{place}")).collect::<Vec<_>>().join(", ");
        let sql = format!("INSERT OR IGNORE INTO first_seen VALUES ({places})");
        let kept = (|| {
            let transaction = self.connection.transaction()?;
            for (channel, policy) in all {
                let mut values: Vec<Value> = vec![id(*channel).into(), at_s.into()];
                values.extend(policy.values().map(Value::from));
                transaction.prepare_cached(&sql)?.execute(params_from_iter(values))?;
            }
            transaction.commit()
        })();
        self.wrap(kept)
    }

    /// When a channel was first seen, unix seconds, and its policy then.
    ///
    /// # Errors
    /// [`HistoryError`] names file and reason.
    pub fn seen_first(&self, channel: u64) -> Result<Option<(i64, Policy)>, HistoryError> {
        let sql = format!("SELECT at_s, {} FROM first_seen WHERE channel = ?1", POLICY.join(", "));
        let found = || {
            let mut statement = self.connection.prepare_cached(&sql)?;
            let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, Policy::read(row, 1)?));
            statement.query_row([id(channel)], read).optional()
        };
        self.wrap(found())
    }

    /// Keeps the node as it is, in place of what was kept before.
    ///
    /// # Errors
    /// [`HistoryError`] names file and reason.
    pub fn keep_state(&self, at_s: i64, state_json: &str) -> Result<(), HistoryError> {
        let sql = "INSERT OR REPLACE INTO newest_state VALUES (1, ?1, ?2)";
        self.wrap(self.connection.execute(sql, params![at_s, state_json])).map(|_| ())
    }

    /// When the node was last kept, unix seconds.
    ///
    /// # Errors
    /// [`HistoryError`] names file and reason.
    pub fn state_kept_s(&self) -> Result<Option<i64>, HistoryError> {
        let sql = "SELECT at_s FROM newest_state";
        self.wrap(self.connection.query_row(sql, [], |row| row.get(0)).optional())
    }

    /// The node as it was last kept.
    ///
    /// # Errors
    /// [`HistoryError`] names file and reason.
    pub fn newest_state(&self) -> Result<Option<String>, HistoryError> {
        let sql = "SELECT state_json FROM newest_state";
        self.wrap(self.connection.query_row(sql, [], |row| row.get(0)).optional())
    }
}

//! Forwards that failed on our own links, and when somebody was looking.
//!
//! A node does not remember them, so what happened while nobody looked is unknown and never counts
//! as nothing: the spans of looking are kept. A channel keeps a bounded number of them a day; what
//! is beyond is counted and no more.

use crate::flows::{SECOND_NS, ns};
use crate::rows::id;
use crate::{FailedForward, FeeHistory, HistoryError};
use debal_fees_learn::DAY_S;
use debal_fees_learn::span::Span;
use rusqlite::{OptionalExtension, Row, Transaction, params};

/// Failures of a channel that are kept each day.
pub const FAILED_PER_DAY: i64 = 500;
/// Failures read at once; of more, the newest.
const READ_MAX: i64 = 1_000_000;

impl FeeHistory {
    /// Takes failed forwards in; one told twice counts once. Returns how many were new.
    ///
    /// # Errors
    /// [`HistoryError`] names file and reason.
    pub fn add_failed(&mut self, all: &[FailedForward]) -> Result<usize, HistoryError> {
        let added = (|| {
            let transaction = self.connection.transaction()?;
            let mut new = 0;
            for one in all {
                new += add(&transaction, one)?;
            }
            transaction.commit()?;
            Ok(new)
        })();
        self.wrap(added)
    }

    /// Failed forwards since a time, ascending by time.
    ///
    /// # Errors
    /// [`HistoryError`] names file and reason.
    pub fn failed_since(&self, since_s: i64) -> Result<Vec<FailedForward>, HistoryError> {
        let sql = "SELECT timestamp_ns, channel_in, channel_out, htlc_in, amount_msat, \
                   offered_msat, reason FROM failed_forwards WHERE timestamp_ns >= ?1 \
                   ORDER BY timestamp_ns DESC LIMIT ?2";
        let read = |row: &Row<'_>| {
            Ok(FailedForward {
                timestamp_ns: row.get(0)?,
                channel_in: row.get::<_, i64>(1)?.cast_unsigned(),
                channel_out: row.get::<_, i64>(2)?.cast_unsigned(),
                htlc_in: row.get::<_, i64>(3)?.cast_unsigned(),
                amount_msat: row.get(4)?,
                offered_msat: row.get(5)?,
                reason: row.get(6)?,
            })
        };
        let all = || -> rusqlite::Result<Vec<FailedForward>> {
            let mut statement = self.connection.prepare_cached(sql)?;
            statement.query_map([ns(since_s), READ_MAX], read)?.collect()
        };
        let mut failed = self.wrap(all())?;
        failed.reverse();
        Ok(failed)
    }

    /// How many forwards out through a channel failed on a day, and how many of them are kept.
    ///
    /// # Errors
    /// [`HistoryError`] names file and reason.
    pub fn failed_on(&self, channel: u64, day: i64) -> Result<(i64, i64), HistoryError> {
        let sql = "SELECT count, kept FROM failed_daily WHERE channel = ?1 AND day = ?2";
        let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let found = self.connection.query_row(sql, params![id(channel), day], read).optional();
        Ok(self.wrap(found)?.unwrap_or_default())
    }

    /// How many forwards failed from a day on, over all channels. Kept for as long as rules look
    /// back: the table stays small.
    ///
    /// # Errors
    /// [`HistoryError`] names file and reason.
    pub fn failed_from(&self, first: i64) -> Result<i64, HistoryError> {
        let sql = "SELECT coalesce(sum(count), 0) FROM failed_daily WHERE day >= ?1";
        self.wrap(self.connection.query_row(sql, [first], |row| row.get(0)))
    }

    /// Forgets failed forwards, and spans of looking, before a time.
    ///
    /// # Errors
    /// [`HistoryError`] names file and reason.
    pub fn forget_failed(&self, before_s: i64) -> Result<(), HistoryError> {
        let sql = "DELETE FROM failed_forwards WHERE timestamp_ns < ?1";
        self.wrap(self.connection.execute(sql, [ns(before_s)]))?;
        let sql = "DELETE FROM watched WHERE to_s < ?1";
        self.wrap(self.connection.execute(sql, [before_s]))?;
        let sql = "DELETE FROM failed_daily WHERE day < ?1";
        self.wrap(self.connection.execute(sql, [before_s.div_euclid(DAY_S)])).map(|_| ())
    }

    /// Somebody looked for failures throughout a span; a span that begins like a kept one extends
    /// it.
    ///
    /// # Errors
    /// [`HistoryError`] names file and reason.
    pub fn watched(&self, span: Span) -> Result<(), HistoryError> {
        let sql = "INSERT INTO watched VALUES (?1, ?2) \
                   ON CONFLICT (from_s) DO UPDATE SET to_s = max(to_s, ?2)";
        self.wrap(self.connection.execute(sql, [span.from_s, span.to_s])).map(|_| ())
    }

    /// When somebody looked, since a time, ascending.
    ///
    /// # Errors
    /// [`HistoryError`] names file and reason.
    pub fn watched_since(&self, since_s: i64) -> Result<Vec<Span>, HistoryError> {
        let sql = "SELECT max(from_s, ?1), to_s FROM watched WHERE to_s > ?1 ORDER BY from_s";
        let read = |row: &Row<'_>| Ok(Span { from_s: row.get(0)?, to_s: row.get(1)? });
        let all = || {
            let mut statement = self.connection.prepare_cached(sql)?;
            statement.query_map([since_s], read)?.collect()
        };
        self.wrap(all())
    }
}

fn add(transaction: &Transaction<'_>, one: &FailedForward) -> rusqlite::Result<usize> {
    let known = "SELECT 1 FROM failed_forwards \
                 WHERE channel_in = ?1 AND htlc_in = ?2 AND timestamp_ns = ?3";
    let key = params![id(one.channel_in), id(one.htlc_in), one.timestamp_ns];
    if transaction.prepare_cached(known)?.exists(key)? {
        return Ok(0);
    }
    let day = one.timestamp_ns.div_euclid(SECOND_NS).div_euclid(DAY_S);
    let count = "INSERT INTO failed_daily VALUES (?1, ?2, 1, ?3, 1) \
                 ON CONFLICT (channel, day) DO UPDATE SET count = count + 1, \
                 amount_msat = amount_msat + ?3, kept = min(kept + 1, ?4) RETURNING count";
    let values = params![id(one.channel_out), day, one.amount_msat, FAILED_PER_DAY];
    let count: i64 = transaction.prepare_cached(count)?.query_row(values, |row| row.get(0))?;
    if count > FAILED_PER_DAY {
        return Ok(1);
    }
    let sql = "INSERT INTO failed_forwards VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    transaction.prepare_cached(sql)?.execute(params![
        one.timestamp_ns,
        id(one.channel_in),
        id(one.channel_out),
        id(one.htlc_in),
        one.amount_msat,
        one.offered_msat,
        one.reason,
    ])?;
    Ok(1)
}

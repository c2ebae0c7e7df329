//! Forwards, failed forwards and balances: taken in once, read by the statistics.
//!
//! A forward that is told twice must never count twice: pages of a node's history overlap.

use crate::rows::id;
use crate::{FailedForward, FeeHistory, ForwardRow, HistoryError, SampleRow};
use debal_fees_learn::DAY_S;
use debal_fees_learn::demand::Reign;
use debal_fees_learn::span::{Forward, Sample, Span};
use rusqlite::{Row, Transaction, params};

/// Nanoseconds of a second.
const SECOND_NS: i64 = 1_000_000_000;

impl FeeHistory {
    /// Takes forwards in, all or none; returns how many were new.
    ///
    /// # Errors
    /// [`HistoryError`] names file and reason.
    pub fn add_forwards(&mut self, all: &[ForwardRow]) -> Result<usize, HistoryError> {
        let added = (|| {
            let transaction = self.connection.transaction()?;
            let mut new = 0;
            for forward in all {
                new += add_forward(&transaction, forward)?;
            }
            transaction.commit()?;
            Ok(new)
        })();
        self.wrap(added)
    }

    /// When the newest forward settled, unix nanoseconds: where the next page begins.
    ///
    /// # Errors
    /// [`HistoryError`] names file and reason.
    pub fn newest_forward_ns(&self) -> Result<Option<i64>, HistoryError> {
        let sql = "SELECT max(timestamp_ns) FROM forwards";
        self.wrap(self.connection.query_row(sql, [], |row| row.get(0)))
    }

    /// Takes failed forwards in; one told twice counts once.
    ///
    /// # Errors
    /// [`HistoryError`] names file and reason.
    pub fn add_failed(&mut self, all: &[FailedForward]) -> Result<(), HistoryError> {
        let sql = "INSERT OR IGNORE INTO failed_forwards VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let added = (|| {
            let transaction = self.connection.transaction()?;
            for one in all {
                transaction.prepare_cached(sql)?.execute(params![
                    one.timestamp_ns,
                    id(one.channel_in),
                    id(one.channel_out),
                    id(one.htlc_in),
                    one.amount_msat,
                    one.offered_msat,
                    one.reason,
                ])?;
            }
            transaction.commit()
        })();
        self.wrap(added)
    }

    /// Takes balances in.
    ///
    /// # Errors
    /// [`HistoryError`] names file and reason.
    pub fn add_samples(&mut self, all: &[SampleRow]) -> Result<(), HistoryError> {
        let sql = "INSERT OR REPLACE INTO samples VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let added = (|| {
            let transaction = self.connection.transaction()?;
            for one in all {
                transaction.prepare_cached(sql)?.execute(params![
                    id(one.channel),
                    one.at_s,
                    one.capacity_msat,
                    one.outbound_msat,
                    one.inbound_msat,
                    one.active,
                ])?;
            }
            transaction.commit()
        })();
        self.wrap(added)
    }

    /// All forwards since a time, ascending by time.
    ///
    /// # Errors
    /// [`HistoryError`] names file and reason.
    pub fn forwards_since(&self, since_s: i64) -> Result<Vec<ForwardRow>, HistoryError> {
        let sql = "SELECT timestamp_ns, channel_in, channel_out, in_msat, out_msat, fee_msat \
                   FROM forwards WHERE timestamp_ns >= ?1 ORDER BY timestamp_ns";
        let read = |row: &Row<'_>| {
            Ok(ForwardRow {
                timestamp_ns: row.get(0)?,
                channel_in: row.get::<_, i64>(1)?.cast_unsigned(),
                channel_out: row.get::<_, i64>(2)?.cast_unsigned(),
                in_msat: row.get(3)?,
                out_msat: row.get(4)?,
                fee_msat: row.get(5)?,
            })
        };
        let all = || {
            let mut statement = self.connection.prepare_cached(sql)?;
            statement.query_map([ns(since_s)], read)?.collect()
        };
        self.wrap(all())
    }

    /// Forwards out through a channel, ascending by time.
    ///
    /// # Errors
    /// [`HistoryError`] names file and reason.
    pub fn out_of(&self, channel: u64, span: Span) -> Result<Vec<Forward>, HistoryError> {
        let sql = "SELECT timestamp_ns, out_msat, fee_msat FROM forwards WHERE channel_out = ?1 \
                   AND timestamp_ns >= ?2 AND timestamp_ns < ?3 ORDER BY timestamp_ns";
        self.forwards(sql, params![id(channel), ns(span.from_s), ns(span.to_s)])
    }

    /// Forwards out through all other channels, ascending by time.
    ///
    /// # Errors
    /// [`HistoryError`] names file and reason.
    pub fn out_of_others(&self, channel: u64, span: Span) -> Result<Vec<Forward>, HistoryError> {
        let sql = "SELECT timestamp_ns, out_msat, fee_msat FROM forwards WHERE channel_out <> ?1 \
                   AND timestamp_ns >= ?2 AND timestamp_ns < ?3 ORDER BY timestamp_ns";
        self.forwards(sql, params![id(channel), ns(span.from_s), ns(span.to_s)])
    }

    /// What came in through a channel: when and how much, ascending by time.
    ///
    /// # Errors
    /// [`HistoryError`] names file and reason.
    pub fn came_into(&self, channel: u64, span: Span) -> Result<Vec<(i64, u64)>, HistoryError> {
        let sql = "SELECT timestamp_ns, in_msat, 0 FROM forwards WHERE channel_in = ?1 \
                   AND timestamp_ns >= ?2 AND timestamp_ns < ?3 ORDER BY timestamp_ns";
        let came = self.forwards(sql, params![id(channel), ns(span.from_s), ns(span.to_s)])?;
        Ok(came.into_iter().map(|forward| (forward.at_s, forward.amount_msat)).collect())
    }

    fn forwards(
        &self,
        sql: &str,
        values: impl rusqlite::Params,
    ) -> Result<Vec<Forward>, HistoryError> {
        let read = |row: &Row<'_>| {
            Ok(Forward {
                at_s: row.get::<_, i64>(0)?.div_euclid(SECOND_NS),
                amount_msat: row.get::<_, i64>(1)?.unsigned_abs(),
                fee_msat: row.get::<_, i64>(2)?.unsigned_abs(),
            })
        };
        let all = || {
            let mut statement = self.connection.prepare_cached(sql)?;
            statement.query_map(values, read)?.collect()
        };
        self.wrap(all())
    }

    /// What a channel could send, ascending by time; the newest sample before the span is the
    /// first, because it held until then.
    ///
    /// # Errors
    /// [`HistoryError`] names file and reason.
    pub fn samples(&self, channel: u64, span: Span) -> Result<Vec<Sample>, HistoryError> {
        let sql = "SELECT at_s, outbound_msat, active FROM samples WHERE channel = ?1 \
                   AND at_s >= coalesce((SELECT max(at_s) FROM samples \
                                         WHERE channel = ?1 AND at_s <= ?2), ?2) \
                   AND at_s < ?3 ORDER BY at_s";
        let read = |row: &Row<'_>| {
            Ok(Sample {
                at_s: row.get(0)?,
                outbound_msat: row.get::<_, i64>(1)?.unsigned_abs(),
                active: row.get(2)?,
            })
        };
        let all = || {
            let mut statement = self.connection.prepare_cached(sql)?;
            let rows = statement.query_map(params![id(channel), span.from_s, span.to_s], read)?;
            rows.collect()
        };
        self.wrap(all())
    }

    /// Which rate was in force when, as far as confirmed changes tell, ascending by time; the last
    /// one lasts until `now_s`. The first begins when the first change was made.
    ///
    /// # Errors
    /// [`HistoryError`] names file and reason.
    pub fn reigns(&self, channel: u64, now_s: i64) -> Result<Vec<Reign>, HistoryError> {
        let sql = "SELECT ended_s, new_fee_ppm FROM changes WHERE channel = ?1 \
                   AND state = 'confirmed' ORDER BY ended_s, change_id";
        let read = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
        let all = || -> rusqlite::Result<Vec<(i64, i64)>> {
            let mut statement = self.connection.prepare_cached(sql)?;
            statement.query_map([id(channel)], read)?.collect()
        };
        let made = self.wrap(all())?;
        let ends = made.iter().skip(1).map(|(at_s, _)| *at_s).chain([now_s]);
        let reigns = made.iter().zip(ends).map(|((from_s, fee_ppm), to_s)| Reign {
            span: Span { from_s: *from_s, to_s },
            fee_ppm: u32::try_from((*fee_ppm).max(0)).unwrap_or(u32::MAX),
        });
        Ok(reigns.collect())
    }
}

fn add_forward(transaction: &Transaction<'_>, forward: &ForwardRow) -> rusqlite::Result<usize> {
    let sql = "INSERT OR IGNORE INTO forwards VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let new = transaction.prepare_cached(sql)?.execute(params![
        forward.timestamp_ns,
        id(forward.channel_in),
        id(forward.channel_out),
        forward.in_msat,
        forward.out_msat,
        forward.fee_msat,
    ])?;
    if new == 0 {
        return Ok(0);
    }
    let day = forward.timestamp_ns.div_euclid(SECOND_NS).div_euclid(DAY_S);
    let sql = "INSERT INTO daily VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
               ON CONFLICT (channel, day) DO UPDATE SET out_count = out_count + ?3, \
               out_msat = out_msat + ?4, fee_msat = fee_msat + ?5, in_count = in_count + ?6, \
               in_msat = in_msat + ?7";
    let mut daily = transaction.prepare_cached(sql)?;
    let (out, came) = (forward.channel_out, forward.channel_in);
    daily.execute(params![id(out), day, 1, forward.out_msat, forward.fee_msat, 0, 0])?;
    daily.execute(params![id(came), day, 0, 0, 0, 1, forward.in_msat])?;
    Ok(1)
}

const fn ns(at_s: i64) -> i64 {
    at_s.saturating_mul(SECOND_NS)
}

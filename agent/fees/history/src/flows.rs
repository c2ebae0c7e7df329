//! Forwards and balances: taken in once, read by the statistics.
//!
//! A forward that is told twice must never count twice: pages of a node's history overlap.

use crate::rows::id;
use crate::{FeeHistory, ForwardRow, HistoryError, SampleRow};
use debal_fees_learn::DAY_S;
use debal_fees_learn::demand::Reign;
use debal_fees_learn::span::{Forward, Sample, Span};
use rusqlite::{Row, Transaction, params};
use std::collections::BTreeMap;

/// Nanoseconds of a second.
pub(crate) const SECOND_NS: i64 = 1_000_000_000;

/// Steps from channel to channel by the primary key: a year of samples is not read.
pub(crate) const NEWEST_SAMPLES: &str = "WITH RECURSIVE known (channel) AS ( \
    SELECT min(channel) FROM samples UNION ALL \
    SELECT (SELECT min(channel) FROM samples WHERE channel > known.channel) FROM known \
    WHERE known.channel IS NOT NULL) \
    SELECT sample.channel, at_s, capacity_msat, outbound_msat, inbound_msat, active \
    FROM known JOIN samples AS sample ON sample.channel = known.channel AND sample.at_s = \
    (SELECT max(at_s) FROM samples WHERE channel = known.channel)";

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

    /// Forwards out through each channel, ascending by time, in one pass over the span.
    ///
    /// # Errors
    /// [`HistoryError`] names file and reason.
    pub fn out_by_channel(&self, span: Span) -> Result<BTreeMap<u64, Vec<Forward>>, HistoryError> {
        let sql = "SELECT channel_out, timestamp_ns, out_msat, fee_msat FROM forwards \
                   WHERE timestamp_ns >= ?1 AND timestamp_ns < ?2 ORDER BY timestamp_ns";
        let mut found: BTreeMap<u64, Vec<Forward>> = BTreeMap::new();
        let mut read = || {
            let mut statement = self.connection.prepare_cached(sql)?;
            let mut rows = statement.query([ns(span.from_s), ns(span.to_s)])?;
            while let Some(row) = rows.next()? {
                let channel = row.get::<_, i64>(0)?.cast_unsigned();
                found.entry(channel).or_default().push(forward(row, 1)?);
            }
            Ok(())
        };
        self.wrap(read())?;
        Ok(found)
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
        let read = |row: &Row<'_>| forward(row, 0);
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

    /// Which rate was in force when, as far as is known, ascending by time; the last one lasts
    /// until `now_s`. The first begins when the channel was first seen.
    ///
    /// # Errors
    /// [`HistoryError`] names file and reason.
    pub fn reigns(&self, channel: u64, now_s: i64) -> Result<Vec<Reign>, HistoryError> {
        let sql = "SELECT at_s, fee_ppm, 0 FROM first_seen WHERE channel = ?1 UNION ALL \
                   SELECT ended_s, new_fee_ppm, change_id FROM changes WHERE channel = ?1 \
                   AND state = 'confirmed' ORDER BY 1, 3";
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
        // A change that kept the rate (a limit, a switch) begins no new reign of it.
        Ok(reigns.fold(Vec::new(), |mut kept: Vec<Reign>, reign| {
            match kept.last_mut().filter(|last| last.fee_ppm == reign.fee_ppm) {
                Some(last) => last.span.to_s = reign.span.to_s,
                None if reign.span.length_s() > 0 || reign.span.to_s >= now_s => kept.push(reign),
                None => {}
            }
            kept
        }))
    }

    /// The newest sample of every channel.
    ///
    /// # Errors
    /// [`HistoryError`] names file and reason.
    pub fn newest_samples(&self) -> Result<Vec<SampleRow>, HistoryError> {
        let read = |row: &Row<'_>| {
            Ok(SampleRow {
                channel: row.get::<_, i64>(0)?.cast_unsigned(),
                at_s: row.get(1)?,
                capacity_msat: row.get(2)?,
                outbound_msat: row.get(3)?,
                inbound_msat: row.get(4)?,
                active: row.get(5)?,
            })
        };
        let all = || {
            let mut statement = self.connection.prepare_cached(NEWEST_SAMPLES)?;
            statement.query_map([], read)?.collect()
        };
        self.wrap(all())
    }
}

/// Time, amount and fee from a row's columns from `first` on.
fn forward(row: &Row<'_>, first: usize) -> rusqlite::Result<Forward> {
    Ok(Forward {
        at_s: row.get::<_, i64>(first)?.div_euclid(SECOND_NS),
        amount_msat: row.get::<_, i64>(first + 1)?.unsigned_abs(),
        fee_msat: row.get::<_, i64>(first + 2)?.unsigned_abs(),
    })
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

pub(crate) const fn ns(at_s: i64) -> i64 {
    at_s.saturating_mul(SECOND_NS)
}

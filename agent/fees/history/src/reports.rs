//! What `status` and `report` show, from the daily sums: a year of forwards is not read again.
//!
//! It must never count a day twice, or a forward on two days.

use crate::{FeeHistory, HistoryError};
use rusqlite::params;
use serde::Serialize;

/// What a channel earned in some days.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Earning {
    /// The channel.
    pub channel: u64,
    /// Forwards out through it.
    pub out_count: i64,
    /// What they moved.
    pub out_msat: i64,
    /// What they earned.
    pub fee_msat: i64,
    /// Forwards in through it.
    pub in_count: i64,
    /// What they moved.
    pub in_msat: i64,
}

impl FeeHistory {
    /// What every channel earned from day `first` up to and without day `end` (days of 86,400
    /// seconds since 1970), best first.
    ///
    /// # Errors
    /// [`HistoryError`] names file and reason.
    pub fn earnings(&self, first: i64, end: i64) -> Result<Vec<Earning>, HistoryError> {
        let sql = "SELECT channel, sum(out_count), sum(out_msat), sum(fee_msat), sum(in_count), \
                   sum(in_msat) FROM daily WHERE day >= ?1 AND day < ?2 GROUP BY channel \
                   ORDER BY sum(fee_msat) DESC, channel";
        let all = || {
            let mut statement = self.connection.prepare_cached(sql)?;
            let rows = statement.query_map(params![first, end], |row| {
                Ok(Earning {
                    channel: row.get::<_, i64>(0)?.cast_unsigned(),
                    out_count: row.get(1)?,
                    out_msat: row.get(2)?,
                    fee_msat: row.get(3)?,
                    in_count: row.get(4)?,
                    in_msat: row.get(5)?,
                })
            })?;
            rows.collect()
        };
        self.wrap(all())
    }
}

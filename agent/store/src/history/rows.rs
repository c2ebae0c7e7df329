//! One struct per table, with its insert and its read. Text fields are the caller's words and are
//! stored as given.
//!
//! It must never turn an amount that does not fit into another amount: such a row is refused.

use super::HistoryError;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, Row, params};
use serde::{Deserialize, Serialize};

mod sealed {
    pub trait Sealed {}
}

/// A row of one of the tables.
pub trait HistoryRow: Sized + sealed::Sealed {
    /// Its table.
    const TABLE: &'static str;
    /// Its columns, in the order `read` expects.
    const COLUMNS: &'static str;
    /// The expression that says when it happened, in milliseconds since 1970.
    const TIME: &'static str;

    /// Stores the row, replacing one of the same key.
    fn insert(&self, connection: &Connection) -> rusqlite::Result<()>;

    /// Reads a row of `COLUMNS`.
    fn read(row: &Row<'_>) -> rusqlite::Result<Self>;
}

/// Table and time expression of every row type, for pruning.
pub(super) const TABLES: [(&str, &str); 5] = [
    (EpochRow::TABLE, EpochRow::TIME),
    (CycleRow::TABLE, CycleRow::TIME),
    (PaymentRow::TABLE, PaymentRow::TIME),
    (ChannelSampleRow::TABLE, ChannelSampleRow::TIME),
    (EventRow::TABLE, EventRow::TIME),
];

/// An election.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochRow {
    /// Epoch number.
    pub epoch: u64,
    /// The certified leader; none when the epoch was skipped.
    pub leader: Option<String>,
    /// The round that certified it.
    pub round: Option<u64>,
    /// When the epoch was certified or given up, in milliseconds since 1970.
    pub certified_ms: u64,
    /// How it ended, in the caller's words.
    pub outcome: String,
}

/// A planned cycle and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CycleRow {
    /// Unique id.
    pub cycle_id: String,
    /// The epoch that planned it.
    pub epoch: u64,
    /// The member that drew the secret.
    pub opener: String,
    /// Number of hops.
    pub hops: u64,
    /// Amount moved round, in msat.
    pub amount_msat: u64,
    /// Fees paid by this node, in msat.
    pub fee_msat: u64,
    /// How it ended, in the caller's words.
    pub outcome: String,
    /// Why, where there is a reason.
    pub reason: Option<String>,
    /// When the plan was accepted, in milliseconds since 1970.
    pub planned_ms: u64,
    /// When it ended; none while it is open.
    pub done_ms: Option<u64>,
}

/// Which part this node had in a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// It paid.
    Sent,
    /// It was paid.
    Received,
    /// It passed the payment on.
    Forwarded,
}

/// A payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentRow {
    /// Unique id.
    pub payment_id: String,
    /// This node's part in it.
    pub direction: Direction,
    /// Amount, in msat.
    pub amount_msat: u64,
    /// Fee paid (sent) or earned (forwarded), in msat.
    pub fee_msat: u64,
    /// Number of hops, as far as this node knows.
    pub hops: u64,
    /// How it ended, in the caller's words.
    pub outcome: String,
    /// Why, where there is a reason.
    pub reason: Option<String>,
    /// When it began, in milliseconds since 1970.
    pub started_ms: u64,
    /// When it ended; none while it is open.
    pub done_ms: Option<u64>,
}

/// A channel's balance at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelSampleRow {
    /// The channel, as printed everywhere else.
    pub channel: String,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// This node's side, in msat.
    pub local_msat: u64,
    /// The whole channel, in msat.
    pub capacity_msat: u64,
}

/// Anything else worth keeping.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventRow {
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// What kind, a word of the caller's.
    pub kind: String,
    /// Details, stored as JSON text that SQLite's JSON functions can query.
    pub detail: serde_json::Value,
}

impl sealed::Sealed for EpochRow {}
impl HistoryRow for EpochRow {
    const TABLE: &'static str = "epochs";
    const COLUMNS: &'static str = "epoch, leader, round, certified_ms, outcome";
    const TIME: &'static str = "certified_ms";

    fn insert(&self, connection: &Connection) -> rusqlite::Result<()> {
        let round = self.round.map(|round| Unsigned("round", round));
        store::<Self>(
            connection,
            params![
                Unsigned("epoch", self.epoch),
                self.leader,
                round,
                Unsigned("certified_ms", self.certified_ms),
                self.outcome
            ],
        )
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            epoch: row.get::<_, Stored>(0)?.0,
            leader: row.get(1)?,
            round: row.get::<_, Option<Stored>>(2)?.map(|stored| stored.0),
            certified_ms: row.get::<_, Stored>(3)?.0,
            outcome: row.get(4)?,
        })
    }
}

impl sealed::Sealed for CycleRow {}
impl HistoryRow for CycleRow {
    const TABLE: &'static str = "cycles";
    const COLUMNS: &'static str = "cycle_id, epoch, opener, hops, amount_msat, fee_msat, outcome, \
        reason, planned_ms, done_ms";
    const TIME: &'static str = "coalesce(done_ms, planned_ms)";

    fn insert(&self, connection: &Connection) -> rusqlite::Result<()> {
        store::<Self>(
            connection,
            params![
                self.cycle_id,
                Unsigned("epoch", self.epoch),
                self.opener,
                Unsigned("hops", self.hops),
                Unsigned("amount_msat", self.amount_msat),
                Unsigned("fee_msat", self.fee_msat),
                self.outcome,
                self.reason,
                Unsigned("planned_ms", self.planned_ms),
                self.done_ms.map(|done_ms| Unsigned("done_ms", done_ms)),
            ],
        )
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            cycle_id: row.get(0)?,
            epoch: row.get::<_, Stored>(1)?.0,
            opener: row.get(2)?,
            hops: row.get::<_, Stored>(3)?.0,
            amount_msat: row.get::<_, Stored>(4)?.0,
            fee_msat: row.get::<_, Stored>(5)?.0,
            outcome: row.get(6)?,
            reason: row.get(7)?,
            planned_ms: row.get::<_, Stored>(8)?.0,
            done_ms: row.get::<_, Option<Stored>>(9)?.map(|stored| stored.0),
        })
    }
}

impl sealed::Sealed for PaymentRow {}
impl HistoryRow for PaymentRow {
    const TABLE: &'static str = "payments";
    const COLUMNS: &'static str =
        "payment_id, direction, amount_msat, fee_msat, hops, outcome, reason, started_ms, done_ms";
    const TIME: &'static str = "coalesce(done_ms, started_ms)";

    fn insert(&self, connection: &Connection) -> rusqlite::Result<()> {
        store::<Self>(
            connection,
            params![
                self.payment_id,
                self.direction,
                Unsigned("amount_msat", self.amount_msat),
                Unsigned("fee_msat", self.fee_msat),
                Unsigned("hops", self.hops),
                self.outcome,
                self.reason,
                Unsigned("started_ms", self.started_ms),
                self.done_ms.map(|done_ms| Unsigned("done_ms", done_ms)),
            ],
        )
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            payment_id: row.get(0)?,
            direction: row.get(1)?,
            amount_msat: row.get::<_, Stored>(2)?.0,
            fee_msat: row.get::<_, Stored>(3)?.0,
            hops: row.get::<_, Stored>(4)?.0,
            outcome: row.get(5)?,
            reason: row.get(6)?,
            started_ms: row.get::<_, Stored>(7)?.0,
            done_ms: row.get::<_, Option<Stored>>(8)?.map(|stored| stored.0),
        })
    }
}

impl sealed::Sealed for ChannelSampleRow {}
impl HistoryRow for ChannelSampleRow {
    const TABLE: &'static str = "channel_samples";
    const COLUMNS: &'static str = "channel, at_ms, local_msat, capacity_msat";
    const TIME: &'static str = "at_ms";

    fn insert(&self, connection: &Connection) -> rusqlite::Result<()> {
        store::<Self>(
            connection,
            params![
                self.channel,
                Unsigned("at_ms", self.at_ms),
                Unsigned("local_msat", self.local_msat),
                Unsigned("capacity_msat", self.capacity_msat),
            ],
        )
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            channel: row.get(0)?,
            at_ms: row.get::<_, Stored>(1)?.0,
            local_msat: row.get::<_, Stored>(2)?.0,
            capacity_msat: row.get::<_, Stored>(3)?.0,
        })
    }
}

impl sealed::Sealed for EventRow {}
impl HistoryRow for EventRow {
    const TABLE: &'static str = "events";
    const COLUMNS: &'static str = "at_ms, kind, detail_json";
    const TIME: &'static str = "at_ms";

    fn insert(&self, connection: &Connection) -> rusqlite::Result<()> {
        store::<Self>(
            connection,
            params![Unsigned("at_ms", self.at_ms), self.kind, self.detail.to_string(),],
        )
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let text: String = row.get(2)?;
        let detail = serde_json::from_str(&text).map_err(|error| {
            let text_type = rusqlite::types::Type::Text;
            rusqlite::Error::FromSqlConversionFailure(2, text_type, Box::new(error))
        })?;
        Ok(Self { at_ms: row.get::<_, Stored>(0)?.0, kind: row.get(1)?, detail })
    }
}

/// Inserts one row, replacing one of the same key. Columns are named, so that a later schema may
/// add some.
fn store<R: HistoryRow>(connection: &Connection, values: &[&dyn ToSql]) -> rusqlite::Result<()> {
    let places: Vec<String> = (1..=values.len()).map(|place| format!("?{place}")).collect();
    let (table, columns, places) = (R::TABLE, R::COLUMNS, places.join(", "));
    let sql = format!("INSERT OR REPLACE INTO {table} ({columns}) VALUES ({places})");
    connection.prepare_cached(&sql)?.execute(values)?;
    Ok(())
}

impl ToSql for Direction {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(match self {
            Self::Sent => "sent",
            Self::Received => "received",
            Self::Forwarded => "forwarded",
        }))
    }
}

impl FromSql for Direction {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_str()? {
            "sent" => Ok(Self::Sent),
            "received" => Ok(Self::Received),
            "forwarded" => Ok(Self::Forwarded),
            _ => Err(FromSqlError::InvalidType),
        }
    }
}

/// An unsigned value on its way in, with the column it is for.
struct Unsigned(&'static str, u64);

impl ToSql for Unsigned {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        i64::try_from(self.1).map(ToSqlOutput::from).map_err(|_| {
            let Self(column, value) = *self;
            rusqlite::Error::ToSqlConversionFailure(Box::new(TooLarge { column, value }))
        })
    }
}

/// An unsigned value on its way out.
struct Stored(u64);

impl FromSql for Stored {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let signed = value.as_i64()?;
        u64::try_from(signed).map(Self).map_err(|_| FromSqlError::OutOfRange(signed))
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{column} is {value}, more than a signed 64-bit integer holds")]
struct TooLarge {
    column: &'static str,
    value: u64,
}

/// The named error behind a conversion failure of ours.
pub(super) fn out_of_range(error: &rusqlite::Error) -> Option<HistoryError> {
    let rusqlite::Error::ToSqlConversionFailure(inner) = error else { return None };
    let TooLarge { column, value } = inner.downcast_ref::<TooLarge>()?;
    Some(HistoryError::OutOfRange { column, value: value.to_string() })
}

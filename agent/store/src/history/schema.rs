//! The tables an operator sees, and the steps from each older schema to the newest.
//!
//! A landed step must never be edited: add the next one. Amounts are millisatoshi, times
//! milliseconds since 1970.

use rusqlite::{Connection, TransactionBehavior};

/// The schema this program writes; kept in SQLite's `user_version`.
pub const SCHEMA_VERSION: i64 = STEPS.len() as i64;

/// Step n brings a database from version n to n + 1.
const STEPS: &[&str] = &["
CREATE TABLE epochs (
    epoch        INTEGER PRIMARY KEY,
    leader       TEXT,
    round        INTEGER,
    certified_ms INTEGER NOT NULL,
    outcome      TEXT NOT NULL
);
CREATE INDEX epochs_by_time ON epochs (certified_ms);

CREATE TABLE cycles (
    cycle_id    TEXT PRIMARY KEY,
    epoch       INTEGER NOT NULL,
    opener      TEXT NOT NULL,
    hops        INTEGER NOT NULL,
    amount_msat INTEGER NOT NULL,
    fee_msat    INTEGER NOT NULL,
    outcome     TEXT NOT NULL,
    reason      TEXT,
    planned_ms  INTEGER NOT NULL,
    done_ms     INTEGER
);
CREATE INDEX cycles_by_time ON cycles (coalesce(done_ms, planned_ms));
CREATE INDEX cycles_by_epoch ON cycles (epoch);

CREATE TABLE payments (
    payment_id  TEXT PRIMARY KEY,
    direction   TEXT NOT NULL CHECK (direction IN ('sent', 'received', 'forwarded')),
    amount_msat INTEGER NOT NULL,
    fee_msat    INTEGER NOT NULL,
    hops        INTEGER NOT NULL,
    outcome     TEXT NOT NULL,
    reason      TEXT,
    started_ms  INTEGER NOT NULL,
    done_ms     INTEGER
);
CREATE INDEX payments_by_time ON payments (coalesce(done_ms, started_ms));

CREATE TABLE channel_samples (
    channel       TEXT NOT NULL,
    at_ms         INTEGER NOT NULL,
    local_msat    INTEGER NOT NULL,
    capacity_msat INTEGER NOT NULL,
    PRIMARY KEY (channel, at_ms)
);
CREATE INDEX channel_samples_by_time ON channel_samples (at_ms);

CREATE TABLE events (
    at_ms       INTEGER NOT NULL,
    kind        TEXT NOT NULL,
    detail_json TEXT NOT NULL
);
CREATE INDEX events_by_time ON events (at_ms);
"];

/// Runs the missing steps, each with its new version in one transaction.
pub(super) fn migrate(connection: &Connection, found: i64) -> rusqlite::Result<()> {
    let done = usize::try_from(found).unwrap_or(0);
    for (index, step) in STEPS.iter().enumerate().skip(done) {
        let transaction =
            rusqlite::Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", index as i64 + 1)?;
        transaction.commit()?;
    }
    Ok(())
}

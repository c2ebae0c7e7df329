//! The tables, and the steps from each older schema to the newest.
//!
//! A landed step must never be edited: add the next one.

use rusqlite::{Connection, Transaction, TransactionBehavior};

/// The schema this program writes; kept in SQLite's `user_version`.
pub(crate) const VERSION: i64 = STEPS.len() as i64;

/// Step n brings a database from version n to n + 1.
const STEPS: &[&str] = &[
    "
CREATE TABLE runs (
    run_id       INTEGER PRIMARY KEY,
    began_s      INTEGER NOT NULL,
    ended_s      INTEGER,
    rules_digest TEXT NOT NULL,
    dry_run      INTEGER NOT NULL,
    outcome      TEXT
);

CREATE TABLE decisions (
    run_id      INTEGER NOT NULL REFERENCES runs (run_id),
    channel     INTEGER NOT NULL,
    section     TEXT,
    strategy    TEXT,
    inputs_json TEXT NOT NULL,
    reason_json TEXT NOT NULL,
    PRIMARY KEY (run_id, channel)
) WITHOUT ROWID;
CREATE INDEX decisions_by_channel ON decisions (channel, run_id);

-- Every policy is whole: base and rate out and in, time lock, limits, switch.
CREATE TABLE changes (
    change_id    INTEGER PRIMARY KEY,
    run_id       INTEGER REFERENCES runs (run_id),
    channel      INTEGER NOT NULL,
    origin       TEXT NOT NULL CHECK (origin IN ('rules', 'learning', 'rollback', 'foreign')),
    state        TEXT NOT NULL CHECK (state IN
                 ('decided', 'sent', 'confirmed', 'refused', 'abandoned')),
    decided_s    INTEGER NOT NULL,
    ended_s      INTEGER,
    reason       TEXT,
    undoes       INTEGER REFERENCES changes (change_id),
    rules_digest TEXT NOT NULL,
    old_base_fee_msat INTEGER NOT NULL, old_fee_ppm INTEGER NOT NULL,
    old_inbound_base_fee_msat INTEGER NOT NULL, old_inbound_fee_ppm INTEGER NOT NULL,
    old_time_lock_delta INTEGER NOT NULL, old_min_htlc_msat INTEGER NOT NULL,
    old_max_htlc_msat INTEGER NOT NULL, old_disabled INTEGER NOT NULL,
    new_base_fee_msat INTEGER NOT NULL, new_fee_ppm INTEGER NOT NULL,
    new_inbound_base_fee_msat INTEGER NOT NULL, new_inbound_fee_ppm INTEGER NOT NULL,
    new_time_lock_delta INTEGER NOT NULL, new_min_htlc_msat INTEGER NOT NULL,
    new_max_htlc_msat INTEGER NOT NULL, new_disabled INTEGER NOT NULL
);
CREATE INDEX changes_by_channel ON changes (channel, change_id);
CREATE UNIQUE INDEX changes_open ON changes (channel) WHERE state IN ('decided', 'sent');

CREATE TABLE forwards (
    timestamp_ns INTEGER NOT NULL,
    channel_in   INTEGER NOT NULL,
    channel_out  INTEGER NOT NULL,
    in_msat      INTEGER NOT NULL,
    out_msat     INTEGER NOT NULL,
    fee_msat     INTEGER NOT NULL,
    PRIMARY KEY (timestamp_ns, channel_in, channel_out, in_msat)
) WITHOUT ROWID;
CREATE INDEX forwards_out ON forwards (channel_out, timestamp_ns);
CREATE INDEX forwards_in ON forwards (channel_in, timestamp_ns);

-- What a channel earned on one day (days of 86,400 s since 1970): reports need no year of forwards.
CREATE TABLE daily (
    channel   INTEGER NOT NULL,
    day       INTEGER NOT NULL,
    out_count INTEGER NOT NULL,
    out_msat  INTEGER NOT NULL,
    fee_msat  INTEGER NOT NULL,
    in_count  INTEGER NOT NULL,
    in_msat   INTEGER NOT NULL,
    PRIMARY KEY (channel, day)
) WITHOUT ROWID;

CREATE TABLE failed_forwards (
    timestamp_ns INTEGER NOT NULL,
    channel_in   INTEGER NOT NULL,
    channel_out  INTEGER NOT NULL,
    htlc_in      INTEGER NOT NULL,
    amount_msat  INTEGER NOT NULL,
    offered_msat INTEGER NOT NULL,
    reason       TEXT NOT NULL,
    PRIMARY KEY (channel_in, htlc_in, timestamp_ns)
) WITHOUT ROWID;
CREATE INDEX failed_out ON failed_forwards (channel_out, timestamp_ns);

CREATE TABLE samples (
    channel       INTEGER NOT NULL,
    at_s          INTEGER NOT NULL,
    capacity_msat INTEGER NOT NULL,
    outbound_msat INTEGER NOT NULL,
    inbound_msat  INTEGER NOT NULL,
    active        INTEGER NOT NULL,
    PRIMARY KEY (channel, at_s)
) WITHOUT ROWID;
",
    "
-- Limits of peers at the circuit breaker; a side without figures is the default limit.
CREATE TABLE limit_changes (
    change_id       INTEGER PRIMARY KEY,
    run_id          INTEGER NOT NULL REFERENCES runs (run_id),
    peer            TEXT NOT NULL,
    state           TEXT NOT NULL CHECK (state IN ('sent', 'confirmed', 'refused', 'abandoned')),
    decided_s       INTEGER NOT NULL,
    ended_s         INTEGER,
    reason          TEXT,
    old_hourly_rate INTEGER, old_pending INTEGER, old_mode INTEGER,
    new_hourly_rate INTEGER, new_pending INTEGER, new_mode INTEGER
);
CREATE UNIQUE INDEX limit_changes_open ON limit_changes (peer) WHERE state = 'sent';

-- What was found at a channel before we changed anything: since when its rate is known.
CREATE TABLE first_seen (
    channel       INTEGER PRIMARY KEY,
    at_s          INTEGER NOT NULL,
    base_fee_msat INTEGER NOT NULL, fee_ppm INTEGER NOT NULL,
    inbound_base_fee_msat INTEGER NOT NULL, inbound_fee_ppm INTEGER NOT NULL,
    time_lock_delta INTEGER NOT NULL, min_htlc_msat INTEGER NOT NULL,
    max_htlc_msat INTEGER NOT NULL, disabled INTEGER NOT NULL
);

-- The node as it was last seen, without forwards: rules can be tried on it.
CREATE TABLE newest_state (
    only_row   INTEGER PRIMARY KEY CHECK (only_row = 1),
    at_s       INTEGER NOT NULL,
    state_json TEXT NOT NULL
);

-- A channel's failures of one day: all are counted, a bounded number is kept.
CREATE TABLE failed_daily (
    channel     INTEGER NOT NULL,
    day         INTEGER NOT NULL,
    count       INTEGER NOT NULL,
    amount_msat INTEGER NOT NULL,
    kept        INTEGER NOT NULL,
    PRIMARY KEY (channel, day)
) WITHOUT ROWID;
CREATE INDEX failed_at ON failed_forwards (timestamp_ns);

-- When somebody listened for failures: a node does not repeat them.
CREATE TABLE watched (
    from_s INTEGER PRIMARY KEY,
    to_s   INTEGER NOT NULL
);

-- What every pass, status and report ask, without reading a year.
CREATE INDEX daily_by_day ON daily (day);
-- A channel's own forwards are read from the index alone.
DROP INDEX forwards_out;
CREATE INDEX forwards_out ON forwards (channel_out, timestamp_ns, out_msat, fee_msat);
CREATE INDEX changes_confirmed ON changes (ended_s) WHERE state = 'confirmed';
CREATE INDEX changes_undoing ON changes (undoes) WHERE undoes IS NOT NULL;
",
];

/// Runs the missing steps, each with its new version in one transaction.
pub(crate) fn migrate(connection: &Connection, found: i64) -> rusqlite::Result<()> {
    let done = usize::try_from(found).unwrap_or(0);
    for (index, step) in STEPS.iter().enumerate().skip(done) {
        let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", index as i64 + 1)?;
        transaction.commit()?;
    }
    Ok(())
}

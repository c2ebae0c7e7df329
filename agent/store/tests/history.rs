//! History: typed rows in and out, an operator's SQL, migrations, pruning, and damage that stops
//! nobody.
//!
//! Damage must always be named with the way out, and amounts must never change on the way.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use debal_store::history::{
    ChannelSampleRow, CycleRow, Direction, EpochRow, EventRow, PaymentRow, SCHEMA_VERSION,
};
use debal_store::{History, HistoryError};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

struct Place {
    _dir: tempfile::TempDir,
    path: PathBuf,
}

fn place() -> Place {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("history.sqlite");
    Place { _dir: dir, path }
}

fn epoch(epoch: u64) -> EpochRow {
    EpochRow {
        epoch,
        leader: Some(format!("node-{epoch}")),
        round: Some(0),
        certified_ms: epoch * 1000,
        outcome: "certified".to_owned(),
    }
}

fn cycle(id: &str, planned_ms: u64, done_ms: Option<u64>) -> CycleRow {
    CycleRow {
        cycle_id: id.to_owned(),
        epoch: 3,
        opener: "node-1".to_owned(),
        hops: 4,
        amount_msat: (1 << 60) + 1,
        fee_msat: 17,
        outcome: "committed".to_owned(),
        reason: None,
        planned_ms,
        done_ms,
    }
}

fn payment(id: &str, direction: Direction, started_ms: u64) -> PaymentRow {
    PaymentRow {
        payment_id: id.to_owned(),
        direction,
        amount_msat: 12_345,
        fee_msat: 1,
        hops: 3,
        outcome: "failed".to_owned(),
        reason: Some("no route".to_owned()),
        started_ms,
        done_ms: None,
    }
}

fn sample(channel: &str, at_ms: u64) -> ChannelSampleRow {
    ChannelSampleRow {
        channel: channel.to_owned(),
        at_ms,
        local_msat: at_ms * 10,
        capacity_msat: 1_000_000_000,
    }
}

fn event(at_ms: u64) -> EventRow {
    let detail = serde_json::json!({"peer": "node-2", "count": at_ms});
    EventRow { at_ms, kind: "peer_lost".to_owned(), detail }
}

#[test]
fn every_kind_of_row_comes_back_as_it_went_in() {
    let place = place();
    let history = History::open(&place.path).unwrap();
    let skipped = EpochRow { leader: None, round: None, ..epoch(2) };
    history.insert(&epoch(1)).unwrap();
    history.insert(&skipped).unwrap();
    history.insert(&cycle("c1", 10, Some(20))).unwrap();
    history.insert(&sample("800000x4x0", 5)).unwrap();
    history.insert(&event(7)).unwrap();
    for (index, direction) in
        [Direction::Sent, Direction::Received, Direction::Forwarded].into_iter().enumerate()
    {
        history.insert(&payment(&format!("p{index}"), direction, index as u64)).unwrap();
    }
    assert_eq!(history.last::<EpochRow>(10).unwrap(), [skipped, epoch(1)]);
    assert_eq!(history.last::<CycleRow>(1).unwrap(), [cycle("c1", 10, Some(20))]);
    assert_eq!(history.last::<ChannelSampleRow>(1).unwrap(), [sample("800000x4x0", 5)]);
    assert_eq!(history.last::<EventRow>(1).unwrap(), [event(7)]);
    let payments = history.last::<PaymentRow>(2).unwrap();
    assert_eq!(payments[0], payment("p2", Direction::Forwarded, 2));
    assert_eq!(payments[1], payment("p1", Direction::Received, 1));
}

#[test]
fn a_repeat_replaces_the_row_of_the_same_key() {
    let place = place();
    let history = History::open(&place.path).unwrap();
    history.insert(&cycle("c1", 10, None)).unwrap();
    history.insert(&cycle("c1", 10, Some(20))).unwrap();
    assert_eq!(history.count::<CycleRow>().unwrap(), 1);
    assert_eq!(history.last::<CycleRow>(9).unwrap()[0].done_ms, Some(20));
}

#[test]
fn a_range_takes_its_start_and_leaves_its_end() {
    let place = place();
    let mut history = History::open(&place.path).unwrap();
    let rows: Vec<EpochRow> = (1..=9).map(epoch).collect();
    history.insert_all(&rows).unwrap();
    assert_eq!(history.range::<EpochRow>(3000..6000).unwrap(), rows[2..5]);
    assert_eq!(history.range::<EpochRow>(0..u64::MAX).unwrap(), rows);
    assert_eq!(history.range::<EpochRow>(6000..6000).unwrap(), []);
    assert_eq!(history.last::<EpochRow>(0).unwrap(), []);
}

#[test]
fn an_open_cycle_is_found_by_when_it_began() {
    let place = place();
    let history = History::open(&place.path).unwrap();
    history.insert(&cycle("done", 10, Some(50))).unwrap();
    history.insert(&cycle("open", 30, None)).unwrap();
    assert_eq!(history.range::<CycleRow>(20..40).unwrap(), [cycle("open", 30, None)]);
    assert_eq!(history.last::<CycleRow>(1).unwrap(), [cycle("done", 10, Some(50))]);
}

#[test]
fn samples_are_found_by_channel_and_time() {
    let place = place();
    let history = History::open(&place.path).unwrap();
    for at_ms in 0..10 {
        history.insert(&sample("1x1x0", at_ms)).unwrap();
        history.insert(&sample("2x2x0", at_ms)).unwrap();
    }
    let found = history.channel_samples("2x2x0", 4..6).unwrap();
    assert_eq!(found, [sample("2x2x0", 4), sample("2x2x0", 5)]);
    assert!(history.channel_samples("'; DROP TABLE epochs; --", 0..9).unwrap().is_empty());
    assert_eq!(history.count::<EpochRow>().unwrap(), 0);
}

#[test]
fn an_operator_can_ask_in_sql() {
    let place = place();
    let history = History::open(&place.path).unwrap();
    history.insert(&cycle("c1", 10, Some(20))).unwrap();
    history.insert(&event(7)).unwrap();
    let sql = rusqlite::Connection::open(&place.path).unwrap();
    let moved: i64 = sql
        .query_row("SELECT sum(amount_msat) FROM cycles WHERE outcome = 'committed'", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(moved, (1 << 60) + 1);
    let peer: String =
        sql.query_row("SELECT detail_json ->> 'peer' FROM events", [], |row| row.get(0)).unwrap();
    assert_eq!(peer, "node-2");
}

#[test]
fn prune_deletes_what_is_older_in_every_table() {
    let place = place();
    let mut history = History::open(&place.path).unwrap();
    history.insert(&epoch(1)).unwrap();
    history.insert(&epoch(2)).unwrap();
    history.insert(&cycle("old", 10, Some(1999))).unwrap();
    history.insert(&cycle("long", 10, Some(2000))).unwrap();
    history.insert(&payment("p", Direction::Sent, 5)).unwrap();
    history.insert(&sample("1x1x0", 1)).unwrap();
    history.insert(&event(1)).unwrap();
    assert_eq!(history.prune(2000).unwrap(), 5);
    assert_eq!(history.last::<EpochRow>(9).unwrap(), [epoch(2)]);
    assert_eq!(history.last::<CycleRow>(9).unwrap().len(), 1);
    assert_eq!(history.prune(2000).unwrap(), 0);
}

#[test]
fn rows_survive_a_reopen_and_the_schema_is_made_once() {
    let place = place();
    for n in 1..=3 {
        let history = History::open(&place.path).unwrap();
        history.insert(&epoch(n)).unwrap();
        assert_eq!(history.count::<EpochRow>().unwrap(), n);
        history.check().unwrap();
    }
    let sql = rusqlite::Connection::open(&place.path).unwrap();
    let version: i64 = sql.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!(version, SCHEMA_VERSION);
}

#[test]
fn an_amount_that_does_not_fit_is_refused_and_not_changed() {
    let place = place();
    let mut history = History::open(&place.path).unwrap();
    let huge = CycleRow { amount_msat: u64::MAX, ..cycle("huge", 1, None) };
    let error = history.insert_all(&[cycle("fits", 1, None), huge]).unwrap_err();
    assert!(matches!(error, HistoryError::OutOfRange { column: "amount_msat", .. }), "{error}");
    assert_eq!(history.count::<CycleRow>().unwrap(), 0, "all or none");
}

#[test]
fn a_reader_sees_rows_while_the_writer_goes_on() {
    let place = place();
    let history = History::open(&place.path).unwrap();
    let reader = History::open_read_only(&place.path).unwrap();
    for n in 1..=50 {
        history.insert(&epoch(n)).unwrap();
        assert_eq!(reader.count::<EpochRow>().unwrap(), n);
    }
    let refused = reader.insert(&epoch(99)).unwrap_err();
    assert!(matches!(refused, HistoryError::Database { .. }), "{refused}");
}

#[test]
fn a_reader_makes_no_file() {
    let place = place();
    assert!(History::open_read_only(&place.path).is_err());
    assert!(!place.path.exists());
}

#[test]
fn a_file_that_is_no_database_is_named_with_the_way_out() {
    let place = place();
    std::fs::write(&place.path, "not a database, though longer than a header".repeat(40)).unwrap();
    let error = History::open(&place.path).unwrap_err();
    assert!(matches!(error, HistoryError::Corrupt { .. }), "{error:?}");
    let message = error.to_string();
    assert!(message.contains("move it aside (`mv ") && message.contains("no money"), "{message}");
    std::fs::rename(&place.path, place.path.with_extension("damaged")).unwrap();
    History::open(&place.path).unwrap();
}

#[test]
fn damage_inside_the_file_is_found_by_the_check() {
    let place = place();
    {
        let mut history = History::open(&place.path).unwrap();
        history.insert_all(&(1..=2000).map(epoch).collect::<Vec<_>>()).unwrap();
    }
    let mut bytes = std::fs::read(&place.path).unwrap();
    let (start, end) = (bytes.len() / 2 / 4096 * 4096, bytes.len());
    bytes[start..end.min(start + 8192)].fill(0xA5);
    std::fs::write(&place.path, bytes).unwrap();
    let outcome = History::open(&place.path).and_then(|history| history.check());
    assert!(matches!(outcome, Err(HistoryError::Corrupt { .. })), "{outcome:?}");
}

#[test]
fn a_database_of_a_newer_version_is_refused() {
    let place = place();
    drop(History::open(&place.path).unwrap());
    let sql = rusqlite::Connection::open(&place.path).unwrap();
    sql.pragma_update(None, "user_version", SCHEMA_VERSION + 1).unwrap();
    drop(sql);
    for outcome in [History::open(&place.path), History::open_read_only(&place.path)] {
        assert!(matches!(outcome, Err(HistoryError::Newer { found, known, .. })
            if found == known + 1));
    }
}

#[test]
fn only_the_owner_can_read_the_database_and_its_side_files() {
    let place = place();
    let history = History::open(&place.path).unwrap();
    history.insert(&epoch(1)).unwrap();
    let mut seen = 0;
    for entry in std::fs::read_dir(place.path.parent().unwrap()).unwrap() {
        let mode = entry.unwrap().metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        seen += 1;
    }
    assert_eq!(seen, 3, "database, log and shared memory");
}

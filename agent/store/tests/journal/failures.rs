//! Failing writes and flushes: the journal stops at the first one and a restart tells what is
//! there.
//!
//! A failed flush must never be retried, so every test also checks that no further call reaches the
//! disk.

use super::{append_all, bytes, filled, open, options};
use debal_store::storage::{Op, SimFaults};
use debal_store::{FailingDisk, Journal, JournalError, Position, SimDisk};
use std::io::ErrorKind;

fn open_failing(disk: FailingDisk<SimDisk>) -> Journal {
    Journal::open(disk, options()).unwrap().0
}

fn assert_stopped(journal: &mut Journal, disk: &SimDisk) {
    let calls = disk.calls();
    assert!(matches!(journal.append(b"x"), Err(JournalError::Poisoned { .. })));
    assert!(matches!(journal.flush(), Err(JournalError::Poisoned { .. })));
    assert!(matches!(journal.rotate(b"x"), Err(JournalError::Poisoned { .. })));
    assert_eq!(disk.calls(), calls, "a stopped journal touches no disk");
}

#[test]
fn a_failed_flush_stops_the_journal_for_good() {
    let disk = filled(&[&["a"]]);
    let (mut journal, _) = open(&disk);
    append_all(&mut journal, &["b"]);
    disk.fail_next_sync();
    let error = journal.flush().unwrap_err();
    assert!(matches!(error, JournalError::Io { doing: "flush", .. }), "{error}");
    assert_eq!(journal.flushed(), Position(1), "nothing new is promised");
    assert_stopped(&mut journal, &disk);
}

#[test]
fn the_first_failure_is_remembered_in_every_later_error() {
    let disk = SimDisk::new(1);
    let (mut journal, _) = open(&disk);
    append_all(&mut journal, &["b"]);
    disk.fail_next_sync();
    journal.flush().unwrap_err();
    let later = journal.append(b"c").unwrap_err().to_string();
    assert!(later.contains("simulated flush error") && later.contains("restart"), "{later}");
}

#[test]
fn a_failed_write_stops_the_journal_and_a_restart_finds_the_flushed_prefix() {
    let disk = filled(&[&["a"]]);
    let failing = FailingDisk::new(disk.clone()).fail(Op::Write, 2, ErrorKind::Other);
    let mut journal = open_failing(failing);
    append_all(&mut journal, &["b"]);
    journal.flush().unwrap();
    append_all(&mut journal, &["c"]);
    assert!(matches!(journal.flush(), Err(JournalError::Io { doing: "write", .. })));
    assert_stopped(&mut journal, &disk);
    drop(journal);
    assert_eq!(open(&disk).1.records, bytes(&["a", "b"]));
}

#[test]
fn a_short_write_of_any_length_leaves_a_tail_that_is_cut() {
    let sound = filled(&[&["a"]]);
    let frame = super::HEAD + 2;
    for kept in 0..2 * frame {
        let disk = sound.snapshot();
        let mut journal = open_failing(FailingDisk::new(disk.clone()).short_write(1, kept));
        append_all(&mut journal, &["bb", "cc"]);
        assert!(journal.flush().is_err());
        assert_stopped(&mut journal, &disk);
        drop(journal);
        let (_, recovered) = open(&disk);
        assert_eq!(recovered.records, bytes(&["a", "bb", "cc"][..1 + kept / frame]), "{kept}");
        assert_eq!(recovered.cut.is_some(), kept % frame != 0, "{kept}");
    }
}

#[test]
fn a_failure_while_writing_a_full_buffer_stops_the_journal() {
    let disk = SimDisk::new(1);
    let failing = FailingDisk::new(disk.clone()).fail(Op::Write, 2, ErrorKind::Other);
    let mut journal = open_failing(failing);
    let error = (0..20).find_map(|_| journal.append(&[1; 1024]).err()).unwrap();
    assert!(matches!(error, JournalError::Io { doing: "write", .. }), "{error}");
    assert_stopped(&mut journal, &disk);
    drop(journal);
    assert!(open(&disk).1.records.is_empty());
}

#[test]
fn an_open_that_cannot_flush_is_no_open() {
    let disk = filled(&[&["a"]]);
    let failing = FailingDisk::new(disk).fail(Op::Sync, 1, ErrorKind::Other);
    let result = Journal::open(failing, options());
    assert!(matches!(result, Err(JournalError::Io { doing: "flush", .. })));
}

#[test]
fn a_cut_that_fails_is_no_open_and_loses_nothing() {
    let disk = filled(&[&["a"], &["b"]]);
    disk.flip_bit(super::FIRST, super::starts(&["a"])[1], 0);
    let failing = FailingDisk::new(disk.clone()).fail(Op::Truncate, 1, ErrorKind::Other);
    assert!(matches!(
        Journal::open(failing, options()),
        Err(JournalError::Io { doing: "cut", .. })
    ));
    assert_eq!(open(&disk).1.records, bytes(&["a"]));
}

#[test]
fn every_failure_while_making_a_new_journal_leaves_a_directory_that_opens() {
    for op in [Op::Create, Op::Allocate, Op::Write, Op::Sync, Op::Rename] {
        let disk = SimDisk::new(1);
        let failing = FailingDisk::new(disk.clone()).fail(op, 1, ErrorKind::Other);
        assert!(Journal::open(failing, options()).is_err(), "{op:?}");
        assert!(open(&disk).1.records.is_empty(), "{op:?}");
    }
}

#[test]
fn what_an_open_returned_is_durable() {
    // A killed process leaves written but unflushed bytes with the operating system; a later power
    // loss would take them although the restarted agent has already acted on them.
    for seed in 0..20 {
        let faults = SimFaults { damage_percent: 100, noise_percent: 0 };
        let disk = SimDisk::with_faults(seed, faults);
        let (mut journal, _) = open(&disk);
        for _ in 0..9 {
            journal.append(&[1; 1024]).unwrap();
        }
        drop(journal);
        let (journal, recovered) = open(&disk);
        assert!(!recovered.records.is_empty(), "the buffer's cap made the journal write");
        assert_eq!(journal.flushed().0, recovered.records.len() as u64);
        drop(journal);
        disk.crash();
        assert_eq!(open(&disk).1.records, recovered.records, "seed {seed}");
    }
}

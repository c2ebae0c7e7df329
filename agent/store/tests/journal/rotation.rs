//! Rotation: a snapshot takes the place of everything before it, whatever goes wrong on the way.
//!
//! After any crash the journal holds either all old records or the snapshot: never both, never
//! neither. They must never rely on a step count written down by hand.

use super::{FIRST, SECOND, append_all, bytes, filled, open, options};
use debal_store::journal::MAX_SNAPSHOT_BYTES;
use debal_store::storage::{Op, SimFaults};
use debal_store::{FailingDisk, Journal, JournalError, Position, ReadStorage, SimDisk, Storage};
use std::io::ErrorKind;

#[test]
fn a_rotated_journal_begins_with_the_snapshot_and_counts_on() {
    let disk = filled(&[&["a", "b"]]);
    let (mut journal, _) = open(&disk);
    assert_eq!(journal.rotate(b"ab").unwrap(), Position(3));
    assert_eq!((journal.len(), journal.flushed()), (1, Position(3)));
    assert_eq!(append_all(&mut journal, &["c"]), Position(4));
    journal.flush().unwrap();
    drop(journal);
    let (_, recovered) = open(&disk);
    assert_eq!(recovered.records, bytes(&["ab", "c"]));
    assert_eq!(recovered.first, Position(3));
    assert!(recovered.starts_with_snapshot);
    assert_eq!(disk.list().unwrap(), [SECOND]);
}

#[test]
fn the_chain_runs_through_a_rotation() {
    let rotated = |before: &str| {
        let disk = filled(&[&[before]]);
        let (mut journal, _) = open(&disk);
        journal.rotate(b"same").unwrap();
        journal.head_digest()
    };
    assert_eq!(rotated("a"), rotated("a"));
    assert_ne!(rotated("a"), rotated("b"), "the snapshot is bound to what it replaced");
}

#[test]
fn what_was_not_flushed_is_flushed_before_a_rotation() {
    let disk = filled(&[&["a"]]);
    let failing = FailingDisk::new(disk.clone()).fail(Op::Create, 1, ErrorKind::StorageFull);
    let (mut journal, _) = Journal::open(failing, options()).unwrap();
    append_all(&mut journal, &["b"]);
    assert!(matches!(journal.rotate(b"ab"), Err(JournalError::RotationRefused { .. })));
    assert_eq!(journal.flushed(), Position(2));
}

#[test]
fn the_journal_says_when_it_wants_a_rotation() {
    let (mut journal, _) = open(&SimDisk::new(1));
    while journal.bytes() < options().segment_bytes {
        assert!(!journal.wants_rotation());
        journal.append(&[0; 1000]).unwrap();
    }
    assert!(journal.wants_rotation());
    journal.rotate(b"small").unwrap();
    assert!(!journal.wants_rotation());
}

#[test]
fn a_snapshot_larger_than_a_record_fits_and_comes_back() {
    let disk = SimDisk::new(1);
    let snapshot = vec![5; 3 << 20];
    open(&disk).0.rotate(&snapshot).unwrap();
    assert_eq!(open(&disk).1.records, vec![snapshot]);
}

#[test]
fn an_oversized_snapshot_is_refused_and_the_journal_goes_on() {
    let (mut journal, _) = open(&SimDisk::new(1));
    let refused = journal.rotate(&vec![0; MAX_SNAPSHOT_BYTES + 1]);
    assert!(matches!(refused, Err(JournalError::TooLarge { .. })));
    assert_eq!(append_all(&mut journal, &["a"]), Position(1));
    assert_eq!(journal.flush().unwrap(), Position(1));
}

#[test]
fn a_rotation_that_cannot_prepare_its_segment_leaves_the_journal_going() {
    for (op, count) in [(Op::Create, 1), (Op::Allocate, 1), (Op::Write, 1), (Op::Sync, 2)] {
        let disk = filled(&[&["a"]]);
        let failing = FailingDisk::new(disk.clone()).fail(op, count, ErrorKind::StorageFull);
        let (mut journal, _) = Journal::open(failing, options()).unwrap();
        let refused = journal.rotate(b"snapshot");
        assert!(matches!(refused, Err(JournalError::RotationRefused { .. })), "{op:?} {refused:?}");
        append_all(&mut journal, &["b"]);
        journal.flush().unwrap();
        assert_eq!(disk.list().unwrap(), [FIRST], "{op:?}: the draft is gone");
        assert_eq!(journal.rotate(b"again").unwrap(), Position(3), "{op:?}: a later try succeeds");
        drop(journal);
        assert_eq!(open(&disk).1.records, bytes(&["again"]));
    }
}

#[test]
fn a_rotation_that_fails_to_name_its_segment_stops_the_journal() {
    let disk = filled(&[&["a"]]);
    let failing = FailingDisk::new(disk.clone()).fail(Op::Rename, 1, ErrorKind::Other);
    let (mut journal, _) = Journal::open(failing, options()).unwrap();
    assert!(matches!(journal.rotate(b"s"), Err(JournalError::Io { doing: "name", .. })));
    assert!(matches!(journal.append(b"b"), Err(JournalError::Poisoned { .. })));
    drop(journal);
    assert_eq!(open(&disk).1.records, bytes(&["a"]));
}

#[test]
fn an_old_segment_that_cannot_be_removed_is_removed_by_the_next_open() {
    let disk = filled(&[&["a"]]);
    let failing = FailingDisk::new(disk.clone()).fail(Op::Remove, 1, ErrorKind::Other);
    let (mut journal, _) = Journal::open(failing, options()).unwrap();
    journal.rotate(b"s").unwrap();
    append_all(&mut journal, &["b"]);
    journal.flush().unwrap();
    drop(journal);
    assert_eq!(disk.list().unwrap(), [FIRST, SECOND]);
    assert_eq!(open(&disk).1.records, bytes(&["s", "b"]));
    assert_eq!(disk.list().unwrap(), [SECOND]);
}

#[test]
fn a_damaged_new_segment_never_falls_back_to_an_old_one() {
    let disk = filled(&[&["a"]]);
    let failing = FailingDisk::new(disk.clone()).fail(Op::Remove, 1, ErrorKind::Other);
    let (mut journal, _) = Journal::open(failing, options()).unwrap();
    journal.rotate(b"s").unwrap();
    drop(journal);
    disk.flip_bit(SECOND, 20, 1);
    assert!(
        matches!(super::refusal(&disk), JournalError::BadHeader { file, .. } if file == SECOND)
    );
    assert_eq!(disk.list().unwrap(), [FIRST, SECOND], "the old segment is kept for the operator");
}

#[test]
fn leftovers_of_an_unfinished_rotation_are_discarded() {
    let disk = filled(&[&["a"]]);
    let mut writer = disk.clone();
    writer.create("journal-00000002.new").unwrap();
    writer.write("journal-00000002.new", 0, b"half a header").unwrap();
    assert_eq!(open(&disk).1.records, bytes(&["a"]));
    assert_eq!(disk.list().unwrap(), [FIRST]);
}

#[test]
fn files_of_others_are_left_alone() {
    let disk = filled(&[&["a"]]);
    disk.clone().create("history.sqlite").unwrap();
    disk.clone().create("journal-9.log").unwrap();
    assert_eq!(open(&disk).1.records, bytes(&["a"]));
    assert_eq!(disk.list().unwrap(), ["history.sqlite", FIRST, "journal-9.log"]);
}

#[test]
fn a_power_loss_at_every_step_of_a_rotation_leaves_the_old_or_the_new() {
    let (mut old, mut new) = (0, 0);
    for seed in 0..60 {
        let steps = rotation_steps();
        for step in 1..=steps {
            let disk = SimDisk::with_faults(seed, SimFaults::default());
            let (mut journal, _) = open(&disk);
            append_all(&mut journal, &["a", "b"]);
            journal.flush().unwrap();
            append_all(&mut journal, &["c"]);
            disk.crash_at(step);
            let finished = journal.rotate(b"snapshot").is_ok();
            drop(journal);
            disk.crash();
            let (mut journal, recovered) = open(&disk);
            let place = format!("seed {seed} step {step}");
            if recovered.starts_with_snapshot {
                assert_eq!(recovered.records, bytes(&["snapshot"]), "{place}");
                new += 1;
            } else {
                assert!(!finished, "{place}: a finished rotation is durable");
                let kept = recovered.records.len();
                assert!(
                    kept >= 2 && recovered.records == bytes(&["a", "b", "c"][..kept]),
                    "{place}"
                );
                old += 1;
            }
            append_all(&mut journal, &["after"]);
            journal.flush().unwrap();
            drop(journal);
            disk.crash();
            assert_eq!(open(&disk).1.records.last().unwrap(), b"after", "{place}");
            assert_eq!(disk.list().unwrap().len(), 1, "{place}: one segment remains");
        }
    }
    assert!(old > 0 && new > 0, "both outcomes were seen");
}

fn rotation_steps() -> u64 {
    let disk = SimDisk::new(0);
    let (mut journal, _) = open(&disk);
    append_all(&mut journal, &["a", "b"]);
    journal.flush().unwrap();
    append_all(&mut journal, &["c"]);
    let before = disk.calls();
    journal.rotate(b"snapshot").unwrap();
    disk.calls() - before
}

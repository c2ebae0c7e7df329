//! Inspection: an audit sees the whole records of a journal in use, writes nothing, and cries wolf
//! never.
//!
//! The last test runs a writer and an audit at the same time on a real disk. A partial record must
//! never pass for one.

use super::{FIRST, append_all, bytes, filled, open, options, starts};
use debal_store::journal::{InspectEnd, Inspection, inspect, inspect_dir};
use debal_store::{CutReason, Journal, JournalError, Position, ReadStorage, RealDisk, SimDisk};
use std::sync::atomic::{AtomicBool, Ordering};

fn payloads(inspection: &mut Inspection) -> Vec<Vec<u8>> {
    inspection.map(|record| record.unwrap().payload).collect()
}

#[test]
fn an_inspection_returns_what_an_open_would_and_touches_nothing() {
    let disk = filled(&[&["a", "b"], &["c"]]);
    let (before, calls) = (disk.contents(FIRST), disk.calls());
    let mut inspection = inspect(disk.clone()).unwrap();
    assert_eq!(payloads(&mut inspection), bytes(&["a", "b", "c"]));
    assert_eq!(inspection.end(), Some(InspectEnd::Clean));
    assert!(!inspection.starts_with_snapshot());
    assert_eq!((disk.contents(FIRST), disk.calls()), (before, calls));
}

#[test]
fn an_inspection_gives_positions_and_digests() {
    let disk = filled(&[&["a"]]);
    let (mut journal, _) = open(&disk);
    journal.rotate(b"s").unwrap();
    append_all(&mut journal, &["b"]);
    journal.flush().unwrap();
    let mut inspection = inspect(disk).unwrap();
    assert!(inspection.starts_with_snapshot());
    let records: Vec<_> = inspection.by_ref().map(Result::unwrap).collect();
    let positions: Vec<_> = records.iter().map(|record| record.position).collect();
    assert_eq!(positions, [Position(2), Position(3)]);
    assert_eq!(records[1].digest, journal.head_digest());
}

#[test]
fn an_unfinished_tail_is_reported_and_left_in_place() {
    let disk = filled(&[&["a"], &["b"]]);
    let offset = starts(&["a"])[1];
    disk.flip_bit(FIRST, offset + super::HEAD, 0);
    let before = disk.contents(FIRST);
    let mut inspection = inspect(disk.clone()).unwrap();
    assert_eq!(payloads(&mut inspection), bytes(&["a"]));
    let end = InspectEnd::Unfinished { offset: offset as u64, reason: CutReason::Payload };
    assert_eq!(inspection.end(), Some(end));
    assert_eq!(disk.contents(FIRST), before);
}

#[test]
fn a_damaged_middle_ends_an_inspection_with_an_error() {
    let disk = filled(&[&["a"], &["b"], &["c"]]);
    disk.flip_bit(FIRST, starts(&["a"])[1], 0);
    let mut inspection = inspect(disk).unwrap();
    assert_eq!(inspection.next().unwrap().unwrap().payload, b"a");
    assert!(matches!(inspection.next(), Some(Err(JournalError::DamagedMiddle { .. }))));
    assert!(inspection.next().is_none());
    assert_eq!(inspection.end(), None);
}

#[test]
fn a_directory_without_a_journal_is_named() {
    assert!(matches!(inspect(SimDisk::new(1)), Err(JournalError::Missing)));
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(inspect_dir(dir.path()), Err(JournalError::Missing)));
    let gone = inspect_dir(&dir.path().join("gone")).err().unwrap();
    assert!(matches!(gone, JournalError::Io { doing: "list", .. }), "{gone}");
}

#[test]
fn a_journal_rotated_away_during_an_inspection_is_named() {
    let disk = filled(&[&["a"]]);
    let mut inspection = inspect(disk.clone()).unwrap();
    open(&disk).0.rotate(b"s").unwrap();
    let outcome: Vec<_> = inspection.by_ref().collect();
    assert!(matches!(outcome.last(), Some(Err(JournalError::Rotated { .. }))));
}

/// Shows an old state of the file to the first read and the present one to every later read.
struct Racing {
    old: SimDisk,
    new: SimDisk,
    read_before: AtomicBool,
}

impl ReadStorage for Racing {
    fn list(&self) -> std::io::Result<Vec<String>> {
        self.new.list()
    }

    fn size(&self, name: &str) -> std::io::Result<u64> {
        self.new.size(name)
    }

    fn read(&self, name: &str, offset: u64, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.read_before.swap(true, Ordering::Relaxed) {
            return self.new.read(name, offset, buffer);
        }
        buffer.fill(0);
        self.old.read(name, offset, buffer)?;
        Ok(buffer.len())
    }
}

#[test]
fn records_flushed_between_two_reads_are_no_damage() {
    let new = filled(&[&["a"]]);
    let old = new.snapshot();
    let (mut journal, _) = open(&new);
    for _ in 0..100 {
        journal.append(&[1; 9000]).unwrap();
        journal.flush().unwrap();
    }
    let mut inspection = inspect(Racing { old, new, read_before: AtomicBool::new(false) }).unwrap();
    assert_eq!(payloads(&mut inspection).len(), 101);
    assert_eq!(inspection.end(), Some(InspectEnd::Clean));
}

#[test]
fn an_audit_of_a_journal_being_written_sees_whole_records_only() {
    let dir = tempfile::tempdir().unwrap();
    let disk = RealDisk::new(dir.path()).unwrap();
    let (mut journal, _) = Journal::open(disk, options()).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0..300u32 {
                for part in 0..4 {
                    journal.append(&[n.to_le_bytes().as_slice(), &[part; 700]].concat()).unwrap();
                }
                journal.flush().unwrap();
            }
            done.store(true, Ordering::Release);
        });
        let mut seen = 0;
        loop {
            let last_round = done.load(Ordering::Acquire);
            let mut count = 0;
            for (n, record) in inspect_dir(dir.path()).unwrap().enumerate() {
                let record = record.unwrap();
                assert_eq!(record.position, Position(n as u64 + 1));
                assert_eq!(record.payload[..4], (n as u32 / 4).to_le_bytes());
                count += 1;
            }
            assert!(count >= seen, "records never disappear");
            seen = count;
            if last_round {
                break;
            }
        }
        assert_eq!(seen, 1200);
    });
}

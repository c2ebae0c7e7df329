//! What a journal does when nothing goes wrong, and what it refuses to open.
//!
//! The golden test freezes the format: it must never change without a new version number.

use super::{FIRST, append_all, bytes, filled, open, options, refusal};
use debal_store::journal::MAX_RECORD_BYTES;
use debal_store::{
    Journal, JournalError, OpenOptions, Position, RealDisk, SimDisk, Space, Storage,
};

#[test]
fn a_new_journal_is_empty() {
    let (journal, recovered) = open(&SimDisk::new(1));
    assert!(recovered.records.is_empty() && recovered.cut.is_none());
    assert_eq!(recovered.first, Position(1));
    assert!(!recovered.starts_with_snapshot);
    assert!(journal.is_empty());
    assert_eq!((journal.flushed(), journal.appended()), (Position(0), Position(0)));
    assert_eq!(journal.space(), Space::Ample);
}

#[test]
fn records_come_back_in_order_and_bit_for_bit() {
    let disk = SimDisk::new(1);
    let (mut journal, _) = open(&disk);
    let records: Vec<Vec<u8>> = (0..200).map(|n| vec![n as u8; n * 7 % 300]).collect();
    for record in &records {
        journal.append(record).unwrap();
    }
    assert_eq!(journal.flush().unwrap(), Position(200));
    let head = journal.head_digest();
    drop(journal);
    let (journal, recovered) = open(&disk);
    assert_eq!(recovered.records, records);
    assert_eq!(journal.head_digest(), head);
    assert_eq!((journal.len(), journal.flushed()), (200, Position(200)));
}

#[test]
fn an_empty_record_is_a_record() {
    let disk = filled(&[&["", "a", ""]]);
    assert_eq!(open(&disk).1.records, bytes(&["", "a", ""]));
}

#[test]
fn positions_count_from_one_and_only_a_flush_moves_the_flushed_one() {
    let (mut journal, _) = open(&SimDisk::new(1));
    assert_eq!(journal.append(b"a").unwrap(), Position(1));
    assert_eq!(journal.append(b"b").unwrap(), Position(2));
    assert_eq!(journal.flushed(), Position(0));
    assert_eq!(journal.flush().unwrap(), Position(2));
    assert_eq!(journal.append(b"c").unwrap(), Position(3));
    assert_eq!(journal.flushed(), Position(2));
}

#[test]
fn an_append_touches_no_disk() {
    let disk = SimDisk::new(1);
    let (mut journal, _) = open(&disk);
    let before = disk.calls();
    append_all(&mut journal, &["a", "b", "c"]);
    assert_eq!(disk.calls(), before);
}

#[test]
fn a_group_costs_one_write_and_one_flush() {
    let disk = SimDisk::new(1);
    let (mut journal, _) = open(&disk);
    append_all(&mut journal, &["a", "b", "c"]);
    let before = disk.calls();
    journal.flush().unwrap();
    assert_eq!(disk.calls(), before + 2);
}

#[test]
fn a_flush_of_nothing_touches_no_disk() {
    let disk = SimDisk::new(1);
    let (mut journal, _) = open(&disk);
    let before = disk.calls();
    assert_eq!(journal.flush().unwrap(), Position(0));
    assert_eq!(disk.calls(), before);
}

#[test]
fn a_full_buffer_is_written_but_not_promised() {
    let disk = SimDisk::new(1);
    let (mut journal, _) = open(&disk);
    let before = disk.calls();
    for _ in 0..9 {
        journal.append(&[1; 1024]).unwrap();
    }
    assert!(disk.calls() > before, "more than the buffer's cap waits, so it was written");
    assert_eq!(journal.flushed(), Position(0));
    assert_eq!(journal.flush().unwrap(), Position(9));
    drop(journal);
    assert_eq!(open(&disk).1.records.len(), 9);
}

#[test]
fn records_go_on_after_a_reopen() {
    let disk = filled(&[&["a"]]);
    let (mut journal, _) = open(&disk);
    assert_eq!(append_all(&mut journal, &["b"]), Position(2));
    journal.flush().unwrap();
    assert_eq!(open(&disk).1.records, bytes(&["a", "b"]));
}

#[test]
fn grouping_does_not_change_the_head_digest() {
    let one = open(&filled(&[&["a", "b", "c"]])).0.head_digest();
    let three = open(&filled(&[&["a"], &["b"], &["c"]])).0.head_digest();
    assert_eq!(one, three);
    assert_ne!(one, open(&filled(&[&["a", "c", "b"]])).0.head_digest());
}

#[test]
fn the_head_digest_depends_on_the_identity() {
    let disk = SimDisk::new(1);
    let other = OpenOptions { id: [8; 16], ..options() };
    let (mut journal, _) = Journal::open(disk, other).unwrap();
    append_all(&mut journal, &["a"]);
    assert_ne!(journal.head_digest(), open(&filled(&[&["a"]])).0.head_digest());
}

#[test]
fn the_largest_record_fits() {
    let disk = SimDisk::new(1);
    let (mut journal, _) = open(&disk);
    journal.append(&vec![9; MAX_RECORD_BYTES]).unwrap();
    journal.flush().unwrap();
    drop(journal);
    assert_eq!(open(&disk).1.records, vec![vec![9; MAX_RECORD_BYTES]]);
}

#[test]
fn an_oversized_record_is_refused_and_stops_the_journal() {
    let (mut journal, _) = open(&SimDisk::new(1));
    let refused = journal.append(&vec![0; MAX_RECORD_BYTES + 1]);
    assert!(matches!(refused, Err(JournalError::TooLarge { bytes, cap })
        if bytes == MAX_RECORD_BYTES + 1 && cap == MAX_RECORD_BYTES));
    assert!(matches!(journal.append(b"a"), Err(JournalError::Poisoned { .. })));
}

#[test]
fn a_journal_that_must_exist_is_not_made_up() {
    let disk = SimDisk::new(1);
    let result = Journal::open(disk.clone(), OpenOptions { create: false, ..options() });
    assert!(matches!(result, Err(JournalError::Missing)));
    assert_eq!(disk.calls(), 0);
}

#[test]
fn a_journal_of_another_identity_is_refused() {
    let disk = filled(&[&["a"]]);
    let result = Journal::open(disk, OpenOptions { id: [8; 16], ..options() });
    assert!(matches!(result, Err(JournalError::ForeignJournal { file }) if file == FIRST));
}

#[test]
fn a_file_of_something_else_is_refused() {
    let mut disk = SimDisk::new(1);
    disk.create(FIRST).unwrap();
    disk.write(FIRST, 0, &[b'x'; 500]).unwrap();
    let error = refusal(&disk);
    assert!(matches!(&error, JournalError::BadHeader { reason, .. }
        if *reason == "it does not start like a journal"));
    assert!(error.to_string().contains("do not edit or delete it"), "{error}");
}

#[test]
fn an_empty_file_under_a_journals_name_is_damage_not_a_new_journal() {
    let mut disk = SimDisk::new(1);
    disk.create(FIRST).unwrap();
    assert!(matches!(refusal(&disk), JournalError::BadHeader { reason, .. }
        if reason == "the file is too short"));
}

#[test]
fn a_format_of_the_future_is_named() {
    let disk = filled(&[&["a"]]);
    let mut writer = disk.clone();
    writer.write(FIRST, 8, &2u32.to_le_bytes()).unwrap();
    assert!(matches!(
        refusal(&disk),
        JournalError::UnsupportedVersion { found: 2, supported: 1, .. }
    ));
}

#[test]
fn a_segment_under_another_segments_name_is_refused() {
    let disk = filled(&[&["a"]]);
    let mut writer = disk.clone();
    writer.rename(FIRST, super::SECOND).unwrap();
    assert!(matches!(refusal(&disk), JournalError::BadHeader { reason, .. }
        if reason == "it names another segment"));
}

#[test]
fn the_format_is_frozen() {
    let disk = filled(&[&["first", "second"], &[""], &["third"]]);
    let used = *super::starts(&["first", "second", "", "third"]).last().unwrap();
    let contents = disk.contents(FIRST).unwrap();
    assert!(contents[used..].iter().all(|byte| *byte == 0));
    assert_eq!(&contents[..12], b"DEBALJNL\x01\0\0\0");
    let digest = blake3::hash(&contents[..used]).to_hex();
    assert_eq!(digest.as_str(), GOLDEN, "a changed format needs a new version number");
}

const GOLDEN: &str = "0c45c6c6f6848758a31e875b84fd7416eab74640a068a97120788ce554a339a4";

#[test]
fn a_journal_can_move_to_a_thread_of_its_own() {
    fn assert_send<T: Send>() {}
    assert_send::<Journal>();
}

#[test]
fn a_debug_print_shows_no_payload() {
    let (mut journal, _) = open(&SimDisk::new(1));
    append_all(&mut journal, &["hush"]);
    let printed = format!("{journal:?}");
    assert!(printed.contains("appended: 1") && !printed.contains("hush"), "{printed}");
    assert!(!printed.contains(&format!("{:?}", b"hush")), "{printed}");
}

#[test]
fn a_real_disk_holds_a_journal() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("data");
    for round in 0..5 {
        let disk = RealDisk::new(&path).unwrap();
        let (mut journal, recovered) = Journal::open(disk, options()).unwrap();
        assert_eq!(recovered.cut, None);
        assert_eq!(recovered.records.len(), round * 20);
        for n in 0..20 {
            journal.append(&vec![n; 400]).unwrap();
        }
        journal.flush().unwrap();
    }
}

//! Damage, byte by byte: a shorter sound journal with a reported cut, or a refusal. Never wrong
//! data.
//!
//! Every expectation is exact: which records, which offset, which reason. They must never accept
//! "some error" for a named one.

use super::{FIRST, HEAD, HEADER, append_all, bytes, filled, open, refusal, starts};
use debal_store::{CutReason, CutTail, Journal, JournalError, OpenOptions, SimDisk, Storage};

const GROUPS: [&[&str]; 3] = [&["one", "two2"], &["three"], &["four44", "five555"]];
const ALL: [&str; 5] = ["one", "two2", "three", "four44", "five555"];
/// Index of the first record of the last flush.
const LAST_GROUP: usize = 3;

#[test]
fn a_flip_of_any_bit_gives_the_exact_prefix_or_a_refusal() {
    let sound = filled(&GROUPS);
    let offsets = starts(&ALL);
    let end = offsets[ALL.len()];
    for offset in 0..end {
        for bit in 0..8 {
            let disk = sound.snapshot();
            assert!(disk.flip_bit(FIRST, offset, bit));
            check_flip(&disk, offset, &offsets);
        }
    }
}

fn check_flip(disk: &SimDisk, offset: usize, offsets: &[usize]) {
    if offset < HEADER {
        let error = refusal(disk);
        let named = matches!(
            error,
            JournalError::BadHeader { .. } | JournalError::UnsupportedVersion { .. }
        );
        assert!(named, "byte {offset}: {error}");
        return;
    }
    let hit = offsets.iter().rposition(|start| *start <= offset).unwrap();
    let start = offsets[hit] as u64;
    let reason = if offset - offsets[hit] < HEAD { CutReason::Head } else { CutReason::Payload };
    if hit < LAST_GROUP {
        let error = refusal(disk);
        let JournalError::DamagedMiddle { file, offset: found, durable_bytes, reason: why } = error
        else {
            panic!("byte {offset}: {error:?}");
        };
        let durable = offsets[LAST_GROUP] as u64;
        assert_eq!((file.as_str(), found, durable_bytes), (FIRST, start, durable), "byte {offset}");
        assert_eq!(why, reason, "byte {offset}");
        return;
    }
    let before = disk.snapshot();
    let (_, recovered) = open(disk);
    assert_eq!(recovered.records, bytes(&ALL[..hit]), "byte {offset}");
    let cut = recovered.cut.expect("a cut is reported");
    assert_eq!((cut.offset, cut.reason), (start, reason), "byte {offset}");
    assert_eq!(cut.bytes, (offsets[ALL.len()] - offsets[hit]) as u64, "byte {offset}");
    let kept = before.contents(FIRST).unwrap();
    assert_eq!(disk.contents(FIRST).unwrap()[..offsets[hit]], kept[..offsets[hit]]);
}

#[test]
fn a_flip_in_the_allocated_space_loses_nothing_and_is_reported() {
    let disk = filled(&GROUPS);
    let end = starts(&ALL)[ALL.len()];
    assert!(disk.flip_bit(FIRST, end + 100, 3));
    let (_, recovered) = open(&disk);
    assert_eq!(recovered.records, bytes(&ALL));
    let cut =
        CutTail { file: FIRST.to_owned(), offset: end as u64, bytes: 101, reason: CutReason::Head };
    assert_eq!(recovered.cut, Some(cut));
    assert_eq!(open(&disk).1.cut, None, "it is cut only once");
}

#[test]
fn a_truncation_at_any_byte_gives_the_exact_prefix() {
    let sound = filled(&GROUPS);
    let offsets = starts(&ALL);
    for length in 0..=offsets[ALL.len()] {
        let disk = sound.snapshot();
        disk.clone().truncate(FIRST, length as u64).unwrap();
        if length < HEADER {
            assert!(matches!(refusal(&disk), JournalError::BadHeader { .. }), "at {length}");
            continue;
        }
        let whole = offsets.iter().rposition(|start| *start <= length).unwrap();
        let (_, recovered) = open(&disk);
        assert_eq!(recovered.records, bytes(&ALL[..whole]), "at {length}");
        let expected = (length > offsets[whole]).then_some(CutReason::Incomplete);
        assert_eq!(recovered.cut.as_ref().map(|cut| cut.reason), expected, "at {length}");
        if let Some(cut) = recovered.cut {
            assert_eq!(cut.offset, offsets[whole] as u64, "at {length}");
        }
    }
}

#[test]
fn a_group_torn_in_front_of_a_sound_record_is_a_tail() {
    // The disk wrote the second record of a flush but not the first: legal until the flush has
    // returned.
    let disk = filled(&GROUPS);
    let offsets = starts(&ALL);
    let zeros = vec![0; offsets[4] - offsets[3]];
    disk.clone().write(FIRST, offsets[3] as u64, &zeros).unwrap();
    let (_, recovered) = open(&disk);
    assert_eq!(recovered.records, bytes(&ALL[..3]));
    let cut = recovered.cut.unwrap();
    assert_eq!((cut.offset, cut.reason), (offsets[3] as u64, CutReason::Head));
    assert_eq!(cut.bytes, (offsets[5] - offsets[3]) as u64);
}

#[test]
fn a_lost_group_in_front_of_a_later_flush_is_a_damaged_middle() {
    let disk = filled(&GROUPS);
    let offsets = starts(&ALL);
    let zeros = vec![0; offsets[3] - offsets[2]];
    disk.clone().write(FIRST, offsets[2] as u64, &zeros).unwrap();
    assert!(matches!(refusal(&disk), JournalError::DamagedMiddle { offset, .. }
        if offset == offsets[2] as u64));
}

#[test]
fn a_later_head_alone_proves_the_middle_even_when_its_payload_is_gone() {
    let disk = filled(&GROUPS);
    let offsets = starts(&ALL);
    disk.flip_bit(FIRST, offsets[0] + HEAD, 0);
    disk.clone().truncate(FIRST, (offsets[3] + HEAD) as u64).unwrap();
    assert!(matches!(refusal(&disk), JournalError::DamagedMiddle { offset, .. }
        if offset == offsets[0] as u64));
}

#[test]
fn a_damaged_middle_is_left_untouched_and_tells_the_operator_what_to_do() {
    let disk = filled(&GROUPS);
    disk.flip_bit(FIRST, HEADER + HEAD, 0);
    let (before, calls) = (disk.contents(FIRST), disk.calls());
    let message = refusal(&disk).to_string();
    assert_eq!((disk.contents(FIRST), disk.calls()), (before, calls));
    for wanted in [FIRST, "at byte 88", "payload checksum", "Copy the data directory aside"] {
        assert!(message.contains(wanted), "{message}");
    }
}

/// Stores `bait` in a first record and damages that record's head, so that recovery looks at the
/// bait.
fn recover_over_bait(bait: &[u8], filler: usize) -> debal_store::Recovered {
    let victim = SimDisk::new(1);
    let (mut journal, _) = open(&victim);
    journal.append(&[&vec![b'.'; filler], bait].concat()).unwrap();
    journal.flush().unwrap();
    drop(journal);
    victim.flip_bit(FIRST, HEADER, 0);
    open(&victim).1
}

#[test]
fn record_bytes_at_another_place_never_look_like_a_record() {
    // A peer that could make us store bytes of a later record could turn a torn tail into a refusal
    // to start.
    let disk = filled(&[&["a"], &["b"], &["c"]]);
    let offsets = starts(&["a", "b", "c"]);
    let bait = disk.contents(FIRST).unwrap()[offsets[2]..offsets[3]].to_vec();
    let recovered = recover_over_bait(&bait, 300);
    assert!(recovered.records.is_empty());
    assert_eq!(recovered.cut.unwrap().offset, HEADER as u64);
}

#[test]
fn record_bytes_made_for_this_place_by_a_peer_never_look_like_a_record() {
    // The peer knows the format and the place, but not the identity that salts the checksums.
    let theirs = SimDisk::new(1);
    let own = OpenOptions { id: [8; 16], ..super::options() };
    let (mut journal, _) = Journal::open(theirs.clone(), own).unwrap();
    for record in [vec![b'.'; 500], b"bait".to_vec()] {
        journal.append(&record).unwrap();
        journal.flush().unwrap();
    }
    let place = HEADER + HEAD + 500;
    let bait = theirs.contents(FIRST).unwrap()[place..place + HEAD + 4].to_vec();
    let recovered = recover_over_bait(&bait, 500);
    assert!(recovered.records.is_empty());
    assert_eq!(recovered.cut.unwrap().offset, HEADER as u64);
}

#[test]
fn a_repeated_record_breaks_the_chain() {
    // The second record again in the third's place, with a head made for that place by the same
    // journal's format.
    let disk = filled(&[&["aaaa"], &["bbbb"], &["cccc"]]);
    let twin = filled(&[&["aaaa"], &["aaaa"], &["bbbb"]]);
    let offsets = starts(&["aaaa", "bbbb", "cccc"]);
    let repeated = twin.contents(FIRST).unwrap()[offsets[2]..offsets[3]].to_vec();
    disk.clone().write(FIRST, offsets[2] as u64, &repeated).unwrap();
    assert!(matches!(refusal(&disk), JournalError::ChainBroken { after: 2, .. }));
}

#[test]
fn a_record_from_another_history_breaks_the_chain() {
    let disk = filled(&[&["aaaa"], &["bbbb"]]);
    let other = filled(&[&["xxxx"], &["bbbb"]]);
    let offsets = starts(&["aaaa", "bbbb"]);
    let foreign = other.contents(FIRST).unwrap()[offsets[1]..offsets[2]].to_vec();
    disk.clone().write(FIRST, offsets[1] as u64, &foreign).unwrap();
    assert!(matches!(refusal(&disk), JournalError::ChainBroken { offset, after: 1, .. }
        if offset == offsets[1] as u64));
}

#[test]
fn the_chain_goes_on_after_a_cut() {
    let disk = filled(&[&["a", "b"], &["c"]]);
    disk.flip_bit(FIRST, starts(&["a", "b"])[2], 0);
    let (mut journal, recovered) = open(&disk);
    assert_eq!(recovered.records, bytes(&["a", "b"]));
    append_all(&mut journal, &["d", "e"]);
    journal.flush().unwrap();
    let head = journal.head_digest();
    drop(journal);
    let (journal, recovered) = open(&disk);
    assert_eq!((recovered.records, recovered.cut), (bytes(&["a", "b", "d", "e"]), None));
    assert_eq!(journal.head_digest(), head);
    assert_eq!(head, open(&filled(&[&["a", "b", "d", "e"]])).0.head_digest());
}

#[test]
fn a_damaged_snapshot_is_never_cut() {
    // It was durable before its segment got a name, so there is no innocent explanation, even
    // without a successor.
    let sound = filled(&[&["a"]]);
    open(&sound).0.rotate(b"snapshot").unwrap();
    for offset in HEADER..HEADER + HEAD + 8 {
        let disk = sound.snapshot();
        assert!(disk.flip_bit(super::SECOND, offset, 2));
        let error = refusal(&disk);
        assert!(matches!(error, JournalError::DamagedMiddle { offset: 88, .. }), "byte {offset}");
    }
    for length in HEADER..HEADER + HEAD + 8 {
        let disk = sound.snapshot();
        disk.clone().truncate(super::SECOND, length as u64).unwrap();
        assert!(matches!(refusal(&disk), JournalError::DamagedMiddle { offset: 88, .. }));
    }
}

#[test]
fn a_restored_backup_opens_as_a_shorter_journal() {
    // One file cannot know that it once was longer; the peers' newer co-signed states show it.
    let disk = filled(&[&["a"]]);
    let backup = disk.snapshot();
    let (mut journal, _) = open(&disk);
    append_all(&mut journal, &["b"]);
    journal.flush().unwrap();
    drop(journal);
    disk.restore(&backup);
    let (_, recovered) = open(&disk);
    assert_eq!((recovered.records, recovered.cut), (bytes(&["a"]), None));
}

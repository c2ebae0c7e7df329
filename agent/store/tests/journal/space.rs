//! A disk that fills up: it is met early, the reserve finishes open work, and nothing is lost.
//!
//! Sizes follow `options()`: steps and reserve of 4 KiB each. They must never depend on how full
//! the machine is.

use super::{append_all, filled, open, options};
use debal_store::{Journal, JournalError, OpenOptions, SimDisk, Space};

/// Appends and flushes records of 400 bytes until `space` is reached; returns how many it took.
fn fill_until(journal: &mut Journal, space: Space) -> usize {
    (0..1000)
        .find(|_| {
            let reached = journal.space() == space;
            if !reached {
                journal.append(&[1; 400]).unwrap();
                journal.flush().unwrap();
            }
            reached
        })
        .expect("the disk fills up")
}

#[test]
fn a_full_disk_is_met_before_the_reserve_is_touched() {
    let disk = SimDisk::new(1);
    disk.set_capacity(16 << 10);
    let (mut journal, _) = open(&disk);
    fill_until(&mut journal, Space::Low);
    let room = (16 << 10) - journal.bytes();
    assert!(room >= options().reserve_bytes - 464, "{room} bytes are left for open work");
}

#[test]
fn open_work_can_be_finished_on_the_reserve() {
    let disk = SimDisk::new(1);
    disk.set_capacity(16 << 10);
    let (mut journal, _) = open(&disk);
    fill_until(&mut journal, Space::Low);
    for _ in 0..7 {
        append_all(&mut journal, &["finish one ring", "and tell its peers"]);
        journal.flush().unwrap();
    }
    assert_eq!(journal.space(), Space::Low);
}

#[test]
fn an_exhausted_reserve_is_named_before_an_append_is_refused() {
    let disk = SimDisk::new(1);
    disk.set_capacity(16 << 10);
    let (mut journal, _) = open(&disk);
    fill_until(&mut journal, Space::Low);
    let before = journal.len();
    let mut seen = false;
    let error = (0..1000)
        .find_map(|_| {
            seen |= journal.space() == Space::Exhausted;
            let error = journal.append(&[2; 40]).err();
            if error.is_none() {
                journal.flush().unwrap();
            }
            error
        })
        .unwrap();
    assert!(seen && matches!(error, JournalError::Full { bytes: 104, .. }), "{error}");
    assert!(error.to_string().contains("the disk is full"), "{error}");
    assert!(journal.len() > before + 20, "the reserve was usable");
    let (appended, flushed) = (journal.appended(), journal.flushed());
    assert_eq!(appended, flushed, "the refused record left nothing behind");
    assert!(matches!(journal.flush(), Err(JournalError::Poisoned { .. })));
}

#[test]
fn a_restart_after_a_full_disk_finds_everything() {
    let disk = SimDisk::new(1);
    disk.set_capacity(16 << 10);
    let (mut journal, _) = open(&disk);
    while journal.append(&[3; 200]).is_ok() && journal.flush().is_ok() {}
    let flushed = journal.flushed();
    drop(journal);
    let (journal, recovered) = open(&disk);
    assert_eq!(recovered.records.len() as u64, flushed.0);
    assert_eq!(recovered.cut, None);
    assert_ne!(journal.space(), Space::Ample, "the disk is still full");
    drop(journal);
    disk.set_capacity(u64::MAX);
    let (mut journal, _) = open(&disk);
    assert_eq!(journal.space(), Space::Ample);
    append_all(&mut journal, &["more"]);
    journal.flush().unwrap();
}

#[test]
fn space_that_comes_back_is_noticed_by_the_next_flush() {
    let disk = SimDisk::new(1);
    disk.set_capacity(16 << 10);
    let (mut journal, _) = open(&disk);
    fill_until(&mut journal, Space::Low);
    disk.set_capacity(u64::MAX);
    assert_eq!(journal.space(), Space::Low);
    append_all(&mut journal, &["a"]);
    journal.flush().unwrap();
    assert_eq!(journal.space(), Space::Ample);
}

#[test]
fn a_rotation_on_a_full_disk_is_refused_and_the_journal_goes_on() {
    let disk = SimDisk::new(1);
    disk.set_capacity(16 << 10);
    let (mut journal, _) = open(&disk);
    fill_until(&mut journal, Space::Low);
    assert!(matches!(journal.rotate(b"s"), Err(JournalError::RotationRefused { .. })));
    append_all(&mut journal, &["a"]);
    journal.flush().unwrap();
    disk.set_capacity(64 << 10);
    journal.rotate(b"s").unwrap();
    assert_eq!(journal.space(), Space::Ample);
}

#[test]
fn a_new_journal_on_a_full_disk_is_refused() {
    let disk = SimDisk::new(1);
    disk.set_capacity(1 << 10);
    let result = Journal::open(disk.clone(), options());
    assert!(matches!(result, Err(JournalError::Io { doing: "create", .. })));
    disk.set_capacity(u64::MAX);
    open(&disk);
}

#[test]
fn a_group_larger_than_the_reserve_is_no_shortage() {
    let (mut journal, _) = open(&SimDisk::new(1));
    for _ in 0..30 {
        journal.append(&[4; 1000]).unwrap();
        assert_eq!(journal.space(), Space::Ample);
    }
    journal.flush().unwrap();
    assert_eq!(journal.space(), Space::Ample);
}

#[test]
fn other_sizes_open_the_same_journal() {
    let disk = filled(&[&["a"], &["b"]]);
    let larger = OpenOptions {
        allocate_step_bytes: 1 << 20,
        reserve_bytes: 1 << 20,
        buffer_bytes: 1,
        ..options()
    };
    let (_, recovered) = Journal::open(disk, larger).unwrap();
    assert_eq!(recovered.records, super::bytes(&["a", "b"]));
}

#[test]
fn a_cut_on_a_full_disk_does_not_pretend_to_own_the_space_it_gave_back() {
    let disk = filled(&[&["a"], &["b"]]);
    disk.flip_bit(super::FIRST, super::starts(&["a"])[1], 0);
    disk.set_capacity(1 << 10);
    let (mut journal, recovered) = open(&disk);
    assert!(recovered.cut.is_some());
    assert_eq!(journal.space(), Space::Exhausted);
    assert!(matches!(journal.append(&[0; 2000]), Err(JournalError::Full { .. })));
}

/// Set for the copy of this program that runs on the small file system.
const SMALL_DISK: &str = "DEBAL_STORE_TEST_SMALL_DISK";

/// Runs only as a child of the next test: fills a real file system of 64 KiB.
#[test]
fn child_on_a_small_disk() {
    let Some(dir) = std::env::var_os(SMALL_DISK) else { return };
    let dir = std::path::Path::new(&dir);
    let disk = || debal_store::RealDisk::new(dir).unwrap();
    let (mut journal, _) = Journal::open(disk(), options()).unwrap();
    let taken = fill_until(&mut journal, Space::Low);
    assert!(taken > 50, "{taken} records before the disk was full");
    let error = loop {
        if let Err(error) = journal.append(&[5; 100]).and_then(|_| journal.flush()) {
            break error;
        }
    };
    assert!(
        matches!(error, JournalError::Full { .. }),
        "refused before a write met the full disk: {error}"
    );
    let flushed = journal.flushed();
    drop(journal);
    let (_, recovered) = Journal::open(disk(), options()).unwrap();
    assert_eq!((recovered.records.len() as u64, recovered.cut), (flushed.0, None));
    println!("the small disk was filled");
}

#[test]
fn a_real_full_disk_is_met_by_the_allocation_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let script = "mount -t tmpfs -o size=64k tmpfs \"$1\" || exit 77; shift; exec \"$@\"";
    let output = std::process::Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"])
        .arg(dir.path())
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "space::child_on_a_small_disk", "--nocapture"])
        .env(SMALL_DISK, dir.path())
        .output();
    match output {
        Ok(output) if String::from_utf8_lossy(&output.stdout).contains("running 1 test") => {
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(text.contains("the small disk was filled"), "{text}");
        }
        // Namespaces or tmpfs are not allowed here; the simulated full disk above covers the logic.
        refused => println!("skipped, no small file system to be had: {refused:?}"),
    }
}

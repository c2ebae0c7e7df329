//! The disks: one contract for all of them, the modes of real files, and what the simulated one
//! does on a crash.
//!
//! They must never depend on the file system the tests run on, except for Unix permissions.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use debal_store::storage::{Op, SimFaults};
use debal_store::{FailingDisk, ReadOnlyDisk, ReadStorage, RealDisk, SimDisk, Storage};
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn read_all(disk: &dyn ReadStorage, name: &str) -> Vec<u8> {
    let mut bytes = vec![0; disk.size(name).unwrap() as usize];
    assert_eq!(disk.read(name, 0, &mut bytes).unwrap(), bytes.len());
    bytes
}

/// What every disk must do.
fn conforms(disk: &mut dyn Storage) {
    assert!(disk.list().unwrap().is_empty());
    disk.create("b").unwrap();
    disk.create("a").unwrap();
    assert_eq!(disk.list().unwrap(), ["a", "b"]);
    assert_eq!(disk.create("a").unwrap_err().kind(), ErrorKind::AlreadyExists);
    disk.write("a", 0, b"hello").unwrap();
    disk.write("a", 8, b"world").unwrap();
    disk.write("a", 1, b"E").unwrap();
    disk.sync("a").unwrap();
    assert_eq!(read_all(disk, "a"), b"hEllo\0\0\0world");
    let mut buffer = [9; 8];
    assert_eq!(disk.read("a", 10, &mut buffer).unwrap(), 3);
    assert_eq!(&buffer[..3], b"rld");
    assert_eq!(disk.read("a", 99, &mut buffer).unwrap(), 0);
    disk.truncate("a", 4).unwrap();
    assert_eq!(read_all(disk, "a"), b"hEll");
    disk.allocate("a", 100).unwrap();
    assert_eq!(read_all(disk, "a")[..4], *b"hEll");
    assert!(read_all(disk, "a")[4..].iter().all(|byte| *byte == 0));
    disk.allocate("a", 10).unwrap();
    assert!(disk.size("a").unwrap() >= 4);
    disk.rename("a", "b").unwrap();
    assert_eq!(disk.list().unwrap(), ["b"]);
    disk.write("b", 0, b"J").unwrap();
    disk.sync("b").unwrap();
    assert_eq!(read_all(disk, "b")[..4], *b"JEll");
    disk.remove("b").unwrap();
    assert!(disk.list().unwrap().is_empty());
    assert_eq!(disk.size("b").unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(disk.remove("b").unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(disk.rename("b", "c").unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(disk.write("b", 0, b"x").unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn the_real_disk_keeps_the_contract() {
    let dir = tempfile::tempdir().unwrap();
    conforms(&mut RealDisk::new(&dir.path().join("deep/data")).unwrap());
}

#[test]
fn the_simulated_disk_keeps_the_contract() {
    conforms(&mut SimDisk::new(1));
}

#[test]
fn a_failing_disk_without_a_script_keeps_the_contract() {
    conforms(&mut FailingDisk::new(SimDisk::new(1)));
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn only_the_owner_can_open_the_directory_and_its_files() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("data");
    let mut disk = RealDisk::new(&path).unwrap();
    disk.create("file").unwrap();
    assert_eq!((mode(&path), mode(&path.join("file"))), (0o700, 0o600));
}

#[test]
fn a_directory_open_to_others_is_closed() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
    RealDisk::new(dir.path()).unwrap();
    assert_eq!(mode(dir.path()), 0o700);
}

#[test]
fn names_that_could_leave_the_directory_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut disk = RealDisk::new(dir.path()).unwrap();
    let long = "a".repeat(65);
    for name in ["", "..", "../x", "a/b", ".hidden", "Upper", "nul\0", "ä", long.as_str()] {
        assert_eq!(disk.create(name).unwrap_err().kind(), ErrorKind::InvalidInput, "{name:?}");
        assert_eq!(disk.size(name).unwrap_err().kind(), ErrorKind::InvalidInput, "{name:?}");
    }
}

#[test]
fn a_read_only_disk_makes_no_directory() {
    let dir = tempfile::tempdir().unwrap();
    let gone = dir.path().join("gone");
    assert!(ReadOnlyDisk::new(&gone).list().is_err());
    assert!(!gone.exists());
}

#[test]
fn flushed_bytes_survive_every_crash_and_lost_ones_go_sector_by_sector() {
    let mut outcomes = std::collections::BTreeSet::new();
    for seed in 0..300 {
        let faults = SimFaults { damage_percent: 100, noise_percent: 0 };
        let mut disk = SimDisk::with_faults(seed, faults);
        disk.create("f").unwrap();
        disk.write("f", 0, &[1; 700]).unwrap();
        disk.sync("f").unwrap();
        disk.write("f", 700, &[2; 2000]).unwrap();
        disk.crash();
        let bytes = disk.contents("f").unwrap();
        assert!(bytes[..700].iter().all(|byte| *byte == 1), "seed {seed}");
        let sectors: Vec<u8> = bytes[700..].chunk_by(|a, b| a == b).map(|run| run[0]).collect();
        assert!(bytes[700..].iter().all(|byte| [0, 2].contains(byte)), "seed {seed}");
        let boundary = |at: usize| bytes[at] == bytes[at - 1] || at.is_multiple_of(512);
        assert!((701..bytes.len()).all(boundary), "seed {seed}: torn inside a sector");
        outcomes.insert((bytes.len(), sectors));
    }
    assert!(outcomes.len() > 6, "crashes differ: {outcomes:?}");
    assert!(outcomes.contains(&(700, vec![])) && outcomes.contains(&(2700, vec![2])));
    assert!(outcomes.contains(&(2700, vec![0, 2])), "later sectors survive without earlier ones");
}

#[test]
fn noise_hits_only_what_was_being_written() {
    let mut noisy = 0;
    for seed in 0..100 {
        let faults = SimFaults { damage_percent: 100, noise_percent: 100 };
        let mut disk = SimDisk::with_faults(seed, faults);
        disk.create("f").unwrap();
        disk.write("f", 0, &[1; 4000]).unwrap();
        disk.sync("f").unwrap();
        disk.write("f", 600, &[2; 1000]).unwrap();
        disk.crash();
        let bytes = disk.contents("f").unwrap();
        let untouched = bytes[..600].iter().chain(&bytes[1600..]).all(|byte| *byte == 1);
        assert!(untouched && bytes.len() == 4000, "seed {seed}");
        noisy += usize::from(bytes[600..1600].iter().any(|byte| ![1, 2].contains(byte)));
    }
    assert!(noisy > 50);
}

#[test]
fn a_disk_without_power_answers_nothing_until_it_is_back() {
    let mut disk = SimDisk::new(1);
    disk.create("f").unwrap();
    disk.crash_at(2);
    disk.write("f", 0, b"a").unwrap();
    assert!(disk.write("f", 1, b"b").is_err());
    assert!(disk.sync("f").is_err() && disk.create("g").is_err());
    disk.crash();
    disk.write("f", 0, b"c").unwrap();
    disk.sync("f").unwrap();
}

#[test]
fn a_snapshot_is_independent_and_can_be_restored() {
    let mut disk = SimDisk::new(1);
    disk.create("f").unwrap();
    disk.write("f", 0, b"old").unwrap();
    let backup = disk.snapshot();
    disk.clone().write("f", 0, b"new").unwrap();
    assert_eq!(disk.contents("f").unwrap(), b"new", "a clone is the same disk");
    assert_eq!(backup.contents("f").unwrap(), b"old");
    disk.restore(&backup);
    assert_eq!(disk.contents("f").unwrap(), b"old");
}

#[test]
fn a_full_simulated_disk_refuses_without_effect() {
    let mut disk = SimDisk::new(1);
    disk.set_capacity(100);
    disk.create("f").unwrap();
    disk.allocate("f", 80).unwrap();
    disk.write("f", 0, &[1; 80]).unwrap();
    assert_eq!(disk.write("f", 80, &[1; 21]).unwrap_err().kind(), ErrorKind::StorageFull);
    assert_eq!(disk.allocate("f", 101).unwrap_err().kind(), ErrorKind::StorageFull);
    assert_eq!(disk.size("f").unwrap(), 80);
}

#[test]
fn scripted_failures_hit_exactly_the_named_call() {
    let mut disk = FailingDisk::new(SimDisk::new(1))
        .fail(Op::Sync, 2, ErrorKind::Other)
        .short_write(3, 1)
        .full_after(9);
    disk.create("f").unwrap();
    disk.write("f", 0, b"ab").unwrap();
    disk.sync("f").unwrap();
    assert_eq!(disk.sync("f").unwrap_err().kind(), ErrorKind::Other);
    disk.sync("f").unwrap();
    disk.write("f", 2, b"cd").unwrap();
    assert_eq!(disk.write("f", 4, b"ef").unwrap_err().kind(), ErrorKind::WriteZero);
    assert_eq!(read_all(&disk, "f"), b"abcde");
    assert_eq!(disk.write("f", 5, b"fghij").unwrap_err().kind(), ErrorKind::StorageFull);
    assert_eq!(disk.allocate("f", 99).unwrap_err().kind(), ErrorKind::StorageFull);
    assert_eq!(disk.into_inner().contents("f").unwrap(), b"abcdefghi");
}

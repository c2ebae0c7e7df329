//! One process per data directory: a second one is told who is there, a dead one leaves nothing
//! behind.
//!
//! The second process is this test program itself, told by an environment variable to take the
//! lock. They must never run two at a time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use debal_store::{DirLock, LockError};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

const CHILD_DIR: &str = "DEBAL_STORE_TEST_LOCK_DIR";

/// Runs only as a child: takes the lock, says so, and waits until its standard input is closed.
#[test]
fn child() {
    let Some(dir) = std::env::var_os(CHILD_DIR) else { return };
    let outcome = DirLock::acquire(Path::new(&dir));
    match &outcome {
        Ok(lock) => println!("child: holds, boot {}", lock.boot()),
        Err(error) => println!("child: {error}"),
    }
    let _ = std::io::stdin().lines().next();
    drop(outcome);
}

/// One test at a time: a process being started briefly shares every open file, and so every lock,
/// of its parent.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts a child on `dir` and returns it with the line it printed.
fn start_child(dir: &Path) -> (Child, String) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture", "--test-threads=1"])
        .env(CHILD_DIR, dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // The test harness prints the test's name on the same line.
    let line = lines.map(Result::unwrap).find(|line| line.contains("child: ")).unwrap();
    (child, line.split("child: ").nth(1).unwrap().to_owned())
}

#[test]
fn a_second_process_is_locked_out_and_told_who_owns_the_directory() {
    let _turn = alone();
    let dir = tempfile::tempdir().unwrap();
    let lock = DirLock::acquire(dir.path()).unwrap();
    let (mut child, line) = start_child(dir.path());
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(line.contains(&format!("in use by process {}", std::process::id())), "{line}");
    assert!(line.contains(dir.path().to_str().unwrap()), "{line}");
    assert_eq!(lock.boot(), 1);
}

#[test]
fn a_killed_owner_leaves_the_directory_free() {
    let _turn = alone();
    let dir = tempfile::tempdir().unwrap();
    let (mut child, line) = start_child(dir.path());
    assert_eq!(line, "holds, boot 1");
    let held = DirLock::acquire(dir.path()).unwrap_err();
    assert!(matches!(held, LockError::Held { pid: Some(pid), .. } if pid == child.id()), "{held}");
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(DirLock::acquire(dir.path()).unwrap().boot(), 2);
}

#[test]
fn a_second_lock_in_one_process_is_refused_too() {
    let _turn = alone();
    let dir = tempfile::tempdir().unwrap();
    let first = DirLock::acquire(dir.path()).unwrap();
    assert!(matches!(DirLock::acquire(dir.path()), Err(LockError::Held { .. })));
    drop(first);
    assert_eq!(DirLock::acquire(dir.path()).unwrap().boot(), 2);
}

#[test]
fn every_start_is_counted_and_a_refused_one_is_not() {
    let _turn = alone();
    let dir = tempfile::tempdir().unwrap();
    for boot in 1..=5 {
        let lock = DirLock::acquire(dir.path()).unwrap();
        assert_eq!((lock.boot(), lock.dir()), (boot, dir.path()));
        assert!(DirLock::acquire(dir.path()).is_err());
    }
}

#[test]
fn a_crash_while_counting_neither_blocks_nor_repeats_a_start() {
    let _turn = alone();
    let dir = tempfile::tempdir().unwrap();
    drop(DirLock::acquire(dir.path()).unwrap());
    std::fs::write(dir.path().join("boots.new"), "2").unwrap();
    assert_eq!(DirLock::acquire(dir.path()).unwrap().boot(), 2);
}

#[test]
fn a_damaged_counter_is_refused_with_the_way_to_repair_it() {
    let _turn = alone();
    let sound = tempfile::tempdir().unwrap();
    drop(DirLock::acquire(sound.path()).unwrap());
    let line = std::fs::read(sound.path().join("boots")).unwrap();
    let mut damaged: Vec<Vec<u8>> = (0..line.len()).map(|end| line[..end].to_vec()).collect();
    damaged.extend([b"x\n".to_vec(), b"-1\n".to_vec(), b"1 00000000\n".to_vec(), vec![b'1'; 80]]);
    damaged.push(b"18446744073709551615\n".to_vec());
    for bytes in damaged {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("boots"), &bytes).unwrap();
        let error = DirLock::acquire(dir.path()).unwrap_err();
        assert!(matches!(error, LockError::DamagedCounter { .. }), "{bytes:?}: {error}");
        assert!(error.to_string().contains("echo NUMBER >"), "{error}");
    }
    let repaired = tempfile::tempdir().unwrap();
    std::fs::write(repaired.path().join("boots"), "41\n").unwrap();
    assert_eq!(DirLock::acquire(repaired.path()).unwrap().boot(), 42);
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let _turn = alone();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = DirLock::acquire(&file.join("data")).unwrap_err();
    assert!(matches!(error, LockError::Io { .. }), "{error}");
    assert!(error.to_string().contains("file/data"), "{error}");
}

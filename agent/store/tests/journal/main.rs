//! The journal's tests: every fact that the rest of the agent relies on, on simulated, failing and
//! real disks.
//!
//! They must never assert timing and never depend on the order in which they run.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod basics;
mod damage;
mod failures;
mod inspecting;
mod power;
mod rotation;
mod space;

use debal_store::{Journal, JournalError, OpenOptions, Position, Recovered, SimDisk};

/// First segment's name; part of the format.
pub const FIRST: &str = "journal-00000001.log";
/// Second segment's name.
pub const SECOND: &str = "journal-00000002.log";
/// Size of a segment header; part of the format.
pub const HEADER: usize = 88;
/// Size of a frame without its payload; part of the format.
pub const HEAD: usize = 64;

/// Options small enough that every test crosses their limits.
pub fn options() -> OpenOptions {
    OpenOptions {
        buffer_bytes: 8 << 10,
        allocate_step_bytes: 4 << 10,
        reserve_bytes: 4 << 10,
        segment_bytes: 16 << 10,
        ..OpenOptions::new([7; 16]).create()
    }
}

/// Opens what must open.
pub fn open(disk: &SimDisk) -> (Journal, Recovered) {
    Journal::open(disk.clone(), options()).expect("the journal opens")
}

/// Opens what must not open.
pub fn refusal(disk: &SimDisk) -> JournalError {
    Journal::open(disk.clone(), options()).expect_err("the journal must not open")
}

/// A disk without faults holding a journal with one flush per group.
pub fn filled(groups: &[&[&str]]) -> SimDisk {
    let disk = SimDisk::new(1);
    let (mut journal, _) = open(&disk);
    for group in groups {
        append_all(&mut journal, group);
        journal.flush().unwrap();
    }
    disk
}

/// Appends without flushing.
pub fn append_all(journal: &mut Journal, records: &[&str]) -> Position {
    let mut last = journal.appended();
    for record in records {
        last = journal.append(record.as_bytes()).unwrap();
    }
    last
}

/// Records as bytes.
pub fn bytes(records: &[&str]) -> Vec<Vec<u8>> {
    records.iter().map(|record| record.as_bytes().to_vec()).collect()
}

/// Offset at which each record of these lengths begins in the first segment, and where the last
/// ends.
pub fn starts(records: &[&str]) -> Vec<usize> {
    let mut offsets = vec![HEADER];
    for record in records {
        offsets.push(offsets[offsets.len() - 1] + HEAD + record.len());
    }
    offsets
}

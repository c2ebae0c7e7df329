//! Durable commits a second for several group sizes, beside the raw flush of the same disk in the
//! same run.
//!
//! Run with `cargo bench -p debal-store`; the scratch directory is made under the target directory,
//! so that a temporary file system in memory is not measured by mistake. It must never compare
//! figures of different runs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use debal_store::{Journal, OpenOptions, RealDisk};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// Size of a typical record of the agent.
const RECORD_BYTES: usize = 256;
/// Records committed together.
const GROUPS: [usize; 3] = [1, 8, 64];
/// Rounds of the side-by-side table.
const ROUNDS: usize = 300;

fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

fn journal(dir: &Path) -> Journal {
    let disk = RealDisk::new(dir).unwrap();
    let options =
        OpenOptions { allocate_step_bytes: 64 << 20, ..OpenOptions::new([1; 16]).create() };
    Journal::open(disk, options).unwrap().0
}

/// One write at the end of an allocated file and one data flush: the least any journal can do.
struct RawFile {
    file: File,
    offset: u64,
}

impl RawFile {
    fn new(dir: &Path) -> Self {
        let file = File::create(dir.join("raw")).unwrap();
        fs4::FileExt::allocate(&file, 64 << 20).unwrap();
        file.sync_all().unwrap();
        Self { file, offset: 0 }
    }

    fn commit(&mut self, bytes: &[u8]) {
        self.file.write_all_at(bytes, self.offset).unwrap();
        self.file.sync_data().unwrap();
        self.offset += bytes.len() as u64;
    }
}

fn commit(journal: &mut Journal, group: usize) {
    for _ in 0..group {
        journal.append(&[7; RECORD_BYTES]).unwrap();
    }
    journal.flush().unwrap();
    if journal.wants_rotation() {
        journal.rotate(b"snapshot").unwrap();
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// Journal and raw flush alternate, so that both meet the same moods of the disk.
fn side_by_side() {
    println!("group | raw flush p50 us | commit p50 us | ratio | records/s");
    for group in GROUPS {
        let dir = scratch();
        let mut journal = journal(&dir.path().join("journal"));
        let mut raw = RawFile::new(dir.path());
        let bytes = vec![7; group * (RECORD_BYTES + debal_store::journal::HEAD_BYTES)];
        let (mut raw_times, mut times) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let start = Instant::now();
            raw.commit(&bytes);
            raw_times.push(start.elapsed());
            let start = Instant::now();
            commit(&mut journal, group);
            times.push(start.elapsed());
        }
        let total: Duration = times.iter().sum();
        let per_second = (group * ROUNDS) as f64 / total.as_secs_f64();
        let (raw, ours) =
            (median(raw_times).as_secs_f64() * 1e6, median(times).as_secs_f64() * 1e6);
        println!("{group:5} | {raw:16.0} | {ours:13.0} | {:5.2} | {per_second:9.0}", ours / raw);
    }
}

fn bench(criterion: &mut Criterion) {
    // `cargo test --benches` only checks that this runs.
    if !std::env::args().any(|argument| argument == "--test") {
        side_by_side();
    }
    let mut group = criterion.benchmark_group("durable");
    group.sample_size(20).warm_up_time(Duration::from_millis(500));
    group.measurement_time(Duration::from_secs(3));
    for size in GROUPS {
        let dir = scratch();
        let mut journal = journal(&dir.path().join("journal"));
        group.throughput(Throughput::Elements(size as u64));
        group.bench_function(format!("commit of {size}"), |bencher| {
            bencher.iter(|| commit(&mut journal, size));
        });
        let mut raw = RawFile::new(dir.path());
        let bytes = vec![7; size * (RECORD_BYTES + debal_store::journal::HEAD_BYTES)];
        group.bench_function(format!("raw flush of {size}"), |bencher| {
            bencher.iter(|| raw.commit(&bytes));
        });
    }
    group.finish();
    let mut group = criterion.benchmark_group("memory");
    group.throughput(Throughput::Elements(1));
    let dir = scratch();
    let mut journal = journal(&dir.path().join("journal"));
    group.bench_function("append without flush", |bencher| {
        bencher.iter(|| {
            journal.append(&[7; RECORD_BYTES]).unwrap();
            if journal.wants_rotation() {
                journal.rotate(b"snapshot").unwrap();
            }
        });
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);

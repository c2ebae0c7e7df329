//! What a loss of power leaves of a journal, by the real journal on a disk that tears sectors.
//!
//! Only the last records are laid out: what lies before them was flushed long ago and no tear can
//! reach it. Nothing here may decide by itself what survives.

use super::World;
use debal_protocol::journal::Record;
use debal_protocol::wire;
use debal_store::storage::SimFaults;
use debal_store::{Journal, OpenOptions, SimDisk};
use rand::Rng;

/// Flushed records laid out before the unflushed ones.
const FLUSHED: usize = 8;
/// Calls of the disk within which the power fails while it flushes.
const CALLS: u64 = 3;

impl World {
    /// The power fails while a host's disk flushes: how many of the unflushed records survive.
    pub(super) fn power_loss(&mut self, host: usize) -> usize {
        let (seed, call) = {
            let rng = &mut self.streams.disk;
            (rng.random(), rng.random_range(1..=CALLS))
        };
        let disk = &self.hosts[host].disk;
        let first = disk.durable.saturating_sub(FLUSHED);
        let (flushed, tail) = disk.records[first..].split_at(disk.durable - first);
        if tail.is_empty() {
            return 0;
        }
        match tear(flushed, tail, seed, call) {
            Ok((kept, cut)) => {
                if let Some(reason) = cut {
                    self.marks.hit("disk", reason);
                }
                kept
            }
            Err(what) => {
                self.watch.now_ms = self.now_ms;
                self.watch.fail("D1", format!("node {host}'s journal after a crash: {what}"));
                0
            }
        }
    }
}

/// How many of `tail` the journal finds again, and whether it cut torn bytes.
fn tear(
    flushed: &[Record],
    tail: &[Record],
    seed: u64,
    call: u64,
) -> Result<(usize, Option<&'static str>), String> {
    let encoded = |records: &[Record]| -> Result<Vec<Vec<u8>>, String> {
        records.iter().map(|record| wire::encode(record).map_err(|e| e.to_string())).collect()
    };
    let (flushed, tail) = (encoded(flushed)?, encoded(tail)?);
    let faults = SimFaults { damage_percent: 100, noise_percent: 20 };
    let disk = SimDisk::with_faults(seed, faults);
    let options = OpenOptions {
        allocate_step_bytes: 16 << 10,
        reserve_bytes: 16 << 10,
        ..OpenOptions::new([7; 16])
    };
    let open = |options| Journal::open(disk.clone(), options).map_err(|e| e.to_string());
    let (mut journal, _) = open(options.clone().create())?;
    for record in &flushed {
        journal.append(record).map_err(|e| e.to_string())?;
    }
    journal.flush().map_err(|e| e.to_string())?;
    disk.crash_at(call);
    for record in &tail {
        // The power may fail while a full buffer is handed down; nothing after that is written.
        if journal.append(record).is_err() {
            break;
        }
    }
    let _ = journal.flush();
    drop(journal);
    disk.crash();
    let (_, recovered) = open(options)?;
    let all: Vec<&Vec<u8>> = flushed.iter().chain(&tail).collect();
    let right = recovered.records.iter().zip(&all).all(|(found, written)| found == *written);
    let kept = recovered.records.len().checked_sub(flushed.len());
    match kept {
        Some(kept) if right && kept <= tail.len() => {
            Ok((kept, recovered.cut.map(|_| "torn_record")))
        }
        _ => Err(format!("{} of {} records, right: {right}", recovered.records.len(), all.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_tear_leaves_nothing_some_or_all_and_always_a_prefix() {
        let record = |seq| Record::SummarySent { seq };
        let (flushed, tail): (Vec<_>, Vec<_>) =
            ((0..4).map(record).collect(), (4..40).map(record).collect());
        let (mut kept, mut cut) = (BTreeSet::new(), 0);
        for seed in 0..400 {
            for call in 1..=CALLS {
                let found = tear(&flushed, &tail, seed, call);
                assert!(found.is_ok(), "seed {seed} call {call}: {found:?}");
                if let Ok((left, torn)) = found {
                    kept.insert(left);
                    cut += u64::from(torn.is_some());
                }
            }
        }
        let inside = kept.iter().any(|left| (1..tail.len()).contains(left));
        assert!(kept.contains(&0) && inside && kept.contains(&tail.len()), "{kept:?}");
        assert!(cut > 0);
    }
}

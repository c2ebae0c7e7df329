//! Power loss anywhere in any workload: everything promised is there, nothing is invented, the
//! journal opens.
//!
//! Each run prints its seed when it fails; the same seed gives the same run. A failing seed must
//! never go unprinted.

use super::options;
use debal_store::storage::SimFaults;
use debal_store::{Journal, JournalError, SimDisk};
use proptest::prelude::*;

/// One step of a workload.
#[derive(Debug, Clone)]
enum Step {
    Append(usize),
    Flush,
    Rotate(usize),
}

/// What must and what may be in the journal.
struct Model {
    records: Vec<Vec<u8>>,
    promised: usize,
    /// A rotation was under way: the journal may also hold exactly this.
    instead: Option<Vec<u8>>,
    next: u64,
}

impl Model {
    fn payload(&mut self, length: usize) -> Vec<u8> {
        self.next += 1;
        let mut payload = self.next.to_le_bytes().to_vec();
        payload.resize(8 + length, self.next as u8);
        payload
    }

    fn run(&mut self, journal: &mut Journal, step: &Step) -> Result<(), JournalError> {
        match step {
            Step::Append(length) => {
                let payload = self.payload(*length);
                self.records.push(payload.clone());
                journal.append(&payload)?;
            }
            Step::Flush => {
                journal.flush()?;
                self.promised = self.records.len();
            }
            Step::Rotate(length) => {
                let snapshot = self.payload(*length);
                self.instead = Some(snapshot.clone());
                journal.rotate(&snapshot)?;
                self.instead = None;
                self.records = vec![snapshot];
                self.promised = 1;
            }
        }
        Ok(())
    }

    /// Checks what a restart found and goes on from it.
    fn restart(&mut self, found: Vec<Vec<u8>>) -> Result<(), TestCaseError> {
        let replaced = self.instead.take().is_some_and(|snapshot| found == [snapshot]);
        if !replaced {
            prop_assert!(found.len() >= self.promised, "a promised record is missing");
            prop_assert!(found.len() <= self.records.len(), "a record was invented");
            prop_assert!(found == self.records[..found.len()], "a record was changed");
        }
        self.promised = found.len();
        self.records = found;
        Ok(())
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0usize..1500).prop_map(Step::Append),
        1 => (1500usize..6000).prop_map(Step::Append),
        3 => Just(Step::Flush),
        1 => (0usize..4000).prop_map(Step::Rotate),
    ];
    prop::collection::vec(step, 1..60)
}

/// Runs `steps` over a disk that loses power before the calls named by `crashes` (counted from each
/// restart).
fn run(seed: u64, faults: SimFaults, steps: &[Step], crashes: &[u64]) -> Result<(), TestCaseError> {
    let disk = SimDisk::with_faults(seed, faults);
    let mut model = Model { records: Vec::new(), promised: 0, instead: None, next: 0 };
    let mut crashes = crashes.iter();
    let mut journal = reopen(&disk, &mut model)?;
    crashes.next().inspect(|call| disk.crash_at(**call));
    for step in steps {
        if model.run(&mut journal, step).is_err() {
            disk.crash();
            journal = reopen(&disk, &mut model)?;
            crashes.next().inspect(|call| disk.crash_at(**call));
        }
    }
    disk.crash();
    reopen(&disk, &mut model)?;
    Ok(())
}

fn reopen(disk: &SimDisk, model: &mut Model) -> Result<Journal, TestCaseError> {
    let opened = Journal::open(disk.clone(), options());
    let (journal, recovered) = opened.map_err(|error| TestCaseError::fail(error.to_string()))?;
    model.restart(recovered.records)?;
    Ok(journal)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_power_loss_keeps_every_promise_and_invents_nothing(
        seed in any::<u64>(),
        damage_percent in 80u8..=100,
        noise_percent in 0u8..=100,
        steps in steps(),
        crashes in prop::collection::vec(1u64..30, 1..6),
    ) {
        run(seed, SimFaults { damage_percent, noise_percent }, &steps, &crashes)?;
    }

    #[test]
    fn a_torn_tail_never_looks_like_a_damaged_middle(
        seed in any::<u64>(),
        durable in prop::collection::vec(0usize..700, 0..6),
        lost in prop::collection::vec(0usize..3000, 1..20),
    ) {
        let disk = SimDisk::with_faults(seed, SimFaults { damage_percent: 100, noise_percent: 50 });
        let (mut journal, _) = Journal::open(disk.clone(), options()).unwrap();
        for length in &durable {
            journal.append(&vec![1; *length]).unwrap();
        }
        journal.flush().unwrap();
        for length in &lost {
            journal.append(&vec![2; *length]).unwrap();
        }
        disk.fail_next_sync();
        journal.flush().unwrap_err();
        drop(journal);
        disk.crash();
        let (_, recovered) = Journal::open(disk, options()).unwrap();
        let all: Vec<usize> = durable.iter().chain(&lost).copied().collect();
        let found: Vec<usize> = recovered.records.iter().map(Vec::len).collect();
        prop_assert!(found.len() >= durable.len());
        prop_assert_eq!(&found[..], &all[..found.len()]);
    }

    #[test]
    fn noise_in_place_of_records_is_never_a_record(
        noise in prop::collection::vec(any::<u8>(), 0..4000),
    ) {
        use debal_store::Storage as _;
        let mut disk = super::filled(&[&["a"], &["b"]]);
        disk.write(super::FIRST, super::HEADER as u64, &noise).unwrap();
        if let Ok((_, recovered)) = Journal::open(disk, options()) {
            let kept = recovered.records.len();
            prop_assert!(kept <= 2);
            prop_assert_eq!(recovered.records, super::bytes(&["a", "b"][..kept]));
        }
    }
}

#[test]
fn a_power_loss_at_every_call_of_a_fixed_workload_keeps_every_promise() {
    let workload = [
        Step::Append(10),
        Step::Flush,
        Step::Append(600),
        Step::Append(5000),
        Step::Append(40),
        Step::Flush,
        Step::Rotate(900),
        Step::Append(300),
        Step::Append(0),
        Step::Flush,
        Step::Rotate(10),
        Step::Flush,
    ];
    for call in 1..40 {
        for seed in 0..30 {
            let done = run(seed, SimFaults::default(), &workload, &[call]);
            done.unwrap_or_else(|error| panic!("seed {seed} call {call}: {error}"));
        }
    }
}

#[test]
fn a_power_loss_at_every_call_of_an_open_with_a_cut_is_harmless() {
    for seed in 0..60 {
        for call in 1..8 {
            let disk = super::filled(&[&["a"], &["b"]]);
            disk.flip_bit(super::FIRST, super::starts(&["a"])[1] + 3, 1);
            let disk = SimDisk::with_faults(seed, SimFaults::default()).with_files_of(&disk);
            disk.crash_at(call);
            let _ = Journal::open(disk.clone(), options());
            disk.crash();
            assert_eq!(super::open(&disk).1.records, super::bytes(&["a"]), "{seed} {call}");
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_crash() {
    let crashed = |seed| {
        let disk = SimDisk::new(seed);
        let (mut journal, _) = Journal::open(disk.clone(), options()).unwrap();
        for n in 0..40 {
            journal.append(&vec![n; 300]).unwrap();
        }
        disk.crash();
        disk.contents(super::FIRST)
    };
    assert_eq!(crashed(5), crashed(5));
    assert!((0..20).any(|seed| crashed(seed) != crashed(5)));
}

//! Which faults happen when: drawn from the seed alone, printed before they happen.
//!
//! A schedule must never strike one node with two faults at a time, and never more than a third of
//! the nodes: the point is recovery, not extinction.

use crate::random;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Faults of each kind per minute: three minutes give 24 kills, 24 pauses and 12 partitions.
const KILLS_PER_MINUTE: u64 = 8;
const PAUSES_PER_MINUTE: u64 = 8;
const PARTITIONS_PER_MINUTE: u64 = 4;
/// Shortest and longest time until a killed agent is started again.
const DOWN_MS: (u64, u64) = (100, 4_000);
/// Shortest and longest pause.
const PAUSE_MS: (u64, u64) = (100, 10_000);
/// Shortest and longest partition.
const PARTITION_MS: (u64, u64) = (1_000, 10_000);
/// Tries to place a fault where it strikes no busy node.
const PLACEMENTS: u32 = 200;

/// What a fault does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum Kind {
    /// SIGKILL, and a new start from disk at the end.
    Kill {
        /// The node.
        node: usize,
    },
    /// SIGSTOP, and SIGCONT at the end.
    Pause {
        /// The node.
        node: usize,
    },
    /// No link between the group and the rest until the end.
    Partition {
        /// One side.
        group: Vec<usize>,
        /// Connections hang instead of closing.
        hole: bool,
    },
}

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// When it begins, milliseconds.
    pub at_ms: u64,
    /// When it ends.
    pub until_ms: u64,
    /// What it does.
    #[serde(flatten)]
    pub kind: Kind,
}

impl Fault {
    fn node(&self) -> Option<usize> {
        match self.kind {
            Kind::Kill { node } | Kind::Pause { node } => Some(node),
            Kind::Partition { .. } => None,
        }
    }

    const fn overlaps(&self, other: &Self) -> bool {
        self.at_ms < other.until_ms && other.at_ms < self.until_ms
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (at, length) = (self.at_ms, self.until_ms.saturating_sub(self.at_ms));
        write!(f, "{:>6}.{:03} s for {length:>5} ms  ", at / 1_000, at % 1_000)?;
        match &self.kind {
            Kind::Kill { node } => write!(f, "kill {node}"),
            Kind::Pause { node } => write!(f, "pause {node}"),
            Kind::Partition { group, hole } => {
                write!(f, "{} {group:?} off", if *hole { "black-hole" } else { "cut" })
            }
        }
    }
}

/// Draws the faults of a run of `duration_ms` over `nodes` nodes, in order of their begin. All end
/// before the run does.
#[must_use]
pub fn draw(nodes: usize, duration_ms: u64, seed: u64) -> Vec<Fault> {
    let mut rng = random::stream(seed, "faults", 0);
    let of = |per_minute: u64| (per_minute * duration_ms).div_ceil(60_000);
    let mut faults = Vec::new();
    for _ in 0..of(PARTITIONS_PER_MINUTE) {
        place(
            &mut faults,
            nodes,
            |rng| {
                let (at_ms, until_ms) = span(rng, duration_ms, PARTITION_MS);
                Fault { at_ms, until_ms, kind: partition(rng, nodes) }
            },
            &mut rng,
        );
    }
    for _ in 0..of(PAUSES_PER_MINUTE) {
        place(
            &mut faults,
            nodes,
            |rng| {
                let (at_ms, until_ms) = span(rng, duration_ms, PAUSE_MS);
                Fault { at_ms, until_ms, kind: Kind::Pause { node: rng.random_range(0..nodes) } }
            },
            &mut rng,
        );
    }
    for _ in 0..of(KILLS_PER_MINUTE) {
        place(
            &mut faults,
            nodes,
            |rng| {
                let (at_ms, until_ms) = span(rng, duration_ms, DOWN_MS);
                Fault { at_ms, until_ms, kind: Kind::Kill { node: rng.random_range(0..nodes) } }
            },
            &mut rng,
        );
    }
    faults.sort_by_key(|fault| (fault.at_ms, fault.until_ms));
    faults
}

/// Adds one fault where it fits. After enough tries a shorter one is squeezed in, so that the
/// number of faults is what was promised.
fn place(
    faults: &mut Vec<Fault>,
    nodes: usize,
    candidate: impl Fn(&mut ChaCha8Rng) -> Fault,
    rng: &mut ChaCha8Rng,
) {
    for attempt in 0..PLACEMENTS {
        let mut fault = candidate(rng);
        if attempt > PLACEMENTS / 2 {
            fault.until_ms = fault.at_ms + (fault.until_ms - fault.at_ms) / 8 + 100;
        }
        if fits(faults, &fault, nodes) {
            faults.push(fault);
            return;
        }
    }
}

fn fits(faults: &[Fault], fault: &Fault, nodes: usize) -> bool {
    let mut together = faults.iter().filter(|other| other.overlaps(fault));
    match fault.node() {
        // One partition at a time: two would heal each other.
        None => together.all(|other| other.node().is_some()),
        Some(node) => {
            let struck: Vec<usize> = together.filter_map(Fault::node).collect();
            !struck.contains(&node) && struck.len() < (nodes / 3).max(1)
        }
    }
}

fn span(rng: &mut ChaCha8Rng, duration_ms: u64, (low, high): (u64, u64)) -> (u64, u64) {
    let length = rng.random_range(low..=high).min(duration_ms);
    let at = rng.random_range(0..=duration_ms - length);
    (at, at + length)
}

fn partition(rng: &mut ChaCha8Rng, nodes: usize) -> Kind {
    let size = rng.random_range(1..=(nodes / 2).max(1));
    let mut group = Vec::new();
    while group.len() < size {
        let node = rng.random_range(0..nodes);
        if !group.contains(&node) {
            group.push(node);
        }
    }
    group.sort_unstable();
    Kind::Partition { group, hole: rng.random() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(faults: &[Fault], is: fn(&Kind) -> bool) -> usize {
        faults.iter().filter(|fault| is(&fault.kind)).count()
    }

    #[test]
    fn three_minutes_have_at_least_twenty_kills_twenty_pauses_and_ten_partitions() {
        for seed in 0..50 {
            let faults = draw(12, 180_000, seed);
            assert_eq!(faults, draw(12, 180_000, seed));
            assert!(count(&faults, |k| matches!(k, Kind::Kill { .. })) >= 20, "seed {seed}");
            assert!(count(&faults, |k| matches!(k, Kind::Pause { .. })) >= 20, "seed {seed}");
            assert!(count(&faults, |k| matches!(k, Kind::Partition { .. })) >= 10, "seed {seed}");
        }
    }

    #[test]
    fn no_node_is_struck_twice_at_a_time_and_everything_ends_in_time() {
        for seed in 0..50 {
            let faults = draw(12, 60_000, seed);
            for (index, fault) in faults.iter().enumerate() {
                assert!(fault.at_ms < fault.until_ms && fault.until_ms <= 60_100, "{fault}");
                for other in faults.iter().skip(index + 1).filter(|other| other.overlaps(fault)) {
                    let same = fault.node().is_some() && fault.node() == other.node();
                    assert!(!same, "seed {seed}: {fault} | {other}");
                    assert!(fault.node().is_some() || other.node().is_some(), "seed {seed}");
                }
            }
        }
    }
}

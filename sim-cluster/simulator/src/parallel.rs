//! Seeds on several threads, their results in the order of the seeds.
//!
//! How many threads there are, and which of them is faster, must never show in a result.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;

/// Threads to use if nobody says: one per core.
#[must_use]
pub fn default_threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Does `work` for every seed and hands each result to `each`, by ascending seed, until `each`
/// breaks. Work already begun on later seeds is then thrown away.
pub fn in_order<R: Send>(
    seeds: Range<u64>,
    threads: usize,
    work: impl Fn(u64) -> R + Sync,
    mut each: impl FnMut(u64, R) -> ControlFlow<()>,
) {
    let (next, over) = (AtomicU64::new(seeds.start), AtomicBool::new(false));
    let (sender, receiver) = mpsc::channel();
    let run = |sender: mpsc::Sender<(u64, R)>| {
        while !over.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end || sender.send((seed, work(seed))).is_err() {
                return;
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            let sender = sender.clone();
            scope.spawn(|| run(sender));
        }
        drop(sender);
        let (mut early, mut due) = (BTreeMap::new(), seeds.start);
        for (seed, result) in receiver {
            early.insert(seed, result);
            while let Some(result) = early.remove(&due) {
                if each(due, result).is_break() {
                    over.store(true, Ordering::Relaxed);
                    return;
                }
                due += 1;
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_seeds_whatever_the_number_of_threads() {
        for threads in [1, 2, 5] {
            let mut seen = Vec::new();
            let slow_first = |seed: u64| (0..(50 - seed) * 1_000).fold(seed, |sum, _| sum ^ 1);
            in_order(3..50, threads, slow_first, |seed, _| {
                seen.push(seed);
                if seed == 40 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            assert_eq!(seen, (3..=40).collect::<Vec<_>>(), "{threads} threads");
        }
    }
}

//! The same work on several threads, with the same result on any number of them.
//!
//! It must never let an answer depend on which thread gave it or when.

/// `work` of every index in `0..count`, in order. `threads` of 0 counts as 1.
pub fn map<T: Send>(count: usize, threads: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let threads = threads.clamp(1, count.max(1));
    if threads == 1 {
        return (0..count).map(work).collect();
    }
    let mut slots: Vec<Option<T>> = (0..count).map(|_| None).collect();
    let share = count.div_ceil(threads);
    std::thread::scope(|scope| {
        for (part, slots) in slots.chunks_mut(share).enumerate() {
            let work = &work;
            scope.spawn(move || {
                for (offset, slot) in slots.iter_mut().enumerate() {
                    *slot = Some(work(part * share + offset));
                }
            });
        }
    });
    slots.into_iter().flatten().collect()
}

/// Two threads where the machine has them: the bars are for two cores.
pub fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(2)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_order_is_that_of_the_indices() {
        for threads in [0, 1, 2, 3, 7, 100] {
            let squares = super::map(10, threads, |i| i * i);
            assert_eq!(squares, [0, 1, 4, 9, 16, 25, 36, 49, 64, 81]);
        }
        assert!(super::map(0, 2, |i| i).is_empty());
    }
}

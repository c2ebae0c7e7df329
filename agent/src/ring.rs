//! A bounded log that many readers follow at their own pace, each with a cursor.
//!
//! Writing never waits: a reader that is too slow loses the oldest entries and is told how many.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// One read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// Where to go on.
    pub cursor: u64,
    /// Entries with their numbers.
    pub entries: Vec<(u64, T)>,
    /// Entries that were overwritten before this reader came.
    pub missed: u64,
    /// The writer is gone and nothing more will come.
    pub closed: bool,
}

struct Buffer<T> {
    entries: VecDeque<T>,
    /// Number of the newest entry; entries are numbered from 1.
    newest: u64,
    cap: usize,
}

/// The log. Clones share it.
pub struct Ring<T> {
    buffer: Arc<Mutex<Buffer<T>>>,
    newest: Arc<watch::Sender<(u64, bool)>>,
}

impl<T> Clone for Ring<T> {
    fn clone(&self) -> Self {
        Self { buffer: Arc::clone(&self.buffer), newest: Arc::clone(&self.newest) }
    }
}

impl<T: Clone> Ring<T> {
    /// An empty log of at most `cap` entries.
    #[must_use]
    pub fn new(cap: usize) -> Self {
        let buffer = Buffer { entries: VecDeque::new(), newest: 0, cap: cap.max(1) };
        Self {
            buffer: Arc::new(Mutex::new(buffer)),
            newest: Arc::new(watch::channel((0, false)).0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Buffer<T>> {
        self.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends one entry.
    pub fn push(&self, entry: T) {
        let mut buffer = self.lock();
        if buffer.entries.len() >= buffer.cap {
            buffer.entries.pop_front();
        }
        buffer.entries.push_back(entry);
        buffer.newest = buffer.newest.saturating_add(1);
        let newest = buffer.newest;
        drop(buffer);
        self.newest.send_modify(|state| state.0 = newest);
    }

    /// Says that nothing more will come.
    pub fn close(&self) {
        self.newest.send_modify(|state| state.1 = true);
    }

    /// Number of the newest entry; 0 before the first.
    #[must_use]
    pub fn newest(&self) -> u64 {
        self.lock().newest
    }

    /// Entries after `cursor`, at most `max` of them, without waiting.
    #[must_use]
    pub fn read(&self, cursor: u64, max: usize) -> Page<T> {
        let closed = self.newest.borrow().1;
        let buffer = self.lock();
        let kept = u64::try_from(buffer.entries.len()).unwrap_or(u64::MAX);
        let before_oldest = buffer.newest.saturating_sub(kept);
        let start = cursor.max(before_oldest).min(buffer.newest);
        let skip = usize::try_from(start.saturating_sub(before_oldest)).unwrap_or(usize::MAX);
        let numbered = (start.saturating_add(1)..).zip(buffer.entries.iter().skip(skip));
        let entries: Vec<(u64, T)> =
            numbered.take(max).map(|(number, entry)| (number, entry.clone())).collect();
        let cursor_after = entries.last().map_or(start, |(number, _)| *number);
        Page {
            cursor: cursor_after,
            closed: closed && cursor_after == buffer.newest,
            missed: before_oldest.saturating_sub(cursor),
            entries,
        }
    }

    /// As [`Ring::read`], but waits until there is something to tell.
    pub async fn follow(&self, cursor: u64, max: usize) -> Page<T> {
        let mut newest = self.newest.subscribe();
        loop {
            // Marked seen before the read, so that an entry pushed in between wakes the wait.
            newest.borrow_and_update();
            let page = self.read(cursor, max);
            if !page.entries.is_empty() || page.closed || newest.changed().await.is_err() {
                return page;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_reader_is_told_what_it_missed() {
        let ring = Ring::new(3);
        (1..=5).for_each(|entry| ring.push(entry));
        let page = ring.read(0, 10);
        assert_eq!((page.missed, page.cursor), (2, 5));
        assert_eq!(page.entries, vec![(3, 3), (4, 4), (5, 5)]);
        assert_eq!(ring.read(5, 10).entries, vec![]);
    }

    #[test]
    fn pages_are_bounded_and_continue_where_they_ended() {
        let ring = Ring::new(8);
        (1..=5).for_each(|entry| ring.push(entry));
        let first = ring.read(0, 2);
        assert_eq!(first.cursor, 2);
        assert_eq!(ring.read(first.cursor, 2).entries, vec![(3, 3), (4, 4)]);
    }

    #[test]
    fn a_cursor_from_the_future_reads_nothing_and_comes_back() {
        let ring = Ring::new(8);
        ring.push(1);
        let page = ring.read(99, 8);
        assert_eq!((page.cursor, page.missed, page.entries.len()), (1, 0, 0));
    }

    #[tokio::test]
    async fn a_waiting_reader_ends_when_the_log_is_closed() {
        let ring: Ring<u8> = Ring::new(8);
        let reader = ring.clone();
        let waiting = tokio::spawn(async move { reader.follow(0, 8).await });
        ring.close();
        assert!(waiting.await.unwrap().closed);
    }
}

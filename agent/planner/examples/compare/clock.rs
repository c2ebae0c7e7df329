//! Time spent on a core by this thread, so that other programs on the machine matter less.
//!
//! It must never mix the two kinds of time: where the system does not tell, all of a run is wall
//! time.

use std::sync::OnceLock;
use std::time::Instant;

/// Seconds on a core since the thread began, or where that is not told, since the first call.
pub fn seconds() -> f64 {
    static START: OnceLock<Instant> = OnceLock::new();
    // The kernel brings its figure up to date when the thread gives way.
    std::thread::yield_now();
    on_core().unwrap_or_else(|| START.get_or_init(Instant::now).elapsed().as_secs_f64())
}

/// What Linux counts for this thread.
fn on_core() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds: u64 = text.split_whitespace().next()?.parse().ok()?;
    Some(nanoseconds as f64 / 1e9)
}

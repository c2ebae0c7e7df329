//! How long a method worked: by the wall, and on the processor, which other programs on the same
//! machine disturb less.
//!
//! Times are reported and must never decide anything.

use std::time::Instant;

/// A running measurement of this thread.
#[derive(Debug)]
pub struct Stopwatch {
    began: Instant,
    processor_ns: Option<u64>,
}

/// What was measured, in seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Spent {
    /// By the wall.
    pub wall_s: f64,
    /// On the processor; the wall's time where the system does not tell.
    pub processor_s: f64,
}

impl Stopwatch {
    /// Starts now.
    #[must_use]
    pub fn start() -> Self {
        Self { began: Instant::now(), processor_ns: processor_ns() }
    }

    /// What was spent since the start.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn spent(&self) -> Spent {
        let wall_s = self.began.elapsed().as_secs_f64();
        let processor_s = match (self.processor_ns, processor_ns()) {
            (Some(from), Some(to)) => to.saturating_sub(from) as f64 / 1e9,
            _ => wall_s,
        };
        Spent { wall_s, processor_s }
    }
}

/// This thread's time on the processor, as Linux tells it.
fn processor_ns() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok()
}

//! The agent's clocks: the only place that reads them.
//!
//! The core gets both clocks as an argument; nothing else may call the operating system for the
//! time.

use debal_protocol::Now;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A monotonic clock with its start, beside the wall clock.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// Starts the monotonic clock.
    #[must_use]
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// Both clocks, for the core.
    #[must_use]
    pub fn now(&self) -> Now {
        let tick_ms = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        Now { tick_ms, wall_ms: unix_ms() }
    }

    /// Time until a monotonic tick; zero if it is past.
    #[must_use]
    pub fn until(&self, tick_ms: u64) -> Duration {
        Duration::from_millis(tick_ms).saturating_sub(self.start.elapsed())
    }
}

/// Unix time in milliseconds.
#[must_use]
pub fn unix_ms() -> u64 {
    unix_us() / 1_000
}

/// Unix time in microseconds, to compare arrival times of agents on one machine.
#[must_use]
pub fn unix_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// Measures one span.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts it.
    #[must_use]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Microseconds since the start.
    #[must_use]
    pub fn us(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

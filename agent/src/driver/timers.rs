//! The node's timers on the monotonic clock.
//!
//! Setting a timer again moves it. Nothing here may sleep: the driver asks for the next one.

use debal_protocol::input::Timer;
use std::collections::{BTreeMap, BTreeSet};

/// Timers by tick.
#[derive(Debug, Default)]
pub struct Timers {
    by_tick: BTreeSet<(u64, Timer)>,
    ticks: BTreeMap<Timer, u64>,
}

impl Timers {
    /// Sets or moves a timer.
    pub fn set(&mut self, timer: Timer, at_tick_ms: u64) {
        if let Some(before) = self.ticks.insert(timer, at_tick_ms) {
            self.by_tick.remove(&(before, timer));
        }
        self.by_tick.insert((at_tick_ms, timer));
    }

    /// Tick of the next timer.
    #[must_use]
    pub fn next_tick_ms(&self) -> Option<u64> {
        self.by_tick.first().map(|(tick, _)| *tick)
    }

    /// Takes the next timer that is due.
    pub fn pop_due(&mut self, now_tick_ms: u64) -> Option<Timer> {
        let (tick, timer) = *self.by_tick.first()?;
        if tick > now_tick_ms {
            return None;
        }
        self.by_tick.pop_first();
        self.ticks.remove(&timer);
        Some(timer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_fire_in_order_and_setting_one_again_moves_it() {
        let mut timers = Timers::default();
        timers.set(Timer::Election, 10);
        timers.set(Timer::Summary, 20);
        timers.set(Timer::Election, 30);
        assert_eq!(timers.next_tick_ms(), Some(20));
        assert_eq!(timers.pop_due(19), None);
        assert_eq!(timers.pop_due(40), Some(Timer::Summary));
        assert_eq!(timers.pop_due(40), Some(Timer::Election));
        assert_eq!(timers.pop_due(40), None);
    }
}

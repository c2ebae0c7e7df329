//! Time as an argument: the two clocks of a step, and the epoch's timetable.
//!
//! The core must never ask what time it is. Timers run on the monotonic tick; only what several
//! nodes must agree on (epochs, deadlines) uses the wall estimate.

use crate::ids::Epoch;
use serde::{Deserialize, Serialize};

/// The two clocks at the moment of an input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Now {
    /// Milliseconds of a monotonic clock with an arbitrary start; never goes back.
    pub tick_ms: u64,
    /// Estimate of the Unix time in milliseconds; may drift and jump.
    pub wall_ms: u64,
}

/// The network's timetable; part of the founding parameters, equal on every member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timetable {
    /// Unix time at which epoch 0 begins, milliseconds.
    pub genesis_ms: u64,
    /// Length of an epoch (`delta_t`), milliseconds. 600,000 by default, seconds in a demo.
    pub epoch_ms: u64,
}

impl Timetable {
    /// Shortest epoch accepted: below it the windows are shorter than a disk flush and a hop.
    pub const MIN_EPOCH_MS: u64 = 1_000;
    /// Longest epoch accepted: one day.
    pub const MAX_EPOCH_MS: u64 = 86_400_000;

    /// The epoch in progress at `wall_ms`; epoch 0 before genesis.
    #[must_use]
    pub fn epoch_at(&self, wall_ms: u64) -> Epoch {
        let since = wall_ms.saturating_sub(self.genesis_ms);
        Epoch(since.checked_div(self.epoch_ms).unwrap_or(0))
    }

    /// Unix time at which `epoch` begins, milliseconds.
    #[must_use]
    pub const fn start_ms(&self, epoch: Epoch) -> u64 {
        self.genesis_ms.saturating_add(epoch.0.saturating_mul(self.epoch_ms))
    }

    /// Shortest window or round: links and machines do not get faster with a shorter epoch, but a
    /// window takes at most a tenth of it.
    fn shortest_ms(&self) -> u64 {
        (self.epoch_ms / 10).clamp(200, 1_500)
    }

    /// End of the claim window after the epoch's start: one twentieth (30 s of 600 s), at least a
    /// second and a half or a tenth.
    #[must_use]
    pub fn claim_window_ms(&self) -> u64 {
        (self.epoch_ms / 20).max(self.shortest_ms())
    }

    /// Length of one endorsement round: one fortieth (15 s of 600 s), with the same floor.
    #[must_use]
    pub fn round_ms(&self) -> u64 {
        (self.epoch_ms / 40).max(self.shortest_ms())
    }

    /// When endorsement round `round` opens, after the epoch's start. Round 0 opens when the claim
    /// window closes; each later round leaves the one before it two round lengths: one to certify a
    /// leader, one for that leader's plan.
    #[must_use]
    pub fn round_opens_ms(&self, round: u8) -> u64 {
        let rounds = u64::from(round).saturating_mul(2);
        self.claim_window_ms().saturating_add(self.round_ms().saturating_mul(rounds))
    }

    /// When price round `round` of `rounds` begins, which are for `epoch`: the rounds share the
    /// last quarter of the epoch before it, and each leaves its quotes a round's length to arrive.
    #[must_use]
    pub fn quotes_ms(&self, epoch: Epoch, round: u8, rounds: u8) -> u64 {
        let quarter_ms = self.epoch_ms / 4;
        let gone_ms = quarter_ms.saturating_mul(u64::from(round));
        let gone_ms = gone_ms.checked_div(u64::from(rounds)).unwrap_or(0).min(quarter_ms);
        self.start_ms(epoch).saturating_sub(quarter_ms).saturating_add(gone_ms)
    }

    /// When a plan of this epoch expires: locks of its cycles may not be started later.
    #[must_use]
    pub const fn plan_expires_ms(&self, epoch: Epoch) -> u64 {
        self.start_ms(epoch.plus(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rounds_of_every_epoch_open_before_its_last_tenth() {
        for epoch_ms in [2_000, 5_000, 10_000, 20_000, 60_000, 600_000, Timetable::MAX_EPOCH_MS] {
            let timetable = Timetable { genesis_ms: 0, epoch_ms };
            let last_ms = timetable.round_opens_ms(crate::limits::ROUNDS_MAX - 1);
            assert!(last_ms * 10 <= epoch_ms * 9, "{epoch_ms}: {last_ms}");
        }
    }

    #[test]
    fn price_rounds_share_the_last_quarter_of_the_epoch_before() {
        let timetable = Timetable { genesis_ms: 1_000, epoch_ms: 20_000 };
        let at = |round| timetable.quotes_ms(Epoch(2), round, 10);
        assert_eq!([at(0), at(1), at(9), at(10)], [36_000, 36_500, 40_500, 41_000]);
        assert_eq!(at(10), timetable.start_ms(Epoch(2)));
    }

    #[test]
    fn ten_minute_epochs_have_the_windows_of_the_specification() {
        let timetable = Timetable { genesis_ms: 1_000, epoch_ms: 600_000 };
        assert_eq!(timetable.claim_window_ms(), 30_000);
        assert_eq!(timetable.round_opens_ms(0), 30_000);
        assert_eq!(timetable.round_opens_ms(1), 60_000);
        assert_eq!(timetable.epoch_at(600_999), Epoch(0));
        assert_eq!(timetable.epoch_at(601_000), Epoch(1));
        assert_eq!(timetable.epoch_at(0), Epoch(0));
    }
}

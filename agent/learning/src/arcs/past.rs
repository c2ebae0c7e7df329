//! What payments told about channels: for each end, when it last passed an amount on, when it last
//! refused one, and what follows for the balance.
//!
//! It must never see a balance: only which arc was asked, for how much, and what came of it.

use super::math::exp;

/// What came of asking an arc.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// It passed the amount on and the payment arrived: the amount is on the other side now.
    Moved,
    /// It passed the amount on, and the payment failed further on: it could.
    Carried,
    /// It could not.
    Refused,
}

/// One result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bit {
    /// The arc that was asked.
    pub arc: u32,
    /// For how much.
    pub amount_msat: u64,
    /// What came of it.
    pub seen: Seen,
    /// When, in the unit of [`Pasts::new`]'s `beat`.
    pub at: u64,
}

/// Beats after which a fast and a slow mean have forgotten all but 1/e.
pub(super) const FORGETS: [f64; 2] = [1.0, 8.0];

/// An amount as a share of the capacity, and when.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Last {
    pub share: f64,
    pub at: u64,
}

/// What is remembered of one arc.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Way {
    pub passed: f64,
    pub refused: f64,
    pub last_passed: Option<Last>,
    pub last_refused: Option<Last>,
}

/// What is remembered of one channel; shares are of the capacity, at end 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Past {
    /// What the balance of end 0 must be between, were all payments seen.
    pub low: f64,
    pub high: f64,
    /// One half, moved by what was seen to move and pushed by what cannot be otherwise.
    pub middle: f64,
    /// Net share moved from end 0 to end 1, remembered fast and slowly.
    pub flows: [f64; 2],
    pub at: u64,
    pub ways: [Way; 2],
}

impl Past {
    pub(super) const UNSEEN: Self = Self {
        low: 0.0,
        high: 1.0,
        middle: 0.5,
        flows: [0.0; 2],
        at: 0,
        ways: [Way { passed: 0.0, refused: 0.0, last_passed: None, last_refused: None }; 2],
    };

    /// How much of fast and slow means is left after a time.
    pub(super) fn kept(&self, now: u64, beat: f64) -> [f64; 2] {
        let beats = now.saturating_sub(self.at) as f64 / beat;
        FORGETS.map(|forgets| exp(-beats / forgets))
    }

    fn see(&mut self, way: usize, share: f64, seen: Seen, at: u64, beat: f64) {
        let kept = self.kept(at, beat);
        for (flow, kept) in self.flows.iter_mut().zip(kept) {
            *flow *= kept;
        }
        for way in &mut self.ways {
            way.passed *= kept[1];
            way.refused *= kept[1];
        }
        self.at = at;
        // As the end sees it that was asked.
        let mirrored = way == 1;
        let (mut low, mut high, mut middle) = self.from(way);
        let record = &mut self.ways[way];
        if seen == Seen::Refused {
            record.refused += 1.0;
            record.last_refused = Some(Last { share, at });
            low = if low >= share { 0.0 } else { low };
            high = high.min(share);
            middle = middle.min(share);
        } else {
            record.passed += 1.0;
            record.last_passed = Some(Last { share, at });
            high = if high < share { 1.0 } else { high };
            low = low.max(share);
            middle = middle.max(share);
        }
        if seen == Seen::Moved {
            low = (low - share).max(0.0);
            high = (high - share).max(0.0);
            middle = (middle - share).max(0.0);
            let sign = if mirrored { -share } else { share };
            self.flows.iter_mut().for_each(|flow| *flow += sign);
        }
        (self.low, self.high, self.middle) =
            if mirrored { (1.0 - high, 1.0 - low, 1.0 - middle) } else { (low, high, middle) };
    }

    /// Bounds and middle as end `way` sees them.
    pub(super) const fn from(&self, way: usize) -> (f64, f64, f64) {
        if way == 0 {
            (self.low, self.high, self.middle)
        } else {
            (1.0 - self.high, 1.0 - self.low, 1.0 - self.middle)
        }
    }
}

/// What is remembered of all channels of a graph.
#[derive(Debug, Clone, PartialEq)]
pub struct Pasts {
    pub(super) beat: f64,
    pub(super) channels: Vec<Past>,
    pub(super) heard: u64,
    /// Of the first results of channels for less than half of the capacity: how many, and how many
    /// were refusals. Where channels begin half and half these are few.
    pub(super) firsts: [u64; 2],
    pub(super) began: Option<u64>,
}

impl Pasts {
    /// Nothing is known of `channels` channels. `beat` is the time between two payments that ask a
    /// channel, on the average of channels: what a node can take from its own. Any unit will do
    /// that [`Bit::at`] has too; below 1 counts as 1.
    pub fn new(channels: usize, beat: f64) -> Self {
        let beat = if beat >= 1.0 { beat } else { 1.0 };
        Self { beat, channels: vec![Past::UNSEEN; channels], heard: 0, firsts: [0; 2], began: None }
    }

    /// Takes a result in; `capacity_msat` is the channel's. What names no channel, or comes with
    /// no capacity, is left out.
    pub fn see(&mut self, bit: &Bit, capacity_msat: u64) {
        let Some(past) = self.channels.get_mut((bit.arc / 2) as usize) else { return };
        if capacity_msat == 0 {
            return;
        }
        self.heard += 1;
        self.began.get_or_insert(bit.at);
        let share = (bit.amount_msat as f64 / capacity_msat as f64).min(1.0);
        let first = past.ways.iter().all(|way| way.passed + way.refused == 0.0);
        if first && share < 0.5 {
            self.firsts[0] += 1;
            self.firsts[1] += u64::from(bit.seen == Seen::Refused);
        }
        past.see((bit.arc % 2) as usize, share, bit.seen, bit.at, self.beat);
    }

    /// What the balance at the tail of an arc must be between, as shares of the capacity, were all
    /// payments seen: the newest results win.
    pub fn bounds(&self, arc: usize) -> (f64, f64) {
        let past = self.channels.get(arc / 2).unwrap_or(&Past::UNSEEN);
        let (low, high, _) = past.from(arc % 2);
        (low, high)
    }

    /// How many results were taken in.
    pub const fn heard(&self) -> u64 {
        self.heard
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(bits: &[(u32, u64, Seen)]) -> Past {
        let mut pasts = Pasts::new(1, 100.0);
        for (index, (arc, amount_msat, seen)) in bits.iter().enumerate() {
            let at = index as u64;
            pasts.see(&Bit { arc: *arc, amount_msat: *amount_msat, seen: *seen, at }, 1_000);
        }
        pasts.channels[0]
    }

    #[test]
    fn what_moved_is_on_the_other_side() {
        let past = after(&[(0, 300, Seen::Moved)]);
        // Before it end 0 had 300 or more; now it has what it had less 300.
        assert!((past.low, past.high) == (0.0, 0.7) && (past.middle - 0.2).abs() < 1e-12);
        let back = after(&[(0, 300, Seen::Moved), (1, 300, Seen::Moved)]);
        assert!((back.low - 0.3).abs() < 1e-12 && (back.high - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_refusal_bounds_from_above_and_a_carried_amount_from_below() {
        let past = after(&[(0, 300, Seen::Carried), (0, 400, Seen::Refused)]);
        assert_eq!((past.low, past.high), (0.3, 0.4));
        let (low, high, _) = past.from(1);
        assert!((low - 0.6).abs() < 1e-12 && (high - 0.7).abs() < 1e-12);
        let other = after(&[(1, 700, Seen::Carried), (1, 800, Seen::Refused)]);
        assert!((other.low - 0.2).abs() < 1e-12 && (other.high - 0.3).abs() < 1e-12);
    }

    #[test]
    fn what_contradicts_the_bounds_replaces_them() {
        let past = after(&[(0, 300, Seen::Refused), (0, 500, Seen::Carried)]);
        assert_eq!((past.low, past.high), (0.5, 1.0));
    }

    #[test]
    fn channels_that_are_not_there_are_left_out() {
        let mut pasts = Pasts::new(1, 0.0);
        let bit = Bit { arc: 2, amount_msat: 1, seen: Seen::Moved, at: 0 };
        pasts.see(&bit, 10);
        pasts.see(&Bit { arc: 0, ..bit }, 0);
        assert_eq!(pasts.heard(), 0);
    }
}

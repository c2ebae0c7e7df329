//! What the ends of channels see of the payments: what was asked of them, period by period.
//!
//! An end is never told what happened elsewhere: it counts what it forwarded and what it was asked for
//! and could not forward, nothing that failed before or after it.

use std::collections::VecDeque;

/// Most periods that are remembered.
const REMEMBERED: usize = 8;

/// What was asked of one end in one period (amounts in msat).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Asked {
    /// How often.
    pub count: f64,
    /// Together.
    pub sum: f64,
    /// The sum of squares.
    pub squares: f64,
}

/// What all ends were asked: end `w` of channel `i` at `2 i + w`.
#[derive(Debug, Clone, Default)]
pub struct Traffic {
    now: Vec<Asked>,
    past: VecDeque<Vec<Asked>>,
}

impl Traffic {
    /// Nothing seen yet by the ends of so many channels.
    #[must_use]
    pub fn of(channels: usize) -> Self {
        Self { now: vec![Asked::default(); channels * 2], past: VecDeque::new() }
    }

    /// An end was asked to pass an amount on.
    pub fn ask(&mut self, end: u32, amount_msat: u64) {
        let (asked, amount) = (&mut self.now[end as usize], amount_msat as f64);
        asked.count += 1.0;
        asked.sum += amount;
        asked.squares += amount * amount;
    }

    /// A period ends.
    pub fn close(&mut self) {
        let fresh = vec![Asked::default(); self.now.len()];
        self.past.push_front(std::mem::replace(&mut self.now, fresh));
        self.past.truncate(REMEMBERED);
    }

    /// The weighted mean over past periods, `decay` times the weight for each period further back;
    /// empty before the first period ends.
    #[must_use]
    pub fn expected(&self, decay: f64) -> Vec<Asked> {
        let Some(ends) = self.past.front().map(Vec::len) else { return Vec::new() };
        let mut mean = vec![Asked::default(); ends];
        let (mut weight, mut total) = (1.0, 0.0);
        for period in &self.past {
            for (mean, asked) in mean.iter_mut().zip(period) {
                mean.count += weight * asked.count;
                mean.sum += weight * asked.sum;
                mean.squares += weight * asked.squares;
            }
            total += weight;
            weight *= decay;
        }
        for asked in &mut mean {
            asked.count /= total;
            asked.sum /= total;
            asked.squares /= total;
        }
        mean
    }
}

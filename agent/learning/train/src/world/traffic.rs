//! What the ends of channels see of the payments: what was asked of them, period by period.
//!
//! An end is never told what happened elsewhere: it counts what it forwarded and what it was
//! asked for and could not forward, nothing that failed before or after it.

/// Weight of a period against the one after it.
const DECAY: f64 = 0.8;
/// What was asked of one end in a period (amounts in msat).
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
    past: Vec<Asked>,
    weight: f64,
}

impl Traffic {
    /// Nothing seen yet by the ends of so many channels.
    #[must_use]
    pub fn of(channels: usize) -> Self {
        let unseen = vec![Asked::default(); channels * 2];
        Self { now: unseen.clone(), past: unseen, weight: 0.0 }
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
        for (past, now) in self.past.iter_mut().zip(&mut self.now) {
            past.count = past.count * DECAY + now.count;
            past.sum = past.sum * DECAY + now.sum;
            past.squares = past.squares * DECAY + now.squares;
            *now = Asked::default();
        }
        self.weight = self.weight * DECAY + 1.0;
    }

    /// What an end was asked in a period, the latest ones counting most; nothing before the first
    /// period ends.
    #[must_use]
    pub fn expected(&self, end: usize) -> Asked {
        let (mut asked, weight) = (self.past[end], self.weight.max(1.0));
        asked.count /= weight;
        asked.sum /= weight;
        asked.squares /= weight;
        asked
    }
}

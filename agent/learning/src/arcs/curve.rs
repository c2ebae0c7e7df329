//! The answer about one arc: the log-odds that it carries a share of its capacity, falling
//! piecewise from knot to knot.
//!
//! It must never rise: every step down is positive whatever the network says.

use super::math::logistic;

/// Where the pieces of a curve meet, shares of the capacity.
pub const KNOTS: [f32; 16] =
    [0.0, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.45, 0.5, 0.55, 0.6, 0.7, 0.8, 0.9, 1.0];
/// Pieces of a curve.
pub const RAMPS: usize = KNOTS.len() - 1;
/// Probabilities are answered in parts of this: 32 bits, the planner's.
const WHOLE: f64 = 4_294_967_296.0;

/// How far a share has come through every piece: g(a / C), each from 0 to 1.
pub fn ramps(share: f32) -> [f32; RAMPS] {
    let mut at = [0.0; RAMPS];
    for (slot, pair) in at.iter_mut().zip(KNOTS.windows(2)) {
        *slot = ((share - pair[0]) / (pair[1] - pair[0])).clamp(0.0, 1.0);
    }
    at
}

/// One arc's probabilities, for every amount.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Curve {
    /// Every balance equally likely.
    Uniform,
    /// Log-odds at nothing, and how much they fall over each piece.
    Falls {
        /// Log-odds of carrying next to nothing.
        start: f32,
        /// What is lost over each piece, all at least 0.
        steps: [f32; RAMPS],
    },
}

impl Curve {
    /// The curve of knowing nothing.
    pub const UNIFORM: Self = Self::Uniform;

    /// The probability that an arc of a channel of `capacity_msat` carries `amount_msat`.
    pub fn probability(&self, capacity_msat: u64, amount_msat: u64) -> f64 {
        if amount_msat > capacity_msat {
            return 0.0;
        }
        let (amount, capacity) = (amount_msat as f64, capacity_msat as f64);
        match self {
            Self::Uniform => (capacity + 1.0 - amount) / (capacity + 1.0),
            Self::Falls { start, steps } => {
                let share = (amount / capacity.max(1.0)) as f32;
                let mut odds = f64::from(*start);
                for (step, at) in steps.iter().zip(ramps(share)) {
                    odds -= f64::from(*step) * f64::from(at);
                }
                logistic(odds)
            }
        }
    }

    /// [`Curve::probability`] in parts of 2^32, rounded down: the planner's unit, and the same
    /// number on every machine. What does not fit is one part less than the whole.
    pub fn parts(&self, capacity_msat: u64, amount_msat: u64) -> u32 {
        let parts = self.probability(capacity_msat, amount_msat) * WHOLE;
        if parts >= f64::from(u32::MAX) { u32::MAX } else { parts as u32 }
    }
}

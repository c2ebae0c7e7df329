//! The payments of one run, drawn once: every controller of a comparison meets the same ones.
//!
//! It must never be drawn from a clock; a seed is a tape.

use super::RUN_MINUTES;
use crate::draw::Draw;

/// One payment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Payment {
    /// When it arrives.
    pub minute: f32,
    /// How much it is, whole coins from 1 to 100.
    pub amount: u8,
    /// The channel it enters by.
    pub from: u8,
}

/// All payments of a run in time order.
#[derive(Debug, Clone, PartialEq)]
pub struct Tape {
    payments: Vec<Payment>,
}

/// Arrivals a minute and how many there are at most, from L and from R.
const ARRIVALS: [(f64, usize); 2] = [(10.0, 60_000), (2.5, 15_000)];

impl Tape {
    /// The tape of a seed.
    pub fn new(seed: u64) -> Self {
        let mut payments = Vec::with_capacity(75_000);
        for (from, (rate, most)) in (0_u8..).zip(ARRIVALS) {
            let mut draw = Draw::new(seed, u64::from(from));
            let mut minute = 0.0;
            for _ in 0..most {
                minute += draw.exponential(1.0 / rate);
                if minute >= RUN_MINUTES {
                    break;
                }
                payments.push(Payment { minute: minute as f32, amount: amount(&mut draw), from });
            }
        }
        payments.sort_by(|a, b| a.minute.total_cmp(&b.minute));
        Self { payments }
    }

    /// The payments, in time order.
    pub fn payments(&self) -> &[Payment] {
        &self.payments
    }
}

/// Normal with mean 25 and deviation 20, clipped to 1..100, rounded.
fn amount(draw: &mut Draw) -> u8 {
    (25.0 + 20.0 * draw.normal()).clamp(1.0, 100.0).round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tape_has_the_published_demand() {
        let tape = Tape::new(1);
        let of = |from: u8| tape.payments().iter().filter(move |p| p.from == from);
        assert!(of(0).count().abs_diff(60_000) < 800 && of(1).count().abs_diff(15_000) < 400);
        let mean = of(0).map(|p| f64::from(p.amount)).sum::<f64>() / of(0).count() as f64;
        // E of the clipped normal, by its formula: 26.12.
        assert!((mean - 26.12).abs() < 0.3, "{mean}");
        assert!(tape.payments().is_sorted_by(|a, b| a.minute <= b.minute));
    }
}

//! What unreliability costs: the uniform-prior score of Pickhardt and Richter, and its fixed-point
//! logarithm.
//!
//! It must never let a floating-point number into a decision. The one conversion from floating
//! point is [`micronats_from_probability`], for models that answer in probabilities; it quantises
//! first and computes after.
//!
//! Unreliability is counted in *micronats*: `-ln P` in millionths, so that the figures of the hops
//! of a path add up. With nothing known about a channel of capacity `c`, each balance `0..=c` is
//! equally likely, hence `P(the arc carries a) = (c + 1 - a) / (c + 1)`.

use serde::{Deserialize, Serialize};

/// One million: micronats in a nat, parts per million in a whole.
const MILLION: u128 = 1_000_000;

/// Fraction bits of the fixed-point logarithm. The error stays below 2^-29, far below half a
/// micronat.
const FRACTION_BITS: u32 = 30;

/// `ln 2` with 64 fraction bits.
const LN_2: u128 = 12_786_308_645_202_655_660;

/// Bits of a quantised probability.
const PROBABILITY_BITS: u32 = 32;

/// What the unreliability of an arc costs, in parts per million of the amount moved. Never
/// negative.
/// Written and read as that number; what is read is held to [`Score::MAX`].
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(from = "u64", into = "u64")]
pub struct Score(u64);

impl From<u64> for Score {
    fn from(ppm: u64) -> Score {
        Score::from_ppm(ppm)
    }
}

impl From<Score> for u64 {
    fn from(score: Score) -> u64 {
        score.ppm()
    }
}

impl Score {
    /// A perfectly reliable arc.
    pub const ZERO: Score = Score(0);

    /// The largest score, 2^40 ppm: a million times the amount moved.
    pub const MAX: Score = Score(1 << 40);

    /// A score of `ppm` parts per million, held down to [`Score::MAX`].
    pub fn from_ppm(ppm: u64) -> Score {
        Score(ppm.min(Self::MAX.0))
    }

    /// The score in parts per million.
    pub fn ppm(self) -> u64 {
        self.0
    }

    /// The score of an arc with this much unreliability, where one nat is worth `price_ppm` of the
    /// amount moved.
    pub fn from_micronats(micronats: u64, price_ppm: u64) -> Score {
        let ppm = u128::from(micronats) * u128::from(price_ppm) / MILLION;
        Score::from_ppm(u64::try_from(ppm).unwrap_or(u64::MAX))
    }

    /// The uniform-prior score of moving `amount_msat` over an arc of `capacity_msat`;
    /// [`Score::MAX`] where it cannot carry that much.
    pub fn uniform_prior(capacity_msat: u64, amount_msat: u64, price_ppm: u64) -> Score {
        uniform_prior_micronats(capacity_msat, amount_msat)
            .map_or(Score::MAX, |micronats| Score::from_micronats(micronats, price_ppm))
    }
}

/// `-ln((c + 1 - a) / (c + 1))` in micronats, rounded to the nearest; `None` when the amount
/// exceeds the capacity.
pub fn uniform_prior_micronats(capacity_msat: u64, amount_msat: u64) -> Option<u64> {
    let chances = u128::from(capacity_msat) + 1;
    let good = chances.checked_sub(u128::from(amount_msat)).filter(|&good| good > 0)?;
    Some(micronats(good, chances))
}

/// `-ln p` in micronats for a model's probability: the only place where a floating-point number
/// enters the planner. It is first cut to 32 bits (an exact operation, the same on every machine),
/// then treated as that fraction. `None` for anything outside `0..=1`, NaN included; a probability
/// below 2^-32 counts as 2^-32.
pub fn micronats_from_probability(probability: f64) -> Option<u64> {
    if !(0.0..=1.0).contains(&probability) {
        return None;
    }
    let whole = 1u64 << PROBABILITY_BITS;
    let good = ((probability * whole as f64) as u64).max(1);
    Some(micronats(u128::from(good), u128::from(whole)))
}

/// `ln(whole / good)` in micronats for `0 < good <= whole <= 2^64`.
fn micronats(good: u128, whole: u128) -> u64 {
    let nats = (log2(whole).saturating_sub(log2(good)) * LN_2) >> 64;
    let rounded = (nats * MILLION + (1 << (FRACTION_BITS - 1))) >> FRACTION_BITS;
    u64::try_from(rounded).unwrap_or(u64::MAX)
}

/// The binary logarithm of `1..=2^64` with [`FRACTION_BITS`] fraction bits: the integer part is the
/// bit length, each further bit comes from squaring the mantissa and seeing whether it passed two.
fn log2(number: u128) -> u128 {
    let whole = number.ilog2();
    // The mantissa in [1, 2) with 63 fraction bits; a square then fits 128 bits.
    let mut mantissa = if whole <= 63 { number << (63 - whole) } else { number >> (whole - 63) };
    let mut bits = u128::from(whole);
    for _ in 0..FRACTION_BITS {
        mantissa = (mantissa * mantissa) >> 63;
        let passed = mantissa >> 64;
        mantissa >>= passed;
        bits = (bits << 1) | passed;
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logarithm_agrees_with_floating_point_to_one_micronat() {
        for (capacity, amount) in [
            (1, 1),
            (10, 3),
            (1_000_000, 999_999),
            (5_000_000_000, 50_000_000),
            (u64::MAX, u64::MAX),
            (u64::MAX, u64::MAX / 2),
        ] {
            let exact = -((capacity as f64 + 1.0 - amount as f64) / (capacity as f64 + 1.0)).ln();
            let exact = if amount == u64::MAX { 64.0 * 2f64.ln() } else { exact };
            let found = uniform_prior_micronats(capacity, amount).unwrap_or(0) as f64;
            assert!((found - exact * 1e6).abs() <= 1.0, "{capacity} {amount}: {found} {exact}");
        }
    }

    #[test]
    fn nothing_costs_nothing_and_too_much_is_impossible() {
        assert_eq!(uniform_prior_micronats(100, 0), Some(0));
        assert_eq!(uniform_prior_micronats(100, 101), None);
        assert_eq!(Score::uniform_prior(100, 101, 1), Score::MAX);
    }

    #[test]
    fn half_a_channel_costs_the_logarithm_of_two() {
        assert_eq!(uniform_prior_micronats(1, 1), Some(693_147));
        assert_eq!(micronats_from_probability(0.5), Some(693_147));
        assert_eq!(Score::from_micronats(693_147, 1_000).ppm(), 693);
    }

    #[test]
    fn more_never_costs_less() {
        let scores: Vec<_> = (0..=1_000).map(|a| uniform_prior_micronats(1_000, a)).collect();
        assert!(scores.windows(2).all(|pair| pair[0] <= pair[1]));
    }

    #[test]
    fn only_probabilities_are_probabilities() {
        for wrong in [f64::NAN, -0.1, 1.1, f64::INFINITY] {
            assert_eq!(micronats_from_probability(wrong), None);
        }
        assert_eq!(micronats_from_probability(1.0), Some(0));
        assert_eq!(micronats_from_probability(0.0), Some(22_180_710));
    }
}

//! A channel end as numbers about one.
//!
//! It must never use a function whose last bit differs between machines: the logarithm is the
//! position of the highest bit and a straight line after it.

use super::{Analytic, End};
use crate::MILLION;

/// How many numbers describe an end.
pub const FEATURE_COUNT: usize = 16;

/// The numbers: balance, size, both forecasts, fees at both sides, the market, the last action,
/// the other channels, what the analytic rule thinks the move is worth, and the safe balances.
pub fn features(end: &End) -> [f32; FEATURE_COUNT] {
    let share = |ppm: u32| ppm as f32 / MILLION as f32;
    let sign = |ppm: u32| 2.0 * share(ppm) - 1.0;
    let yearly = |msat_day: u64| squash(365.0 * msat_day as f32 / end.capacity_msat.max(1) as f32);
    let worth = Analytic::default().worth(end);
    let [low_msat, high_msat] = end.safe_msat;
    let signed = worth.raise_ppm as f32 - worth.lower_ppm as f32;
    [
        sign(end.ratio_ppm()),
        (log2(end.capacity_msat) - 30.0) / 8.0,
        sign(end.depleted_ppm[0]),
        sign(end.depleted_ppm[1]),
        sign(end.depleted_ppm[2]),
        sign(end.saturated_ppm[0]),
        sign(end.saturated_ppm[1]),
        sign(end.saturated_ppm[2]),
        yearly(end.fee_out_msat_day),
        yearly(end.fee_in_msat_day),
        squash(end.gap_ppm as f32 / 500.0),
        squash(end.since_action_s as f32 / 3_600.0),
        sign(end.needy_ppm),
        squash(signed / 500.0),
        sign(of_capacity(end, low_msat)),
        sign(of_capacity(end, high_msat)),
    ]
}

fn of_capacity(end: &End, msat: u64) -> u32 {
    End { local_msat: msat, ..*end }.ratio_ppm()
}

fn squash(x: f32) -> f32 {
    x / (1.0 + x.abs())
}

/// Logarithm to base 2, linear between powers of two: enough to tell sizes apart.
fn log2(value: u64) -> f32 {
    let value = value.max(1);
    let whole = value.ilog2();
    let power = 1_u64 << whole;
    whole as f32 + (value - power) as f32 / power as f32
}

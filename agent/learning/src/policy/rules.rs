//! The analytic rule, the margin rule and Loopmax.
//!
//! They must never bid more than what is at stake: the analytic bid is the expected fee loss, the
//! margin's at most what its operator pays for certain trouble.

use super::{Action, End, WEIGHT_MAX_PPM};
use crate::MILLION;

const DAY_S: u128 = 86_400;

/// "Ask when P(depleted) x expected fee loss > cost", both sides (papers.md section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Analytic {
    /// Which of the end's three times it looks ahead: 0 is the next epoch.
    pub horizon: usize,
    /// What a move costs, ppm of the amount, when the market says nothing.
    pub cost_ppm: u32,
    /// The balance asked for, ppm of the capacity.
    pub target_ppm: u32,
    /// Band lent to others while nothing is asked, ppm.
    pub lend_ppm: u32,
}

impl Default for Analytic {
    fn default() -> Self {
        // Tuned on separate seeds by `debal learn evaluate --what policy`.
        Self { horizon: 1, cost_ppm: 0, target_ppm: MILLION / 2, lend_ppm: 400_000 }
    }
}

/// What moving an end to its target is worth, ppm of the amount to move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Worth {
    /// Worth of raising the local balance.
    pub raise_ppm: u32,
    /// Worth of lowering it.
    pub lower_ppm: u32,
}

impl Analytic {
    /// The expected fee loss of doing nothing, per unit of the move that prevents it.
    pub fn worth(&self, end: &End) -> Worth {
        let horizon = self.horizon.min(2);
        let target = end.capacity_msat / u64::from(MILLION) * u64::from(self.target_ppm);
        let per_unit = |risk_ppm: u32, fees_day: u64, amount_msat: u64| {
            let loss = u128::from(fees_day) * u128::from(end.at_s[horizon]) / DAY_S;
            let worth = loss * u128::from(risk_ppm) / u128::from(amount_msat.max(1));
            u32::try_from(worth).unwrap_or(WEIGHT_MAX_PPM).min(WEIGHT_MAX_PPM)
        };
        let local = end.local_msat;
        let mut worth = Worth::default();
        if local < target {
            let risk = end.depleted_ppm[horizon];
            worth.raise_ppm = per_unit(risk, end.fee_out_msat_day, target - local);
        } else if local > target {
            let risk = end.saturated_ppm[horizon];
            worth.lower_ppm = per_unit(risk, end.fee_in_msat_day, local - target);
        }
        worth
    }

    /// What the rule asks for.
    pub fn decide(&self, end: &End) -> Action {
        let worth = self.worth(end);
        let weight = worth.raise_ppm.max(worth.lower_ppm);
        let asks = weight > self.cost_ppm;
        Action {
            target_ppm: self.target_ppm,
            weight_ppm: if asks { weight } else { 0 },
            lend_ppm: if asks { 0 } else { self.lend_ppm },
        }
    }
}

/// Keep the balance where the forecast calls it safe on both sides; lend all that is safe to lend.
///
/// No target of one half: a channel that drains wants more, one that fills wants less, one that
/// does neither wants nothing wherever it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Margin {
    /// Which of the end's three times it looks ahead: 0 is the next epoch.
    pub horizon: usize,
    /// The risk of running dry or full within that time that is put up with, ppm.
    pub risk_ppm: u32,
    /// What is bid where trouble is certain, ppm of the amount; less in proportion to the risk.
    pub bid_ppm: u32,
    /// How far from the nearest safe balance to the middle of the safe ones an end that asks wants
    /// to go, ppm of that way.
    pub reach_ppm: u32,
}

impl Default for Margin {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Margin {
    /// What carries most payments: tuned on a seed of its own of `sim-cluster bench b2`.
    pub const DEFAULT: Self =
        Self { horizon: 0, risk_ppm: 10_000, bid_ppm: 1_000, reach_ppm: 300_000 };

    /// What earns one node most: tuned on cases of their own by `debal learn evaluate --what
    /// policy`. The trained network changes this one.
    pub const INCOME: Self =
        Self { horizon: 2, risk_ppm: 30_000, bid_ppm: 100, reach_ppm: MILLION };

    /// What the rule asks for.
    pub fn decide(&self, end: &End) -> Action {
        let [low, high] = end.safe_msat;
        let whole = u128::from(end.capacity_msat.max(1));
        let share = |msat: u64| {
            let ppm = u128::from(msat) * u128::from(MILLION) / whole;
            u32::try_from(ppm).unwrap_or(MILLION).min(MILLION)
        };
        let (low, high) = (share(low), share(high.max(low)));
        let (middle, half) = (low.midpoint(high), (high - low) / 2);
        let ratio = end.ratio_ppm();
        let horizon = self.horizon.min(2);
        let reach = u64::from(half) * u64::from(self.reach_ppm.min(MILLION)) / u64::from(MILLION);
        let reach = u32::try_from(reach).unwrap_or(half);
        let (target_ppm, risk_ppm) = if ratio < low {
            (low + reach, end.depleted_ppm[horizon])
        } else if ratio > high {
            (high - reach, end.saturated_ppm[horizon])
        } else {
            return Action { target_ppm: middle, weight_ppm: 0, lend_ppm: half };
        };
        let bid = u64::from(self.bid_ppm.min(WEIGHT_MAX_PPM)) * u64::from(risk_ppm);
        let weight_ppm = u32::try_from(bid / u64::from(MILLION)).unwrap_or(WEIGHT_MAX_PPM).max(1);
        Action { target_ppm, weight_ppm, lend_ppm: 0 }
    }
}

/// Loopmax: when the balance lasts less than `reach_s` at its drift, go as far as possible.
pub fn loopmax(end: &End, reach_s: u64, weight_ppm: u32) -> Action {
    let margin = MILLION / 50;
    let remote = end.capacity_msat.saturating_sub(end.local_msat);
    let (left, target_ppm) = match end.drift_msat_day {
        0 => return Action::NONE,
        drift if drift < 0 => (end.local_msat, MILLION - margin),
        _ => (remote, margin),
    };
    let reach = u128::from(end.drift_msat_day.unsigned_abs()) * u128::from(reach_s) / DAY_S;
    let asks = u128::from(left) < reach;
    Action { target_ppm, weight_ppm: if asks { weight_ppm } else { 0 }, lend_ppm: 0 }
}

//! Which fee next: Thompson sampling within reach of the present fee, with bounded regret.
//!
//! It must never leave the limits, never move further than one step, and never try a fee that is
//! believed to cost more than the allowed share of revenue. The draw is seeded by the caller from
//! what the database holds, so every choice can be repeated.

use crate::demand::{Curve, Demand, revenue_msat_per_day};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// Fees within reach that are compared.
const FEES: i32 = 13;

/// How far a choice may go.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bounds {
    /// The lowest fee, ppm.
    pub min_ppm: u32,
    /// The highest fee, ppm.
    pub max_ppm: u32,
    /// The largest factor between the present and the next fee.
    pub step: f64,
    /// The share of the best believed revenue that a trial may cost, 0 to 1.
    pub regret: f64,
    /// A change that is believed to gain less than this share is not worth a gossip message.
    pub least_gain: f64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { min_ppm: 1, max_ppm: 5_000, step: 2.0, regret: 0.2, least_gain: 0.02 }
    }
}

/// Why a fee was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Motive {
    /// To learn: a plausible curve says that it is best.
    Explore,
    /// It is believed to earn most.
    Exploit,
    /// The present fee is as good as any within reach.
    Hold,
}

/// A chosen fee.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// The fee, ppm.
    pub fee_ppm: u32,
    /// Why.
    pub motive: Motive,
    /// Revenue believed at the fee, msat a day.
    pub revenue_msat_per_day: f64,
    /// Revenue believed at the present fee, msat a day.
    pub present_msat_per_day: f64,
    /// Demand lost per share of the fee, believed at the present fee: above one, a lower fee earns
    /// more as long as there is something to send.
    pub elasticity: f64,
}

/// Chooses the fee after `present_ppm`. `supply_msat_per_day` is what the channel can send in the
/// long run (what comes back into it); infinite if that is no concern.
#[must_use]
pub fn next_fee(
    demand: &Demand,
    bounds: &Bounds,
    present_ppm: u32,
    supply_msat_per_day: f64,
    seed: u64,
) -> Choice {
    let fees = reachable(bounds, present_ppm);
    let believed = |fee: u32| demand.revenue_msat_per_day(f64::from(fee), supply_msat_per_day);
    let best = best_of(&fees, believed).unwrap_or(present_ppm);
    let drawn = draw(demand, seed).map(|curve| {
        let of = |fee: u32| revenue_msat_per_day(&curve, f64::from(fee), supply_msat_per_day);
        best_of(&fees, of).unwrap_or(present_ppm)
    });
    let affordable = |fee: &u32| believed(*fee) >= (1.0 - bounds.regret) * believed(best);
    let fee = drawn.filter(affordable).unwrap_or(best);
    let within = (bounds.min_ppm..=bounds.max_ppm).contains(&present_ppm);
    let gain = believed(fee) - believed(present_ppm);
    let idle = fee == best && within && gain < bounds.least_gain * believed(present_ppm);
    let (fee_ppm, motive) = match fee {
        _ if idle || fee == present_ppm => (present_ppm, Motive::Hold),
        fee if fee == best => (fee, Motive::Exploit),
        fee => (fee, Motive::Explore),
    };
    Choice {
        fee_ppm,
        motive,
        revenue_msat_per_day: believed(fee_ppm),
        present_msat_per_day: believed(present_ppm),
        elasticity: demand.elasticity(f64::from(present_ppm.max(1))),
    }
}

/// Fees within one step of the present one and within the limits, ascending; the present one is
/// among them if the limits allow it.
fn reachable(bounds: &Bounds, present_ppm: u32) -> Vec<u32> {
    let (low, high) = (bounds.min_ppm, bounds.max_ppm.max(bounds.min_ppm));
    let present = f64::from(present_ppm.clamp(low, high).max(1));
    let half = FEES / 2;
    let factor = bounds.step.max(1.0).powf(1.0 / f64::from(half));
    let steps = (-half..=half).map(|step| (present * factor.powi(step)).round());
    // In range by the clamp: a fee fits 32 bits.
    let mut fees: Vec<u32> = steps.map(|fee| (fee as u32).clamp(low, high)).collect();
    fees.sort_unstable();
    fees.dedup();
    fees
}

/// The best fee; of equal ones the lowest.
fn best_of(fees: &[u32], revenue: impl Fn(u32) -> f64) -> Option<u32> {
    let better = |one: (u32, f64), other: (u32, f64)| if other.1 > one.1 { other } else { one };
    fees.iter().map(|fee| (*fee, revenue(*fee))).reduce(better).map(|(fee, _)| fee)
}

/// A curve drawn by belief.
fn draw(demand: &Demand, seed: u64) -> Option<Curve> {
    let mut left: f64 = ChaCha8Rng::seed_from_u64(seed).random();
    let mut curves = demand.curves().iter();
    let hit = curves.find(|curve| {
        left -= curve.belief;
        left <= 0.0
    });
    hit.or(demand.curves().last()).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demand::Trial;

    fn known() -> Demand {
        let trial =
            |fee_ppm, per_day: f64| Trial { fee_ppm, days: 60.0, sent_msat: per_day * 6e10 };
        Demand::after(&[trial(50, 20.0), trial(100, 18.0), trial(200, 10.0), trial(400, 1.0)], 1e9)
    }

    #[test]
    fn a_known_demand_is_priced_near_its_best_fee_step_by_step() {
        let (demand, bounds) = (known(), Bounds::default());
        let mut fee = 10;
        for seed in 0..12 {
            let choice = next_fee(&demand, &bounds, fee, f64::INFINITY, seed);
            let factor = f64::from(choice.fee_ppm) / f64::from(fee);
            assert!((0.49..=2.05).contains(&factor), "{fee} -> {choice:?}");
            fee = choice.fee_ppm;
        }
        assert!((120..=260).contains(&fee), "{fee}");
    }

    #[test]
    fn the_same_seed_chooses_the_same_fee() {
        let demand = Demand::after(&[], 1e9);
        let choice = |seed| next_fee(&demand, &Bounds::default(), 100, f64::INFINITY, seed);
        assert_eq!(choice(7), choice(7));
        let different: std::collections::BTreeSet<u32> =
            (0..40).map(|s| choice(s).fee_ppm).collect();
        assert!(different.len() > 1, "an unknown demand is explored: {different:?}");
    }

    #[test]
    fn no_trial_costs_more_than_the_allowed_regret_and_no_fee_leaves_its_limits() {
        let bounds = Bounds { min_ppm: 80, max_ppm: 300, ..Bounds::default() };
        let demand = known();
        for (seed, present) in (0..200).zip([1, 80, 150, 300, 9_000].into_iter().cycle()) {
            let choice = next_fee(&demand, &bounds, present, f64::INFINITY, seed);
            assert!((80..=300).contains(&choice.fee_ppm), "{choice:?}");
            let fees = reachable(&bounds, present);
            let best =
                fees.iter().map(|f| demand.revenue_msat_per_day(f64::from(*f), f64::INFINITY));
            let best = best.fold(0.0, f64::max);
            assert!(choice.revenue_msat_per_day >= 0.8 * best * 0.98, "{choice:?} of {best}");
        }
    }

    #[test]
    fn scarce_liquidity_is_sold_dearer() {
        let demand = known();
        let settle = |supply: f64| {
            (0..10).fold(100, |fee, seed| {
                next_fee(&demand, &Bounds::default(), fee, supply, seed).fee_ppm
            })
        };
        assert!(settle(1e9) > settle(f64::INFINITY) * 13 / 10);
    }
}

//! What one channel end wants: a target, an urgency, a band to lend. Rules and the learned policy.
//!
//! One policy serves every end of every node, whatever the number of channels. It must never see
//! more than [`End`], nor answer outside [theta, 1 - theta]: the circulation decides the amount.

mod features;
mod rules;

pub use features::{FEATURE_COUNT, features};
pub use rules::{Analytic, Margin, Worth};

use crate::model::Decider;
use crate::net::{Net, softsign};
use crate::{MILLION, ppm};

/// Numbers a policy network gives: target, factor on the rule's bid, bid of its own, lend band.
/// All noughts are [`Margin::INCOME`].
pub const ACTION_COUNT: usize = 4;
/// Most a policy bids for having one unit moved, ppm of the amount.
pub const WEIGHT_MAX_PPM: u32 = 10_000;
/// Widest lend band: half of the capacity on each side of the target, ppm.
pub const LEND_MAX_PPM: u32 = 500_000;

/// What one channel end sees. Integers throughout, so the same end gives the same action anywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct End {
    /// Capacity of the channel, msat.
    pub capacity_msat: u64,
    /// Local balance, msat.
    pub local_msat: u64,
    /// Probability of depletion within the next epoch, tau and three tau, ppm.
    pub depleted_ppm: [u32; 3],
    /// Probability of saturation within the same times, ppm.
    pub saturated_ppm: [u32; 3],
    /// The three times, seconds.
    pub at_s: [u64; 3],
    /// The lowest and the highest balance that [`Policy::margin`] calls safe, msat; noughts if the
    /// policy does not ask.
    pub safe_msat: [u64; 2],
    /// Fees earned on what leaves through this end, msat a day while it could leave.
    pub fee_out_msat_day: u64,
    /// Fees earned on what enters through this end, msat a day while it could enter.
    pub fee_in_msat_day: u64,
    /// What the market would pay for moving balance away from here (below 0: for bringing some),
    /// the difference of potentials, ppm.
    pub gap_ppm: i32,
    /// Drift of the local balance, msat a day.
    pub drift_msat_day: i64,
    /// Seconds since this end was last rebalanced.
    pub since_action_s: u64,
    /// Share of the node's other channels in need, ppm.
    pub needy_ppm: u32,
}

impl End {
    /// Local balance / capacity, ppm.
    pub fn ratio_ppm(&self) -> u32 {
        let whole = u128::from(self.capacity_msat.max(1));
        let share = u128::from(self.local_msat) * u128::from(MILLION) / whole;
        u32::try_from(share).unwrap_or(MILLION).min(MILLION)
    }
}

/// What an end asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Action {
    /// Local balance it wants, ppm of the capacity.
    pub target_ppm: u32,
    /// What it bids for getting there, ppm of the amount moved; 0 is no request.
    pub weight_ppm: u32,
    /// How far from the target it lets others move it for their own needs, ppm of the capacity.
    pub lend_ppm: u32,
}

impl Action {
    /// No request, nothing lent.
    pub const NONE: Self = Self { target_ppm: MILLION / 2, weight_ppm: 0, lend_ppm: 0 };
}

/// A way to decide.
#[derive(Debug, Clone, PartialEq)]
pub enum Policy {
    /// Never ask.
    Never,
    /// Ask when the fees at stake are worth more than the move.
    Analytic(Analytic),
    /// Ask when the forecast says that the balance is not safe, and lend what is.
    Margin(Margin),
    /// Ask for half when the smaller side is below theta.
    Threshold {
        /// Theta, ppm of the capacity.
        theta_ppm: u32,
        /// What is bid, ppm.
        weight_ppm: u32,
    },
    /// Lightning Labs' Autoloop: outside [low, high] go to their midpoint.
    Autoloop {
        /// Lower threshold, ppm.
        low_ppm: u32,
        /// Upper threshold, ppm.
        high_ppm: u32,
        /// What is bid, ppm.
        weight_ppm: u32,
    },
    /// Loopmax (papers.md 1.3): as late as possible and as much as possible, by the drift.
    Loopmax {
        /// Ask when the balance would last less than this at its drift, seconds.
        reach_s: u64,
        /// What is bid, ppm.
        weight_ppm: u32,
    },
    /// The trained network.
    Learned {
        /// The network: [`FEATURE_COUNT`] numbers in, [`ACTION_COUNT`] out.
        net: Net,
        /// Targets stay in [theta, 1 - theta], ppm.
        theta_ppm: u32,
    },
}

impl Policy {
    /// The policy that a decider stands for; the rule when no model decides.
    pub fn of(decider: &Decider, theta_ppm: u32) -> Self {
        match decider {
            Decider::Model { net, .. } => Self::Learned { net: net.clone(), theta_ppm },
            Decider::Rule { .. } => Self::Margin(Margin::DEFAULT),
        }
    }

    /// Whether it looks at the odds at all; a caller may leave them out if not.
    pub const fn reads_odds(&self) -> bool {
        matches!(self, Self::Analytic(_) | Self::Margin(_) | Self::Learned { .. })
    }

    /// What [`End::safe_msat`] should be worked out for; nothing if it is not looked at.
    pub const fn margin(&self) -> Option<&Margin> {
        match self {
            Self::Margin(margin) => Some(margin),
            Self::Learned { .. } => Some(&Margin::INCOME),
            _ => None,
        }
    }

    /// What this end asks for.
    pub fn decide(&self, end: &End) -> Action {
        match self {
            Self::Never => Action::NONE,
            Self::Analytic(rule) => rule.decide(end),
            Self::Margin(margin) => margin.decide(end),
            Self::Threshold { theta_ppm, weight_ppm } => {
                let ratio = end.ratio_ppm();
                let asks = ratio.min(MILLION - ratio) < *theta_ppm;
                asked(MILLION / 2, if asks { *weight_ppm } else { 0 })
            }
            Self::Autoloop { low_ppm, high_ppm, weight_ppm } => {
                let asks = !(*low_ppm..=*high_ppm).contains(&end.ratio_ppm());
                asked(low_ppm.midpoint(*high_ppm), if asks { *weight_ppm } else { 0 })
            }
            Self::Loopmax { reach_s, weight_ppm } => rules::loopmax(end, *reach_s, *weight_ppm),
            Self::Learned { net, theta_ppm } => learned(net, *theta_ppm, end),
        }
    }
}

const fn asked(target_ppm: u32, weight_ppm: u32) -> Action {
    Action { target_ppm, weight_ppm, lend_ppm: 0 }
}

/// Largest factor on the rule's bid.
const FACTOR_MAX: f64 = 16.0;

/// The network's answer, as a change of [`Margin::INCOME`].
fn learned(net: &Net, theta_ppm: u32, end: &End) -> Action {
    let [target, factor, own, lend] = net.answer::<ACTION_COUNT>(&features(end));
    let rule = Margin::INCOME.decide(end);
    let share = |x: f32| f64::from(softsign(x));
    let part = |ppm: u32| f64::from(ppm) / f64::from(MILLION);
    let theta = part(theta_ppm.min(MILLION / 2));
    // Where the rule's target is beyond theta, that far is as far as it goes.
    let [low, high] = [theta.min(part(rule.target_ppm)), (1.0 - theta).max(part(rule.target_ppm))];
    let target = (part(rule.target_ppm) + 0.5 * share(target)).clamp(low, high);
    let factor = ((1.0 + share(factor)) / (1.0 - share(factor)).max(1e-6)).min(FACTOR_MAX);
    let most = part(WEIGHT_MAX_PPM);
    let bid = (part(rule.weight_ppm) * factor + most * share(own).max(0.0)).min(most);
    let weight_ppm = ppm(bid);
    let asks = weight_ppm > 0;
    let lend = ppm(part(rule.lend_ppm) * (1.0 + share(lend))).min(LEND_MAX_PPM);
    Action { target_ppm: ppm(target), weight_ppm, lend_ppm: if asks { 0 } else { lend } }
}

#[cfg(test)]
mod tests;

//! Who decides what a channel end asks for: the policy that the configuration names, with a name
//! for people.
//!
//! It must never fail: a model that does not load means the rule, and says so.

use super::board::Decision;
use crate::config::Decides;
use debal_learn::model::{Decider, POLICY};
use debal_learn::policy::{Analytic, End, Margin, Policy};
use debal_protocol::config::Caps;
use debal_protocol::steer::Steer;

/// What one step of urgency is worth in plans, ppm (`debal_planner::leader`).
const URGENCY_PPM: u32 = 4;
/// Targets and bands move in whole steps, ppm: a hair's breadth is no news to the core.
const STEP_PPM: u32 = 10_000;

/// A policy with its name.
#[derive(Debug)]
pub struct Chooser {
    policy: Policy,
    by: String,
}

impl Chooser {
    /// What the configuration names; nothing where the thresholds decide.
    pub fn of(decides: Decides, theta_ppm: u32) -> Option<Self> {
        let rule = |policy, by: &str| Some(Self { policy, by: by.to_owned() });
        match decides {
            Decides::Off | Decides::Thresholds => None,
            Decides::Margin => rule(Policy::Margin(Margin::default()), "margin rule"),
            Decides::Analytic => rule(Policy::Analytic(Analytic::default()), "analytic rule"),
            Decides::Model => Some(Self::model(POLICY, theta_ppm)),
        }
    }

    fn model(bytes: &[u8], theta_ppm: u32) -> Self {
        let decider = Decider::from_bytes(bytes);
        let by = match &decider {
            Decider::Model { name, version, .. } => format!("model {name} v{version}"),
            Decider::Rule { why } => {
                tracing::warn!(%why, "the margin rule decides in place of the model");
                format!("margin rule ({why})")
            }
        };
        Self { policy: Policy::of(&decider, theta_ppm), by }
    }

    /// The horizon (0: epoch, 1: tau, 2: three tau) and the risk for which a policy wants to know
    /// the safe balances.
    pub fn margin(&self) -> Option<(usize, u32)> {
        self.policy.margin().map(|margin| (margin.horizon.min(2), margin.risk_ppm))
    }

    /// What this end asks for or lends.
    pub fn decide(&self, end: &End) -> Decision {
        let action = self.policy.decide(end);
        let stepped = |ppm: u32| (ppm + STEP_PPM / 2) / STEP_PPM * STEP_PPM;
        Decision {
            by: self.by.clone(),
            target_ppm: stepped(action.target_ppm),
            bid_ppm: action.weight_ppm,
            lend_ppm: stepped(action.lend_ppm),
        }
    }
}

impl Decision {
    /// The same for the core. An end that asks lends nothing and is content with nothing but its
    /// target; one that does not ask wants nothing as far as it lends.
    pub fn steer(&self, price_ppm: u32, caps: &Caps) -> Steer {
        let asks = self.bid_ppm > 0;
        let urgency = (self.bid_ppm / URGENCY_PPM).clamp(1, u32::from(u8::MAX));
        let band_ppm = if asks { 0 } else { self.lend_ppm };
        Steer {
            target_ppm: self.target_ppm,
            lend_band_ppm: band_ppm,
            dead_band_ppm: band_ppm,
            price_ppm,
            fee_max_ppm: if asks { self.bid_ppm.min(caps.fee_max_ppm) } else { caps.fee_max_ppm },
            urgency: asks.then(|| u8::try_from(urgency).unwrap_or(u8::MAX)),
            forecast: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end() -> End {
        End {
            capacity_msat: 10_000_000,
            local_msat: 1_000_000,
            depleted_ppm: [500_000, 1_000_000, 1_000_000],
            at_s: [600, 7_200, 21_600],
            safe_msat: [4_000_000, 8_000_000],
            ..End::default()
        }
    }

    #[test]
    fn an_end_at_risk_bids_for_its_target_and_one_that_is_safe_lends_what_is() {
        let chooser = Chooser::of(Decides::Margin, 200_000).unwrap();
        assert_eq!(chooser.margin().map(|(horizon, _)| horizon), Some(0));
        let asks = chooser.decide(&end());
        let caps = Caps { fee_max_ppm: 300, ..Caps::default() };
        let steer = asks.steer(7, &caps);
        assert_eq!((steer.target_ppm, steer.lend_band_ppm, steer.dead_band_ppm), (460_000, 0, 0));
        assert_eq!((steer.urgency, steer.fee_max_ppm, steer.price_ppm), (Some(125), 300, 7));
        let safe = chooser.decide(&End { local_msat: 5_000_000, ..end() }).steer(7, &caps);
        assert_eq!((safe.target_ppm, safe.lend_band_ppm, safe.urgency), (600_000, 200_000, None));
    }

    #[test]
    fn thresholds_choose_nothing_and_a_damaged_model_is_the_rule_that_says_why() {
        assert!(Chooser::of(Decides::Thresholds, 200_000).is_none());
        assert!(Chooser::of(Decides::Off, 200_000).is_none());
        let model = Chooser::of(Decides::Model, 200_000).unwrap();
        assert!(model.decide(&end()).by.starts_with("model "), "{}", model.by);
        let damaged = Chooser::model(b"nothing", 200_000);
        assert_eq!(damaged.by, "margin rule (this is not a model file)");
        let rule = Chooser::of(Decides::Margin, 200_000).unwrap();
        assert_eq!(damaged.decide(&end()).target_ppm, rule.decide(&end()).target_ppm);
    }
}

//! The seed's rules: kappa, theta, tau, and its own time to depletion; the baselines of the
//! forecast.
//!
//! They must never be mixed with the forecast: they are configuration and comparison.

use crate::MILLION;

/// When a node asks for help by rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Ask when outbound balance / capacity of the whole node is below this, ppm.
    pub kappa_ppm: u32,
    /// Ask when the smaller side of a channel / its capacity is below this, ppm.
    pub theta_ppm: u32,
    /// Ask when depletion is forecast within this, seconds.
    pub tau_s: u64,
}

impl Default for Rules {
    fn default() -> Self {
        Self { kappa_ppm: 100_000, theta_ppm: 200_000, tau_s: 7_200 }
    }
}

/// Why a node asks for help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// The node's outbound share is below kappa.
    Kappa,
    /// The smaller side of this channel is below theta.
    Theta,
    /// Depletion is forecast within tau.
    Tau,
}

impl Rules {
    /// Every rule under which a channel end asks: `node` is (outbound, capacity) of the whole
    /// node, `channel` is (local, capacity), both in msat; `ttd_s` the forecast median.
    pub fn needs(&self, node: (u64, u64), channel: (u64, u64), ttd_s: Option<u64>) -> Vec<Need> {
        let below = |part: u64, whole: u64, limit_ppm: u32| {
            u128::from(part) * u128::from(MILLION) < u128::from(whole) * u128::from(limit_ppm)
        };
        let smaller = channel.0.min(channel.1.saturating_sub(channel.0));
        let mut needs = Vec::new();
        if below(node.0, node.1, self.kappa_ppm) {
            needs.push(Need::Kappa);
        }
        if below(smaller, channel.1, self.theta_ppm) {
            needs.push(Need::Theta);
        }
        if ttd_s.is_some_and(|ttd_s| ttd_s < self.tau_s) {
            needs.push(Need::Tau);
        }
        needs
    }
}

/// The seed's time to depletion in seconds: balance / max(out - in, 0.001), rates a second. Kept
/// as it was written, for comparison: it pools channels and knows no variance.
pub fn seed_ttd_s(local: f64, out_rate: f64, in_rate: f64) -> f64 {
    local / (out_rate - in_rate).max(0.001)
}

/// b / |mu| in seconds for a drift towards depletion; nothing when the balance is not draining
/// (b / |mu| of a filling channel would forecast the wrong side).
pub fn ratio_ttd_s(distance: f64, drift: f64) -> Option<f64> {
    (drift > 0.0).then(|| distance.max(0.0) / drift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_names_itself() {
        let rules = Rules::default();
        assert_eq!(rules.needs((50, 100), (50, 100), None), []);
        assert_eq!(rules.needs((9, 100), (50, 100), None), [Need::Kappa]);
        assert_eq!(rules.needs((50, 100), (81, 100), None), [Need::Theta]);
        assert_eq!(rules.needs((50, 100), (20, 100), Some(7_199)), [Need::Tau]);
        let all = rules.needs((u64::MAX / 20, u64::MAX), (0, u64::MAX), Some(0));
        assert_eq!(all, [Need::Kappa, Need::Theta, Need::Tau]);
    }

    #[test]
    fn a_filling_channel_has_no_ratio() {
        assert_eq!(ratio_ttd_s(100.0, 2.0), Some(50.0));
        assert_eq!(ratio_ttd_s(100.0, -2.0), None);
        assert_eq!(seed_ttd_s(100.0, 1.0, 3.0), 100_000.0);
    }
}

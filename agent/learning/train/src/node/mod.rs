//! One node with many channels: where policies are compared and the shared one learns.
//!
//! Money is conserved: a rebalancing moves between the node's own channels and costs its price. A
//! policy must never see the demand or the market beyond what [`End`] shows.

pub mod case;
pub mod contest;
mod market;
pub mod training;

use case::{Case, EPOCH_S, EPOCHS};
use debal_learn::forecast::{Drift, Forecast, Residual, Settings};
use debal_learn::policy::{End, Policy};

pub use market::Move;

/// Times a policy looks ahead: an epoch, tau, three tau, seconds.
pub const AHEAD_S: [u64; 3] = [EPOCH_S, 7_200, 21_600];
/// Seconds after which a fee counts half in the fee rates.
const FEE_HALF_LIFE_S: f64 = 21_600.0;

/// What a run came to, msat.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Outcome {
    /// Fees of all forwards that wanted to pass.
    pub offered: f64,
    /// Fees of those that did.
    pub earned: f64,
    /// Paid for rebalancing (earned, if below 0).
    pub paid: f64,
    /// Moved by rebalancing.
    pub moved: f64,
    /// Volume forwarded.
    pub forwarded: f64,
}

impl Outcome {
    /// Net income as a share of the fees offered: what policies are ranked by.
    pub fn net(&self) -> f64 {
        (self.earned - self.paid) / self.offered.max(1.0)
    }
}

/// One channel as the node sees it.
struct Seen {
    local_msat: u64,
    drift: Drift,
    fee_out_day: f64,
    fee_in_day: f64,
    since_s: u64,
}

/// Runs a case under a policy. `residual` bends the forecasts, as it would in a node.
pub fn run(case: &Case, policy: &Policy, residual: Option<&Residual>) -> Outcome {
    let mut outcome = Outcome::default();
    let mut seen: Vec<Seen> = case
        .channels
        .iter()
        .map(|channel| {
            let mut drift = Drift::new(Settings::default());
            drift.observe(0, channel.local_msat);
            Seen {
                local_msat: channel.local_msat,
                drift,
                fee_out_day: 0.0,
                fee_in_day: 0.0,
                since_s: EPOCH_S,
            }
        })
        .collect();
    let mut rest = case.forwards.as_slice();
    for epoch in 0..EPOCHS {
        let until_ms = (epoch as u64 + 1) * EPOCH_S * 1_000;
        let count = rest.partition_point(|forward| forward.at_ms < until_ms);
        let (now, later) = rest.split_at(count);
        rest = later;
        pass(case, now, &mut seen, &mut outcome);
        for channel in &mut seen {
            channel.drift.observe(until_ms, channel.local_msat);
            channel.since_s += EPOCH_S;
        }
        if *policy == Policy::Never {
            continue;
        }
        let ends = ends(case, epoch, &seen, policy, residual);
        let actions: Vec<_> = ends.iter().map(|end| policy.decide(end)).collect();
        for step in market::settle(case, epoch, &ends, &actions) {
            outcome.paid += step.amount_msat as f64 * f64::from(step.price_ppm) / 1e6;
            outcome.moved += step.amount_msat as f64;
            seen[step.raised].local_msat += step.amount_msat;
            seen[step.lowered].local_msat -= step.amount_msat;
            for index in [step.raised, step.lowered] {
                seen[index].since_s = 0;
                let local_msat = seen[index].local_msat;
                seen[index].drift.rebase(until_ms, local_msat);
            }
        }
    }
    outcome
}

/// Lets an epoch's forwards pass and updates what the node knows of fees.
fn pass(case: &Case, forwards: &[case::Forward], seen: &mut [Seen], outcome: &mut Outcome) {
    let keep = (-std::f64::consts::LN_2 * EPOCH_S as f64 / FEE_HALF_LIFE_S).exp();
    let to_day = (1.0 - keep) * 86_400.0 / EPOCH_S as f64;
    for channel in seen.iter_mut() {
        channel.fee_out_day *= keep;
        channel.fee_in_day *= keep;
    }
    for forward in forwards {
        let [from, to] = forward.channels.map(usize::from);
        let amount_msat = forward.amount_msat;
        let fee = amount_msat as f64 * case.channels[to].fee_ppm as f64 / 1e6;
        outcome.offered += fee;
        let remote_msat = case.channels[from].capacity_msat - seen[from].local_msat;
        if remote_msat < amount_msat {
            // The peer could not send it: the node never learns of it.
            continue;
        }
        seen[to].fee_out_day += fee * to_day;
        if seen[to].local_msat < amount_msat {
            continue;
        }
        seen[from].fee_in_day += fee * to_day;
        seen[from].local_msat += amount_msat;
        seen[to].local_msat -= amount_msat;
        for index in [from, to] {
            let local_msat = seen[index].local_msat;
            seen[index].drift.observe(forward.at_ms, local_msat);
        }
        outcome.earned += fee;
        outcome.forwarded += amount_msat as f64;
    }
}

/// What the ends show; without odds and margins if the policy does not read them.
fn ends(
    case: &Case,
    epoch: usize,
    seen: &[Seen],
    policy: &Policy,
    residual: Option<&Residual>,
) -> Vec<End> {
    let low = |index: usize| {
        let capacity_msat = case.channels[index].capacity_msat;
        let local_msat = seen[index].local_msat;
        local_msat.min(capacity_msat - local_msat) < capacity_msat / 5
    };
    let needy = (0..seen.len()).filter(|index| low(*index)).count();
    let others = seen.len().max(2) - 1;
    let all = seen.iter().zip(&case.channels).enumerate().map(|(index, (seen, channel))| {
        let estimate = seen.drift.estimate();
        let capacity_msat = channel.capacity_msat;
        let odds = || Forecast::new(seen.local_msat, capacity_msat, estimate, residual);
        let (depleted_ppm, saturated_ppm) =
            if policy.reads_odds() { odds().odds_ppm(AHEAD_S) } else { Default::default() };
        let safe = policy.margin().map(|margin| {
            let within_s = AHEAD_S[margin.horizon.min(2)];
            Forecast::safe_msat(capacity_msat, estimate, residual, within_s, margin.risk_ppm)
        });
        let needy = needy - usize::from(low(index));
        End {
            capacity_msat,
            local_msat: seen.local_msat,
            depleted_ppm,
            saturated_ppm,
            at_s: AHEAD_S,
            safe_msat: safe.unwrap_or_default(),
            fee_out_msat_day: seen.fee_out_day as u64,
            fee_in_msat_day: seen.fee_in_day as u64,
            gap_ppm: channel.gap_ppm[epoch],
            drift_msat_day: (estimate.mu * 86_400.0) as i64,
            since_action_s: seen.since_s,
            needy_ppm: debal_learn::ppm(needy as f64 / others as f64),
        }
    });
    all.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use debal_learn::policy::Analytic;

    #[test]
    fn nobody_pays_who_never_asks() {
        let outcome = run(&Case::new(1), &Policy::Never, None);
        assert_eq!((outcome.paid, outcome.moved), (0.0, 0.0));
        assert!(outcome.earned > 0.0 && outcome.earned < outcome.offered);
    }

    #[test]
    fn the_rule_earns_more_than_never_asking_on_most_cases() {
        let rule = Policy::Analytic(Analytic::default());
        let better = (0..20).filter(|seed| {
            let case = Case::new(*seed);
            run(&case, &rule, None).net() > run(&case, &Policy::Never, None).net()
        });
        let better = better.count();
        assert!(better >= 14, "{better} of 20");
    }

    #[test]
    fn a_case_is_its_seed() {
        assert_eq!(Case::new(9), Case::new(9));
        assert_ne!(Case::new(9), Case::new(10));
    }
}

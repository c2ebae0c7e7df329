//! What real agents would publish, at the size of a whole network: every end decides by thresholds
//! or by the margin rule on its forecast, publishes its offer in buckets, and a leader plans.
//!
//! Offers, buckets and values are the protocol's and the planner's own. Nothing may be used but
//! what both ends of the one channel have seen.

use super::traffic::{Asked, Traffic};
use crate::BenchError;
use crate::method::{Method, Outcome};
use crate::methods::exact::optimum;
use crate::methods::{REPORT_BYTES, applied, leader_cost, lengths};
use crate::states::{Channel, State};
use debal_learn::forecast::{Estimate, Forecast, Residual};
use debal_learn::policy::{End, Margin};
use debal_planner::circulation::ResidualArc;
use debal_planner::cycles::{Limits, decompose};
use debal_planner::market::value_ppm;
use debal_planner::score::Score;
use debal_protocol::config::Liquidity;
use debal_protocol::market::QuotedEnd;
use debal_protocol::summary::Offer;
use debal_protocol::summary::offer::{Standing, bucket_msat};
use debal_protocol::{ChannelId, Msat};

/// What the time between two rebalancings is taken for, seconds.
const EPOCH_S: u64 = 600;
/// Times a policy looks ahead: an epoch, tau, three tau, seconds.
const AHEAD_S: [u64; 3] = [EPOCH_S, 7_200, 21_600];
/// Periods that the weights of [`Traffic`] stand for.
const PERIODS_SEEN: f64 = 5.0;

/// Agents that all decide in one way.
#[derive(Debug)]
pub struct Agents {
    /// The margin rule; nothing for the thresholds alone.
    pub margin: Option<Margin>,
    residual: Option<Residual>,
}

impl Agents {
    /// Agents that decide by this rule, or by the thresholds.
    #[must_use]
    pub fn new(margin: Option<Margin>) -> Self {
        Self { margin, residual: Residual::shipped().ok() }
    }

    /// The thresholds of an end, and its urgency where the rule says one.
    fn liquidity(&self, end: &End, estimate: Estimate) -> (Liquidity, Option<u8>) {
        let configured = Liquidity::default();
        let Some(rule) = &self.margin else { return (configured, None) };
        let within_s = AHEAD_S[rule.horizon.min(2)];
        let (capacity, residual) = (end.capacity_msat, self.residual.as_ref());
        let safe_msat = Forecast::safe_msat(capacity, estimate, residual, within_s, rule.risk_ppm);
        let forecast = Forecast::new(end.local_msat, capacity, estimate, residual);
        let (depleted_ppm, saturated_ppm) = forecast.odds_ppm(AHEAD_S);
        let action = rule.decide(&End { safe_msat, depleted_ppm, saturated_ppm, ..*end });
        let asks = action.weight_ppm > 0;
        let band_ppm = if asks { 0 } else { action.lend_ppm };
        let liquidity = Liquidity {
            target_ppm: action.target_ppm,
            lend_band_ppm: band_ppm,
            dead_band_ppm: band_ppm,
            ..configured
        };
        let urgency = (action.weight_ppm / 4).clamp(1, 255);
        (liquidity, asks.then(|| u8::try_from(urgency).unwrap_or(u8::MAX)))
    }

    /// What end `which` of a channel publishes.
    fn published(&self, channel: &Channel, which: usize, asked: [Asked; 2]) -> QuotedEnd {
        let local_msat = channel.holds(which);
        let [own, other] = [asked[which], asked[1 - which]];
        let seconds = EPOCH_S as f64;
        let estimate = Estimate {
            mu: (other.sum - own.sum) / seconds,
            sigma2: (own.squares + other.squares) / seconds,
            span_s: PERIODS_SEEN * seconds,
        };
        let end = End {
            capacity_msat: channel.capacity_msat,
            local_msat,
            at_s: AHEAD_S,
            ..End::default()
        };
        let (liquidity, urgency) = self.liquidity(&end, estimate);
        let standing = Standing {
            capacity_msat: Msat(channel.capacity_msat),
            local_msat: Msat(local_msat),
            can_send_msat: Msat(local_msat),
            can_receive_msat: Msat(channel.holds(1 - which)),
        };
        let offer = Offer::at(&standing, None, &liquidity);
        let bucket = bucket_msat(Msat(channel.capacity_msat), liquidity.summary_bits).0.max(1);
        let floored = |amount: Msat| Msat(amount.0 / bucket * bucket);
        QuotedEnd {
            channel: ChannelId(0),
            want: offer.want,
            send_msat: floored(offer.send_msat),
            receive_msat: floored(offer.receive_msat),
            urgency: if offer.urgency == 0 { 0 } else { urgency.unwrap_or(offer.urgency) },
            price_ppm: liquidity.price_ppm,
        }
    }
}

impl Method for Agents {
    fn name(&self) -> String {
        match &self.margin {
            None => "agents, thresholds".to_owned(),
            Some(rule) if *rule == Margin::DEFAULT => "agents, margin".to_owned(),
            Some(rule) => {
                format!("agents, margin {} {} {}", rule.horizon, rule.risk_ppm, rule.reach_ppm)
            }
        }
    }

    fn settle(&self, state: &State, seed: u64) -> Result<Outcome, BenchError> {
        self.settle_seeing(state, &Traffic::of(state.channels.len()), seed)
    }

    fn settle_seeing(
        &self,
        state: &State,
        traffic: &Traffic,
        _seed: u64,
    ) -> Result<Outcome, BenchError> {
        let mut arcs = Vec::with_capacity(state.channels.len() * 2);
        for (index, channel) in state.channels.iter().enumerate() {
            let asked = [traffic.expected(2 * index), traffic.expected(2 * index + 1)];
            let ends = [0, 1].map(|which| self.published(channel, which, asked));
            for from in [0, 1] {
                let (sends, receives) = (&ends[from], &ends[1 - from]);
                arcs.push(ResidualArc {
                    tail: channel.ends[from],
                    head: channel.ends[1 - from],
                    capacity_msat: sends.send_msat.min(receives.receive_msat).0,
                    value_ppm: value_ppm(sends, receives),
                    label: index as u64,
                });
            }
        }
        let best = optimum(state.nodes, &arcs)?;
        let free = vec![Score::ZERO; arcs.len()];
        let limits = Limits { max_hops: u32::MAX, min_amount_msat: 1, max_cycles: usize::MAX };
        let cut = decompose(state.nodes, &arcs, &free, &best.flows_msat, &limits)?;
        let cycles = lengths(&cut.cycles);
        let cost =
            leader_cost(state.nodes, state.channels.len() as u64 * 2 * REPORT_BYTES, &cycles);
        Ok(Outcome { held_msat: applied(state, &arcs, &best.flows_msat), cycles, cost })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use debal_protocol::summary::Want;

    fn published(margin: Option<Margin>, held_msat: u64, asked: [Asked; 2]) -> QuotedEnd {
        let channel = Channel { ends: [0, 1], capacity_msat: 1_600, held_msat };
        Agents::new(margin).published(&channel, 0, asked)
    }

    #[test]
    fn thresholds_want_one_half_and_the_margin_rule_what_the_forecast_calls_safe() {
        let quiet = [Asked::default(); 2];
        let by_thresholds = published(None, 1_280, quiet);
        assert_eq!((by_thresholds.want, by_thresholds.send_msat), (Want::Send, Msat(400)));
        let calm = published(Some(Margin::DEFAULT), 1_280, quiet);
        assert_eq!((calm.want, calm.urgency), (Want::Nothing, 0), "nothing happens here");
        assert_eq!(calm.send_msat, Msat(1_200), "all but a step and what is left of a bucket");
        // 1,500 leave in each period, and the rule for income looks 36 of them ahead.
        let drains = [Asked { count: 20.0, sum: 1_500.0, squares: 112_500.0 }, Asked::default()];
        let by_margin = published(Some(Margin::INCOME), 1_280, drains);
        assert_eq!(by_margin.want, Want::Receive);
        assert!(by_margin.urgency > 0 && by_margin.receive_msat > Msat::ZERO);
    }
}

//! What each channel end should ask and offer, so that fees and rebalancing are one model.
//!
//! Pure: rules, the node and its demand in, one [`Steer`] per channel out. It must never value a
//! move at the fee of the moment, and never let a move pay that would pay back the other way.

use debal_fees::worth::{Demand, Move, Worth, observed_demand, worth};
use debal_fees::{NodeState, Rules};
use debal_protocol::ChannelId;
use debal_protocol::config::{Liquidity, WHOLE_PPM};
use debal_protocol::steer::Steer;
use serde::Serialize;

/// A refill worth this much of its amount, or more, is as urgent as can be, ppm.
const URGENT_PPM: i64 = 1_000;

/// How moves are valued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Model {
    /// How far ahead is looked, hours.
    pub horizon_h: u32,
    /// Over how many days demand is observed.
    pub demand_days: u32,
    /// What a move must be worth beyond its cost, ppm of its worth: hysteresis.
    pub margin_ppm: u32,
}

/// A channel end, judged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Judgement {
    /// The channel.
    pub channel: String,
    /// What is asked of it, msat a day: out.
    pub demand_out_msat_per_day: u64,
    /// Into it.
    pub demand_in_msat_per_day: u64,
    /// What would bring it to its target, msat; below zero it has too much.
    pub wanted_msat: i64,
    /// The rate that the rules ask now, ppm.
    pub fee_before_ppm: i64,
    /// The rate that they ask once it is there, ppm.
    pub fee_after_ppm: i64,
    /// What getting there earns within the horizon, ppm of the amount.
    pub worth_ppm: i64,
    /// The most that a cycle may cost for it, ppm.
    pub fee_max_ppm: u32,
    /// What lending costs others, ppm.
    pub price_ppm: u32,
    /// Why there is no worth, if there is none.
    pub fault: Option<String>,
}

/// Judges every channel that the rules decide for; the others keep the configured figures.
#[must_use]
pub fn judge(
    rules: &Rules,
    state: &NodeState,
    liquidity: &Liquidity,
    model: &Model,
) -> Vec<(ChannelId, Judgement, Option<Steer>)> {
    let judge = Judge { rules, state, liquidity, model };
    state.channels.iter().map(|channel| judge.channel(channel)).collect()
}

struct Judge<'a> {
    rules: &'a Rules,
    state: &'a NodeState,
    liquidity: &'a Liquidity,
    model: &'a Model,
}

impl Judge<'_> {
    fn channel(
        &self,
        channel: &debal_fees::state::Channel,
    ) -> (ChannelId, Judgement, Option<Steer>) {
        let id = ChannelId(channel.chan_id);
        let demand = observed_demand(self.state, channel.chan_id, self.model.demand_days);
        let capacity_msat = channel.funds.capacity.saturating_mul(1_000);
        let local_msat = channel.funds.local_balance.saturating_mul(1_000);
        let wanted_msat = share(capacity_msat, self.liquidity.target_ppm) - local_msat;
        let lent_msat = share(capacity_msat, self.liquidity.lend_band_ppm / 2);
        let mut judgement = Judgement {
            channel: id.to_string(),
            demand_out_msat_per_day: demand.out_msat_per_day,
            demand_in_msat_per_day: demand.in_msat_per_day,
            wanted_msat,
            fee_before_ppm: channel.local_policy.fee_ppm,
            fee_after_ppm: channel.local_policy.fee_ppm,
            worth_ppm: 0,
            fee_max_ppm: 0,
            price_ppm: self.liquidity.price_ppm,
            fault: None,
        };
        let moves =
            [wanted_msat, lent_msat.min(capacity_msat - local_msat), -lent_msat.min(local_msat)];
        let [wanted, lent_in, lent_out] =
            moves.map(|amount_msat| self.worth(channel.chan_id, amount_msat, demand));
        let (wanted, lent_in, lent_out) = match (wanted, lent_in, lent_out) {
            (Ok(wanted), Ok(lent_in), Ok(lent_out)) => (wanted, lent_in, lent_out),
            (Err(why), ..) | (_, Err(why), _) | (.., Err(why)) => {
                judgement.fault = Some(why);
                return (id, judgement, None);
            }
        };
        if let Some(found) = wanted {
            judgement.fee_before_ppm = found.fee_before_ppm;
            judgement.fee_after_ppm = found.fee_after_ppm;
            judgement.worth_ppm = found.gain_ppm;
        }
        let margin = i64::from(self.model.margin_ppm);
        let whole = i64::from(WHOLE_PPM);
        judgement.fee_max_ppm = rate(judgement.worth_ppm * (whole - margin) / whole);
        let loss_ppm = |found: Option<Worth>| found.map_or(0, |worth| -worth.gain_ppm);
        let lost_ppm = loss_ppm(lent_in).max(loss_ppm(lent_out)).max(0);
        let asked = rate(lost_ppm * (whole + margin) / whole);
        judgement.price_ppm = asked.max(self.liquidity.price_ppm);
        let steer = self.steer(&judgement);
        (id, judgement, Some(steer))
    }

    fn worth(
        &self,
        chan_id: u64,
        amount_msat: i64,
        demand: Demand,
    ) -> Result<Option<Worth>, String> {
        if amount_msat == 0 {
            return Ok(None);
        }
        let asked = Move { chan_id, amount_msat, demand, horizon_h: self.model.horizon_h };
        worth(self.rules, self.state, &asked).map(Some).map_err(|error| error.to_string())
    }

    fn steer(&self, judgement: &Judgement) -> Steer {
        let scaled = judgement.worth_ppm.clamp(0, URGENT_PPM) * i64::from(u8::MAX - 1) / URGENT_PPM;
        Steer {
            target_ppm: self.liquidity.target_ppm,
            lend_band_ppm: self.liquidity.lend_band_ppm,
            dead_band_ppm: self.liquidity.dead_band_ppm,
            price_ppm: judgement.price_ppm,
            fee_max_ppm: judgement.fee_max_ppm,
            urgency: Some(u8::try_from(scaled + 1).unwrap_or(u8::MAX)),
            forecast: None,
        }
    }
}

fn share(amount_msat: i64, ppm: u32) -> i64 {
    let part = i128::from(amount_msat) * i128::from(ppm) / i128::from(WHOLE_PPM);
    i64::try_from(part).unwrap_or(i64::MAX)
}

fn rate(ppm: i64) -> u32 {
    u32::try_from(ppm.clamp(0, i64::from(WHOLE_PPM))).unwrap_or(WHOLE_PPM)
}

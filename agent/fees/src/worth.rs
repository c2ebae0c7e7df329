//! What it is worth to move liquidity into or out of a channel end, at the fees that will apply.
//!
//! Fees and rebalancing are one model here: a refill lowers the fee that the rules ask, a drained
//! channel raises it, and what is sent in the time to come earns the fee of that time. It must
//! never judge a move at the fee of the moment: that is how nodes pay for refills which their own
//! rules then sell below cost.

use crate::decision::PolicyUpdate;
use crate::evaluate::decide;
use crate::facts::Facts;
use crate::rules::Rules;
use crate::state::{Channel, NodeState};

/// Steps the time ahead is cut into; the rules are asked once in each.
const STEPS: i128 = 8;
const HOUR_S: i64 = 3_600;
const DAY_H: i128 = 24;
const MILLION: i128 = 1_000_000;
/// Amounts beyond this are no Lightning channel's; the arithmetic below stays far inside 128 bits.
const AMOUNT_MAX_MSAT: i64 = 1 << 61;

/// What is expected to be sent through a channel, whether it can be served or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Demand {
    /// Out of our end, msat a day.
    pub out_msat_per_day: u64,
    /// Into our end, msat a day.
    pub in_msat_per_day: u64,
}

/// A move to be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Move {
    /// The channel.
    pub chan_id: u64,
    /// What comes into our end, msat; below zero what leaves it.
    pub amount_msat: i64,
    /// What is expected there.
    pub demand: Demand,
    /// How far ahead is looked, hours, 1 to 8,760.
    pub horizon_h: u32,
}

/// What a move is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Worth {
    /// The fee rate that the rules ask now, ppm.
    pub fee_before_ppm: i64,
    /// The fee rate that they ask right after the move, ppm.
    pub fee_after_ppm: i64,
    /// Sent within the horizon without the move, msat.
    pub served_before_msat: i64,
    /// Sent within the horizon with it, msat.
    pub served_after_msat: i64,
    /// Earned within the horizon with the move less without it, msat. Base fees are not in it.
    pub gain_msat: i64,
    /// The same for each msat moved, ppm.
    pub gain_ppm: i64,
    /// When the channel would be empty after the move, hours; nothing where it does not drain.
    pub empty_after_h: Option<u32>,
}

/// Why a move cannot be judged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WorthError {
    /// The state has no such channel.
    #[error("the state has no channel {0}")]
    NoChannel(u64),
    /// Nothing is moved, or more than the channel holds.
    #[error("{amount_msat} msat cannot move: the channel has {local_msat} of {capacity_msat} msat")]
    Amount {
        /// What was to move.
        amount_msat: i64,
        /// Our side.
        local_msat: i64,
        /// All of it.
        capacity_msat: i64,
    },
    /// The rules are in error for the channel.
    #[error("the rules decide nothing for channel {chan_id}: {why}")]
    Rules {
        /// The channel.
        chan_id: u64,
        /// The fault.
        why: String,
    },
    /// The look ahead is out of range.
    #[error("a horizon of {0} hours; 1 to 8760 are possible")]
    Horizon(u32),
}

/// What was asked of a channel in the last days: what was sent, and what failed for want of
/// balance. A channel that is empty forwards nothing and is asked all the same.
#[must_use]
pub fn observed_demand(state: &NodeState, chan_id: u64, days: u32) -> Demand {
    let from_s = state.node.now.saturating_sub(i64::from(days) * 24 * HOUR_S);
    let recent = |at_s: i64| at_s >= from_s && at_s <= state.node.now;
    let (mut out, mut into) = (0i128, 0i128);
    for forward in state.node.forwards.iter().filter(|forward| recent(forward.timestamp)) {
        if forward.chan_id_out == chan_id {
            out += i128::from(forward.amt_out_sat) * 1_000;
        }
        if forward.chan_id_in == chan_id {
            into += i128::from(forward.amt_in_sat) * 1_000;
        }
    }
    for failed in state.node.failed_forwards.iter().filter(|failed| recent(failed.timestamp)) {
        if failed.chan_id_out == chan_id {
            out += i128::from(failed.amt_msat);
        }
    }
    let daily = |sum: i128| {
        let each = sum.max(0).checked_div(i128::from(days)).unwrap_or(0);
        u64::try_from(each).unwrap_or(u64::MAX)
    };
    Demand { out_msat_per_day: daily(out), in_msat_per_day: daily(into) }
}

/// Judges a move.
///
/// # Errors
/// [`WorthError`]: no such channel, an amount it cannot move, rules in error for it.
pub fn worth(rules: &Rules, state: &NodeState, asked: &Move) -> Result<Worth, WorthError> {
    let channel = state.channels.iter().find(|channel| channel.chan_id == asked.chan_id);
    let channel = channel.ok_or(WorthError::NoChannel(asked.chan_id))?;
    if !(1..=8_760).contains(&asked.horizon_h) {
        return Err(WorthError::Horizon(asked.horizon_h));
    }
    let ahead = Ahead::new(rules, channel, asked)?;
    let mut facts = Facts::new(state);
    let before = ahead.look(&mut facts, 0)?;
    let after = ahead.look(&mut facts, i128::from(asked.amount_msat))?;
    let gain = after.earned - before.earned;
    let moved = i128::from(asked.amount_msat).abs().max(1);
    Ok(Worth {
        fee_before_ppm: before.first_fee_ppm,
        fee_after_ppm: after.first_fee_ppm,
        served_before_msat: narrow(before.served),
        served_after_msat: narrow(after.served),
        gain_msat: narrow(gain),
        gain_ppm: narrow(gain * MILLION / moved),
        empty_after_h: after.empty_h,
    })
}

/// A channel and the time ahead of it.
struct Ahead<'a> {
    rules: &'a Rules,
    channel: &'a Channel,
    demand: Demand,
    horizon_h: i128,
    local_msat: i128,
    capacity_msat: i128,
}

/// One course of the time ahead.
struct Course {
    first_fee_ppm: i64,
    served: i128,
    earned: i128,
    empty_h: Option<u32>,
}

impl<'a> Ahead<'a> {
    fn new(rules: &'a Rules, channel: &'a Channel, asked: &Move) -> Result<Self, WorthError> {
        let local_msat = channel.funds.local_balance.max(0).saturating_mul(1_000);
        let capacity_msat = channel.funds.capacity.max(0).saturating_mul(1_000);
        let left = i128::from(local_msat) + i128::from(asked.amount_msat);
        let fits = (0..=i128::from(capacity_msat)).contains(&left);
        if asked.amount_msat == 0 || !fits || capacity_msat > AMOUNT_MAX_MSAT {
            let amount_msat = asked.amount_msat;
            return Err(WorthError::Amount { amount_msat, local_msat, capacity_msat });
        }
        let most = u64::try_from(AMOUNT_MAX_MSAT).unwrap_or(u64::MAX);
        let demand = Demand {
            out_msat_per_day: asked.demand.out_msat_per_day.min(most),
            in_msat_per_day: asked.demand.in_msat_per_day.min(most),
        };
        Ok(Self {
            rules,
            channel,
            demand,
            horizon_h: i128::from(asked.horizon_h),
            local_msat: i128::from(local_msat),
            capacity_msat: i128::from(capacity_msat),
        })
    }

    /// Walks through the time ahead after `moved` came in: in each step what is asked goes out at
    /// the fee of the balance then, as far as balance and what comes in allow.
    fn look(&self, facts: &mut Facts<'_>, moved: i128) -> Result<Course, WorthError> {
        let mut local = self.local_msat + moved;
        let daily = |per_day: u64| i128::from(per_day) * self.horizon_h / (DAY_H * STEPS);
        let (out, into) = (daily(self.demand.out_msat_per_day), daily(self.demand.in_msat_per_day));
        let mut course = Course { first_fee_ppm: 0, served: 0, earned: 0, empty_h: None };
        for step in 0..STEPS {
            let fee_ppm = self.fee_ppm(facts, local)?;
            if step == 0 {
                course.first_fee_ppm = narrow(fee_ppm);
            }
            let room = self.capacity_msat - local;
            let comes = into.min(room + out);
            let goes = out.min(local + comes);
            if goes < out && course.empty_h.is_none() {
                course.empty_h = Some(self.empties_in(step, local, out - comes));
            }
            course.served += goes;
            course.earned += goes * fee_ppm / MILLION;
            local = (local + comes - goes).clamp(0, self.capacity_msat);
        }
        Ok(course)
    }

    /// Hours until a balance is gone that drains by `net` in a step which begins at `step`.
    fn empties_in(&self, step: i128, local: i128, net: i128) -> u32 {
        let within = (local * self.horizon_h).checked_div(net.max(1) * STEPS).unwrap_or(0);
        u32::try_from(step * self.horizon_h / STEPS + within).unwrap_or(u32::MAX)
    }

    /// The fee rate that the rules keep or set at a balance.
    fn fee_ppm(&self, facts: &mut Facts<'_>, local_msat: i128) -> Result<i128, WorthError> {
        let funds = &self.channel.funds;
        let delta_sat = local_msat / 1_000 - i128::from(funds.local_balance);
        let mut channel = self.channel.clone();
        channel.funds.local_balance = narrow(i128::from(funds.local_balance) + delta_sat);
        channel.funds.remote_balance = narrow(i128::from(funds.remote_balance) - delta_sat);
        facts.shift(self.channel, delta_sat);
        let decision = decide(self.rules, facts, &channel, None);
        facts.shift(self.channel, -delta_sat);
        if let Some(error) = decision.error {
            let why = error.fault.to_string();
            return Err(WorthError::Rules { chan_id: channel.chan_id, why });
        }
        let kept = i128::from(channel.local_policy.fee_ppm);
        Ok(decision.update.map_or(kept, |update: PolicyUpdate| update.fee_ppm).max(0))
    }
}

fn narrow(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

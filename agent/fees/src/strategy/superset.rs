//! The superset's strategies: by balance, by flow, by what was earned, by what was paid.
//!
//! Without `fee_ppm` the outbound rate must never be derived from the current one: a factor applied
//! to its own result on every run would run away. It stays as it is.

use super::{Proposal, Work};
use crate::fault::Fault;
use crate::names::Property;
use crate::number::truncate;

/// The highest rate unless `max_fee_ppm` says otherwise, ppm.
const MAX_FEE_PPM: i128 = 5000;
/// How far `flow_based` looks back unless told otherwise, seconds.
pub(crate) const FLOW_SECONDS: i128 = 7 * 86_400;
/// How long a fee must have been tried, hours.
const TRIAL_HOURS: f64 = 24.0;
/// How many forwards a trial must have seen.
const TRIAL_FORWARDS: i128 = 3;

impl Work<'_> {
    pub(super) fn balance_based(&self) -> Result<Proposal, Fault> {
        let Some(ratio) = self.subject.ratio() else {
            return Err(self.fault("nothing on either side of the channel: no ratio"));
        };
        let mut notes = Vec::new();
        let fee = self.integer(Property::Fee)?.map(|centre| match ratio {
            ratio if ratio > 0.8 => {
                notes.push(format!("local share {ratio:.4} above 0.8: half of {centre} ppm"));
                scaled(0.5, centre).max(1)
            }
            ratio if ratio < 0.2 => {
                notes.push(format!("local share {ratio:.4} below 0.2: twice {centre} ppm"));
                scaled(2.0, centre)
            }
            ratio => {
                notes.push(format!("local share {ratio:.4} in the middle: {centre} ppm"));
                centre
            }
        });
        let inbound = self.inbound_by_balance(ratio, true, &mut notes)?;
        self.finish(fee, inbound, notes)
    }

    pub(super) fn inbound_discount(&self) -> Result<Proposal, Fault> {
        let Some(ratio) = self.subject.ratio() else {
            return Err(self.fault("nothing on either side of the channel: no ratio"));
        };
        let mut notes = Vec::new();
        let inbound = self.inbound_by_balance(ratio, false, &mut notes)?;
        self.finish(self.integer(Property::Fee)?, inbound, notes)
    }

    pub(super) fn flow_based(&self) -> Result<Proposal, Fault> {
        let channel = self.subject.channel;
        let seconds = self.integer(Property::FlowPeriod)?.unwrap_or(FLOW_SECONDS);
        let traffic = self.subject.facts.traffic(channel.chan_id, seconds);
        let (incoming, outgoing) = (traffic.sats_in, traffic.sats_out);
        let used = crate::facts::share(incoming + outgoing, channel.funds.capacity.into());
        let used = used.ok_or_else(|| self.fault("the channel has no capacity"))?;
        let mut notes = vec![format!(
            "{incoming} sat in and {outgoing} sat out: {:.1} % of the capacity",
            used * 100.0
        )];
        let fee = self.integer(Property::Fee)?.map(|centre| {
            if used > 0.1 { scaled(1.0 + 2.0 * used, centre) } else { scaled(0.7, centre).max(1) }
        });
        let inbound = if incoming == 0 && outgoing == 0 {
            notes.push("nothing went through: no inbound fee".to_owned());
            0
        } else {
            // Too much came in: a premium; too little: a discount.
            match incoming as f64 / outgoing.max(1) as f64 {
                quotient if quotient > 2.0 => truncate(20.0 * quotient).unwrap_or(50).min(50),
                quotient if quotient < 0.5 => {
                    truncate(30.0 / quotient).map_or(-100, |discount| (-discount).max(-100))
                }
                _ => 0,
            }
        };
        self.finish(fee, Some(inbound), notes)
    }

    pub(super) fn cost_recovery(&self) -> Result<Proposal, Fault> {
        let channel = self.subject.channel;
        let factor = self.float_or(Property::CostFactor, 1.0)?;
        let mut notes = Vec::new();
        let fee = match self.subject.facts.opening(channel) {
            None => {
                notes.push("the wallet does not know the opening transaction".to_owned());
                self.integer(Property::Fee)?
            }
            Some(opening) => {
                let together = self.subject.facts.opened_together(channel);
                let (paid, capacity) = (opening.total_fees_sat, channel.funds.capacity);
                notes.push(format!(
                    "{factor} x {paid} sat paid for {together} channels, this one of {capacity} sat"
                ));
                let fee = factor * 1e6 * (paid as f64 / together as f64) / capacity as f64;
                let fee = truncate(fee);
                Some(fee.ok_or_else(|| self.fault("the cost per capacity is no number"))?)
            }
        };
        self.finish(fee, self.integer(Property::InboundFee)?, notes)
    }

    pub(super) fn revenue_max(&self) -> Result<Proposal, Fault> {
        let (hours, forwards) = (self.trial_hours()?, self.trial_forwards()?);
        let trials = &self.subject.channel.fee_trials;
        let sound = trials.iter().filter(|trial| {
            trial.hours > 0.0 && trial.hours >= hours && i128::from(trial.forwards) >= forwards
        });
        let per_day = |msat: i64, hours: f64| msat as f64 * 24.0 / hours;
        let best = sound.clone().max_by(|one, other| {
            let revenue = per_day(one.revenue_msat, one.hours);
            let order = revenue.total_cmp(&per_day(other.revenue_msat, other.hours));
            // Of equal ones the lower fee: it attracts more of what was not seen yet.
            order.then(other.fee_ppm.cmp(&one.fee_ppm))
        });
        let configured = self.integer(Property::InboundFee)?;
        let mut notes = Vec::new();
        let (fee, inbound) = match best {
            None => {
                notes.push(format!("none of {} trials is long enough", trials.len()));
                (self.integer(Property::Fee)?, configured)
            }
            Some(best) => {
                let revenue = per_day(best.revenue_msat, best.hours);
                notes.push(format!(
                    "{} ppm earned most of {} trials: {revenue:.0} msat a day",
                    best.fee_ppm,
                    sound.count()
                ));
                (Some(best.fee_ppm.into()), configured.or(Some(best.inbound_fee_ppm.into())))
            }
        };
        self.finish(fee, inbound, notes)
    }

    /// How long a fee must have been tried, hours.
    pub(super) fn trial_hours(&self) -> Result<f64, Fault> {
        self.float_or(Property::TrialMinHours, TRIAL_HOURS)
    }

    /// How many forwards a trial must have seen.
    pub(super) fn trial_forwards(&self) -> Result<i128, Fault> {
        Ok(self.integer(Property::TrialMinForwards)?.unwrap_or(TRIAL_FORWARDS))
    }

    /// The lowest and the highest rate, ppm.
    pub(super) fn fee_limits(&self) -> Result<(i128, i128), Fault> {
        let least = self.integer(Property::MinFee)?.unwrap_or(0).max(0);
        let most = self.integer(Property::MaxFee)?.unwrap_or(MAX_FEE_PPM);
        if most < least {
            return Err(self.fault(format!("min_fee_ppm {least} is above max_fee_ppm {most}")));
        }
        Ok((least, most))
    }

    /// A rate within its limits, and no further from the current one than `max_fee_ppm_step`.
    pub(super) fn limited(
        &self,
        asked: i128,
        (least, most): (i128, i128),
        notes: &mut Vec<String>,
    ) -> Result<i128, Fault> {
        let current = i128::from(self.subject.channel.local_policy.fee_ppm);
        let mut fee = asked.clamp(least, most);
        if let Some(step) = self.integer(Property::MaxFeeStep)?.filter(|step| *step >= 0) {
            fee = fee.clamp(current.saturating_sub(step), current.saturating_add(step));
        }
        if fee != asked {
            notes.push(format!("rate {asked} ppm limited to {fee} ppm"));
        }
        Ok(fee)
    }

    /// Keeps the rates within their limits.
    fn finish(
        &self,
        fee: Option<i128>,
        inbound: Option<i128>,
        mut notes: Vec<String>,
    ) -> Result<Proposal, Fault> {
        let limits = self.fee_limits()?;
        let fee = fee.map(|asked| self.limited(asked, limits, &mut notes)).transpose()?;
        let inbound = self.inbound_within(inbound, fee, &mut notes)?;
        let mut proposal = self.like_static(fee, inbound)?;
        proposal.fee_delta = self.delta()?;
        proposal.notes = notes;
        Ok(proposal)
    }
}

/// A factor times a rate, cut towards zero.
fn scaled(factor: f64, rate: i128) -> i128 {
    truncate(factor * rate as f64).unwrap_or(rate)
}

//! Strategies: what a section that applies asks for.
//!
//! A strategy that fails must never have an effect: its error leaves the channel as it is.

mod advised;
mod inbound;
mod original;
mod superset;

pub(crate) use inbound::MODES;
pub(crate) use superset::FLOW_SECONDS;

use crate::breaker::Wish;
use crate::criteria::Subject;
use crate::decision::{Safety, Target};
use crate::fault::{Fault, Place};
use crate::names::{Property, Strategy};
use crate::select::Collected;
use crate::state::Lack;

/// What a strategy asks for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Proposal {
    /// What is to be set.
    pub target: Target,
    /// Inbound and outbound rate together, ppm: the inbound rate follows the outbound one.
    pub inbound_level_ppm: Option<i128>,
    /// The limit at the companion service; nothing leaves it alone.
    pub breaker: Option<Wish>,
    /// The least change of the rate worth an update, ppm; nothing takes what is configured.
    pub fee_delta: Option<i128>,
    /// How the result came about.
    pub notes: Vec<String>,
}

/// A strategy at work on a channel.
pub(crate) struct Work<'a> {
    /// What the sections set.
    pub collected: Collected<'a>,
    /// The channel.
    pub subject: &'a Subject<'a>,
    /// Where the section stands, for faults.
    pub place: &'a Place,
}

impl Work<'_> {
    /// A fault of the strategy as a whole.
    fn fault(&self, message: impl Into<String>) -> Fault {
        Fault::new(self.place, message)
    }

    fn integer(&self, property: Property) -> Result<Option<i128>, Fault> {
        self.collected.integer(property)
    }

    fn float_or(&self, property: Property, otherwise: f64) -> Result<f64, Fault> {
        Ok(self.collected.float(property)?.unwrap_or(otherwise))
    }

    /// Carries out a strategy other than `use_config`.
    pub fn propose(&self, strategy: Strategy) -> Result<Proposal, Fault> {
        let mut proposal = match strategy {
            Strategy::Ignore => return Ok(Proposal::default()),
            Strategy::IgnoreFees | Strategy::UseConfig => Proposal::default(),
            Strategy::Disable => return self.disable(),
            Strategy::Static => {
                self.like_static(self.integer(Property::Fee)?, self.integer(Property::InboundFee)?)?
            }
            Strategy::Proportional => self.proportional()?,
            Strategy::MatchPeer => self.match_peer()?,
            Strategy::Cost => self.cost()?,
            Strategy::OnchainFee => self.onchain_fee()?,
            Strategy::BalanceBased => self.balance_based()?,
            Strategy::FlowBased => self.flow_based()?,
            Strategy::InboundDiscount => self.inbound_discount()?,
            Strategy::RevenueMax => self.revenue_max()?,
            Strategy::CostRecovery => self.cost_recovery()?,
        };
        self.limits(&mut proposal)?;
        Ok(proposal)
    }

    /// Fees as `static` sets them, with the rates given.
    fn like_static(&self, fee: Option<i128>, inbound: Option<i128>) -> Result<Proposal, Fault> {
        Ok(Proposal {
            target: Target {
                base_fee_msat: self.integer(Property::BaseFee)?,
                fee_ppm: fee,
                inbound_base_fee_msat: self.integer(Property::InboundBaseFee)?,
                inbound_fee_ppm: inbound,
                ..Target::default()
            },
            inbound_level_ppm: self.integer(Property::InboundLevel)?,
            ..Proposal::default()
        })
    }

    /// What every strategy but `ignore` and `disable` sets besides fees.
    pub fn limits(&self, proposal: &mut Proposal) -> Result<(), Fault> {
        let target = &mut proposal.target;
        target.min_htlc_msat = self.integer(Property::MinHtlc)?;
        target.max_htlc_msat = self.max_htlc()?;
        target.time_lock_delta = self.integer(Property::TimeLockDelta)?;
        target.disabled = Some(false);
        proposal.breaker = Some(self.breaker()?);
        Ok(())
    }

    fn max_htlc(&self) -> Result<Option<i128>, Fault> {
        let fixed = self.integer(Property::MaxHtlc)?;
        let ratio = self.collected.float(Property::MaxHtlcRatio)?.unwrap_or(0.0);
        if ratio == 0.0 {
            return Ok(fixed);
        }
        // As in the original, what is no number counts as everything.
        let ratio = if ratio.is_nan() { 1.0 } else { ratio.clamp(0.0, 1.0) };
        let channel = self.subject.channel;
        let usable = i128::from(channel.funds.capacity)
            - i128::from(channel.remote_constraints.chan_reserve_sat);
        let share = crate::number::truncate(ratio * usable as f64 * 1000.0).unwrap_or_default();
        Ok(Some(match fixed {
            None | Some(0) => share,
            Some(fixed) => share.min(fixed),
        }))
    }

    fn breaker(&self) -> Result<Wish, Fault> {
        Ok(Wish {
            max_hourly_rate: self.integer(Property::BreakerHourlyRate)?,
            max_pending: self.integer(Property::BreakerPending)?,
            mode: self.integer(Property::BreakerMode)?,
            clear: self.collected.flag(Property::BreakerClear),
        })
    }

    fn disable(&self) -> Result<Proposal, Fault> {
        if self.subject.facts.lacks(Lack::Switch) {
            return Err(self.fault("strategy disable: this node cannot switch a channel off"));
        }
        if !self.subject.facts.at_least(0, 13) {
            return Err(self.fault("strategy disable needs LND 0.13 or newer"));
        }
        let target = Target { disabled: Some(true), ..Target::default() };
        Ok(Proposal { target, breaker: Some(self.breaker()?), ..Proposal::default() })
    }

    /// How a change is to be watched.
    pub fn safety(&self) -> Result<Safety, Fault> {
        let usual = Safety::default();
        let flag = |property| self.collected.flag(property).unwrap_or(false);
        let threshold = self.float_or(Property::RollbackThreshold, usual.rollback_threshold)?;
        if !(0.0..=1.0).contains(&threshold) {
            return Err(self.fault("rollback_threshold is not between 0 and 1"));
        }
        Ok(Safety {
            learning_enabled: flag(Property::LearningEnabled),
            enable_auto_rollback: flag(Property::EnableAutoRollback),
            rollback_threshold: threshold,
        })
    }
}

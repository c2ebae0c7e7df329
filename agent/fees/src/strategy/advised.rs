//! `learning_enabled`: an adviser's rate in place of the strategy's.
//!
//! The rate must never leave `min_fee_ppm` to `max_fee_ppm` of the section, whatever the adviser
//! says, and a strategy that leaves fees alone is not asked about.

use super::{Proposal, Work};
use crate::advice::{Advice, Adviser, Ask};
use crate::fault::Fault;
use crate::names::{Property, Strategy};

/// The threshold of a learned rate: the adviser weighs itself whether a change is worth its gossip.
const DELTA_PPM: i128 = 1;

impl Work<'_> {
    /// Whether other rates than the strategy's may be tried.
    pub fn learns(&self) -> bool {
        self.collected.flag(Property::LearningEnabled).unwrap_or(false)
    }

    /// Puts an adviser's rate into a proposal; whether it did.
    pub fn take_advice(
        &self,
        strategy: Strategy,
        adviser: &dyn Adviser,
        proposal: &mut Proposal,
    ) -> Result<bool, Fault> {
        let leaves_fees = [
            Strategy::Ignore,
            Strategy::IgnoreFees,
            Strategy::Disable,
            // The included file decides, and it was not asked whether it learns.
            Strategy::UseConfig,
        ];
        if leaves_fees.contains(&strategy) {
            return Ok(false);
        }
        let (least, most) = self.fee_limits()?;
        let channel = self.subject.channel;
        let rate = |value: i128| u32::try_from(value.max(0)).unwrap_or(u32::MAX);
        let ask = Ask {
            chan_id: channel.chan_id,
            present_ppm: rate(channel.local_policy.fee_ppm.into()),
            min_fee_ppm: rate(least),
            max_fee_ppm: rate(most),
            least_hours: self.trial_hours()?,
            least_forwards: rate(self.trial_forwards()?),
            capacity_sat: channel.funds.capacity.unsigned_abs(),
        };
        match adviser.advise(&ask) {
            Advice::Fallback { why } => {
                proposal.notes.push(why);
                Ok(false)
            }
            Advice::Fee { fee_ppm, why } => {
                proposal.notes.push(why);
                let fee = self.limited(fee_ppm.into(), (least, most), &mut proposal.notes)?;
                proposal.target.fee_ppm = Some(fee);
                let inbound = proposal.target.inbound_fee_ppm;
                let inbound = self.inbound_within(inbound, Some(fee), &mut proposal.notes)?;
                proposal.target.inbound_fee_ppm = inbound;
                let delta = self.integer(Property::MinFeeDelta)?.filter(|delta| *delta >= 0);
                proposal.fee_delta = Some(delta.unwrap_or(DELTA_PPM));
                Ok(true)
            }
        }
    }
}

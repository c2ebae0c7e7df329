//! charge-lnd's strategies: the same doubles in the same order.
//!
//! A formula here must never be rearranged: the last unit depends on the order.

use super::{Proposal, Work};
use crate::criteria::CONFIRMATION_TARGET;
use crate::decision::Target;
use crate::facts::{peer_policy, share};
use crate::fault::Fault;
use crate::names::Property;
use crate::number::truncate;

/// The least change worth an update, for strategies whose result moves all the time, ppm.
const DELTA_PPM: i128 = 10;
/// Virtual bytes of the on-chain payment that `onchain_fee` compares with.
const PAYMENT_VBYTES: f64 = 223.0;

impl Work<'_> {
    /// The configured threshold, or the usual one where none or a negative one is given.
    pub(super) fn delta(&self) -> Result<Option<i128>, Fault> {
        let delta = self.integer(Property::MinFeeDelta)?;
        Ok(Some(delta.filter(|delta| *delta >= 0).unwrap_or(DELTA_PPM)))
    }

    pub(super) fn proportional(&self) -> Result<Proposal, Fault> {
        let fee_delta = self.delta()?;
        let bounds = (self.integer(Property::MinFee)?, self.integer(Property::MaxFee)?);
        let (Some(least), Some(most)) = bounds else {
            return Err(self.fault("strategy proportional needs min_fee_ppm and max_fee_ppm"));
        };
        let together = self.collected.flag(Property::SumPeerChannels) == Some(true);
        let ratio = if together { self.peer_ratio() } else { self.subject.ratio() };
        let Some(ratio) = ratio else {
            return Err(self.fault("nothing on either side: no ratio to be proportional to"));
        };
        let fee = least as f64 + (1.0 - ratio) * (most.saturating_sub(least) as f64);
        let fee = truncate(fee).map(|fee| fee.max(0));
        let mut proposal = self.like_static(fee, self.integer(Property::InboundFee)?)?;
        proposal.fee_delta = fee_delta;
        proposal.notes.push(format!("local share {ratio:.4} between {least} and {most} ppm"));
        Ok(proposal)
    }

    /// Our share of the peer's active channels; of the inactive ones only where none is active.
    fn peer_ratio(&self) -> Option<f64> {
        let balance = self.subject.peer.balance;
        let side = if balance.active.channels == 0 { balance.inactive } else { balance.active };
        share(side.local, side.total())
    }

    pub(super) fn match_peer(&self) -> Result<Proposal, Fault> {
        self.needs_edge("match_peer")?;
        let peer = peer_policy(self.subject.channel);
        let own = |property, peers: i64| -> Result<Option<i128>, Fault> {
            Ok(Some(self.integer(property)?.unwrap_or(peers.into())))
        };
        let target = Target {
            base_fee_msat: own(Property::BaseFee, peer.base_fee_msat)?,
            fee_ppm: own(Property::Fee, peer.fee_ppm)?,
            inbound_base_fee_msat: own(Property::InboundBaseFee, peer.inbound_base_fee_msat)?,
            inbound_fee_ppm: own(Property::InboundFee, peer.inbound_fee_ppm)?,
            ..Target::default()
        };
        Ok(Proposal { target, ..Proposal::default() })
    }

    pub(super) fn cost(&self) -> Result<Proposal, Fault> {
        self.needs_edge("cost")?;
        let channel = self.subject.channel;
        let (fee, note) = match self.subject.facts.opening(channel) {
            None => (Some(1), "the wallet does not know the opening transaction".to_owned()),
            Some(opening) => {
                let factor = self.float_or(Property::CostFactor, 1.0)?;
                let (paid, capacity) = (opening.total_fees_sat, channel.funds.capacity);
                let fee = factor * 1e6 * paid as f64 / capacity as f64;
                (truncate(fee), format!("{factor} x {paid} sat paid for {capacity} sat"))
            }
        };
        let fee = fee.ok_or_else(|| self.fault("the cost per capacity is no number"))?;
        let mut proposal = self.like_static(Some(fee), self.integer(Property::InboundFee)?)?;
        proposal.notes.push(note);
        Ok(proposal)
    }

    pub(super) fn onchain_fee(&self) -> Result<Proposal, Fault> {
        let fee_delta = self.delta()?;
        let target = self.integer(Property::OnchainFeeBlocks)?.unwrap_or(CONFIRMATION_TARGET);
        let rate = self.subject.facts.sat_per_vbyte(target);
        let rate = rate.ok_or_else(|| self.fault("the node has no on-chain fee estimate"))?;
        if rate < 1.0 {
            // The original cannot say what such a fee would be, and its users never saw one.
            return Err(self.fault(format!("the estimate of {rate} sat/vB is below 1 sat/vB")));
        }
        let reference = self.float_or(Property::OnchainFeeBtc, 0.1)?;
        let fee = truncate((0.01 / reference) * (PAYMENT_VBYTES * rate));
        let fee = fee.ok_or_else(|| self.fault("onchain_fee_btc is no amount"))?;
        let mut proposal = self.like_static(Some(fee), self.integer(Property::InboundFee)?)?;
        proposal.fee_delta = fee_delta;
        proposal.notes.push(format!("a payment of {reference} BTC at {rate} sat/vB"));
        Ok(proposal)
    }

    fn needs_edge(&self, strategy: &str) -> Result<(), Fault> {
        if self.subject.channel.switches.absent_from_graph {
            let message = format!("strategy {strategy}: the graph does not know the channel");
            return Err(self.fault(message));
        }
        Ok(())
    }
}

//! The two writes: one channel's policy, one channel's status.
//!
//! Only one channel at a time: the form that rewrites every channel at once is never sent. A lost
//! answer is [`Error::Ambiguous`]; [`Lnd::read_back`] resolves it.

use crate::client::Lnd;
use crate::convert::{Reading, text};
use crate::error::{Error, Refusal, Result};
use crate::graph::{InboundFee, Policy};
use crate::permission::{UPDATE_CHAN_STATUS, UPDATE_CHANNEL_POLICY};
use crate::proto::{lnrpc, routerrpc};
use crate::types::{ChannelPoint, NodeKey};
use crate::version::{Feature, Version};

/// A whole policy for one channel. LND always writes the base fee, the rate and the time lock, so
/// they are not optional; what is `None` stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyUpdate {
    /// The channel.
    pub point: ChannelPoint,
    /// Fixed fee.
    pub base_fee_msat: u32,
    /// Proportional fee, millionths.
    pub fee_rate_ppm: u32,
    /// Blocks between the incoming and the outgoing expiry; LND refuses less than 18 (24 from
    /// 0.21).
    pub time_lock_delta: u16,
    /// Smallest HTLC.
    pub min_htlc_msat: Option<u64>,
    /// Largest HTLC; LND reads 0 as "keep".
    pub max_htlc_msat: Option<u64>,
    /// Fee on the way in, both parts; from 0.18. Positive parts need the node's consent.
    pub inbound: Option<InboundFee>,
}

impl PolicyUpdate {
    /// Whether `policy` is what this update asks for.
    #[must_use]
    pub fn is_met_by(&self, policy: &Policy) -> bool {
        let max = self.max_htlc_msat.filter(|max| *max != 0);
        policy.base_fee_msat == u64::from(self.base_fee_msat)
            && policy.fee_rate_ppm == u64::from(self.fee_rate_ppm)
            && policy.time_lock_delta == u32::from(self.time_lock_delta)
            && self.min_htlc_msat.is_none_or(|min| min == policy.min_htlc_msat)
            && max.is_none_or(|max| max == policy.max_htlc_msat)
            && self.inbound.is_none_or(|inbound| inbound == policy.inbound)
    }

    /// The request a node of this version understands.
    fn request(&self, version: Version) -> Result<lnrpc::PolicyUpdateRequest> {
        if self.time_lock_delta == 0 {
            return Err(Error::Invalid("a time lock of 0 blocks is refused by every node".into()));
        }
        let none = InboundFee::default();
        let inbound = match self.inbound {
            // A node without inbound fees has none: that is what was asked for.
            Some(inbound) if !version.has(Feature::InboundFees) && inbound == none => None,
            Some(_) if !version.has(Feature::InboundFees) => {
                let since = Feature::InboundFees.since();
                return Err(Error::Unsupported { what: "an inbound fee", since });
            }
            inbound => inbound,
        };
        let whole_ppm = version.has(Feature::RatePpm);
        Ok(lnrpc::PolicyUpdateRequest {
            scope: Some(lnrpc::policy_update_request::Scope::ChanPoint(wire(&self.point))),
            base_fee_msat: i64::from(self.base_fee_msat),
            // The node rounds the ratio to the nearest ppm, so whole ppm survive.
            fee_rate: if whole_ppm { 0.0 } else { f64::from(self.fee_rate_ppm) / 1e6 },
            fee_rate_ppm: if whole_ppm { self.fee_rate_ppm } else { 0 },
            time_lock_delta: u32::from(self.time_lock_delta),
            max_htlc_msat: self.max_htlc_msat.unwrap_or(0),
            min_htlc_msat: self.min_htlc_msat.unwrap_or(0),
            min_htlc_msat_specified: self.min_htlc_msat.is_some(),
            inbound_fee: inbound.map(|inbound| lnrpc::InboundFee {
                base_fee_msat: inbound.base_msat,
                fee_rate_ppm: inbound.rate_ppm,
            }),
        })
    }
}

/// What became of an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadBack {
    /// The channel is at what was asked for.
    Applied,
    /// The channel is at this policy; `None` if the graph has no policy of ours. A node may show a
    /// change a moment late: ask again before believing that it was not applied.
    Different(Option<Policy>),
}

/// What to do with a channel's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusAction {
    /// Announce it as usable; fails while the peer is away.
    Enable,
    /// Announce it as unusable in our direction, until enabled or left to the node.
    Disable,
    /// Leave it to the node.
    Auto,
}

impl Lnd {
    /// Sets the policy of one channel. Dropping the future before it ends is a lost answer too.
    ///
    /// # Errors
    /// [`Error::Refused`] when the node said no: nothing of that channel changed.
    /// [`Error::Ambiguous`] when the answer was lost: use [`Lnd::read_back`].
    /// [`Error::Unsupported`] for an inbound fee before 0.18. Those of any call.
    pub async fn update_channel_policy(&self, update: &PolicyUpdate) -> Result<()> {
        let request = update.request(self.version().await?)?;
        let answer: lnrpc::PolicyUpdateResponse =
            self.call(UPDATE_CHANNEL_POLICY, &request).await?;
        match answer.failed_updates.first() {
            None => Ok(()),
            Some(failed) => Err(Error::Refused {
                refusal: refusal(failed),
                reason: text(&failed.update_error, 400),
            }),
        }
    }

    /// Reads the channel back and compares it with the update. `own` is this node's key.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a channel missing from the graph; those of any read.
    pub async fn read_back(
        &self,
        channel_id: u64,
        own: &NodeKey,
        update: &PolicyUpdate,
    ) -> Result<ReadBack> {
        let edge = self.get_chan_info(channel_id).await?;
        if edge.point != update.point {
            let reading = Reading(crate::permission::GET_CHAN_INFO);
            return Err(reading.wrong(format!("{channel_id} is channel {}", edge.point)));
        }
        Ok(match edge.policy_of(own) {
            Some(policy) if update.is_met_by(policy) => ReadBack::Applied,
            policy => ReadBack::Different(policy.copied()),
        })
    }

    /// Enables or disables a channel in our direction, or leaves that to the node.
    ///
    /// # Errors
    /// [`Error::Unsupported`] before 0.13; [`Error::Refused`], such as enabling a channel whose
    /// peer is away; [`Error::Ambiguous`] when the answer was lost (the same action may then be
    /// sent again: it sets, it does not toggle). Those of any call.
    pub async fn update_chan_status(
        &self,
        point: &ChannelPoint,
        action: StatusAction,
    ) -> Result<()> {
        if !self.version().await?.has(Feature::ChannelStatus) {
            let since = Feature::ChannelStatus.since();
            return Err(Error::Unsupported { what: "changing a channel's status", since });
        }
        let action = match action {
            StatusAction::Enable => routerrpc::ChanStatusAction::Enable,
            StatusAction::Disable => routerrpc::ChanStatusAction::Disable,
            StatusAction::Auto => routerrpc::ChanStatusAction::Auto,
        };
        let request = routerrpc::UpdateChanStatusRequest {
            chan_point: Some(wire(point)),
            action: action.into(),
        };
        let answer = self.call(UPDATE_CHAN_STATUS, &request).await?;
        let routerrpc::UpdateChanStatusResponse {} = answer;
        Ok(())
    }
}

fn wire(point: &ChannelPoint) -> lnrpc::ChannelPoint {
    let txid = lnrpc::channel_point::FundingTxid::FundingTxidStr(point.txid.to_string());
    lnrpc::ChannelPoint { funding_txid: Some(txid), output_index: point.output_index }
}

fn refusal(failed: &lnrpc::FailedUpdate) -> Refusal {
    match failed.reason() {
        lnrpc::UpdateFailure::Unknown => Refusal::Unknown,
        lnrpc::UpdateFailure::Pending => Refusal::Pending,
        lnrpc::UpdateFailure::NotFound => Refusal::UnknownChannel,
        lnrpc::UpdateFailure::InternalErr => Refusal::Internal,
        lnrpc::UpdateFailure::InvalidParameter => Refusal::Parameter,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update() -> PolicyUpdate {
        PolicyUpdate {
            point: format!("{}:1", "ab".repeat(32)).parse().unwrap(),
            base_fee_msat: 1_000,
            fee_rate_ppm: 650,
            time_lock_delta: 80,
            min_htlc_msat: Some(0),
            max_htlc_msat: None,
            inbound: Some(InboundFee { base_msat: 0, rate_ppm: -120 }),
        }
    }

    #[test]
    fn the_version_decides_the_form_of_the_request() {
        let new = update().request(Version::new(0, 18, 0)).unwrap();
        assert_eq!((new.fee_rate, new.fee_rate_ppm), (0.0, 650));
        assert!(new.min_htlc_msat_specified && new.max_htlc_msat == 0);
        assert_eq!(update().request(Version::new(1, 0, 0)).unwrap(), new);

        let refused = update().request(Version::new(0, 17, 5));
        assert!(matches!(refused, Err(Error::Unsupported { .. })));
        let none = PolicyUpdate { inbound: Some(InboundFee::default()), ..update() };
        let old = none.request(Version::new(0, 14, 3)).unwrap();
        assert_eq!((old.fee_rate, old.fee_rate_ppm, old.inbound_fee), (0.00065, 0, None));
    }

    #[test]
    fn every_whole_ppm_survives_the_ratio() {
        for ppm in (0..2_000_000).step_by(7).chain([u32::MAX]) {
            let ratio = f64::from(ppm) / 1e6;
            assert_eq!((ratio * 1e6).round(), f64::from(ppm));
        }
    }
}

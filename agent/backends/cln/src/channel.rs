//! Our channels and their policies, and the one write.
//!
//! A channel that cannot be named or is not open is left out; it must never make the rest
//! unreadable.

use crate::client::Cln;
use crate::error::{Error, Result};
use crate::method::{LIST_PEER_CHANNELS, SET_CHANNEL};
use crate::number::{Msat, channel_number, channel_text, is_key, text};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// What one end of a channel asks for forwarding over it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Fixed fee.
    pub base_fee_msat: u64,
    /// Proportional fee, millionths.
    pub fee_rate_ppm: u32,
    /// Blocks between the incoming and the outgoing expiry; 0 where nothing was announced yet.
    pub time_lock_delta: u32,
    /// Smallest HTLC.
    pub min_htlc_msat: u64,
    /// Largest HTLC.
    pub max_htlc_msat: u64,
}

/// An HTLC under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PendingHtlc {
    /// Whether it comes towards us.
    pub incoming: bool,
    /// Its amount.
    pub amount_msat: u64,
    /// The block at which it ends.
    pub expiry_height: u32,
}

/// An open channel of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Its short id, or our alias before it has one.
    pub channel_id: u64,
    /// Its funding output, `txid:index`.
    pub point: String,
    /// The peer's key.
    pub peer: String,
    /// Connected, re-established and in normal use.
    pub active: bool,
    /// Not announced.
    pub private: bool,
    /// Opened by us.
    pub initiator: bool,
    /// Total.
    pub capacity_msat: u64,
    /// Ours, with HTLCs on their way out and, if we opened, the commitment fee.
    pub ours_msat: u64,
    /// What we must keep, and what the peer must.
    pub reserves_msat: (u64, u64),
    /// The most that our HTLCs may have under way together.
    pub max_in_flight_msat: u64,
    /// What we ask.
    pub our_policy: Policy,
    /// What the peer asks; `None` if it never announced anything.
    pub peer_policy: Option<Policy>,
    /// HTLCs under way.
    pub pending: Vec<PendingHtlc>,
}

#[derive(Deserialize)]
struct Listed {
    channels: Vec<Raw>,
}

#[derive(Deserialize)]
struct Raw {
    peer_id: String,
    #[serde(default)]
    peer_connected: bool,
    reestablished: Option<bool>,
    state: String,
    short_channel_id: Option<String>,
    #[serde(default)]
    alias: Aliases,
    funding_txid: Option<String>,
    funding_outnum: Option<u32>,
    #[serde(default)]
    private: bool,
    #[serde(default)]
    opener: String,
    #[serde(flatten)]
    amounts: Amounts,
    #[serde(default)]
    updates: Updates,
    #[serde(default)]
    htlcs: Vec<RawHtlc>,
}

#[derive(Deserialize, Default)]
struct Aliases {
    local: Option<String>,
}

#[derive(Deserialize)]
struct Amounts {
    total_msat: Option<Msat>,
    to_us_msat: Option<Msat>,
    our_reserve_msat: Option<Msat>,
    their_reserve_msat: Option<Msat>,
    their_max_htlc_value_in_flight_msat: Option<Msat>,
    fee_base_msat: Option<Msat>,
    fee_proportional_millionths: Option<u32>,
    minimum_htlc_out_msat: Option<Msat>,
    maximum_htlc_out_msat: Option<Msat>,
}

#[derive(Deserialize, Default)]
struct Updates {
    local: Option<RawPolicy>,
    remote: Option<RawPolicy>,
}

#[derive(Deserialize, Clone, Copy)]
struct RawPolicy {
    fee_base_msat: Msat,
    fee_proportional_millionths: u32,
    cltv_expiry_delta: u32,
    htlc_minimum_msat: Msat,
    htlc_maximum_msat: Msat,
}

#[derive(Deserialize)]
struct RawHtlc {
    direction: String,
    amount_msat: Msat,
    expiry: u32,
}

impl Raw {
    /// The channel, if it is open and can be named.
    fn channel(&self) -> Option<Channel> {
        let open = matches!(self.state.as_str(), "CHANNELD_NORMAL" | "CHANNELD_AWAITING_SPLICE");
        let name = self.short_channel_id.as_deref().or(self.alias.local.as_deref())?;
        let amounts = &self.amounts;
        let (capacity, ours) = (amounts.total_msat?.0, amounts.to_us_msat?.0);
        let txid = self.funding_txid.as_deref().filter(|txid| txid.len() == 64)?;
        let or_zero = |msat: Option<Msat>| msat.unwrap_or_default().0;
        let reserves = (or_zero(amounts.our_reserve_msat), or_zero(amounts.their_reserve_msat));
        // The node caps what it announces at what it could ever send.
        let sendable = capacity.saturating_sub(reserves.0);
        let in_flight = amounts.their_max_htlc_value_in_flight_msat.map_or(u64::MAX, |msat| msat.0);
        let pending = self.htlcs.iter().map(|htlc| PendingHtlc {
            incoming: htlc.direction == "in",
            amount_msat: htlc.amount_msat.0,
            expiry_height: htlc.expiry,
        });
        (open && is_key(&self.peer_id)).then_some(())?;
        Some(Channel {
            channel_id: channel_number(name)?,
            point: format!("{}:{}", text(txid, 64), self.funding_outnum?),
            peer: self.peer_id.clone(),
            active: self.peer_connected && self.reestablished != Some(false),
            private: self.private,
            initiator: self.opener == "local",
            capacity_msat: capacity,
            ours_msat: ours,
            reserves_msat: reserves,
            max_in_flight_msat: sendable.min(in_flight),
            our_policy: Policy {
                base_fee_msat: amounts.fee_base_msat?.0,
                fee_rate_ppm: amounts.fee_proportional_millionths?,
                time_lock_delta: self.updates.local.map_or(0, |it| it.cltv_expiry_delta),
                min_htlc_msat: amounts.minimum_htlc_out_msat?.0,
                max_htlc_msat: amounts.maximum_htlc_out_msat?.0,
            },
            peer_policy: self.updates.remote.map(|policy| Policy {
                base_fee_msat: policy.fee_base_msat.0,
                fee_rate_ppm: policy.fee_proportional_millionths,
                time_lock_delta: policy.cltv_expiry_delta,
                min_htlc_msat: policy.htlc_minimum_msat.0,
                max_htlc_msat: policy.htlc_maximum_msat.0,
            }),
            pending: pending.collect(),
        })
    }
}

/// A policy to set; inbound fees, the time lock and the switch do not exist per channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyUpdate {
    /// The channel: its short id or our alias.
    pub channel_id: u64,
    /// Fixed fee.
    pub base_fee_msat: u32,
    /// Proportional fee, millionths.
    pub fee_rate_ppm: u32,
    /// Smallest HTLC; `None` keeps it.
    pub min_htlc_msat: Option<u64>,
    /// Largest HTLC; `None` keeps it.
    pub max_htlc_msat: Option<u64>,
}

/// What is in force after an update: the node keeps limits within what the peer allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Smallest HTLC.
    pub min_htlc_msat: u64,
    /// Largest HTLC.
    pub max_htlc_msat: u64,
}

#[derive(Deserialize)]
struct Set {
    channels: Vec<SetOne>,
}

#[derive(Deserialize)]
struct SetOne {
    fee_base_msat: Msat,
    fee_proportional_millionths: u32,
    minimum_htlc_out_msat: Msat,
    maximum_htlc_out_msat: Msat,
}

impl Cln {
    /// Our open channels, in the node's order.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn list_channels(&self) -> Result<Vec<Channel>> {
        let listed: Listed = self.call(LIST_PEER_CHANNELS, json!({})).await?;
        Ok(listed.channels.iter().filter_map(Raw::channel).collect())
    }

    /// Sets a channel's policy, all its members together.
    ///
    /// # Errors
    /// [`Error::Refused`]: nothing changed. [`Error::Ambiguous`]: read the channel back.
    pub async fn set_channel(&self, update: &PolicyUpdate) -> Result<Applied> {
        if let (Some(least), Some(most)) = (update.min_htlc_msat, update.max_htlc_msat)
            && least > most
        {
            let message = format!("min_htlc_msat {least} is above max_htlc_msat {most}");
            return Err(Error::Invalid(message));
        }
        let mut params = Map::new();
        let mut set = |name: &str, value: Value| params.insert(name.to_owned(), value);
        set("id", channel_text(update.channel_id).into());
        set("feebase", update.base_fee_msat.into());
        set("feeppm", update.fee_rate_ppm.into());
        if let Some(least) = update.min_htlc_msat {
            set("htlcmin", least.into());
        }
        if let Some(most) = update.max_htlc_msat {
            set("htlcmax", most.into());
        }
        let answer: Set = self.call(SET_CHANNEL, Value::Object(params)).await?;
        let ambiguous =
            |reason: &str| Error::Ambiguous { method: SET_CHANNEL, reason: reason.to_owned() };
        let [one] = answer.channels.as_slice() else {
            return Err(ambiguous("it is not about one channel"));
        };
        let asked = (u64::from(update.base_fee_msat), update.fee_rate_ppm);
        if (one.fee_base_msat.0, one.fee_proportional_millionths) != asked {
            return Err(ambiguous("it shows other fees than were asked for"));
        }
        Ok(Applied {
            min_htlc_msat: one.minimum_htlc_out_msat.0,
            max_htlc_msat: one.maximum_htlc_out_msat.0,
        })
    }
}

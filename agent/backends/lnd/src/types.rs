//! What the node says about itself and its channels, checked and with units.
//!
//! Only data and its reading: nothing here may decide what to do with it.

use crate::convert::{ALIAS, Reading, named, read_hex, text, write_hex};
use crate::error::Result;
use crate::graph::InboundFee;
use crate::permission;
use crate::proto::lnrpc;
use crate::version::Version;
use std::fmt;
use std::str::FromStr;

/// A node's public key; prints as 66 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeKey(pub [u8; 33]);

/// A transaction's id, in the order it is printed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TxId(pub [u8; 32]);

macro_rules! hex_text {
    ($name:ident, $bytes:literal, $what:literal) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_hex(f, &self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_hex(f, &self.0)
            }
        }

        impl FromStr for $name {
            type Err = crate::error::Error;

            fn from_str(value: &str) -> Result<Self> {
                let bytes = read_hex::<$bytes>(value).map(Self);
                let wrong = || format!("{:?} is no {}", text(value, 80), $what);
                bytes.ok_or_else(|| Self::Err::Invalid(wrong()))
            }
        }
    };
}

hex_text!(NodeKey, 33, "node key of 66 hex digits");
hex_text!(TxId, 32, "transaction id of 64 hex digits");

/// A channel's funding output; prints as `txid:index`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelPoint {
    /// Funding transaction.
    pub txid: TxId,
    /// Its output.
    pub output_index: u32,
}

impl fmt::Display for ChannelPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.txid, self.output_index)
    }
}

impl FromStr for ChannelPoint {
    type Err = crate::error::Error;

    fn from_str(value: &str) -> Result<Self> {
        let wrong = || Self::Err::Invalid(format!("{:?} is no channel point", text(value, 100)));
        let (txid, index) = value.split_once(':').ok_or_else(wrong)?;
        let output_index = index.parse().map_err(|_| wrong())?;
        Ok(Self { txid: txid.parse()?, output_index })
    }
}

/// How far the node has started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// There is no wallet yet.
    NonExisting,
    /// The wallet waits for its password.
    Locked,
    /// The wallet is open, the rest is starting.
    Unlocked,
    /// Calls are taken, the rest is starting.
    RpcActive,
    /// Ready.
    ServerActive,
    /// Waits for its turn to lead a cluster.
    WaitingToStart,
    /// A state this version does not know.
    Unknown(i32),
}

impl State {
    pub(crate) fn read(raw: i32) -> Self {
        match lnrpc::WalletState::try_from(raw) {
            Ok(lnrpc::WalletState::NonExisting) => Self::NonExisting,
            Ok(lnrpc::WalletState::Locked) => Self::Locked,
            Ok(lnrpc::WalletState::Unlocked) => Self::Unlocked,
            Ok(lnrpc::WalletState::RpcActive) => Self::RpcActive,
            Ok(lnrpc::WalletState::ServerActive) => Self::ServerActive,
            Ok(lnrpc::WalletState::WaitingToStart) => Self::WaitingToStart,
            Err(_) => Self::Unknown(raw),
        }
    }
}

/// The node, as it introduces itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its key.
    pub node: NodeKey,
    /// Its name.
    pub alias: String,
    /// Its version; decides features.
    pub version: Version,
    /// The version as the node writes it.
    pub version_text: String,
    /// `mainnet`, `testnet`, `regtest`, ...; empty if it names none.
    pub network: String,
    /// Height of its chain.
    pub block_height: u32,
    /// Whether its chain is up to date.
    pub synced_to_chain: bool,
    /// Whether its graph is up to date.
    pub synced_to_graph: bool,
    /// Channels whose peer is connected.
    pub active_channels: u32,
    /// Channels whose peer is away.
    pub inactive_channels: u32,
    /// Channels not confirmed yet.
    pub pending_channels: u32,
    /// Connected peers.
    pub peers: u32,
}

impl Identity {
    pub(crate) fn read(raw: &lnrpc::GetInfoResponse) -> Result<Self> {
        let reading = Reading(permission::GET_INFO);
        let version_text = text(&raw.version, 120);
        let version = Version::parse(&version_text)
            .ok_or_else(|| reading.wrong(format!("{version_text:?} is no version")))?;
        let network = raw.chains.first().map(|chain| text(&chain.network, 32));
        Ok(Self {
            node: reading.parsed(&raw.identity_pubkey, "node key")?,
            alias: text(&raw.alias, ALIAS),
            version,
            version_text,
            network: network.unwrap_or_default(),
            block_height: raw.block_height,
            synced_to_chain: raw.synced_to_chain,
            synced_to_graph: raw.synced_to_graph,
            active_channels: raw.num_active_channels,
            inactive_channels: raw.num_inactive_channels,
            pending_channels: raw.num_pending_channels,
            peers: raw.num_peers,
        })
    }
}

/// A channel's money, satoshis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balance {
    /// Total.
    pub capacity_sat: u64,
    /// Ours; commit fee, anchors and what is in flight are already taken off.
    pub local_sat: u64,
    /// The peer's.
    pub remote_sat: u64,
    /// Set aside for the commitment transaction, by whoever opened.
    pub commit_fee_sat: u64,
    /// In flight, both ways.
    pub unsettled_sat: u64,
}

/// What a channel did since it was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Activity {
    /// Sent, satoshis.
    pub sent_sat: u64,
    /// Received, satoshis.
    pub received_sat: u64,
    /// States of the channel.
    pub updates: u64,
    /// Seconds the node has watched it.
    pub lifetime_s: u64,
    /// Seconds of these that the peer was connected.
    pub uptime_s: u64,
}

/// What one side lets the other send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HtlcLimits {
    /// Balance that must stay, satoshis.
    pub reserve_sat: u64,
    /// Below this an HTLC has no output, satoshis.
    pub dust_sat: u64,
    /// Most in flight.
    pub max_pending_msat: u64,
    /// Smallest HTLC.
    pub min_htlc_msat: u64,
    /// Most HTLCs in flight.
    pub max_htlcs: u32,
}

impl HtlcLimits {
    fn read(raw: &lnrpc::ChannelConstraints) -> Self {
        Self {
            reserve_sat: raw.chan_reserve_sat,
            dust_sat: raw.dust_limit_sat,
            max_pending_msat: raw.max_pending_amt_msat,
            min_htlc_msat: raw.min_htlc_msat,
            max_htlcs: raw.max_accepted_htlcs,
        }
    }
}

/// An HTLC under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PendingHtlc {
    /// From the peer to us.
    pub incoming: bool,
    /// How much, satoshis.
    pub amount_sat: u64,
    /// Height at which it expires.
    pub expiry_height: u32,
}

/// One of our open channels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Its id now: `block << 40 | transaction << 16 | output`. For an unconfirmed or private-alias
    /// channel it is an alias (block 16,000,000 and up).
    pub channel_id: u64,
    /// The real id of a zero-conf channel, once confirmed.
    pub confirmed_id: Option<u64>,
    /// Its funding output: what updates name.
    pub point: ChannelPoint,
    /// The peer.
    pub peer: NodeKey,
    /// The peer's name, if the node told it.
    pub peer_alias: Option<String>,
    /// The peer is connected and the channel is usable.
    pub active: bool,
    /// Not announced.
    pub private: bool,
    /// We opened it and pay its commit fee.
    pub initiator: bool,
    /// LND's status flags, such as `ChanStatusDefault`.
    pub status_flags: String,
    /// Its money.
    pub balance: Balance,
    /// What it did.
    pub activity: Activity,
    /// What we accept; bounds our own policy.
    pub local_limits: HtlcLimits,
    /// What the peer accepts.
    pub remote_limits: HtlcLimits,
    /// HTLCs under way.
    pub pending: Vec<PendingHtlc>,
}

impl Channel {
    pub(crate) fn read(raw: &lnrpc::Channel) -> Result<Self> {
        let reading = Reading(permission::LIST_CHANNELS);
        let sat = |value: i64, what: &str| reading.unsigned(value, what);
        let limits = |raw: &Option<lnrpc::ChannelConstraints>| {
            raw.as_ref().map(HtlcLimits::read).unwrap_or_default()
        };
        let pending = raw.pending_htlcs.iter().map(|htlc| {
            Ok(PendingHtlc {
                incoming: htlc.incoming,
                amount_sat: sat(htlc.amount, "amount in flight")?,
                expiry_height: htlc.expiration_height,
            })
        });
        Ok(Self {
            channel_id: raw.chan_id,
            confirmed_id: Some(raw.zero_conf_confirmed_scid).filter(|id| *id != 0),
            point: reading.parsed(&raw.channel_point, "channel point")?,
            peer: reading.parsed(&raw.remote_pubkey, "node key")?,
            peer_alias: named(&raw.peer_alias),
            active: raw.active,
            private: raw.private,
            initiator: raw.initiator,
            status_flags: text(&raw.chan_status_flags, 200),
            balance: Balance {
                capacity_sat: sat(raw.capacity, "capacity")?,
                local_sat: sat(raw.local_balance, "local balance")?,
                remote_sat: sat(raw.remote_balance, "remote balance")?,
                commit_fee_sat: sat(raw.commit_fee, "commit fee")?,
                unsettled_sat: sat(raw.unsettled_balance, "unsettled balance")?,
            },
            activity: Activity {
                sent_sat: sat(raw.total_satoshis_sent, "total sent")?,
                received_sat: sat(raw.total_satoshis_received, "total received")?,
                updates: raw.num_updates,
                lifetime_s: sat(raw.lifetime, "lifetime")?,
                uptime_s: sat(raw.uptime, "uptime")?,
            },
            local_limits: limits(&raw.local_constraints),
            remote_limits: limits(&raw.remote_constraints),
            pending: pending.collect::<Result<_>>()?,
        })
    }
}

/// Our fees on one channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelFees {
    /// The channel.
    pub channel_id: u64,
    /// Its funding output.
    pub point: ChannelPoint,
    /// Fixed fee.
    pub base_fee_msat: u64,
    /// Proportional fee, millionths.
    pub fee_rate_ppm: u64,
    /// Fee on the way in; zero on nodes before 0.18.
    pub inbound: InboundFee,
}

/// Our fees on all channels, and what they earned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeeReport {
    /// Per channel.
    pub channels: Vec<ChannelFees>,
    /// Earned in the last day, satoshis.
    pub day_sat: u64,
    /// Earned in the last week, satoshis.
    pub week_sat: u64,
    /// Earned in the last month, satoshis.
    pub month_sat: u64,
}

impl FeeReport {
    pub(crate) fn read(raw: &lnrpc::FeeReportResponse) -> Result<Self> {
        let reading = Reading(permission::FEE_REPORT);
        let channels = raw.channel_fees.iter().map(|fees| {
            Ok(ChannelFees {
                channel_id: fees.chan_id,
                point: reading.parsed(&fees.channel_point, "channel point")?,
                base_fee_msat: reading.unsigned(fees.base_fee_msat, "base fee")?,
                fee_rate_ppm: reading.unsigned(fees.fee_per_mil, "fee rate")?,
                inbound: InboundFee {
                    base_msat: fees.inbound_base_fee_msat,
                    rate_ppm: fees.inbound_fee_per_mil,
                },
            })
        });
        Ok(Self {
            channels: channels.collect::<Result<_>>()?,
            day_sat: raw.day_fee_sum,
            week_sat: raw.week_fee_sum,
            month_sat: raw.month_fee_sum,
        })
    }
}

/// A transaction of the node's wallet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// Its id.
    pub txid: TxId,
    /// What it changed for the wallet, satoshis.
    pub amount_sat: i64,
    /// What the wallet paid for it, satoshis; 0 if others paid.
    pub fee_sat: u64,
    /// Height of its block; `None` while unconfirmed.
    pub block_height: Option<u32>,
    /// Unix seconds.
    pub time_s: u64,
    /// The wallet's note, such as `0:openchannel:shortchanid-...`.
    pub label: String,
}

impl Transaction {
    pub(crate) fn read(raw: &lnrpc::Transaction) -> Result<Self> {
        let reading = Reading(permission::GET_TRANSACTIONS);
        Ok(Self {
            txid: reading.parsed(&raw.tx_hash, "transaction id")?,
            amount_sat: raw.amount,
            fee_sat: reading.unsigned(raw.total_fees, "fee")?,
            block_height: u32::try_from(raw.block_height).ok().filter(|height| *height != 0),
            time_s: reading.unsigned(raw.time_stamp, "time")?,
            label: text(&raw.label, 500),
        })
    }
}

/// A channel that is no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClosedChannel {
    /// Its last id.
    pub channel_id: u64,
    /// The real id of a zero-conf channel.
    pub confirmed_id: Option<u64>,
    /// Its funding output.
    pub point: ChannelPoint,
    /// The peer.
    pub peer: NodeKey,
    /// Total, satoshis.
    pub capacity_sat: u64,
    /// What we got back, satoshis.
    pub settled_sat: u64,
    /// Height of the closing; 0 for one that was never opened.
    pub close_height: u32,
}

impl ClosedChannel {
    pub(crate) fn read(raw: &lnrpc::ChannelCloseSummary) -> Result<Self> {
        let reading = Reading(permission::CLOSED_CHANNELS);
        Ok(Self {
            channel_id: raw.chan_id,
            confirmed_id: Some(raw.zero_conf_confirmed_scid).filter(|id| *id != 0),
            point: reading.parsed(&raw.channel_point, "channel point")?,
            peer: reading.parsed(&raw.remote_pubkey, "node key")?,
            capacity_sat: reading.unsigned(raw.capacity, "capacity")?,
            settled_sat: reading.unsigned(raw.settled_balance, "settled balance")?,
            close_height: raw.close_height,
        })
    }
}

/// What a transaction costs now, to confirm within the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeeEstimate {
    /// Satoshis per 1,000 weight units; times 4, over 1,000, gives satoshis per virtual byte.
    pub sat_per_kw: u64,
    /// Below this nobody relays; `None` if the node does not say.
    pub min_relay_sat_per_kw: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_points_print_what_they_read() {
        let key = "02f65142b499062d0a9387840698435c572c3731bfdab2a8043b31237ca63d046e";
        assert_eq!(key.parse::<NodeKey>().unwrap().to_string(), key);
        let point = format!("{}:7", "6961".repeat(16));
        assert_eq!(point.parse::<ChannelPoint>().unwrap().to_string(), point);
        for bad in ["", ":", "ab:1", &format!("{}:-1", "00".repeat(32)), &"00".repeat(32)] {
            assert!(bad.parse::<ChannelPoint>().is_err(), "{bad}");
        }
    }
}

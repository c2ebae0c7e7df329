//! A small node to start tests from: three channels, two peers, a few events.
//!
//! Every value is invented.

use crate::model::{Node, OpenChannel, Wallet};
use crate::proto::lnrpc;
use std::collections::BTreeMap;

/// The node's key.
pub const OWN_KEY: &str = "02f65142b499062d0a9387840698435c572c3731bfdab2a8043b31237ca63d046e";
/// Its peers: one below and one above the node's own key.
pub const PEERS: [&str; 2] = [
    "02d2730f107e6780fc6170ff137c38d44b1442493c4b786fa20c53138708dfadce",
    "03aa730f107e6780fc6170ff137c38d44b1442493c4b786fa20c53138708dfadce",
];

/// How to vary the sample.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Version text.
    pub version: &'static str,
    /// Settled forwards, one a second, ending at second 1,720,000,000.
    pub forwards: u64,
}

impl Default for Sample {
    fn default() -> Self {
        Self { version: "0.18.5-beta commit=v0.18.5-beta", forwards: 3 }
    }
}

/// Id of the sample's channel 0, 1 or 2.
pub fn chan_id(index: u64) -> u64 {
    (800_000 + index) << 40 | 101 << 16 | 1
}

/// Funding output of the sample's channel 0, 1 or 2.
pub fn channel_point(index: u64) -> String {
    format!("{:064x}:1", 0xabc0 + index)
}

fn policy(base_msat: i64, ppm: i64) -> lnrpc::RoutingPolicy {
    lnrpc::RoutingPolicy {
        time_lock_delta: 80,
        min_htlc: 1_000,
        fee_base_msat: base_msat,
        fee_rate_milli_msat: ppm,
        disabled: false,
        max_htlc_msat: 4_950_000_000,
        last_update: 1_719_990_000,
        inbound_fee_base_msat: 0,
        inbound_fee_rate_milli_msat: 0,
    }
}

fn open(index: u64, peer: &str, active: bool, private: bool) -> OpenChannel {
    let limits = lnrpc::ChannelConstraints {
        csv_delay: 144,
        chan_reserve_sat: 50_000,
        dust_limit_sat: 354,
        max_pending_amt_msat: 4_950_000_000,
        min_htlc_msat: 1,
        max_accepted_htlcs: 483,
    };
    let htlc = lnrpc::Htlc { incoming: false, amount: 4_000, expiration_height: 850_091 };
    let channel = lnrpc::Channel {
        active,
        remote_pubkey: peer.to_owned(),
        channel_point: channel_point(index),
        chan_id: chan_id(index),
        capacity: 5_000_000,
        local_balance: 1_480_000 + index as i64,
        remote_balance: 3_512_530,
        commit_fee: 2_810,
        unsettled_balance: 4_000,
        total_satoshis_sent: 90_211,
        total_satoshis_received: 1_744,
        num_updates: 321,
        pending_htlcs: vec![htlc],
        private,
        initiator: true,
        chan_status_flags: "ChanStatusDefault".into(),
        lifetime: 86_400,
        uptime: 86_111,
        local_constraints: Some(limits),
        remote_constraints: Some(limits),
        ..Default::default()
    };
    OpenChannel {
        channel,
        ours: Some(policy(1_000, 500)),
        theirs: Some(policy(0, 200)),
        in_graph: true,
        in_fee_report: true,
    }
}

fn peer(key: &str, alias: &str) -> (String, lnrpc::NodeInfo) {
    let node = lnrpc::LightningNode {
        last_update: 1_719_900_000,
        pub_key: key.to_owned(),
        alias: alias.to_owned(),
        addresses: vec![lnrpc::NodeAddress {
            network: "tcp".into(),
            addr: "192.0.2.7:9735".into(),
        }],
    };
    let info = lnrpc::NodeInfo {
        node: Some(node),
        num_channels: 20,
        total_capacity: 50_000_000,
        channels: Vec::new(),
    };
    (key.to_owned(), info)
}

fn forward(second: u64, number: u64) -> lnrpc::ForwardingEvent {
    let out_msat = 100_000_000 + number;
    lnrpc::ForwardingEvent {
        timestamp: second,
        chan_id_in: chan_id(0),
        chan_id_out: chan_id(1),
        amt_in: (out_msat + 51_000) / 1_000,
        amt_out: out_msat / 1_000,
        fee: 51,
        fee_msat: 51_000,
        amt_in_msat: out_msat + 51_000,
        amt_out_msat: out_msat,
        timestamp_ns: second * 1_000_000_000 + number,
    }
}

/// Three channels: public and private with the first peer, an inactive one with the second.
pub fn sample(shape: &Sample) -> Node {
    let end_s = 1_720_000_000;
    let forwards = (0..shape.forwards)
        .map(|number| forward(end_s + 1 - shape.forwards + number, number))
        .collect();
    let opened = lnrpc::Transaction {
        tx_hash: channel_point(0).trim_end_matches(":1").to_owned(),
        amount: -5_001_234,
        num_confirmations: 50_001,
        block_height: 800_000,
        time_stamp: 1_690_000_000,
        total_fees: 1_234,
        label: format!("0:openchannel:shortchanid-{}", chan_id(0)),
    };
    let closed = lnrpc::ChannelCloseSummary {
        channel_point: channel_point(9),
        chan_id: chan_id(9),
        closing_tx_hash: format!("{:064x}", 7),
        remote_pubkey: PEERS[1].to_owned(),
        capacity: 2_000_000,
        close_height: 840_000,
        settled_balance: 1_000_000,
        zero_conf_confirmed_scid: 0,
    };
    Node {
        version: shape.version.to_owned(),
        key: OWN_KEY.to_owned(),
        alias: "home".to_owned(),
        block_height: 850_000,
        clock_s: end_s as u32,
        wallet: Wallet::Ready,
        accept_positive_inbound: false,
        channels: vec![
            open(0, PEERS[0], true, false),
            open(1, PEERS[0], true, true),
            open(2, PEERS[1], false, false),
        ],
        pending: vec![channel_point(8)],
        closed: vec![closed],
        nodes: BTreeMap::from([
            peer(OWN_KEY, "home"),
            peer(PEERS[0], "alias-peer1"),
            peer(PEERS[1], "alias-peer2"),
        ]),
        foreign_edges: Vec::new(),
        forwards,
        earned_sat: [812, 5_011, 19_870],
        transactions: vec![opened],
        fee_estimates: BTreeMap::from([(2, 5_000), (6, 2_500), (144, 253)]),
        network: lnrpc::NetworkInfo {
            avg_out_degree: 5.5,
            num_nodes: 15_022,
            num_channels: 41_877,
            total_network_capacity: 501_000_000_000,
            median_channel_size_sat: 2_000_000,
            ..Default::default()
        },
        htlc_events: Vec::new(),
    }
}

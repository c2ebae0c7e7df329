//! The state of the scripted node.
//!
//! It holds what lightningd would say; it must never hold what a test expects.

use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Its key.
pub const OWN_KEY: &str = "02aa00000000000000000000000000000000000000000000000000000000000001";
/// Its peers' keys.
pub const PEERS: [&str; 2] = [
    "02bb00000000000000000000000000000000000000000000000000000000000002",
    "03cc00000000000000000000000000000000000000000000000000000000000003",
];

/// A channel of ours.
#[derive(Clone, Debug)]
pub struct OpenChannel {
    /// `CHANNELD_NORMAL` and its like.
    pub state: &'static str,
    /// Its short id.
    pub scid: String,
    /// The peer's key.
    pub peer: String,
    /// Whether the peer is there.
    pub connected: bool,
    /// Not announced.
    pub private: bool,
    /// `local` or `remote`.
    pub opener: &'static str,
    /// Its funding transaction.
    pub funding_txid: String,
    /// Total, msat.
    pub total_msat: u64,
    /// Ours, msat.
    pub to_us_msat: u64,
    /// What each side must keep, msat.
    pub reserve_msat: u64,
    /// The smallest HTLC the peer takes, msat.
    pub peer_least_msat: u64,
    /// Fee per forward, msat.
    pub base_msat: u64,
    /// Fee rate, ppm.
    pub ppm: u64,
    /// Smallest HTLC, msat.
    pub least_msat: u64,
    /// Largest HTLC, msat.
    pub most_msat: u64,
    /// What the peer announces, if anything.
    pub remote: Option<Value>,
    /// HTLCs under way.
    pub htlcs: Vec<Value>,
}

/// The scripted node.
#[derive(Clone, Debug)]
pub struct Node {
    /// Version text.
    pub version: String,
    /// Height of its chain.
    pub block_height: u32,
    /// Whether it follows the chain.
    pub synced: bool,
    /// The node-wide time lock delta.
    pub cltv_delta: u32,
    /// Whether amounts are texts that end in `msat`, as they once were.
    pub texts: bool,
    /// Whether the bookkeeper plugin runs.
    pub bookkeeper: bool,
    /// Our channels.
    pub channels: Vec<OpenChannel>,
    /// Names of nodes by key.
    pub nodes: BTreeMap<String, String>,
    /// Halves of the graph's channels.
    pub halves: Vec<Value>,
    /// Forwards by number, from 1, without `created_index`.
    pub forwards: BTreeMap<u64, Value>,
    /// Sat per 1,000 weight by blocks.
    pub estimates: BTreeMap<u32, u32>,
    /// The bookkeeper's income.
    pub income: Vec<Value>,
}

impl Node {
    /// The channel with this number.
    pub fn channel(&mut self, index: usize) -> &mut OpenChannel {
        &mut self.channels[index]
    }

    /// A settled forward from the first channel to the second.
    pub fn settle(&mut self, number: u64, at_s: u64, out_msat: u64, fee_msat: u64) {
        let forward = json!({
            "in_channel": self.channels[0].scid, "out_channel": self.channels[1].scid,
            "in_htlc_id": number, "in_msat": out_msat + fee_msat, "out_msat": out_msat,
            "fee_msat": fee_msat, "status": "settled", "style": "tlv",
            "received_time": at_s as f64 - 1.5, "resolved_time": at_s as f64 + 0.25,
        });
        self.forwards.insert(number, forward);
    }
}

/// The number of the sample's channel.
pub fn chan_id(index: u64) -> u64 {
    (800_000 << 40) | ((101 + index) << 16) | 1
}

/// Three channels: two with one peer, of which one is private; the last one's peer is away.
pub fn sample() -> Node {
    let policy = |ppm: u64| {
        json!({
            "htlc_minimum_msat": 1_000, "htlc_maximum_msat": 990_000_000_u64,
            "cltv_expiry_delta": 40, "fee_base_msat": 1_000, "fee_proportional_millionths": ppm,
        })
    };
    let channel = |index: usize| OpenChannel {
        state: "CHANNELD_NORMAL",
        scid: format!("800000x{}x1", 101 + index),
        peer: PEERS[index / 2].to_owned(),
        connected: index != 2,
        private: index == 1,
        opener: if index == 0 { "local" } else { "remote" },
        funding_txid: format!("{:064x}", 0xabc + index),
        total_msat: 1_000_000_000,
        to_us_msat: 400_000_500,
        reserve_msat: 10_000_000,
        peer_least_msat: 1_000,
        base_msat: 1_000,
        ppm: 500,
        least_msat: 1_000,
        most_msat: 990_000_000,
        remote: (index != 1).then(|| policy(200)),
        htlcs: Vec::new(),
    };
    let half = |source: &str, destination: &str, scid: &str, ppm: u64, active: bool| {
        json!({
            "source": source, "destination": destination, "short_channel_id": scid,
            "direction": u8::from(source > destination), "public": true,
            "amount_msat": 2_000_000_000_u64, "message_flags": 1,
            "channel_flags": if active { 0 } else { 2 }, "active": active,
            "last_update": 1_700_000_000, "base_fee_millisatoshi": 1_000,
            "fee_per_millionth": ppm, "delay": 40, "htlc_minimum_msat": 1, "features": "",
        })
    };
    let other = format!("03{:064x}", 0xdd);
    let mut node = Node {
        version: "v24.08.1".to_owned(),
        block_height: 850_000,
        synced: true,
        cltv_delta: 34,
        texts: false,
        bookkeeper: true,
        channels: (0..3).map(channel).collect(),
        nodes: [(PEERS[0].to_owned(), "SHOP".to_owned()), (PEERS[1].to_owned(), "HUB".to_owned())]
            .into(),
        halves: vec![
            half(PEERS[0], OWN_KEY, "800000x101x1", 200, true),
            half(OWN_KEY, PEERS[0], "800000x101x1", 500, true),
            half(PEERS[0], &other, "700000x1x1", 50, true),
            half(&other, PEERS[0], "700000x1x1", 60, true),
            half(PEERS[1], OWN_KEY, "800000x103x1", 200, false),
        ],
        forwards: BTreeMap::new(),
        estimates: [(2, 5_000), (6, 2_500), (12, 1_500), (100, 800)].into(),
        income: vec![json!({
            "account": "c0ffee", "tag": "onchain_fee", "credit_msat": 0, "debit_msat": 1_500_000,
            "currency": "bc", "timestamp": 1_600_000_000, "txid": format!("{:064x}", 0xabc),
        })],
    };
    for number in 1..=3 {
        node.settle(number, 1_719_999_000 + number, 50_000_000, 51_000);
    }
    node
}

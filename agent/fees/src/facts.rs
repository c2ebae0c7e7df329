//! What criteria and strategies ask of a state, indexed once per evaluation.
//!
//! It must never change the state, and never depend on the order of a hash map: maps are only
//! looked up.

mod traffic;

use std::cell::OnceCell;
use std::collections::HashMap;

pub(crate) use traffic::Traffic;
use traffic::{Flows, Positions};

use crate::scid;
use crate::state::{Channel, Lack, NodeState, Peer, Policy, Transaction};

/// A state with its indices.
pub(crate) struct Facts<'a> {
    /// The state.
    pub state: &'a NodeState,
    /// The node's version, if its text has one.
    pub version: Option<(u64, u64, u64)>,
    peers: HashMap<&'a str, PeerFacts<'a>>,
    positions: Positions,
    flows: OnceCell<Flows>,
    transactions: HashMap<(&'a str, i64), &'a Transaction>,
    openings: OnceCell<HashMap<String, i64>>,
}

/// What is known of a peer.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct PeerFacts<'a> {
    /// The graph's word on it.
    pub graph: Option<&'a Peer>,
    /// Balances of our channels with it.
    pub balance: PeerBalance,
}

/// Balances of a peer's channels together, sat.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct PeerBalance {
    /// Of its active channels.
    pub active: Side,
    /// Of its inactive channels.
    pub inactive: Side,
}

/// Some channels' balances together.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Side {
    /// How many channels.
    pub channels: i128,
    /// Ours, sat.
    pub local: i128,
    /// The peer's, sat.
    pub remote: i128,
}

impl Side {
    /// Both sides.
    pub fn total(self) -> i128 {
        self.local + self.remote
    }
}

impl<'a> Facts<'a> {
    /// Indexes a state.
    pub fn new(state: &'a NodeState) -> Facts<'a> {
        let mut peers: HashMap<&str, PeerFacts<'_>> = HashMap::new();
        let mut positions = Positions::default();
        positions.reserve(state.channels.len());
        for (position, channel) in (0u32..).zip(&state.channels) {
            positions.insert(channel.chan_id, position);
            let (local, remote) = balances(channel);
            let key = channel.remote_pubkey.as_str();
            let peer = peers.entry(key).or_insert_with(|| PeerFacts {
                graph: state.node.peers.get(key),
                balance: PeerBalance::default(),
            });
            let balance = &mut peer.balance;
            let side = if channel.active { &mut balance.active } else { &mut balance.inactive };
            side.channels += 1;
            side.local += local;
            side.remote += remote;
        }
        let transactions = state.node.transactions.iter();
        let transactions = transactions.map(|it| ((it.tx_hash.as_str(), it.block_height), it));
        Facts {
            state,
            version: version(&state.node.version),
            peers,
            positions,
            flows: OnceCell::new(),
            transactions: transactions.collect(),
            openings: OnceCell::new(),
        }
    }

    /// The same with `delta_sat` more on our side of a channel and less on the peer's.
    pub fn shift(&mut self, channel: &Channel, delta_sat: i128) {
        if let Some(peer) = self.peers.get_mut(channel.remote_pubkey.as_str()) {
            let balance = &mut peer.balance;
            let side = if channel.active { &mut balance.active } else { &mut balance.inactive };
            side.local += delta_sat;
            side.remote -= delta_sat;
        }
    }

    /// Whether the node is at least of a version; versions are compared as a whole.
    pub fn at_least(&self, major: u64, minor: u64) -> bool {
        self.version.is_some_and(|version| version >= (major, minor, 0))
    }

    /// Whether the node does not have something, whatever its version.
    pub fn lacks(&self, lack: Lack) -> bool {
        self.state.node.lacks.contains(&lack)
    }

    /// What is known of a peer.
    pub fn peer(&self, pubkey: &str) -> PeerFacts<'a> {
        self.peers.get(pubkey).copied().unwrap_or_default()
    }

    /// What went through a channel in the last `seconds`.
    pub fn traffic(&self, chan_id: u64, seconds: i128) -> Traffic {
        let Some(position) = self.position(chan_id) else { return Traffic::default() };
        let (start, end) = self.window(seconds);
        self.flows().traffic(position, start, end)
    }

    /// How many forwards out failed in the last `seconds`, and what they wanted to send, msat.
    pub fn failed(&self, chan_id: u64, seconds: i128) -> (i128, i128) {
        let Some(position) = self.position(chan_id) else { return (0, 0) };
        let (start, end) = self.window(seconds);
        self.flows().failed(position, start, end)
    }

    fn position(&self, chan_id: u64) -> Option<usize> {
        self.positions.get(&chan_id).and_then(|position| usize::try_from(*position).ok())
    }

    fn window(&self, seconds: i128) -> (i128, i64) {
        let now = self.state.node.now;
        (i128::from(now).saturating_sub(seconds), now)
    }

    fn flows(&self) -> &Flows {
        self.flows.get_or_init(|| Flows::of(self.state, &self.positions))
    }

    /// The estimate for a target: that of the largest known target not above it, else the smallest.
    pub fn sat_per_vbyte(&self, target: i128) -> Option<f64> {
        let estimates = &self.state.node.fee_estimates_sat_per_kw;
        // The node refuses targets under two blocks.
        let target = u32::try_from(target.max(2)).unwrap_or(u32::MAX);
        let found = estimates.range(..=target).next_back().or_else(|| estimates.iter().next());
        found.map(|(_, &sat_per_kw)| (i128::from(sat_per_kw) * 4) as f64 / 1000.0)
    }

    /// The wallet's transaction that opened a channel, if it is in the channel's block.
    pub fn opening(&self, channel: &Channel) -> Option<&'a Transaction> {
        let block = scid::block(channel.chan_id);
        self.transactions.get(&(funding(channel), block)).copied()
    }

    /// How many of our own channels a channel's funding transaction opened.
    pub fn opened_together(&self, channel: &Channel) -> i64 {
        let openings = self.openings.get_or_init(|| {
            let mut openings: HashMap<String, i64> = HashMap::new();
            for channel in self.state.channels.iter().filter(|channel| channel.initiator) {
                *openings.entry(funding(channel).to_owned()).or_default() += 1;
            }
            openings
        });
        openings.get(funding(channel)).copied().unwrap_or(1).max(1)
    }
}

/// The funding transaction of a channel.
fn funding(channel: &Channel) -> &str {
    channel.channel_point.split(':').next().unwrap_or_default()
}

/// A channel's balances, ours and the peer's, sat: HTLCs under way belong to their sender, the
/// commitment's fee to the opener.
pub(crate) fn balances(channel: &Channel) -> (i128, i128) {
    let funds = &channel.funds;
    let (mut local, mut remote) = (funds.local_balance.into(), funds.remote_balance.into());
    for htlc in &funds.pending_htlcs {
        let side: &mut i128 = if htlc.incoming { &mut remote } else { &mut local };
        *side += i128::from(htlc.amount_sat);
    }
    let opener = if channel.initiator { &mut local } else { &mut remote };
    *opener += i128::from(funds.commit_fee);
    (local, remote)
}

/// One of our shares of a total as a double; nothing where there is nothing to share.
pub(crate) fn share(part: i128, total: i128) -> Option<f64> {
    (total != 0).then(|| double(part) / double(total))
}

/// The nearest double. Nearly all amounts fit 64 bits, which the processor converts by itself; the
/// others stay out of line, or the compiler converts every amount both ways.
fn double(value: i128) -> f64 {
    match i64::try_from(value) {
        Ok(value) => value as f64,
        Err(_) => wide_double(value),
    }
}

#[cold]
#[inline(never)]
fn wide_double(value: i128) -> f64 {
    value as f64
}

/// The peer's policy; one it never announced reads as zeros.
pub(crate) fn peer_policy(channel: &Channel) -> Policy {
    channel.remote_policy.clone().unwrap_or_default()
}

/// The three numbers at the start of a version text.
pub(crate) fn version(text: &str) -> Option<(u64, u64, u64)> {
    let mut parts = text.splitn(3, '.');
    let major = parts.next()?.parse().ok()?;
    let minor = parts.next()?.parse().ok()?;
    let patch = parts.next()?;
    let digits = patch.find(|character: char| !character.is_ascii_digit());
    let patch = patch.get(..digits.unwrap_or(patch.len()))?.parse().ok()?;
    Some((major, minor, patch))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_a_whole() {
        assert_eq!(version("0.18.5-beta commit=v0.18.5-beta"), Some((0, 18, 5)));
        assert_eq!(version("1.0.0-beta"), Some((1, 0, 0)));
        assert_eq!(version("v24.08"), None);
        assert!((1, 0, 0) >= (0, 18, 0));
    }
}

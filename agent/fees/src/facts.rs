//! What criteria and strategies ask of a state, indexed once per evaluation.
//!
//! It must never change the state, and never depend on the order of a hash map: maps are only
//! looked up.

use std::collections::HashMap;

use crate::scid;
use crate::state::{Channel, NodeState, Peer, Policy, Transaction};

/// A state with its indices.
pub(crate) struct Facts<'a> {
    /// The state.
    pub state: &'a NodeState,
    /// The node's version, if its text has one.
    pub version: Option<(u64, u64, u64)>,
    balances: HashMap<&'a str, PeerBalance>,
    flows: HashMap<u64, Flow>,
    failures: HashMap<u64, Series>,
    transactions: HashMap<(&'a str, i64), &'a Transaction>,
    openings: HashMap<&'a str, i64>,
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

/// Events of one kind, by time.
#[derive(Debug, Default)]
struct Series {
    events: Vec<(i64, i128)>,
    /// `sums[i]` is the total of the first `i` events.
    sums: Vec<i128>,
}

impl Series {
    fn seal(&mut self) {
        self.events.sort_by_key(|event| event.0);
        self.sums = Vec::with_capacity(self.events.len() + 1);
        let mut sum = 0;
        self.sums.push(sum);
        for (_, amount) in &self.events {
            sum += amount;
            self.sums.push(sum);
        }
    }

    /// Count and total of the events from `start` to `end`, both included.
    fn within(&self, start: i128, end: i64) -> (i128, i128) {
        let first = self.events.partition_point(|event| i128::from(event.0) < start);
        let last = self.events.partition_point(|event| event.0 <= end).max(first);
        let sum = |at: usize| self.sums.get(at).copied().unwrap_or_default();
        ((last - first) as i128, sum(last) - sum(first))
    }
}

#[derive(Debug, Default)]
struct Flow {
    incoming: Series,
    outgoing: Series,
    revenue: Series,
}

/// What went through a channel in a window.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Traffic {
    /// Forwards in.
    pub htlcs_in: i128,
    /// Forwards out.
    pub htlcs_out: i128,
    /// Amount in, sat, fees included.
    pub sats_in: i128,
    /// Amount out, sat.
    pub sats_out: i128,
    /// What the forwards out earned, msat.
    pub revenue_msat: i128,
}

impl Traffic {
    /// Both directions, msat.
    pub fn volume_msat(self) -> i128 {
        (self.sats_in + self.sats_out).saturating_mul(1000)
    }
}

impl<'a> Facts<'a> {
    /// Indexes a state.
    pub fn new(state: &'a NodeState) -> Facts<'a> {
        let mut facts = Facts {
            state,
            version: version(&state.node.version),
            balances: HashMap::new(),
            flows: HashMap::new(),
            failures: HashMap::new(),
            transactions: HashMap::new(),
            openings: HashMap::new(),
        };
        for channel in &state.channels {
            let (local, remote) = balances(channel);
            let balance = facts.balances.entry(channel.remote_pubkey.as_str()).or_default();
            let side = if channel.active { &mut balance.active } else { &mut balance.inactive };
            side.channels += 1;
            side.local += local;
            side.remote += remote;
            if channel.initiator {
                *facts.openings.entry(funding(channel)).or_default() += 1;
            }
        }
        for transaction in &state.node.transactions {
            let key = (transaction.tx_hash.as_str(), transaction.block_height);
            facts.transactions.insert(key, transaction);
        }
        facts.index_forwards();
        facts
    }

    fn index_forwards(&mut self) {
        let node = &self.state.node;
        for forward in &node.forwards {
            let (incoming, outgoing) = (forward.amt_in_sat.into(), forward.amt_out_sat.into());
            let fee: i128 = forward.fee_msat.map_or((incoming - outgoing) * 1000, i128::from);
            let flow = self.flows.entry(forward.chan_id_in).or_default();
            flow.incoming.events.push((forward.timestamp, incoming));
            let flow = self.flows.entry(forward.chan_id_out).or_default();
            flow.outgoing.events.push((forward.timestamp, outgoing));
            flow.revenue.events.push((forward.timestamp, fee));
        }
        for flow in self.flows.values_mut() {
            flow.incoming.seal();
            flow.outgoing.seal();
            flow.revenue.seal();
        }
        for failed in &node.failed_forwards {
            let series = self.failures.entry(failed.chan_id_out).or_default();
            series.events.push((failed.timestamp, failed.amt_msat.into()));
        }
        self.failures.values_mut().for_each(Series::seal);
    }

    /// Whether the node is at least of a version; versions are compared as a whole.
    pub fn at_least(&self, major: u64, minor: u64) -> bool {
        self.version.is_some_and(|version| version >= (major, minor, 0))
    }

    /// Balances of all our channels with a peer.
    pub fn peer_balance(&self, pubkey: &str) -> PeerBalance {
        self.balances.get(pubkey).copied().unwrap_or_default()
    }

    /// The graph's word on a peer.
    pub fn peer(&self, pubkey: &str) -> Option<&'a Peer> {
        self.state.node.peers.get(pubkey)
    }

    /// What went through a channel in the last `seconds`.
    pub fn traffic(&self, chan_id: u64, seconds: i128) -> Traffic {
        let now = self.state.node.now;
        let start = i128::from(now).saturating_sub(seconds);
        let Some(flow) = self.flows.get(&chan_id) else { return Traffic::default() };
        let (htlcs_in, sats_in) = flow.incoming.within(start, now);
        let (htlcs_out, sats_out) = flow.outgoing.within(start, now);
        let (_, revenue_msat) = flow.revenue.within(start, now);
        Traffic { htlcs_in, htlcs_out, sats_in, sats_out, revenue_msat }
    }

    /// How many forwards out failed in the last `seconds`, and what they wanted to send, msat.
    pub fn failed(&self, chan_id: u64, seconds: i128) -> (i128, i128) {
        let now = self.state.node.now;
        let start = i128::from(now).saturating_sub(seconds);
        self.failures.get(&chan_id).map_or((0, 0), |series| series.within(start, now))
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
        self.openings.get(funding(channel)).copied().unwrap_or(1).max(1)
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
    (total != 0).then(|| part as f64 / total as f64)
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

    #[test]
    fn a_window_includes_both_its_ends() {
        let mut series = Series { events: vec![(9, 5), (3, 1), (6, 2)], sums: Vec::new() };
        series.seal();
        assert_eq!(series.within(3, 6), (2, 3));
        assert_eq!(series.within(4, 9), (2, 7));
        assert_eq!(series.within(10, 9), (0, 0));
        assert_eq!(series.within(i128::MIN, 2), (0, 0));
    }
}

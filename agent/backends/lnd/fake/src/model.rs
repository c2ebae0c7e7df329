//! The state of the scripted node.
//!
//! It holds what LND would say, in LND's own messages; it must never hold what a test expects.

use crate::proto::{lnrpc, routerrpc};
use std::collections::BTreeMap;

/// How far the node has started, as far as calls notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wallet {
    /// Waits for its password.
    Locked,
    /// The RPC server is starting.
    Starting,
    /// Ready.
    Ready,
}

/// An open channel and both policies.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenChannel {
    /// As `ListChannels` shows it.
    pub channel: lnrpc::Channel,
    /// Our policy; without one the whole fee report fails.
    pub ours: Option<lnrpc::RoutingPolicy>,
    /// The peer's policy, if it ever announced one.
    pub theirs: Option<lnrpc::RoutingPolicy>,
    /// Whether the graph knows it.
    pub in_graph: bool,
    /// Whether the fee report lists it.
    pub in_fee_report: bool,
}

/// The scripted node.
#[derive(Clone, Debug)]
pub struct Node {
    /// Version text; decides what the node understands.
    pub version: String,
    /// Its key.
    pub key: String,
    /// Its name.
    pub alias: String,
    /// Height of its chain.
    pub block_height: u32,
    /// Unix seconds by the node's clock, for `last_update`.
    pub clock_s: u32,
    /// How far it has started.
    pub wallet: Wallet,
    /// `accept-positive-inbound-fees`.
    pub accept_positive_inbound: bool,
    /// Open channels.
    pub channels: Vec<OpenChannel>,
    /// Channel points not confirmed yet.
    pub pending: Vec<String>,
    /// Closed channels.
    pub closed: Vec<lnrpc::ChannelCloseSummary>,
    /// Nodes of the graph by key, counted as `GetNodeInfo` counts them.
    pub nodes: BTreeMap<String, lnrpc::NodeInfo>,
    /// Channels of others.
    pub foreign_edges: Vec<lnrpc::ChannelEdge>,
    /// Settled forwards, oldest first.
    pub forwards: Vec<lnrpc::ForwardingEvent>,
    /// Earned in the last day, week and month, satoshis.
    pub earned_sat: [u64; 3],
    /// The wallet's transactions.
    pub transactions: Vec<lnrpc::Transaction>,
    /// Satoshis per 1,000 weight units by confirmation target.
    pub fee_estimates: BTreeMap<i32, i64>,
    /// Size of the network.
    pub network: lnrpc::NetworkInfo,
    /// HTLC events every subscriber gets after the greeting.
    pub htlc_events: Vec<routerrpc::HtlcEvent>,
}

impl Node {
    /// `(major, minor)` of the version.
    pub(crate) fn version(&self) -> (u32, u32) {
        let mut parts = self.version.split(['.', '-']).map(|part| part.parse().unwrap_or(0));
        (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
    }

    /// The channel with this id.
    pub fn channel(&mut self, chan_id: u64) -> &mut OpenChannel {
        let found = self.channels.iter_mut().find(|open| open.channel.chan_id == chan_id);
        found.unwrap_or_else(|| panic!("the scripted node has no channel {chan_id}"))
    }

    /// Our policy of a channel, which must have one.
    pub fn policy(&mut self, chan_id: u64) -> &mut lnrpc::RoutingPolicy {
        self.channel(chan_id).ours.as_mut().expect("a policy of ours")
    }

    /// An open channel as the graph shows it.
    pub(crate) fn edge(&self, open: &OpenChannel) -> lnrpc::ChannelEdge {
        let (peer, ours, theirs) = (&open.channel.remote_pubkey, &open.ours, &open.theirs);
        let we_are_first = self.key < *peer;
        let (node1, node2) = if we_are_first { (&self.key, peer) } else { (peer, &self.key) };
        let (one, two) = if we_are_first { (ours, theirs) } else { (theirs, ours) };
        let shown = |policy: &Option<lnrpc::RoutingPolicy>| {
            policy.map(|mut policy| {
                if self.version() < (0, 18) {
                    policy.inbound_fee_base_msat = 0;
                    policy.inbound_fee_rate_milli_msat = 0;
                }
                policy
            })
        };
        lnrpc::ChannelEdge {
            channel_id: open.channel.chan_id,
            chan_point: open.channel.channel_point.clone(),
            last_update: self.clock_s,
            node1_pub: node1.clone(),
            node2_pub: node2.clone(),
            capacity: open.channel.capacity,
            node1_policy: shown(one),
            node2_policy: shown(two),
        }
    }

    /// The channel with this id, if the graph knows it.
    pub(crate) fn find_edge(&self, chan_id: u64) -> Option<lnrpc::ChannelEdge> {
        let ours = self.channels.iter().find(|open| open.channel.chan_id == chan_id);
        match ours {
            Some(open) => open.in_graph.then(|| self.edge(open)),
            None => self.foreign_edges.iter().find(|edge| edge.channel_id == chan_id).cloned(),
        }
    }

    /// Every channel the graph knows, ours first.
    pub(crate) fn edges(&self) -> Vec<lnrpc::ChannelEdge> {
        let ours = self.channels.iter().filter(|open| open.in_graph).map(|open| self.edge(open));
        ours.chain(self.foreign_edges.iter().cloned()).collect()
    }
}

//! The public graph as the node sees it: policies of both ends, nodes, and the whole.
//!
//! Everything here was announced by strangers: an entry that makes no sense is left out of lists
//! and counted, it must never make the rest unreadable.

use crate::convert::{ALIAS, Reading, text};
use crate::error::Result;
use crate::proto::lnrpc;
use crate::types::{ChannelPoint, NodeKey};

/// A fee on the way in: negative is a discount.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InboundFee {
    /// Fixed part.
    pub base_msat: i32,
    /// Proportional part, millionths.
    pub rate_ppm: i32,
}

/// What one end of a channel asks for forwarding over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Fixed fee.
    pub base_fee_msat: u64,
    /// Proportional fee, millionths.
    pub fee_rate_ppm: u64,
    /// Blocks between the incoming and the outgoing expiry.
    pub time_lock_delta: u32,
    /// Smallest HTLC.
    pub min_htlc_msat: u64,
    /// Largest HTLC.
    pub max_htlc_msat: u64,
    /// Not to be used in this direction.
    pub disabled: bool,
    /// When it was announced, Unix seconds; may lag behind a change.
    pub last_update_s: u32,
    /// Fee on the way in; zero on nodes before 0.18.
    pub inbound: InboundFee,
}

impl Policy {
    fn read(reading: Reading, raw: &lnrpc::RoutingPolicy) -> Result<Self> {
        Ok(Self {
            base_fee_msat: reading.unsigned(raw.fee_base_msat, "base fee")?,
            // LND's name says "milli msat"; the value is plain ppm.
            fee_rate_ppm: reading.unsigned(raw.fee_rate_milli_msat, "fee rate")?,
            time_lock_delta: raw.time_lock_delta,
            // Announced as an unsigned number; LND passes its bits through a signed one.
            min_htlc_msat: raw.min_htlc.cast_unsigned(),
            max_htlc_msat: raw.max_htlc_msat,
            disabled: raw.disabled,
            last_update_s: raw.last_update,
            inbound: InboundFee {
                base_msat: raw.inbound_fee_base_msat,
                rate_ppm: raw.inbound_fee_rate_milli_msat,
            },
        })
    }
}

/// A channel with the policies of both ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Its id.
    pub channel_id: u64,
    /// Its funding output.
    pub point: ChannelPoint,
    /// Total, satoshis.
    pub capacity_sat: u64,
    /// The smaller key.
    pub node1: NodeKey,
    /// The larger key.
    pub node2: NodeKey,
    /// What `node1` asks; `None` if it never announced anything.
    pub policy1: Option<Policy>,
    /// What `node2` asks.
    pub policy2: Option<Policy>,
}

impl Edge {
    pub(crate) fn read(reading: Reading, raw: &lnrpc::ChannelEdge) -> Result<Self> {
        let policy = |raw: &Option<lnrpc::RoutingPolicy>| {
            raw.as_ref().map(|raw| Policy::read(reading, raw)).transpose()
        };
        Ok(Self {
            channel_id: raw.channel_id,
            point: reading.parsed(&raw.chan_point, "channel point")?,
            capacity_sat: reading.unsigned(raw.capacity, "capacity")?,
            node1: reading.parsed(&raw.node1_pub, "node key")?,
            node2: reading.parsed(&raw.node2_pub, "node key")?,
            policy1: policy(&raw.node1_policy)?,
            policy2: policy(&raw.node2_policy)?,
        })
    }

    /// What `node` asks; `None` if it announced nothing or is no end of this channel.
    #[must_use]
    pub fn policy_of(&self, node: &NodeKey) -> Option<&Policy> {
        match node {
            node if *node == self.node1 => self.policy1.as_ref(),
            node if *node == self.node2 => self.policy2.as_ref(),
            _ => None,
        }
    }

    /// What the end that is not `node` asks.
    #[must_use]
    pub fn policy_of_peer(&self, node: &NodeKey) -> Option<&Policy> {
        self.other(node).and_then(|peer| self.policy_of(&peer))
    }

    /// The end that is not `node`; `None` if `node` is no end.
    #[must_use]
    pub fn other(&self, node: &NodeKey) -> Option<NodeKey> {
        match node {
            node if *node == self.node1 => Some(self.node2),
            node if *node == self.node2 => Some(self.node1),
            _ => None,
        }
    }
}

/// A node of the graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphNode {
    /// Its key.
    pub node: NodeKey,
    /// Its name; empty if it announced none.
    pub alias: String,
    /// When it was announced, Unix seconds.
    pub last_update_s: u32,
    /// Its channels. 0 where the call does not count them.
    pub channels: u32,
    /// Their total, satoshis. 0 where the call does not sum them.
    pub capacity_sat: u64,
    /// The channels themselves, where asked for.
    pub edges: Vec<Edge>,
}

impl GraphNode {
    pub(crate) fn read(reading: Reading, raw: &lnrpc::NodeInfo) -> Result<Self> {
        let node = raw.node.as_ref().ok_or_else(|| reading.wrong("no node"))?;
        Ok(Self {
            channels: raw.num_channels,
            capacity_sat: reading.unsigned(raw.total_capacity, "capacity")?,
            edges: raw.channels.iter().filter_map(|e| Edge::read(reading, e).ok()).collect(),
            ..Self::announced(reading, node)?
        })
    }

    fn announced(reading: Reading, raw: &lnrpc::LightningNode) -> Result<Self> {
        Ok(Self {
            node: reading.parsed(&raw.pub_key, "node key")?,
            alias: text(&raw.alias, ALIAS),
            last_update_s: raw.last_update,
            channels: 0,
            capacity_sat: 0,
            edges: Vec::new(),
        })
    }
}

/// The graph.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    /// Nodes; their channels are in `edges`.
    pub nodes: Vec<GraphNode>,
    /// Channels.
    pub edges: Vec<Edge>,
    /// Entries left out because they make no sense.
    pub skipped: usize,
}

impl Graph {
    pub(crate) fn read(reading: Reading, raw: &lnrpc::ChannelGraph) -> Self {
        let read = |node| GraphNode::announced(reading, node).ok();
        let nodes: Vec<GraphNode> = raw.nodes.iter().filter_map(read).collect();
        let edges: Vec<Edge> =
            raw.edges.iter().filter_map(|edge| Edge::read(reading, edge).ok()).collect();
        let skipped = raw.nodes.len() + raw.edges.len() - nodes.len() - edges.len();
        Self { nodes, edges, skipped }
    }
}

/// Size of the network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NetworkInfo {
    /// Nodes.
    pub nodes: u32,
    /// Channels.
    pub channels: u32,
    /// Their total, satoshis.
    pub capacity_sat: u64,
    /// Half of the channels are smaller, satoshis.
    pub median_channel_sat: u64,
    /// Channels per node.
    pub average_degree: f64,
}

impl NetworkInfo {
    pub(crate) fn read(reading: Reading, raw: &lnrpc::NetworkInfo) -> Result<Self> {
        Ok(Self {
            nodes: raw.num_nodes,
            channels: raw.num_channels,
            capacity_sat: reading.unsigned(raw.total_network_capacity, "capacity")?,
            median_channel_sat: reading.unsigned(raw.median_channel_size_sat, "median")?,
            average_degree: raw.avg_out_degree,
        })
    }
}

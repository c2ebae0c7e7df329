//! Network graphs: nodes, channels and the policies their owners announced.
//!
//! The one reader of graph files: `debal plan circulate` and `sim-cluster` share it, and with it
//! the ways to cut a piece and to draw starting balances.
//!
//! A [`Graph`] is checked when it is built: every channel joins two different known nodes, has a
//! capacity and a unique id. Code above this crate may rely on that and must not re-check it.

pub mod balances;
mod builder;
mod capacities;
mod cut;
mod describegraph;
mod error;
pub mod generate;
pub mod lngraph;
pub mod random;
mod source;

pub use builder::{GraphBuilder, RawPolicy};
pub use capacities::{FREE, numbered_id, numbered_key};
pub use cut::cut;
pub use error::InputError;
pub use source::{embedded, load, read_bounded, unpack};

use debal_protocol::ids::ChannelId;

/// Most nodes a topology file may have.
pub const MAX_NODES: usize = 200_000;
/// Most channels a topology file may have.
pub const MAX_CHANNELS: usize = 1_000_000;

/// One node of a graph. Its public key and alias are labels here: the agents of a cluster make
/// their own keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// 33-byte compressed secp256k1 point in hex.
    pub pubkey: String,
    /// Announced name with control and direction characters removed; the start of the key if none.
    pub alias: String,
}

/// What the owner of one end asks for a payment that leaves it over the channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Fixed part of the fee.
    pub base_msat: u32,
    /// Proportional part, millionths of the amount.
    pub ppm: u32,
    /// Smallest payment.
    pub min_msat: u64,
    /// Largest payment; never above the capacity.
    pub max_msat: u64,
    /// Blocks added to the time lock.
    pub cltv: u16,
    /// Announced as disabled, or no policy is known at all.
    pub disabled: bool,
}

/// One channel. Index 0 of every pair is the end of `ends[0]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Short channel id.
    pub id: ChannelId,
    /// Node numbers of the two ends, different.
    pub ends: [usize; 2],
    /// Capacity in sat, above 0.
    pub capacity_sat: u64,
    /// Policy of each end; a missing one is present as disabled.
    pub policies: [Policy; 2],
}

impl Channel {
    /// Capacity in msat (a checked graph fits 2^60).
    #[must_use]
    pub const fn capacity_msat(&self) -> u64 {
        self.capacity_sat.saturating_mul(1_000)
    }

    /// Whether both directions can be used.
    #[must_use]
    pub const fn enabled_both_ways(&self) -> bool {
        !self.policies[0].disabled && !self.policies[1].disabled
    }
}

/// A checked graph: every node has a channel, every channel two different known ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Graph {
    /// Where it comes from, for the report.
    pub source: String,
    /// The nodes; channels name them by position.
    pub nodes: Vec<Node>,
    /// The channels.
    pub channels: Vec<Channel>,
}

impl Graph {
    /// Sum of the capacities of each node's channels, in sat.
    #[must_use]
    pub fn node_capacities_sat(&self) -> Vec<u64> {
        let mut capacities = vec![0u64; self.nodes.len()];
        for channel in &self.channels {
            for end in channel.ends {
                capacities[end] = capacities[end].saturating_add(channel.capacity_sat);
            }
        }
        capacities
    }

    /// The neighbours of each node, sorted, without repeats, over channels that `keep` admits.
    #[must_use]
    pub fn neighbours(&self, keep: impl Fn(&Channel) -> bool) -> Vec<Vec<usize>> {
        let mut neighbours = vec![Vec::new(); self.nodes.len()];
        for channel in self.channels.iter().filter(|channel| keep(channel)) {
            let [a, b] = channel.ends;
            neighbours[a].push(b);
            neighbours[b].push(a);
        }
        for list in &mut neighbours {
            list.sort_unstable();
            list.dedup();
        }
        neighbours
    }

    /// Median capacity of the channels in sat (the lower one of an even number).
    #[must_use]
    pub fn median_capacity_sat(&self) -> u64 {
        let mut capacities: Vec<u64> = self.channels.iter().map(|c| c.capacity_sat).collect();
        capacities.sort_unstable();
        capacities.get(capacities.len().saturating_sub(1) / 2).copied().unwrap_or(0)
    }
}

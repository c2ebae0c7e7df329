//! A simulated network that is paid over: graphs, starts, demand, routes, payments.
//!
//! Experiments B2 and B4 measure in it and the arcs' network learns in it, so both mean the same
//! world. It must never draw but by seed, nor let a payment depend on what is measured.

pub mod demand;
pub mod graphs;
pub mod payments;
pub mod search;
pub mod traffic;

use debal_topology::balances::StartingBalances;
use debal_topology::{Graph, InputError, random};

/// Why there is no such network.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// A graph file is not what it should be.
    #[error("{0}")]
    Input(#[from] InputError),
    /// The options ask for something that cannot be.
    #[error("{0}")]
    Usage(String),
}

/// One channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Channel {
    /// The nodes at its ends.
    pub ends: [u32; 2],
    /// Capacity.
    pub capacity_msat: u64,
    /// What end 0 holds; end 1 holds the rest.
    pub held_msat: u64,
}

impl Channel {
    /// What end `which` holds.
    #[must_use]
    pub const fn holds(&self, which: usize) -> u64 {
        if which == 0 { self.held_msat } else { self.capacity_msat - self.held_msat }
    }
}

/// Channels and what their ends hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// How many nodes there are.
    pub nodes: u32,
    /// The channels.
    pub channels: Vec<Channel>,
}

impl State {
    /// The graph's channels that are enabled both ways, with balances drawn by `seed`.
    ///
    /// # Errors
    /// A graph without such a channel, or with more nodes than 32 bits number.
    pub fn draw(graph: &Graph, balances: StartingBalances, seed: u64) -> Result<Self, WorldError> {
        let held = balances.draw(graph, seed);
        let too_large = |_| WorldError::Usage("the graph has too many nodes".to_owned());
        let nodes = u32::try_from(graph.nodes.len()).map_err(too_large)?;
        let mut channels = Vec::with_capacity(graph.channels.len());
        for (channel, held_msat) in graph.channels.iter().zip(held) {
            if !channel.enabled_both_ways() {
                continue;
            }
            let ends = channel.ends.map(|end| u32::try_from(end).unwrap_or(u32::MAX));
            let capacity_msat = channel.capacity_msat();
            channels.push(Channel { ends, capacity_msat, held_msat });
        }
        if channels.is_empty() {
            let text = "the graph has no channel that is enabled both ways";
            return Err(WorldError::Usage(text.to_owned()));
        }
        Ok(Self { nodes, channels })
    }

    /// The same channels with other balances, drawn by `seed`.
    #[must_use]
    pub fn started(mut self, balances: StartingBalances, seed: u64) -> Self {
        let rng = &mut random::stream(seed, "world balances", 0);
        for channel in &mut self.channels {
            let held = (channel.capacity_msat as f64 * balances.share(rng)) as u64;
            channel.held_msat = held.min(channel.capacity_msat);
        }
        self
    }

    /// The channels of every node.
    #[must_use]
    pub fn channels_of(&self) -> Vec<Vec<u32>> {
        let mut lists = vec![Vec::new(); self.nodes as usize];
        for (index, channel) in (0u32..).zip(&self.channels) {
            for end in channel.ends {
                lists[end as usize].push(index);
            }
        }
        lists
    }
}

//! One start of the benchmark: which channels there are, what each end holds, and the arcs of the
//! problem that follow from it.
//!
//! A state must never change under a method: methods get it to read and answer with amounts.

use crate::BenchError;
use debal_planner::circulation::ResidualArc;
use debal_topology::Graph;
use debal_topology::balances::StartingBalances;

/// The first of the seeds that parameters are tuned on; measured seeds count up from 1.
pub const TUNING_SEEDS: std::ops::Range<u64> = 900_001..900_004;

/// Numerator of a channel's value: one msat in a channel of `C` msat is worth `10^15 / C` ppm, so
/// values count relative skew and stay below 2^40 from one satoshi on.
const VALUE: u64 = 1_000_000_000_000_000;

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
    /// What end 0 aims at: half.
    #[must_use]
    pub const fn target_msat(&self) -> u64 {
        self.capacity_msat / 2
    }

    /// How far from its target the channel is, in msat.
    #[must_use]
    pub const fn demand_msat(&self) -> u64 {
        self.held_msat.abs_diff(self.target_msat())
    }

    /// The end that holds more than its target, then the other: `[0, 1]` or `[1, 0]`.
    #[must_use]
    pub const fn direction(&self) -> [usize; 2] {
        if self.held_msat >= self.target_msat() { [0, 1] } else { [1, 0] }
    }

    /// What a msat nearer to the target is worth, in ppm: the same for every channel relative to
    /// its capacity.
    #[must_use]
    pub fn value_ppm(&self) -> i64 {
        i64::try_from(VALUE / self.capacity_msat.max(1_000)).unwrap_or(i64::MAX)
    }

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
    pub fn draw(graph: &Graph, balances: StartingBalances, seed: u64) -> Result<Self, BenchError> {
        let held = balances.draw(graph, seed);
        let too_large = |_| BenchError::Usage("the graph has too many nodes".to_owned());
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
            return Err(BenchError::Usage(text.to_owned()));
        }
        Ok(Self { nodes, channels })
    }

    /// One arc per channel, in their order: from the end above its target to the other, as much as
    /// brings both to it.
    #[must_use]
    pub fn demands(&self) -> Vec<ResidualArc> {
        let arc = |(label, channel): (u64, &Channel)| {
            let [from, to] = channel.direction();
            ResidualArc {
                tail: channel.ends[from],
                head: channel.ends[to],
                capacity_msat: channel.demand_msat(),
                value_ppm: channel.value_ppm(),
                label,
            }
        };
        (0u64..).zip(&self.channels).map(arc).collect()
    }

    /// Three arcs per channel, in their order: to the target, past it, and backwards. The last two
    /// cost what the first gains: a channel that helps others pays with its own balance.
    #[must_use]
    pub fn with_helpers(&self) -> Vec<ResidualArc> {
        let mut arcs = Vec::with_capacity(self.channels.len() * 3);
        for (demand, channel) in self.demands().into_iter().zip(&self.channels) {
            let [from, to] = channel.direction();
            let past_msat = channel.holds(from) - demand.capacity_msat;
            let cost = -demand.value_ppm;
            arcs.push(demand);
            arcs.push(ResidualArc { capacity_msat: past_msat, value_ppm: cost, ..demand });
            arcs.push(ResidualArc {
                tail: demand.head,
                head: demand.tail,
                capacity_msat: channel.holds(to),
                value_ppm: cost,
                label: demand.label,
            });
        }
        arcs
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

//! The graph that is scored: channels with capacities and, where they are known, fees.
//!
//! Arc `2 i + w` leaves end `w` of channel `i`; its way back is arc `(2 i + w) ^ 1`. An end that is
//! no node must never get past [`Graph::new`].

use crate::net::Misfit;

/// What the owner of an end asks of payments that leave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fee {
    /// Fixed part.
    pub base_msat: u32,
    /// Proportional part.
    pub ppm: u32,
}

/// One channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Channel {
    /// The nodes at its ends.
    pub ends: [u32; 2],
    /// Capacity.
    pub capacity_msat: u64,
    /// What each end asks, if it is known.
    pub fees: [Option<Fee>; 2],
}

/// Channels and who has which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Graph {
    channels: Vec<Channel>,
    /// Where the arcs of a node begin in `leaving`, and where the last one's end.
    starts: Vec<usize>,
    leaving: Vec<u32>,
}

impl Graph {
    /// A graph of `nodes` nodes; refused if a channel has an end that is none of them.
    pub fn new(nodes: u32, channels: Vec<Channel>) -> Result<Self, Misfit> {
        let mut starts = vec![0_usize; nodes as usize + 1];
        if u32::try_from(channels.len()).map_or(true, |count| count > u32::MAX / 2) {
            return Err(Misfit::Graph(channels.len()));
        }
        for (index, channel) in channels.iter().enumerate() {
            for end in channel.ends {
                match starts.get_mut(end as usize + 1) {
                    Some(count) => *count += 1,
                    None => return Err(Misfit::Graph(index)),
                }
            }
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        let mut next = starts.clone();
        let mut leaving = vec![0; 2 * channels.len()];
        for (index, channel) in (0_u32..).zip(&channels) {
            for (way, end) in (0_u32..).zip(channel.ends) {
                let slot = &mut next[end as usize];
                leaving[*slot] = 2 * index + way;
                *slot += 1;
            }
        }
        Ok(Self { channels, starts, leaving })
    }

    /// How many nodes there are.
    pub fn nodes(&self) -> usize {
        self.starts.len() - 1
    }

    /// How many arcs there are: two a channel.
    pub fn arcs(&self) -> usize {
        2 * self.channels.len()
    }

    /// The channels.
    pub fn channels(&self) -> &[Channel] {
        &self.channels
    }

    /// The arcs that leave a node.
    pub fn leaving(&self, node: usize) -> &[u32] {
        &self.leaving[self.starts[node]..self.starts[node + 1]]
    }

    /// The node that an arc leaves.
    pub fn tail(&self, arc: usize) -> usize {
        self.channels[arc / 2].ends[arc % 2] as usize
    }

    /// The node that an arc reaches.
    pub fn head(&self, arc: usize) -> usize {
        self.channels[arc / 2].ends[1 - arc % 2] as usize
    }

    /// What the channel of an arc holds at both ends together.
    pub fn capacity_msat(&self, arc: usize) -> u64 {
        self.channels[arc / 2].capacity_msat
    }

    /// What the tail of an arc asks, if it is known.
    pub fn fee(&self, arc: usize) -> Option<Fee> {
        self.channels[arc / 2].fees[arc % 2]
    }
}

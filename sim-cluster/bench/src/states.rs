//! One start of the benchmark: which channels there are, what each end holds, and the arcs of the
//! problem that follow from it.
//!
//! A state must never change under a method: methods get it to read and answer with amounts.

pub use debal_train::world::{Channel, State};

use debal_planner::circulation::ResidualArc;

/// The first of the seeds that parameters are tuned on; measured seeds count up from 1.
pub const TUNING_SEEDS: std::ops::Range<u64> = 900_001..900_004;

/// Numerator of a channel's value: one msat in a channel of `C` msat is worth `10^15 / C` ppm, so
/// values count relative skew and stay below 2^40 from one satoshi on.
const VALUE: u64 = 1_000_000_000_000_000;

/// What a channel aims at.
pub trait Aims {
    /// What end 0 aims at: half.
    fn target_msat(&self) -> u64;
    /// How far from its target the channel is, in msat.
    fn demand_msat(&self) -> u64;
    /// The end that holds more than its target, then the other: `[0, 1]` or `[1, 0]`.
    fn direction(&self) -> [usize; 2];
    /// What a msat nearer to the target is worth, in ppm: the same for every channel relative to
    /// its capacity.
    fn value_ppm(&self) -> i64;
}

impl Aims for Channel {
    fn target_msat(&self) -> u64 {
        self.capacity_msat / 2
    }

    fn demand_msat(&self) -> u64 {
        self.held_msat.abs_diff(self.target_msat())
    }

    fn direction(&self) -> [usize; 2] {
        if self.held_msat >= self.target_msat() { [0, 1] } else { [1, 0] }
    }

    fn value_ppm(&self) -> i64 {
        i64::try_from(VALUE / self.capacity_msat.max(1_000)).unwrap_or(i64::MAX)
    }
}

/// The problem that a state poses.
pub trait Demands {
    /// One arc per channel, in their order: from the end above its target to the other, as much as
    /// brings both to it.
    fn demands(&self) -> Vec<ResidualArc>;
    /// Three arcs per channel, in their order: to the target, past it, and backwards. The last two
    /// cost what the first gains: a channel that helps others pays with its own balance.
    fn with_helpers(&self) -> Vec<ResidualArc>;
}

impl Demands for State {
    fn demands(&self) -> Vec<ResidualArc> {
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

    fn with_helpers(&self) -> Vec<ResidualArc> {
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
}

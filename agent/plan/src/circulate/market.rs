//! From a graph and balances to what every channel is worth moving.
//!
//! It must never use a channel that a router could not use in both directions.

use debal_planner::circulation::{
    ChannelEnd, ChannelValue, MAX_RATE_PPM, ResidualArc, ValueRules, value_arcs,
};
use debal_topology::{Channel, Policy};

use crate::args::{Circulate, Weigh};
use crate::balances;
use crate::failure::Failure;

/// One whole: the relative skew of a channel is worth the same whatever its capacity, a thousand
/// million msat for all of it.
const SKEW_VALUE_MSAT: u128 = 1_000_000_000;
/// Parts per million.
const MILLION: u128 = 1_000_000;

/// The channels that take part.
pub struct Market {
    /// How many nodes the graph has.
    pub nodes: u32,
    /// How many channels the graph has.
    pub all_channels: usize,
    /// The usable channels whose balance is known; `label` is the position here.
    pub channels: Vec<ChannelValue>,
    /// Their ids as they are printed.
    pub ids: Vec<String>,
    /// Public keys of the nodes.
    pub pubkeys: Vec<String>,
    /// What holds for all channels.
    pub rules: ValueRules,
}

impl Market {
    /// Reads the graph and draws or reads the balances.
    pub fn read(given: &Circulate) -> Result<Market, Failure> {
        let graph = debal_topology::load(&given.graph).map_err(Failure::from)?;
        let held = balances::of(&given.balances, given.seed, &graph)?;
        let all_channels = graph.channels.len();
        let rules = ValueRules {
            horizon_hours: 0,
            tiers: given.tiers,
            useful_msat: given.min_amount.max(1),
        };
        let (mut channels, mut ids) = (Vec::new(), Vec::new());
        for (channel, held) in graph.channels.iter().zip(held) {
            let Some(held) = held.filter(|_| channel.enabled_both_ways()) else { continue };
            channels.push(value(given, channel, held, ids.len() as u64));
            ids.push(channel.id.to_string());
        }
        if channels.is_empty() {
            let message = "no channel is enabled both ways and has a balance";
            return Err(Failure::of(3, "invalid_graph", message));
        }
        let nodes = graph.nodes.len() as u32;
        let pubkeys = graph.nodes.into_iter().map(|node| node.pubkey).collect();
        Ok(Market { nodes, all_channels, channels, ids, pubkeys, rules })
    }

    /// What every channel is worth moving.
    pub fn arcs(&self) -> Vec<ResidualArc> {
        let mut arcs = Vec::with_capacity(self.channels.len() * 3);
        self.channels.iter().for_each(|channel| value_arcs(channel, &self.rules, &mut arcs));
        arcs
    }

    /// The smallest HTLC of the arc's payer.
    pub fn least_msat(&self, arc: &ResidualArc) -> u64 {
        let channel = &self.channels[arc.label as usize];
        channel.ends[usize::from(channel.near != arc.tail)].htlc_min_msat
    }
}

/// What a channel is worth: both ends want the same balance, each with half of the weight.
fn value(given: &Circulate, channel: &Channel, held: u64, label: u64) -> ChannelValue {
    let capacity_msat = channel.capacity_msat();
    let part = |ppm: u32| {
        let amount = u128::from(capacity_msat) * u128::from(ppm.min(1_000_000)) / MILLION;
        u64::try_from(amount).unwrap_or(capacity_msat)
    };
    let weight = match given.weigh {
        Weigh::Skew => SKEW_VALUE_MSAT * MILLION / u128::from(capacity_msat.max(1)),
        Weigh::Coins => MILLION,
    };
    let urgency_ppm = u64::try_from(weight / 2).unwrap_or(MAX_RATE_PPM).min(MAX_RATE_PPM);
    let lend = u128::from(urgency_ppm) * u128::from(given.lend_ppm) / MILLION;
    let near_target = part(given.target_ppm);
    let end = |target_msat: u64, policy: &Policy| ChannelEnd {
        target_msat,
        urgency_ppm,
        drain_msat_per_hour: 0,
        lend_ppm: u64::try_from(lend).unwrap_or(MAX_RATE_PPM),
        reserve_msat: part(given.reserve_ppm),
        htlc_min_msat: policy.min_msat,
        htlc_max_msat: policy.max_msat,
    };
    let [near, far] = channel.ends.map(|end| end as u32);
    let ends = [
        end(near_target, &channel.policies[0]),
        end(capacity_msat - near_target, &channel.policies[1]),
    ];
    ChannelValue { near, far, capacity_msat, balance_msat: held, ends, label }
}

//! Few price rounds, learned: the rules of each round searched for on generated graphs.
//!
//! It must never train on a graph that is measured: sizes and seeds are apart from the
//! benchmark's.

pub mod contest;
pub mod training;

use crate::Error;
use debal_planner::circulation::{ResidualArc, solve};
use debal_planner::cycles::Limits;
use debal_planner::prices::{Calm, PriceNetwork, Rounds, Schedule};
use debal_planner::score::Score;
use debal_topology::balances::StartingBalances;
use debal_topology::generate::Generator;
use debal_topology::{Channel, Graph};

/// Numbers of rounds there are models for.
pub const LENGTHS: [usize; 3] = [3, 5, 10];

/// Most hops of a cycle and the smallest amount, as in the benchmark.
const LIMITS: Limits = Limits { max_hops: 20, min_amount_msat: UNIT_MSAT, max_cycles: usize::MAX };
const UNIT_MSAT: u64 = 1_000;
/// Numerator of a channel's value: relative skew counts, as in the benchmark.
const VALUE: u64 = 1_000_000_000_000_000;

/// One graph with balances drawn, and what the exact optimum is worth.
#[derive(Debug, Clone)]
pub struct Case {
    network: PriceNetwork,
    values_ppm: Vec<i64>,
    /// What all demands together are worth, could they all be met.
    wanted: f64,
    /// What the optimum is worth.
    best: f64,
}

/// What a schedule comes to on a case.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Reached {
    /// What is moved is worth this share of the optimum.
    pub phi: f64,
    /// What channels offer is worth this share of all demands: how much of what they want the
    /// leader is told.
    pub offered: f64,
}

impl Case {
    /// Balances uniform, target one half.
    ///
    /// # Errors
    /// A graph that cannot be generated, or on which nothing can be gained.
    pub fn draw(family: Generator, nodes: usize, seed: u64) -> Result<Self, Error> {
        let failed = |text: String| Error::Usage(format!("a graph to train on: {text}"));
        let graph = family.graph(nodes, seed).map_err(|e| failed(e.to_string()))?;
        Self::of(&graph, seed)
    }

    /// The same on any graph, over its channels that are enabled both ways.
    ///
    /// # Errors
    /// A graph on which nothing can be gained.
    pub fn of(graph: &Graph, seed: u64) -> Result<Self, Error> {
        let failed = |text: String| Error::Usage(format!("a graph for price rounds: {text}"));
        let held = StartingBalances::Uniform.draw(graph, seed);
        let arc = |(label, (channel, held)): (u64, (&Channel, u64))| {
            let capacity_msat = channel.capacity_msat();
            let half = capacity_msat / 2;
            let ends = channel.ends.map(|end| u32::try_from(end).unwrap_or(u32::MAX));
            let [tail, head] = if held >= half { ends } else { [ends[1], ends[0]] };
            let value = VALUE / capacity_msat.max(1_000);
            let value_ppm = i64::try_from(value).unwrap_or(i64::MAX);
            ResidualArc { tail, head, capacity_msat: held.abs_diff(half), value_ppm, label }
        };
        let usable = |(channel, _): &(&Channel, u64)| channel.enabled_both_ways();
        let channels = graph.channels.iter().zip(held).filter(usable);
        let arcs: Vec<ResidualArc> = (0u64..).zip(channels).map(arc).collect();
        let count = u32::try_from(graph.nodes.len()).unwrap_or(u32::MAX);
        let free = vec![Score::ZERO; arcs.len()];
        let best = solve(count, &arcs, &free).map_err(|e| failed(e.to_string()))?;
        let gained = |(arc, flow): (&ResidualArc, &u64)| arc.value_ppm as f64 * *flow as f64;
        let best: f64 = arcs.iter().zip(&best.flows_msat).map(gained).sum();
        let wanted = arcs.iter().map(|arc| arc.value_ppm as f64 * arc.capacity_msat as f64).sum();
        if best <= 0.0 {
            return Err(failed("nothing can be gained".to_owned()));
        }
        let network = PriceNetwork::new(count, &arcs).map_err(|e| failed(e.to_string()))?;
        let values_ppm = arcs.iter().map(|arc| arc.value_ppm).collect();
        Ok(Self { network, values_ppm, wanted, best })
    }

    /// What so many rounds by this schedule come to.
    #[must_use]
    pub fn reach(&self, rounds: usize, schedule: &Schedule) -> Reached {
        let rounds = u32::try_from(rounds).unwrap_or(u32::MAX);
        let rounds = Rounds { schedule: schedule.clone(), ..Rounds::of(rounds) };
        let agreed = self.network.run(&rounds, &mut Calm);
        let settled = self.network.settle(&agreed.offers_msat, UNIT_MSAT, &LIMITS);
        // Offers are as many as arcs: settling cannot fail, and what did is worth nothing.
        let phi = settled.ok().and_then(|settled| settled.value);
        let phi = phi.map_or(0.0, |value| value as f64 / self.best);
        let worth = |(value, offer): (&i64, &u64)| *value as f64 * *offer as f64;
        let offered: f64 = self.values_ppm.iter().zip(&agreed.offers_msat).map(worth).sum();
        Reached { phi, offered: offered / self.wanted }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_rounds_come_nearer_to_the_optimum_and_never_past_it() {
        let case = Case::draw(Generator::ChungLu, 200, 950_001).unwrap();
        let reach = |rounds| case.reach(rounds, &Schedule::default());
        let phi = |rounds| reach(rounds).phi;
        assert!(phi(1) < phi(10) && phi(10) <= 1.0 + 1e-9, "{} {}", phi(1), phi(10));
        assert!(phi(10) > 0.9);
        // Few rounds tell the leader more: potentials that have not moved yet offer everything.
        assert!(reach(1).offered > reach(10).offered && reach(1).offered <= 1.0);
    }
}

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
    best: f64,
}

impl Case {
    /// Balances uniform, target one half.
    ///
    /// # Errors
    /// A graph that cannot be generated, or on which nothing can be gained.
    pub fn draw(family: Generator, nodes: usize, seed: u64) -> Result<Self, Error> {
        let failed = |text: String| Error::Usage(format!("a graph to train on: {text}"));
        let graph = family.graph(nodes, seed).map_err(|e| failed(e.to_string()))?;
        let held = StartingBalances::Uniform.draw(&graph, seed);
        let arc = |(label, (channel, held)): (u64, (&debal_topology::Channel, u64))| {
            let capacity_msat = channel.capacity_msat();
            let half = capacity_msat / 2;
            let ends = channel.ends.map(|end| u32::try_from(end).unwrap_or(u32::MAX));
            let [tail, head] = if held >= half { ends } else { [ends[1], ends[0]] };
            let value = VALUE / capacity_msat.max(1_000);
            let value_ppm = i64::try_from(value).unwrap_or(i64::MAX);
            ResidualArc { tail, head, capacity_msat: held.abs_diff(half), value_ppm, label }
        };
        let arcs: Vec<ResidualArc> =
            (0u64..).zip(graph.channels.iter().zip(held)).map(arc).collect();
        let count = u32::try_from(nodes).unwrap_or(u32::MAX);
        let free = vec![Score::ZERO; arcs.len()];
        let best = solve(count, &arcs, &free).map_err(|e| failed(e.to_string()))?;
        let gained = |(arc, flow): (&ResidualArc, &u64)| arc.value_ppm as f64 * *flow as f64;
        let best: f64 = arcs.iter().zip(&best.flows_msat).map(gained).sum();
        if best <= 0.0 {
            return Err(failed("nothing can be gained".to_owned()));
        }
        let network = PriceNetwork::new(count, &arcs).map_err(|e| failed(e.to_string()))?;
        Ok(Self { network, best })
    }

    /// What so many rounds by this schedule are worth, as a share of the optimum.
    #[must_use]
    pub fn phi(&self, rounds: usize, schedule: &Schedule) -> f64 {
        let rounds = u32::try_from(rounds).unwrap_or(u32::MAX);
        let rounds = Rounds { schedule: schedule.clone(), ..Rounds::of(rounds) };
        let agreed = self.network.run(&rounds, &mut Calm);
        let settled = self.network.settle(&agreed.offers_msat, UNIT_MSAT, &LIMITS);
        // Offers are as many as arcs: settling cannot fail, and what did is worth nothing.
        settled.ok().and_then(|settled| settled.value).map_or(0.0, |value| value as f64 / self.best)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_rounds_come_nearer_to_the_optimum_and_never_past_it() {
        let case = Case::draw(Generator::ChungLu, 200, 950_001).unwrap();
        let phi = |rounds| case.phi(rounds, &Schedule::default());
        assert!(phi(1) < phi(10) && phi(10) <= 1.0 + 1e-9, "{} {}", phi(1), phi(10));
        assert!(phi(10) > 0.9);
    }
}

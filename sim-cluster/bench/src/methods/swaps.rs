//! Swaps with the chain, as operators run them: Autoloop (thresholds) and Loopmax (drift).
//!
//! A swap moves one channel alone and so must never count as a circulation: its owner pays the
//! chain for it. How the other side of a swap reaches the peer is left out, which favours swaps.

use crate::BenchError;
use crate::b2::traffic::Traffic;
use crate::method::{Cost, Method, Outcome};
use crate::states::{Aims, State};

/// Fee of a swap, in millionths of the amount.
const FEE_PPM: u64 = 5_000;
/// What the miners get for one swap.
const MINER_MSAT: u64 = 1_000_000;

/// Swaps a channel back to half when an end holds less than `low` of it.
#[derive(Debug, Clone, Copy)]
pub struct Autoloop {
    /// The threshold.
    pub low: f64,
}

/// Swaps the most a channel takes when an end runs out before it is looked at again.
#[derive(Debug, Clone, Copy)]
pub struct Loopmax {
    /// How long a swap takes to confirm, in periods.
    pub confirm: f64,
}

fn swapped(state: &State, wanted: impl Fn(usize) -> Option<u64>) -> Outcome {
    let mut outcome = Outcome::default();
    for (index, channel) in state.channels.iter().enumerate() {
        let after = wanted(index).unwrap_or(channel.held_msat).min(channel.capacity_msat);
        let moved = after.abs_diff(channel.held_msat);
        if moved > 0 {
            outcome.cycles.push((1, moved));
            outcome.cost.on_chain_msat += moved;
            outcome.cost.swap_fees_msat += moved / 1_000_000 * FEE_PPM + MINER_MSAT;
        }
        outcome.held_msat.push(after);
    }
    let swaps = outcome.cycles.len() as u64;
    outcome.cost = Cost { rounds: 1, messages: swaps * 2, ..outcome.cost };
    outcome
}

impl Method for Autoloop {
    fn name(&self) -> String {
        "Autoloop".to_owned()
    }

    fn keeps_wealth(&self) -> bool {
        false
    }

    fn candidates(&self) -> Vec<Box<dyn Method>> {
        let all = [0.02, 0.05, 0.1, 0.3].into_iter();
        all.map(|low| Box::new(Self { low }) as Box<dyn Method>).collect()
    }

    fn parameters(&self) -> String {
        format!("low {}", self.low)
    }

    fn settle(&self, state: &State, _seed: u64) -> Result<Outcome, BenchError> {
        Ok(swapped(state, |index| {
            let channel = &state.channels[index];
            let least = channel.holds(0).min(channel.holds(1)) as f64;
            (least < self.low * channel.capacity_msat as f64).then(|| channel.target_msat())
        }))
    }
}

impl Method for Loopmax {
    fn name(&self) -> String {
        "Loopmax".to_owned()
    }

    fn keeps_wealth(&self) -> bool {
        false
    }

    fn candidates(&self) -> Vec<Box<dyn Method>> {
        let all = [0.0, 0.5, 1.0].into_iter();
        all.map(|confirm| Box::new(Self { confirm }) as Box<dyn Method>).collect()
    }

    fn parameters(&self) -> String {
        format!("confirmation {} periods", self.confirm)
    }

    fn settle(&self, state: &State, _seed: u64) -> Result<Outcome, BenchError> {
        Ok(swapped(state, |_| None))
    }

    fn settle_seeing(
        &self,
        state: &State,
        traffic: &Traffic,
        _seed: u64,
    ) -> Result<Outcome, BenchError> {
        Ok(swapped(state, |index| {
            let channel = &state.channels[index];
            let falls = traffic.expected(2 * index).sum - traffic.expected(2 * index + 1).sum;
            let draining = usize::from(falls < 0.0);
            let periods = channel.holds(draining) as f64 / falls.abs();
            let margin = (falls.abs() * self.confirm / 5.0) as u64;
            let full = channel.capacity_msat - margin.min(channel.capacity_msat);
            let runs_out =
                falls != 0.0 && periods < self.confirm + 1.0 && channel.holds(draining) < full;
            let after = if draining == 0 { full } else { channel.capacity_msat - full };
            runs_out.then_some(after)
        }))
    }
}

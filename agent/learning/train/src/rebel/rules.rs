//! The baselines of RebEL's paper: nothing, Autoloop, Loopmax.
//!
//! They must never be weaker than published: thresholds are theirs, tuning is done by the caller.

use super::{CAPACITY, CHECK_MINUTES, Controller, SWAP_MINUTES, Swap, World, net_of};

/// Never swaps.
#[derive(Debug, Clone, Copy)]
pub struct Nothing;

impl Controller for Nothing {
    fn decide(&mut self, _: &World, _: usize, _: f64) -> Swap {
        Swap::None
    }
}

/// Outside [low, high] of the capacity back to the midpoint.
#[derive(Debug, Clone, Copy)]
pub struct Autoloop {
    /// Lower threshold, a share of the capacity.
    pub low: f64,
    /// Upper threshold.
    pub high: f64,
}

impl Controller for Autoloop {
    fn decide(&mut self, world: &World, channel: usize, _: f64) -> Swap {
        let local = world.local[channel];
        let middle = CAPACITY * (self.low + self.high) / 2.0;
        if local < self.low * CAPACITY {
            Swap::In(middle - local)
        } else if local > self.high * CAPACITY {
            Swap::Out(local - middle)
        } else {
            Swap::None
        }
    }
}

/// As late and as much as possible, by the drift of all that arrived.
#[derive(Debug, Clone, Copy)]
pub struct Loopmax;

impl Controller for Loopmax {
    fn decide(&mut self, world: &World, channel: usize, minute: f64) -> Swap {
        let rate = world.net_rate(channel, minute);
        let margin = rate.abs() * SWAP_MINUTES / 5.0;
        let reach = rate.abs() * (SWAP_MINUTES + CHECK_MINUTES);
        if rate < 0.0 && world.local[channel] < reach {
            Swap::In(net_of(world.on_chain).min(world.remote[channel]) - margin)
        } else if rate > 0.0 && world.remote[channel] < reach {
            Swap::Out(world.local[channel] - margin)
        } else {
            Swap::None
        }
    }
}

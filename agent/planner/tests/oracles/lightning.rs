//! Seeded generators of payment-channel graphs with balances.
//!
//! It must never depend on anything but its arguments: the same seed gives the same graph
//! everywhere.

use debal_planner::circulation::{ChannelShape, Helpers, ResidualArc, channel_arcs};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::graphs::{attachment, log_uniform};

/// Channels `(one end, other end, capacity in sat)` of a preferential-attachment graph, capacities
/// over three decades.
pub fn lightning_like(nodes: u32, channels: usize, seed: u64) -> Vec<(u32, u32, u64)> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let joined = attachment(nodes, channels, &mut rng);
    let capacity = |(one, other)| (one, other, log_uniform(100_000, 3, &mut rng).unsigned_abs());
    joined.into_iter().map(capacity).collect()
}

/// The residual arcs of channels with uniform balances and every target in the middle; every
/// channel's relative skew is worth the same.
pub fn uniform_balances(
    channels: &[(u32, u32, u64)],
    helpers: Helpers,
    seed: u64,
) -> Vec<ResidualArc> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut arcs = Vec::new();
    for (label, &(near, far, capacity_sat)) in (0u64..).zip(channels) {
        let capacity_msat = capacity_sat * 1000;
        let shape = ChannelShape {
            near,
            far,
            capacity_msat,
            balance_msat: rng.random_range(0..=capacity_msat),
            target_msat: capacity_msat / 2,
            weight_ppm: (1_000_000_000_000_000 / capacity_msat) as i64,
            label,
        };
        channel_arcs(&shape, helpers, &mut arcs);
    }
    arcs
}

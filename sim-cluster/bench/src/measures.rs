//! What a state looks like: skew, depleted channels, imbalance.
//!
//! Floating point is fine here and nowhere below: these are figures for people.

use crate::states::{Aims, State};

/// A channel whose smaller side is below this share counts as depleted (the seed's theta).
pub const THETA: f64 = 0.2;

/// How balanced a state is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Balance {
    /// Sum over channels of the distance from the target over the capacity: what phi counts.
    pub off_target: f64,
    /// Mean over channels of `|l - r| / C`.
    pub skew: f64,
    /// Share of channels with a side under theta.
    pub under_theta: f64,
    /// Mean over nodes of the Gini coefficient of its channels' local shares.
    pub gini: f64,
}

/// Looks at `state` with end 0 of every channel holding `held_msat`.
#[must_use]
#[allow(clippy::cast_precision_loss)]
pub fn balance(state: &State, held_msat: &[u64]) -> Balance {
    let (mut off_target, mut skew, mut under) = (0.0, 0.0, 0.0);
    let mut shares: Vec<Vec<f64>> = vec![Vec::new(); state.nodes as usize];
    for (channel, &held) in state.channels.iter().zip(held_msat) {
        let capacity = channel.capacity_msat as f64;
        let share = held as f64 / capacity;
        off_target += held.abs_diff(channel.target_msat()) as f64 / capacity;
        skew += (2.0 * share - 1.0).abs();
        under += f64::from(u8::from(share.min(1.0 - share) < THETA));
        for (end, share) in channel.ends.into_iter().zip([share, 1.0 - share]) {
            shares[end as usize].push(share);
        }
    }
    let count = state.channels.len().max(1) as f64;
    let with: Vec<f64> = shares.iter_mut().filter_map(|list| gini(list)).collect();
    let gini = with.iter().sum::<f64>() / with.len().max(1) as f64;
    Balance { off_target, skew: skew / count, under_theta: under / count, gini }
}

/// `sum_ij |x_i - x_j| / (2 n sum_j x_j)`; none without a channel.
#[allow(clippy::cast_precision_loss)]
fn gini(shares: &mut [f64]) -> Option<f64> {
    if shares.is_empty() {
        return None;
    }
    shares.sort_unstable_by(f64::total_cmp);
    let count = shares.len() as f64;
    let sum: f64 = shares.iter().sum();
    if sum <= 0.0 {
        return Some(0.0);
    }
    let ranked: f64 = (1u32..).zip(&*shares).map(|(rank, share)| f64::from(rank) * share).sum();
    Some(((2.0 * ranked) / (count * sum) - (count + 1.0) / count).max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gini_coefficient_is_the_mean_difference_over_twice_the_mean() {
        let shares = [0.1, 0.5, 0.9, 0.25];
        let mut pairs = 0.0;
        for one in shares {
            for other in shares {
                pairs += f64::abs(one - other);
            }
        }
        let direct = pairs / (2.0 * 4.0 * shares.iter().sum::<f64>());
        let found = gini(&mut shares.to_vec()).unwrap_or(9.0);
        assert!((found - direct).abs() < 1e-12, "{found} {direct}");
        assert_eq!(gini(&mut []), None);
        assert_eq!(gini(&mut [0.0]), Some(0.0));
    }
}

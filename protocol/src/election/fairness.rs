//! Fairness by numbers: simulated leaderships against the shares the weights promise.
//!
//! The draws are synthetic uniform bytes, the ranking and the cool-down are the election's own.
//! Like the rest of the crate this must not use floats: figures are in thousandths.

use super::ranking::Rank;
use crate::limits::RECENT_LEADERS_MAX;
use debal_crypto::{Digest, Domain, NodeId, VrfOutput};

/// What a simulation found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FairnessReport {
    /// Epochs simulated.
    pub epochs: u64,
    /// Leaderships by member.
    pub wins: Vec<u64>,
    /// Chi-square of the wins against weight / total weight, thousandths.
    pub chi_square_milli: u64,
    /// Its degrees of freedom.
    pub degrees: u64,
    /// The value a fair election exceeds once in a hundred runs, thousandths (Wilson and Hilferty's
    /// approximation: within 1 % from 3 degrees on).
    pub critical_1_percent_milli: u64,
    /// Largest distance of one member's wins from its share, in thousandths of a standard
    /// deviation.
    pub largest_z_milli: u64,
    /// Most epochs in a row one member led.
    pub longest_run: u64,
    /// Fewest epochs from one leadership of a member to its next.
    pub shortest_return: Option<u64>,
}

/// Simulates `epochs` elections among members with these weights; `seed` makes the draws. With
/// `cool_down` leaders rest as the election has it; shares then differ from the weights by design.
/// Weights may add up to 2^32; above, the figures saturate.
#[must_use]
pub fn simulate_fairness(
    weights: &[u64],
    epochs: u64,
    seed: u64,
    cool_down: bool,
) -> FairnessReport {
    let rest = weights.len().saturating_sub(1) / 2;
    let rest = if cool_down { rest.min(RECENT_LEADERS_MAX) } else { 0 };
    let mut leaders: Vec<usize> = Vec::new();
    for epoch in 0..epochs {
        let resting = leaders.iter().rev().take(rest);
        let resting: Vec<usize> = resting.copied().collect();
        let awake = weights.iter().enumerate().filter(|(member, _)| !resting.contains(member));
        let ranked = awake.map(|(member, weight)| (rank(seed, epoch, member, *weight), member));
        leaders.extend(ranked.min().map(|(_, member)| member));
    }
    report(weights, &leaders)
}

fn rank(seed: u64, epoch: u64, member: usize, weight: u64) -> Rank {
    let number = u64::try_from(member).unwrap_or(u64::MAX).to_be_bytes();
    let parts: [&[u8]; 3] = [&seed.to_be_bytes(), &epoch.to_be_bytes(), &number];
    let bytes = Digest::of(Domain::VrfRank, &parts).0;
    Rank::new(&VrfOutput { rank: bytes, seed: bytes }, weight, NodeId(bytes))
}

fn report(weights: &[u64], leaders: &[usize]) -> FairnessReport {
    let epochs = u64::try_from(leaders.len()).unwrap_or(u64::MAX);
    let count = |member: usize| leaders.iter().filter(|leader| **leader == member).count();
    let wins = (0..weights.len()).map(|member| u64::try_from(count(member)).unwrap_or(u64::MAX));
    let wins: Vec<u64> = wins.collect();
    let total = weights.iter().fold(0u64, |sum, weight| sum.saturating_add(*weight));
    let shares: Vec<(u64, u64)> = wins.iter().copied().zip(weights.iter().copied()).collect();
    let parts = shares.iter().map(|(won, weight)| off_milli(*won, *weight, total, epochs, total));
    let spread = |(won, weight): &(u64, u64)| {
        off_milli(*won, *weight, total, epochs, total.saturating_sub(*weight))
    };
    // 1000 z^2 times 1000 is (1000 z)^2.
    let largest = shares.iter().map(spread).max().unwrap_or(0).saturating_mul(1_000);
    let degrees = u64::try_from(weights.len().saturating_sub(1)).unwrap_or(u64::MAX);
    FairnessReport {
        epochs,
        wins,
        chi_square_milli: narrow(parts.fold(0, u128::saturating_add)),
        degrees,
        critical_1_percent_milli: critical_milli(degrees),
        largest_z_milli: narrow(largest.isqrt()),
        longest_run: longest_run(leaders),
        shortest_return: shortest_return(leaders, weights.len()),
    }
}

/// 1000 (won - expected)^2 / (expected * rest / total), with expected = epochs * weight / total.
fn off_milli(won: u64, weight: u64, total: u64, epochs: u64, rest: u64) -> u128 {
    let product = |a: u64, b: u64| u128::from(a).saturating_mul(u128::from(b));
    let off = product(won, total).abs_diff(product(epochs, weight));
    let scale = product(epochs, weight).saturating_mul(u128::from(rest));
    // off / total is the distance in wins; total^2 cancels.
    off.saturating_mul(off).saturating_mul(1_000).checked_div(scale).unwrap_or(0)
}

/// k (1 - 2/9k + 2.326348 sqrt(2/9k))^3 in thousandths.
fn critical_milli(degrees: u64) -> u64 {
    const ONE: u128 = 1_000_000_000;
    let nine = u128::from(degrees).saturating_mul(9);
    let Some(term) = ONE.saturating_mul(2).checked_div(nine) else { return 0 };
    let root = term.saturating_mul(ONE).isqrt();
    let sum = ONE.saturating_sub(term).saturating_add(root.saturating_mul(2_326_348) / 1_000_000);
    let cube = sum.saturating_mul(sum).saturating_mul(sum) / ONE / ONE;
    narrow(cube.saturating_mul(u128::from(degrees)).saturating_mul(1_000) / ONE)
}

fn longest_run(leaders: &[usize]) -> u64 {
    let (mut longest, mut run, mut last) = (0u64, 0u64, None);
    for leader in leaders {
        run = if last == Some(leader) { run.saturating_add(1) } else { 1 };
        longest = longest.max(run);
        last = Some(leader);
    }
    longest
}

fn shortest_return(leaders: &[usize], members: usize) -> Option<u64> {
    let gaps = (0..members).flat_map(|member| {
        let turns = leaders.iter().enumerate().filter(move |(_, leader)| **leader == member);
        let turns: Vec<usize> = turns.map(|(epoch, _)| epoch).collect();
        let pairs: Vec<usize> =
            turns.iter().zip(turns.iter().skip(1)).map(|(a, b)| b.saturating_sub(*a)).collect();
        pairs
    });
    gaps.min().and_then(|gap| u64::try_from(gap).ok())
}

fn narrow(value: u128) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

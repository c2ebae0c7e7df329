//! Who pays whom how much in B2.
//!
//! A payment must never depend on what a method does: all methods get the same list.

use super::State;
use debal_topology::random::{self, Weighted};
use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// Payment values in sat at 0, 5, 10, ... 100 %: our own quantiles of 40,000 values of the trace
/// `payment_value_satoshi.csv` of pumpkin99/Auncel, straight lines between them.
const QUANTILES_SAT: [u64; 21] = [
    101, 2_534, 5_097, 7_632, 10_144, 12_553, 15_032, 17_563, 20_059, 22_460, 24_999, 101_186,
    180_582, 254_488, 331_944, 410_755, 487_618, 578_924, 698_813, 878_003, 2_579_094,
];
/// Triples (or, for one-way demand, pairs).
const FLOWS: usize = 20_000;
/// Exponent of the flows' Pareto weights.
const WEIGHT_ALPHA: f64 = 1.2;

/// One payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Payment {
    /// Who pays.
    pub from: u32,
    /// Who is paid.
    pub to: u32,
    /// How much.
    pub amount_msat: u64,
}

/// `count` payments among the nodes of `state`: legs of triples a to b to c to a, which
/// rebalancing can serve for ever, and a share `one_way` along pairs that all point up one
/// ranking of the nodes, which it cannot. Empty for fewer than three nodes.
#[must_use]
pub fn payments(state: &State, count: usize, one_way: f64, seed: u64) -> Vec<Payment> {
    let mut worth = vec![0.0; state.nodes as usize];
    for channel in &state.channels {
        for end in channel.ends {
            worth[end as usize] += channel.capacity_msat as f64;
        }
    }
    if state.nodes < 3 {
        return Vec::new();
    }
    let ends = Weighted::new(worth.into_iter().map(f64::sqrt));
    let rng = &mut random::stream(seed, "b2 flows", 0);
    let triples: Vec<[u32; 3]> = (0..FLOWS).filter_map(|_| distinct(&ends, rng)).collect();
    let mut rank: Vec<u32> = (0..state.nodes).collect();
    rank.shuffle(rng);
    let upwards = |[one, other, _]: [u32; 3]| {
        if rank[one as usize] < rank[other as usize] { [one, other] } else { [other, one] }
    };
    let pairs: Vec<[u32; 2]> =
        (0..FLOWS).filter_map(|_| distinct(&ends, rng)).map(upwards).collect();
    let weights = |rng: &mut ChaCha8Rng, count| {
        let drawn: Vec<f64> = (0..count).map(|_| random::pareto(rng, WEIGHT_ALPHA)).collect();
        Weighted::new(drawn)
    };
    let (by_triple, by_pair) = (weights(rng, triples.len()), weights(rng, pairs.len()));
    let most_msat = largest_msat(state);
    let rng = &mut random::stream(seed, "b2 payments", 0);
    let one = |_| {
        let amount_msat = amount_msat(rng, most_msat);
        let (from, to) = if rng.random::<f64>() < one_way {
            let [from, to] = pairs[by_pair.draw(rng)?];
            (from, to)
        } else {
            let triple = triples[by_triple.draw(rng)?];
            let leg = rng.random_range(0..3);
            (triple[leg], triple[(leg + 1) % 3])
        };
        Some(Payment { from, to, amount_msat })
    };
    (0..count).filter_map(one).collect()
}

/// Half the median capacity: payments above it are not drawn.
#[must_use]
pub fn largest_msat(state: &State) -> u64 {
    let mut capacities: Vec<u64> = state.channels.iter().map(|c| c.capacity_msat).collect();
    capacities.sort_unstable();
    capacities.get(capacities.len() / 2).map_or(1_000, |median| (median / 2).max(1_000_000))
}

fn distinct(ends: &Weighted, rng: &mut ChaCha8Rng) -> Option<[u32; 3]> {
    for _ in 0..1_000 {
        let [a, b, c] = [ends.draw(rng)? as u32, ends.draw(rng)? as u32, ends.draw(rng)? as u32];
        if a != b && b != c && c != a {
            return Some([a, b, c]);
        }
    }
    None
}

/// A value of the trace of at most `most_msat`, in whole satoshis.
fn amount_msat(rng: &mut impl Rng, most_msat: u64) -> u64 {
    loop {
        let at = rng.random::<f64>() * (QUANTILES_SAT.len() - 1) as f64;
        let below = (at as usize).min(QUANTILES_SAT.len() - 2);
        let (low, high) = (QUANTILES_SAT[below], QUANTILES_SAT[below + 1]);
        let msat = (low + ((at - below as f64) * (high - low) as f64) as u64) * 1_000;
        if msat <= most_msat {
            return msat;
        }
    }
}

//! Starting balances: drawn per channel from a stated distribution, by seed.
//!
//! Nobody knows the real ones, so every report names the assumption and results of two assumptions
//! must never be mixed (`uniform` is the payment literature's, `bimodal` what operators see).

use crate::random;
use crate::{Channel, Graph};
use clap::ValueEnum;
use rand::Rng;
use serde::{Deserialize, Serialize};

/// Shape of the bimodal distribution, Beta(a, a).
const BIMODAL_SHAPE: f64 = 0.3;

/// Distribution of the share of a channel that its first end owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StartingBalances {
    /// Any split equally likely.
    Uniform,
    /// 50 / 50.
    Half,
    /// Beta(0.3, 0.3): most of the liquidity on one side.
    Bimodal,
    /// All of it on one side, by coin flip.
    OneSided,
}

impl StartingBalances {
    /// What end 0 of every channel owns, in msat; the rest is end 1's.
    #[must_use]
    pub fn draw(self, graph: &Graph, seed: u64) -> Vec<u64> {
        let mut rng = random::stream(seed, "balances", 0);
        graph.channels.iter().map(|channel| self.draw_one(channel, &mut rng)).collect()
    }

    /// The share of one channel that its first end owns.
    pub fn share(self, rng: &mut impl Rng) -> f64 {
        match self {
            Self::Uniform => rng.random::<f64>(),
            Self::Half => 0.5,
            Self::Bimodal => random::beta(rng, BIMODAL_SHAPE),
            Self::OneSided => f64::from(u8::from(rng.random::<bool>())),
        }
    }

    fn draw_one(self, channel: &Channel, rng: &mut impl Rng) -> u64 {
        let share = self.share(rng);
        // Whole satoshis, as a channel is funded; the share has 24 bits, enough for any split.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let parts = (share.clamp(0.0, 1.0) * f64::from(1u32 << 24)) as u64;
        let product = u128::from(channel.capacity_sat).saturating_mul(u128::from(parts)) >> 24;
        u64::try_from(product).unwrap_or(channel.capacity_sat).saturating_mul(1_000)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::embedded;

    #[test]
    fn no_draw_exceeds_its_channel_and_a_seed_repeats_it() {
        let graph = embedded().unwrap();
        for kind in StartingBalances::value_variants() {
            for seed in 0..50 {
                let drawn = kind.draw(&graph, seed);
                assert_eq!(drawn, kind.draw(&graph, seed));
                let fits = |(local, channel): (&u64, &Channel)| *local <= channel.capacity_msat();
                assert!(drawn.iter().zip(&graph.channels).all(fits), "{kind:?} seed {seed}");
            }
        }
    }

    #[test]
    fn half_is_half_and_one_sided_is_all_or_nothing() {
        let graph = embedded().unwrap();
        let half = StartingBalances::Half.draw(&graph, 3);
        let sided = StartingBalances::OneSided.draw(&graph, 3);
        for ((half, sided), channel) in half.iter().zip(&sided).zip(&graph.channels) {
            assert_eq!(half * 2, channel.capacity_msat());
            assert!([0, channel.capacity_msat()].contains(sided));
        }
    }
}

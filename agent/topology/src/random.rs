//! Seeded randomness: one independent stream per purpose, so that a new draw somewhere never shifts
//! the draws elsewhere, and the few distributions the cluster needs.
//!
//! Nothing in this crate may draw from anywhere else: a run is repeated by its seed.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The generator of `purpose`, number `index`, under `seed`. ChaCha8's stream is the same in every
/// release; the purpose is part of the key (its first 24 bytes count).
#[must_use]
pub fn stream(seed: u64, purpose: &str, index: u64) -> ChaCha8Rng {
    let mut key = [0u8; 32];
    let bytes = seed.to_le_bytes().into_iter().chain(purpose.bytes());
    key.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
    let mut generator = ChaCha8Rng::from_seed(key);
    generator.set_stream(index);
    generator
}

/// Uniform in the open interval (0, 1): never exactly 0, so its logarithm is finite.
pub fn open_unit(rng: &mut impl Rng) -> f64 {
    rng.random::<f64>().mul_add(1.0 - 2.0 * f64::EPSILON, f64::EPSILON)
}

/// Standard normal, by Box and Muller.
pub fn normal(rng: &mut impl Rng) -> f64 {
    let radius = (-2.0 * open_unit(rng).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()
}

/// Exponential with mean 1.
pub fn exponential(rng: &mut impl Rng) -> f64 {
    -open_unit(rng).ln()
}

/// Pareto with shape `alpha` and smallest value 1.
pub fn pareto(rng: &mut impl Rng, alpha: f64) -> f64 {
    open_unit(rng).powf(-1.0 / alpha)
}

/// Beta(a, a) for a <= 1, by Jöhnk's rejection (fast for small shapes).
pub fn beta(rng: &mut impl Rng, a: f64) -> f64 {
    loop {
        let x = open_unit(rng).powf(1.0 / a);
        let y = open_unit(rng).powf(1.0 / a);
        if x + y <= 1.0 && x + y > 0.0 {
            return x / (x + y);
        }
    }
}

/// Draws indices with probability proportional to fixed weights.
#[derive(Clone, Debug)]
pub struct Weighted {
    cumulative: Vec<f64>,
}

impl Weighted {
    /// Prepares the draw. Weights that are not finite and positive count as 0.
    #[must_use]
    pub fn new(weights: impl IntoIterator<Item = f64>) -> Self {
        let mut sum = 0.0;
        let cumulative = weights
            .into_iter()
            .map(|weight| {
                sum += if weight.is_finite() { weight.max(0.0) } else { 0.0 };
                sum
            })
            .collect();
        Self { cumulative }
    }

    /// One index; `None` if there is nothing with a positive weight.
    pub fn draw(&self, rng: &mut impl Rng) -> Option<usize> {
        let total = *self.cumulative.last()?;
        let point = open_unit(rng) * total;
        let index = self.cumulative.partition_point(|sum| *sum <= point);
        (total > 0.0).then(|| index.min(self.cumulative.len() - 1))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn streams_repeat_by_seed_and_differ_by_purpose_and_index() {
        let draw = |seed, purpose, index| stream(seed, purpose, index).random::<u64>();
        assert_eq!(draw(1, "balances", 0), draw(1, "balances", 0));
        assert_ne!(draw(1, "balances", 0), draw(1, "demand", 0));
        assert_ne!(draw(1, "balances", 0), draw(1, "balances", 1));
        assert_ne!(draw(1, "balances", 0), draw(2, "balances", 0));
    }

    #[test]
    fn distributions_have_their_means() {
        let mut rng = stream(7, "test", 0);
        let mut mean = |draw: &dyn Fn(&mut ChaCha8Rng) -> f64| {
            (0..20_000).map(|_| draw(&mut rng)).sum::<f64>() / 20_000.0
        };
        assert!(mean(&|rng| normal(rng)).abs() < 0.03);
        assert!((mean(&|rng| exponential(rng)) - 1.0).abs() < 0.03);
        assert!((mean(&|rng| beta(rng, 0.3)) - 0.5).abs() < 0.02);
        assert!((mean(&|rng| pareto(rng, 3.0)) - 1.5).abs() < 0.05);
    }

    #[test]
    fn a_weight_of_zero_is_never_drawn() {
        let weighted = Weighted::new([0.0, 1.0, 0.0, f64::NAN]);
        let mut rng = stream(7, "test", 1);
        assert!((0..100).all(|_| weighted.draw(&mut rng) == Some(1)));
        assert_eq!(Weighted::new([0.0]).draw(&mut rng), None);
        assert_eq!(Weighted::new([]).draw(&mut rng), None);
    }
}

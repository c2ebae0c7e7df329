//! Random streams, one per concern, so that what one concern draws never shifts another's draws.
//!
//! ChaCha is used because its stream never changes between releases of the crate: a seed printed
//! today must fail the same way next year. Nothing here may read the system's randomness.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The stream named `label` of a world.
#[must_use]
pub fn stream(seed: u64, label: &str) -> ChaCha8Rng {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_be_bytes());
    hasher.update(label.as_bytes());
    ChaCha8Rng::from_seed(*hasher.finalize().as_bytes())
}

/// The streams a running world draws from.
#[derive(Clone, Debug)]
pub struct Streams {
    /// Delays, losses, duplicates, corruption.
    pub network: ChaCha8Rng,
    /// Flush times, what a crash leaves of unflushed records.
    pub disk: ChaCha8Rng,
    /// Order of events due at the same millisecond.
    pub schedule: ChaCha8Rng,
    /// What Byzantine members do.
    pub adversary: ChaCha8Rng,
}

impl Streams {
    /// The streams of a world.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            network: stream(seed, "network"),
            disk: stream(seed, "disk"),
            schedule: stream(seed, "schedule"),
            adversary: stream(seed, "adversary"),
        }
    }
}

/// Whether something with a chance of `per_mille` happens now. Draws even at 0, so that lowering a
/// chance shifts nothing.
pub fn happens(rng: &mut ChaCha8Rng, per_mille: u32) -> bool {
    rng.random_range(0..1_000) < per_mille
}

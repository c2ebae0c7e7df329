//! Quantiles over the newest samples, in bounded memory.
//!
//! It must never grow: the oldest sample makes room for the newest.

use std::collections::VecDeque;

/// The newest samples.
#[derive(Clone, Debug)]
pub struct Window {
    samples: VecDeque<u64>,
    cap: usize,
}

impl Window {
    /// An empty window of at most `cap` samples.
    #[must_use]
    pub const fn new(cap: usize) -> Self {
        Self { samples: VecDeque::new(), cap }
    }

    /// Adds a sample.
    pub fn add(&mut self, sample: u64) {
        if self.samples.len() >= self.cap {
            self.samples.pop_front();
        }
        self.samples.push_back(sample);
    }

    /// The sample below which `ppm` millionths of all lie; 0 without samples.
    #[must_use]
    pub fn quantile_ppm(&self, ppm: u64) -> u64 {
        let mut sorted: Vec<u64> = self.samples.iter().copied().collect();
        sorted.sort_unstable();
        let last = u64::try_from(sorted.len().saturating_sub(1)).unwrap_or(0);
        let index = last.saturating_mul(ppm.min(1_000_000)) / 1_000_000;
        usize::try_from(index).ok().and_then(|index| sorted.get(index)).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_the_newest_samples() {
        let mut window = Window::new(4);
        assert_eq!(window.quantile_ppm(500_000), 0);
        (1..=8).for_each(|sample| window.add(sample));
        assert_eq!(window.quantile_ppm(0), 5);
        assert_eq!(window.quantile_ppm(1_000_000), 8);
    }
}

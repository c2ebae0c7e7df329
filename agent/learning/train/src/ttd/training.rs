//! Training of the residual: lower CRPS on simulated traffic.
//!
//! It must never train on a test case.

use super::Sample;
use super::contest::{Method, drawn};
use crate::es::{self, State, Task};
use crate::nets::fresh;
use crate::{Error, Watch};
use debal_learn::forecast::residual::{INPUTS, OUTPUTS};
use debal_learn::forecast::{Residual, Settings};
use debal_learn::net::Net;

/// The residual's network.
pub const SIZES: [usize; 3] = [INPUTS, 16, OUTPUTS];
/// First seed of the training cases.
const TRAINING: u64 = 6 << 40;
/// Parts of the horizon while training.
const STEPS: u32 = 24;

/// The full search.
pub const SEARCH: es::Settings = es::Settings {
    pairs: 16,
    generations: 200,
    sigma: 0.1,
    step: 0.03,
    patience: 10,
    check_every: 10,
};

/// How much is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    /// Cases drawn.
    pub cases: usize,
    /// Samples a member forecasts.
    pub batch: usize,
    /// Samples the mean is checked on.
    pub check: usize,
}

/// A search and an effort that show within two minutes that the loop learns.
pub const CI: (es::Settings, Effort) = (
    es::Settings { generations: 60, pairs: 12, check_every: 5, ..SEARCH },
    Effort { cases: 120, batch: 300, check: 800 },
);

/// The full effort.
pub const FULL: Effort = Effort { cases: 400, batch: 300, check: 2_000 };

struct Crps {
    net: Net,
    batch: usize,
    train: Vec<Sample>,
    check: Vec<Sample>,
}

impl Crps {
    /// Mean CRPS in minutes, negated.
    fn on<'a>(&self, values: &[f32], all: impl ExactSizeIterator<Item = &'a Sample>) -> f64 {
        let mut net = self.net.clone();
        net.set_values(values);
        let residual = Residual::new(net);
        let count = all.len().max(1) as f64;
        let sum: f64 = all.map(|s| Method::Passage(Some(&residual)).crps(s, STEPS)).sum();
        -sum / count / 60.0
    }
}

impl Task for Crps {
    fn score(&self, values: &[f32], generation: usize) -> f64 {
        let first = generation * self.batch;
        let count = self.train.len().max(1);
        let batch = (first..first + self.batch).map(|index| &self.train[index % count]);
        self.on(values, batch.into_iter())
    }

    fn check(&self, values: &[f32]) -> f64 {
        self.on(values, self.check.iter())
    }
}

/// The state a training with `seed` begins with: near the plain formula.
pub fn start(seed: u64) -> State {
    State::new(seed, fresh(&SIZES, &[], seed))
}

/// Searches on from `state`.
pub fn train(
    state: State,
    settings: &es::Settings,
    effort: Effort,
    watch: &mut Watch<'_>,
    save: &mut dyn FnMut(&State) -> Result<(), Error>,
) -> Result<State, Error> {
    let net =
        Net::new(&SIZES, state.mean.clone()).map_err(|misfit| Error::Usage(misfit.to_string()))?;
    let first = TRAINING + (state.seed << 20);
    let all = drawn(first, effort.cases, Settings::default());
    let cut = effort.check.min(all.len() / 4);
    let task =
        Crps { net, batch: effort.batch, check: all[..cut].to_vec(), train: spread(&all[cut..]) };
    es::search(&task, settings, state, watch, save)
}

/// The samples in another order, so that a batch is of many cases.
fn spread(all: &[Sample]) -> Vec<Sample> {
    const STRIDE: usize = 1_009;
    let starts = 0..STRIDE.min(all.len());
    starts.flat_map(|start| all.iter().skip(start).step_by(STRIDE).copied()).collect()
}

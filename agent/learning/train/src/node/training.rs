//! Training of the shared policy on random nodes.
//!
//! It must never train on a case of the tuning or of the test.

use super::case::Case;
use super::contest::{TRAINING, mean_net};
use super::run;
use crate::es::{self, State, Task};
use crate::nets::fresh;
use crate::{Error, Watch};
use debal_learn::net::Net;
use debal_learn::policy::{ACTION_COUNT, FEATURE_COUNT, Policy};

/// The shared network: two layers of 64.
pub const SIZES: [usize; 4] = [FEATURE_COUNT, 64, 64, ACTION_COUNT];
/// Targets stay in [theta, 1 - theta] of the seed's rule, ppm.
pub const THETA_PPM: u32 = 200_000;

/// The full search.
pub const SEARCH: es::Settings = es::Settings {
    pairs: 24,
    generations: 100,
    sigma: 0.05,
    step: 0.01,
    patience: 10,
    check_every: 10,
};

/// Net income over random nodes.
struct Income {
    net: Net,
    cases_a_score: usize,
    cases: Vec<Case>,
    check_cases: Vec<Case>,
}

impl Income {
    fn policy(&self, values: &[f32]) -> Policy {
        let mut net = self.net.clone();
        net.set_values(values);
        Policy::Learned { net, theta_ppm: THETA_PPM }
    }
}

impl Task for Income {
    fn score(&self, values: &[f32], generation: usize) -> f64 {
        let policy = self.policy(values);
        let first = generation * self.cases_a_score;
        let all = (first..first + self.cases_a_score)
            .map(|index| run(&self.cases[index % self.cases.len()], &policy, None).net());
        all.sum::<f64>()
    }

    fn check(&self, values: &[f32]) -> f64 {
        100.0 * mean_net(&self.check_cases, &self.policy(values))
    }
}

/// How much is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    /// Cases drawn to train on.
    pub cases: usize,
    /// Cases a member plays a generation.
    pub cases_a_score: usize,
    /// Cases the mean is checked on.
    pub check_cases: usize,
}

/// The full effort.
pub const FULL: Effort = Effort { cases: 600, cases_a_score: 4, check_cases: 80 };

/// A search and an effort that show within two minutes that the loop learns.
pub const CI: (es::Settings, Effort) = (
    es::Settings { generations: 30, pairs: 12, check_every: 5, ..SEARCH },
    Effort { cases: 60, cases_a_score: 2, check_cases: 30 },
);

/// The state a training with `seed` begins with: the margin rule for income.
pub fn start(seed: u64) -> State {
    State::new(seed, fresh(&SIZES, &[], seed))
}

/// Searches on from `state`; the best network is `State::best`.
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
    let cases = |from: u64, count: usize| {
        (0..count as u64).map(|index| Case::new(first + from + index)).collect::<Vec<_>>()
    };
    let task = Income {
        net,
        cases_a_score: effort.cases_a_score,
        cases: cases(0, effort.cases),
        check_cases: cases(effort.cases as u64, effort.check_cases),
    };
    es::search(&task, settings, state, watch, save)
}

//! The search for the rules of a few rounds.
//!
//! Every generation meets other graphs of the pool, the same for all its members; the mean is
//! chosen by graphs no generation trains on.

use super::{Case, Reached};
use crate::es::{self, Settings, State, Task};
use crate::{Error, Progress, Watch, pool};
use debal_learn::rounds::{rounds_of, schedule, width};
use debal_planner::prices::Schedule;
use debal_topology::generate::Generator;

/// How much a training takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    /// Graphs to train on.
    pub cases: usize,
    /// Of them in a generation.
    pub at_once: usize,
    /// Graphs to choose by.
    pub checks: usize,
    /// Smallest and largest graph, nodes.
    pub nodes: [usize; 2],
}

/// Shipped models.
pub const SEARCH: Settings =
    Settings { pairs: 10, generations: 80, sigma: 0.15, step: 0.06, patience: 6, check_every: 5 };
/// Shipped models.
pub const FULL: Effort = Effort { cases: 36, at_once: 3, checks: 12, nodes: [500, 2_000] };
/// Two minutes or less.
pub const CI: (Settings, Effort) = (
    Settings { pairs: 4, generations: 4, patience: 4, check_every: 2, ..SEARCH },
    Effort { cases: 4, at_once: 2, checks: 2, nodes: [60, 120] },
);

/// Offering the leader more of the demands than so many hand-set rounds do on the same graph costs
/// [`OFFER_PRICE`]: else the search finds that telling everything is best, and the leader does the
/// work of the rounds.
const OFFER_AS: usize = 10;
/// In phi, for all that is wanted.
const OFFER_PRICE: f64 = 1.0;

/// Seeds of the graphs to train on; the benchmark measures seeds from 1 and tunes from 900,001.
const TRAIN_SEEDS: u64 = 910_000;
/// Seeds of the graphs to choose by.
const CHECK_SEEDS: u64 = 920_000;

/// A search for so many rounds that begins at the hand-set rules.
#[must_use]
pub fn start(seed: u64, rounds: usize) -> State {
    State::new(seed, vec![0.0; width(rounds)])
}

struct Search {
    rounds: usize,
    train: Vec<Graded>,
    at_once: usize,
    checks: Vec<Graded>,
}

/// A case with what may be offered on it.
struct Graded {
    case: Case,
    offered: f64,
}

impl Search {
    fn mean(&self, values: &[f32], cases: &[&Graded]) -> f64 {
        let Some(schedule) = schedule(values) else { return 0.0 };
        let merit = |graded: &&Graded| {
            let Reached { phi, offered } = graded.case.reach(self.rounds, &schedule);
            phi - OFFER_PRICE * (offered - graded.offered).max(0.0)
        };
        cases.iter().map(merit).sum::<f64>() / cases.len().max(1) as f64
    }
}

impl Task for Search {
    fn score(&self, values: &[f32], generation: usize) -> f64 {
        let from = generation * self.at_once;
        let cases: Vec<&Graded> = (from..from + self.at_once)
            .filter_map(|index| self.train.get(index % self.train.len().max(1)))
            .collect();
        self.mean(values, &cases)
    }

    fn check(&self, values: &[f32]) -> f64 {
        let phi = pool::map(self.checks.len(), pool::threads(), |index| {
            self.checks.get(index).map_or(0.0, |case| self.mean(values, &[case]))
        });
        100.0 * phi.iter().sum::<f64>() / phi.len().max(1) as f64
    }
}

/// Every third graph is the hard case (Barabasi-Albert), a smaller one; the others are Chung-Lu.
fn drawn(count: usize, nodes: [usize; 2], first_seed: u64) -> Result<Vec<Graded>, Error> {
    let drawn = pool::map(count, pool::threads(), |index| {
        let [least, most] = nodes;
        let size = least + (most - least) * (index * 7 % count.max(1)) / count.max(1);
        let seed = first_seed + index as u64;
        let case = if index % 3 == 2 {
            Case::draw(Generator::BarabasiAlbert, least.max(size / 2), seed)?
        } else {
            Case::draw(Generator::ChungLu, size, seed)?
        };
        let Reached { offered, .. } = case.reach(OFFER_AS, &Schedule::default());
        Ok(Graded { case, offered })
    });
    drawn.into_iter().collect()
}

/// Searches on from `state`; its size says for how many rounds.
///
/// # Errors
/// A state that is no schedule; a checkpoint that cannot be kept.
pub fn train(
    state: State,
    settings: &Settings,
    effort: Effort,
    watch: &mut Watch<'_>,
    save: &mut dyn FnMut(&State) -> Result<(), Error>,
) -> Result<State, Error> {
    let rounds = rounds_of(state.mean.len())
        .ok_or_else(|| Error::Usage("the search is for no number of rounds".to_owned()))?;
    watch(&Progress { stage: "graphs", done: 0, total: effort.cases, note: String::new() });
    let train = drawn(effort.cases, effort.nodes, TRAIN_SEEDS + 1_000 * state.seed)?;
    let checks = drawn(effort.checks, effort.nodes, CHECK_SEEDS + 1_000 * state.seed)?;
    let task = Search { rounds, train, at_once: effort.at_once, checks };
    es::search(&task, settings, state, watch, save)
}

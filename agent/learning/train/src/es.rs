//! Evolution strategies: mirrored perturbations, ranks, Adam.
//!
//! It must never give another result on another number of threads, or after a stop and a resume:
//! generation g draws from the stream g alone, and a checkpoint is the whole state.

use crate::draw::Draw;
use crate::pool;
use crate::{Error, Progress, Watch};
use serde::{Deserialize, Serialize};

/// How to search.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Mirrored pairs a generation.
    pub pairs: usize,
    /// Most generations.
    pub generations: usize,
    /// Standard deviation of a perturbation.
    pub sigma: f64,
    /// Step of Adam at the start; it falls linearly to a tenth.
    pub step: f64,
    /// Stop after this many checks without a better one.
    pub patience: usize,
    /// Check the mean every so many generations.
    pub check_every: usize,
}

/// The whole state after some generations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Seed of all draws.
    pub seed: u64,
    /// Generations done.
    pub generation: usize,
    /// The mean of the search.
    pub mean: Vec<f32>,
    /// First moments of Adam.
    first: Vec<f32>,
    /// Second moments of Adam.
    second: Vec<f32>,
    /// Checked score before the first generation.
    pub first_score: Option<f64>,
    /// Best checked score so far.
    pub best_score: Option<f64>,
    /// The mean that had it.
    pub best: Vec<f32>,
    /// Checks since then.
    pub stale: usize,
}

impl State {
    /// A search that begins at `mean`.
    pub fn new(seed: u64, mean: Vec<f32>) -> Self {
        let zeros = vec![0.0; mean.len()];
        Self {
            seed,
            generation: 0,
            best: mean.clone(),
            mean,
            first: zeros.clone(),
            second: zeros,
            first_score: None,
            best_score: None,
            stale: 0,
        }
    }
}

impl State {
    /// Whether all parts are of one size, as they must be after a file was read.
    pub fn is_whole(&self) -> bool {
        let width = self.mean.len();
        [&self.first, &self.second, &self.best].iter().all(|part| part.len() == width)
    }
}

/// What is searched for: higher is better. Both must be functions of their arguments alone.
pub trait Task: Sync {
    /// Score of `values` in `generation` (all members of a generation meet the same chance).
    fn score(&self, values: &[f32], generation: usize) -> f64;
    /// Score of the mean on what no generation trains on; decides which mean is kept.
    fn check(&self, values: &[f32]) -> f64;
}

/// Runs until the generations are done, or nothing gets better, or the watcher says stop.
pub fn search(
    task: &dyn Task,
    settings: &Settings,
    mut state: State,
    watch: &mut Watch<'_>,
    save: &mut dyn FnMut(&State) -> Result<(), Error>,
) -> Result<State, Error> {
    if state.best_score.is_none() {
        state.first_score = Some(task.check(&state.mean));
        state.best_score = state.first_score;
    }
    while state.generation < settings.generations && state.stale < settings.patience {
        generation(task, settings, &mut state);
        let last = state.generation == settings.generations;
        if state.generation.is_multiple_of(settings.check_every.max(1)) || last {
            let score = task.check(&state.mean);
            if state.best_score.is_none_or(|best| score > best) {
                state.best_score = Some(score);
                state.best.clone_from(&state.mean);
                state.stale = 0;
            } else {
                state.stale += 1;
            }
            save(&state)?;
            let best = state.best_score.unwrap_or(score);
            let go_on = watch(&Progress {
                stage: "search",
                done: state.generation,
                total: settings.generations,
                note: format!("score {score:.2}, best {best:.2}"),
            });
            if !go_on {
                break;
            }
        }
    }
    Ok(state)
}

/// One generation: perturb, score, step.
fn generation(task: &dyn Task, settings: &Settings, state: &mut State) {
    let index = state.generation;
    let width = state.mean.len();
    let noise: Vec<f32> = {
        let mut draw = Draw::new(state.seed, index as u64);
        (0..settings.pairs * width).map(|_| draw.normal() as f32).collect()
    };
    let mean = &state.mean;
    let sigma = settings.sigma as f32;
    let scores = pool::map(2 * settings.pairs, pool::threads(), |member| {
        let sign = if member % 2 == 0 { sigma } else { -sigma };
        let noise = &noise[member / 2 * width..(member / 2 + 1) * width];
        let values: Vec<f32> = mean.iter().zip(noise).map(|(m, n)| m + sign * n).collect();
        task.score(&values, index)
    });
    let ranks = centred_ranks(&scores);
    let mut slope = vec![0.0_f32; width];
    for (pair, noise) in noise.chunks_exact(width).enumerate() {
        let weight = (ranks[2 * pair] - ranks[2 * pair + 1]) as f32;
        for (s, n) in slope.iter_mut().zip(noise) {
            *s += weight * n;
        }
    }
    let scale = 1.0 / settings.pairs as f32;
    adam(settings, state, &slope, scale);
    state.generation += 1;
}

/// Ranks spread evenly over [-0.5, 0.5]; equal scores keep their order.
fn centred_ranks(scores: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]));
    let mut ranks = vec![0.0; scores.len()];
    let top = (scores.len().max(2) - 1) as f64;
    for (rank, member) in order.into_iter().enumerate() {
        ranks[member] = rank as f64 / top - 0.5;
    }
    ranks
}

fn adam(settings: &Settings, state: &mut State, slope: &[f32], scale: f32) {
    const KEEP_FIRST: f32 = 0.9;
    const KEEP_SECOND: f32 = 0.99;
    let done = state.generation as f32 / settings.generations.max(1) as f32;
    let step = settings.step as f32 * (1.0 - 0.9 * done);
    let time = state.generation as i32 + 1;
    let (bias_first, bias_second) = (1.0 - KEEP_FIRST.powi(time), 1.0 - KEEP_SECOND.powi(time));
    for (index, slope) in slope.iter().enumerate() {
        let slope = slope * scale;
        let first = KEEP_FIRST * state.first[index] + (1.0 - KEEP_FIRST) * slope;
        let second = KEEP_SECOND * state.second[index] + (1.0 - KEEP_SECOND) * slope * slope;
        state.first[index] = first;
        state.second[index] = second;
        state.mean[index] += step * (first / bias_first) / ((second / bias_second).sqrt() + 1e-8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A bowl whose lowest point is (1, -2, 3).
    struct Bowl;

    impl Task for Bowl {
        fn score(&self, values: &[f32], _: usize) -> f64 {
            let wanted = [1.0, -2.0, 3.0];
            let squares = values.iter().zip(wanted).map(|(v, w)| f64::from(v - w).powi(2));
            -squares.sum::<f64>()
        }

        fn check(&self, values: &[f32]) -> f64 {
            self.score(values, 0)
        }
    }

    const SETTINGS: Settings = Settings {
        pairs: 8,
        generations: 300,
        sigma: 0.1,
        step: 0.1,
        patience: 100,
        check_every: 10,
    };

    fn run(state: State, generations: usize) -> State {
        let settings = Settings { generations: 300, ..SETTINGS };
        let mut left = generations / settings.check_every;
        let mut watch = |_: &Progress| {
            left -= 1;
            left > 0
        };
        search(&Bowl, &settings, state, &mut watch, &mut |_| Ok(())).unwrap()
    }

    #[test]
    fn it_finds_the_bottom_of_a_bowl() {
        let found = run(State::new(5, vec![0.0; 3]), 300);
        assert!(found.best_score.unwrap() > -0.01, "{found:?}");
    }

    #[test]
    fn a_resumed_search_is_the_same_search() {
        let whole = run(State::new(5, vec![0.0; 3]), 200);
        let half = run(State::new(5, vec![0.0; 3]), 100);
        let text = serde_json::to_string(&half).unwrap();
        let resumed = run(serde_json::from_str(&text).unwrap(), 100);
        assert_eq!(whole, resumed);
    }

    #[test]
    fn it_stops_when_nothing_gets_better() {
        struct Flat;
        impl Task for Flat {
            fn score(&self, _: &[f32], _: usize) -> f64 {
                0.0
            }
            fn check(&self, _: &[f32]) -> f64 {
                0.0
            }
        }
        let settings = Settings { patience: 3, ..SETTINGS };
        let start = State::new(1, vec![0.0]);
        let found = search(&Flat, &settings, start, &mut |_| true, &mut |_| Ok(())).unwrap();
        assert_eq!(found.generation, 30);
    }
}

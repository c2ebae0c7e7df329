//! The learned swap policy: one network for either channel, trained on tapes it is not tested on.
//!
//! It must never see more than RebEL's state: both balances, the coins on chain, forecasts from
//! what arrived and succeeded so far.

use super::{CAPACITY, CHECK_MINUTES, CHECKS, Controller, START_LOCAL, START_ON_CHAIN, Swap};
use super::{Tape, World, run_for};
use crate::es::{self, State, Task};
use crate::nets::fresh;
use crate::{Error, Watch};
use debal_learn::forecast::Passage;
use debal_learn::net::{Net, softsign};

/// Numbers the network sees.
pub const INPUTS: usize = 9;
/// Target and urgency.
pub const OUTPUTS: usize = 2;
/// One network for either channel; two layers of 16 learn faster here than two of 64, and no
/// worse.
pub const SIZES: [usize; 4] = [INPUTS, 16, 16, OUTPUTS];

/// Checks after which a mixture begins again with its dear part.
const BLOCK_CHECKS: f64 = 60.0;
/// Tapes a generation plays.
const TAPES: usize = 2;
/// Checks of a member's run: a quarter of a whole one.
const SHORT_CHECKS: usize = 150;
/// Tapes the mean is checked on.
const CHECK_TAPES: u64 = 8;

/// The network as a controller.
#[derive(Debug, Clone, PartialEq)]
pub struct Learned {
    net: Net,
}

impl Learned {
    /// A controller with this network.
    pub const fn new(net: Net) -> Self {
        Self { net }
    }
}

/// What one channel end sees, numbers about one.
fn inputs(world: &World, channel: usize, minute: f64) -> [f32; INPUTS] {
    let other = 1 - channel;
    let rate = world.net_rate(channel, minute);
    let variance = (world.arrived_squared[0] + world.arrived_squared[1]) / minute;
    let passage =
        |distance: f64, drift: f64| Passage { distance, drift, variance, drift_variance: 0.0 };
    let share = |coins: f64| (2.0 * coins / CAPACITY - 1.0) as f32;
    let odds = |p: Passage| (2.0 * p.probability_within(CHECK_MINUTES) - 1.0) as f32;
    [
        share(world.local[channel]),
        share(world.local[other]),
        (rate / 100.0) as f32,
        odds(passage(world.local[channel], -rate)),
        odds(passage(world.remote[channel], rate)),
        share(world.remote_then(channel, minute)),
        share(world.remote_then(other, minute)),
        softsign((world.on_chain / CAPACITY - 2.0) as f32),
        // Fine scale near empty, where most decisions are made.
        softsign((world.local[channel].min(world.remote[channel]) / 50.0) as f32),
    ]
}

impl Controller for Learned {
    fn decide(&mut self, world: &World, channel: usize, minute: f64) -> Swap {
        let [target, urgency] = self.net.answer::<OUTPUTS>(&inputs(world, channel, minute));
        if urgency <= 0.0 {
            return Swap::None;
        }
        let target = CAPACITY * 0.5 * (1.0 + f64::from(softsign(4.0 * target)));
        let change = target - world.local[channel];
        // A swap below the miner's fee is no swap.
        if change.abs() < 2.0 * super::MINER_FEE {
            Swap::None
        } else if change > 0.0 {
            Swap::In(change)
        } else {
            Swap::Out(-change)
        }
    }
}

/// What is trained for: fortune, and what successes are worth in coins.
struct Fortune {
    net: Net,
    price: f64,
    tapes: Vec<Tape>,
    check_tapes: Vec<Tape>,
}

impl Fortune {
    /// Mean and worst gain of a whole run; shorter runs are scaled up.
    fn on(&self, values: &[f32], tapes: &[Tape], checks: usize) -> (f64, f64) {
        let mut net = self.net.clone();
        net.set_values(values);
        let mut controller = Learned::new(net);
        let count = tapes.len() as f64;
        let (mut mean, mut worst) = (0.0, f64::INFINITY);
        for tape in tapes {
            let world = run_for(tape, &mut controller, checks);
            let gain = world.fortune() - 2.0 * START_LOCAL - START_ON_CHAIN;
            let gain = gain + self.price * f64::from(world.payments[1]);
            let gain = gain * CHECKS as f64 / checks as f64;
            mean += gain / count;
            worst = worst.min(gain);
        }
        (mean, worst)
    }
}

impl Task for Fortune {
    fn score(&self, values: &[f32], generation: usize) -> f64 {
        let first = generation * TAPES % self.tapes.len();
        let tapes = &self.tapes[first..first + TAPES];
        self.on(values, tapes, SHORT_CHECKS).0
    }

    /// The worst tape counts as much as all: a policy that is stuck on one in ten is no policy.
    fn check(&self, values: &[f32]) -> f64 {
        let (mean, worst) = self.on(values, &self.check_tapes, CHECKS);
        0.5 * (mean + worst)
    }
}

/// The search that B3 runs.
pub const SEARCH: es::Settings = es::Settings {
    pairs: 20,
    generations: 200,
    sigma: 0.06,
    step: 0.015,
    patience: 10,
    check_every: 10,
};

/// Trains with `seed` when a success is worth `price` coins; its tapes are never those of an
/// evaluation.
pub fn train(
    seed: u64,
    price: f64,
    settings: &es::Settings,
    watch: &mut Watch<'_>,
) -> Result<Learned, Error> {
    let mut net = Net::new(&SIZES, fresh(&SIZES, &[0.0, 0.1], seed))
        .map_err(|misfit| Error::Usage(misfit.to_string()))?;
    let first = first_tape(seed);
    let task = Fortune {
        price,
        tapes: (0..16).map(|index| Tape::new(first + index)).collect(),
        check_tapes: check_tapes(seed),
        net: net.clone(),
    };
    let start = State::new(seed, net.values().to_vec());
    let found = es::search(&task, settings, start, watch, &mut |_| Ok(()))?;
    net.set_values(&found.best);
    Ok(Learned::new(net))
}

const fn first_tape(seed: u64) -> u64 {
    (seed + 1) << 32
}

fn check_tapes(seed: u64) -> Vec<Tape> {
    (16..16 + CHECK_TAPES).map(|index| Tape::new(first_tape(seed) + index)).collect()
}

/// Two policies, the dear one for a share of every [`BLOCK_CHECKS`]: the best trade of fortune for
/// a given success is a mixture of two policies that each are best at a price of success.
#[derive(Debug, Clone)]
pub struct Mixture {
    dear: Learned,
    cheap: Learned,
    dear_share: f64,
}

impl Mixture {
    /// The smallest share of the dear policy that keeps `least_success` on the tapes of `seed`.
    pub fn new(seed: u64, dear: Learned, cheap: Learned, least_success: f64) -> Self {
        let tapes = check_tapes(seed);
        let mut mixture = Self { dear, cheap, dear_share: 0.0 };
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..7 {
            mixture.dear_share = 0.5 * (low + high);
            let all = tapes.iter().map(|tape| run_for(tape, &mut mixture, CHECKS).success());
            let success = all.sum::<f64>() / tapes.len() as f64;
            if success < least_success {
                low = mixture.dear_share;
            } else {
                high = mixture.dear_share;
            }
        }
        mixture.dear_share = high;
        mixture
    }
}

impl Controller for Mixture {
    fn decide(&mut self, world: &World, channel: usize, minute: f64) -> Swap {
        let in_block = (minute / CHECK_MINUTES / BLOCK_CHECKS).fract();
        let dear = in_block < self.dear_share;
        let policy = if dear { &mut self.dear } else { &mut self.cheap };
        policy.decide(world, channel, minute)
    }
}

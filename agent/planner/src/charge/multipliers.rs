//! Better weights for the cuts of the root: subgradient steps, and new cuts where the relaxation
//! uses less of a border than one link.
//!
//! It must never return a bound that the relaxation did not prove: any weights above zero give one,
//! and only the best that was solved is kept.

use super::cuts::{Ascent, Charges};
use super::pool::{ONE, Pool};
use super::relax::{Relaxation, State};
use super::{ChargeProblem, Progress};
use crate::simplex::Cost;

/// Steps at most.
const STEPS: usize = 2_000;
/// Steps between two searches for new cuts.
const SEARCH_EVERY: usize = 10;
/// Steps between two looks at all cuts for those that became useful.
const SCAN_EVERY: usize = 5;
/// Steps without a better bound before they become shorter.
const PATIENCE: usize = 20;
/// Steps this many times shorter than the first end a round; another follows if the bound rose by
/// more than its part of 2^-GAIN_SHIFT.
const SHORTEST: i128 = 512;
const GAIN_SHIFT: u32 = 11;
/// What is to be improved.
pub(super) struct Goal<'a> {
    pub tight: &'a ChargeProblem,
    /// What is decided at the root.
    pub states: &'a [State],
    /// What the best flow costs; a bound that reaches it is enough.
    pub target: i128,
}

/// Improves the weights of the cuts in `pool`, and adds cuts. What the best weights leave of the
/// charges. `watch` may end it.
pub(super) fn improve<C: Cost>(
    goal: &Goal<'_>,
    relaxation: &mut Relaxation<'_, C>,
    ascent: &mut Ascent<'_>,
    pool: &mut Pool,
    watch: &mut dyn FnMut(&Progress) -> bool,
) -> Charges {
    let Goal { tight, states, target } = *goal;
    let mut charges = Charges::new(tight, relaxation.scale());
    let (mut best, mut shrink, mut since) = (i128::MIN, 1i128, 0);
    let mut round = i128::MIN;
    let mut average: Option<Vec<i64>> = None;
    let mut kept = pool.weights();
    for step in 0..STEPS {
        let Some(now) = pool.charges(tight, relaxation.scale()) else { break };
        let Some(relaxed) = relaxation.solve(states, now.clone()) else { break };
        since += 1;
        if relaxed.scaled > best {
            (best, since, charges) = (relaxed.scaled, 0, now.clone());
            kept = pool.weights();
        } else if since >= PATIENCE {
            (shrink, since) = (shrink * 2, 0);
        }
        let goes_on = watch(&Progress {
            objective: Some(target),
            bound: relaxed.bound,
            nodes: 0,
            pivots: relaxation.pivots,
        });
        if shrink > SHORTEST && best > round {
            // The cuts found on the way deserve long steps again.
            (round, shrink, since) = (best + (best >> GAIN_SHIFT), 1, 0);
        }
        if !goes_on || relaxed.bound >= target || shrink > SHORTEST {
            break;
        }
        let used = usage(tight, &relaxed.flows, &now, states);
        let mean = match average.take() {
            Some(old) => old.iter().zip(&used).map(|(o, u)| (o * 7 + u) / 8).collect(),
            None => used.clone(),
        };
        let missing = target.saturating_mul(relaxation.scale()).saturating_sub(relaxed.scaled);
        if step % SCAN_EVERY == 0 {
            pool.wake(&used);
        }
        if !pool.step(&used, missing / shrink) {
            break;
        }
        if step % SEARCH_EVERY == 0 {
            pool.search(tight, ascent, states, &mean);
        }
        average = Some(mean);
    }
    pool.set(&kept);
    charges
}

/// How much of every link the relaxation pays for, as a fraction of [`ONE`].
pub(super) fn usage(
    tight: &ChargeProblem,
    flows: &[i64],
    charges: &Charges,
    states: &[State],
) -> Vec<i64> {
    let share = |link: usize| match states[link] {
        State::On => ONE,
        State::Off => 0,
        State::Free if charges.refund[link] > 0 => ONE,
        State::Free => {
            let (flow, most) = (i128::from(flows[link]), i128::from(tight.links[link].capacity));
            (flow * i128::from(ONE) / most.max(1)) as i64
        }
    };
    (0..flows.len()).map(share).collect()
}

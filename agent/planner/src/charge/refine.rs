//! One branching node: its relaxation, again with better weights for the cuts where that pays.
//!
//! It must never keep a cut that holds at this node only: the pool is shared by all.

use std::rc::Rc;

use super::Progress;
use super::cuts::Charges;
use super::multipliers::usage;
use super::pool::{Pool, Weights};
use super::relax::{Relaxed, State};
use super::search::Search;
use crate::simplex::Cost;

/// Steps at one node; before the last of them cuts are searched for.
const STEPS: usize = 13;
/// Steps between two looks at all cuts for those that became useful.
const SCAN_EVERY: usize = 5;
/// Steps without a better bound before they become shorter.
const PATIENCE: usize = 3;
/// Steps pay if they close this part of what is missing to the best flow.
const WORTH: i128 = 20;
/// The most nodes at which something is left out because it gained nothing before.
const REST_MAX: u64 = 31;

/// Whether something is done at a node: it is left out at ever more of them while it gains nothing.
#[derive(Debug, Default)]
pub(super) struct Patience {
    next: u64,
    rest: u64,
}

impl Patience {
    /// Whether it is tried at the node of this number.
    fn tries(&self, number: u64) -> bool {
        number >= self.next
    }

    /// Takes note of how the try at the node of this number went.
    fn note(&mut self, number: u64, gained: bool) {
        self.rest = if gained { 0 } else { (self.rest * 2 + 1).min(REST_MAX) };
        self.next = number + self.rest;
    }
}

/// What is known of a node that is not cut off.
pub(super) struct Refined {
    /// The relaxation that was solved last.
    pub relaxed: Relaxed,
    /// The cycle for which its flow was refused, if that would have been better.
    pub cycle: Option<Vec<u32>>,
    /// No flow of the node costs less.
    pub bound: i128,
    /// What the bounds decided.
    pub fixed: Vec<(u32, State)>,
    /// How much the best relaxation uses every link, as a fraction of
    /// [`super::pool::ONE`].
    pub used: Vec<i64>,
    /// The weights of the best relaxation.
    pub weights: Weights,
}

/// How far the steps at a node are.
struct Walk {
    first: i128,
    best: i128,
    /// The best flow's cost, scaled.
    target: i128,
    shrink: i128,
    since: usize,
    /// What the best relaxation used, and its weights.
    used: Vec<i64>,
    weights: Weights,
    mean: Vec<i64>,
}

impl Walk {
    /// Takes note of a relaxation.
    fn note(&mut self, scaled: i128, used: &[i64], pool: &Pool) {
        if scaled > self.best {
            (self.best, self.since, self.weights) = (scaled, 0, pool.weights());
            self.used.copy_from_slice(used);
        } else {
            self.since += 1;
        }
        if self.since >= PATIENCE {
            (self.shrink, self.since) = (self.shrink * 2, 0);
        }
        let means = self.mean.iter_mut().zip(used);
        means.for_each(|(mean, used)| *mean = (*mean * 3 + used) / 4);
    }

    /// Whether the steps closed a part of what was missing that is worth them.
    fn paid(&self) -> bool {
        let gained = (self.best - self.first).saturating_mul(WORTH);
        gained > self.target.saturating_sub(self.first)
    }
}

impl<C: Cost> Search<'_, C> {
    /// Solves the relaxation of a node, as often as that pays and `watch` allows. `None` if the
    /// node is cut off.
    pub fn refine(
        &mut self,
        node: u32,
        states: &mut [State],
        floor: i128,
        watch: &mut dyn FnMut(&Progress) -> bool,
    ) -> Option<Refined> {
        let weights = Rc::clone(&self.nodes[node as usize].weights);
        self.pool.set(&weights);
        let (mut fixed, mut bound, mut step) = (Vec::new(), floor, 0);
        let mut walk: Option<Walk> = None;
        loop {
            let charges = self.charges_at(states, step == 0);
            let relaxed = self.relaxation.solve(states, charges.clone())?;
            bound = bound.max(relaxed.bound);
            let cycle = self.offer(&relaxed);
            if self.is_cut(bound) {
                return None;
            }
            let used = usage(self.tight, &relaxed.flows, &charges, states);
            fixed.extend(self.fix(states, &relaxed));
            if step == 0 {
                walk = self.walk(&relaxed, &used, &weights);
            }
            let Some(walk) = &mut walk else {
                return Some(Refined { relaxed, cycle, bound, fixed, used, weights });
            };
            walk.note(relaxed.scaled, &used, &self.pool);
            step += 1;
            let objective = self.incumbent.as_ref().map(|best| best.cost);
            let (nodes, pivots) = (self.looked, self.relaxation.pivots);
            let bound_now = self.open.first().map_or(floor, |(b, _)| floor.min(*b));
            let goes_on = watch(&Progress { objective, bound: bound_now, nodes, pivots });
            if step > STEPS || !goes_on || !self.step(walk, step, relaxed.scaled, &used) {
                self.stepping.note(self.looked, walk.paid());
                let (used, weights) = (std::mem::take(&mut walk.used), Rc::clone(&walk.weights));
                return Some(Refined { relaxed, cycle, bound, fixed, used, weights });
            }
        }
    }

    /// The start of steps at this node. `None` if they are left out.
    fn walk(&self, relaxed: &Relaxed, used: &[i64], weights: &Weights) -> Option<Walk> {
        let best = self.incumbent.as_ref().filter(|_| self.stepping.tries(self.looked))?;
        Some(Walk {
            first: relaxed.scaled,
            best: relaxed.scaled,
            target: best.cost.saturating_mul(self.relaxation.scale()),
            shrink: 1,
            since: 0,
            used: used.to_vec(),
            weights: Rc::clone(weights),
            mean: used.to_vec(),
        })
    }

    /// One step of the weights. Before the last, cuts are searched for. False if there is no
    /// direction.
    fn step(&mut self, walk: &Walk, step: usize, scaled: i128, used: &[i64]) -> bool {
        if step % SCAN_EVERY == 1 {
            self.pool.wake(used);
        }
        if step == STEPS {
            self.pool.search(self.tight, &mut self.ascent, &self.states, &walk.mean);
        }
        self.pool.step(used, walk.target.saturating_sub(scaled) / walk.shrink)
    }

    /// What the cuts at their weights leave of the charges here. Cuts may be raised further for
    /// the relaxation that is solved next.
    fn charges_at(&mut self, states: &[State], raised: bool) -> Charges {
        let (tight, scale) = (self.tight, self.relaxation.scale());
        let charges = self.pool.charges(tight, scale);
        let mut charges = charges.unwrap_or_else(|| Charges::new(tight, scale)).decided(states);
        if raised && self.raising.tries(self.looked) {
            let before = charges.constant;
            self.ascent.raise(states, &mut charges);
            self.raising.note(self.looked, charges.constant > before);
        }
        charges
    }
}

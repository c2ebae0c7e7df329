//! The cuts that are known, and weights on some of them.
//!
//! It must never hold a cut that is not true of every plan: all branching nodes share them.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

use super::ChargeProblem;
use super::cuts::{Ascent, Charges, Cut};
use super::relax::State;
use super::{round, sets};

/// The unit of what is used.
pub(super) const ONE: i64 = 1 << 20;
/// Cuts, and links in all their borders, at most.
const CUTS_MAX: usize = 30_000;
const BORDERS_MAX: usize = 3_000_000;

/// The cuts with a weight, and it.
pub(super) type Weights = Rc<[(u32, i128)]>;

/// Cuts, and weights on some of them.
#[derive(Debug, Default)]
pub(super) struct Pool {
    cuts: Vec<Cut>,
    /// The cuts that steps look at: no other has a weight.
    awake: Vec<u32>,
    is_awake: Vec<bool>,
    known: HashSet<u64>,
    borders: usize,
}

impl Pool {
    /// These cuts, at their weights.
    pub fn new(raised: Vec<(Cut, i128)>) -> Pool {
        let mut pool = Pool::default();
        for (cut, _) in raised {
            pool.add(cut);
        }
        pool
    }

    /// Adds a cut, awake, unless it is known.
    fn add(&mut self, cut: Cut) {
        let mut hasher = DefaultHasher::new();
        cut.hash(&mut hasher);
        // Two cuts of the same hash: one is lost, which is only a weaker bound.
        if self.known.insert(hasher.finish()) {
            self.awake.push(self.cuts.len() as u32);
            self.is_awake.push(true);
            self.borders += cut.border.len();
            self.cuts.push(cut);
        }
    }

    /// Gives the cuts these weights and no others.
    pub fn set(&mut self, weights: &Weights) {
        for index in self.awake.drain(..) {
            self.cuts[index as usize].weight = 0;
            self.is_awake[index as usize] = false;
        }
        for &(index, weight) in weights.iter() {
            self.cuts[index as usize].weight = weight;
            self.is_awake[index as usize] = true;
            self.awake.push(index);
        }
    }

    /// Wakes the cuts that `used` does not pay for.
    pub fn wake(&mut self, used: &[i64]) {
        for ((index, cut), is_awake) in (0u32..).zip(&self.cuts).zip(&mut self.is_awake) {
            if !*is_awake && cut.paid(used) < ONE {
                *is_awake = true;
                self.awake.push(index);
            }
        }
    }

    /// The weights that the cuts have now.
    pub fn weights(&self) -> Weights {
        let weight = |&index: &u32| (index, self.cuts[index as usize].weight);
        self.awake.iter().map(weight).filter(|(_, weight)| *weight > 0).collect()
    }

    /// What the cuts at their weights leave of the charges. `None` if it does not fit.
    pub fn charges(&self, tight: &ChargeProblem, scale: i128) -> Option<Charges> {
        let mut charges = Charges::new(tight, scale);
        for &index in &self.awake {
            let cut = &self.cuts[index as usize];
            if cut.weight == 0 {
                continue;
            }
            charges.constant = charges.constant.checked_add(cut.weight)?;
            for (link, part) in cut.parts() {
                charges.left[link as usize] -= part?;
            }
        }
        charges.settle();
        Some(charges)
    }

    /// One subgradient step of Polyak's length away from a relaxation that used the links as much
    /// as `used` says. False if there is no direction or it does not fit.
    pub fn step(&mut self, used: &[i64], missing: i128) -> bool {
        let slack = |&index: &u32| {
            let cut = &self.cuts[index as usize];
            let slack = ONE - cut.paid(used);
            if cut.weight > 0 || slack > 0 { slack } else { 0 }
        };
        let slacks: Vec<i64> = self.awake.iter().map(slack).collect();
        let norm: i128 = slacks.iter().map(|&slack| i128::from(slack) * i128::from(slack)).sum();
        if norm == 0 || missing <= 0 {
            return false;
        }
        let Some(missing) = missing.checked_mul(i128::from(ONE)) else { return false };
        for (&index, &slack) in self.awake.iter().zip(&slacks).filter(|(_, slack)| **slack != 0) {
            let Some(product) = missing.checked_mul(i128::from(slack)) else { return false };
            let weight = &mut self.cuts[index as usize].weight;
            *weight = (*weight + product / norm).max(0);
        }
        true
    }

    /// Adds cuts, without weight, whose borders are paid for too little where links are used as
    /// much as `used` says. What is decided at the root are the `states`: a cut must hold
    /// everywhere.
    pub fn search(
        &mut self,
        tight: &ChargeProblem,
        ascent: &mut Ascent<'_>,
        states: &[State],
        used: &[i64],
    ) {
        if self.cuts.len() > CUTS_MAX || self.borders > BORDERS_MAX {
            return;
        }
        // Sets grow first over what is paid for, so that their borders are what is not.
        let open = |(link, &used): (&super::ChargedLink, &i64)| {
            if link.fixed_cost == 0 { 0 } else { i128::from((ONE - used).max(0)) }
        };
        let left: Vec<i128> = tight.links.iter().zip(used).map(open).collect();
        let refund = vec![0; left.len()];
        let mut pretended = Charges { left, refund, constant: 0 };
        ascent.keep_cuts();
        ascent.raise(states, &mut pretended);
        for (cut, excess) in ascent.take_cuts() {
            if let Some(cut) = round::strongest(tight, &cut.border, excess, used) {
                self.add(cut);
            }
        }
        ascent.drop_cuts();
        for demand in sets::joined(tight, used) {
            if let Some(cut) = round::strongest(tight, &demand.border, demand.excess, used) {
                self.add(cut);
            }
        }
    }
}

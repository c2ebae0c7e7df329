//! Cuts: a set of places that holds a surplus must pay for a link that leaves it, a set with a
//! deficit for one that enters it. Dual ascent turns as many of these as it can into a constant, and
//! leaves smaller charges for the relaxation to spread.
//!
//! It must never raise a cut beyond what is left of the charges it takes from: that is why the
//! constant and the relaxation with the smaller charges together are still a bound.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::ChargeProblem;
use super::relax::State;

/// The sets grow until this many nodes times seeds were walked; more would not pay at one node.
const WALK_MAX: usize = 200_000_000;

/// What is left of the charges, scaled, after `constant` was taken out of them.
#[derive(Debug, Clone)]
pub(super) struct Charges {
    pub left: Vec<i128>,
    pub constant: i128,
}

impl Charges {
    /// Nothing taken out yet.
    pub fn new(tight: &ChargeProblem, scale: i128) -> Charges {
        let left = tight.links.iter().map(|link| link.fixed_cost * scale).collect();
        Charges { left, constant: 0 }
    }

    /// What they are where some links are decided: those that are on have paid what is left.
    pub fn decided(&self, states: &[State]) -> Charges {
        let mut charges = self.clone();
        for (left, state) in charges.left.iter_mut().zip(states) {
            if *state == State::On {
                charges.constant += *left;
                *left = 0;
            }
        }
        charges
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    /// A set that holds a surplus, and the links that leave it.
    Surplus,
    /// A set that has a deficit, and the links that enter it.
    Deficit,
}

/// Links by node, and room for walking.
pub(super) struct Ascent<'a> {
    tight: &'a ChargeProblem,
    leaving: Vec<Vec<u32>>,
    entering: Vec<Vec<u32>>,
    marks: Vec<u32>,
    stamp: u32,
    inside: Vec<u32>,
    border: Vec<u32>,
    walked: usize,
}

/// The set a seed has grown to.
struct Set {
    /// What it holds too much, or has too little; positive.
    excess: i128,
}

impl<'a> Ascent<'a> {
    pub fn new(tight: &'a ChargeProblem) -> Ascent<'a> {
        let nodes = tight.supplies.len();
        let (mut leaving, mut entering) = (vec![Vec::new(); nodes], vec![Vec::new(); nodes]);
        for (number, link) in (0u32..).zip(&tight.links).filter(|(_, link)| link.capacity > 0) {
            leaving[link.tail as usize].push(number);
            entering[link.head as usize].push(number);
        }
        let (inside, border) = (Vec::new(), Vec::new());
        Ascent {
            tight,
            leaving,
            entering,
            marks: vec![0; nodes],
            stamp: 0,
            inside,
            border,
            walked: 0,
        }
    }

    /// Raises cuts until every set that a seed grows to over paid links is balanced. The set with
    /// the fewest links to pay for goes first.
    pub fn raise(&mut self, states: &[State], charges: &mut Charges) {
        self.walked = 0;
        let supplies = &self.tight.supplies;
        let seeds = (0u32..).zip(supplies).filter(|(_, supply)| **supply != 0);
        let mut queue: BinaryHeap<_> = seeds.map(|(seed, _)| Reverse((0usize, seed))).collect();
        while let Some(Reverse((size, seed))) = queue.pop() {
            if self.walked > WALK_MAX {
                return;
            }
            let side = if supplies[seed as usize] > 0 { Side::Surplus } else { Side::Deficit };
            let Some(set) = self.grow(seed, side, states, &charges.left) else { continue };
            if self.border.len() > size {
                queue.push(Reverse((self.border.len(), seed)));
                continue;
            }
            if self.raise_one(&set, charges) {
                queue.push(Reverse((self.border.len(), seed)));
            }
        }
    }

    /// The set that `seed` reaches (or is reached from) over links with nothing left to pay, and
    /// the links at its border. `None` if it is balanced, or nothing crosses its border.
    fn grow(&mut self, seed: u32, side: Side, states: &[State], left: &[i128]) -> Option<Set> {
        self.stamp += 1;
        self.inside.clear();
        self.border.clear();
        self.inside.push(seed);
        self.marks[seed as usize] = self.stamp;
        let (mut next, mut excess) = (0, 0i128);
        while let Some(&node) = self.inside.get(next) {
            next += 1;
            excess += i128::from(self.tight.supplies[node as usize]);
            let around = if side == Side::Surplus { &self.leaving } else { &self.entering };
            self.walked += around[node as usize].len();
            for &number in &around[node as usize] {
                if states[number as usize] == State::Off {
                    continue;
                }
                let link = &self.tight.links[number as usize];
                let other = if side == Side::Surplus { link.head } else { link.tail };
                if self.marks[other as usize] == self.stamp {
                    continue;
                }
                if left[number as usize] > 0 {
                    self.border.push(number);
                } else {
                    self.marks[other as usize] = self.stamp;
                    self.inside.push(other);
                }
            }
        }
        let excess = if side == Side::Surplus { excess } else { -excess };
        let (links, marks, stamp) = (&self.tight.links, &self.marks, self.stamp);
        self.border.retain(|&number| {
            let link = &links[number as usize];
            let other = if side == Side::Surplus { link.head } else { link.tail };
            marks[other as usize] != stamp
        });
        (excess > 0 && !self.border.is_empty()).then_some(Set { excess })
    }

    /// Takes as much as possible out of the charges at the border. False if nothing was left.
    ///
    /// With `x` the excess and `u` the capacity, `sum of min(u, x) / x` over the used border links
    /// is at least one in every plan.
    fn raise_one(&self, set: &Set, charges: &mut Charges) -> bool {
        let share =
            |number: u32| i128::from(self.tight.links[number as usize].capacity).min(set.excess);
        let most = |&number: &u32| {
            let left = charges.left[number as usize];
            if share(number) == set.excess {
                return Some(left);
            }
            Some(left.checked_mul(set.excess)? / share(number))
        };
        let Some(most) = self.border.iter().map(most).min().flatten() else { return false };
        if most == 0 || most.checked_mul(set.excess).is_none() {
            return false;
        }
        for &number in &self.border {
            let share = share(number);
            let part = if share == set.excess {
                most
            } else {
                (most * share + set.excess - 1) / set.excess
            };
            charges.left[number as usize] -= part;
        }
        charges.constant += most;
        true
    }
}

//! Cuts: a set of places that holds a surplus must pay for a link that leaves it, a set with a
//! deficit for one that enters it. Dual ascent turns as many of these as it can into a constant,
//! and leaves smaller charges for the relaxation to spread.
//!
//! It must never raise a cut beyond what is left of the charges it takes from: that is why the
//! constant and the relaxation with the smaller charges together are still a bound.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hash::{Hash, Hasher};

use super::ChargeProblem;
use super::relax::State;

/// The sets grow until this many nodes times seeds were walked; more would not pay at one node.
const WALK_MAX: usize = 200_000_000;

/// What is left of the charges, scaled, after `constant` was taken out of them.
#[derive(Debug, Clone)]
pub(super) struct Charges {
    pub left: Vec<i128>,
    /// What cuts took out beyond the charge; the constant counts it as paid back, which ends where
    /// the link is off.
    pub refund: Vec<i128>,
    pub constant: i128,
}

impl Charges {
    /// Nothing taken out yet.
    pub fn new(tight: &ChargeProblem, scale: i128) -> Charges {
        let left: Vec<i128> = tight.links.iter().map(|link| link.fixed_cost * scale).collect();
        let refund = vec![0; left.len()];
        Charges { left, refund, constant: 0 }
    }

    /// What they are where some links are decided: those that are on have paid what is left.
    pub fn decided(&self, states: &[State]) -> Charges {
        let mut charges = self.clone();
        for (link, state) in states.iter().enumerate() {
            let (left, refund) = (&mut charges.left[link], &mut charges.refund[link]);
            if *state == State::On {
                charges.constant += std::mem::take(left);
            }
            if *state == State::Off {
                charges.constant += std::mem::take(refund);
            }
        }
        charges
    }

    /// Turns charges below zero into refunds.
    pub fn settle(&mut self) {
        for (left, refund) in self.left.iter_mut().zip(&mut self.refund) {
            if *left < 0 {
                self.constant += *left;
                *refund -= std::mem::take(left);
            }
        }
    }
}

/// A whole share, as a power of two.
const WHOLE_SHIFT: u32 = 30;

/// A cut: of some links at the border of a set, the shares of the used ones sum to a whole in every
/// plan.
#[derive(Debug, Clone)]
pub(super) struct Cut {
    pub border: Vec<u32>,
    /// What a used link counts, in the order of the border, as a fraction of
    /// 2^[`WHOLE_SHIFT`], rounded up.
    shares: Vec<i64>,
    /// How much of the constant it stands for, scaled.
    pub weight: i128,
}

impl Hash for Cut {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.border, &self.shares).hash(state);
    }
}

impl Cut {
    /// The cut that says that the `counts` of the used links of `border` sum to at least `enough`,
    /// without weight. `None` if it does not fit.
    pub fn new(border: Vec<u32>, counts: &[i128], enough: i128) -> Option<Cut> {
        let share = |&count: &i128| {
            let up = count.min(enough).checked_mul(1 << WHOLE_SHIFT)?.checked_add(enough - 1)?;
            i64::try_from(up / enough).ok()
        };
        let shares = counts.iter().map(share).collect::<Option<Vec<i64>>>()?;
        Some(Cut { border, shares, weight: 0 })
    }

    /// The links of the border and what the cut takes out of their charges, rounded up. `None`
    /// where it does not fit.
    pub fn parts(&self) -> impl Iterator<Item = (u32, Option<i128>)> + '_ {
        self.border.iter().zip(&self.shares).map(|(&link, &share)| {
            let product = self.weight.checked_mul(i128::from(share));
            let up = product.and_then(|p| p.checked_add((1 << WHOLE_SHIFT) - 1));
            (link, up.map(|up| up >> WHOLE_SHIFT))
        })
    }

    /// How much of a whole is paid for where links are used as much as `used` says, in its units.
    pub fn paid(&self, used: &[i64]) -> i64 {
        let part = |(&link, &share): (&u32, &i64)| (used[link as usize] * share) >> WHOLE_SHIFT;
        self.border.iter().zip(&self.shares).map(part).sum()
    }

    /// The most weight that leaves nothing below zero of what is `left` of the charges.
    fn most(&self, left: &[i128]) -> Option<i128> {
        let most = |(&link, &share): (&u32, &i64)| {
            let scaled = left[link as usize].checked_mul(1 << WHOLE_SHIFT)?;
            Some(scaled / i128::from(share))
        };
        self.border.iter().zip(&self.shares).map(most).min().flatten()
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
    /// Per node, how many of its links lead into the set with this stamp.
    seen: Vec<(u32, u32)>,
    stamp: u32,
    inside: Vec<u32>,
    border: Vec<u32>,
    small: Vec<u32>,
    walked: usize,
    /// The cuts raised since they were last taken, if they are wanted.
    cuts: Option<Vec<(Cut, i128)>>,
}

impl<'a> Ascent<'a> {
    pub fn new(tight: &'a ChargeProblem) -> Ascent<'a> {
        let nodes = tight.supplies.len();
        let (mut leaving, mut entering) = (vec![Vec::new(); nodes], vec![Vec::new(); nodes]);
        for (number, link) in (0u32..).zip(&tight.links).filter(|(_, link)| link.capacity > 0) {
            leaving[link.tail as usize].push(number);
            entering[link.head as usize].push(number);
        }
        let (inside, border, small) = (Vec::new(), Vec::new(), Vec::new());
        Ascent {
            tight,
            leaving,
            entering,
            marks: vec![0; nodes],
            seen: vec![(0, 0); nodes],
            stamp: 0,
            inside,
            border,
            small,
            walked: 0,
            cuts: None,
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
            let Some(excess) = self.grow(seed, side, states, &charges.left) else { continue };
            if self.border.len() > size {
                queue.push(Reverse((self.border.len(), seed)));
                continue;
            }
            if self.raise_one(excess, charges) {
                queue.push(Reverse((self.border.len(), seed)));
            }
        }
    }

    /// The set that `seed` reaches (or is reached from) over links with nothing left to pay, and
    /// the links at its border that are to be paid for what is left after the paid ones are full.
    /// The amount left; `None` if nothing is, or nothing more crosses the border.
    ///
    /// A paid link that is too small for the seed alone is not crossed at first: that it is full
    /// says more about the others than about the places behind it.
    fn grow(&mut self, seed: u32, side: Side, states: &[State], left: &[i128]) -> Option<i128> {
        self.stamp += 1;
        self.inside.clear();
        self.border.clear();
        self.small.clear();
        self.inside.push(seed);
        self.marks[seed as usize] = self.stamp;
        let enough = self.tight.supplies[seed as usize].abs();
        let (mut next, mut excess) = (0, 0i128);
        loop {
            while let Some(&node) = self.inside.get(next) {
                next += 1;
                excess += i128::from(self.tight.supplies[node as usize]);
                self.step(node, side, states, left, enough);
                self.absorb(node, side, states);
            }
            let (links, marks, stamp) = (&self.tight.links, &self.marks, self.stamp);
            let outside = |&number: &u32| {
                let link = &links[number as usize];
                let other = if side == Side::Surplus { link.head } else { link.tail };
                marks[other as usize] != stamp
            };
            self.small.retain(outside);
            let carried: i128 =
                self.small.iter().map(|&n| i128::from(links[n as usize].capacity)).sum();
            let held = if side == Side::Surplus { excess } else { -excess };
            if held > carried {
                self.border.retain(outside);
                return (!self.border.is_empty()).then_some(held - carried);
            }
            if self.small.is_empty() {
                return None;
            }
            for number in std::mem::take(&mut self.small) {
                let link = &self.tight.links[number as usize];
                let other = if side == Side::Surplus { link.head } else { link.tail };
                if self.marks[other as usize] != self.stamp {
                    self.marks[other as usize] = self.stamp;
                    self.inside.push(other);
                }
            }
        }
    }

    /// Takes in every place whose links all lead into the set now and whose own surplus (or
    /// deficit) must therefore pass its border too.
    fn absorb(&mut self, node: u32, side: Side, states: &[State]) {
        let around = if side == Side::Surplus { &self.entering } else { &self.leaving };
        self.walked += around[node as usize].len();
        for &number in &around[node as usize] {
            let link = &self.tight.links[number as usize];
            let other = if side == Side::Surplus { link.tail } else { link.head };
            let supply = self.tight.supplies[other as usize];
            let helps = if side == Side::Surplus { supply > 0 } else { supply < 0 };
            let marked = self.marks[other as usize] == self.stamp;
            if marked || !helps || states[number as usize] == State::Off {
                continue;
            }
            let seen = &mut self.seen[other as usize];
            *seen = if seen.0 == self.stamp { (self.stamp, seen.1 + 1) } else { (self.stamp, 1) };
            let open = |&&n: &&u32| states[n as usize] != State::Off;
            let its = if side == Side::Surplus { &self.leaving } else { &self.entering };
            if seen.1 as usize == its[other as usize].iter().filter(open).count() {
                self.marks[other as usize] = self.stamp;
                self.inside.push(other);
            }
        }
    }

    /// Looks at the links that leave (or enter) one node of a set.
    fn step(&mut self, node: u32, side: Side, states: &[State], left: &[i128], enough: i64) {
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
            } else if link.capacity < enough {
                self.small.push(number);
            } else {
                self.marks[other as usize] = self.stamp;
                self.inside.push(other);
            }
        }
    }

    /// From now on the cuts that are raised are kept.
    pub fn keep_cuts(&mut self) {
        self.cuts = Some(Vec::new());
    }

    /// The cuts raised since the last call, and what links must carry over their borders. They are
    /// no longer kept after [`Ascent::drop_cuts`].
    pub fn take_cuts(&mut self) -> Vec<(Cut, i128)> {
        self.cuts.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// From now on cuts are raised and forgotten.
    pub fn drop_cuts(&mut self) {
        self.cuts = None;
    }

    /// Takes as much as possible out of the charges at the border. False if nothing was left.
    fn raise_one(&mut self, excess: i128, charges: &mut Charges) -> bool {
        let links = &self.tight.links;
        let capacity = |&number: &u32| i128::from(links[number as usize].capacity);
        let counts: Vec<i128> = self.border.iter().map(capacity).collect();
        let cut = Cut::new(self.border.clone(), &counts, excess);
        let Some(mut cut) = cut else { return false };
        let Some(most) = cut.most(&charges.left).filter(|most| *most > 0) else { return false };
        cut.weight = most;
        if cut.parts().any(|(_, part)| part.is_none()) {
            return false;
        }
        for (number, part) in cut.parts() {
            charges.left[number as usize] -= part.unwrap_or(0);
        }
        charges.constant += most;
        if let Some(cuts) = &mut self.cuts {
            cuts.push((cut, excess));
        }
        true
    }
}

//! Good paths found before the front is searched: whatever one of them beats need not be followed,
//! and where the search runs out of room they stand in for what it did not reach.
//!
//! It must never drop what a seed only equals: the search itself must still find it.
//!
//! Each seed is the best path by a weighted sum of the three figures, with one way kept per node.
//! That is quick and not exact: a seed need not be on the front.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use super::front::{Figures, Fronts, Label};

/// How the weights of fee, time and unreliability are shared out: their logarithms to base four.
const SHARES: [[u32; 3]; 13] = [
    [0, 0, 0],
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
    [1, 1, 0],
    [1, 0, 1],
    [0, 1, 1],
    [3, 0, 0],
    [0, 3, 0],
    [0, 0, 3],
    [3, 3, 0],
    [3, 0, 3],
    [0, 3, 3],
];
/// What a whole spread of a figure weighs.
const UNIT: u128 = 1 << 40;

impl Fronts<'_> {
    /// Finds the seeds: best by each figure alone, then by sums that weigh the figures by how much
    /// those paths differ in them.
    pub fn sow(&mut self, start: Label, max_labels: usize) {
        for alone in [[1, 0, 0], [0, 1, 0], [0, 0, 1]] {
            self.sow_one(start, alone, max_labels);
        }
        let spread = |figure: &dyn Fn(Figures) -> u64| {
            let all = self.seeds.iter().map(|&seed| figure(self.figures(seed)));
            let (least, most) = all.fold((u64::MAX, 0), |(l, m), f| (f.min(l), f.max(m)));
            u128::from(most.saturating_sub(least)).max(1)
        };
        let spreads = [spread(&|f| f.0), spread(&|f| f.1), spread(&|f| f.2)];
        for shares in SHARES {
            let weight = |at: usize| (UNIT << (2 * shares[at])) / spreads[at];
            self.sow_one(start, [weight(0), weight(1), weight(2)], max_labels);
        }
    }

    fn sow_one(&mut self, start: Label, weights: [u128; 3], max_labels: usize) {
        let amount_msat = start.point.amount_msat;
        let weigh = |figures: Figures| {
            let parts = [figures.0 - amount_msat, figures.1, figures.2];
            let parts = parts.iter().zip(weights).map(|(&part, w)| w.saturating_mul(part.into()));
            (parts.fold(0u128, u128::saturating_add), figures)
        };
        let before = self.labels.len();
        let first = before as u32;
        self.labels.push(start);
        let mut queue = BinaryHeap::new();
        queue.extend(self.least(first).map(|least| Reverse((weigh(least), first))));
        let mut settled = BTreeSet::new();
        while let Some(Reverse((_, index))) = queue.pop() {
            let label = self.labels[index as usize];
            if self.is_home(index) {
                self.seeds.push(index);
                return;
            }
            if !settled.insert(label.point.node) || self.labels.len() >= max_labels {
                continue;
            }
            for &arc in self.graph.entering(label.point.node) {
                let Some(crossing) = self.search.cross(&label.point, arc) else { continue };
                let time = label.time.saturating_add(u64::from(self.times[arc as usize]));
                let fresh = self.labels.len() as u32;
                self.labels.push(Label { point: crossing.point, time, arc, next: index });
                match self.least(fresh) {
                    Some(least) => queue.push(Reverse((weigh(least), fresh))),
                    None => self.labels.truncate(fresh as usize),
                }
            }
        }
        self.labels.truncate(before);
    }

    /// Whether a seed beats whatever has these figures at least, and does not only equal it.
    pub fn seed_beats(&self, seed: u32, figures: Figures) -> bool {
        let found = self.figures(seed);
        self.ends_no_worse(seed, figures)
            && (found.0, found.1, found.2) != (figures.0, figures.1, figures.2)
    }

    /// Puts the seeds that no path found beats among those, `most` in all.
    pub fn add_seeds(&mut self, most: usize) {
        let mut all: Vec<u32> = self.ends.iter().chain(&self.seeds).copied().collect();
        all.sort_by_key(|&end| self.figures(end));
        self.ends.clear();
        for end in all {
            let figures = self.figures(end);
            if !self.ends.iter().any(|&better| self.ends_no_worse(better, figures)) {
                self.ends.push(end);
            }
        }
        self.ends.truncate(most);
    }
}

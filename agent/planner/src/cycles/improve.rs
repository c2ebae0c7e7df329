//! What every channel can still move, and the search for short cycles that still gain there.
//!
//! It must never move a channel both ways, nor take a cycle that does not gain.
//!
//! A cycle that gains has a starting point from which every part of it gains so far (start after the
//! worst part), so the search starts at every direction that gains at the present prices and drops
//! whatever does not gain any more. The prices are the optimum's potentials: they cancel around a
//! cycle, and with them nearly every direction costs something, so that the search stays small.
//! Labels go level by level, one level per hop; a later level counts only where it is better.

use super::capped::{Caps, Disjoint};
use crate::circulation::{Directions, ResidualArc};
use crate::score::Score;

/// A direction of a channel: its pieces, best first, and how much of them is used.
#[derive(Debug)]
struct Lane {
    tail: u32,
    head: u32,
    /// `(width, gain in ppm)`, best first.
    pieces: Vec<(u64, i128)>,
    moved: u64,
    /// The other direction of the same channel, if there is one.
    opposite: Option<u32>,
    /// What the next smallest amount costs at the present prices; `None` where it does not fit or
    /// may not be used.
    cost: Option<i128>,
}

impl Lane {
    /// What `amount` more is worth; `None` if it does not fit.
    fn gain(&self, amount: u64) -> Option<i128> {
        let (mut skip, mut left, mut gain) = (self.moved, amount, 0i128);
        for &(width, ppm) in &self.pieces {
            let used = skip.min(width);
            let part = (width - used).min(left);
            (skip, left) = (skip - used, left - part);
            gain += ppm * i128::from(part);
        }
        (left == 0).then_some(gain)
    }

    /// How much more can move at the next slope, and that slope; `None` when full.
    fn slope(&self, ahead: u64) -> Option<(u64, i128)> {
        let mut skip = self.moved + ahead;
        for &(width, ppm) in &self.pieces {
            if skip < width {
                return Some((width - skip, ppm));
            }
            skip -= width;
        }
        None
    }
}

/// A place reached by the present search.
#[derive(Debug, Clone, Copy)]
struct Label {
    node: u32,
    /// The cost so far, below zero.
    cost: i128,
    /// The direction that led here, and the label it came from.
    lane: u32,
    from: u32,
}

/// The state of a plan in the making.
#[derive(Debug)]
pub(super) struct Market<'a> {
    lanes: Vec<Lane>,
    /// Directions by their tail: where each node's list starts in `leaving`.
    start: Vec<u32>,
    leaving: Vec<u32>,
    potentials: &'a [i64],
    caps: &'a Caps,
    smallest: u64,
    cycles: Vec<(Vec<u32>, u64)>,
    taken: Vec<bool>,
    value: i128,
    scans: u64,
    /// The best label per node of the present search, its cost, and the search it is of.
    best: Vec<(u32, u32, i128)>,
    search: u32,
}

impl<'a> Market<'a> {
    /// Nothing moved yet.
    pub fn new(
        nodes: u32,
        arcs: &[ResidualArc],
        scores: &[Score],
        directions: &Directions,
        potentials: &'a [i64],
        caps: &'a Caps,
    ) -> Market<'a> {
        let gain = |&arc: &u32| {
            let (arc, score) = (&arcs[arc as usize], scores[arc as usize]);
            (arc.capacity_msat, i128::from(arc.value_ppm) - i128::from(score.ppm()))
        };
        let lane = |direction: u32| {
            let parts = directions.arcs(direction);
            let ResidualArc { tail, head, .. } = arcs[parts[0] as usize];
            let pieces = parts.iter().map(gain).collect();
            Lane { tail, head, pieces, moved: 0, opposite: None, cost: None }
        };
        let mut lanes: Vec<Lane> = (0..directions.count() as u32).map(lane).collect();
        for (one, other) in directions.opposites(arcs) {
            lanes[one as usize].opposite = Some(other);
            lanes[other as usize].opposite = Some(one);
        }
        let mut leaving: Vec<u32> = (0..lanes.len() as u32).collect();
        leaving.sort_by_key(|&lane| lanes[lane as usize].tail);
        let starts = |node: u32| leaving.partition_point(|&l| lanes[l as usize].tail < node) as u32;
        let start = (0..=nodes).map(starts).collect();
        let nodes = nodes as usize;
        let mut market = Market {
            lanes,
            start,
            leaving,
            potentials,
            caps,
            smallest: caps.min_amount_msat.max(1),
            cycles: Vec::new(),
            taken: vec![false; nodes],
            value: 0,
            scans: 0,
            best: vec![(0, 0, 0); nodes],
            search: 0,
        };
        (0..market.lanes.len() as u32).for_each(|lane| market.price(lane));
        market
    }

    /// What the cycles so far are worth.
    pub fn value(&self) -> i128 {
        self.value
    }

    /// The cycles so far, as directions and amount.
    pub fn into_cycles(self) -> Vec<(Vec<u32>, u64)> {
        self.cycles
    }

    /// Takes a cycle that fits, if the caps still allow it.
    pub fn offer(&mut self, cycle: Vec<u32>, amount: u64) {
        let free = |&lane: &u32| self.lanes[lane as usize].cost.is_some();
        if self.cycles.len() < self.caps.max_cycles && cycle.iter().all(free) {
            self.take(cycle, amount);
        }
    }

    /// Adds cycles until none within the caps gains. False if the number of cycles or the effort
    /// ended first.
    pub fn improve(&mut self, least: &[u64]) -> bool {
        let gains = |lane: &Lane| lane.cost.filter(|cost| *cost < 0);
        let mut starts: Vec<(i128, u32)> = (0u32..)
            .zip(&self.lanes)
            .filter_map(|(index, lane)| Some((gains(lane)?, index)))
            .collect();
        // Directions only get worse, so what does not gain now never will: one pass is enough.
        starts.sort_unstable();
        for (_, start) in starts {
            while let Some(cycle) = self.cycle_from(start) {
                if self.cycles.len() >= self.caps.max_cycles {
                    return false;
                }
                let amount = self.best_amount(&cycle);
                let carried = cycle.iter().all(|&lane| least[lane as usize] <= amount);
                if !carried {
                    break;
                }
                self.take(cycle, amount);
            }
            if self.scans >= self.caps.effort {
                return false;
            }
        }
        true
    }

    fn take(&mut self, cycle: Vec<u32>, amount: u64) {
        for &lane in &cycle {
            self.value += self.lanes[lane as usize].gain(amount).unwrap_or_default();
            self.lanes[lane as usize].moved += amount;
        }
        for &lane in &cycle {
            let Lane { tail, head, opposite, .. } = self.lanes[lane as usize];
            self.price(lane);
            if let Some(opposite) = opposite {
                self.lanes[opposite as usize].cost = None;
            }
            if self.caps.disjoint == Disjoint::Nodes {
                self.taken[tail as usize] = true;
                self.taken[head as usize] = true;
            }
            if self.caps.disjoint != Disjoint::Nothing {
                self.lanes[lane as usize].cost = None;
            }
        }
        if self.caps.disjoint == Disjoint::Nodes {
            let taken = &self.taken;
            for lane in &mut self.lanes {
                if taken[lane.tail as usize] || taken[lane.head as usize] {
                    lane.cost = None;
                }
            }
        }
        self.cycles.push((cycle, amount));
    }

    fn price(&mut self, lane: u32) {
        let amount = self.smallest;
        let lane = &mut self.lanes[lane as usize];
        let price = |node: u32| i128::from(self.potentials[node as usize]);
        let prices = (price(lane.tail) - price(lane.head)) * i128::from(amount);
        lane.cost = lane.gain(amount).map(|gain| prices - gain);
    }

    /// The amount of most gain around a cycle whose smallest amount gains.
    fn best_amount(&self, cycle: &[u32]) -> u64 {
        let mut amount = 0;
        loop {
            let slopes = cycle.iter().map(|&lane| self.lanes[lane as usize].slope(amount));
            let joined = slopes.fold(Some((u64::MAX, 0i128)), |sum, slope| {
                let ((width, gain), (more, ppm)) = (sum?, slope?);
                Some((width.min(more), gain + ppm))
            });
            match joined {
                Some((width, gain)) if gain > 0 || amount < self.smallest => amount += width,
                _ => return amount,
            }
            if joined.is_some_and(|(_, gain)| gain <= 0) {
                // Past the best amount only because the smallest one is larger.
                return self.smallest;
            }
        }
    }

    /// A short cycle through `start` that gains, with no node twice.
    fn cycle_from(&mut self, start: u32) -> Option<Vec<u32>> {
        let head = self.lanes[start as usize].head;
        let cost = self.lanes[start as usize].cost.filter(|cost| *cost < 0)?;
        self.search += 1;
        let mut labels = vec![Label { node: head, cost, lane: start, from: u32::MAX }];
        let (mut first, mut closing) = (0, None::<Label>);
        for _ in 1..self.caps.max_hops {
            let last = labels.len();
            for from in first..last {
                let here = labels[from];
                // A better way to the same node, found on the same level: go on from there only.
                let (search, best, _) = self.best[here.node as usize];
                let here_too = search == self.search && (best as usize) < last;
                if !here_too || best as usize == from {
                    self.expand(from as u32, start, &mut labels, &mut closing);
                }
            }
            if last == labels.len() || self.scans >= self.caps.effort {
                break;
            }
            first = last;
        }
        let Label { lane, mut from, .. } = closing?;
        let mut walk = vec![lane];
        while let Some(label) = labels.get(from as usize) {
            walk.push(label.lane);
            from = label.from;
        }
        walk.reverse();
        self.best_simple(&walk)
    }

    /// Appends what label number `from` leads to and still gains; notes the best way back to where
    /// `start` leaves.
    fn expand(
        &mut self,
        from: u32,
        start: u32,
        labels: &mut Vec<Label>,
        closing: &mut Option<Label>,
    ) {
        let home = self.lanes[start as usize].tail;
        let here = labels[from as usize];
        let (begin, end) = (self.start[here.node as usize], self.start[here.node as usize + 1]);
        self.scans += u64::from(end - begin);
        for &lane in &self.leaving[begin as usize..end as usize] {
            let Lane { head: node, cost: Some(more), .. } = self.lanes[lane as usize] else {
                continue;
            };
            let label = Label { node, cost: here.cost + more, lane, from };
            if label.cost >= 0 {
                continue;
            }
            if node == home {
                if closing.is_none_or(|best| label.cost < best.cost) {
                    *closing = Some(label);
                }
                continue;
            }
            let best = &mut self.best[node as usize];
            if best.0 != self.search || label.cost < best.2 {
                *best = (self.search, labels.len() as u32, label.cost);
                labels.push(label);
            }
        }
    }

    /// A closed walk falls into cycles without repeated nodes; the one that gains most.
    fn best_simple(&self, walk: &[u32]) -> Option<Vec<u32>> {
        let mut open: Vec<u32> = Vec::new();
        let mut best: Option<(i128, Vec<u32>)> = None;
        for &lane in walk {
            open.push(lane);
            let head = self.lanes[lane as usize].head;
            let closes = open.iter().position(|&lane| self.lanes[lane as usize].tail == head);
            if let Some(place) = closes {
                let cycle = open.split_off(place);
                let cost = cycle.iter().filter_map(|&lane| self.lanes[lane as usize].cost).sum();
                if cost < 0 && best.as_ref().is_none_or(|(least, _)| cost < *least) {
                    best = Some((cost, cycle));
                }
            }
        }
        best.map(|(_, cycle)| cycle)
    }
}

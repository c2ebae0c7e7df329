//! What every channel can still move, and the search for short cycles that still gain there.
//!
//! It must never move a channel both ways, nor take a cycle that does not gain.
//!
//! A cycle that gains has a starting point from which every part of it gains so far (start after
//! the worst part), so the search starts at every direction that gains at the present prices and
//! drops whatever does not gain any more. The prices are the optimum's potentials: they cancel
//! around a cycle, and with them nearly every direction costs something. The directions that
//! leave a node stand cheapest first, so that the search ends at a node where it stops gaining.
//! Labels go level by level, one level per hop; a later level counts only where it is better.

use super::capped::{Caps, Disjoint, PlannedCycle};
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
    /// Where it stands in `Market::ways`.
    place: u32,
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

/// What the search reads of a direction.
#[derive(Debug, Clone, Copy)]
struct Way {
    /// What the next smallest amount costs at the present prices; [`CLOSED`] where it does not fit
    /// or may not be used.
    cost: i128,
    head: u32,
    lane: u32,
}

/// How many arcs one search may look at, try after try: near cycles everywhere come before the
/// proof that somewhere there is none.
const SEARCHES: [u64; 5] = [1 << 9, 1 << 12, 1 << 15, 1 << 20, u64::MAX];

/// How a search ended.
#[derive(Debug)]
enum Search {
    Cycle(Vec<u32>),
    /// No short cycle through the start gains.
    Nothing,
    /// It may not look any further.
    Unfinished,
}

/// More than any path gains.
const CLOSED: i128 = i128::MAX / 4;

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
    /// Directions by their tail, cheapest first, and where each node's start.
    ways: Vec<Way>,
    start: Vec<u32>,
    potentials: &'a [i64],
    caps: &'a Caps,
    smallest: u64,
    cycles: Vec<PlannedCycle>,
    /// Nodes that no further cycle may visit.
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
            Lane { tail, head, pieces, moved: 0, opposite: None, place: 0 }
        };
        let mut lanes: Vec<Lane> = (0..directions.count() as u32).map(lane).collect();
        for (one, other) in directions.opposites(arcs) {
            lanes[one as usize].opposite = Some(other);
            lanes[other as usize].opposite = Some(one);
        }
        let mut start = vec![0u32; nodes as usize + 1];
        lanes.iter().for_each(|lane| start[lane.tail as usize + 1] += 1);
        (0..nodes as usize).for_each(|node| start[node + 1] += start[node]);
        let mut market = Market {
            lanes,
            ways: Vec::new(),
            start,
            potentials,
            caps,
            smallest: caps.min_amount_msat.max(1),
            cycles: Vec::new(),
            taken: vec![false; nodes as usize],
            value: 0,
            scans: 0,
            best: vec![(0, 0, 0); nodes as usize],
            search: 0,
        };
        market.ways = (0u32..)
            .zip(&market.lanes)
            .map(|(index, lane)| Way { cost: market.price(lane), head: lane.head, lane: index })
            .collect();
        let lanes = &mut market.lanes;
        market.ways.sort_by_key(|way| (lanes[way.lane as usize].tail, way.cost));
        (0u32..).zip(&market.ways).for_each(|(p, way)| lanes[way.lane as usize].place = p);
        market
    }

    /// What the cycles so far are worth.
    pub fn value(&self) -> i128 {
        self.value
    }

    /// The cycles so far.
    pub fn into_cycles(self) -> Vec<PlannedCycle> {
        self.cycles
    }

    /// Takes a cycle that fits and gains, if the caps still allow it.
    pub fn offer(&mut self, cycle: Vec<u32>, amount: u64) {
        let free = cycle.iter().all(|&lane| {
            let Lane { tail, .. } = self.lanes[lane as usize];
            self.cost(lane) < CLOSED && !self.taken[tail as usize]
        });
        if free && self.cycles.len() < self.caps.max_cycles {
            self.take(cycle, amount);
        }
    }

    /// Adds cycles until none within the caps gains. False if the number of cycles or the effort
    /// ended first.
    pub fn improve(&mut self, least: &[u64]) -> bool {
        let gaining = self.ways.iter().filter(|way| way.cost < 0);
        let mut starts: Vec<(i128, u32)> = gaining.map(|way| (way.cost, way.lane)).collect();
        starts.sort_unstable();
        // Directions only get worse, so what does not gain now never will, and a search that ended
        // without a cycle need not be made again. One that was cut short is made again, longer.
        for scans in SEARCHES {
            let mut unfinished = Vec::new();
            for (cost, start) in starts {
                loop {
                    if self.scans >= self.caps.effort {
                        return false;
                    }
                    let cycle = match self.cycle_from(start, scans) {
                        Search::Cycle(cycle) => cycle,
                        Search::Nothing => break,
                        Search::Unfinished => {
                            unfinished.push((cost, start));
                            break;
                        }
                    };
                    if self.cycles.len() >= self.caps.max_cycles {
                        return false;
                    }
                    let amount = self.best_amount(&cycle);
                    if cycle.iter().any(|&lane| least[lane as usize] > amount) {
                        break;
                    }
                    self.take(cycle, amount);
                }
            }
            starts = unfinished;
        }
        starts.is_empty()
    }

    /// Moves `amount` around `cycle`, unless that is worth nothing.
    fn take(&mut self, cycle: Vec<u32>, amount: u64) {
        let gain = |&lane: &u32| self.lanes[lane as usize].gain(amount);
        let Some(value) = cycle.iter().map(gain).sum::<Option<i128>>().filter(|gain| *gain > 0)
        else {
            return;
        };
        self.value += value;
        for &lane in &cycle {
            self.lanes[lane as usize].moved += amount;
            let cost = match self.caps.disjoint {
                Disjoint::Nothing => self.price(&self.lanes[lane as usize]),
                Disjoint::Channels | Disjoint::Nodes => CLOSED,
            };
            self.raise(lane, cost);
            let Lane { tail, opposite, .. } = self.lanes[lane as usize];
            self.taken[tail as usize] |= self.caps.disjoint == Disjoint::Nodes;
            if let Some(opposite) = opposite {
                self.raise(opposite, CLOSED);
            }
        }
        self.cycles.push(PlannedCycle { directions: cycle, amount_msat: amount, value });
    }

    fn cost(&self, lane: u32) -> i128 {
        self.ways[self.lanes[lane as usize].place as usize].cost
    }

    /// What the next smallest amount costs at the present prices.
    fn price(&self, lane: &Lane) -> i128 {
        let price = |node: u32| i128::from(self.potentials[node as usize]);
        let prices = (price(lane.tail) - price(lane.head)) * i128::from(self.smallest);
        lane.gain(self.smallest).map_or(CLOSED, |gain| prices - gain)
    }

    /// Sets a cost that is not below the one before, and moves the direction back in its node's
    /// list.
    fn raise(&mut self, lane: u32, cost: i128) {
        let Lane { tail, place, .. } = self.lanes[lane as usize];
        let (mut place, end) = (place as usize, self.start[tail as usize + 1] as usize);
        self.ways[place].cost = cost;
        while place + 1 < end && self.ways[place + 1].cost < cost {
            self.ways.swap(place, place + 1);
            self.lanes[self.ways[place].lane as usize].place = place as u32;
            place += 1;
        }
        self.lanes[lane as usize].place = place as u32;
    }

    /// The amount of most gain around a cycle whose smallest amount gains.
    fn best_amount(&self, cycle: &[u32]) -> u64 {
        let mut amount = 0;
        loop {
            let mut slopes = cycle.iter().map(|&lane| self.lanes[lane as usize].slope(amount));
            let joined = slopes.try_fold((u64::MAX, 0i128), |(width, gain), slope| {
                let (more, ppm) = slope?;
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
    fn cycle_from(&mut self, start: u32, scans: u64) -> Search {
        let Lane { tail, head, .. } = self.lanes[start as usize];
        let cost = self.cost(start);
        if cost >= 0 || self.taken[tail as usize] || self.taken[head as usize] {
            return Search::Nothing;
        }
        self.search += 1;
        let most = self.scans.saturating_add(scans).min(self.caps.effort);
        let mut labels = vec![Label { node: head, cost, lane: start, from: u32::MAX }];
        let (mut first, mut closing) = (0, None::<Label>);
        for _ in 1..self.caps.max_hops {
            let last = labels.len();
            for from in first..last {
                let here = labels[from];
                // A better way to the same node, found on the same level: go on from there only.
                let (search, best, _) = self.best[here.node as usize];
                let here_too = search == self.search && (best as usize) < last;
                if here_too && best as usize != from {
                    continue;
                }
                if self.scans >= most {
                    return self.closed(&labels, closing).unwrap_or(Search::Unfinished);
                }
                self.expand(from as u32, start, &mut labels, &mut closing);
            }
            // The shortest cycle is taken; a longer one is found next time.
            if closing.is_some() || last == labels.len() {
                break;
            }
            first = last;
        }
        self.closed(&labels, closing).unwrap_or(Search::Nothing)
    }

    /// The cycle that a search closed.
    fn closed(&self, labels: &[Label], closing: Option<Label>) -> Option<Search> {
        let Label { lane, mut from, .. } = closing?;
        let mut walk = vec![lane];
        while let Some(label) = labels.get(from as usize) {
            walk.push(label.lane);
            from = label.from;
        }
        walk.reverse();
        self.best_simple(&walk).map(Search::Cycle)
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
        for &Way { cost, head: node, lane } in &self.ways[begin as usize..end as usize] {
            self.scans += 1;
            let label = Label { node, cost: here.cost + cost, lane, from };
            if label.cost >= 0 {
                // The others cost more.
                break;
            }
            if self.taken[node as usize] {
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
                let cost = cycle.iter().map(|&lane| self.cost(lane)).sum();
                if cost < 0 && best.as_ref().is_none_or(|(least, _)| cost < *least) {
                    best = Some((cost, cycle));
                }
            }
        }
        best.map(|(_, cycle)| cycle)
    }
}

//! The plan that ends earliest: its longest chain of used edges is shortest.
//!
//! It must never claim a time that only holds if a step starts before its funds are there: a step
//! waits for everything that enters its source. Branching is on chains: a plan that ends earlier
//! than a given flow cannot use all edges of that flow's longest chain.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use super::progress::{Progress, Unit};
use super::stages::{Figure, limits};
use super::{Found, Problem};
use crate::charge::{self, ChargeError, ChargeProblem, ChargedLink};
use crate::exact::Decimal;

/// The search state.
struct Search<'a> {
    problem: &'a Problem,
    /// Per edge, its time in units of the finest decimal.
    times: Vec<i128>,
    /// Costs of one unit are its times: flow takes short ways first.
    base: ChargeProblem,
    best: Option<(Vec<i64>, i128)>,
    nodes: u64,
    pivots: u64,
}

/// Finds the plan; see the head of this file.
pub(super) fn find(
    problem: &Problem,
    watch: &mut dyn FnMut(&Progress) -> bool,
) -> Result<Found, ChargeError> {
    let edges = problem.network.edges();
    let places = Figure::Time.places(edges);
    let times: Option<Vec<i128>> = edges.iter().map(|e| e.link.time_sec.scaled(places)).collect();
    let times = times.ok_or(ChargeError::Range)?;
    let total: i128 = problem.supplies().iter().map(|&s| i128::from(s.max(0))).sum();
    let link = |(edge, &time): (&crate::network::Edge, &i128)| {
        let (capacity, minimum) = limits(edge, total);
        let (tail, head) = (edge.tail, edge.head);
        ChargedLink { tail, head, capacity, minimum, unit_cost: time, fixed_cost: 0 }
    };
    let links = edges.iter().zip(&times).map(link).collect();
    let base = ChargeProblem { supplies: problem.supplies().to_vec(), links };
    let mut search = Search { problem, times, base, best: None, nodes: 0, pivots: 0 };
    let unit = Unit { figure: Figure::Time.name(), places, offset: 0 };
    let bound = search.explore(&mut |progress| watch(&unit.show(progress)))?;
    let (nodes, pivots) = (search.nodes, search.pivots);
    let Some((flows, length)) = search.best else {
        return Err(ChargeError::Infeasible);
    };
    let (objective, bound) =
        (Decimal::new(length, places), Decimal::new(bound.min(length), places));
    let proven = bound == objective;
    Ok(Found { flows, objective, bound, proven, fewest_steps: false, nodes, pivots })
}

impl Search<'_> {
    /// Best bound first; the proven bound at the end.
    fn explore(
        &mut self,
        watch: &mut dyn FnMut(&charge::Progress) -> bool,
    ) -> Result<i128, ChargeError> {
        let mut open = BTreeSet::from([(0i128, Vec::<u32>::new())]);
        let mut seen = BTreeSet::from([Vec::new()]);
        while let Some((bound, off)) = open.pop_first() {
            let length = self.best.as_ref().map(|(_, length)| *length);
            if length.is_some_and(|length| bound >= length) {
                return Ok(length.unwrap_or(bound));
            }
            let (nodes, pivots) = (self.nodes, self.pivots);
            if !watch(&charge::Progress { objective: length, bound, nodes, pivots }) {
                let none = self.best.is_none();
                return if none { Err(ChargeError::Stopped { nodes }) } else { Ok(bound) };
            }
            self.nodes += 1;
            let Some((least, chain)) = self.look(&off, bound, watch)? else { continue };
            for edge in chain {
                let mut more = off.clone();
                more.push(edge);
                more.sort_unstable();
                if seen.insert(more.clone()) {
                    open.insert((least, more));
                }
            }
        }
        Ok(self.best.as_ref().map_or(0, |(_, length)| *length))
    }

    /// Looks at the plans that leave `off` unused: a bound on how early they end, and the longest
    /// chain of one that is feasible. `None` if none of them can be better than the best.
    fn look(
        &mut self,
        off: &[u32],
        floor: i128,
        watch: &mut dyn FnMut(&charge::Progress) -> bool,
    ) -> Result<Option<(i128, Vec<u32>)>, ChargeError> {
        let mut through = self.shortest_through(off);
        // A plan that ends by `t` uses only edges on some way of at most `t`. The least `t` at
        // which those edges can carry everything bounds all plans.
        let mut ends: Vec<i128> = through.iter().flatten().copied().collect();
        ends.sort_unstable();
        ends.dedup();
        let better = |t: &i128| self.best.as_ref().is_none_or(|(_, length)| t < length);
        let ends: Vec<i128> = ends.into_iter().filter(better).collect();
        let (mut low, mut high) = (ends.partition_point(|&t| t < floor), ends.len());
        let mut found = None;
        if ends.is_empty() {
            // Nothing to move needs no edge.
            let idle = self.base.supplies.iter().all(|&s| s == 0);
            let flows = vec![0; self.times.len()];
            if idle && self.best.is_none() {
                self.best = Some((flows, 0));
            }
            return Ok(None);
        }
        while low < high {
            let middle = (low + high) / 2;
            match self.flow_within(&through, (ends[middle], floor), watch)? {
                Some(flows) => (high, found) = (middle, Some(flows)),
                None => low = middle + 1,
            }
        }
        let (Some(flows), Some(&least)) = (found, ends.get(high)) else { return Ok(None) };
        through.clear();
        let (length, chain) = self.longest_chain(&flows);
        if self.best.as_ref().is_none_or(|(_, best)| length < *best) {
            self.best = Some((flows, length));
        }
        Ok(Some((least, chain)))
    }

    /// A flow over edges whose shortest way through ends by `end`; no plan ends before `floor`.
    fn flow_within(
        &mut self,
        through: &[Option<i128>],
        (end, floor): (i128, i128),
        watch: &mut dyn FnMut(&charge::Progress) -> bool,
    ) -> Result<Option<Vec<i64>>, ChargeError> {
        let mut problem = self.base.clone();
        for (link, way) in problem.links.iter_mut().zip(through) {
            if way.is_none_or(|way| way > end) {
                link.capacity = 0;
            }
        }
        // What this search minimises is no figure of the mode: the clock is asked about that.
        let objective = self.best.as_ref().map(|(_, length)| *length);
        let (nodes, pivots) = (self.nodes, self.pivots);
        let so_far = charge::Progress { objective, bound: floor, nodes, pivots };
        match charge::solve(&problem, None, &mut |_| watch(&so_far)) {
            Ok(best) => {
                self.pivots += best.pivots;
                Ok(Some(best.flows))
            }
            Err(ChargeError::Infeasible) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Per edge, the time of the shortest way from a surplus over it to a deficit.
    fn shortest_through(&self, off: &[u32]) -> Vec<Option<i128>> {
        let open = |edge: u32| {
            self.base.links[edge as usize].capacity > 0 && off.binary_search(&edge).is_err()
        };
        let supplies = &self.base.supplies;
        let sources = (0u32..).zip(supplies).filter(|(_, s)| **s > 0).map(|(v, _)| v);
        let sinks = (0u32..).zip(supplies).filter(|(_, s)| **s < 0).map(|(v, _)| v);
        let from = self.distances(sources, &open, false);
        let to = self.distances(sinks, &open, true);
        let way = |(number, link): (u32, &ChargedLink)| {
            let before = from[link.tail as usize].filter(|_| open(number))?;
            Some(before + self.times[number as usize] + to[link.head as usize]?)
        };
        (0u32..).zip(&self.base.links).map(way).collect()
    }

    /// Shortest times from `starts`, or to them if `backwards`.
    fn distances(
        &self,
        starts: impl Iterator<Item = u32>,
        open: &impl Fn(u32) -> bool,
        backwards: bool,
    ) -> Vec<Option<i128>> {
        let nodes = self.base.supplies.len();
        let mut around = vec![Vec::new(); nodes];
        for (number, link) in (0u32..).zip(&self.base.links).filter(|(n, _)| open(*n)) {
            let (near, far) =
                if backwards { (link.head, link.tail) } else { (link.tail, link.head) };
            around[near as usize].push((far, self.times[number as usize]));
        }
        let mut found = vec![None; nodes];
        let mut heap: BinaryHeap<_> = starts.map(|start| Reverse((0i128, start))).collect();
        while let Some(Reverse((distance, node))) = heap.pop() {
            if found[node as usize].is_some() {
                continue;
            }
            found[node as usize] = Some(distance);
            for &(other, time) in &around[node as usize] {
                heap.push(Reverse((distance + time, other)));
            }
        }
        found
    }

    /// The longest chain of used edges and how long it takes. `flows` has no cycle.
    fn longest_chain(&self, flows: &[i64]) -> (i128, Vec<u32>) {
        let network = &self.problem.network;
        let nodes = network.places().len();
        let mut entering = vec![0u32; nodes];
        let mut leaving = vec![Vec::new(); nodes];
        for (number, edge) in (0u32..).zip(network.edges()) {
            if flows[number as usize] > 0 {
                entering[edge.head as usize] += 1;
                leaving[edge.tail as usize].push(number);
            }
        }
        let mut ready: Vec<u32> =
            (0..nodes as u32).filter(|&v| entering[v as usize] == 0).collect();
        let mut ends = vec![(0i128, None::<u32>); nodes];
        let mut last = (0i128, None::<u32>);
        while let Some(node) = ready.pop() {
            let (start, _) = ends[node as usize];
            for &number in &leaving[node as usize] {
                let end = start + self.times[number as usize];
                let head = network.edges()[number as usize].head as usize;
                if ends[head].1.is_none() || end > ends[head].0 {
                    ends[head] = (end, Some(number));
                }
                if last.1.is_none() || end > last.0 {
                    last = (end, Some(number));
                }
                entering[head] -= 1;
                if entering[head] == 0 {
                    ready.push(head as u32);
                }
            }
        }
        let (mut chain, mut at) = (Vec::new(), last.1);
        while let Some(number) = at {
            chain.push(number);
            at = ends[network.edges()[number as usize].tail as usize].1;
        }
        (last.0, chain)
    }
}

//! One backward search: the cheapest way from the source to a given point of a path.
//!
//! It must never relax an arc that would refuse the amount, and never compare costs in anything but
//! integers.
//!
//! A label is a way from some node to the target. It is dropped when another one at the same node
//! is no worse in cost, in amount and in hops at once; since fees and scores grow with the amount,
//! nothing that continues the dropped one could beat what continues the other.
//!
//! Labels are settled in the order of their cost plus a bound on what is missing to the source. The
//! bound is zero in a query's first search; where more paths are wanted it is worth computing once
//! (see `bounds`), and each further search then hardly leaves the path it looks for.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use super::bounds::{self, Bound};
use super::{Graph, PathArc, Query, Reliability};
use crate::score::uniform_prior_micronats;

/// One million: ppm in a whole, micronats in a nat.
const MILLION: u128 = 1_000_000;

/// The most ways kept through one node. Real graphs stay far below; fees made up to keep many ways
/// undominated would otherwise take any amount of work.
const MAX_WAYS: usize = 64;

/// No label.
const NONE: u32 = u32::MAX;

/// A point on the way back from the target: where it is, what must arrive there, what that costs so
/// far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Point {
    /// The node.
    pub node: u32,
    /// What must arrive at the node, in msat.
    pub amount_msat: u64,
    /// Fees and scores from here to the target, in msat.
    pub cost_msat: u64,
    /// Arcs from here to the target.
    pub hops: u32,
}

/// What crosses an arc and what that adds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Crossing {
    /// The point before the arc.
    pub point: Point,
    /// What the arc's tail keeps, in msat.
    pub fee_msat: u64,
}

/// What a search may not touch besides what the query excludes.
#[derive(Debug)]
pub(super) struct Closed {
    /// Nodes already on the path.
    pub nodes: BTreeSet<u32>,
    /// Arcs that would repeat a path already found.
    pub arcs: BTreeSet<u32>,
    /// The cost above which a path is of no use, in msat.
    pub above_msat: u64,
}

/// A query made ready for repeated searches.
#[derive(Debug)]
pub(super) struct Search<'a> {
    graph: &'a Graph,
    query: &'a Query<'a>,
    excluded: BTreeSet<u32>,
    known: BTreeMap<u32, u64>,
    /// Per node, what is at least missing to the source; empty where nothing is known.
    bounds: Vec<Option<Bound>>,
}

#[derive(Debug, Clone, Copy)]
struct Label {
    point: Point,
    /// The arc that leaves the node on this way.
    arc: u32,
    /// The label at the other end of that arc.
    next: u32,
}

impl<'a> Search<'a> {
    pub fn new(graph: &'a Graph, query: &'a Query<'a>) -> Search<'a> {
        let excluded = query.excluded_arcs.iter().copied().collect();
        let known = query.known_msat.iter().copied().collect();
        Search { graph, query, excluded, known, bounds: Vec::new() }
    }

    /// Computes the bounds that guide all further searches. They change how long a search takes,
    /// not what it finds.
    pub fn guide(&mut self) {
        self.bounds = bounds::from_source(self);
    }

    pub fn graph(&self) -> &'a Graph {
        self.graph
    }

    pub fn source(&self) -> u32 {
        self.query.source
    }

    /// The end of every path.
    pub fn target(&self) -> Point {
        let &Query { target, amount_msat, .. } = self.query;
        Point { node: target, amount_msat, cost_msat: 0, hops: 0 }
    }

    /// The cheapest arcs from the source to `start`, in order of travel, around what is `closed`.
    pub fn cheapest(&self, start: Point, closed: &Closed) -> Option<Vec<u32>> {
        let mut labels = vec![Label { point: start, arc: NONE, next: NONE }];
        let mut queue: BinaryHeap<_> = self.rank(&start, 0).map(Reverse).into_iter().collect();
        let mut settled: BTreeMap<u32, Vec<(u64, u32)>> = BTreeMap::new();
        while let Some(Reverse((least_msat, .., index))) = queue.pop() {
            if least_msat > closed.above_msat {
                return None;
            }
            let point = labels[index as usize].point;
            if point.node == self.query.source && index > 0 {
                return Some(walk(&labels, index));
            }
            let kept = settled.entry(point.node).or_default();
            let beaten =
                |&(amount, hops): &(u64, u32)| amount <= point.amount_msat && hops <= point.hops;
            if kept.len() >= MAX_WAYS || kept.iter().any(beaten) {
                continue;
            }
            kept.push((point.amount_msat, point.hops));
            for &arc in self.graph.entering(point.node) {
                let tail = self.graph.arc(arc).tail;
                let home = tail == self.query.source;
                if closed.arcs.contains(&arc) || (closed.nodes.contains(&tail) && !home) {
                    continue;
                }
                if let Some(crossing) = self.cross(&point, arc) {
                    let fresh = labels.len() as u32;
                    queue.extend(self.rank(&crossing.point, fresh).map(Reverse));
                    labels.push(Label { point: crossing.point, arc, next: index });
                }
            }
        }
        None
    }

    /// The point before `arc` on the way back from `after`, or `None` if the arc may not or would
    /// not carry that.
    pub fn cross(&self, after: &Point, arc: u32) -> Option<Crossing> {
        let query = self.query;
        let policy = self.graph.arc(arc);
        let first = policy.tail == query.source;
        let barred = policy.disabled
            || after.hops >= query.max_hops
            || self.excluded.contains(&arc)
            || (first && query.first_arc.is_some_and(|wanted| wanted != arc))
            || (after.hops == 0 && query.last_arc.is_some_and(|wanted| wanted != arc))
            || !(policy.min_htlc_msat..=policy.max_htlc_msat).contains(&after.amount_msat);
        if barred {
            return None;
        }
        let score_msat = self.score(arc, policy, after.amount_msat)?;
        let fee_msat = if first { 0 } else { fee(policy, after.amount_msat)? };
        let amount_msat = after.amount_msat.checked_add(fee_msat)?;
        if amount_msat - query.amount_msat > query.max_fee_msat {
            return None;
        }
        let cost_msat = after.cost_msat.checked_add(fee_msat)?.checked_add(score_msat)?;
        let point = Point { node: policy.tail, amount_msat, cost_msat, hops: after.hops + 1 };
        Some(Crossing { point, fee_msat })
    }

    /// The least fee and score of any path of the query that crosses `arc`; `None` if none may.
    pub fn least(&self, arc: u32) -> Option<(u64, u64)> {
        let (query, policy) = (self.query, self.graph.arc(arc));
        let first = policy.tail == query.source;
        let barred = policy.disabled
            || policy.max_htlc_msat < query.amount_msat
            || self.excluded.contains(&arc)
            || (first && query.first_arc.is_some_and(|wanted| wanted != arc));
        if barred {
            return None;
        }
        let score_msat = self.score(arc, policy, query.amount_msat)?;
        let fee_msat = if first { 0 } else { fee(policy, query.amount_msat)? };
        Some((fee_msat, score_msat))
    }

    /// Whether a path that sends this much over so many hops is beyond the query's limits.
    pub fn exceeds(&self, sent_msat: u64, hops: u32) -> bool {
        let &Query { amount_msat, max_fee_msat, max_hops, .. } = self.query;
        hops > max_hops || sent_msat - amount_msat > max_fee_msat
    }

    /// The order in which labels are settled: cost, then hops, both with what is missing at least;
    /// then the amount. `None` where the source cannot be reached.
    fn rank(&self, point: &Point, label: u32) -> Option<(u64, u32, u64, u32)> {
        let (cost, hops) = match self.bounds.get(point.node as usize) {
            Some(bound) => (*bound)?,
            None => (0, 0),
        };
        Some((
            point.cost_msat.checked_add(cost)?,
            point.hops.saturating_add(hops),
            point.amount_msat,
            label,
        ))
    }

    /// What the unreliability of the arc is worth at this amount; `None` where the arc cannot carry
    /// it.
    fn score(&self, arc: u32, policy: &PathArc, amount_msat: u64) -> Option<u64> {
        if let Some(&balance) = self.known.get(&arc) {
            return (amount_msat <= balance).then_some(0);
        }
        if amount_msat > policy.capacity_msat {
            return None;
        }
        let millionths = match self.query.reliability {
            Reliability::UniformPrior { nat_price_msat: 0 } => 0,
            Reliability::UniformPrior { nat_price_msat } => {
                let micronats = uniform_prior_micronats(policy.capacity_msat, amount_msat)?;
                u128::from(micronats) * u128::from(nat_price_msat)
            }
            Reliability::Scores(scores) => {
                u128::from(scores[arc as usize].ppm()) * u128::from(amount_msat)
            }
        };
        u64::try_from(millionths / MILLION).ok()
    }
}

/// What the arc's tail charges for forwarding `amount_msat`.
fn fee(policy: &PathArc, amount_msat: u64) -> Option<u64> {
    let part = u128::from(amount_msat) * u128::from(policy.fee_ppm) / MILLION;
    u64::try_from(part).ok()?.checked_add(policy.base_fee_msat)
}

fn walk(labels: &[Label], from: u32) -> Vec<u32> {
    let mut arcs = Vec::new();
    let mut label = labels[from as usize];
    while label.next != NONE {
        arcs.push(label.arc);
        label = labels[label.next as usize];
    }
    arcs
}

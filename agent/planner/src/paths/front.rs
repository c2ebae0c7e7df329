//! The Pareto front of paths: those that no other path beats in fee, time and reliability at once.
//!
//! It must never drop a way that could still end on the front: where minimum amounts are in play, a
//! dearer way may pass where a cheaper one is too small, so there only ways of the same amount,
//! over nodes that the other one also visits, are compared.
//!
//! The search runs backwards from the target, as fees compound, and settles labels in the order of
//! amount, time, unreliability and hops, each with what is missing to the source at least (see
//! `bounds`). None of the four ever shrinks on the way back, so whatever beats a label has been
//! settled before it, paths end in the order of their fees, and a label that a path found already
//! beats even with the least that is missing leads nowhere.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use serde::{Deserialize, Serialize};

use super::bounds::{self, Missing};
use super::ranked::priced;
use super::search::{Point, Search};
use super::{Graph, Path, PathError, Query, Reliability};

/// How many labels a front may take where the caller has no reason for another number: about
/// 100 MB.
pub const MAX_LABELS: usize = 1_000_000;

/// At this price of a nat, a score in msat is a number of micronats.
const NAT_PRICE: u64 = 1_000_000;

/// No label.
pub(super) const NONE: u32 = u32::MAX;

/// One path of a front.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrontPath {
    /// The path; its fee is the first figure.
    pub path: Path,
    /// The sum of the times of its arcs, in the caller's unit.
    pub time: u64,
    /// Under the uniform prior: micronats, so that the path succeeds with probability
    /// `exp(-unreliability / 10^6)`. With scores: their sum, in msat.
    pub unreliability: u64,
}

/// The paths that no other beats, least fee first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Front {
    /// At most `k` of them; ties in all three figures are shown once, by the fewest hops.
    pub paths: Vec<FrontPath>,
    /// Whether there may be more: `k` was reached, or the cap on labels.
    pub cut_short: bool,
    /// Whether it was the cap on labels; then the paths shown are those found so far and some good
    /// ones, of which none beats another but which others may beat.
    pub label_cap_hit: bool,
    /// Labels made.
    pub labels: usize,
}

/// A way from some node to the target.
#[derive(Debug, Clone, Copy)]
pub(super) struct Label {
    pub point: Point,
    pub time: u64,
    /// The arc that leaves the node on this way, and the label at its other end.
    pub arc: u32,
    pub next: u32,
}

/// Amount, time, unreliability, hops: what labels are ranked and compared by.
pub(super) type Figures = (u64, u64, u64, u32);

pub(super) struct Fronts<'a> {
    pub graph: &'a Graph,
    pub search: Search<'a>,
    pub times: &'a [u32],
    /// Per node, what is missing to the source; `None` where it cannot be reached.
    missing: Vec<Option<Missing>>,
    pub labels: Vec<Label>,
    /// Labels by the figures that a path that continues them has at least.
    queue: BinaryHeap<Reverse<(Figures, u32)>>,
    /// Per node, the labels that nothing beats.
    kept: BTreeMap<u32, Vec<u32>>,
    /// The same at the source, least fee first.
    pub ends: Vec<u32>,
    /// Some paths that are hard to beat (see `seeds`).
    pub seeds: Vec<u32>,
    /// Whether some minimum is above the amount, so that less is not always better.
    minimums: bool,
}

impl Graph {
    /// The paths of which none beats another in fee, time and reliability, at most `query.k`, least
    /// fee first. `times` has one entry per arc, in any unit (the agent counts blocks of lock
    /// time). Exact, unless `max_labels` is reached, which the answer says.
    ///
    /// # Errors
    /// [`PathError`] when the query makes no sense.
    pub fn front(
        &self,
        query: &Query<'_>,
        times: &[u32],
        max_labels: usize,
    ) -> Result<Front, PathError> {
        self.check(query)?;
        if times.len() != self.arcs().len() {
            return Err(PathError::TimesLength { arcs: self.arcs().len(), times: times.len() });
        }
        let reliability = match query.reliability {
            Reliability::UniformPrior { .. } => {
                Reliability::UniformPrior { nat_price_msat: NAT_PRICE }
            }
            scores => scores,
        };
        let counted = Query { reliability, ..query.clone() };
        let most = query.amount_msat.saturating_add(query.max_fee_msat);
        let minimums = self
            .arcs()
            .iter()
            .any(|arc| arc.min_htlc_msat > query.amount_msat && arc.min_htlc_msat <= most);
        let search = Search::new(self, &counted);
        let mut fronts = Fronts {
            graph: self,
            missing: bounds::missing(&search, times),
            search,
            times,
            labels: Vec::new(),
            queue: BinaryHeap::new(),
            kept: BTreeMap::new(),
            ends: Vec::new(),
            seeds: Vec::new(),
            minimums,
        };
        let (cut_short, label_cap_hit) = fronts.run(query.k, max_labels.min(NONE as usize));
        if label_cap_hit {
            fronts.add_seeds(query.k);
        }
        let shown = Search::new(self, query);
        let paths = fronts.ends.iter().filter_map(|&end| fronts.present(end, &shown)).collect();
        Ok(Front { paths, cut_short, label_cap_hit, labels: fronts.labels.len() })
    }
}

impl Fronts<'_> {
    /// Settles labels until none is left. Whether it stopped early, and whether for want of labels.
    fn run(&mut self, k: usize, max_labels: usize) -> (bool, bool) {
        let target = self.search.target();
        let start = Label { point: target, time: 0, arc: NONE, next: NONE };
        self.sow(start, max_labels);
        self.push(start);
        while let Some(Reverse((figures, index))) = self.queue.pop() {
            let node = self.labels[index as usize].point.node;
            let home = self.is_home(index);
            let same = self.kept.get(&node).filter(|_| !home).map_or(&[][..], Vec::as_slice);
            let beaten = self.ends.iter().any(|&end| self.ends_no_worse(end, figures))
                || same.iter().any(|&other| self.no_worse(other, index));
            if beaten {
                continue;
            }
            if home {
                if self.ends.len() == k {
                    return (true, false);
                }
                self.ends.push(index);
                continue;
            }
            self.kept.entry(node).or_default().push(index);
            if !self.expand(index, max_labels) {
                return (true, true);
            }
        }
        (false, false)
    }

    /// Adds every way that continues `index` by one arc; false where labels run out.
    fn expand(&mut self, index: u32, max_labels: usize) -> bool {
        let label = self.labels[index as usize];
        let been = self.nodes(index);
        let graph = self.graph;
        for &arc in graph.entering(label.point.node) {
            let tail = graph.arc(arc).tail;
            if been.contains(&tail) && tail != self.search.source() {
                continue;
            }
            let Some(crossing) = self.search.cross(&label.point, arc) else { continue };
            if self.labels.len() >= max_labels {
                return false;
            }
            let time = label.time.saturating_add(u64::from(self.times[arc as usize]));
            self.push(Label { point: crossing.point, time, arc, next: index });
        }
        true
    }

    /// Queues a label by what a path that continues it has at least, unless that leads nowhere.
    fn push(&mut self, label: Label) {
        let index = self.labels.len() as u32;
        self.labels.push(label);
        let beaten = |least: &Figures| {
            self.ends.iter().any(|&end| self.ends_no_worse(end, *least))
                || self.seeds.iter().any(|&seed| self.seed_beats(seed, *least))
        };
        match self.least(index).filter(|least| !beaten(least)) {
            Some(least) => self.queue.push(Reverse((least, index))),
            None => self.labels.truncate(index as usize),
        }
    }

    /// Whether a label is a whole path.
    pub fn is_home(&self, index: u32) -> bool {
        let label = self.labels[index as usize];
        label.point.node == self.search.source() && label.next != NONE
    }

    /// What a path that continues the label has at least; `None` where none keeps the limits.
    pub fn least(&self, index: u32) -> Option<Figures> {
        let (sent_msat, time, doubt, hops) = self.figures(index);
        let node = self.labels[index as usize].point.node;
        let missing = if self.is_home(index) {
            (0, 0, 0, 0)
        } else {
            self.missing.get(node as usize).copied().flatten()?
        };
        let least = (
            sent_msat.saturating_add(missing.0),
            time.saturating_add(missing.1),
            doubt.saturating_add(missing.2),
            hops + missing.3,
        );
        Some(least).filter(|least| !self.search.exceeds(least.0, least.3))
    }

    pub fn figures(&self, index: u32) -> Figures {
        let Label { point, time, .. } = self.labels[index as usize];
        let fee = point.amount_msat - self.search.target().amount_msat;
        (point.amount_msat, time, point.cost_msat - fee, point.hops)
    }

    /// Whether everything that continues `other` is beaten by what continues `one`.
    fn no_worse(&self, one: u32, other: u32) -> bool {
        let (better, worse) = (self.figures(one), self.figures(other));
        let all = better.0 <= worse.0
            && better.1 <= worse.1
            && better.2 <= worse.2
            && better.3 <= worse.3;
        if !all || !self.minimums {
            return all;
        }
        better.0 == worse.0 && self.nodes(one).is_subset(&self.nodes(other))
    }

    /// Whether a path found is no worse than whatever has these figures at least.
    pub fn ends_no_worse(&self, end: u32, figures: Figures) -> bool {
        let found = self.figures(end);
        found.0 <= figures.0 && found.1 <= figures.1 && found.2 <= figures.2
    }

    /// The nodes on a way.
    fn nodes(&self, mut index: u32) -> BTreeSet<u32> {
        let mut nodes = BTreeSet::new();
        while index != NONE {
            let label = self.labels[index as usize];
            nodes.insert(label.point.node);
            index = label.next;
        }
        nodes
    }

    fn present(&self, end: u32, search: &Search<'_>) -> Option<FrontPath> {
        let (_, time, unreliability, _) = self.figures(end);
        let mut arcs = Vec::new();
        let mut label = self.labels[end as usize];
        while label.next != NONE {
            arcs.push(label.arc);
            label = self.labels[label.next as usize];
        }
        Some(FrontPath { path: priced(self.graph, search, &arcs)?, time, unreliability })
    }
}

//! The `k` cheapest paths, by Yen's scheme turned around: keep the last arcs of a path found, close
//! the arc it used before them, and search for the cheapest other way to get there.
//!
//! It must never return a path twice or one that visits a node twice.

use std::collections::BTreeSet;

use super::search::{Closed, Point, Search};
use super::{Graph, Path, PathHop, Query};

/// A candidate, in the order of preference: cost, hops, arcs. Last, how many of its last arcs it
/// shares with the path it deviates from.
type Candidate = (u64, usize, Vec<u32>, usize);

/// The cheapest paths, cheapest first.
pub(super) fn cheapest(graph: &Graph, query: &Query<'_>) -> Vec<Path> {
    let mut search = Search::new(graph, query);
    let mut found: Vec<Vec<u32>> = Vec::new();
    let mut paths = Vec::new();
    let mut waiting: BTreeSet<Candidate> = BTreeSet::new();
    let open = Closed { nodes: BTreeSet::new(), arcs: BTreeSet::new(), above_msat: u64::MAX };
    if let Some(arcs) = search.cheapest(search.target(), &open) {
        offer(graph, &search, arcs, 0, &mut waiting);
        if query.k > 1 {
            search.guide();
        }
    }
    while let Some((_, _, arcs, shared)) = waiting.pop_first() {
        paths.extend(priced(graph, &search, &arcs));
        if paths.len() >= query.k {
            break;
        }
        found.push(arcs);
        deviate(graph, &search, &found, shared, query.k - paths.len(), &mut waiting);
    }
    paths
}

/// Adds the cheapest deviation from the last path found at each of its nodes but the source, where
/// at least the last `shared` arcs stay: for fewer, the path it came from has been asked already,
/// with the same arcs closed. Candidates beyond the `wanted` best are of no use.
fn deviate(
    graph: &Graph,
    search: &Search<'_>,
    found: &[Vec<u32>],
    shared: usize,
    wanted: usize,
    waiting: &mut BTreeSet<Candidate>,
) {
    let Some(base) = found.last() else { return };
    let mut point = search.target();
    let mut nodes = BTreeSet::new();
    for kept in (1..=base.len()).rev() {
        // The last arcs from `kept` on stay; every path that shares them has its arc before them
        // closed.
        let tail = &base[kept..];
        if tail.len() >= shared {
            let arcs = found.iter().filter_map(|path| before(path, tail)).collect();
            let above_msat = waiting.iter().nth(wanted - 1).map_or(u64::MAX, |last| last.0);
            let closed = Closed { nodes: nodes.clone(), arcs, above_msat };
            if let Some(mut arcs) = search.cheapest(point, &closed) {
                arcs.extend_from_slice(tail);
                offer(graph, search, arcs, tail.len(), waiting);
            }
        }
        nodes.insert(point.node);
        let Some(crossing) = search.cross(&point, base[kept - 1]) else { return };
        point = crossing.point;
    }
}

/// The arc that `path` uses before the arcs of `tail`, if it ends with them.
fn before(path: &[u32], tail: &[u32]) -> Option<u32> {
    path.strip_suffix(tail).and_then(|front| front.last().copied())
}

fn offer(
    graph: &Graph,
    search: &Search<'_>,
    arcs: Vec<u32>,
    shared: usize,
    waiting: &mut BTreeSet<Candidate>,
) {
    if let Some(path) = priced(graph, search, &arcs) {
        waiting.insert((path.cost_msat, arcs.len(), arcs, shared));
    }
}

/// The path over `arcs` with its amounts, computed from the target back.
pub(super) fn priced(graph: &Graph, search: &Search<'_>, arcs: &[u32]) -> Option<Path> {
    let target = search.target();
    let mut point: Point = target;
    let mut hops = Vec::with_capacity(arcs.len());
    for &arc in arcs.iter().rev() {
        let crossing = search.cross(&point, arc)?;
        let (node, fee_msat) = (graph.arc(arc).head, crossing.fee_msat);
        hops.push(PathHop { arc, node, amount_msat: point.amount_msat, fee_msat });
        point = crossing.point;
    }
    hops.reverse();
    let total_fee_msat = point.amount_msat - target.amount_msat;
    let (sent_msat, cost_msat) = (point.amount_msat, point.cost_msat);
    Some(Path {
        hops,
        sent_msat,
        total_fee_msat,
        score_msat: cost_msat - total_fee_msat,
        cost_msat,
    })
}

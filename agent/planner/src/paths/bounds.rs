//! What every node is at least away from the source: the guide of the later searches of a query.
//!
//! It must never exceed the true cost: it charges every arc for the amount that arrives at the
//! target, which is the least that can cross it, and closes only arcs that no path of the query may
//! use.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::search::Search;

/// The least cost in msat and, among ways of that cost, the fewest arcs.
pub(super) type Bound = (u64, u32);

/// Per node, the bound from the source, or `None` where no path of the query passes.
pub(super) fn from_source(search: &Search<'_>) -> Vec<Option<Bound>> {
    let (graph, source) = (search.graph(), search.source());
    let mut bounds: Vec<Option<Bound>> = vec![None; graph.nodes() as usize];
    let mut queue = BinaryHeap::from([Reverse(((0, 0), source))]);
    bounds[source as usize] = Some((0, 0));
    while let Some(Reverse((bound, node))) = queue.pop() {
        if bounds[node as usize] != Some(bound) {
            continue;
        }
        for &arc in graph.leaving(node) {
            let Some(least) = search.least_cost(arc) else { continue };
            let Some(cost) = bound.0.checked_add(least) else { continue };
            let (head, further) = (graph.arc(arc).head, (cost, bound.1 + 1));
            let known = &mut bounds[head as usize];
            if known.is_none_or(|known| further < known) {
                *known = Some(further);
                queue.push(Reverse((further, head)));
            }
        }
    }
    bounds
}

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
    least(search, |arc| search.least(arc).and_then(|(fee, score)| fee.checked_add(score)))
}

/// What is still missing to the source, at least: fee in msat, time, unreliability, hops, each on
/// the way that is best for it.
pub(super) type Missing = (u64, u64, u64, u32);

/// Per node, what is missing; `None` where no path of the query passes.
pub(super) fn missing(search: &Search<'_>, times: &[u32]) -> Vec<Option<Missing>> {
    let fees = least(search, |arc| search.least(arc).map(|(fee, _)| fee));
    let time = |arc: u32| search.least(arc).map(|_| u64::from(times[arc as usize]));
    let times = least(search, time);
    let doubts = least(search, |arc| search.least(arc).map(|(_, score)| score));
    let hops = least(search, |arc| search.least(arc).map(|_| 0));
    let all = fees.iter().zip(&times).zip(&doubts).zip(&hops);
    let both = |(((fee, time), doubt), hops): (((&Option<Bound>, &Option<Bound>), _), _)| {
        let (doubt, hops): (&Option<Bound>, &Option<Bound>) = (doubt, hops);
        Some((fee.as_ref()?.0, time.as_ref()?.0, doubt.as_ref()?.0, hops.as_ref()?.1))
    };
    all.map(both).collect()
}

/// Per node, the least sum of `cost` over the arcs from the source, and the fewest arcs of that
/// sum. An arc without cost is closed.
fn least(search: &Search<'_>, cost: impl Fn(u32) -> Option<u64>) -> Vec<Option<Bound>> {
    let (graph, source) = (search.graph(), search.source());
    let mut bounds: Vec<Option<Bound>> = vec![None; graph.nodes() as usize];
    let mut queue = BinaryHeap::from([Reverse(((0, 0), source))]);
    bounds[source as usize] = Some((0, 0));
    while let Some(Reverse((bound, node))) = queue.pop() {
        if bounds[node as usize] != Some(bound) {
            continue;
        }
        for &arc in graph.leaving(node) {
            let Some(least) = cost(arc) else { continue };
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

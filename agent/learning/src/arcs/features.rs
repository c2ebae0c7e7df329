//! What the network sees of every arc and every node, as numbers about one.
//!
//! It must never hold a balance, nor a number whose last bit depends on the machine.

use super::math::ln;
use super::past::{Last, Past, Pasts};
use super::{Fee, Graph};

/// Numbers about an arc.
pub const ARC_FEATURES: usize = 32;
/// Numbers about a node.
pub const NODE_FEATURES: usize = 6;
/// Nodes from which the use of arcs by short ways is counted.
const LANDMARKS: usize = 24;

/// The inputs of one forward pass.
#[derive(Debug, Clone, PartialEq)]
pub struct Features {
    /// Per arc.
    pub arcs: Vec<[f32; ARC_FEATURES]>,
    /// Per node.
    pub nodes: Vec<[f32; NODE_FEATURES]>,
}

/// What follows from the graph alone: drawn once, used for any past.
#[derive(Debug, Clone, PartialEq)]
pub struct Position {
    /// How many shortest ways from landmarks use a channel, logarithm.
    load: Vec<f64>,
    /// The same of a node.
    passes: Vec<f64>,
    capacity_msat: Vec<f64>,
}

impl Position {
    /// Counts, from each of some nodes spread over the degrees, how many nodes are reached over
    /// each arc (equally many over equally short ways).
    pub fn of(graph: &Graph) -> Self {
        let nodes = graph.nodes();
        let mut capacity_msat = vec![0.0; nodes];
        for arc in 0..graph.arcs() {
            capacity_msat[graph.tail(arc)] += graph.capacity_msat(arc) as f64;
        }
        let mut order: Vec<usize> = (0..nodes).collect();
        order.sort_by_key(|node| (graph.leaving(*node).len(), *node));
        let landmarks = LANDMARKS.min(nodes);
        let mut load = vec![0.0; graph.arcs() / 2];
        let mut passes = vec![0.0; nodes];
        for index in 0..landmarks {
            let from = order[(2 * index + 1) * nodes / (2 * landmarks)];
            count(graph, from, &mut load, &mut passes);
        }
        let scale = 1.0 / landmarks.max(1) as f64;
        for value in load.iter_mut().chain(&mut passes) {
            *value = ln(1.0 + *value * scale);
        }
        Self { load, passes, capacity_msat }
    }
}

/// Adds how many nodes are reached from `from` over each channel and through each node.
fn count(graph: &Graph, from: usize, load: &mut [f64], passes: &mut [f64]) {
    let nodes = graph.nodes();
    let mut hops = vec![u32::MAX; nodes];
    let mut ways = vec![0.0_f64; nodes];
    let mut queue = vec![from];
    (hops[from], ways[from]) = (0, 1.0);
    let mut next = 0;
    while let Some(&node) = queue.get(next) {
        next += 1;
        for &arc in graph.leaving(node) {
            let other = graph.head(arc as usize);
            if hops[other] == u32::MAX {
                hops[other] = hops[node] + 1;
                queue.push(other);
            }
            if hops[other] == hops[node] + 1 {
                ways[other] += ways[node];
            }
        }
    }
    let mut reached = vec![1.0; nodes];
    for &node in queue.iter().rev() {
        passes[node] += reached[node] - 1.0;
        for &arc in graph.leaving(node) {
            let before = graph.head(arc as usize);
            if hops[before] != u32::MAX && hops[before] + 1 == hops[node] {
                let share = reached[node] * ways[before] / ways[node];
                load[arc as usize / 2] += share;
                reached[before] += share;
            }
        }
    }
}

impl Features {
    /// What is known at `now` of a graph with this past.
    pub fn at(graph: &Graph, position: &Position, pasts: &Pasts, now: u64) -> Self {
        let arcs = (0..graph.arcs()).map(|arc| arc_features(graph, position, pasts, arc, now));
        let span = pasts.began.map_or(0, |began| now.saturating_sub(began)) as f64 / pasts.beat;
        let heard = pasts.heard as f64 / (graph.arcs() / 2).max(1) as f64;
        let [firsts, refused] = pasts.firsts.map(|count| count as f64);
        let surprise = 4.0 * (refused + 0.5) / (firsts + 5.0) - 0.4;
        let nodes = (0..graph.nodes()).map(|node| {
            let degree = graph.leaving(node).len() as f64;
            [
                (ln(1.0 + degree) / 3.0 - 1.0) as f32,
                (ln(1.0 + position.capacity_msat[node] / 1e3) / 5.0 - 3.2) as f32,
                (position.passes[node] / 5.0 - 0.5) as f32,
                (ln(1.0 + heard) / 2.0) as f32,
                (ln(1.0 + span) / 3.0) as f32,
                surprise as f32,
            ]
        });
        Self { arcs: arcs.collect(), nodes: nodes.collect() }
    }
}

fn arc_features(
    graph: &Graph,
    position: &Position,
    pasts: &Pasts,
    arc: usize,
    now: u64,
) -> [f32; ARC_FEATURES] {
    let past = pasts.channels.get(arc / 2).copied().unwrap_or(Past::UNSEEN);
    let (_, _, middle) = past.from(arc % 2);
    // What this arc adds to the net flow of its ends, by their mean channel: what enters a node
    // must leave it, so the seen channels of a node tell of the others.
    let weight = |node: usize| {
        let capacity = graph.capacity_msat(arc) as f64;
        capacity * graph.leaving(node).len() as f64 / position.capacity_msat[node].max(1.0)
    };
    let flow = [graph.tail(arc), graph.head(arc)].map(|node| (0.5 - middle) * weight(node));
    let mut all = [0.0; ARC_FEATURES];
    let parts = place(graph, position, arc).into_iter();
    let parts = parts.chain(told(&past, arc % 2, now, pasts.beat)).chain(flow);
    for (slot, value) in all.iter_mut().zip(parts) {
        *slot = value as f32;
    }
    all
}

/// Where an arc lies and what is announced of it.
fn place(graph: &Graph, position: &Position, arc: usize) -> [f64; 10] {
    let (tail, head) = (graph.tail(arc), graph.head(arc));
    let capacity = graph.capacity_msat(arc) as f64;
    let part = |node: usize| (capacity / position.capacity_msat[node].max(1.0)).sqrt();
    let degree = |node: usize| ln(1.0 + graph.leaving(node).len() as f64) / 3.0 - 1.0;
    let fee = |fee: Option<Fee>| fee.map_or(0.0, |fee| ln(1.0 + f64::from(fee.ppm)) / 6.0 - 1.0);
    let fees = [graph.fee(arc), graph.fee(arc ^ 1)];
    [
        (ln(1.0 + capacity / 1e3) - 13.0) / 2.0,
        part(tail),
        part(head),
        degree(tail),
        degree(head),
        position.load[arc / 2] / 3.0 - 0.5,
        f64::from(u8::from(fees[0].is_some())),
        fee(fees[0]),
        fee(fees[1]),
        fee(fees[0]) - fee(fees[1]),
    ]
}

/// What results tell of an arc that leaves end `way`.
fn told(past: &Past, way: usize, now: u64, beat: f64) -> [f64; 20] {
    let kept = past.kept(now, beat);
    let age = |at: u64| now.saturating_sub(at) as f64 / beat;
    let fresh = |at: u64| 1.0 / (1.0 + age(at));
    let (low, high, middle) = past.from(way);
    let flows = past.flows.map(|flow| if way == 0 { flow } else { -flow });
    let (there, back) = (&past.ways[way], &past.ways[1 - way]);
    let seen =
        [there, back].iter().any(|way| way.last_passed.is_some() || way.last_refused.is_some());
    let last = |last: Option<Last>, none: f64| {
        last.map_or([none, 0.0], |last| [last.share, fresh(last.at)])
    };
    let [passed, passed_fresh] = last(there.last_passed, 0.0);
    let [refused, refused_fresh] = last(there.last_refused, 1.0);
    let [passed_back, passed_back_fresh] = last(back.last_passed, 0.0);
    let [refused_back, refused_back_fresh] = last(back.last_refused, 1.0);
    let squash = |x: f64| x / (1.0 + x.abs());
    [
        low,
        high,
        2.0 * middle - 1.0,
        high - low,
        squash(2.0 * flows[0] * kept[0]),
        squash(2.0 * flows[1] * kept[1]),
        ln(1.0 + there.passed * kept[1]),
        ln(1.0 + there.refused * kept[1]),
        ln(1.0 + back.passed * kept[1]),
        ln(1.0 + back.refused * kept[1]),
        passed,
        passed_fresh,
        refused,
        refused_fresh,
        passed_back,
        passed_back_fresh,
        refused_back,
        refused_back_fresh,
        if seen { fresh(past.at) } else { 0.0 },
        if seen { ln(1.0 + age(past.at)) / 2.0 } else { 1.0 },
    ]
}

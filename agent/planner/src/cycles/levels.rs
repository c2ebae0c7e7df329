//! The arcs that still carry flow, and the two sweeps over them: how long is the shortest cycle
//! through a node, and take all cycles of that length.
//!
//! It must never touch an arc whose remaining flow is below the minimum amount: such an arc is on
//! no cycle that may be returned.

use super::Cycle;
use crate::circulation::ResidualArc;

/// No level yet.
const UNSEEN: u32 = u32::MAX;

/// The remaining flow with the adjacency of its arcs.
#[derive(Debug)]
pub(super) struct Support {
    ends: Vec<(u32, u32)>,
    remaining: Vec<u64>,
    least: u64,
    /// Where each node's leaving arcs start in `out`, and where those that may still be usable end.
    out_start: Vec<u32>,
    out_end: Vec<u32>,
    out: Vec<u32>,
    in_start: Vec<u32>,
    into: Vec<u32>,
    /// Distance from the start of the present search; `UNSEEN` outside it.
    level: Vec<u32>,
    seen: Vec<u32>,
    /// Per node, the next leaving arc that the present sweep has not ruled out.
    cursor: Vec<u32>,
}

impl Support {
    /// The support of `flows` on arcs that carry at least `least`.
    pub fn new(nodes: u32, arcs: &[ResidualArc], flows: &[u64], least: u64) -> Support {
        let ends: Vec<(u32, u32)> = arcs.iter().map(|arc| (arc.tail, arc.head)).collect();
        let usable = |arc: &u32| flows[*arc as usize] >= least;
        let (out_start, out) = group(nodes, &ends, usable, |(tail, _)| tail);
        let (in_start, into) = group(nodes, &ends, usable, |(_, head)| head);
        let level = vec![UNSEEN; nodes as usize];
        let cursor = vec![0; nodes as usize];
        let remaining = flows.to_vec();
        let seen = Vec::new();
        let out_end = out_start[1..].to_vec();
        Support {
            ends,
            remaining,
            least,
            out_start,
            out_end,
            out,
            in_start,
            into,
            level,
            seen,
            cursor,
        }
    }

    /// How many nodes there are.
    pub fn nodes(&self) -> u32 {
        self.level.len() as u32
    }

    /// Where an arc starts.
    pub fn tail(&self, arc: u32) -> u32 {
        self.ends[arc as usize].0
    }

    /// Where an arc ends.
    pub fn head(&self, arc: u32) -> u32 {
        self.ends[arc as usize].1
    }

    /// The usable arcs that leave `node`, ascending.
    pub fn leaving(&self, node: u32) -> impl Iterator<Item = u32> {
        let range = self.out_start[node as usize] as usize..self.out_end[node as usize] as usize;
        self.out[range].iter().copied().filter(|&arc| self.usable(arc))
    }

    /// The usable arcs that enter `node`, ascending.
    pub fn entering(&self, node: u32) -> impl Iterator<Item = u32> {
        let range =
            self.in_start[node as usize] as usize..self.in_start[node as usize + 1] as usize;
        self.into[range].iter().copied().filter(|&arc| self.usable(arc))
    }

    fn usable(&self, arc: u32) -> bool {
        self.remaining[arc as usize] >= self.least
    }

    /// What no cycle took.
    pub fn into_remaining(self) -> Vec<u64> {
        self.remaining
    }

    /// The number of arcs of the shortest cycle through `node`, if there is one of at most
    /// `longest` arcs. Leaves the levels in place for [`Support::take_level`].
    pub fn shortest_through(&mut self, node: u32, longest: u32) -> Option<u32> {
        for &old in &self.seen {
            self.level[old as usize] = UNSEEN;
        }
        self.seen.clear();
        self.level[node as usize] = 0;
        self.seen.push(node);
        let mut turn = 0;
        while turn < self.seen.len() {
            let here = self.seen[turn];
            turn += 1;
            let next = self.level[here as usize] + 1;
            if next > longest {
                return None;
            }
            self.forget_spent(here);
            for place in self.out_start[here as usize]..self.out_end[here as usize] {
                let head = self.head(self.out[place as usize]);
                if head == node {
                    return Some(next);
                }
                if self.level[head as usize] == UNSEEN {
                    self.level[head as usize] = next;
                    self.seen.push(head);
                }
            }
        }
        None
    }

    /// Drops the arcs leaving `node` that no cycle can use any more, so that no later search looks
    /// at them.
    fn forget_spent(&mut self, node: u32) {
        let start = self.out_start[node as usize];
        let mut kept = start;
        for place in start..self.out_end[node as usize] {
            let arc = self.out[place as usize];
            if self.usable(arc) {
                self.out[kept as usize] = arc;
                kept += 1;
            }
        }
        self.out_end[node as usize] = kept;
    }

    /// Takes every cycle of exactly `hops` arcs through `start`, each with all it can carry, until
    /// `most` cycles are in `cycles`. Levels must be those of [`Support::shortest_through`], which
    /// found `hops`.
    pub fn take_level(&mut self, start: u32, hops: u32, most: usize, cycles: &mut Vec<Cycle>) {
        for &node in &self.seen {
            self.cursor[node as usize] = self.out_start[node as usize];
        }
        let mut path: Vec<u32> = Vec::with_capacity(hops as usize);
        let mut here = start;
        while cycles.len() < most {
            match self.step(start, here, hops) {
                Some(arc) => {
                    path.push(arc);
                    here = self.head(arc);
                    if here == start {
                        cycles.push(self.take(&path));
                        path.clear();
                    }
                }
                None => {
                    // Nothing leads on from here: rule out the arc that led here.
                    let Some(back) = path.pop() else { return };
                    here = self.tail(back);
                    self.cursor[here as usize] += 1;
                }
            }
        }
    }

    /// The next arc from `here` that goes one level down, or home from the last level.
    fn step(&mut self, start: u32, here: u32, hops: u32) -> Option<u32> {
        let next = self.level[here as usize] + 1;
        let end = self.out_end[here as usize];
        while self.cursor[here as usize] < end {
            let arc = self.out[self.cursor[here as usize] as usize];
            let head = self.head(arc);
            let onward = if next == hops {
                head == start
            } else {
                head != start && self.level[head as usize] == next
            };
            if onward && self.usable(arc) {
                return Some(arc);
            }
            self.cursor[here as usize] += 1;
        }
        None
    }

    /// Takes the most that the closed path carries.
    fn take(&mut self, path: &[u32]) -> Cycle {
        let amount_msat = path.iter().map(|&arc| self.remaining[arc as usize]).min().unwrap_or(0);
        for &arc in path {
            self.remaining[arc as usize] -= amount_msat;
        }
        Cycle { arcs: path.to_vec(), amount_msat }
    }
}

/// Arcs that are `usable`, grouped by one of their ends: where each node's group starts, and the
/// groups.
fn group(
    nodes: u32,
    ends: &[(u32, u32)],
    usable: impl Fn(&u32) -> bool,
    end: impl Fn((u32, u32)) -> u32,
) -> (Vec<u32>, Vec<u32>) {
    let mut starts = vec![0u32; nodes as usize + 1];
    let arcs: Vec<u32> = (0..ends.len() as u32).filter(usable).collect();
    for &arc in &arcs {
        starts[end(ends[arc as usize]) as usize + 1] += 1;
    }
    for node in 0..nodes as usize {
        starts[node + 1] += starts[node];
    }
    let mut fill = starts.clone();
    let mut grouped = vec![0; arcs.len()];
    for arc in arcs {
        let slot = &mut fill[end(ends[arc as usize]) as usize];
        grouped[*slot as usize] = arc;
        *slot += 1;
    }
    (starts, grouped)
}

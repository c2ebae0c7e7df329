//! The arcs that still carry flow, and the two sweeps over them: how long is the shortest cycle
//! through a node, and take all cycles of that length.
//!
//! It must never touch an arc whose remaining flow is below the minimum amount: such an arc is on
//! no cycle that may be returned.

use super::Cycle;
use crate::circulation::ResidualArc;

/// Not reached by the present search.
const UNSEEN: u32 = u32::MAX;

/// The remaining flow with the adjacency of its arcs, and the state of the present search.
#[derive(Debug)]
pub(super) struct Support {
    flow: Flow,
    leaving: Groups,
    entering: Groups,
    /// Distances from the start of the present search.
    ahead: Wave,
    /// Distances to the start of the present search.
    back: Wave,
    /// Per node, the next leaving arc that the present sweep has not ruled out.
    cursor: Vec<u32>,
}

/// The ends of every arc and what it still carries.
#[derive(Debug)]
struct Flow {
    ends: Vec<(u32, u32)>,
    remaining: Vec<u64>,
    least: u64,
}

impl Flow {
    fn usable(&self, arc: u32) -> bool {
        self.remaining[arc as usize] >= self.least
    }
}

/// Arcs grouped by one of their ends; each group shrinks as its arcs are spent.
#[derive(Debug)]
struct Groups {
    start: Vec<u32>,
    end: Vec<u32>,
    arcs: Vec<u32>,
}

impl Groups {
    fn new(nodes: u32, flow: &Flow, end_of: impl Fn((u32, u32)) -> u32) -> Groups {
        let mut start = vec![0u32; nodes as usize + 1];
        let usable: Vec<u32> =
            (0..flow.ends.len() as u32).filter(|&arc| flow.usable(arc)).collect();
        for &arc in &usable {
            start[end_of(flow.ends[arc as usize]) as usize + 1] += 1;
        }
        for node in 0..nodes as usize {
            start[node + 1] += start[node];
        }
        let mut end = start[..nodes as usize].to_vec();
        let mut arcs = vec![0; usable.len()];
        for arc in usable {
            let slot = &mut end[end_of(flow.ends[arc as usize]) as usize];
            arcs[*slot as usize] = arc;
            *slot += 1;
        }
        Groups { start, end, arcs }
    }

    fn at(&self, node: u32) -> &[u32] {
        &self.arcs[self.start[node as usize] as usize..self.end[node as usize] as usize]
    }

    /// Drops the arcs at `node` that no cycle can use any more, so that no later search looks at
    /// them.
    fn forget_spent(&mut self, node: u32, flow: &Flow) {
        let start = self.start[node as usize];
        let mut kept = start;
        for place in start..self.end[node as usize] {
            let arc = self.arcs[place as usize];
            if flow.usable(arc) {
                self.arcs[kept as usize] = arc;
                kept += 1;
            }
        }
        self.end[node as usize] = kept;
    }
}

/// A breadth-first search that advances one whole level at a time.
#[derive(Debug)]
struct Wave {
    distance: Vec<u32>,
    /// Every node reached, in order.
    seen: Vec<u32>,
    /// Where the last level starts in `seen`.
    front: usize,
    /// The distance of the last level.
    radius: u32,
}

impl Wave {
    fn new(nodes: u32) -> Wave {
        Wave { distance: vec![UNSEEN; nodes as usize], seen: Vec::new(), front: 0, radius: 0 }
    }

    fn restart(&mut self, node: u32) {
        for &old in &self.seen {
            self.distance[old as usize] = UNSEEN;
        }
        self.seen.clear();
        self.seen.push(node);
        self.distance[node as usize] = 0;
        (self.front, self.radius) = (0, 0);
    }

    fn at(&self, node: u32) -> u32 {
        self.distance[node as usize]
    }

    /// How many nodes the last level has.
    fn breadth(&self) -> usize {
        self.seen.len() - self.front
    }

    /// Reaches one level further; whether a node was reached that `other` has reached too.
    fn advance(
        &mut self,
        groups: &mut Groups,
        flow: &Flow,
        far_end: impl Fn((u32, u32)) -> u32,
        other: &Wave,
    ) -> bool {
        let (first, last) = (self.front, self.seen.len());
        (self.front, self.radius) = (last, self.radius + 1);
        let mut met = false;
        for turn in first..last {
            let node = self.seen[turn];
            groups.forget_spent(node, flow);
            for &arc in groups.at(node) {
                let next = far_end(flow.ends[arc as usize]);
                if self.at(next) == UNSEEN {
                    self.distance[next as usize] = self.radius;
                    self.seen.push(next);
                    met |= other.at(next) != UNSEEN;
                }
            }
        }
        met
    }
}

impl Support {
    /// The support of `flows` on arcs that carry at least `least`.
    pub fn new(nodes: u32, arcs: &[ResidualArc], flows: &[u64], least: u64) -> Support {
        let ends = arcs.iter().map(|arc| (arc.tail, arc.head)).collect();
        let flow = Flow { ends, remaining: flows.to_vec(), least };
        let leaving = Groups::new(nodes, &flow, |(tail, _)| tail);
        let entering = Groups::new(nodes, &flow, |(_, head)| head);
        let cursor = vec![0; nodes as usize];
        let (ahead, back) = (Wave::new(nodes), Wave::new(nodes));
        Support { flow, leaving, entering, ahead, back, cursor }
    }

    /// How many nodes there are.
    pub fn nodes(&self) -> u32 {
        self.cursor.len() as u32
    }

    /// The nodes that a usable arc leads to from `node`, one entry per arc.
    pub fn after(&self, node: u32) -> impl Iterator<Item = u32> {
        self.leaving.at(node).iter().map(|&arc| self.flow.ends[arc as usize].1)
    }

    /// The nodes from which a usable arc leads to `node`, one entry per arc.
    pub fn before(&self, node: u32) -> impl Iterator<Item = u32> {
        self.entering.at(node).iter().map(|&arc| self.flow.ends[arc as usize].0)
    }

    /// What no cycle took.
    pub fn into_remaining(self) -> Vec<u64> {
        self.flow.remaining
    }

    /// The number of arcs of the shortest cycle through `node`, if there is one of at most
    /// `longest` arcs. Leaves the distances in place for [`Support::take_level`].
    ///
    /// Two waves run from `node`, along the arcs and against them. As long as the sum of their
    /// radii is below the length of the shortest cycle, no node but the start is in both (it would
    /// close a shorter one); when the sum reaches that length, the cycle's node at the rim is.
    pub fn shortest_through(&mut self, node: u32, longest: u32) -> Option<u32> {
        self.ahead.restart(node);
        self.back.restart(node);
        loop {
            let (ahead, back) = (&mut self.ahead, &mut self.back);
            if ahead.radius + back.radius >= longest || ahead.breadth() == 0 || back.breadth() == 0
            {
                return None;
            }
            // Both must leave the start once; from then on the narrower one advances.
            let forward =
                ahead.radius == 0 || (back.radius > 0 && ahead.breadth() <= back.breadth());
            let met = if forward {
                ahead.advance(&mut self.leaving, &self.flow, |(_, head)| head, back)
            } else {
                back.advance(&mut self.entering, &self.flow, |(tail, _)| tail, ahead)
            };
            if met {
                return Some(self.ahead.radius + self.back.radius);
            }
        }
    }

    /// Takes every cycle of exactly `hops` arcs through `start`, each with all it can carry, until
    /// `most` cycles are in `cycles`. Distances must be those of [`Support::shortest_through`],
    /// which found `hops`.
    pub fn take_level(&mut self, start: u32, hops: u32, most: usize, cycles: &mut Vec<Cycle>) {
        for &node in self.ahead.seen.iter().chain(&self.back.seen) {
            self.cursor[node as usize] = self.leaving.start[node as usize];
        }
        let mut path: Vec<u32> = Vec::with_capacity(hops as usize);
        let mut here = start;
        while cycles.len() < most {
            if let Some(arc) = self.step(start, here, path.len() as u32 + 1, hops) {
                path.push(arc);
                here = self.flow.ends[arc as usize].1;
                if here == start {
                    cycles.push(self.take(&path));
                    path.clear();
                }
            } else {
                // Nothing leads on from here: rule out the arc that led here.
                let Some(back) = path.pop() else { return };
                here = self.flow.ends[back as usize].0;
                self.cursor[here as usize] += 1;
            }
        }
    }

    /// The next arc from `here` to a node that can be the one number `place` of a cycle.
    fn step(&mut self, start: u32, here: u32, place: u32, hops: u32) -> Option<u32> {
        let end = self.leaving.end[here as usize];
        while self.cursor[here as usize] < end {
            let arc = self.leaving.arcs[self.cursor[here as usize] as usize];
            let head = self.flow.ends[arc as usize].1;
            if self.flow.usable(arc) && self.fits(start, head, place, hops) {
                return Some(arc);
            }
            self.cursor[here as usize] += 1;
        }
        None
    }

    /// Whether `node` can be number `place` of a cycle: known by its distance from the start up to
    /// the rim of the wave ahead, and by its distance to the start from the rim on. A node fits at
    /// one place at most, so no cycle has it twice.
    fn fits(&self, start: u32, node: u32, place: u32, hops: u32) -> bool {
        if place == hops {
            return node == start;
        }
        let rim = self.ahead.radius;
        let reached = place > rim || self.ahead.at(node) == place;
        let returns = place < rim || self.back.at(node) == hops - place;
        reached && returns
    }

    /// Takes the most that the closed path carries.
    fn take(&mut self, path: &[u32]) -> Cycle {
        let remaining = &mut self.flow.remaining;
        let amount_msat = path.iter().map(|&arc| remaining[arc as usize]).min().unwrap_or(0);
        for &arc in path {
            remaining[arc as usize] -= amount_msat;
        }
        Cycle { arcs: path.to_vec(), amount_msat }
    }
}

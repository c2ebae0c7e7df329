//! A small set of nodes that every cycle touches.
//!
//! It must never miss a cycle: a node is dropped only when nothing enters it or nothing leaves it
//! any more, counting only nodes that are neither dropped nor chosen.

use std::collections::BTreeSet;

use super::levels::Support;

/// Chooses, again and again, the busiest node that may still lie on a cycle. Busiest first, ties to
/// the lower number.
pub(super) fn cycle_cover(support: &Support) -> Vec<u32> {
    let nodes = support.nodes();
    let mut degrees = Degrees::new(support);
    let mut queue: BTreeSet<(u64, u32)> = BTreeSet::new();
    let mut idle: Vec<u32> = Vec::new();
    for node in 0..nodes {
        if degrees.product(node) == 0 {
            idle.push(node);
        } else {
            queue.insert((degrees.product(node), node));
        }
    }
    let mut chosen = Vec::new();
    loop {
        while let Some(node) = idle.pop() {
            degrees.remove(support, node, &mut queue, &mut idle);
        }
        // The set is ordered by busyness, then by number: take the last degree's first node.
        let Some(&(busiest, _)) = queue.last() else { return chosen };
        let Some(&(_, node)) = queue.range((busiest, 0)..).next() else { return chosen };
        queue.remove(&(busiest, node));
        chosen.push(node);
        degrees.remove(support, node, &mut queue, &mut idle);
    }
}

/// How many usable arcs enter and leave each node that is still there.
struct Degrees {
    into: Vec<u32>,
    out: Vec<u32>,
    gone: Vec<bool>,
}

impl Degrees {
    fn new(support: &Support) -> Degrees {
        let nodes = support.nodes() as usize;
        let mut degrees =
            Degrees { into: vec![0; nodes], out: vec![0; nodes], gone: vec![false; nodes] };
        for node in 0..support.nodes() {
            for head in support.after(node) {
                degrees.out[node as usize] += 1;
                degrees.into[head as usize] += 1;
            }
        }
        degrees
    }

    fn product(&self, node: u32) -> u64 {
        u64::from(self.into[node as usize]) * u64::from(self.out[node as usize])
    }

    /// Takes `node` out; neighbours that nothing enters or leaves any more move from `queue` to
    /// `idle`.
    fn remove(
        &mut self,
        support: &Support,
        node: u32,
        queue: &mut BTreeSet<(u64, u32)>,
        idle: &mut Vec<u32>,
    ) {
        self.gone[node as usize] = true;
        let after = support.after(node).map(|head| (head, true));
        let before = support.before(node).map(|tail| (tail, false));
        for (other, loses_entry) in after.chain(before) {
            if self.gone[other as usize] || self.product(other) == 0 {
                continue;
            }
            queue.remove(&(self.product(other), other));
            let side = if loses_entry { &mut self.into } else { &mut self.out };
            side[other as usize] -= 1;
            if self.product(other) == 0 {
                idle.push(other);
            } else {
                queue.insert((self.product(other), other));
            }
        }
    }
}

//! What happens between runs: a flow that no longer fits is repaired, and one that cannot exist is
//! explained.
//!
//! It must never lose a unit: what a repaired basis cannot carry goes over artificial arcs, which
//! the next run empties.

use super::Cut;
use super::cost::Cost;
use super::pivot::{Engine, Load};
use super::pricing::{Priced, Standing};
use super::tree::{Hung, Tree};

impl<C: Cost> Engine<C> {
    /// At the optimum: the set of nodes that holds more than can leave it, if there is one. Supply
    /// that still flows to the root could not be placed; what it can still reach cannot let it out.
    pub fn cut(&self) -> Option<Cut> {
        let nodes = self.spots.len() - 1;
        let mut reached = vec![false; nodes];
        let mut queue: Vec<u32> = Vec::new();
        let mut excess = 0;
        for (&spot, arc) in self.spots.iter().zip(self.real_arcs..self.priced.len()) {
            if self.loads[arc].flow > 0 && self.priced[arc].tail == spot {
                excess += self.loads[arc].flow;
                reached[spot as usize] = true;
                queue.push(spot);
            }
        }
        if queue.is_empty() {
            return None;
        }
        let around = self.incidence(nodes);
        while let Some(node) = queue.pop() {
            for &arc in &around[node as usize] {
                let Priced { tail, head, .. } = self.priced[arc as usize];
                let Load { flow, capacity } = self.loads[arc as usize];
                let open = if tail == node { flow < capacity } else { flow > 0 };
                let other = if tail == node { head } else { tail };
                if open && !reached[other as usize] {
                    reached[other as usize] = true;
                    queue.push(other);
                }
            }
        }
        let leaves = |arc: &u32| {
            let arc = self.priced[self.slots[*arc as usize] as usize];
            reached[arc.tail as usize] && !reached[arc.head as usize]
        };
        let arcs = (0..self.real_arcs as u32).filter(leaves).collect();
        let nodes =
            (0..nodes as u32).filter(|&node| reached[self.spots[node as usize] as usize]).collect();
        Some(Cut { nodes, arcs, excess })
    }

    fn incidence(&self, nodes: usize) -> Vec<Vec<u32>> {
        let mut around = vec![Vec::new(); nodes];
        for (index, arc) in (0u32..).zip(&self.priced[..self.real_arcs]) {
            around[arc.tail as usize].push(index);
            around[arc.head as usize].push(index);
        }
        around
    }

    /// Makes the flow meet `supplies` within the present capacities again, keeping as much of the
    /// basis as can stay strongly feasible: a tree arc that would have to carry too much, too
    /// little, or could send nothing towards the root, leaves for the artificial arc of the node
    /// below it. Potentials are stale afterwards. False if an artificial flow would not fit 64
    /// bits; then only a fresh start helps.
    pub fn repair(&mut self, supplies: &[i64]) -> bool {
        let nodes = supplies.len() as u32;
        let mut excess: Vec<i128> = vec![0; supplies.len() + 1];
        for (&spot, &supply) in self.spots.iter().zip(supplies) {
            excess[spot as usize] = i128::from(supply);
        }
        for arc in 0..self.real_arcs {
            let load = &mut self.loads[arc];
            match self.standings[arc] {
                Standing::Basic => continue,
                Standing::Empty => load.flow = 0,
                Standing::Full => load.flow = load.capacity,
            }
            let Priced { tail, head, .. } = self.priced[arc];
            excess[tail as usize] -= i128::from(load.flow);
            excess[head as usize] += i128::from(load.flow);
        }
        let mut order = Vec::with_capacity(supplies.len());
        let mut node = self.tree.next(nodes);
        while node != nodes {
            order.push(node);
            node = self.tree.next(node);
        }
        let mut hung = vec![Hung::default(); supplies.len()];
        for &node in order.iter().rev() {
            let Some(place) = self.settle(node, nodes, &mut excess) else { return false };
            hung[node as usize] = place;
        }
        self.tree = Tree::hang_all(&hung);
        true
    }

    /// One step of [`Engine::repair`]: decides what `node` hangs by and passes its excess on.
    fn settle(&mut self, node: u32, root: u32, excess: &mut [i128]) -> Option<Hung> {
        let place = *self.tree.at(node);
        let arc = place.arc as usize;
        let here = excess[node as usize];
        let wanted = if place.up { here } else { -here };
        let capacity = i128::from(self.loads[arc].capacity);
        let holds = wanted >= 0 && wanted <= capacity;
        let loose = if place.up { wanted < capacity } else { wanted > 0 };
        if holds && loose {
            self.loads[arc].flow = i64::try_from(wanted).ok()?;
            excess[place.parent as usize] += here;
            return Some(Hung { parent: place.parent, arc: place.arc, up: place.up });
        }
        let mut left = here;
        if arc < self.real_arcs {
            let flow = i64::try_from(wanted.clamp(0, capacity)).ok()?;
            self.loads[arc].flow = flow;
            self.standings[arc] = if flow == 0 { Standing::Empty } else { Standing::Full };
            let sent = if place.up { i128::from(flow) } else { -i128::from(flow) };
            excess[place.parent as usize] += sent;
            left -= sent;
        }
        let artificial = self.real_arcs as u32 + self.names[node as usize];
        let up = left >= 0;
        self.loads[artificial as usize].flow = i64::try_from(left.abs()).ok()?;
        let priced = &mut self.priced[artificial as usize];
        (priced.tail, priced.head) = if up { (node, root) } else { (root, node) };
        self.standings[artificial as usize] = Standing::Basic;
        Some(Hung { parent: root, arc: artificial, up })
    }
}

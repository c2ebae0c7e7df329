//! The engine: basis, flows and potentials, and the pivot that moves from one basis to the next.
//!
//! It must never meet unchecked input (`super::check` comes first) and never let an artificial arc
//! enter the basis. Numbers stay in range: flows are between zero and capacity (2^61), artificial
//! flows never exceed the total supply (2^62) because a cycle through the root that fills two
//! artificial arcs costs more than any path can earn, and potentials stay within twice the
//! artificial cost (2^61).

use super::pricing::{BlockSearch, Priced, Standing};
use super::tree::Tree;
use super::{Cut, Problem};

/// Flow and room of one arc.
#[derive(Debug, Clone, Copy)]
struct Load {
    flow: i64,
    capacity: i64,
}

/// Which arc leaves the basis: the tree arc above a node, on one of the two sides of the cycle.
#[derive(Debug, Clone, Copy)]
enum Leaving {
    /// The entering arc itself meets its other bound.
    Entering,
    /// The arc above this node, on the side of the entering arc's start.
    BeforeEntering(u32),
    /// The arc above this node, on the side of the entering arc's end.
    AfterEntering(u32),
}

/// The state between pivots. Real arcs come first, then one artificial arc per node.
#[derive(Debug)]
pub(super) struct Engine {
    real_arcs: usize,
    priced: Vec<Priced>,
    loads: Vec<Load>,
    standings: Vec<Standing>,
    potentials: Vec<i64>,
    tree: Tree,
}

impl Engine {
    /// The artificial start: all arcs empty, every supply sent to the root or fetched from it.
    pub fn new(problem: &Problem) -> Engine {
        let (nodes, real_arcs) = (problem.nodes, problem.arcs.len());
        let total = real_arcs + nodes as usize;
        let artificial_cost = artificial_cost(problem);
        let mut priced = Vec::with_capacity(total);
        let mut loads = Vec::with_capacity(total);
        for arc in &problem.arcs {
            priced.push(Priced { cost: arc.cost, tail: arc.tail, head: arc.head });
            loads.push(Load { flow: 0, capacity: arc.capacity });
        }
        let mut potentials = Vec::with_capacity(nodes as usize + 1);
        for (node, &supply) in (0..nodes).zip(&problem.supplies) {
            let (tail, head) = if supply >= 0 { (node, nodes) } else { (nodes, node) };
            priced.push(Priced { cost: artificial_cost, tail, head });
            loads.push(Load { flow: supply.abs(), capacity: i64::MAX });
            potentials.push(if supply >= 0 { -artificial_cost } else { artificial_cost });
        }
        potentials.push(0);
        let mut standings = vec![Standing::Empty; real_arcs];
        standings.resize(total, Standing::Basic);
        let tree = Tree::star(nodes, real_arcs as u32, |v| problem.supplies[v as usize] >= 0);
        Engine { real_arcs, priced, loads, standings, potentials, tree }
    }

    /// Pivots until no arc violates its reduced cost. Returns how many pivots that took.
    pub fn run(&mut self) -> u64 {
        let mut search = BlockSearch::new(self.real_arcs);
        let mut pivots = 0;
        let real = self.real_arcs;
        while let Some(entering) =
            search.next(&self.priced[..real], &self.standings[..real], &self.potentials)
        {
            self.pivot(entering);
            pivots += 1;
        }
        pivots
    }

    /// Sends as much as fits around the cycle that `entering` closes, and exchanges it for the arc
    /// that blocks.
    fn pivot(&mut self, entering: u32) {
        let Priced { tail, head, .. } = self.priced[entering as usize];
        let grows = self.standings[entering as usize] == Standing::Empty;
        let (first, second) = if grows { (tail, head) } else { (head, tail) };
        let join = self.tree.join(first, second);
        let (amount, leaving) = self.ratio_test(entering, first, second, join);
        if amount > 0 {
            let load = &mut self.loads[entering as usize];
            load.flow += if grows { amount } else { -amount };
            self.shift(first, join, -amount);
            self.shift(second, join, amount);
        }
        let (cut, inner, outer) = match leaving {
            Leaving::Entering => {
                let flipped = if grows { Standing::Full } else { Standing::Empty };
                self.standings[entering as usize] = flipped;
                return;
            }
            Leaving::BeforeEntering(cut) => (cut, first, second),
            Leaving::AfterEntering(cut) => (cut, second, first),
        };
        let left = self.tree.at(cut).arc as usize;
        let emptied = self.loads[left].flow == 0;
        self.standings[left] = if emptied { Standing::Empty } else { Standing::Full };
        self.standings[entering as usize] = Standing::Basic;
        let up = tail == inner;
        self.tree.hang(cut, inner, outer, entering, up, join);
        self.reprice(entering, inner, outer, up);
    }

    /// How much fits around the cycle, and which arc blocks first. Walking along the cycle from the
    /// join, the *last* blocking arc leaves: that is what keeps the tree strongly feasible.
    fn ratio_test(&self, entering: u32, first: u32, second: u32, join: u32) -> (i64, Leaving) {
        let mut amount = self.loads[entering as usize].capacity;
        let mut leaving = Leaving::Entering;
        let mut node = first;
        while node != join {
            let place = self.tree.at(node);
            let Load { flow, capacity } = self.loads[place.arc as usize];
            let room = if place.up { flow } else { capacity - flow };
            if room < amount {
                (amount, leaving) = (room, Leaving::BeforeEntering(node));
            }
            node = place.parent;
        }
        let mut node = second;
        while node != join {
            let place = self.tree.at(node);
            let Load { flow, capacity } = self.loads[place.arc as usize];
            let room = if place.up { capacity - flow } else { flow };
            if room <= amount {
                (amount, leaving) = (room, Leaving::AfterEntering(node));
            }
            node = place.parent;
        }
        (amount, leaving)
    }

    /// Adds `upward` to what flows from `node` up to `join` (negative: it flows down).
    fn shift(&mut self, mut node: u32, join: u32, upward: i64) {
        while node != join {
            let place = self.tree.at(node);
            self.loads[place.arc as usize].flow += if place.up { upward } else { -upward };
            node = place.parent;
        }
    }

    /// Restores a reduced cost of zero on the arc that entered, by shifting the potentials of the
    /// subtree it carries.
    fn reprice(&mut self, entering: u32, inner: u32, outer: u32, up: bool) {
        let cost = self.priced[entering as usize].cost;
        let wanted = self.potentials[outer as usize] + if up { -cost } else { cost };
        let change = wanted - self.potentials[inner as usize];
        let mut node = inner;
        for _ in 0..self.tree.at(inner).size {
            self.potentials[node as usize] += change;
            node = self.tree.next(node);
        }
    }

    /// At the optimum: the set of nodes that holds more than can leave it, if there is one. Supply
    /// that still flows to the root could not be placed; what it can still reach cannot let it out.
    pub fn cut(&self, problem: &Problem) -> Option<Cut> {
        let nodes = problem.nodes as usize;
        let mut reached = vec![false; nodes];
        let mut queue: Vec<u32> = Vec::new();
        let mut excess = 0;
        let artificial = &self.loads[self.real_arcs..];
        for ((node, load), &supply) in (0u32..).zip(artificial).zip(&problem.supplies) {
            if load.flow > 0 && supply >= 0 {
                excess += load.flow;
                reached[node as usize] = true;
                queue.push(node);
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
        let leaves = |a: &u32| {
            let arc = self.priced[*a as usize];
            reached[arc.tail as usize] && !reached[arc.head as usize]
        };
        let arcs = (0..self.real_arcs as u32).filter(leaves).collect();
        let nodes = (0..problem.nodes).filter(|&v| reached[v as usize]).collect();
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

    /// The flows of the real arcs and the potentials of the real nodes.
    pub fn into_answer(mut self) -> (Vec<i64>, Vec<i64>) {
        let flows = self.loads[..self.real_arcs].iter().map(|load| load.flow).collect();
        self.potentials.pop();
        (flows, self.potentials)
    }
}

/// A cost that no path can outweigh, so that artificial arcs empty whenever they can. Where no node
/// has a supply they never carry anything at all (each points at the root, and none can be emptied
/// below zero), so they may be free; then potentials are plain prices instead of prices plus a
/// large constant.
fn artificial_cost(problem: &Problem) -> i64 {
    if problem.supplies.iter().all(|&supply| supply == 0) {
        return 0;
    }
    let largest = problem.arcs.iter().map(|arc| arc.cost.abs()).max().unwrap_or(0);
    (largest + 1) * (i64::from(problem.nodes) + 1)
}

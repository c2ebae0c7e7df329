//! The engine: basis, flows and potentials, and the pivot that moves from one basis to the next.
//!
//! It must never meet unchecked input (`super::check` comes first) and never let an artificial arc
//! enter the basis. Numbers stay in range: flows are between zero and capacity (2^61), artificial
//! flows never exceed the total supply (2^62) because a cycle through the root that fills two
//! artificial arcs costs more than any path can earn, and potentials differ from the root's by at
//! most twice the artificial cost (2^61). Only differences count: the root's own potential drifts,
//! since of a subtree and the rest the smaller side is moved, and sums may wrap.

use super::cost::Cost;
use super::pricing::{Market, Priced, Pricing, Search, Standing};
use super::tree::Tree;

/// Flow and room of one arc.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    /// What it carries.
    pub flow: i64,
    /// The most it carries.
    pub capacity: i64,
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

/// How many nodes a reprice may walk per node and arc before nodes are numbered anew.
const WALKS: u64 = 8;

/// The state between pivots.
///
/// Inside, arcs have *slots* and nodes have *spots*. Slots deal the arcs out like cards, so that a
/// block of pricing sees arcs from everywhere even where the caller's order follows the geography.
/// Spots follow the preorder of the tree and are dealt anew now and then, so that walking a subtree
/// walks memory in order. Real arcs come first, then one artificial arc per node.
#[derive(Debug, Clone)]
pub(crate) struct Engine<C> {
    pub(super) real_arcs: usize,
    /// Per real arc, its slot.
    pub(super) slots: Vec<u32>,
    /// Per node, the root included, its spot.
    pub(super) spots: Vec<u32>,
    /// Per spot, its node.
    pub(super) names: Vec<u32>,
    /// Nodes repriced since spots were dealt.
    walked: u64,
    pub(super) priced: Vec<Priced<C>>,
    pub(super) loads: Vec<Load>,
    pub(super) standings: Vec<Standing>,
    potentials: Vec<C>,
    pub(super) tree: Tree,
    search: Search,
}

/// A real arc as the engine takes it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Way<C> {
    /// The node it leaves.
    pub tail: u32,
    /// The node it enters.
    pub head: u32,
    /// The most it carries.
    pub capacity: i64,
    /// Cost per unit.
    pub cost: C,
}

impl<C: Cost> Engine<C> {
    /// The artificial start: all arcs empty, every supply sent to the root or fetched from it over
    /// arcs that cost `artificial`.
    pub fn new(supplies: &[i64], ways: impl Iterator<Item = Way<C>>, artificial: C) -> Engine<C> {
        let nodes = supplies.len() as u32;
        let ways: Vec<Way<C>> = ways.collect();
        let real_arcs = ways.len();
        let (mut priced, mut loads) = (Vec::new(), Vec::new());
        let mut slots = vec![0; real_arcs];
        let stride = real_arcs.isqrt().max(1);
        for arc in (0..stride).flat_map(|first| (first..real_arcs).step_by(stride)) {
            slots[arc] = priced.len() as u32;
            let way = ways[arc];
            priced.push(Priced { cost: way.cost, tail: way.tail, head: way.head });
            loads.push(Load { flow: 0, capacity: way.capacity });
        }
        let mut potentials = Vec::with_capacity(nodes as usize + 1);
        for (node, &supply) in (0..nodes).zip(supplies) {
            let (tail, head) = if supply >= 0 { (node, nodes) } else { (nodes, node) };
            priced.push(Priced { cost: artificial, tail, head });
            loads.push(Load { flow: supply.abs(), capacity: i64::MAX });
            potentials.push(if supply >= 0 { -artificial } else { artificial });
        }
        potentials.push(C::ZERO);
        let mut standings = vec![Standing::Empty; real_arcs];
        standings.resize(priced.len(), Standing::Basic);
        let tree = Tree::star(nodes, real_arcs as u32, |v| supplies[v as usize] >= 0);
        let search = Search::new(real_arcs, Pricing::default());
        let spots: Vec<u32> = (0..=nodes).collect();
        let names = spots.clone();
        let walked = 0;
        Engine {
            real_arcs,
            slots,
            spots,
            names,
            walked,
            priced,
            loads,
            standings,
            potentials,
            tree,
            search,
        }
    }

    /// Chooses entering arcs by another rule from now on.
    pub fn set_pricing(&mut self, rule: Pricing) {
        self.search = Search::new(self.real_arcs, rule);
    }

    /// Pivots until no arc violates its reduced cost, at most `budget` times. Returns how many
    /// pivots that took and whether the optimum is reached.
    pub fn run(&mut self, budget: u64) -> (u64, bool) {
        let mut pivots = 0;
        let real = self.real_arcs;
        let patience = (self.priced.len() as u64).saturating_mul(WALKS);
        loop {
            if self.walked > patience {
                self.deal_spots();
            }
            let (arcs, standings) = (&self.priced[..real], &self.standings[..real]);
            let market = Market { arcs, standings, potentials: &self.potentials };
            let Some(entering) = self.search.next(&market) else {
                return (pivots, true);
            };
            if pivots == budget {
                return (pivots, false);
            }
            self.pivot(entering);
            pivots += 1;
        }
    }

    /// Numbers the nodes in the preorder of the present tree.
    fn deal_spots(&mut self) {
        let olds = self.tree.renumber();
        let mut news = vec![0; olds.len()];
        for (new, &old) in (0u32..).zip(&olds) {
            news[old as usize] = new;
        }
        self.potentials = olds.iter().map(|&old| self.potentials[old as usize]).collect();
        self.names = olds.iter().map(|&old| self.names[old as usize]).collect();
        for spot in &mut self.spots {
            *spot = news[*spot as usize];
        }
        for arc in &mut self.priced {
            (arc.tail, arc.head) = (news[arc.tail as usize], news[arc.head as usize]);
        }
        self.walked = 0;
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
        let Load { flow, capacity } = self.loads[entering as usize];
        let grows = self.standings[entering as usize] == Standing::Empty;
        let mut amount = if grows { capacity - flow } else { flow };
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
    /// subtree it carries against those of all other nodes: whichever are fewer move.
    fn reprice(&mut self, entering: u32, inner: u32, outer: u32, up: bool) {
        let cost = self.priced[entering as usize].cost;
        let outside = self.potentials[outer as usize];
        let wanted = if up { outside.minus(cost) } else { outside.plus(cost) };
        let change = wanted.minus(self.potentials[inner as usize]);
        let (all, inside) = (self.potentials.len() as u32, self.tree.at(inner).size);
        if inside <= all / 2 {
            self.shift_prices(inner, inside, change);
        } else {
            let beyond = self.tree.next(self.tree.last(inner));
            self.shift_prices(beyond, all - inside, C::ZERO.minus(change));
        }
    }

    /// Adds `change` to the potentials of `count` nodes from `node` on in preorder. Since spots
    /// follow the preorder, most of them lie in a row.
    fn shift_prices(&mut self, mut node: u32, count: u32, change: C) {
        let mut left = count as usize;
        while left > 0 {
            let length = self.tree.run(node, left);
            let start = node as usize;
            for slot in &mut self.potentials[start..start + length] {
                *slot = slot.plus(change);
            }
            node = self.tree.next((start + length - 1) as u32);
            left -= length;
        }
        self.walked += u64::from(count);
    }

    /// The flow on a real arc.
    pub fn flow(&self, arc: u32) -> i64 {
        self.loads[self.slots[arc as usize] as usize].flow
    }

    /// The reduced cost of a real arc.
    pub fn reduced(&self, arc: u32) -> C {
        let Priced { cost, tail, head } = self.priced[self.slots[arc as usize] as usize];
        cost.plus(self.potentials[tail as usize]).minus(self.potentials[head as usize])
    }

    /// The flows of the real arcs.
    pub fn flows(&self) -> Vec<i64> {
        self.slots.iter().map(|&slot| self.loads[slot as usize].flow).collect()
    }

    /// The potentials of the real nodes, with the root at zero.
    pub fn potentials(&self) -> Vec<C> {
        let (root, nodes) = (self.spots.len() - 1, &self.spots[..self.spots.len() - 1]);
        nodes
            .iter()
            .map(|&spot| self.potentials[spot as usize].minus(self.potentials[root]))
            .collect()
    }

    /// Whether any supply is still sent to the root or fetched from it.
    pub fn is_short(&self) -> bool {
        self.loads[self.real_arcs..].iter().any(|load| load.flow > 0)
    }

    /// Changes what an arc costs. Potentials are stale until [`Engine::reprice_all`]; the flow
    /// stays feasible.
    pub fn set_cost(&mut self, arc: u32, cost: C) {
        self.priced[self.slots[arc as usize] as usize].cost = cost;
    }

    /// Changes the capacity of a real arc. The flow is stale until [`Engine::repair`].
    pub fn set_capacity(&mut self, arc: u32, capacity: i64) {
        self.loads[self.slots[arc as usize] as usize].capacity = capacity;
    }

    /// Whether the flow and the tree can stay as they are when a real arc has this capacity: it
    /// carries no more, and where it leads to the root, less.
    pub fn fits(&self, arc: u32, capacity: i64) -> bool {
        let slot = self.slots[arc as usize];
        let (tail, flow) = (self.priced[slot as usize].tail, self.loads[slot as usize].flow);
        match self.standings[slot as usize] {
            Standing::Empty => true,
            Standing::Full => flow == capacity,
            Standing::Basic => {
                let place = self.tree.at(tail);
                flow < capacity || (flow == capacity && !(place.arc == slot && place.up))
            }
        }
    }

    /// Gives a real arc more room. One that is full takes up what fits, in a pivot: the basis was
    /// optimal, so that costs nothing, and no flow has to be repaired. Whether there was a pivot.
    pub fn widen(&mut self, arc: u32, capacity: i64) -> bool {
        let slot = self.slots[arc as usize];
        let standing = &mut self.standings[slot as usize];
        let full = *standing == Standing::Full;
        self.loads[slot as usize].capacity = capacity;
        if full {
            *standing = Standing::Empty;
            self.pivot(slot);
        }
        full
    }

    /// Changes what artificial arcs cost.
    pub fn set_artificial_cost(&mut self, cost: C) {
        for priced in &mut self.priced[self.real_arcs..] {
            priced.cost = cost;
        }
    }

    /// Recomputes all potentials from the costs of the tree arcs.
    pub fn reprice_all(&mut self) {
        let root = (self.potentials.len() - 1) as u32;
        self.potentials[root as usize] = C::ZERO;
        let mut node = self.tree.next(root);
        while node != root {
            let place = self.tree.at(node);
            let (above, cost) =
                (self.potentials[place.parent as usize], self.priced[place.arc as usize].cost);
            self.potentials[node as usize] =
                if place.up { above.minus(cost) } else { above.plus(cost) };
            node = self.tree.next(node);
        }
    }
}

//! The engine: basis, flows and potentials, and the pivot that moves from one basis to the next.
//!
//! It must never meet unchecked input (`super::check` comes first) and never let an artificial arc
//! enter the basis. Numbers stay in range: flows are between zero and capacity (2^61), artificial
//! flows never exceed the total supply (2^62) because a cycle through the root that fills two
//! artificial arcs costs more than any path can earn, and potentials stay within twice the
//! artificial cost (2^61).

use super::Cut;
use super::cost::Cost;
use super::pricing::{BlockSearch, Priced, Standing};
use super::tree::{Hung, Tree};

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
#[derive(Debug, Clone)]
pub(crate) struct Engine<C> {
    real_arcs: usize,
    priced: Vec<Priced<C>>,
    loads: Vec<Load>,
    standings: Vec<Standing>,
    potentials: Vec<C>,
    tree: Tree,
    search: BlockSearch,
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
        let (mut priced, mut loads) = (Vec::new(), Vec::new());
        for way in ways {
            priced.push(Priced { cost: way.cost, tail: way.tail, head: way.head });
            loads.push(Load { flow: 0, capacity: way.capacity });
        }
        let real_arcs = priced.len();
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
        let search = BlockSearch::new(real_arcs);
        Engine { real_arcs, priced, loads, standings, potentials, tree, search }
    }

    /// Pivots until no arc violates its reduced cost, at most `budget` times. Returns how many
    /// pivots that took and whether the optimum is reached.
    pub fn run(&mut self, budget: u64) -> (u64, bool) {
        let mut pivots = 0;
        let real = self.real_arcs;
        loop {
            let (priced, standings) = (&self.priced[..real], &self.standings[..real]);
            let Some(entering) = self.search.next(priced, standings, &self.potentials) else {
                return (pivots, true);
            };
            if pivots == budget {
                return (pivots, false);
            }
            self.pivot(entering);
            pivots += 1;
        }
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
            let slot = &mut self.potentials[node as usize];
            *slot = *slot + change;
            node = self.tree.next(node);
        }
    }

    /// At the optimum: the set of nodes that holds more than can leave it, if there is one. Supply
    /// that still flows to the root could not be placed; what it can still reach cannot let it out.
    pub fn cut(&self) -> Option<Cut> {
        let nodes = self.potentials.len() - 1;
        let mut reached = vec![false; nodes];
        let mut queue: Vec<u32> = Vec::new();
        let mut excess = 0;
        for (node, arc) in (0u32..).zip(self.real_arcs..self.priced.len()) {
            if self.loads[arc].flow > 0 && self.priced[arc].tail == node {
                excess += self.loads[arc].flow;
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
        let nodes = (0..nodes as u32).filter(|&v| reached[v as usize]).collect();
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

    /// The flow on a real arc.
    pub fn flow(&self, arc: u32) -> i64 {
        self.loads[arc as usize].flow
    }

    /// The reduced cost of a real arc.
    pub fn reduced(&self, arc: u32) -> C {
        let Priced { cost, tail, head } = self.priced[arc as usize];
        cost + self.potentials[tail as usize] - self.potentials[head as usize]
    }

    /// The flows of the real arcs.
    pub fn flows(&self) -> Vec<i64> {
        self.loads[..self.real_arcs].iter().map(|load| load.flow).collect()
    }

    /// The potentials of the real nodes.
    pub fn potentials(&self) -> &[C] {
        &self.potentials[..self.potentials.len() - 1]
    }

    /// Whether any supply is still sent to the root or fetched from it.
    pub fn is_short(&self) -> bool {
        self.loads[self.real_arcs..].iter().any(|load| load.flow > 0)
    }

    /// Changes what an arc costs. Potentials are stale until [`Engine::reprice_all`]; the flow
    /// stays feasible.
    pub fn set_cost(&mut self, arc: u32, cost: C) {
        self.priced[arc as usize].cost = cost;
    }

    /// Changes the capacity of a real arc. The flow is stale until [`Engine::repair`].
    pub fn set_capacity(&mut self, arc: u32, capacity: i64) {
        self.loads[arc as usize].capacity = capacity;
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
            self.potentials[node as usize] = if place.up { above - cost } else { above + cost };
            node = self.tree.next(node);
        }
    }

    /// Makes the flow meet `supplies` within the present capacities again, keeping as much of the
    /// basis as can stay strongly feasible: a tree arc that would have to carry too much, too
    /// little, or could send nothing towards the root, leaves for the artificial arc of the node
    /// below it. Potentials are stale afterwards. False if an artificial flow would not fit 64
    /// bits; then only a fresh start helps.
    pub fn repair(&mut self, supplies: &[i64]) -> bool {
        let nodes = supplies.len() as u32;
        let mut excess: Vec<i128> = supplies.iter().map(|&supply| i128::from(supply)).collect();
        excess.push(0);
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
        let artificial = self.real_arcs as u32 + node;
        let up = left >= 0;
        self.loads[artificial as usize].flow = i64::try_from(left.abs()).ok()?;
        let priced = &mut self.priced[artificial as usize];
        (priced.tail, priced.head) = if up { (node, root) } else { (root, node) };
        self.standings[artificial as usize] = Standing::Basic;
        Some(Hung { parent: root, arc: artificial, up })
    }
}

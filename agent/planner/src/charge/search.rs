//! The search tree: best bound first, diving from each node until it is cut off.
//!
//! It must never drop a node whose bound is below the best flow found: that is the proof.

use std::collections::BTreeSet;

use super::cuts::{Ascent, Charges};
use super::improve;
use super::multipliers;
use super::relax::{Relaxation, Relaxed, State};
use super::{Best, ChargeError, ChargeProblem, Progress};
use crate::simplex::Cost;

/// A branching node: what it decides beyond the node it comes from.
#[derive(Debug)]
struct Node {
    parent: u32,
    decided: Vec<(u32, State)>,
}

/// The most nodes at which cuts are not raised because that gained nothing before.
const REST_MAX: u64 = 31;

/// No node.
const NONE: u32 = u32::MAX;

/// The best flow so far.
#[derive(Debug, Clone)]
pub(super) struct Incumbent {
    pub flows: Vec<i64>,
    pub cost: i128,
}

struct Search<'a, C> {
    problem: &'a ChargeProblem,
    tight: &'a ChargeProblem,
    relaxation: Relaxation<'a, C>,
    ascent: Ascent<'a>,
    /// What the cuts of the root leave of the charges; every node goes on from there.
    charges: Charges,
    /// All costs are multiples of this, so bounds are rounded up to it.
    grid: i128,
    nodes: Vec<Node>,
    /// Open nodes by bound, the latest first among equals.
    open: BTreeSet<(i128, std::cmp::Reverse<u32>)>,
    states: Vec<State>,
    incumbent: Option<Incumbent>,
    looked: u64,
    /// The node at which cuts are raised next, and how many were left out before it.
    raise_at: u64,
    rest: u64,
}

/// Searches until the optimum is proven or `watch` ends it.
pub(super) fn run<C: Cost>(
    problem: &ChargeProblem,
    tight: &ChargeProblem,
    scale: i128,
    start: Option<&[i64]>,
    watch: &mut dyn FnMut(&Progress) -> bool,
) -> Result<Best, ChargeError> {
    let given = |flows: &[i64]| Incumbent { flows: flows.to_vec(), cost: problem.cost(flows) };
    let closed = |capacity| if capacity == 0 { State::Off } else { State::Free };
    let mut search = Search {
        problem,
        tight,
        relaxation: Relaxation::<C>::new(tight, scale),
        ascent: Ascent::new(tight),
        charges: Charges::new(tight, scale),
        grid: grid(tight),
        nodes: vec![Node { parent: NONE, decided: Vec::new() }],
        open: BTreeSet::new(),
        states: tight.links.iter().map(|link| closed(link.capacity)).collect(),
        incumbent: start.map(given),
        looked: 0,
        raise_at: 0,
        rest: 0,
    };
    search.open.insert((0, std::cmp::Reverse(0)));
    let finished = search.explore(watch);
    let bound = search.bound();
    let (nodes, pivots) = (search.looked, search.relaxation.pivots);
    match search.incumbent {
        Some(Incumbent { flows, cost }) => {
            Ok(Best { flows, objective: cost, bound: bound.min(cost), nodes, pivots })
        }
        None if finished => Err(ChargeError::Infeasible),
        None => Err(ChargeError::Stopped { nodes }),
    }
}

/// The greatest common divisor of all costs.
pub(crate) fn grid(problem: &ChargeProblem) -> i128 {
    let usable = problem.links.iter().filter(|link| link.capacity > 0);
    let divisor = usable.fold(0, |g, link| gcd(gcd(g, link.unit_cost), link.fixed_cost));
    divisor.max(1)
}

fn gcd(mut one: i128, mut other: i128) -> i128 {
    while other != 0 {
        (one, other) = (other, one % other);
    }
    one
}

impl<C: Cost> Search<'_, C> {
    /// The least bound of what is still open; the incumbent's cost if nothing is.
    fn bound(&self) -> i128 {
        let least = self.open.first().map(|(bound, _)| *bound);
        least.or(self.incumbent.as_ref().map(|best| best.cost)).unwrap_or(0)
    }

    /// Whether a node with this bound can hold nothing better than the incumbent.
    fn is_cut(&self, bound: i128) -> bool {
        let up = bound + (-bound).rem_euclid(self.grid);
        self.incumbent.as_ref().is_some_and(|best| up >= best.cost)
    }

    /// True when the tree is exhausted, false when `watch` ended it.
    fn explore(&mut self, watch: &mut dyn FnMut(&Progress) -> bool) -> bool {
        while let Some((bound, std::cmp::Reverse(first))) = self.open.pop_first() {
            if self.is_cut(bound) {
                // Every other open node is bounded no lower.
                self.open.clear();
                return true;
            }
            let (mut node, mut floor) = (first, bound);
            loop {
                let objective = self.incumbent.as_ref().map(|best| best.cost);
                let least = self.open.first().map_or(floor, |(b, _)| floor.min(*b));
                let (nodes, pivots) = (self.looked, self.relaxation.pivots);
                if !watch(&Progress { objective, bound: least, nodes, pivots }) {
                    self.open.insert((floor, std::cmp::Reverse(node)));
                    return false;
                }
                self.looked += 1;
                let Some((next, at_least)) = self.look(node, floor, watch) else { break };
                (node, floor) = (next, at_least);
            }
        }
        true
    }

    /// The decisions of a node.
    fn states_of(&self, node: u32) -> Vec<State> {
        let mut states = self.states.clone();
        let mut at = node;
        while at != NONE {
            for &(link, state) in &self.nodes[at as usize].decided {
                // Later decisions about a link stand deeper, and are met first.
                if states[link as usize] == State::Free {
                    states[link as usize] = state;
                }
            }
            at = self.nodes[at as usize].parent;
        }
        states
    }

    /// Looks at one node. Its children are opened; the one to look at next is returned with its
    /// bound.
    fn look(
        &mut self,
        node: u32,
        floor: i128,
        watch: &mut dyn FnMut(&Progress) -> bool,
    ) -> Option<(u32, i128)> {
        let mut states = self.states_of(node);
        if node == 0 {
            self.prepare(&states, watch)?;
        }
        let mut charges = self.charges.decided(&states);
        self.raise_here(&states, &mut charges);
        let relaxed = self.relaxation.solve(&states, charges)?;
        let bound = relaxed.bound.max(floor);
        let cycle = self.offer(&relaxed);
        if self.is_cut(bound) {
            return None;
        }
        let fixed = self.fix(&mut states, &relaxed, bound);
        match self.branching_link(&states, &relaxed) {
            Some(link) => {
                let (flow, most) = (relaxed.flows[link as usize], self.relaxation.capacity(link));
                let on_first = i128::from(flow) * 2 >= i128::from(most);
                let both =
                    [(vec![(link, State::On)], on_first), (vec![(link, State::Off)], !on_first)];
                self.open_children(node, &fixed, bound, both.into_iter())
            }
            None => {
                // The flow is what it costs; it was refused for its cycle, and one link of that
                // cycle must stay unused.
                let cycle = cycle?;
                let may = |link: &u32| {
                    let minimum = self.problem.links[*link as usize].minimum;
                    states[*link as usize] != State::On || minimum == 0
                };
                let links: Vec<u32> = cycle.into_iter().filter(may).collect();
                let children = links.into_iter().map(|link| (vec![(link, State::Off)], false));
                let children: Vec<_> = children.collect();
                self.open_children(node, &fixed, bound, children.into_iter())
            }
        }
    }

    /// Raises cuts at this node, unless that has gained nothing at the last ones: then it is tried
    /// again after ever more nodes.
    fn raise_here(&mut self, states: &[State], charges: &mut Charges) {
        if self.looked < self.raise_at {
            return;
        }
        let before = charges.constant;
        self.ascent.raise(states, charges);
        let gained = charges.constant > before;
        self.rest = if gained { 0 } else { (self.rest * 2 + 1).min(REST_MAX) };
        self.raise_at = self.looked + self.rest;
    }

    /// Before the first node: cuts for all nodes, and good flows. `None` if there is no flow.
    fn prepare(
        &mut self,
        states: &[State],
        watch: &mut dyn FnMut(&Progress) -> bool,
    ) -> Option<()> {
        self.ascent.keep_cuts();
        self.ascent.raise(states, &mut self.charges);
        let relaxed = self.relaxation.solve(states, self.charges.clone())?;
        self.offer(&relaxed);
        let mut found = self.incumbent.take();
        improve::scale_slopes(self.problem, &mut self.relaxation, &mut found);
        improve::close_links(self.problem, &mut self.relaxation, &mut found);
        self.incumbent = found;
        if let Some(best) = &self.incumbent
            && !self.is_cut(relaxed.bound)
        {
            let (relaxation, ascent) = (&mut self.relaxation, &mut self.ascent);
            let (tight, target) = (self.tight, best.cost);
            let charges = &mut self.charges;
            let goal = multipliers::Goal { tight, states, target };
            multipliers::improve(&goal, relaxation, ascent, charges, watch);
            // Smaller charges lead to other flows.
            let mut found = self.incumbent.take();
            self.relaxation.solve(states, self.charges.clone())?;
            improve::scale_slopes(self.problem, &mut self.relaxation, &mut found);
            improve::close_links(self.problem, &mut self.relaxation, &mut found);
            self.incumbent = found;
        }
        self.ascent.drop_cuts();
        Some(())
    }

    /// Opens children; the preferred one is not opened but returned.
    fn open_children(
        &mut self,
        parent: u32,
        fixed: &[(u32, State)],
        bound: i128,
        children: impl Iterator<Item = (Vec<(u32, State)>, bool)>,
    ) -> Option<(u32, i128)> {
        let mut next = None;
        for (mut decided, preferred) in children {
            decided.extend_from_slice(fixed);
            let id = self.nodes.len() as u32;
            self.nodes.push(Node { parent, decided });
            if preferred {
                next = Some((id, bound));
            } else {
                self.open.insert((bound, std::cmp::Reverse(id)));
            }
        }
        next
    }

    /// Takes the flow of a relaxation as the incumbent if it is one and is better. The links of its
    /// cycle, if it would have been better but for that.
    fn offer(&mut self, relaxed: &Relaxed) -> Option<Vec<u32>> {
        improve::offer(self.problem, &relaxed.flows, &mut self.incumbent)
    }

    /// Decides links whose other decision would be cut off at once.
    fn fix(&self, states: &mut [State], relaxed: &Relaxed, bound: i128) -> Vec<(u32, State)> {
        let mut fixed = Vec::new();
        for (link, &flow) in (0u32..).zip(&relaxed.flows) {
            let slot = &mut states[link as usize];
            if *slot != State::Free || !self.is_cut(bound + self.relaxation.penalty(link, flow)) {
                continue;
            }
            *slot = if flow == 0 { State::Off } else { State::On };
            fixed.push((link, *slot));
        }
        fixed
    }

    /// The undecided link about which the relaxation is most wrong. `None` if everything that is
    /// used and costs something is decided: then the flow is the best of this node.
    fn branching_link(&self, states: &[State], relaxed: &Relaxed) -> Option<u32> {
        let mut best: Option<(bool, i128, i128, u32)> = None;
        for (link, &flow) in (0u32..).zip(&relaxed.flows) {
            if states[link as usize] != State::Free || flow == 0 {
                continue;
            }
            let limits = &self.problem.links[link as usize];
            let short = flow < limits.minimum;
            // A charge that cuts have paid for may still not have to be paid.
            let (gap, charge) = (self.relaxation.promise(link, flow), limits.fixed_cost);
            if !short && charge == 0 {
                continue;
            }
            if best.is_none_or(|(s, g, c, _)| (short, gap, charge) > (s, g, c)) {
                best = Some((short, gap, charge, link));
            }
        }
        best.map(|(_, _, _, link)| link)
    }
}

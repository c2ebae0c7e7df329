//! The search tree: best bound first, diving from each node until it is cut off.
//!
//! It must never drop a node whose bound is below the best flow found: that is the proof.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::cuts::{Ascent, Charges};
use super::improve;
use super::multipliers;
use super::pool::{ONE, Pool, Weights};
use super::refine::{Patience, Refined};
use super::relax::{Relaxation, Relaxed, State};
use super::{Best, ChargeError, ChargeProblem, Progress};
use crate::simplex::Cost;

/// A branching node: what it decides beyond the node it comes from.
#[derive(Debug)]
pub(super) struct Node {
    parent: u32,
    decided: Vec<(u32, State)>,
    /// The weights of cuts to start from.
    pub weights: Weights,
}

/// A dive ends where the bound is above the least one by more than this part of what is missing to
/// the best flow.
const NEAR: i128 = 8;
/// Every dive of so many goes on to its end: that is where better flows are found.
const DIVES: u64 = 8;

/// No node.
const NONE: u32 = u32::MAX;

/// The best flow so far.
#[derive(Debug, Clone)]
pub(super) struct Incumbent {
    pub flows: Vec<i64>,
    pub cost: i128,
}

pub(super) struct Search<'a, C> {
    problem: &'a ChargeProblem,
    pub tight: &'a ChargeProblem,
    pub relaxation: Relaxation<'a, C>,
    pub ascent: Ascent<'a>,
    /// The cuts that hold everywhere.
    pub pool: Pool,
    /// All costs are multiples of this, so bounds are rounded up to it.
    grid: i128,
    pub nodes: Vec<Node>,
    /// Open nodes by bound, the latest first among equals.
    pub open: BTreeSet<(i128, std::cmp::Reverse<u32>)>,
    /// What is decided at the root.
    pub states: Vec<State>,
    pub incumbent: Option<Incumbent>,
    pub looked: u64,
    /// Whether cuts are raised at a node, and whether its weights are improved.
    pub raising: Patience,
    pub stepping: Patience,
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
        grid: grid(tight),
        nodes: vec![Node { parent: NONE, decided: Vec::new(), weights: Weights::default() }],
        pool: Pool::default(),
        open: BTreeSet::new(),
        states: tight.links.iter().map(|link| closed(link.capacity)).collect(),
        incumbent: start.map(given),
        looked: 0,
        raising: Patience::default(),
        stepping: Patience::default(),
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
    pub fn is_cut(&self, bound: i128) -> bool {
        let up = bound + (-bound).rem_euclid(self.grid);
        self.incumbent.as_ref().is_some_and(|best| up >= best.cost)
    }

    /// True when the tree is exhausted, false when `watch` ended it.
    fn explore(&mut self, watch: &mut dyn FnMut(&Progress) -> bool) -> bool {
        let mut dive = 0u64;
        while let Some((bound, std::cmp::Reverse(first))) = self.open.pop_first() {
            dive += 1;
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
                let far = objective.is_some_and(|best| (at_least - least) * NEAR > best - least);
                if far && !dive.is_multiple_of(DIVES) {
                    self.open.insert((at_least, std::cmp::Reverse(next)));
                    break;
                }
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
        let refined = self.refine(node, &mut states, floor, watch);
        // Only open nodes need theirs.
        self.nodes[node as usize].weights = Weights::default();
        let refined = refined?;
        match self.branching_link(&states, &refined.relaxed, &refined.used) {
            Some(link) => {
                let on_first = refined.used[link as usize] * 2 >= ONE;
                let both =
                    [(vec![(link, State::On)], on_first), (vec![(link, State::Off)], !on_first)];
                self.open_children(node, &refined, both.into_iter())
            }
            None => {
                // The flow is what it costs; it was refused for its cycle, and one link of that
                // cycle must stay unused.
                let cycle = refined.cycle.as_ref()?;
                let may = |link: &u32| {
                    let minimum = self.problem.links[*link as usize].minimum;
                    states[*link as usize] != State::On || minimum == 0
                };
                let links: Vec<u32> = cycle.iter().copied().filter(may).collect();
                let children = links.into_iter().map(|link| (vec![(link, State::Off)], false));
                let children: Vec<_> = children.collect();
                self.open_children(node, &refined, children.into_iter())
            }
        }
    }

    /// Before the first node: cuts for all nodes, and good flows. `None` if there is no flow.
    fn prepare(
        &mut self,
        states: &[State],
        watch: &mut dyn FnMut(&Progress) -> bool,
    ) -> Option<()> {
        let mut charges = Charges::new(self.tight, self.relaxation.scale());
        self.ascent.keep_cuts();
        self.ascent.raise(states, &mut charges);
        self.pool = Pool::new(self.ascent.take_cuts());
        self.ascent.drop_cuts();
        let relaxed = self.relaxation.solve(states, charges)?;
        self.offer(&relaxed);
        self.improve(relaxed.bound, watch);
        if let Some(best) = &self.incumbent
            && !self.is_cut(relaxed.bound)
        {
            let goal = multipliers::Goal { tight: self.tight, states, target: best.cost };
            let (relaxation, ascent) = (&mut self.relaxation, &mut self.ascent);
            let charges = multipliers::improve(&goal, relaxation, ascent, &mut self.pool, watch);
            // Smaller charges lead to other flows.
            let relaxed = self.relaxation.solve(states, charges)?;
            self.improve(relaxed.bound, watch);
        }
        self.nodes[0].weights = self.pool.weights();
        Some(())
    }

    /// Looks for better flows near the last one.
    fn improve(&mut self, bound: i128, watch: &mut dyn FnMut(&Progress) -> bool) {
        let nodes = self.looked;
        let mut going = |objective, pivots| watch(&Progress { objective, bound, nodes, pivots });
        let mut found = self.incumbent.take();
        improve::scale_slopes(self.problem, &mut self.relaxation, &mut found, &mut going);
        improve::close_links(self.problem, &mut self.relaxation, &mut found, &mut going);
        self.incumbent = found;
    }

    /// Opens children; the preferred one is not opened but returned.
    fn open_children(
        &mut self,
        parent: u32,
        refined: &Refined,
        children: impl Iterator<Item = (Vec<(u32, State)>, bool)>,
    ) -> Option<(u32, i128)> {
        let mut next = None;
        for (mut decided, preferred) in children {
            decided.extend_from_slice(&refined.fixed);
            let id = self.nodes.len() as u32;
            self.nodes.push(Node { parent, decided, weights: Rc::clone(&refined.weights) });
            if preferred {
                next = Some((id, refined.bound));
            } else {
                self.open.insert((refined.bound, std::cmp::Reverse(id)));
            }
        }
        next
    }

    /// Takes the flow of a relaxation as the incumbent if it is one and is better. The links of its
    /// cycle, if it would have been better but for that.
    pub fn offer(&mut self, relaxed: &Relaxed) -> Option<Vec<u32>> {
        improve::offer(self.problem, &relaxed.flows, &mut self.incumbent)
    }

    /// Decides links whose other decision would be cut off at once.
    pub fn fix(&self, states: &mut [State], relaxed: &Relaxed) -> Vec<(u32, State)> {
        let mut fixed = Vec::new();
        for (link, &flow) in (0u32..).zip(&relaxed.flows) {
            let slot = &mut states[link as usize];
            if *slot != State::Free {
                continue;
            }
            let penalty = self.relaxation.penalty(link, flow);
            let left_out = self.relaxation.refund(link) + if flow > 0 { penalty } else { 0 };
            if self.is_cut(relaxed.bound + left_out) {
                *slot = State::On;
            } else if flow == 0 && self.is_cut(relaxed.bound + penalty) {
                *slot = State::Off;
            } else {
                continue;
            }
            fixed.push((link, *slot));
        }
        fixed
    }

    /// The undecided link to branch on: the one whose charge `used` leaves most undecided, or else
    /// the one about which the relaxation is most wrong. `None` if everything that is used and
    /// costs something is decided: then the flow is the best of this node.
    fn branching_link(&self, states: &[State], relaxed: &Relaxed, used: &[i64]) -> Option<u32> {
        let score = |(link, &used): (u32, &i64)| {
            let clear = !(ONE / 16..=ONE - ONE / 16).contains(&used);
            let charge = self.problem.links[link as usize].fixed_cost;
            let score = i128::from(used * (ONE - used)).saturating_mul(charge);
            let open = states[link as usize] == State::Free && !clear && score > 0;
            open.then_some((score, std::cmp::Reverse(link)))
        };
        if let Some((_, link)) = (0u32..).zip(used).filter_map(score).max() {
            return Some(link.0);
        }
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

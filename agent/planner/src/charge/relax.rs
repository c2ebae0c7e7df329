//! The relaxation of one branching node: a minimum-cost flow in which the charge of an undecided
//! link is spread over the most it can carry.
//!
//! It must never bound from above: every division rounds down, in units of `1 / scale`.

use super::ChargeProblem;
use super::cuts::Charges;
use crate::simplex::{Cost, Engine, Way};

/// What is decided about a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum State {
    /// Nothing.
    #[default]
    Free,
    /// It pays its charge and carries at least its minimum.
    On,
    /// It carries nothing.
    Off,
}

/// Width and scale of the numbers: costs are multiplied by the scale so that little is lost when
/// charges are divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
    /// 64 bits.
    Narrow(i128),
    /// 128 bits.
    Wide(i128),
}

impl Scale {
    /// The widest scale at which nothing can overflow, narrow if that loses next to nothing.
    pub fn choose(tight: &ChargeProblem) -> Option<Scale> {
        let nodes = tight.supplies.len() as i128 + 2;
        let usable = tight.links.iter().filter(|link| link.capacity > 0);
        let dearest = usable
            .map(|link| link.unit_cost + link.fixed_cost / i128::from(link.capacity) + 1)
            .max()
            .unwrap_or(1);
        // A potential sums at most `nodes` arcs, each at most prohibitive, which is more than
        // `nodes` of the dearest; a reduced cost takes five of them, cuts may quadruple a cost.
        let span = dearest.checked_mul(nodes)?.checked_mul(nodes)?.checked_mul(64)?;
        let total: i128 = tight.supplies.iter().map(|&s| i128::from(s.max(0))).sum();
        let narrow = power_below((1 << 62) / span).min(1 << 40);
        if narrow >= 1 && narrow >= total / 64 {
            return Some(Scale::Narrow(narrow));
        }
        // What is divided is a charge times the scale.
        let charge = tight.links.iter().map(|link| link.fixed_cost).max().unwrap_or(0) + 1;
        let sum = charge.checked_mul(tight.links.len() as i128 + 1)?.checked_mul(64)?;
        let wide = power_below(((1i128 << 126) / span).min((1i128 << 126) / sum)).min(1 << 70);
        (wide >= 1).then_some(Scale::Wide(wide))
    }
}

/// The largest power of two that is not above `most`, zero if `most` is below one.
fn power_below(most: i128) -> i128 {
    if most < 1 { 0 } else { 1 << most.ilog2() }
}

/// What the relaxation of a node says.
#[derive(Debug, Clone)]
pub(super) struct Relaxed {
    /// No flow of this node costs less.
    pub bound: i128,
    /// The same before it is rounded up, in units of `1 / scale` (saturating).
    pub scaled: i128,
    /// The flow that attains it.
    pub flows: Vec<i64>,
}

/// The engine with the costs of some node.
pub(super) struct Relaxation<'a, C> {
    tight: &'a ChargeProblem,
    engine: Engine<C>,
    /// Per link, its arc and, where it has a minimum, the arc that carries what is above it.
    arcs: Vec<(u32, Option<u32>)>,
    states: Vec<State>,
    charges: Charges,
    scale: i128,
    /// No link's scaled cost is above this.
    dearest: i128,
    prohibitive: C,
    pub pivots: u64,
}

impl<'a, C: Cost> Relaxation<'a, C> {
    /// Nothing decided.
    pub fn new(tight: &'a ChargeProblem, scale: i128) -> Relaxation<'a, C> {
        let nodes = tight.supplies.len() as i128 + 1;
        let (mut ways, mut arcs, mut dearest) = (Vec::new(), Vec::new(), 0);
        for link in &tight.links {
            let (tail, head) = (link.tail, link.head);
            let cost = free_cost(link.unit_cost, link.fixed_cost, link.capacity, scale);
            dearest = dearest.max(cost);
            let first = ways.len() as u32;
            let cost = C::narrow(cost);
            let least = link.minimum.min(link.capacity);
            if least > 0 {
                ways.push(Way { tail, head, capacity: least, cost });
                ways.push(Way { tail, head, capacity: link.capacity - least, cost });
                arcs.push((first, Some(first + 1)));
            } else {
                ways.push(Way { tail, head, capacity: link.capacity, cost });
                arcs.push((first, None));
            }
        }
        let prohibitive = C::narrow((dearest + 1) * nodes);
        let engine = Engine::new(&tight.supplies, ways.into_iter(), prohibitive);
        let states = vec![State::Free; tight.links.len()];
        let charges = Charges::new(tight, scale);
        Relaxation { tight, engine, arcs, states, charges, scale, dearest, prohibitive, pivots: 0 }
    }

    /// Solves the relaxation with these decisions and what they leave of the charges; `None` if
    /// they allow no flow at all.
    pub fn solve(&mut self, states: &[State], charges: Charges) -> Option<Relaxed> {
        self.charges = charges;
        self.states.copy_from_slice(states);
        for link in 0..self.arcs.len() as u32 {
            self.set_state(link, states[link as usize]);
        }
        self.optimise();
        if !self.is_feasible() {
            return None;
        }
        let flows = self.flows();
        let (mut exact, mut spread) = (0i128, self.charges.constant);
        for (index, (link, &flow)) in self.tight.links.iter().zip(&flows).enumerate() {
            exact += link.unit_cost * i128::from(flow);
            if states[index] == State::Free {
                spread += self.slope(index as u32) * i128::from(flow);
            }
        }
        let bound = exact + (spread + self.scale - 1).div_euclid(self.scale);
        let scaled = exact.saturating_mul(self.scale).saturating_add(spread);
        Some(Relaxed { bound, scaled, flows })
    }

    /// The flow at scaled costs per unit of the caller's choice, cut off at the largest that the
    /// range check allows; `None` closes a link. Minimums are ignored.
    pub fn solve_with(&mut self, cost: impl Fn(u32) -> Option<i128>) -> Option<Vec<i64>> {
        for link in 0..self.arcs.len() as u32 {
            let cost = cost(link).map_or(self.prohibitive, |c| C::narrow(c.min(self.dearest)));
            let (first, second) = self.arcs[link as usize];
            self.engine.set_cost(first, cost);
            if let Some(second) = second {
                self.engine.set_cost(second, cost);
            }
        }
        self.optimise();
        (!self.engine.is_short()).then(|| self.flows())
    }

    fn optimise(&mut self) {
        self.engine.reprice_all();
        let (pivots, _) = self.engine.run(u64::MAX);
        self.pivots += pivots;
    }

    fn set_state(&mut self, link: u32, state: State) {
        let (first, second) = self.arcs[link as usize];
        let plain = self.tight.links[link as usize].unit_cost * self.scale;
        let (below, above) = match state {
            State::Free => {
                let cost = C::narrow(plain + self.slope(link));
                (cost, cost)
            }
            // Filling the part up to the minimum is worth more than anything else.
            State::On if second.is_some() => {
                (C::narrow(plain) - self.prohibitive, C::narrow(plain))
            }
            State::On => (C::narrow(plain), C::narrow(plain)),
            State::Off => (self.prohibitive, self.prohibitive),
        };
        self.engine.set_cost(first, below);
        if let Some(second) = second {
            self.engine.set_cost(second, above);
        }
    }

    /// What scaled costs are multiplied by.
    pub fn scale(&self) -> i128 {
        self.scale
    }

    /// What an undecided link with this flow leaves unpaid of what is left of its charge, scaled.
    pub fn gap(&self, link: u32, flow: i64) -> i128 {
        self.charges.left[link as usize] - self.slope(link) * i128::from(flow)
    }

    /// How much deciding an undecided link with this flow promises either way, scaled: what is
    /// unpaid of its charge counts by how much of the link is used.
    pub fn promise(&self, link: u32, flow: i64) -> i128 {
        let capacity = i128::from(self.tight.links[link as usize].capacity).max(1);
        let unpaid = self.gap(link, flow);
        let share = (i128::from(flow) << 20) / capacity;
        unpaid.saturating_mul(share) >> 20
    }

    /// What one unit pays of what is left of the charge of an undecided link, scaled.
    pub fn slope(&self, link: u32) -> i128 {
        let capacity = self.tight.links[link as usize].capacity;
        if capacity > 0 { self.charges.left[link as usize] / i128::from(capacity) } else { 0 }
    }

    /// What the bound counts as paid back for an undecided link unless it is not used. In units of
    /// the problem, rounded down.
    pub fn refund(&self, link: u32) -> i128 {
        self.charges.refund[link as usize] / self.scale
    }

    /// By how much, at least, the bound rises if the undecided `link` is used although it carries
    /// nothing, or is not used although it is full; zero if it is neither. In units of the problem,
    /// rounded down.
    pub fn penalty(&self, link: u32, flow: i64) -> i128 {
        let (first, second) = self.arcs[link as usize];
        let limits = &self.tight.links[link as usize];
        let reduced = |arc: u32| self.engine.reduced(arc).widen();
        let (below, above) = (reduced(first), second.map_or(i128::MAX, reduced));
        let capacity = i128::from(limits.capacity);
        if flow == 0 {
            // Used for x: the charge in full instead of its share, and x times the reduced cost.
            // That is linear in x, so one of the ends is the least.
            let per_unit = below.min(above).max(0);
            let least = i128::from(limits.minimum.max(1).min(limits.capacity));
            let charge = self.charges.left[link as usize] - self.slope(link) * least;
            let at_least = charge.saturating_add(per_unit.saturating_mul(least));
            return at_least.min(per_unit.saturating_mul(capacity)) / self.scale;
        }
        if flow == limits.capacity {
            let above = if second.is_some() { above } else { below };
            let per_unit = (-below.max(above)).max(0);
            return per_unit.saturating_mul(capacity) / self.scale;
        }
        0
    }

    fn is_feasible(&self) -> bool {
        if self.engine.is_short() {
            return false;
        }
        let fits = |(index, &(first, second)): (usize, &(u32, Option<u32>))| {
            let flow = self.engine.flow(first);
            match (self.states[index], second) {
                (State::Off, _) => flow == 0 && second.is_none_or(|s| self.engine.flow(s) == 0),
                (State::On, Some(_)) => flow == self.tight.links[index].minimum,
                _ => true,
            }
        };
        self.arcs.iter().enumerate().all(fits)
    }

    fn flows(&self) -> Vec<i64> {
        let flow = |&(first, second): &(u32, Option<u32>)| {
            self.engine.flow(first) + second.map_or(0, |s| self.engine.flow(s))
        };
        self.arcs.iter().map(flow).collect()
    }
}

/// The scaled cost of one unit on an undecided link.
fn free_cost(unit_cost: i128, fixed_cost: i128, capacity: i64, scale: i128) -> i128 {
    let share = if capacity > 0 { fixed_cost * scale / i128::from(capacity) } else { 0 };
    unit_cost * scale + share
}

//! Pricing: which arc enters the basis next.
//!
//! It must never change a flow or the tree; it only remembers where it stopped looking.

use serde::{Deserialize, Serialize};

use super::cost::Cost;

/// A rule for choosing the arc that enters the basis. All lead to the same objective; they differ
/// in how many arcs they look at and how many pivots they make. The planner's design document has
/// the measurements behind the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Pricing {
    /// As `Block` while violations are many. Once a search has to look far, all violated arcs are
    /// listed in one sweep, and blocks of that list are searched until it is used up.
    #[default]
    Sweep,
    /// The most violated arc of the first block of about the square root of their number that has
    /// one: cheaper per pivot than looking at all, far fewer pivots than the first violation.
    Block,
    /// The first violated arc.
    First,
    /// The most violated arc of all.
    Best,
    /// The most violated arc of a short list, refilled when it is used up.
    Candidates,
}

/// How many blocks without a violation are far.
const FAR: usize = 8;

/// What pricing reads of an arc, 16 bytes with 64-bit costs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Priced<C> {
    /// Cost per unit.
    pub cost: C,
    /// Node left.
    pub tail: u32,
    /// Node entered.
    pub head: u32,
}

/// Where an arc stands, as the factor that turns its reduced cost into the gain of moving it
/// (negative is a gain).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i8)]
pub(super) enum Standing {
    /// At its capacity, can only shrink.
    Full = -1,
    /// In the tree.
    Basic = 0,
    /// At zero, can only grow.
    Empty = 1,
}

/// The arcs that may enter, and the prices of the nodes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Market<'a, C> {
    /// The arcs.
    pub arcs: &'a [Priced<C>],
    /// Where each stands.
    pub standings: &'a [Standing],
    /// Per node.
    pub potentials: &'a [C],
}

impl<C: Cost> Market<'_, C> {
    /// What one unit on `arc` gains, negated: below zero it is a gain.
    #[inline]
    fn gain(&self, arc: usize) -> C {
        let Priced { cost, tail, head } = self.arcs[arc];
        let (tail, head) = (self.potentials[tail as usize], self.potentials[head as usize]);
        cost.plus(tail).minus(head).signed(self.standings[arc] as i8)
    }

    /// Lists all violated arcs.
    fn list(&self, violated: &mut Vec<u32>) {
        for (index, (arc, &standing)) in (0u32..).zip(self.arcs.iter().zip(self.standings)) {
            let (tail, head) =
                (self.potentials[arc.tail as usize], self.potentials[arc.head as usize]);
            if arc.cost.plus(tail).minus(head).signed(standing as i8) < C::ZERO {
                violated.push(index);
            }
        }
    }

    /// The most violated arc among some, if any is violated.
    fn best(&self, arcs: impl Iterator<Item = usize>) -> Option<u32> {
        let (mut best, mut entering) = (C::ZERO, None);
        for arc in arcs {
            let gain = self.gain(arc);
            if gain < best {
                (best, entering) = (gain, Some(arc as u32));
            }
        }
        entering
    }
}

/// The rule and what it remembers.
#[derive(Debug, Clone)]
pub(super) struct Search {
    rule: Pricing,
    position: usize,
    /// Arcs looked at before the best of them is taken; with candidates, the length of the list.
    block: usize,
    candidates: Vec<u32>,
    /// How often the present list has been used.
    used: usize,
}

impl Search {
    /// A search over `arcs` arcs.
    pub fn new(arcs: usize, rule: Pricing) -> Search {
        let root = arcs.isqrt().max(16);
        let block = match rule {
            Pricing::Sweep | Pricing::Block => root,
            Pricing::First => 1,
            Pricing::Best => arcs.max(1),
            Pricing::Candidates => root / 4,
        };
        Search { rule, position: 0, block, candidates: Vec::new(), used: 0 }
    }

    /// The entering arc, or `None` when no arc violates its reduced cost: the flow is optimal.
    pub fn next<C: Cost>(&mut self, market: &Market<'_, C>) -> Option<u32> {
        if self.rule == Pricing::Candidates {
            return self.candidate(market);
        }
        if let Some(entering) = self.listed(market) {
            return Some(entering);
        }
        let count = market.arcs.len();
        let far = if self.rule == Pricing::Sweep { self.block * FAR } else { count };
        let mut looked = 0;
        while looked < count {
            if looked >= far {
                market.list(&mut self.candidates);
                return self.listed(market);
            }
            let start = self.position;
            let end = (start + self.block).min(count);
            looked += end - start;
            self.position = if end == count { 0 } else { end };
            let entering = market.best(start..end);
            if entering.is_some() {
                return entering;
            }
        }
        None
    }

    /// The best of the next block of the list; what is no longer violated leaves it.
    fn listed<C: Cost>(&mut self, market: &Market<'_, C>) -> Option<u32> {
        while !self.candidates.is_empty() {
            if self.used >= self.candidates.len() {
                self.used = 0;
            }
            let (mut best, mut entering) = (C::ZERO, None);
            let mut looked = 0;
            while looked < self.block && self.used < self.candidates.len() {
                let arc = self.candidates[self.used];
                let gain = market.gain(arc as usize);
                looked += 1;
                if gain < C::ZERO {
                    self.used += 1;
                } else {
                    self.candidates.swap_remove(self.used);
                }
                if gain < best {
                    (best, entering) = (gain, Some(arc));
                }
            }
            if entering.is_some() {
                return entering;
            }
        }
        None
    }

    /// The best of the list; a tenth of it is used before it is filled again.
    fn candidate<C: Cost>(&mut self, market: &Market<'_, C>) -> Option<u32> {
        if self.used <= self.block / 10 {
            self.candidates.retain(|&arc| market.gain(arc as usize) < C::ZERO);
            self.used += 1;
        } else {
            self.candidates.clear();
        }
        if self.candidates.is_empty() {
            self.used = 1;
            let count = market.arcs.len();
            let mut looked = 0;
            while looked < count && self.candidates.len() < self.block {
                if market.gain(self.position) < C::ZERO {
                    self.candidates.push(self.position as u32);
                }
                self.position = if self.position + 1 == count { 0 } else { self.position + 1 };
                looked += 1;
            }
        }
        market.best(self.candidates.iter().map(|&arc| arc as usize))
    }
}

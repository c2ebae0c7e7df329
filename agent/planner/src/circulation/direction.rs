//! The directions of channels: parallel arcs of one channel that lead the same way, best first.
//!
//! It must never guess: arcs belong together only by label and both nodes. One sort groups them,
//! and on arcs that already stand channel by channel that sort is one pass.

use std::borrow::Cow;

use super::{ResidualArc, net_cost};
use crate::score::Score;

/// Every direction of a list of arcs.
#[derive(Debug, Clone)]
pub struct Directions {
    /// Arcs, direction by direction, best first within one.
    arcs: Vec<u32>,
    /// Where each direction starts in `arcs`, and the end of the last.
    start: Vec<u32>,
    of_arc: Vec<u32>,
}

impl Directions {
    /// Groups `arcs`; `scores[i]` belongs to `arcs[i]`. Directions are numbered channel by channel,
    /// ascending by label and nodes.
    #[must_use]
    pub fn new(arcs: &[ResidualArc], scores: &[Score]) -> Directions {
        let count = arcs.len().min(scores.len()) as u32;
        let way = |arc: u32| {
            let arc = &arcs[arc as usize];
            (channel(arc), arc.tail > arc.head)
        };
        let mut order: Vec<u32> = (0..count).collect();
        order.sort_by_key(|&arc| (way(arc), net_cost(&arcs[arc as usize], scores[arc as usize])));
        let (mut start, mut of_arc) = (Vec::new(), vec![0; count as usize]);
        let mut before = None;
        for (place, &arc) in (0u32..).zip(&order) {
            if before != Some(way(arc)) {
                start.push(place);
                before = Some(way(arc));
            }
            of_arc[arc as usize] = start.len() as u32 - 1;
        }
        start.push(count);
        Directions { arcs: order, start, of_arc }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.start.len() - 1
    }

    /// The direction that an arc belongs to.
    #[must_use]
    pub fn of(&self, arc: u32) -> Option<u32> {
        self.of_arc.get(arc as usize).copied()
    }

    /// The arcs of a direction, best first; none if it does not exist.
    #[must_use]
    pub fn arcs(&self, direction: u32) -> &[u32] {
        let bounds = self.start.get(direction as usize).zip(self.start.get(direction as usize + 1));
        bounds.map_or(&[], |(&first, &end)| &self.arcs[first as usize..end as usize])
    }

    /// The direction of the channel `label` from `tail` to `head`, found by halving.
    #[must_use]
    pub fn find(&self, arcs: &[ResidualArc], label: u64, tail: u32, head: u32) -> Option<u32> {
        let wanted = ((label, tail.min(head), tail.max(head)), tail > head);
        let key = |place: u32| {
            let arc = &arcs[self.arcs[place as usize] as usize];
            (channel(arc), arc.tail > arc.head)
        };
        let firsts = self.start.split_last().map_or(&[][..], |(_, firsts)| firsts);
        let found = firsts.binary_search_by(|&place| key(place).cmp(&wanted)).ok()?;
        u32::try_from(found).ok()
    }

    /// What moving `amount_msat` over a direction is worth, best arcs first, in millionths of a
    /// msat; `None` if it cannot carry that much.
    #[must_use]
    pub fn worth(
        &self,
        arcs: &[ResidualArc],
        scores: &[Score],
        direction: u32,
        amount_msat: u64,
    ) -> Option<i128> {
        let (mut left, mut worth) = (amount_msat, 0i128);
        for &arc in self.arcs(direction) {
            let (arc, score) = (&arcs[arc as usize], scores[arc as usize]);
            let part = left.min(arc.capacity_msat);
            // Within 2^61 times 2^42: parts of one direction add up far below 2^127.
            worth -= net_cost(arc, score) * i128::from(part);
            left -= part;
        }
        (left == 0).then_some(worth)
    }

    /// The directions in pairs `(lower node to higher, back)`, for channels that offer both.
    pub(crate) fn opposites(&self, arcs: &[ResidualArc]) -> Vec<(u32, u32)> {
        let first = |direction: u32| &arcs[self.arcs(direction)[0] as usize];
        let pairs = (0..self.count() as u32).zip(1..self.count() as u32);
        pairs.filter(|&(one, next)| channel(first(one)) == channel(first(next))).collect()
    }

    /// Spreads an amount per direction over its arcs, best first. `None` if one does not fit.
    #[must_use]
    pub fn fill(&self, arcs: &[ResidualArc], moved_msat: &[u64]) -> Option<Vec<u64>> {
        let mut flows = vec![0; self.arcs.len()];
        for (direction, &moved) in (0..self.count() as u32).zip(moved_msat) {
            let mut left = moved;
            for &arc in self.arcs(direction) {
                let part = left.min(arcs[arc as usize].capacity_msat);
                flows[arc as usize] = part;
                left -= part;
            }
            if left > 0 {
                return None;
            }
        }
        Some(flows)
    }
}

/// What identifies a channel: its label and its two nodes.
fn channel(arc: &ResidualArc) -> (u64, u32, u32) {
    (arc.label, arc.tail.min(arc.head), arc.tail.max(arc.head))
}

/// Nets what the two directions of one channel both claim to gain. Moving out and back moves
/// nothing, so where the best values `one` and `other` add up to more than nothing, each direction
/// is worth its value less what it forgoes of the other: both of them shrink by the other's gain,
/// or, where going back only costs too little, that cost rises to what going gained. Arcs of
/// [`super::value_arcs`] never need it. The same arcs come back wherever nothing had to be netted.
#[must_use]
pub fn net_gains(arcs: &[ResidualArc]) -> Cow<'_, [ResidualArc]> {
    // Scores do not matter here: a channel's two directions may be unreliable and still contradict.
    let mut netted = Cow::Borrowed(arcs);
    let mut order: Vec<u32> = (0..arcs.len() as u32).collect();
    let open = |arc: u32| arcs[arc as usize].capacity_msat > 0;
    order.sort_by_key(|&arc| channel(&arcs[arc as usize]));
    for group in order.chunk_by(|&a, &b| channel(&arcs[a as usize]) == channel(&arcs[b as usize])) {
        let upward = |arc: u32| arcs[arc as usize].tail < arcs[arc as usize].head;
        let best = |up: bool| {
            let side = group.iter().filter(|&&arc| open(arc) && upward(arc) == up);
            side.map(|&arc| arcs[arc as usize].value_ppm).max()
        };
        let (Some(one), Some(other)) = (best(true), best(false)) else { continue };
        let excess = i128::from(one) + i128::from(other);
        if excess <= 0 {
            continue;
        }
        // What each side forgoes is the other's gain; together exactly the excess.
        let lost = [excess.min(i128::from(other.max(0))), excess.min(i128::from(one.max(0)))];
        for &arc in group {
            let slot = &mut netted.to_mut()[arc as usize];
            let less = lost[usize::from(!upward(arc))];
            let value = i128::from(slot.value_ppm) - less;
            slot.value_ppm = i64::try_from(value).unwrap_or(i64::MIN);
        }
    }
    netted
}

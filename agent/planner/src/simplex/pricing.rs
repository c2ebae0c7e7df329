//! Pricing: which arc enters the basis next.
//!
//! It must never change a flow or the tree; it only remembers where it stopped looking. Arcs are
//! scanned in blocks of about the square root of their number, and the most violated arc of a block
//! enters: cheaper per pivot than looking at all arcs, and far fewer pivots than taking the first
//! violation.

use super::cost::Cost;

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

/// The scanning position and the block length.
#[derive(Debug, Clone)]
pub(super) struct BlockSearch {
    position: usize,
    block: usize,
}

impl BlockSearch {
    /// A search over `arcs` arcs.
    pub fn new(arcs: usize) -> BlockSearch {
        BlockSearch { position: 0, block: arcs.isqrt().max(16) }
    }

    /// The entering arc, or `None` when no arc violates its reduced cost: the flow is optimal.
    pub fn next<C: Cost>(
        &mut self,
        arcs: &[Priced<C>],
        standings: &[Standing],
        potentials: &[C],
    ) -> Option<u32> {
        let mut looked = 0;
        while looked < arcs.len() {
            let start = self.position;
            let end = (start + self.block).min(arcs.len());
            let (mut best, mut entering) = (C::ZERO, None);
            for index in start..end {
                let arc = arcs[index];
                let reduced =
                    arc.cost + potentials[arc.tail as usize] - potentials[arc.head as usize];
                let gain = reduced.signed(standings[index] as i8);
                if gain < best {
                    (best, entering) = (gain, Some(index as u32));
                }
            }
            looked += end - start;
            self.position = if end == arcs.len() { 0 } else { end };
            if entering.is_some() {
                return entering;
            }
        }
        None
    }
}

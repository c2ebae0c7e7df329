//! How far a search is, in the figures of the file.
//!
//! It must never show a scaled or weighted number: what is searched for may be one, what is told
//! is fees in base units, seconds or steps.

use crate::charge;
use crate::exact::Decimal;

/// How far a search is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is being minimised: `fees` (base units), `seconds`, `steps`, or `units not placed`
    /// while the reasons of an infeasible problem are looked for.
    pub figure: &'static str,
    /// The best so far.
    pub objective: Option<Decimal>,
    /// No plan has less.
    pub bound: Decimal,
    /// Branching nodes looked at for this figure.
    pub nodes: u64,
    /// Basis changes made for this figure.
    pub pivots: u64,
}

/// Of which figure a search tells, and what its numbers mean.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unit {
    pub figure: &'static str,
    /// One is this power of ten, downwards.
    pub places: u32,
    /// What earlier figures make of each number.
    pub offset: i128,
}

impl Unit {
    /// What a search says, in these units.
    pub fn show(&self, progress: &charge::Progress) -> Progress {
        let plain = |number: i128| Decimal::new(number.saturating_sub(self.offset), self.places);
        Progress {
            figure: self.figure,
            objective: progress.objective.map(plain),
            bound: plain(progress.bound.max(self.offset)),
            nodes: progress.nodes,
            pivots: progress.pivots,
        }
    }
}

impl Progress {
    /// How far the best so far is from the bound, relative to the best, in millionths, rounded up.
    pub fn gap_ppm(&self) -> Option<u64> {
        self.objective.map(|objective| gap_ppm(objective, self.bound))
    }
}

/// How far `objective` is from `bound`, relative to the objective, in millionths, rounded up.
pub(super) fn gap_ppm(objective: Decimal, bound: Decimal) -> u64 {
    let places = objective.places().max(bound.places());
    let (Some(have), Some(least)) = (objective.scaled(places), bound.scaled(places)) else {
        return if objective == bound { 0 } else { 1_000_000 };
    };
    let missing = (have - least).max(0);
    let ppm = missing.checked_mul(1_000_000).map(|m| (m + have.max(1) - 1) / have.max(1));
    // Only sums above 2^107 are too large to multiply; then parts are exact enough.
    let ppm = ppm.unwrap_or_else(|| missing / (have / 1_000_000).max(1) + 1);
    u64::try_from(ppm).unwrap_or(u64::MAX)
}

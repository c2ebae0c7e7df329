//! Modes as stages: what a mode names first is brought to its optimum, and every later figure only
//! decides among the plans that keep the earlier ones.
//!
//! It must never trade an earlier figure for a later one: the weight of a stage is one more than
//! all that the later one can save.

use super::progress::{Progress, Unit};
use super::{Found, Mode, Problem};
use crate::charge::{self, Best, ChargeError, ChargeProblem, ChargedLink};
use crate::exact::Decimal;
use crate::network::Edge;

/// How many branching nodes may go into finding fewer steps among equally good plans.
const STEPS_NODES_MAX: u64 = 8_000;

/// One figure of a mode, per edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Figure {
    Cost,
    Time,
    Steps,
}

impl Mode {
    pub(super) fn figures(&self) -> &'static [Figure] {
        match self {
            Mode::Cheapest | Mode::Earliest => &[Figure::Cost, Figure::Steps],
            Mode::Fastest => &[Figure::Time, Figure::Steps],
            Mode::CheapestThenFastest => &[Figure::Cost, Figure::Time, Figure::Steps],
            Mode::FastestThenCheapest => &[Figure::Time, Figure::Cost, Figure::Steps],
        }
    }
}

impl Figure {
    /// What progress calls it.
    pub fn name(self) -> &'static str {
        match self {
            Figure::Cost => "fees",
            Figure::Time => "seconds",
            Figure::Steps => "steps",
        }
    }

    /// The decimal places of this figure on any edge.
    pub fn places(self, edges: &[Edge]) -> u32 {
        let places = |edge: &Edge| match self {
            Figure::Cost => edge.link.variable_fee.places().max(edge.link.fixed_fee.places()),
            Figure::Time => edge.link.time_sec.places(),
            Figure::Steps => 0,
        };
        edges.iter().map(places).max().unwrap_or(0)
    }

    /// Per unit and at once, scaled to `places`.
    fn of(self, edge: &Edge, places: u32) -> Option<(i128, i128)> {
        let link = &edge.link;
        Some(match self {
            Figure::Cost => (link.variable_fee.scaled(places)?, link.fixed_fee.scaled(places)?),
            Figure::Time => (0, link.time_sec.scaled(places)?),
            Figure::Steps => (0, 1),
        })
    }

    /// The problem in which only this figure counts.
    pub fn charge(self, problem: &Problem) -> Result<ChargeProblem, ChargeError> {
        let edges = problem.network.edges();
        let places = self.places(edges);
        let total: i128 = problem.supplies.iter().map(|&s| i128::from(s.max(0))).sum();
        let link = |edge: &Edge| {
            let (unit_cost, fixed_cost) = self.of(edge, places)?;
            let (capacity, minimum) = limits(edge, total);
            let (tail, head) = (edge.tail, edge.head);
            Some(ChargedLink { tail, head, capacity, minimum, unit_cost, fixed_cost })
        };
        let links: Option<Vec<_>> = edges.iter().map(link).collect();
        let links = links.ok_or(ChargeError::Range)?;
        Ok(ChargeProblem { supplies: problem.supplies.clone(), links })
    }
}

/// Capacity and minimum of an edge when `total` is to be moved. An edge that is off, or whose
/// minimum is above everything, carries nothing.
pub(super) fn limits(edge: &Edge, total: i128) -> (i64, i64) {
    let capacity = edge.link.capacity.map_or(total, i128::from).min(total);
    let minimum = i128::from(edge.link.min_amount);
    if edge.link.off || minimum > capacity {
        return (0, 0);
    }
    (i64::try_from(capacity).unwrap_or(i64::MAX), i64::try_from(minimum).unwrap_or(i64::MAX))
}

/// Brings the figures of the mode to their optimum, one after the other.
pub(super) fn find(
    problem: &Problem,
    watch: &mut dyn FnMut(&Progress) -> bool,
) -> Result<Found, ChargeError> {
    let figures = problem.mode.figures();
    let mut weighted: Option<ChargeProblem> = None;
    let mut best: Option<Best> = None;
    let (mut first, mut proven, mut fewest) = (None, true, true);
    let (mut nodes, mut pivots) = (0, 0);
    for &figure in figures {
        let alone = figure.charge(problem)?;
        let stage = match (weighted.take(), &best) {
            (Some(before), Some(best)) => weigh(&before, &alone, best),
            _ => Some((alone, 0)),
        };
        let Some((stage, offset)) = stage else {
            // The weights do not fit: what is left of the mode stays as it is.
            (proven, fewest) = (proven && figure == Figure::Steps, false);
            break;
        };
        let start = best.as_ref().map(|b| b.flows.as_slice());
        let places = figure.places(problem.network.edges());
        let unit = Unit { figure: figure.name(), places, offset };
        let most = if figure == Figure::Steps { STEPS_NODES_MAX } else { u64::MAX };
        let mut tell = |p: &charge::Progress| p.nodes < most && watch(&unit.show(p));
        let found = charge::solve(&stage, start, &mut tell);
        let found = match found {
            Err(ChargeError::Range) if best.is_some() => {
                (proven, fewest) = (proven && figure == Figure::Steps, false);
                break;
            }
            found => found?,
        };
        (nodes, pivots) = (nodes + found.nodes, pivots + found.pivots);
        if figure == Figure::Steps {
            fewest = found.is_proven();
        } else {
            proven &= found.is_proven();
        }
        first = first.or(Some((found.objective, found.bound)));
        (weighted, best) = (Some(stage), Some(found));
        if !proven {
            fewest = false;
            break;
        }
    }
    let (objective, bound) = first.unwrap_or_default();
    let places = figures.first().map_or(0, |figure| figure.places(problem.network.edges()));
    let flows = best.map(|best| best.flows).unwrap_or_default();
    let (objective, bound) = (Decimal::new(objective, places), Decimal::new(bound, places));
    Ok(Found { flows, objective, bound, proven, fewest_steps: fewest, nodes, pivots })
}

/// `before` with enough weight that `then`, which the flows of `best` show to be this small, only
/// breaks ties; and what that makes of the best of `before`.
fn weigh(
    before: &ChargeProblem,
    then: &ChargeProblem,
    best: &Best,
) -> Option<(ChargeProblem, i128)> {
    let step = charge::grid(before);
    let weight = then.cost(&best.flows) / step + 1;
    let mut both = before.clone();
    for (link, other) in both.links.iter_mut().zip(&then.links) {
        link.unit_cost = link.unit_cost.checked_mul(weight)?.checked_add(other.unit_cost)?;
        link.fixed_cost = link.fixed_cost.checked_mul(weight)?.checked_add(other.fixed_cost)?;
    }
    Some((both, best.objective.checked_mul(weight)?))
}

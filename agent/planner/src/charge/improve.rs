//! Finding good flows: the relaxation again with costs that learn from the last flow, and closing
//! one link after the other.
//!
//! It must never decide anything about bounds: what it finds is only ever an offer.

use super::ChargeProblem;
use super::acyclic::cancel_cycles;
use super::relax::Relaxation;
use super::search::Incumbent;
use crate::simplex::Cost;

/// Rounds of slope scaling.
const SLOPE_ROUNDS: usize = 24;
/// Rounds of closing links.
const CLOSE_ROUNDS: usize = 3;
/// Above this many links times used links, closing is not worth its time.
const CLOSE_WORK_MAX: usize = 30_000_000;

/// Asked before every flow: what the best one costs and how many pivots were made; whether to go
/// on.
pub(super) type Going<'w> = &'w mut dyn FnMut(Option<i128>, u64) -> bool;

/// Takes `flows` if they are a plan and cheaper. A cycle that only minimums keep alive is returned.
pub(super) fn offer(
    problem: &ChargeProblem,
    flows: &[i64],
    best: &mut Option<Incumbent>,
) -> Option<Vec<u32>> {
    let mut flows = flows.to_vec();
    let below = |(link, &flow): (&super::ChargedLink, &i64)| flow > 0 && flow < link.minimum;
    if problem.links.iter().zip(&flows).any(below) {
        return None;
    }
    if let Err(cycle) = cancel_cycles(problem, &mut flows) {
        return Some(cycle);
    }
    let cost = problem.cost(&flows);
    if best.as_ref().is_none_or(|b| cost < b.cost) {
        *best = Some(Incumbent { flows, cost });
    }
    None
}

/// Charges every link per unit what it would have cost per unit at the last flow, again and again.
pub(super) fn scale_slopes<C: Cost>(
    problem: &ChargeProblem,
    relaxation: &mut Relaxation<'_, C>,
    best: &mut Option<Incumbent>,
    going: Going<'_>,
) {
    let scale = relaxation.scale();
    let mut costs: Vec<i128> = (0..problem.links.len() as u32)
        .map(|link| problem.links[link as usize].unit_cost * scale + relaxation.slope(link))
        .collect();
    let mut last = None;
    for _ in 0..SLOPE_ROUNDS {
        if !going(best.as_ref().map(|b| b.cost), relaxation.pivots) {
            return;
        }
        let open = |link: u32| problem.links[link as usize].capacity > 0;
        let cost = |link: u32| open(link).then(|| costs[link as usize]);
        let Some(flows) = relaxation.solve_with(cost) else { return };
        offer(problem, &flows, best);
        if last.as_ref() == Some(&flows) {
            return;
        }
        for ((cost, link), &flow) in costs.iter_mut().zip(&problem.links).zip(&flows) {
            if flow > 0 {
                *cost = link.unit_cost * scale + link.fixed_cost * scale / i128::from(flow);
            }
        }
        last = Some(flows);
    }
}

/// Closes one used link at a time and sends what it carried over those that are paid for, or over
/// new ones at their full charge.
pub(super) fn close_links<C: Cost>(
    problem: &ChargeProblem,
    relaxation: &mut Relaxation<'_, C>,
    best: &mut Option<Incumbent>,
    going: Going<'_>,
) {
    let scale = relaxation.scale();
    for _ in 0..CLOSE_ROUNDS {
        let Some(start) = best.clone() else { return };
        let used: Vec<u32> = (0..problem.links.len() as u32)
            .filter(|&l| start.flows[l as usize] > 0 && problem.links[l as usize].fixed_cost > 0)
            .collect();
        if used.len().saturating_mul(problem.links.len()) > CLOSE_WORK_MAX {
            return;
        }
        for &closed in &used {
            let Some(now) = best.clone() else { return };
            if !going(Some(now.cost), relaxation.pivots) {
                return;
            }
            let amount = i128::from(now.flows[closed as usize]);
            if amount == 0 {
                continue;
            }
            let cost = |l: u32| {
                let link = &problem.links[l as usize];
                if l == closed || link.capacity == 0 {
                    return None;
                }
                let sunk = now.flows[l as usize] > 0;
                let share = if sunk { 0 } else { link.fixed_cost * scale / amount };
                Some(link.unit_cost * scale + share)
            };
            if let Some(flows) = relaxation.solve_with(cost) {
                offer(problem, &flows, best);
            }
        }
        if best.as_ref().is_some_and(|b| b.cost == start.cost) {
            return;
        }
    }
}

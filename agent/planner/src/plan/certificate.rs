//! A proof that travels with a plan: one price per place, from which anyone computes in one pass a
//! figure that no plan is below.
//!
//! It must never be trusted: [`Certificate::bound`] proves its figure for any prices at all, good
//! or bad, and never asks how they were found.
//!
//! With prices `p`, what a plan costs is `-sum(supply * p)` plus, per edge, what its flow costs at
//! `fee + p(src) - p(dest)` a unit, charge included. Each of those is least at no flow or at full
//! capacity, so the sum of the least is a bound. It meets the optimum where no charge counts, and
//! is the bound of the linear relaxation where some do.

use super::stages::Figure;
use super::{Mode, Problem};
use crate::charge::ChargeProblem;
use crate::exact::{Decimal, PLACES_MAX};
use crate::simplex::{self, Arc, MAX_COST_SPAN};

/// How many decimals the share of a charge per unit gets, where the range allows.
const SHARE_PLACES: u32 = 9;

/// Prices that prove a bound; made for the first figure of a mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Per place, what a unit is worth there: base units, or seconds.
    pub potentials: Vec<Decimal>,
}

impl Certificate {
    /// The best prices of the linear relaxation of `problem`: charges are spread over all that
    /// their edge can carry. `None` in mode `earliest`, which is no sum over edges, and where the
    /// figures do not fit or nothing is feasible.
    pub fn of(problem: &Problem) -> Option<Certificate> {
        let (charged, places) = first_figure(problem)?;
        let free = charged.links.iter().all(|link| link.fixed_cost == 0);
        let most = if free { 0 } else { SHARE_PLACES.min(PLACES_MAX.saturating_sub(places)) };
        (0..=most).rev().find_map(|more| {
            let arcs = shared(&charged, 10i128.pow(more))?;
            let nodes = u32::try_from(charged.supplies.len()).ok()?;
            let supplies = charged.supplies.clone();
            let solution = simplex::solve(&simplex::Problem { nodes, supplies, arcs }).ok()?;
            let price = |&price: &i64| Decimal::new(i128::from(price), places + more);
            Some(Certificate { potentials: solution.potentials.iter().map(price).collect() })
        })
    }

    /// The figure that no plan for `problem` is below, whatever the prices are. `None` if their
    /// number is wrong or sums do not fit 128 bits.
    pub fn bound(&self, problem: &Problem) -> Option<Decimal> {
        let (charged, places) = first_figure(problem)?;
        let finest = self.potentials.iter().map(Decimal::places).max().unwrap_or(0).max(places);
        let factor = 10i128.checked_pow(finest - places)?;
        let prices: Option<Vec<i128>> = self.potentials.iter().map(|p| p.scaled(finest)).collect();
        let prices = prices.filter(|prices| prices.len() == charged.supplies.len())?;
        let mut bound = 0i128;
        for (&supply, &price) in charged.supplies.iter().zip(&prices) {
            bound = bound.checked_sub(price.checked_mul(i128::from(supply))?)?;
        }
        for link in &charged.links {
            let (tail, head) = (prices[link.tail as usize], prices[link.head as usize]);
            let unit = link.unit_cost.checked_mul(factor)?;
            let unit = unit.checked_add(tail)?.checked_sub(head)?;
            let full = unit.checked_mul(i128::from(link.capacity))?;
            let full = full.checked_add(link.fixed_cost.checked_mul(factor)?)?;
            bound = bound.checked_add(full.min(0))?;
        }
        Some(Decimal::new(bound, finest))
    }
}

/// The first figure of the mode, as [`super::charge_problem`], but where it is a sum over edges.
fn first_figure(problem: &Problem) -> Option<(ChargeProblem, u32)> {
    if problem.mode == Mode::Earliest {
        return None;
    }
    let figure: &Figure = problem.mode.figures().first()?;
    Some((figure.charge(problem).ok()?, figure.places(problem.network.edges())))
}

/// Arcs with each charge spread over the whole capacity, costs times `factor`, rounded down.
fn shared(charged: &ChargeProblem, factor: i128) -> Option<Vec<Arc>> {
    let span = i128::from(MAX_COST_SPAN) / (charged.supplies.len() as i128 + 1) - 1;
    let arc = |link: &crate::charge::ChargedLink| {
        let share = link.fixed_cost.checked_mul(factor)? / i128::from(link.capacity.max(1));
        let cost = link.unit_cost.checked_mul(factor)?.checked_add(share)?;
        let cost = i64::try_from(cost).ok().filter(|_| cost <= span)?;
        Some(Arc { tail: link.tail, head: link.head, capacity: link.capacity, cost })
    };
    charged.links.iter().map(arc).collect()
}

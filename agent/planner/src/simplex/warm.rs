//! A solver that keeps its basis, so that solving again after a change costs only what changed.
//!
//! It must never answer from a stale basis: every change is checked when it is made and brought
//! into the basis when [`Solver::solve`] is called.

use super::pivot::{Engine, Way};
use super::{Pricing, Problem, Solution, SolveError, check, check_arc, check_supplies};

/// What has changed since the engine's last run and is not in its basis yet.
#[derive(Debug, Clone, Default)]
struct Changes {
    /// Arcs whose cost changed.
    costs: Vec<u32>,
    /// Arcs that may carry more.
    wider: Vec<u32>,
    /// Arcs that may carry less.
    narrower: Vec<u32>,
    /// Whether supplies changed.
    supplies: bool,
}

/// A minimum-cost flow problem with the basis of its last solution.
///
/// ```
/// use debal_planner::simplex::{Arc, Problem, Solver};
/// let arcs = vec![Arc { tail: 0, head: 1, capacity: 9, cost: 2 }];
/// let mut solver = Solver::new(Problem { nodes: 2, supplies: vec![5, -5], arcs })?;
/// assert_eq!(solver.solve()?.objective, 10);
/// solver.set_cost(0, 3)?;
/// solver.set_supplies(&[7, -7])?;
/// assert_eq!(solver.solve()?.objective, 21);
/// # Ok::<(), debal_planner::simplex::SolveError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Solver {
    problem: Problem,
    engine: Engine<i64>,
    budget: u64,
    changes: Changes,
    pricing: Pricing,
    /// The sum of `|cost| * capacity`, so that a change is checked without looking at all arcs.
    worth: i128,
    /// The largest `|cost|` that any arc has had.
    largest: i64,
    /// Whether the basis was optimal before the changes.
    optimal: bool,
}

impl Solver {
    /// Checks `problem` and builds the artificial start.
    ///
    /// # Errors
    /// A named [`SolveError`] for input out of range.
    pub fn new(problem: Problem) -> Result<Solver, SolveError> {
        check(&problem)?;
        let engine = start(&problem);
        let worth = problem.arcs.iter().map(worth).sum();
        let largest = largest(&problem);
        let (budget, changes, pricing) = (u64::MAX, Changes::default(), Pricing::default());
        let optimal = false;
        Ok(Solver { problem, engine, budget, changes, pricing, worth, largest, optimal })
    }

    /// The most pivots that one [`Solver::solve`] may make.
    pub fn set_pivot_budget(&mut self, pivots: u64) {
        self.budget = pivots;
    }

    /// Chooses entering arcs by another rule than the default from now on.
    pub fn set_pricing(&mut self, rule: Pricing) {
        self.pricing = rule;
        self.engine.set_pricing(rule);
    }

    /// The problem as it stands.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }

    /// Changes what one unit on `arc` costs.
    ///
    /// # Errors
    /// [`SolveError::CostRange`], or [`SolveError::ObjectiveRange`] for an arc that does not exist
    /// or no longer leaves room for the objective.
    pub fn set_cost(&mut self, arc: u32, cost: i64) -> Result<(), SolveError> {
        if self.change(arc, |a| a.cost = cost)? {
            self.changes.costs.push(arc);
        }
        Ok(())
    }

    /// Changes the capacity of `arc`.
    ///
    /// # Errors
    /// [`SolveError::NegativeCapacity`] or [`SolveError::CapacityRange`], and as
    /// [`Solver::set_cost`].
    pub fn set_capacity(&mut self, arc: u32, capacity: i64) -> Result<(), SolveError> {
        let before = self.problem.arcs.get(arc as usize).map_or(0, |a| a.capacity);
        if self.change(arc, |a| a.capacity = capacity)? {
            let wider = capacity > before;
            let list = if wider { &mut self.changes.wider } else { &mut self.changes.narrower };
            list.push(arc);
        }
        Ok(())
    }

    /// Changes all supplies.
    ///
    /// # Errors
    /// [`SolveError::SuppliesLength`], [`SolveError::SupplyRange`],
    /// [`SolveError::SupplyImbalance`].
    pub fn set_supplies(&mut self, supplies: &[i64]) -> Result<(), SolveError> {
        let (nodes, given) = (self.problem.nodes, supplies.len());
        if given != nodes as usize {
            return Err(SolveError::SuppliesLength { nodes, given });
        }
        check_supplies(supplies)?;
        self.changes.supplies |= self.problem.supplies != supplies;
        self.problem.supplies.copy_from_slice(supplies);
        Ok(())
    }

    /// Solves to proven optimality, from the basis of the last solution where there is one. The
    /// same sequence of calls always gives the same answers.
    ///
    /// # Errors
    /// [`SolveError::Infeasible`] with a cut, [`SolveError::Budget`] when the pivot budget ends
    /// first (solving again goes on from there).
    pub fn solve(&mut self) -> Result<Solution, SolveError> {
        let widened = self.refresh();
        let (pivots, optimal) = self.engine.run(self.budget);
        self.optimal = optimal;
        let pivots = pivots + widened;
        if !optimal {
            return Err(SolveError::Budget { pivots });
        }
        if let Some(cut) = self.engine.cut() {
            return Err(SolveError::Infeasible(Box::new(cut)));
        }
        let (flows, potentials) = (self.engine.flows(), self.engine.potentials());
        let cost = |(a, &f): (&super::Arc, &i64)| i128::from(a.cost) * i128::from(f);
        let objective = self.problem.arcs.iter().zip(&flows).map(cost).sum();
        Ok(Solution { flows, potentials, objective, pivots })
    }

    /// Brings the changes since the last solution into the basis: new room while the prices are
    /// those of that solution, then new costs. How many pivots that took.
    fn refresh(&mut self) -> u64 {
        let Changes { costs, wider, narrower, supplies } = std::mem::take(&mut self.changes);
        let capacity = |arc: u32| self.problem.arcs[arc as usize].capacity;
        let stays = |&arc: &u32| self.engine.fits(arc, capacity(arc));
        let room = wider.is_empty() || self.optimal;
        let fits = room && !supplies && narrower.iter().all(stays);
        for &arc in &narrower {
            self.engine.set_capacity(arc, capacity(arc));
        }
        let mut pivots = 0;
        for &arc in &wider {
            if fits {
                pivots += u64::from(self.engine.widen(arc, capacity(arc)));
            } else {
                self.engine.set_capacity(arc, capacity(arc));
            }
        }
        for &arc in &costs {
            self.engine.set_cost(arc, self.problem.arcs[arc as usize].cost);
        }
        let artificial = prohibitive(self.largest, self.problem.nodes);
        if !fits && !self.engine.repair(&self.problem.supplies) {
            self.engine = start(&self.problem);
            self.engine.set_pricing(self.pricing);
        } else if !fits || !costs.is_empty() {
            self.engine.set_artificial_cost(artificial);
            self.engine.reprice_all();
        }
        pivots
    }

    /// Edits an arc; whether that changed anything.
    fn change(&mut self, arc: u32, edit: impl Fn(&mut super::Arc)) -> Result<bool, SolveError> {
        let slot = self.problem.arcs.get_mut(arc as usize);
        let slot = slot.ok_or(SolveError::ObjectiveRange { arc })?;
        let mut changed = *slot;
        edit(&mut changed);
        if changed == *slot {
            return Ok(false);
        }
        check_arc(self.problem.nodes, arc, &changed)?;
        let rest = self.worth - worth(slot);
        let sum = rest.checked_add(worth(&changed)).ok_or(SolveError::ObjectiveRange { arc })?;
        *slot = changed;
        (self.worth, self.largest) = (sum, self.largest.max(changed.cost.abs()));
        Ok(true)
    }
}

/// The artificial start for `problem`.
fn start(problem: &Problem) -> Engine<i64> {
    let ways = problem.arcs.iter().map(|a| {
        let (tail, head) = (a.tail, a.head);
        Way { tail, head, capacity: a.capacity, cost: a.cost }
    });
    Engine::new(&problem.supplies, ways, artificial_cost(problem))
}

/// A cost that no path can outweigh, so that artificial arcs empty whenever they can. Where no node
/// has a supply they never carry anything at all (each points at the root, and none can be emptied
/// below zero), so they may be free; then potentials are plain prices instead of prices plus a
/// large constant.
fn artificial_cost(problem: &Problem) -> i64 {
    if problem.supplies.iter().all(|&supply| supply == 0) {
        return 0;
    }
    prohibitive(largest(problem), problem.nodes)
}

/// The largest `|cost|`.
fn largest(problem: &Problem) -> i64 {
    problem.arcs.iter().map(|arc| arc.cost.abs()).max().unwrap_or(0)
}

/// More than any path can cost.
fn prohibitive(largest: i64, nodes: u32) -> i64 {
    (largest + 1) * (i64::from(nodes) + 1)
}

/// The most that an arc can add to the objective or take from it.
fn worth(arc: &super::Arc) -> i128 {
    i128::from(arc.cost.unsigned_abs()) * i128::from(arc.capacity)
}

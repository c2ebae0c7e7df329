//! Checking a plan against its problem, independently of how it was found: whoever executes a plan
//! need not trust who made it.
//!
//! It must never use the solver.

use std::collections::BTreeMap;

use thiserror::Error;

use super::{Mode, Problem, Step};
use crate::exact::Decimal;
use crate::network::Network;

/// Why a plan is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// A step names an edge that the network does not have, or has elsewhere.
    #[error("step {step}: edge e{edge} does not lead from {src} to {dest}")]
    NoSuchEdge {
        /// The step, from 0.
        step: usize,
        /// The edge it names.
        edge: u32,
        /// Where it says the edge starts.
        src: String,
        /// Where it says the edge ends.
        dest: String,
    },
    /// A step moves nothing.
    #[error("step {step} moves nothing")]
    Empty {
        /// The step.
        step: usize,
    },
    /// A step uses an edge that is switched off.
    #[error("step {step}: edge e{edge} is switched off")]
    Off {
        /// The step.
        step: usize,
        /// The edge.
        edge: u32,
    },
    /// A step is above the edge's transfer limit.
    #[error("step {step}: {amount} is above the transfer limit {limit}")]
    TransferLimit {
        /// The step.
        step: usize,
        /// What it moves.
        amount: u64,
        /// The limit.
        limit: u64,
    },
    /// An edge carries more than its capacity.
    #[error("edge e{edge} carries {amount}, above its capacity {capacity}")]
    OverCapacity {
        /// The edge.
        edge: u32,
        /// What all steps together move over it.
        amount: u128,
        /// Its capacity.
        capacity: u64,
    },
    /// An edge is used for less than its minimum.
    #[error("edge e{edge} carries {amount}, below its minimum {minimum}")]
    BelowMinimum {
        /// The edge.
        edge: u32,
        /// What all steps together move over it.
        amount: u128,
        /// Its minimum.
        minimum: u64,
    },
    /// A step cannot be paid for when its turn comes.
    #[error("step {step}: {place} holds {held} of the {amount} to move")]
    Unpayable {
        /// The step.
        step: usize,
        /// The place it leaves.
        place: String,
        /// What is there.
        held: u128,
        /// What it moves.
        amount: u64,
    },
    /// A place does not end at its target.
    #[error("{place} ends {difference:+} from its target")]
    WrongEnd {
        /// The place.
        place: String,
        /// What it has too much (positive) or too little.
        difference: i128,
    },
    /// A step waits for one that is not before it, or the lists are not as many as the steps.
    #[error("step {step}: its list of earlier steps is wrong")]
    WrongAfter {
        /// The step.
        step: usize,
    },
    /// Flow goes in a circle.
    #[error("funds go in a circle over edge e{edge}")]
    Circle {
        /// An edge of the circle.
        edge: u32,
    },
    /// The plan says it costs or takes something else than it does.
    #[error("the plan says {said}, its steps make it {real}")]
    WrongObjective {
        /// What the plan says.
        said: Decimal,
        /// What it is.
        real: Decimal,
    },
    /// Sums do not fit.
    #[error("the sums of the plan do not fit 128 bits")]
    Range,
}

/// Fees and times of flows, one per edge; `None` if they do not fit.
pub fn totals(network: &Network, flows: &[i64]) -> Option<(Decimal, Decimal)> {
    let (mut cost, mut time) = (Decimal::ZERO, Decimal::ZERO);
    for (edge, &flow) in network.edges().iter().zip(flows).filter(|(_, flow)| **flow > 0) {
        cost = cost.plus(&edge.link.variable_fee.times(i128::from(flow))?)?;
        cost = cost.plus(&edge.link.fixed_fee)?;
        time = time.plus(&edge.link.time_sec)?;
    }
    Some((cost, time))
}

/// Checks that steps are executable in their order, respect every limit, go in no circle, end at
/// the targets, and are worth what the plan says. Linear in steps and edges but for one sort.
/// Returns the objective.
///
/// # Errors
/// The first [`Refusal`].
pub fn verify(
    problem: &Problem,
    steps: &[Step],
    after: Option<&[Vec<u32>]>,
    objective: Option<Decimal>,
) -> Result<Decimal, Refusal> {
    let flows = replay(problem, steps)?;
    if let Some(after) = after {
        let wrong = |(step, list): (usize, &Vec<u32>)| {
            list.iter().any(|&earlier| earlier as usize >= step).then_some(step)
        };
        if after.len() != steps.len() {
            return Err(Refusal::WrongAfter { step: after.len().min(steps.len()) });
        }
        if let Some(step) = after.iter().enumerate().find_map(wrong) {
            return Err(Refusal::WrongAfter { step });
        }
    }
    check_circle(&problem.network, &flows)?;
    let (cost, time) = totals(&problem.network, &flows).ok_or(Refusal::Range)?;
    let real = match problem.mode {
        Mode::Cheapest | Mode::CheapestThenFastest => cost,
        Mode::Fastest | Mode::FastestThenCheapest => time,
        Mode::Earliest => longest_chain(&problem.network, &flows).ok_or(Refusal::Range)?,
    };
    match objective {
        Some(said) if said != real => Err(Refusal::WrongObjective { said, real }),
        _ => Ok(real),
    }
}

/// Executes the steps on the balances; what every edge carries.
fn replay(problem: &Problem, steps: &[Step]) -> Result<Vec<i64>, Refusal> {
    let network = &problem.network;
    // What may be spent is the surplus; what a place keeps is not touched.
    let surplus = |&supply: &i64| u128::from(supply.max(0).unsigned_abs());
    let mut held: Vec<u128> = problem.supplies().iter().map(surplus).collect();
    let mut carried: BTreeMap<u32, u128> = BTreeMap::new();
    for (number, step) in steps.iter().enumerate() {
        let edge = network.edges().get(step.edge as usize);
        let edge = edge.filter(|edge| (edge.tail, edge.head) == (step.src, step.dest));
        let Some(edge) = edge else {
            let name = |place: u32| network.places().get(place as usize).map(|p| p.id.clone());
            let (src, dest) = (name(step.src).unwrap_or_default(), name(step.dest));
            let (dest, edge) = (dest.unwrap_or_default(), step.edge);
            return Err(Refusal::NoSuchEdge { step: number, edge, src, dest });
        };
        let amount = step.amount;
        if amount == 0 {
            return Err(Refusal::Empty { step: number });
        }
        if edge.link.off {
            return Err(Refusal::Off { step: number, edge: step.edge });
        }
        if let Some(limit) = edge.link.transfer_limit.filter(|limit| amount > *limit) {
            return Err(Refusal::TransferLimit { step: number, amount, limit });
        }
        let from = &mut held[step.src as usize];
        if *from < u128::from(amount) {
            let (place, held) = (network.name(step.src).to_owned(), *from);
            return Err(Refusal::Unpayable { step: number, place, held, amount });
        }
        *from -= u128::from(amount);
        held[step.dest as usize] += u128::from(amount);
        *carried.entry(step.edge).or_default() += u128::from(amount);
    }
    for (place, (&held, &supply)) in (0u32..).zip(held.iter().zip(problem.supplies())) {
        let difference = held as i128 - i128::from((-supply).max(0));
        if difference != 0 {
            return Err(Refusal::WrongEnd { place: network.name(place).to_owned(), difference });
        }
    }
    let mut flows = vec![0; network.edges().len()];
    for (&edge, &amount) in &carried {
        let link = &network.edges()[edge as usize].link;
        if let Some(capacity) = link.capacity.filter(|&c| amount > u128::from(c)) {
            return Err(Refusal::OverCapacity { edge, amount, capacity });
        }
        if amount < u128::from(link.min_amount) {
            return Err(Refusal::BelowMinimum { edge, amount, minimum: link.min_amount });
        }
        flows[edge as usize] = i64::try_from(amount).map_err(|_| Refusal::Range)?;
    }
    Ok(flows)
}

/// Used edges in an order in which everything that enters a place comes before what leaves it, and
/// those that no such order reaches.
fn sorted(network: &Network, flows: &[i64]) -> (Vec<u32>, Option<u32>) {
    let places = network.places().len();
    let mut entering = vec![0u32; places];
    let mut leaving = vec![Vec::new(); places];
    let used = |number: &u32| flows[*number as usize] > 0;
    for number in (0..network.edges().len() as u32).filter(used) {
        let edge = &network.edges()[number as usize];
        entering[edge.head as usize] += 1;
        leaving[edge.tail as usize].push(number);
    }
    let mut ready: Vec<u32> = (0..places as u32).filter(|&v| entering[v as usize] == 0).collect();
    let mut order = Vec::new();
    while let Some(place) = ready.pop() {
        for &number in &leaving[place as usize] {
            order.push(number);
            let head = network.edges()[number as usize].head;
            entering[head as usize] -= 1;
            if entering[head as usize] == 0 {
                ready.push(head);
            }
        }
    }
    let stuck = (0..places).find(|&v| entering[v] > 0 && !leaving[v].is_empty());
    (order, stuck.map(|v| leaving[v][0]))
}

fn check_circle(network: &Network, flows: &[i64]) -> Result<(), Refusal> {
    match sorted(network, flows) {
        (_, Some(edge)) => Err(Refusal::Circle { edge }),
        _ => Ok(()),
    }
}

/// How long the longest chain of used edges takes.
fn longest_chain(network: &Network, flows: &[i64]) -> Option<Decimal> {
    let mut ends = vec![Decimal::ZERO; network.places().len()];
    let mut last = Decimal::ZERO;
    for number in sorted(network, flows).0 {
        let edge = &network.edges()[number as usize];
        let end = ends[edge.tail as usize].plus(&edge.link.time_sec)?;
        let slot = &mut ends[edge.head as usize];
        *slot = end.max(*slot);
        last = last.max(end);
    }
    Some(last)
}

//! Why a problem has no plan, in amounts and names: what cannot be placed, which places are cut
//! off, which edges to raise by how much, which minimums are the reason, and the best that is
//! possible.
//!
//! It must never blame an edge that is not on the proof.

use std::fmt;

use super::progress::{Progress, Unit};
use super::stages::limits;
use super::{Plan, Problem, find};
use crate::charge::{self, ChargeProblem, ChargedLink};
use crate::simplex::{self, Arc};

/// How often the problem may be solved without some of its minimums.
const MINIMUMS_CHECKS_MAX: u32 = 400;
/// What progress is told in while reasons are looked for.
const UNPLACED: Unit = Unit { figure: "units not placed", places: 0, offset: 0 };
/// How many of a kind the message names.
const NAMED_MAX: usize = 5;
/// How many branching nodes the search for the largest partial plan may take.
const PARTIAL_NODES_MAX: u64 = 50_000;

/// An edge that would have to carry more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Raise {
    /// The edge.
    pub edge: u32,
    /// By how much its capacity must be raised; 0 if switching it on is enough.
    pub by: i64,
    /// Whether it must be switched on for that.
    pub off: bool,
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Diagnosis {
    /// How much cannot be placed, whatever the plan.
    pub shortfall: i128,
    /// Surplus places from which no deficit can be reached.
    pub stranded_sources: Vec<u32>,
    /// Deficit places that no surplus can reach.
    pub unreachable_sinks: Vec<u32>,
    /// Full edges of a minimum cut: all that leaves the surplus side goes over them.
    pub cut: Vec<u32>,
    /// The least raise of capacities that lets everything through that edges could carry at all.
    pub raises: Vec<Raise>,
    /// Edges whose minimums, taken together, leave no plan; every one of them is needed for that,
    /// but for those that were not examined.
    pub minimums: Vec<u32>,
    /// How many of `minimums` may not be needed: effort or time ran out before they were examined.
    pub unexamined: usize,
    /// The best plan for as much as can be placed, if it was found in time.
    pub partial: Option<Plan>,
    /// The whole in plain words.
    pub message: String,
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Explains why `problem` has no plan.
pub(super) fn diagnose(problem: &Problem, watch: &mut dyn FnMut(&Progress) -> bool) -> Diagnosis {
    let mut found = Diagnosis::default();
    reach(problem, &mut found);
    let without_minimums = cut(problem, &mut found);
    if without_minimums == 0 {
        (found.minimums, found.unexamined) = guilty_minimums(problem, watch);
        found.cut.clear();
    } else {
        found.raises = raises(problem);
    }
    let mut some = |p: &charge::Progress| p.nodes < PARTIAL_NODES_MAX && watch(&UNPLACED.show(p));
    match placeable(problem, &mut some) {
        Some((supplies, unplaced)) => {
            found.shortfall = unplaced;
            let mut some = |p: &Progress| p.nodes < PARTIAL_NODES_MAX && watch(p);
            found.partial = find(&problem.with_supplies(supplies), &mut some).ok();
        }
        None => found.shortfall = without_minimums,
    }
    found.message = words(problem, &found);
    found
}

/// Which surpluses reach no deficit, and which deficits no surplus reaches.
fn reach(problem: &Problem, found: &mut Diagnosis) {
    let (network, supplies) = (&problem.network, problem.supplies());
    let walk = |backwards: bool| {
        let mut around = vec![Vec::new(); supplies.len()];
        for edge in network.edges().iter().filter(|e| !e.link.off && e.link.capacity != Some(0)) {
            let (near, far) =
                if backwards { (edge.head, edge.tail) } else { (edge.tail, edge.head) };
            around[near as usize].push(far);
        }
        let sign = if backwards { -1 } else { 1 };
        let starts = |&v: &u32| supplies[v as usize].signum() == sign;
        let mut stack: Vec<u32> = (0..supplies.len() as u32).filter(starts).collect();
        let mut reached = vec![false; supplies.len()];
        while let Some(node) = stack.pop() {
            if !std::mem::replace(&mut reached[node as usize], true) {
                stack.extend(&around[node as usize]);
            }
        }
        reached
    };
    let (from_surplus, to_deficit) = (walk(false), walk(true));
    let all = 0..supplies.len() as u32;
    let stranded = |&v: &u32| supplies[v as usize] > 0 && !to_deficit[v as usize];
    found.stranded_sources = all.clone().filter(stranded).collect();
    let cut_off = |&v: &u32| supplies[v as usize] < 0 && !from_surplus[v as usize];
    found.unreachable_sinks = all.filter(cut_off).collect();
}

/// What cannot be placed even without minimums, and the edges of the cut that proves it.
fn cut(problem: &Problem, found: &mut Diagnosis) -> i128 {
    let total = total(problem);
    let arc = |edge: &crate::network::Edge| {
        let open = !edge.link.off;
        let capacity = edge.link.capacity.map_or(total, i128::from).min(total);
        let capacity = if open { i64::try_from(capacity).unwrap_or(i64::MAX) } else { 0 };
        let capacity = capacity.min(simplex::MAX_CAPACITY);
        Arc { tail: edge.tail, head: edge.head, capacity, cost: 0 }
    };
    let arcs = problem.network.edges().iter().map(arc).collect();
    let (nodes, supplies) = (problem.supplies().len() as u32, problem.supplies().to_vec());
    match simplex::solve(&simplex::Problem { nodes, supplies, arcs }) {
        Err(simplex::SolveError::Infeasible(cut)) => {
            found.cut = cut.arcs;
            i128::from(cut.excess)
        }
        _ => 0,
    }
}

fn total(problem: &Problem) -> i128 {
    problem.supplies().iter().map(|&s| i128::from(s.max(0))).sum()
}

/// The least total raise that lets as much through as connected places allow.
fn raises(problem: &Problem) -> Vec<Raise> {
    let most = i64::try_from(total(problem)).unwrap_or(i64::MAX).min(simplex::MAX_CAPACITY);
    let edges = problem.network.edges();
    let nodes = problem.supplies().len() as u32;
    let mut arcs = Vec::with_capacity(edges.len() * 2);
    for edge in edges {
        let now = edge.link.capacity.and_then(|c| i64::try_from(c).ok()).unwrap_or(most).min(most);
        let now = if edge.link.off { 0 } else { now };
        let (tail, head) = (edge.tail, edge.head);
        arcs.push(Arc { tail, head, capacity: now, cost: 0 });
        arcs.push(Arc { tail, head, capacity: most - now, cost: 1 });
    }
    // What no raise lets through goes over one more node, at more than any way can cost.
    let over = i64::from(nodes) + 1;
    for (place, &supply) in (0u32..).zip(problem.supplies()) {
        let (tail, head) = if supply > 0 { (place, nodes) } else { (nodes, place) };
        if supply != 0 {
            arcs.push(Arc { tail, head, capacity: supply.abs(), cost: over });
        }
    }
    let mut supplies = problem.supplies().to_vec();
    supplies.push(0);
    let Ok(found) = simplex::solve(&simplex::Problem { nodes: nodes + 1, supplies, arcs }) else {
        return Vec::new();
    };
    let raise = |(edge, pair): (u32, &[i64])| {
        let more = pair.get(1).copied().filter(|more| *more > 0)?;
        let link = &edges[edge as usize].link;
        let has = link.capacity.and_then(|c| i64::try_from(c).ok()).unwrap_or(i64::MAX);
        let by = if link.off { (more - has).max(0) } else { more };
        Some(Raise { edge, by, off: link.off })
    };
    let pairs = found.flows[..edges.len() * 2].chunks(2);
    (0u32..).zip(pairs).filter_map(raise).collect()
}

/// The charge problem in which only what stays unplaced costs: one more node takes what the edges
/// cannot. `keeps` tells whose minimum counts.
fn unplaced_problem(problem: &Problem, keeps: &dyn Fn(u32) -> bool) -> ChargeProblem {
    let total = total(problem);
    let link = |(number, edge): (u32, &crate::network::Edge)| {
        let (mut capacity, mut minimum) = limits(edge, total);
        if !keeps(number) && !edge.link.off {
            let most = edge.link.capacity.map_or(total, i128::from).min(total);
            (capacity, minimum) = (i64::try_from(most).unwrap_or(i64::MAX), 0);
        }
        let (tail, head) = (edge.tail, edge.head);
        ChargedLink { tail, head, capacity, minimum, unit_cost: 0, fixed_cost: 0 }
    };
    let links = (0u32..).zip(problem.network.edges()).map(link).collect();
    ChargeProblem { supplies: problem.supplies().to_vec(), links }
}

/// Supplies of the largest partial plan, and how much it leaves.
fn placeable(
    problem: &Problem,
    watch: &mut dyn FnMut(&charge::Progress) -> bool,
) -> Option<(Vec<i64>, i128)> {
    let mut with_rest = unplaced_problem(problem, &|_| true);
    let (edges, rest) = (with_rest.links.len(), problem.supplies().len() as u32);
    let mut places = Vec::new();
    for (place, &supply) in (0u32..).zip(problem.supplies()).filter(|(_, s)| **s != 0) {
        let (tail, head) = if supply > 0 { (place, rest) } else { (rest, place) };
        let unit_cost = i128::from(supply > 0);
        let capacity = supply.abs();
        let link = ChargedLink { tail, head, capacity, minimum: 0, unit_cost, fixed_cost: 0 };
        with_rest.links.push(link);
        places.push(place);
    }
    with_rest.supplies.push(0);
    let best = charge::solve(&with_rest, None, watch).ok()?;
    let mut supplies = problem.supplies().to_vec();
    for (&place, &left) in places.iter().zip(&best.flows[edges..]) {
        let supply = &mut supplies[place as usize];
        *supply -= if *supply > 0 { left } else { -left };
    }
    Some((supplies, best.objective))
}

/// A smallest set of minimums (no part of it would do) that together leave no plan, and how many of
/// it were not examined. Minimums are left out in groups, large ones first: few are to blame.
fn guilty_minimums(
    problem: &Problem,
    watch: &mut dyn FnMut(&Progress) -> bool,
) -> (Vec<u32>, usize) {
    let edges = problem.network.edges();
    let has = |number: &u32| {
        let link = &edges[*number as usize].link;
        link.min_amount > 0 && !link.off
    };
    let mut guilty: Vec<u32> = (0..edges.len() as u32).filter(has).collect();
    let (mut checks, mut group) = (0, guilty.len().div_ceil(2).max(1));
    loop {
        let (mut at, mut unknown) = (0, 0);
        while at < guilty.len() {
            let end = (at + group).min(guilty.len());
            let without: Vec<u32> = [&guilty[..at], &guilty[end..]].concat();
            checks += 1;
            if checks > MINIMUMS_CHECKS_MAX {
                // Of a group only the whole was examined.
                let open = if group == 1 { guilty.len() - at + unknown } else { guilty.len() };
                return (guilty, open);
            }
            match blocked(problem, &without, watch) {
                Some(true) => guilty = without,
                Some(false) => at = end,
                None => (at, unknown) = (end, unknown + end - at),
            }
        }
        if group == 1 {
            return (guilty, unknown);
        }
        group = group.div_ceil(2);
    }
}

/// Whether these minimums alone leave no plan; `None` if that was not found out in time.
fn blocked(
    problem: &Problem,
    minimums: &[u32],
    watch: &mut dyn FnMut(&Progress) -> bool,
) -> Option<bool> {
    let keeps = |number: u32| minimums.binary_search(&number).is_ok();
    // The first flow found answers the question.
    let mut some = |p: &charge::Progress| {
        p.objective.is_none() && p.nodes < PARTIAL_NODES_MAX && watch(&UNPLACED.show(p))
    };
    match charge::solve(&unplaced_problem(problem, &keeps), None, &mut some) {
        Ok(_) => Some(false),
        Err(charge::ChargeError::Infeasible) => Some(true),
        Err(_) => None,
    }
}

fn words(problem: &Problem, found: &Diagnosis) -> String {
    let network = &problem.network;
    let names = |places: &[u32]| {
        let shown = places.iter().map(|&v| network.name(v).to_owned());
        first_of(shown.collect())
    };
    let edge = |number: u32| {
        let edge = &network.edges()[number as usize];
        format!("e{number} ({} to {})", edge.link.src, edge.link.dest)
    };
    let mut parts = vec![format!("{} of {} cannot be placed", found.shortfall, total(problem))];
    if !found.stranded_sources.is_empty() {
        parts.push(format!(
            "nothing that needs funds can be reached from {}",
            names(&found.stranded_sources)
        ));
    }
    if !found.unreachable_sinks.is_empty() {
        parts.push(format!("no surplus reaches {}", names(&found.unreachable_sinks)));
    }
    if !found.minimums.is_empty() {
        let one = |&number: &u32| {
            let minimum = network.edges()[number as usize].link.min_amount;
            format!("{} moves at least {minimum}", edge(number))
        };
        let list = first_of(found.minimums.iter().map(one).collect());
        parts.push(format!("the reason is the minimum: {list}"));
    }
    if found.unexamined > 0 {
        let (count, all) = (found.unexamined, found.minimums.len());
        parts.push(format!("{count} of these {all} minimums not examined, they may be innocent"));
    }
    if !found.raises.is_empty() {
        let one = |raise: &Raise| match (raise.off, raise.by) {
            (true, 0) => format!("switch on {}", edge(raise.edge)),
            (true, by) => format!("switch on {} and raise it by {by}", edge(raise.edge)),
            (false, by) => format!("raise {} by {by}", edge(raise.edge)),
        };
        parts.push(first_of(found.raises.iter().map(one).collect()));
    }
    parts.join("; ")
}

/// The first of a list in words, and how many more there are.
fn first_of(list: Vec<String>) -> String {
    let more = list.len().saturating_sub(NAMED_MAX);
    let shown = list[..list.len() - more].join(", ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}

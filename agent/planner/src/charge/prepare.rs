//! Tightening before the search: the most that a link can carry in any plan without cycles.
//!
//! It must never cut off a plan: a bound here holds for every flow that has no cycle.

use super::{ChargeError, ChargeProblem, ChargedLink};

/// The largest product of links and links for which every link gets its own bound.
const WORK_MAX: usize = 400_000_000;

/// The same problem with capacities no larger than what a plan without cycles can use; a link that
/// cannot be used has capacity zero.
pub(super) fn tighten(problem: &ChargeProblem) -> Result<ChargeProblem, ChargeError> {
    let nodes = problem.supplies.len();
    let total: i128 = problem.supplies.iter().map(|&s| i128::from(s.max(0))).sum();
    let mut worst: i128 = 0;
    for link in &problem.links {
        let amount = total.min(i128::from(link.capacity));
        let most = link.unit_cost.checked_mul(amount).and_then(|c| c.checked_add(link.fixed_cost));
        let sum = most.and_then(|most| worst.checked_add(most));
        worst = sum.filter(|sum| *sum < i128::MAX >> 8).ok_or(ChargeError::Range)?;
    }
    let mut tight = problem.clone();
    let mut around = Around::new(nodes, &problem.links);
    let each = problem.links.len().saturating_mul(problem.links.len() + nodes) <= WORK_MAX;
    for (link, original) in tight.links.iter_mut().zip(&problem.links) {
        let mut most = total;
        if each && original.capacity > 0 {
            let before = around.reach(problem, original.tail, original.head, Way::Up);
            let after = around.reach(problem, original.head, original.tail, Way::Down);
            most = before.min(after);
        }
        let most = i64::try_from(most.min(i128::from(original.capacity))).unwrap_or(i64::MAX);
        let usable = most > 0 && most >= original.minimum && original.tail != original.head;
        link.capacity = if usable { most } else { 0 };
    }
    Ok(tight)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Against the links, collecting what is sent.
    Up,
    /// Along the links, collecting what is taken.
    Down,
}

/// Links by node, and marks for walking.
struct Around {
    entering: Vec<Vec<u32>>,
    leaving: Vec<Vec<u32>>,
    marks: Vec<u32>,
    stamp: u32,
    stack: Vec<u32>,
}

impl Around {
    fn new(nodes: usize, links: &[ChargedLink]) -> Around {
        let (mut entering, mut leaving) = (vec![Vec::new(); nodes], vec![Vec::new(); nodes]);
        for link in links.iter().filter(|link| link.capacity > 0) {
            entering[link.head as usize].push(link.tail);
            leaving[link.tail as usize].push(link.head);
        }
        for list in entering.iter_mut().chain(&mut leaving) {
            list.sort_unstable();
            list.dedup();
        }
        Around { entering, leaving, marks: vec![0; nodes], stamp: 0, stack: Vec::new() }
    }

    /// What all nodes that can be reached from `start` without passing `avoid` send or take.
    fn reach(&mut self, problem: &ChargeProblem, start: u32, avoid: u32, way: Way) -> i128 {
        self.stamp += 1;
        self.marks[start as usize] = self.stamp;
        self.marks[avoid as usize] = self.stamp;
        self.stack.push(start);
        let mut sum = 0;
        while let Some(node) = self.stack.pop() {
            let supply = i128::from(problem.supplies[node as usize]);
            sum += if way == Way::Up { supply.max(0) } else { (-supply).max(0) };
            let next = if way == Way::Up { &self.entering } else { &self.leaving };
            for &other in &next[node as usize] {
                if self.marks[other as usize] != self.stamp {
                    self.marks[other as usize] = self.stamp;
                    self.stack.push(other);
                }
            }
        }
        sum
    }
}

//! The order of steps: which move comes when, which earlier moves it spends from, and how long all
//! of them take.
//!
//! It must never call a step payable that is not: what nobody can pay for is reported as a
//! deadlock.

use std::collections::VecDeque;

use crate::exact::Decimal;

/// One movement of funds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// The number that breaks ties; smaller first.
    pub number: u32,
    /// The place it leaves.
    pub src: u32,
    /// The place it enters.
    pub dest: u32,
    /// How much.
    pub amount: u64,
    /// How long it takes, seconds.
    pub time_sec: Decimal,
}

/// Funds that a place may spend before any move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Funds {
    /// The place.
    pub place: u32,
    /// How much.
    pub amount: u64,
    /// When they are there, seconds from now; zero for what is there.
    pub ready_sec: Decimal,
}

/// An order of moves.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Schedule {
    /// The positions of the moves in the list that was given, in the order of execution.
    pub order: Vec<usize>,
    /// Per step of `order`, the earlier steps whose funds it spends, ascending. Steps that do not
    /// wait for each other may run side by side.
    pub after: Vec<Vec<u32>>,
    /// At some point nothing more was payable; the rest follows by number and must not be executed.
    pub deadlock: bool,
    /// When the last step ends, seconds; every step starts as soon as those it waits for have
    /// ended. `None` with a deadlock, or if it is more than a decimal holds.
    pub duration_sec: Option<Decimal>,
}

/// What lies at a place, oldest first: how much is left, which step brought it, when it is there.
type Queue = VecDeque<(u64, Option<u32>, Decimal)>;

/// Orders `moves`: again and again one whose source holds the whole amount, preferring one that
/// leaves the chain of the move before, then the smallest number, then the first in the list.
/// `chain` names the chain of a place. Places are below `places`.
pub fn order(
    places: usize,
    chain: impl Fn(u32) -> u32,
    funds: &[Funds],
    moves: &[Move],
) -> Schedule {
    let mut held = vec![0u128; places];
    let mut queues: Vec<Queue> = vec![VecDeque::new(); places];
    let mut sorted: Vec<&Funds> = funds.iter().collect();
    sorted.sort_by_key(|own| own.ready_sec);
    for own in sorted {
        held[own.place as usize] += u128::from(own.amount);
        queues[own.place as usize].push_back((own.amount, None, own.ready_sec));
    }
    let mut left: Vec<usize> = (0..moves.len()).collect();
    left.sort_by_key(|&index| moves[index].number);
    let mut schedule = Schedule::default();
    let mut duration = Some(Decimal::ZERO);
    let mut last = None;
    while !left.is_empty() {
        let payable = |&position: &usize| {
            let next = &moves[left[position]];
            held[next.src as usize] >= u128::from(next.amount)
        };
        let same = |&position: &usize| Some(chain(moves[left[position]].src)) == last;
        let mut positions = 0..left.len();
        let grouped = positions.clone().filter(payable).find(same);
        let position = grouped.or_else(|| positions.find(payable));
        schedule.deadlock |= position.is_none();
        let index = left.remove(position.unwrap_or(0));
        let step = &moves[index];
        let number = schedule.order.len() as u32;
        let (after, start) = pay(&mut queues[step.src as usize], step.amount);
        let end = start.plus(&step.time_sec);
        duration = duration.and_then(|longest| end.map(|end| longest.max(end)));
        let arrived = (step.amount, Some(number), end.unwrap_or(start));
        queues[step.dest as usize].push_back(arrived);
        let from = &mut held[step.src as usize];
        *from = from.saturating_sub(u128::from(step.amount));
        held[step.dest as usize] += u128::from(step.amount);
        last = Some(chain(step.src));
        schedule.order.push(index);
        schedule.after.push(after);
    }
    schedule.duration_sec = duration.filter(|_| !schedule.deadlock);
    schedule
}

/// Takes `amount` from the front of a queue: which steps brought it, and when all of it is there.
fn pay(queue: &mut Queue, mut amount: u64) -> (Vec<u32>, Decimal) {
    let (mut after, mut start) = (Vec::new(), Decimal::ZERO);
    while amount > 0 {
        let Some((left, step, ready)) = queue.front_mut() else { break };
        let taken = amount.min(*left);
        *left -= taken;
        amount -= taken;
        start = start.max(*ready);
        after.extend(*step);
        if *left == 0 {
            queue.pop_front();
        }
    }
    after.sort_unstable();
    after.dedup();
    (after, start)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(number: u32, src: u32, dest: u32, amount: u64, seconds: i128) -> Move {
        Move { number, src, dest, amount, time_sec: Decimal::new(seconds, 0) }
    }

    fn own(place: u32, amount: u64) -> Funds {
        Funds { place, amount, ready_sec: Decimal::ZERO }
    }

    #[test]
    fn independent_steps_run_side_by_side() {
        let moves = [step(0, 0, 1, 5, 10), step(1, 2, 3, 5, 7), step(2, 1, 3, 5, 4)];
        let found = order(4, |place| place, &[own(0, 5), own(2, 5)], &moves);
        assert_eq!(found.order, [0, 1, 2]);
        assert_eq!(found.after, [vec![], vec![], vec![0]]);
        assert_eq!(found.duration_sec, Some(Decimal::new(14, 0)));
    }

    #[test]
    fn funds_under_way_are_waited_for() {
        let late = Funds { place: 0, amount: 3, ready_sec: Decimal::new(100, 0) };
        let found = order(2, |place| place, &[late, own(0, 2)], &[step(0, 0, 1, 5, 10)]);
        assert_eq!(found.duration_sec, Some(Decimal::new(110, 0)));
    }

    #[test]
    fn what_nobody_can_pay_for_is_a_deadlock() {
        let moves = [step(1, 0, 1, 5, 1), step(0, 1, 0, 5, 1)];
        let found = order(2, |place| place, &[own(0, 4)], &moves);
        assert_eq!((found.order, found.deadlock), (vec![1, 0], true));
        assert_eq!(found.duration_sec, None);
    }
}

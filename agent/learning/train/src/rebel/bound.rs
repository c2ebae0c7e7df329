//! What nobody can beat in RebEL's environment: a linear bound for one tape.
//!
//! It must never be below what any controller reaches: everything in it is relaxed in the
//! controller's favour (payments may be split, chosen and known in advance, swaps are instant).

use super::swap_out_fees;
use super::{CAPACITY, L, R, RELAY_FEE, START_LOCAL, START_ON_CHAIN, Tape, swap_in_fees};

/// The bound of one tape.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bound {
    /// No controller ends with more.
    pub fortune: f64,
    /// Fee left after the swaps that carry one coin from L to R on top of what returns by itself;
    /// below 0 every such coin costs fortune, and is only worth its success.
    pub carry_margin: f64,
}

/// The bound of a tape.
///
/// With x and y the coins that entered from L and from R (y at most what arrived), z those swapped
/// into R and w those swapped out of L: R's local balance cannot end below 0, so
/// `0.99 x <= 500 + y + z`; L's cannot end above its capacity, so `w >= 500 + x - 0.99 y - 1000`.
/// A swap moves at most the capacity, so a coin swapped costs at least a whole swap's fee /
/// capacity. Fortune is `2000 + 0.01 (x + y)` less swap fees. Raising z by one allows 1 / 0.99
/// more x, each of which must leave L again: [`Bound::carry_margin`] is what that leaves. While it
/// is below 0 the best z is 0; y is worth raising always. Swaps the other way only add cost.
pub fn bound(tape: &Tape) -> Bound {
    let mut arrived = [0.0; 2];
    for payment in tape.payments() {
        arrived[usize::from(payment.from)] += f64::from(payment.amount);
    }
    let keep = 1.0 - RELAY_FEE;
    let in_cost = swap_in_fees(CAPACITY) / CAPACITY;
    let out_cost = swap_out_fees(CAPACITY) / CAPACITY;
    let carry_margin = RELAY_FEE / keep - in_cost - out_cost / keep;
    let from_right = arrived[R];
    let enough = |into_right: f64| ((START_LOCAL + from_right + into_right) / keep).min(arrived[L]);
    let into_right =
        if carry_margin > 0.0 { arrived[L] * keep - START_LOCAL - from_right } else { 0.0 };
    let from_left = enough(into_right.max(0.0));
    let out_of_left = (START_LOCAL + from_left - keep * from_right - CAPACITY).max(0.0);
    let earned = RELAY_FEE * (from_left + from_right);
    let paid = out_cost * out_of_left + in_cost * into_right.max(0.0);
    Bound { fortune: 2.0 * START_LOCAL + START_ON_CHAIN + earned - paid, carry_margin }
}

#[cfg(test)]
mod tests {
    use super::super::rules::{Autoloop, Loopmax, Nothing};
    use super::super::{Controller, run};
    use super::*;

    #[test]
    fn no_baseline_is_above_the_bound() {
        for seed in 0..3 {
            let tape = Tape::new(seed);
            let bound = bound(&tape).fortune;
            let tuned = &mut Autoloop { low: 0.05, high: 0.99 };
            let all: [&mut dyn Controller; 3] = [&mut Nothing, &mut Loopmax, tuned];
            for controller in all {
                assert!(run(&tape, controller).fortune() < bound);
            }
        }
    }

    #[test]
    fn carrying_coins_by_swaps_costs_more_than_it_earns() {
        let margin = bound(&Tape::new(0)).carry_margin;
        assert!((-0.0040..-0.0039).contains(&margin), "{margin}");
    }
}

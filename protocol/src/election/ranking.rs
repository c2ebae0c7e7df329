//! The exponential race: who of several claimants comes first, by integer arithmetic alone.
//!
//! With U uniform, -log2(U)/weight is an exponential variable with rate proportional to weight; the
//! smallest of them belongs to member i with probability w_i / W, exactly, and the order is the
//! fallback order. No float may enter: every node must rank equal claims alike (I14).

use crate::roster::MEMBER_WEIGHT_MAX;
use debal_crypto::{NodeId, VrfOutput};

/// Fractional bits of a cost. The cost of a draw is at most `128 << COST_BITS`, 63 bits and one.
pub const COST_BITS: u32 = 56;
/// Fractional bits a score has more than a cost, so that dividing by a weight loses nothing.
const SCORE_EXTRA_BITS: u32 = 60;
/// log2(e) with [`COST_BITS`] fractional bits, rounded: 1.442695... * 2^56.
const LOG2_E: u128 = 103_957_133_576_908_769;

const _: () = assert!(COST_BITS + 8 + SCORE_EXTRA_BITS < 128);
const _: () = assert!(MEMBER_WEIGHT_MAX <= 1 << 40);

/// -log2(draw / 2^128) with [`COST_BITS`] fractional bits, rounded up; draw 0 counts as 1.
///
/// The integer part is the position of the leading bit; each fractional bit is one squaring of the
/// mantissa (Knuth 1.2.2, exercise 28). The mantissa keeps 63 fractional bits and every squaring
/// cuts less than one unit in the last place, so the sum of all errors is below 2^-61; the bits not
/// computed are below 2^-56. The result is therefore never below the true value and less than 2^-55
/// above it.
#[must_use]
pub fn cost(draw: u128) -> u64 {
    let draw = draw.max(1);
    let zeros = draw.leading_zeros();
    let whole = 127u64.saturating_sub(u64::from(zeros));
    let top = draw.wrapping_shl(zeros).wrapping_shr(64);
    let mut mantissa = u64::try_from(top).unwrap_or(u64::MAX);
    let mut log = whole;
    for _ in 0..COST_BITS {
        let square = u128::from(mantissa).saturating_mul(u128::from(mantissa));
        // Two 63-bit fractions: the square of [1, 2) lies in [1, 4), its leading bit is the next
        // digit.
        let digit = square.wrapping_shr(127);
        let shift = if digit == 1 { 64 } else { 63 };
        mantissa = u64::try_from(square.wrapping_shr(shift)).unwrap_or(u64::MAX);
        log = log.wrapping_shl(1) | u64::try_from(digit).unwrap_or(1);
    }
    // 128 << 56 is 2^63: it fits, and the log is at most that.
    (128u64 << COST_BITS).saturating_sub(log)
}

/// The draw of a rank output: its first 16 bytes as a big-endian number.
#[must_use]
pub fn draw(rank: &[u8; 32]) -> u128 {
    rank.iter().take(16).fold(0, |draw, byte| draw.wrapping_shl(8) | u128::from(*byte))
}

/// Where a claim stands. The smallest comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    score: u128,
    output: [u8; 32],
    node: NodeId,
}

impl Rank {
    /// The rank of `node` with this output and weight. Weight 0 counts as the smallest weight.
    #[must_use]
    pub fn new(output: &VrfOutput, weight: u64, node: NodeId) -> Self {
        let cost = u128::from(cost(draw(&output.rank)));
        let score = cost.wrapping_shl(SCORE_EXTRA_BITS).checked_div(u128::from(weight.max(1)));
        Self { score: score.unwrap_or(u128::MAX), output: output.rank, node }
    }

    /// Whose rank it is.
    #[must_use]
    pub const fn node(&self) -> NodeId {
        self.node
    }
}

/// Whether a claim is good enough to be published when `expected` claims an epoch are wanted:
/// -ln(U)/w < expected/W. No claim at all then has probability e^-expected; 0 publishes every
/// claim.
#[must_use]
pub fn worth_publishing(output: &VrfOutput, weight: u64, total: u64, expected: u32) -> bool {
    if expected == 0 {
        return true;
    }
    let cost = u128::from(cost(draw(&output.rank)));
    let bar = LOG2_E.saturating_mul(u128::from(expected)).saturating_mul(u128::from(weight));
    cost.saturating_mul(u128::from(total)) < bar
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn output(draw: u128) -> VrfOutput {
        let mut rank = [0; 32];
        rank[..16].copy_from_slice(&draw.to_be_bytes());
        VrfOutput { rank, seed: [0; 32] }
    }

    #[test]
    fn powers_of_two_cost_whole_numbers() {
        assert_eq!(cost(0), 128 << COST_BITS);
        assert_eq!(cost(1), 128 << COST_BITS);
        assert_eq!(cost(1 << 127), 1 << COST_BITS);
        assert_eq!(cost(1 << 120), 8 << COST_BITS);
        assert_eq!(cost(u128::MAX), 1);
    }

    #[test]
    fn costs_of_known_logarithms_are_within_the_bound() {
        // -log2(3/4) = 0.415037499278843818546..., -log2(5/8) = 0.678071905112637652129...
        let unit = 1u64 << COST_BITS;
        let exact = |digits: u128| (digits * u128::from(unit) / 10u128.pow(18)) as u64;
        for (draw, digits) in
            [(3 << 126, 415_037_499_278_843_818), (5 << 125, 678_071_905_112_637_652)]
        {
            let found = cost(draw);
            let want = exact(digits);
            assert!(found >= want && found - want <= 3, "{found} {want}");
        }
    }

    #[test]
    fn the_constant_is_log2_of_e() {
        let unit = (1u64 << COST_BITS) as f64;
        assert!((LOG2_E as f64 / unit - std::f64::consts::LOG2_E).abs() < 1e-15);
        assert_eq!(LOG2_E >> 56, 1);
    }

    #[test]
    fn a_heavier_member_needs_less_luck_and_ties_fall_by_bytes() {
        let (a, b) = (NodeId([1; 32]), NodeId([2; 32]));
        let even = output(1 << 127);
        assert!(Rank::new(&even, 3, b) < Rank::new(&even, 1, a));
        assert!(Rank::new(&even, 3, a) < Rank::new(&even, 3, b));
        assert!(Rank::new(&output(3 << 126), 1, b) < Rank::new(&even, 1, a));
    }

    #[test]
    fn the_bar_lets_the_expected_number_pass() {
        let lucky = output(u128::MAX - (1 << 100));
        let unlucky = output(1 << 120);
        assert!(worth_publishing(&unlucky, 1, 100, 0));
        assert!(worth_publishing(&lucky, 1, 100, 12));
        assert!(!worth_publishing(&unlucky, 1, 100, 12));
        // e^-1.2 = 0.3012: with ten members and twelve expected the bar is 12/10.
        let at = |share: f64| output((share * 2f64.powi(128)) as u128);
        assert!(worth_publishing(&at(0.302), 1, 10, 12));
        assert!(!worth_publishing(&at(0.300), 1, 10, 12));
    }

    proptest! {
        #[test]
        fn the_cost_falls_as_the_draw_rises(a: u128, b: u128) {
            let (low, high) = (a.min(b), a.max(b));
            prop_assert!(cost(low) >= cost(high));
        }

        #[test]
        fn the_cost_agrees_with_floating_point(draw in 1u128..) {
            let float = 128.0 - (draw as f64).log2();
            let fixed = cost(draw) as f64 / (1u64 << COST_BITS) as f64;
            prop_assert!((float - fixed).abs() < 1e-12, "{float} {fixed}");
        }

        #[test]
        fn equal_claims_rank_equally_in_any_order(
            draws in prop::collection::vec((any::<u128>(), 1..=MEMBER_WEIGHT_MAX), 1..40),
            turn in 0usize..40,
        ) {
            let rank = |(at, (draw, weight)): (usize, &(u128, u64))| {
                Rank::new(&output(*draw), *weight, NodeId([at as u8; 32]))
            };
            let mut one: Vec<Rank> = draws.iter().enumerate().map(rank).collect();
            let mut two = one.clone();
            two.rotate_left(turn % one.len());
            two.reverse();
            one.sort_unstable();
            two.sort_unstable();
            prop_assert_eq!(one, two);
        }
    }
}

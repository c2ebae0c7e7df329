//! Who pays whom in a cycle, so that nobody is worse off than what they stated.
//!
//! It must never create or lose a msat: what is paid out is what is paid in.

/// Splits the fees of one cycle. `stated` is, per party, what the move is worth to it by its own
/// statement, in millionths of a msat: a gain above zero, the price of helping below zero. The
/// answer is, per party, what it receives (below zero: what it pays), in whole msat; it sums to
/// zero, a helper receives at least its price, nobody pays more than its gain, and those who gain
/// share in proportion to their gains.
///
/// `None` if the gains, in whole msat each, do not cover the prices: the cycle is worth less than
/// the rounding.
#[must_use]
pub fn split_fees(stated: &[i128]) -> Option<Vec<i128>> {
    const MILLION: i128 = 1_000_000;
    // Prices are rounded up and gains down: nobody loses by the rounding.
    let mut receives: Vec<i128> =
        stated.iter().map(|&worth| -worth.min(0).div_euclid(MILLION)).collect();
    let gains: Vec<i128> = stated.iter().map(|&worth| worth.max(0) / MILLION).collect();
    let sum = |list: &[i128]| list.iter().try_fold(0i128, |sum, &part| sum.checked_add(part));
    let (mut due, mut able) = (sum(&receives)?, sum(&gains)?);
    if due > able {
        return None;
    }
    for (slot, gain) in receives.iter_mut().zip(gains) {
        // The share of what is still due among those who can still pay; rounding moves on to the
        // next, and the last one's share is what is left. Never more than the gain, as due <= able.
        let share = if able == 0 { 0 } else { due.checked_mul(gain)? / able };
        (due, able) = (due - share, able - gain);
        *slot -= share;
    }
    (due == 0).then_some(receives)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_helper_gets_its_price_from_those_who_gain_in_proportion() {
        let stated = [30_000_000, -12_000_000, 10_000_000];
        assert_eq!(split_fees(&stated), Some(vec![-9, 12, -3]));
    }

    #[test]
    fn prices_round_up_and_gains_down() {
        assert_eq!(split_fees(&[1_999_999, -1]), Some(vec![-1, 1]));
        assert_eq!(split_fees(&[1_999_999, -1_000_001]), None, "a gain of one whole msat, two due");
        assert_eq!(split_fees(&[999_999, -1]), None);
    }

    #[test]
    fn nobody_pays_where_nobody_asks() {
        assert_eq!(split_fees(&[5, 0, 7_000_000]), Some(vec![0, 0, 0]));
        assert_eq!(split_fees(&[]), Some(vec![]));
        assert_eq!(split_fees(&[-1]), None);
        assert_eq!(split_fees(&[i128::MAX, i128::MIN]), None, "out of range is no split");
    }
}

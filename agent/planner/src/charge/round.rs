//! Rounding cuts up: links are used or not, so a border of small links needs a whole number of
//! them.
//!
//! It must never cut off a plan: every cut here is a mixed-integer rounding of the one it is made
//! from, in whole numbers.

use super::ChargeProblem;
use super::cuts::Cut;
use super::pool::ONE;

/// Borders of more links are left as they are.
const BORDER_MAX: usize = 100;
/// Divisors tried per border.
const DIVISORS_MAX: usize = 16;

/// The strongest cut that a border which must carry `excess` gives: the one that is paid for least
/// where links are used as much as `used` says. `None` where that is nearly a whole.
pub(super) fn strongest(
    tight: &ChargeProblem,
    links: &[u32],
    excess: i128,
    used: &[i64],
) -> Option<Cut> {
    let capacities: Vec<i64> =
        links.iter().map(|&link| tight.links[link as usize].capacity).collect();
    let used: Vec<i64> = links.iter().map(|&link| used[link as usize]).collect();
    let plain: Vec<i128> = capacities.iter().map(|&c| i128::from(c).min(excess)).collect();
    let (mut least, mut best) = (paid(&plain, excess, &used), (plain, excess));
    let mut divisors = capacities.clone();
    divisors.sort_unstable();
    divisors.dedup();
    if links.len() > BORDER_MAX {
        divisors.clear();
    }
    let mut border = Border { capacities, sunk: vec![true; links.len()] };
    for full in [ONE + 1, ONE - ONE / 16, ONE / 2] {
        let sunk: Vec<bool> = used.iter().map(|&used| used >= full).collect();
        if sunk == border.sunk {
            continue;
        }
        border.sunk = sunk;
        for &divisor in divisors.iter().take(DIVISORS_MAX) {
            let Some((counts, enough)) = border.rounded(excess, divisor) else { break };
            let paid = paid(&counts, enough, &used);
            if paid < least {
                (least, best) = (paid, (counts, enough));
            }
        }
    }
    let worth = least < ONE - ONE / 20;
    if worth { Cut::new(links.to_vec(), &best.0, best.1) } else { None }
}

/// How much of a whole links pay that are used as much as `used` says, in its units.
fn paid(counts: &[i128], enough: i128, used: &[i64]) -> i64 {
    let part = |(&count, &used): (&i128, &i64)| count.min(enough).saturating_mul(i128::from(used));
    let sum = counts.iter().zip(used).map(part).fold(0i128, i128::saturating_add);
    i64::try_from(sum / enough).unwrap_or(i64::MAX)
}

/// The links at the border of a set.
struct Border {
    capacities: Vec<i64>,
    /// The links that are counted by their absence.
    sunk: Vec<bool>,
}

impl Border {
    /// `sum of capacity * used >= excess`, divided by `divisor` and rounded, as what the links
    /// count and what is enough. `None` if the sunk links are enough.
    ///
    /// With `e` the excess less what the sunk links carry, `e = q * divisor + r` and
    /// `0 < r <= divisor`, every `c` turns into `r * floor(c / divisor) + min(r, c mod divisor)`
    /// and `e` into `r * (q + 1)`.
    fn rounded(&self, excess: i128, divisor: i64) -> Option<(Vec<i128>, i128)> {
        let both = || self.capacities.iter().zip(&self.sunk);
        let carried = both().filter(|(_, sunk)| **sunk).map(|(&c, _)| i128::from(c)).sum::<i128>();
        let rest = excess - carried;
        if rest <= 0 {
            return None;
        }
        let wide = i128::from(divisor);
        let (times, over) = ((rest - 1) / wide, (rest - 1) % wide + 1);
        let turn = |c: i64| {
            let (whole, part) = (c.div_euclid(divisor), c.rem_euclid(divisor));
            over * i128::from(whole) + over.min(i128::from(part))
        };
        let count = |(&c, &sunk): (&i64, &bool)| if sunk { -turn(-c) } else { turn(c) };
        let counts: Vec<i128> = both().map(count).collect();
        let sunk = counts.iter().zip(&self.sunk).filter(|(_, sunk)| **sunk);
        let back: i128 = sunk.map(|(count, _)| count).sum();
        Some((counts, over * (times + 1) + back))
    }
}

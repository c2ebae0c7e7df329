//! Payment amounts: a trace's own, or draws from a distribution fitted to published quantiles.
//!
//! No third party's trace is shipped. The fitted distribution is ours: a log-normal with different
//! widths below and above the median, through 5 / 50 / 95 % = 2,534 / 24,999 / 878,003 sat, the
//! quantiles of 40,000 Lightning payment values of 2021.

use crate::random;
use rand_chacha::ChaCha8Rng;

const MEDIAN_SAT: f64 = 24_999.0;
const QUANTILE_05_SAT: f64 = 2_534.0;
const QUANTILE_95_SAT: f64 = 878_003.0;
/// The standard normal's 95 % quantile.
const Z_95: f64 = 1.644_853_626_951_472_2;
/// Draws in a row that may miss the bound before the source is called hopeless.
const MAX_MISSES: usize = 100_000;
/// No payment is smaller than this.
const SMALLEST_MSAT: u64 = 1_000;

/// Where amounts come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Amounts {
    /// The fitted distribution.
    Fitted,
    /// The amounts of a trace in msat, in its order, from the start again when used up.
    Trace(Vec<u64>),
}

impl Amounts {
    /// Amounts times `load` that do not exceed `bound_msat`.
    ///
    /// # Errors
    /// A text if the trace has no such amount, or fitted draws find none.
    pub fn under(&self, bound_msat: u64, load: f64, seed: u64) -> Result<Bounded, String> {
        let hopeless = || {
            format!(
                "no amount times {load} is between 1 and {} sat, half the median capacity; \
                 change --load or the trace",
                bound_msat / 1_000
            )
        };
        let mut source = match self {
            Self::Fitted => {
                let rng = random::stream(seed, "amounts", 0);
                Bounded { fitted: Some(rng), kept: Vec::new(), next: 0, bound_msat, load }
            }
            Self::Trace(raw) => {
                let kept: Vec<u64> =
                    raw.iter().filter_map(|msat| scaled(*msat, load, bound_msat)).collect();
                if kept.is_empty() {
                    return Err(hopeless());
                }
                Bounded { fitted: None, kept, next: 0, bound_msat, load }
            }
        };
        if self == &Self::Fitted && source.draw().is_none() {
            return Err(hopeless());
        }
        Ok(source)
    }
}

/// Amounts under a bound; always has a next one.
pub struct Bounded {
    fitted: Option<ChaCha8Rng>,
    kept: Vec<u64>,
    next: usize,
    bound_msat: u64,
    load: f64,
}

impl Bounded {
    /// The next amount.
    pub fn next_msat(&mut self) -> u64 {
        if self.fitted.is_some() {
            return self.draw().unwrap_or(SMALLEST_MSAT);
        }
        let amount = self.kept.get(self.next % self.kept.len().max(1)).copied();
        self.next = self.next.wrapping_add(1);
        amount.unwrap_or(SMALLEST_MSAT)
    }

    fn draw(&mut self) -> Option<u64> {
        let rng = self.fitted.as_mut()?;
        (0..MAX_MISSES).find_map(|_| scaled(fitted_msat(rng), self.load, self.bound_msat))
    }
}

fn fitted_msat(rng: &mut ChaCha8Rng) -> u64 {
    let z = random::normal(rng);
    let tail = if z < 0.0 { MEDIAN_SAT / QUANTILE_05_SAT } else { QUANTILE_95_SAT / MEDIAN_SAT };
    msat(MEDIAN_SAT * (z * tail.ln() / Z_95).exp() * 1_000.0)
}

/// An amount times `load` in whole satoshis; `None` above the bound or below one satoshi.
fn scaled(raw_msat: u64, load: f64, bound_msat: u64) -> Option<u64> {
    #[allow(clippy::cast_precision_loss)]
    let amount = msat(raw_msat as f64 * load) / 1_000 * 1_000;
    (SMALLEST_MSAT..=bound_msat).contains(&amount).then_some(amount)
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn msat(value: f64) -> u64 {
    value.max(0.0) as u64
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn fitted_amounts_have_the_published_quantiles() {
        let mut amounts = Amounts::Fitted.under(u64::MAX, 1.0, 1).unwrap();
        let mut drawn: Vec<u64> = (0..40_000).map(|_| amounts.next_msat() / 1_000).collect();
        drawn.sort_unstable();
        for (index, published) in [(2_000, 2_534), (20_000, 24_999), (38_000, 878_003)] {
            let drawn = drawn[index];
            assert!(drawn.abs_diff(published) * 10 < published, "{drawn} {published}");
        }
    }

    #[test]
    fn a_trace_keeps_its_order_skips_what_is_too_large_and_starts_again() {
        let trace = Amounts::Trace(vec![2_000, 90_000, 3_500, 0]);
        let mut amounts = trace.under(20_000, 2.0, 1).unwrap();
        let drawn: Vec<u64> = (0..3).map(|_| amounts.next_msat()).collect();
        assert_eq!(drawn, [4_000, 7_000, 4_000]);
    }

    #[test]
    fn a_bound_no_amount_can_meet_is_refused() {
        assert!(Amounts::Trace(vec![5_000]).under(4_000, 1.0, 1).is_err());
        assert!(Amounts::Fitted.under(0, 1.0, 1).is_err());
    }
}

//! Money: millisatoshi as a checked newtype.
//!
//! No bare integer may stand for an amount, and no operation here wraps or saturates silently:
//! whoever adds or subtracts says what happens when it does not fit.

use serde::{Deserialize, Serialize};
use std::fmt;

/// An amount in millisatoshi, at most [`Msat::MAX`].
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Msat(pub u64);

impl Msat {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The largest amount the protocol handles: 2^60 msat, above the 2.1e18 msat that can exist
    /// divided among any two ends, and low enough that sums of eight fit in 64 bits.
    pub const MAX: Self = Self(1 << 60);

    /// Sum, or `None` above [`Msat::MAX`].
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self).filter(|sum| *sum <= Self::MAX)
    }

    /// Difference, or `None` if `other` is larger.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// What is left after `other`, never below zero. For limits and displays, not for balances.
    #[must_use]
    pub const fn minus_or_zero(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// Sum capped at [`Msat::MAX`]. For totals of promises and displays, not for balances.
    #[must_use]
    pub fn plus_capped(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0)).min(Self::MAX)
    }

    /// The share of `ppm` millionths of this amount, rounded down.
    #[must_use]
    pub fn ppm(self, ppm: u32) -> Self {
        let product = u128::from(self.0).saturating_mul(u128::from(ppm));
        Self(u64::try_from(product / 1_000_000).unwrap_or(u64::MAX)).min(Self::MAX)
    }

    /// This amount as millionths of `whole`, rounded down; `None` if `whole` is zero.
    #[must_use]
    pub fn ppm_of(self, whole: Self) -> Option<u32> {
        let scaled = u128::from(self.0).saturating_mul(1_000_000);
        scaled.checked_div(u128::from(whole.0)).map(|ppm| u32::try_from(ppm).unwrap_or(u32::MAX))
    }

    /// Sum of many amounts, or `None` above [`Msat::MAX`].
    pub fn sum(amounts: impl IntoIterator<Item = Self>) -> Option<Self> {
        amounts.into_iter().try_fold(Self::ZERO, Self::checked_add)
    }
}

impl fmt::Display for Msat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} msat", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_operation_passes_the_maximum_or_goes_below_zero() {
        assert_eq!(Msat::MAX.checked_add(Msat(1)), None);
        assert_eq!(Msat(1).checked_sub(Msat(2)), None);
        assert_eq!(Msat::sum([Msat::MAX, Msat::ZERO]), Some(Msat::MAX));
    }

    #[test]
    fn shares_of_two_to_the_sixty_lose_no_unit() {
        assert_eq!(Msat::MAX.ppm(1_000_000), Msat::MAX);
        assert_eq!(Msat::MAX.ppm(500_000), Msat(1 << 59));
        assert_eq!(Msat(1 << 59).ppm_of(Msat::MAX), Some(500_000));
        assert_eq!(Msat(1).ppm_of(Msat::ZERO), None);
    }
}

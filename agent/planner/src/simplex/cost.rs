//! The numbers that costs and potentials are made of: 64 bits for speed, 128 where amounts of 2^60
//! meet fees with many decimals.
//!
//! It must never hold a type that rounds.

use std::fmt::Debug;
use std::ops::{Add, Neg, Sub};

/// An exact signed number that costs and potentials are made of.
pub(crate) trait Cost:
    Copy + Ord + Debug + Add<Output = Self> + Sub<Output = Self> + Neg<Output = Self>
{
    /// Nothing.
    const ZERO: Self;

    /// The number times a sign of -1, 0 or 1.
    fn signed(self, sign: i8) -> Self;

    /// The sum, modulo the width. Potentials are only ever used as differences, and the entrance
    /// keeps every difference within the width, so a sum that wraps is still exact.
    fn plus(self, other: Self) -> Self;

    /// The difference, modulo the width; see [`Cost::plus`].
    fn minus(self, other: Self) -> Self;

    /// The number in this width; the caller has checked that it fits. What does not fit becomes the
    /// largest number, which no path can use.
    fn narrow(wide: i128) -> Self;

    /// The number in 128 bits.
    fn widen(self) -> i128;
}

impl Cost for i64 {
    const ZERO: i64 = 0;

    fn signed(self, sign: i8) -> i64 {
        self.wrapping_mul(i64::from(sign))
    }

    fn plus(self, other: i64) -> i64 {
        self.wrapping_add(other)
    }

    fn minus(self, other: i64) -> i64 {
        self.wrapping_sub(other)
    }

    fn narrow(wide: i128) -> i64 {
        i64::try_from(wide).unwrap_or(i64::MAX)
    }

    fn widen(self) -> i128 {
        i128::from(self)
    }
}

impl Cost for i128 {
    const ZERO: i128 = 0;

    fn signed(self, sign: i8) -> i128 {
        match sign {
            0 => 0,
            1 => self,
            _ => self.wrapping_neg(),
        }
    }

    fn plus(self, other: i128) -> i128 {
        self.wrapping_add(other)
    }

    fn minus(self, other: i128) -> i128 {
        self.wrapping_sub(other)
    }

    fn narrow(wide: i128) -> i128 {
        wide
    }

    fn widen(self) -> i128 {
        self
    }
}

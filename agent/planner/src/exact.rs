//! Exact decimals: fees and times as they were written, never as the nearest binary fraction.
//!
//! It must never round: what does not fit is refused.

use std::fmt;

/// The longest text that is read as a number.
const TEXT_MAX: usize = 80;
/// The most digits behind the point, and of a whole number before it.
pub(crate) const PLACES_MAX: u32 = 18;
/// The largest magnitude of the digits: more is no fee and no time.
const DIGITS_MAX: i128 = 1_000_000_000_000_000_000_000_000_000_000_000_000;

/// A decimal number: `digits` divided by ten to the power of `places`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Decimal {
    digits: i128,
    places: u32,
}

impl Decimal {
    /// Nothing.
    pub const ZERO: Decimal = Decimal { digits: 0, places: 0 };
    /// One.
    pub const ONE: Decimal = Decimal { digits: 1, places: 0 };

    /// `digits / 10^places`, with no more places than it needs.
    pub fn new(digits: i128, places: u32) -> Decimal {
        let (mut digits, mut places) = (digits, places);
        while places > 0 && digits % 10 == 0 {
            (digits, places) = (digits / 10, places - 1);
        }
        Decimal { digits, places }
    }

    /// Reads a JSON number, `-12.5e-3` for one. `None` for anything else (`NaN`, `Infinity`, more
    /// than 18 places, more than about 36 digits).
    pub fn parse(text: &str) -> Option<Decimal> {
        if text.is_empty() || text.len() > TEXT_MAX {
            return None;
        }
        let (negative, body) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = match body.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (body, 0),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
            Some(_) => return None,
            None => (mantissa, ""),
        };
        let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
            return None;
        }
        let mut digits: i128 = 0;
        for digit in whole.bytes().chain(fraction.bytes()) {
            digits = digits.checked_mul(10)?.checked_add(i128::from(digit - b'0'))?;
        }
        let mut places = i32::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
        if digits == 0 {
            return Some(Decimal::ZERO);
        }
        while places < 0 {
            (digits, places) = (digits.checked_mul(10)?, places + 1);
        }
        let found = Decimal::new(digits, u32::try_from(places).ok()?);
        if found.places > PLACES_MAX || found.digits > DIGITS_MAX {
            return None;
        }
        Some(if negative { Decimal { digits: -found.digits, ..found } } else { found })
    }

    /// How many digits stand behind the point.
    pub fn places(&self) -> u32 {
        self.places
    }

    /// Whether it is below zero.
    pub fn is_negative(&self) -> bool {
        self.digits < 0
    }

    /// The number in units of `10^-places`; `None` if that is not whole or too large.
    pub fn scaled(&self, places: u32) -> Option<i128> {
        let more = places.checked_sub(self.places)?;
        self.digits.checked_mul(10i128.checked_pow(more)?)
    }

    /// The sum, `None` if it is too large.
    pub fn plus(&self, other: &Decimal) -> Option<Decimal> {
        let places = self.places.max(other.places);
        Some(Decimal::new(self.scaled(places)?.checked_add(other.scaled(places)?)?, places))
    }

    /// The product with a whole number, `None` if it is too large.
    pub fn times(&self, count: i128) -> Option<Decimal> {
        Some(Decimal::new(self.digits.checked_mul(count)?, self.places))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.digits < 0 { "-" } else { "" };
        let digits = format!("{:0>1$}", self.digits.unsigned_abs(), self.places as usize + 1);
        let (whole, fraction) = digits.split_at(digits.len() - self.places as usize);
        let point = if fraction.is_empty() { "" } else { "." };
        write!(f, "{sign}{whole}{point}{fraction}")
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Decimal) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Decimal) -> std::cmp::Ordering {
        let places = self.places.max(other.places);
        match (self.scaled(places), other.scaled(places)) {
            (Some(one), Some(two)) => one.cmp(&two),
            // Only the one with fewer places can be too large for the common unit.
            _ if self.places < other.places => self.digits.cmp(&0).then(other.digits.cmp(&0)),
            _ => 0.cmp(&other.digits),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_what_was_written() {
        for (text, shown) in [
            ("0.0015", "0.0015"),
            ("12", "12"),
            ("1e3", "1000"),
            ("2.50e-1", "0.25"),
            ("-0.1", "-0.1"),
            ("0", "0"),
            ("1.797E+2", "179.7"),
        ] {
            assert_eq!(Decimal::parse(text).unwrap_or_default().to_string(), shown, "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", "NaN", "Infinity", "1.", ".5", "0x10", "1e999", "1e-19", "+1", "1 ", "--1"]
        {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }

    #[test]
    fn sums_and_comparisons_are_exact() {
        let tenth = Decimal::new(1, 1);
        let sum = tenth.plus(&Decimal::new(2, 1));
        assert_eq!(sum, Some(Decimal::new(3, 1)));
        assert!(tenth < Decimal::ONE && Decimal::new(-5, 0) < tenth);
        assert_eq!(Decimal::new(25, 2).times(4), Some(Decimal::ONE));
    }
}

//! The normal distribution far into its tails.
//!
//! It must never return a probability outside [0, 1], nor lose a tail to rounding: products with
//! huge exponentials are taken in logarithms.

use std::f64::consts::{FRAC_1_SQRT_2, PI, SQRT_2};

/// Below this argument erf is summed, above it erfc is a continued fraction.
const SERIES_MAX: f64 = 2.5;

/// Steps of the continued fraction; at its smallest argument they leave less than 1e-15.
const CONTINUED_FRACTION_STEPS: i32 = 28;

/// Distribution function of the standard normal.
pub fn cdf(z: f64) -> f64 {
    let x = z.abs() * FRAC_1_SQRT_2;
    let tail = 0.5 * if x < SERIES_MAX { 1.0 - erf(x) } else { (-x * x).exp() * scaled_erfc(x) };
    if z <= 0.0 { tail } else { 1.0 - tail }
}

/// Logarithm of [`cdf`], exact to the last digits however far the tail.
pub fn ln_cdf(z: f64) -> f64 {
    let x = -z * FRAC_1_SQRT_2;
    if x < SERIES_MAX {
        return cdf(z).ln();
    }
    -x * x + (0.5 * scaled_erfc(x)).ln()
}

/// Density of the standard normal.
pub fn density(z: f64) -> f64 {
    (-0.5 * z * z).exp() / (2.0 * PI).sqrt()
}

/// The argument at which [`cdf`] reaches `p`, by bisection; infinite at 0 and 1.
pub fn quantile(p: f64) -> f64 {
    if p <= 0.0 {
        return f64::NEG_INFINITY;
    }
    if p >= 1.0 {
        return f64::INFINITY;
    }
    let (mut low, mut high) = (-40.0_f64, 40.0_f64);
    for _ in 0..80 {
        let middle = 0.5 * (low + high);
        if cdf(middle) < p { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

/// The error function for 0 <= x < 2.5, by its series of positive terms.
fn erf(x: f64) -> f64 {
    // erf(x) = 2/sqrt(pi) exp(-x^2) sum 2^n x^(2n+1) / (1*3*..*(2n+1)): no cancellation.
    let mut term = x;
    let mut sum = x;
    let mut odd = 1.0;
    while term > sum * 1e-17 {
        odd += 2.0;
        term *= 2.0 * x * x / odd;
        sum += term;
    }
    SQRT_2 * SQRT_2 / PI.sqrt() * (-x * x).exp() * sum
}

/// exp(x^2) erfc(x) for x >= 2.5, by the continued fraction from its end.
fn scaled_erfc(x: f64) -> f64 {
    let mut tail = x;
    for step in (1..=CONTINUED_FRACTION_STEPS).rev() {
        tail = x + 0.5 * f64::from(step) / tail;
    }
    1.0 / (tail * PI.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_those_of_the_tables() {
        for (z, wanted) in [
            (0.0, 0.5),
            (1.0, 0.841_344_746_068_542_9),
            (-1.959_963_984_540_054, 0.025),
            (-6.0, 9.865_876_450_376_98e-10),
            (3.6, 0.999_840_891_409_842),
        ] {
            assert!((cdf(z) - wanted).abs() < 1e-13 * (1.0 + wanted / wanted), "{z}: {}", cdf(z));
        }
        assert!((cdf(-6.0) / 9.865_876_450_376_98e-10 - 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_logarithm_goes_on_where_the_value_is_nought() {
        // ln Phi(-40) = -804.608442...
        assert!((ln_cdf(-40.0) + 804.608_442_013_754).abs() < 1e-9, "{}", ln_cdf(-40.0));
        assert_eq!(cdf(-40.0), 0.0_f64.max(cdf(-40.0)));
        assert!((ln_cdf(-3.0) - cdf(-3.0).ln()).abs() < 1e-12);
        assert!(ln_cdf(-1e6) < -4e11);
    }

    #[test]
    fn the_quantile_undoes_the_distribution() {
        for p in [1e-9, 0.01, 0.3, 0.5, 0.77, 0.999] {
            assert!((cdf(quantile(p)) / p - 1.0).abs() < 1e-9);
        }
    }
}

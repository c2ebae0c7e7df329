//! Logarithm and exponential by + - * / and the exponent's bits alone.
//!
//! The system's own differ in the last bit between machines; these must never.

/// ln 2.
const LN_2: f64 = std::f64::consts::LN_2;

/// The natural logarithm of a finite number above 0 (error below 1e-12); 0 for anything else.
pub fn ln(x: f64) -> f64 {
    if !x.is_normal() || x < 0.0 {
        return 0.0;
    }
    let bits = x.to_bits();
    let mut exponent = ((bits >> 52) & 0x7ff) as i64 - 1_023;
    let mut mantissa = f64::from_bits((bits & ((1 << 52) - 1)) | (1_023 << 52));
    if mantissa > std::f64::consts::SQRT_2 {
        mantissa *= 0.5;
        exponent += 1;
    }
    // 2 artanh((m - 1) / (m + 1)), whose argument is below 0.172.
    let t = (mantissa - 1.0) / (mantissa + 1.0);
    let square = t * t;
    let mut sum = 0.0;
    for odd in [15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0, 1.0] {
        sum = sum * square + 1.0 / odd;
    }
    exponent as f64 * LN_2 + 2.0 * t * sum
}

/// e to the `x` (relative error below 1e-11), held between e^-700 and e^700.
pub fn exp(x: f64) -> f64 {
    if x.is_nan() {
        return 0.0;
    }
    let x = x.clamp(-700.0, 700.0);
    let whole = (x / LN_2).round();
    let rest = x - whole * LN_2;
    let mut sum = 1.0;
    for step in [11.0, 10.0, 9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0] {
        sum = 1.0 + sum * rest / step;
    }
    let exponent = (whole as i64 + 1_023).clamp(1, 2_046) as u64;
    sum * f64::from_bits(exponent << 52)
}

/// 1 / (1 + e^-x).
pub fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + exp(-x))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_the_functions_they_are_called() {
        for step in -6_900..6_900 {
            let x = f64::from(step) / 100.0;
            assert!((exp(x) / x.exp() - 1.0).abs() < 1e-11, "{x}");
            let y = x.exp();
            assert!((ln(y) - x).abs() < 1e-11, "{y}");
        }
        assert_eq!((ln(1.0), exp(0.0), logistic(0.0)), (0.0, 1.0, 0.5));
    }

    #[test]
    fn nothing_is_no_number() {
        for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(ln(wrong), 0.0);
        }
        assert!(exp(f64::INFINITY).is_finite() && exp(f64::NAN) == 0.0);
    }
}

//! A potential in two bytes: sign, exponent and eight bits after the leading one.
//!
//! Relative precision is what prices need (the values of channels span six decades; an absolute
//! grid breaks the rounds). It must never decode to more than [`super::MAX_POTENTIAL`], whatever
//! the bytes.

use super::MAX_POTENTIAL;

/// Bits after the leading one.
const MANTISSA_BITS: u32 = 8;
/// Where the sign is.
const SIGN: u16 = 1 << 15;

/// The two bytes that stand for `potential`, rounded to the nearest, half away from zero.
#[must_use]
pub fn encode(potential: i64) -> u16 {
    let size = potential.unsigned_abs().min(MAX_POTENTIAL.unsigned_abs());
    let sign = if potential < 0 { SIGN } else { 0 };
    // Below 2^8 the number itself; from there on the exponent counts the bits dropped, plus one,
    // and carrying over the mantissa moves to the next exponent by itself.
    let dropped = (u64::BITS - size.leading_zeros()).saturating_sub(MANTISSA_BITS + 1);
    let half = if dropped > 0 { 1u64 << (dropped - 1) } else { 0 };
    let kept = (size + half) >> dropped;
    // `kept` is at most 2^9: with the leading one in place, adding it to the exponent's bits
    // carries as it should.
    let bits = (u64::from(dropped) << MANTISSA_BITS) + kept;
    sign | bits as u16
}

/// The potential that two bytes stand for.
#[must_use]
pub fn decode(bytes: u16) -> i64 {
    let (negative, bits) = (bytes & SIGN != 0, i64::from(bytes & !SIGN));
    let (exponent, mantissa) = (bits >> MANTISSA_BITS, bits & ((1 << MANTISSA_BITS) - 1));
    let size = match exponent {
        0 => mantissa,
        1..=50 => (mantissa | 1 << MANTISSA_BITS) << (exponent - 1),
        _ => MAX_POTENTIAL,
    };
    let size = size.min(MAX_POTENTIAL);
    if negative { -size } else { size }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_potentials_are_exact_and_large_ones_within_one_part_in_512() {
        for size in 0..512 {
            assert_eq!(decode(encode(size)), size);
            assert_eq!(decode(encode(-size)), -size);
        }
        let mut size = 512i64;
        while size < MAX_POTENTIAL {
            let error = (decode(encode(size)) - size).abs();
            assert!(error * 512 <= size, "{size}: off by {error}");
            size = size * 9 / 8 + 1;
        }
    }

    #[test]
    fn no_bytes_decode_beyond_the_largest_and_encoding_again_changes_nothing() {
        for bytes in 0..=u16::MAX {
            let potential = decode(bytes);
            assert!(potential.abs() <= MAX_POTENTIAL, "{bytes}");
            assert_eq!(decode(encode(potential)), potential, "{bytes}");
        }
    }

    #[test]
    fn a_larger_potential_never_reads_as_a_smaller_one() {
        let read: Vec<i64> = (0..100_000).map(|size| decode(encode(size * 37))).collect();
        assert!(read.windows(2).all(|pair| pair[0] <= pair[1]));
    }
}

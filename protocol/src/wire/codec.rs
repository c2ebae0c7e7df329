//! The canonical byte format: bincode 2.0.1 behind two functions.
//!
//! bincode alone accepts trailing bytes and over-long integers, so nothing may decode past
//! [`decode`]: it bounds the input, refuses trailing bytes, re-encodes and compares. The crate is
//! unmaintained (RUSTSEC-2025-0141); golden vectors make a swap behind this module safe.

use crate::limits::ENVELOPE_MAX_BYTES;
use crate::reject::Reject;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Journal records may hold a whole durable state; this bounds what the codec reads at all.
pub const RECORD_MAX_BYTES: usize = 16 * 1024 * 1024;

fn encode_any<T: Serialize>(value: &T) -> Result<Vec<u8>, Reject> {
    bincode::serde::encode_to_vec(value, bincode::config::standard())
        .map_err(|error| Reject::Undecodable(error.to_string()))
}

/// Encodes a value canonically.
///
/// # Errors
/// [`Reject::Undecodable`] if the type itself cannot be encoded: a bug, found by the golden tests.
pub fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, Reject> {
    encode_any(value)
}

/// Decodes exactly `bytes`, at most `max_bytes` of them, and only their canonical form.
///
/// # Errors
/// [`Reject`] names size, decoding failure or a non-canonical form.
pub fn decode<T: Serialize + DeserializeOwned>(
    bytes: &[u8],
    max_bytes: usize,
) -> Result<T, Reject> {
    let max = max_bytes.min(ENVELOPE_MAX_BYTES);
    if bytes.len() > max {
        return Err(Reject::TooLarge { found: bytes.len(), max });
    }
    let config = bincode::config::standard().with_limit::<ENVELOPE_MAX_BYTES>();
    decode_with(bytes, config)
}

/// Decodes one journal record: our own bytes, bounded by [`RECORD_MAX_BYTES`].
///
/// # Errors
/// As [`decode`].
pub fn decode_record<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Result<T, Reject> {
    if bytes.len() > RECORD_MAX_BYTES {
        return Err(Reject::TooLarge { found: bytes.len(), max: RECORD_MAX_BYTES });
    }
    decode_with(bytes, bincode::config::standard().with_limit::<RECORD_MAX_BYTES>())
}

fn decode_with<T: Serialize + DeserializeOwned, C: bincode::config::Config>(
    bytes: &[u8],
    config: C,
) -> Result<T, Reject> {
    let (value, read): (T, usize) = bincode::serde::decode_from_slice(bytes, config)
        .map_err(|error| Reject::Undecodable(error.to_string()))?;
    if read != bytes.len() {
        return Err(Reject::NotCanonical);
    }
    if encode_any(&value)? != bytes {
        return Err(Reject::NotCanonical);
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bounded::Bounded;

    #[test]
    fn trailing_bytes_and_long_integers_are_refused() {
        assert_eq!(decode::<u64>(&[5], 16), Ok(5));
        assert_eq!(decode::<u64>(&[5, 0], 16), Err(Reject::NotCanonical));
        // 251 announces a u16; 5 fits in one byte, so this is the long form of 5.
        assert_eq!(decode::<u64>(&[251, 5, 0], 16), Err(Reject::NotCanonical));
    }

    #[test]
    fn a_huge_length_prefix_is_refused_before_memory_is_taken() {
        let mut bytes = vec![253];
        bytes.extend_from_slice(&u64::MAX.to_le_bytes());
        assert!(matches!(decode::<Bounded<u64, 8>>(&bytes, 64), Err(Reject::Undecodable(_))));
    }

    #[test]
    fn a_list_past_its_cap_is_refused() {
        let bytes = encode(&vec![1u64; 9]).unwrap();
        assert!(matches!(decode::<Bounded<u64, 8>>(&bytes, 64), Err(Reject::Undecodable(_))));
        assert!(decode::<Bounded<u64, 9>>(&bytes, 64).is_ok());
    }

    #[test]
    fn input_over_the_cap_is_refused_unread() {
        let refused = decode::<u64>(&[0; 17], 16);
        assert_eq!(refused, Err(Reject::TooLarge { found: 17, max: 16 }));
    }
}

//! The 32- and 64-byte names of the system, printed as lower-case hex.
//!
//! These are public values. A secret must never be given one of these types: they print themselves.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Why a text is not the hex form of a fixed-size value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HexError {
    /// Wrong number of characters.
    #[error("expected {expected} hex characters, found {found}")]
    Length {
        /// Characters expected.
        expected: usize,
        /// Characters found.
        found: usize,
    },
    /// A character outside `0-9a-f`; upper case is refused so that one value has one spelling.
    #[error("character {0:?} is not a lower-case hex digit")]
    Digit(char),
}

/// Decodes lower-case hex of exactly `N` bytes.
///
/// # Errors
/// [`HexError`] names the wrong length or the first wrong character.
pub fn decode_hex<const N: usize>(text: &str) -> Result<[u8; N], HexError> {
    let found = text.chars().count();
    let expected = N.saturating_mul(2);
    if found != expected {
        return Err(HexError::Length { expected, found });
    }
    let mut bytes = [0u8; N];
    let mut digits = text.chars();
    for byte in &mut bytes {
        let high = digit(digits.next())?;
        let low = digit(digits.next())?;
        *byte = high.wrapping_shl(4) | low;
    }
    Ok(bytes)
}

/// Encodes bytes as lower-case hex.
#[must_use]
pub fn encode_hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().saturating_mul(2));
    for byte in bytes {
        text.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
        text.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
    }
    text
}

fn digit(character: Option<char>) -> Result<u8, HexError> {
    let character = character.unwrap_or(' ');
    match character {
        '0'..='9' | 'a'..='f' => Ok(u8::try_from(character.to_digit(16).unwrap_or(0)).unwrap_or(0)),
        other => Err(HexError::Digit(other)),
    }
}

macro_rules! public_bytes {
    ($(#[$doc:meta])* $name:ident, $len:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// The bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }

            /// The first eight hex characters, for logs and tables.
            #[must_use]
            pub fn short(&self) -> String {
                self.to_string().chars().take(8).collect()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&encode_hex(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.short())
            }
        }

        impl FromStr for $name {
            type Err = HexError;
            fn from_str(text: &str) -> Result<Self, HexError> {
                decode_hex(text).map($name)
            }
        }
    };
}
pub(crate) use public_bytes;

public_bytes!(
    /// A member's identity: its ed25519 public key. Also the key behind its libp2p peer id.
    NodeId,
    32
);
public_bytes!(
    /// A member's schnorrkel public key, used for nothing but the election's VRF.
    VrfKey,
    32
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_round_trips_and_refuses_upper_case_and_wrong_lengths() {
        let id = NodeId([0xab; 32]);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!("AB".repeat(32).parse::<NodeId>(), Err(HexError::Digit('A')));
        assert_eq!("ab".parse::<NodeId>(), Err(HexError::Length { expected: 64, found: 2 }));
    }
}

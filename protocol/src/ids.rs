//! Names of channels, epochs and transfers.
//!
//! A channel is printed one way (`800000x4x0`) and read in every spelling operators use. Nothing
//! here may accept two spellings as two different channels.

use debal_crypto::Digest;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A short channel id: block (24 bits), transaction (24 bits), output (16 bits), as in BOLT 7.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ChannelId(pub u64);

/// Why a text is no channel id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChannelIdError {
    /// None of the known spellings.
    #[error(
        "{0:?} is no channel id: write it as 800000x4x0, 800000:4:0, or the decimal number lnd prints"
    )]
    Spelling(String),
    /// A part does not fit its bits.
    #[error("{text:?}: {part} is above {max}")]
    Range {
        /// The text given.
        text: String,
        /// Which part.
        part: &'static str,
        /// Largest value of that part.
        max: u64,
    },
    /// A funding outpoint; only a backend with a chain can tell the channel.
    #[error("{0:?} is a funding outpoint: this backend has no chain to look it up; use 800000x4x0")]
    Outpoint(String),
}

impl ChannelId {
    /// From block, transaction index and output index; `None` if a part is over its bits.
    #[must_use]
    pub fn from_parts(block: u64, transaction: u64, output: u64) -> Option<Self> {
        let fits = block < 1 << 24 && transaction < 1 << 24 && output < 1 << 16;
        fits.then_some(Self(block.wrapping_shl(40) | transaction.wrapping_shl(16) | output))
    }

    /// Block height part.
    #[must_use]
    pub const fn block(self) -> u64 {
        self.0 >> 40
    }

    /// Transaction index part.
    #[must_use]
    pub const fn transaction(self) -> u64 {
        (self.0 >> 16) & 0x00ff_ffff
    }

    /// Output index part.
    #[must_use]
    pub const fn output(self) -> u64 {
        self.0 & 0xffff
    }
}

impl fmt::Display for ChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}x{}", self.block(), self.transaction(), self.output())
    }
}

impl fmt::Debug for ChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ChannelId {
    type Err = ChannelIdError;

    fn from_str(text: &str) -> Result<Self, ChannelIdError> {
        let spelling = || ChannelIdError::Spelling(text.to_owned());
        let separator = if text.contains('x') { 'x' } else { ':' };
        let parts: Vec<&str> = text.split(separator).collect();
        match parts.as_slice() {
            [number] if !number.starts_with('+') => {
                number.parse().map(Self).map_err(|_| spelling())
            }
            [block, transaction, output] => {
                let parse = |part: &str| part.parse::<u64>().map_err(|_| spelling());
                let (block, transaction, output) =
                    (parse(block)?, parse(transaction)?, parse(output)?);
                let range = |part, max| ChannelIdError::Range { text: text.to_owned(), part, max };
                if block >= 1 << 24 {
                    return Err(range("block", 0x00ff_ffff));
                }
                if transaction >= 1 << 24 {
                    return Err(range("transaction", 0x00ff_ffff));
                }
                Self::from_parts(block, transaction, output).ok_or_else(|| range("output", 0xffff))
            }
            [hash, _] if hash.len() == 64 => Err(ChannelIdError::Outpoint(text.to_owned())),
            _ => Err(spelling()),
        }
    }
}

/// Number of an election epoch since the network's genesis.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Epoch(pub u64);

impl Epoch {
    /// The epoch `count` later.
    #[must_use]
    pub const fn plus(self, count: u64) -> Self {
        Self(self.0.saturating_add(count))
    }

    /// The epoch `count` earlier, never before epoch 0.
    #[must_use]
    pub const fn minus(self, count: u64) -> Self {
        Self(self.0.saturating_sub(count))
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Name of one atomic transfer: a cycle of a plan, or a multi-hop payment.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TransferId(pub Digest);

impl TransferId {
    /// First eight hex characters, for logs and tables.
    #[must_use]
    pub fn short(&self) -> String {
        self.0.short()
    }
}

impl fmt::Display for TransferId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for TransferId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TransferId({})", self.short())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_spellings_name_one_channel_and_it_prints_one_way() {
        let id = ChannelId::from_parts(800_000, 4, 1).unwrap();
        for text in ["800000x4x1", "800000:4:1", &id.0.to_string()] {
            assert_eq!(text.parse(), Ok(id));
        }
        assert_eq!(id.to_string(), "800000x4x1");
    }

    #[test]
    fn a_funding_outpoint_is_named_as_such() {
        let text = format!("{}:0", "ab".repeat(32));
        assert_eq!(text.parse::<ChannelId>(), Err(ChannelIdError::Outpoint(text)));
    }

    #[test]
    fn wrong_spellings_and_ranges_are_refused_by_name() {
        for text in ["", "x", "1x2", "1x2x3x4", "+5", "-1", "1:2:z"] {
            assert!(
                matches!(text.parse::<ChannelId>(), Err(ChannelIdError::Spelling(_))),
                "{text}"
            );
        }
        let range = "16777216x0x0".parse::<ChannelId>();
        assert!(matches!(range, Err(ChannelIdError::Range { part: "block", .. })));
    }
}

//! Channel ids: a 64-bit number, or its three parts with `x` or `:` between them.
//!
//! It must never accept a fourth spelling that the original refuses.

use crate::number::integer;

/// A channel id in one of the spellings. What does not fit 64 bits is still a number: it matches
/// no channel.
pub(crate) fn parse(text: &str) -> Option<i128> {
    let separator = match text {
        text if text.contains(':') => ':',
        text if text.contains('x') => 'x',
        text => return integer(text),
    };
    let mut parts = [0_i128; 3];
    let mut found = 0;
    for (index, part) in text.split(separator).enumerate() {
        // The original reads further parts too, and then ignores them.
        let value = integer(part)?;
        if let Some(slot) = parts.get_mut(index) {
            *slot = value;
            found += 1;
        }
    }
    let [block, transaction, output] = parts;
    let fits = |value: i128| (0..=i128::from(u64::MAX)).contains(&value);
    if found < 3 {
        return None;
    }
    if !fits(block) || !fits(transaction) || !fits(output) {
        return Some(-1);
    }
    Some((block << 40) | (transaction << 16) | output)
}

/// The block of a channel id.
pub(crate) fn block(chan_id: u64) -> i64 {
    // 24 bits always fit.
    i64::try_from(chan_id >> 40).unwrap_or(i64::MAX)
}

/// The usual spelling, `BLOCKxTRANSACTIONxOUTPUT`.
pub fn show(chan_id: u64) -> String {
    format!("{}x{}x{}", chan_id >> 40, (chan_id >> 16) & 0xff_ffff, chan_id & 0xffff)
}

/// A channel id from any of its spellings.
pub fn read(text: &str) -> Option<u64> {
    parse(text.trim()).and_then(|id| u64::try_from(id).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_spellings_are_one_id() {
        for text in ["879609302227419137", "800000x101x1", "800000:101:1", "800_000x101x1"] {
            assert_eq!(read(text), Some(879_609_302_227_419_137), "{text}");
        }
        assert_eq!(show(879_609_302_227_419_137), "800000x101x1");
        for text in ["", "junk", "1x2", "1:2", "0x10", "1x2:3", "-1", "99999999999999999999"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}

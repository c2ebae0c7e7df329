//! Numbers and texts as Core Lightning writes them.
//!
//! It must never round an amount: what does not fit is an error.

use serde::{Deserialize, Deserializer, de};

/// An amount in msat: a whole number, or in older answers a text that ends in `msat`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Msat(pub(crate) u64);

impl<'de> Deserialize<'de> for Msat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written<'a> {
            Number(u64),
            #[serde(borrow)]
            Text(std::borrow::Cow<'a, str>),
        }
        let text = match Written::deserialize(deserializer)? {
            Written::Number(number) => return Ok(Self(number)),
            Written::Text(text) => text,
        };
        let digits = text.strip_suffix("msat").unwrap_or(&text);
        let number = digits.parse().map_err(|_| de::Error::custom("an amount that is none"))?;
        Ok(Self(number))
    }
}

/// A short channel id, `BLOCKxTRANSACTIONxOUTPUT`, as one number.
pub(crate) fn channel_number(text: &str) -> Option<u64> {
    let mut parts = text.splitn(3, 'x').map(str::parse::<u64>);
    let mut next = |bits: u32| parts.next()?.ok().filter(|part| part >> bits == 0);
    Some((next(24)? << 40) | (next(24)? << 16) | next(16)?)
}

/// The short channel id of a number.
pub(crate) fn channel_text(number: u64) -> String {
    format!("{}x{}x{}", number >> 40, (number >> 16) & 0xff_ffff, number & 0xffff)
}

/// A text from outside: at most so many characters, no control characters.
pub(crate) fn text(raw: &str, longest: usize) -> String {
    raw.chars().filter(|c| !c.is_control()).take(longest).collect()
}

/// Whether a text is a node's key.
pub(crate) fn is_key(text: &str) -> bool {
    text.len() == 66 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_and_ids_are_read_as_every_version_writes_them() {
        let read = |text: &str| serde_json::from_str::<Msat>(text).map(|msat| msat.0).ok();
        assert_eq!(read("1000"), Some(1_000));
        assert_eq!(read("\"1000msat\""), Some(1_000));
        assert_eq!(read("18446744073709551615"), Some(u64::MAX));
        for wrong in ["-1", "1.5", "\"1sat\"", "\"msat\"", "18446744073709551616", "null"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        let number = channel_number("800000x101x1").unwrap();
        assert_eq!(number, (800_000 << 40) | (101 << 16) | 1);
        assert_eq!(channel_text(number), "800000x101x1");
        for wrong in ["", "1x2", "1x2x3x4", "16777216x1x1", "1x1x65536", "-1x1x1", "axbxc"] {
            assert_eq!(channel_number(wrong), None, "{wrong}");
        }
    }
}

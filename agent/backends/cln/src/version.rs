//! Core Lightning's version: year, month, patch.
//!
//! It must never take a text it cannot read for a new version.

use std::fmt;

/// `(year, month, patch)`, ordered as a tuple.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// Year, two digits.
    pub year: u32,
    /// Month.
    pub month: u32,
    /// Patch.
    pub patch: u32,
}

impl Version {
    /// The first version that can be used: it tells both policies of a channel.
    pub const LEAST: Self = Self { year: 24, month: 2, patch: 0 };

    /// Reads the start of a text such as `v24.08.1` or `v25.02-12-gabcdef-modded`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim_start().trim_start_matches('v');
        let head = text.split(|c: char| c != '.' && !c.is_ascii_digit()).next()?;
        let mut parts = head.split('.').map(str::parse::<u32>);
        let (year, month) = (parts.next()?.ok()?, parts.next()?.ok()?);
        // Before 22.11 they counted from 0.1.
        let patch = parts.next().and_then(Result::ok).unwrap_or(0);
        Some(Self { year, month, patch })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}.{}", self.year, self.month, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_the_node_writes_them() {
        let read = |text| Version::parse(text).unwrap();
        assert_eq!(read("v24.08.1"), Version { year: 24, month: 8, patch: 1 });
        assert_eq!(read("v25.02-12-gabcdef-modded").to_string(), "25.02.0");
        assert_eq!(read("v26.09rc2"), Version { year: 26, month: 9, patch: 0 });
        assert!(read("v0.12.1") < Version::LEAST && read("v23.11.2") < Version::LEAST);
        assert!(read("v24.02") >= Version::LEAST && read("v26.03") >= Version::LEAST);
        for wrong in ["", "deadbeef", "v24", "master"] {
            assert_eq!(Version::parse(wrong), None, "{wrong}");
        }
    }
}

//! LND's version and what it decides.
//!
//! A version is compared as a whole; it must never be compared part by part: 1.0 is newer than
//! 0.18.

use std::fmt;

/// `(major, minor, patch)`, ordered as a tuple.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// Major.
    pub major: u32,
    /// Minor.
    pub minor: u32,
    /// Patch.
    pub patch: u32,
}

impl Version {
    /// A version.
    #[must_use]
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self { major, minor, patch }
    }

    /// Reads the start of a version text such as `0.18.5-beta commit=v0.18.5-beta`. A missing
    /// minor or patch is 0; `None` if the text does not start with a number.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim_start().trim_start_matches('v');
        let head = text.split(|c: char| c != '.' && !c.is_ascii_digit()).next()?;
        let mut parts = head.split('.').filter(|part| !part.is_empty()).map(str::parse::<u32>);
        let major = parts.next()?.ok()?;
        let minor = parts.next().unwrap_or(Ok(0)).ok()?;
        let patch = parts.next().unwrap_or(Ok(0)).ok()?;
        Some(Self { major, minor, patch })
    }

    /// Whether the node is this version or newer.
    #[must_use]
    pub fn has(self, feature: Feature) -> bool {
        self >= feature.since()
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// What a version decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feature {
    /// Enabling and disabling a channel.
    ChannelStatus,
    /// A fee rate in whole ppm instead of a ratio.
    RatePpm,
    /// Fees on the way in.
    InboundFees,
}

impl Feature {
    /// First version that has it.
    #[must_use]
    pub const fn since(self) -> Version {
        match self {
            Self::ChannelStatus => Version::new(0, 13, 0),
            Self::RatePpm => Version::new(0, 15, 0),
            Self::InboundFees => Version::new(0, 18, 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_lnd_writes_them_and_compared_as_a_whole() {
        let read = |text| Version::parse(text).unwrap();
        assert_eq!(read("0.18.5-beta commit=v0.18.5-beta"), Version::new(0, 18, 5));
        assert_eq!(read("v0.21.0-beta.rc1"), Version::new(0, 21, 0));
        assert_eq!(read("1.0"), Version::new(1, 0, 0));
        assert_eq!(Version::parse("beta"), None);
        assert_eq!(Version::parse("99999999999.1"), None);
        assert!(read("1.0.0").has(Feature::InboundFees));
        assert!(!read("0.17.99").has(Feature::InboundFees));
        assert!(read("0.18.0").has(Feature::InboundFees));
        assert!(!read("0.12.1").has(Feature::ChannelStatus));
        assert!(!read("0.14.3").has(Feature::RatePpm));
    }
}

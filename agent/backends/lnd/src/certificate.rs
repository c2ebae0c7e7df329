//! The pinned certificate: its exact bytes and its validity.
//!
//! It reads the operator's own `tls.cert` only. It must never decide that a certificate is good
//! because it parses: equality of bytes decides, see `tls`.

use crate::error::CertificateProblem;
use std::path::Path;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

/// Largest certificate file; LND's own has about 800 bytes.
const MAX_BYTES: u64 = 64 << 10;

/// The certificate a node must show, exactly.
#[derive(Clone)]
pub struct Certificate {
    pub(crate) der: CertificateDer<'static>,
    pub(crate) from_s: u64,
    pub(crate) until_s: u64,
}

impl Certificate {
    /// The first certificate of a PEM text, such as LND's `tls.cert`.
    ///
    /// # Errors
    /// [`CertificateProblem::Unreadable`].
    pub fn from_pem(pem: &[u8]) -> Result<Self, CertificateProblem> {
        let der = CertificateDer::from_pem_slice(pem)
            .map_err(|error| CertificateProblem::Unreadable(error.to_string()))?;
        let validity = der::validity(&der);
        let (from_s, until_s) = validity
            .ok_or_else(|| CertificateProblem::Unreadable("it has no readable validity".into()))?;
        Ok(Self { der, from_s, until_s })
    }

    /// Reads a PEM file.
    ///
    /// # Errors
    /// [`CertificateProblem::Unreadable`] with the path and the reason.
    pub fn read(path: &Path) -> Result<Self, CertificateProblem> {
        use std::io::Read as _;
        let failed = |reason: String| {
            CertificateProblem::Unreadable(format!("{}: {reason}", path.display()))
        };
        let file = std::fs::File::open(path).map_err(|error| failed(error.to_string()))?;
        let mut pem = Vec::new();
        file.take(MAX_BYTES).read_to_end(&mut pem).map_err(|error| failed(error.to_string()))?;
        Self::from_pem(&pem).map_err(|problem| match problem {
            CertificateProblem::Unreadable(reason) => failed(reason),
            other => other,
        })
    }

    /// When it ends, Unix seconds: a daemon can warn before that.
    #[must_use]
    pub fn valid_until_s(&self) -> u64 {
        self.until_s
    }

    /// Whether `now_s` is within its validity.
    pub(crate) fn check_time(&self, now_s: u64) -> Result<(), CertificateProblem> {
        if now_s < self.from_s {
            return Err(CertificateProblem::NotYetValid { from_s: self.from_s });
        }
        if now_s > self.until_s {
            return Err(CertificateProblem::Expired { until_s: self.until_s });
        }
        Ok(())
    }
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Certificate(valid {} to {})", self.from_s, self.until_s)
    }
}

/// Just enough DER to find the validity of an X.509 certificate.
mod der {
    const SEQUENCE: u8 = 0x30;
    const UTC_TIME: u8 = 0x17;
    const GENERALIZED_TIME: u8 = 0x18;

    /// Tag, content and what follows.
    fn element(input: &[u8]) -> Option<(u8, &[u8], &[u8])> {
        let (tag, rest) = input.split_first()?;
        let (first, rest) = rest.split_first()?;
        let (length, rest) = if *first < 0x80 {
            (usize::from(*first), rest)
        } else {
            let count = usize::from(*first & 0x7f);
            let (bytes, rest) = rest.split_at_checked(count).filter(|_| count <= 4)?;
            (bytes.iter().fold(0usize, |length, byte| (length << 8) | usize::from(*byte)), rest)
        };
        let (content, rest) = rest.split_at_checked(length)?;
        Some((*tag, content, rest))
    }

    fn expect(input: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
        element(input).filter(|found| found.0 == tag).map(|(_, content, rest)| (content, rest))
    }

    /// Start and end of the validity, Unix seconds.
    pub(super) fn validity(certificate: &[u8]) -> Option<(u64, u64)> {
        let (certificate, _) = expect(certificate, SEQUENCE)?;
        let (mut body, _) = expect(certificate, SEQUENCE)?;
        // An explicit version is optional; then serial number, algorithm, issuer.
        if body.first() == Some(&0xa0) {
            body = element(body)?.2;
        }
        for _ in 0..3 {
            body = element(body)?.2;
        }
        let (validity, _) = expect(body, SEQUENCE)?;
        let (tag, from, rest) = element(validity)?;
        let (end_tag, until, _) = element(rest)?;
        Some((unix_s(tag, from)?, unix_s(end_tag, until)?))
    }

    /// `YYMMDDhhmmssZ` (1950 to 2049) or `YYYYMMDDhhmmssZ`.
    fn unix_s(tag: u8, text: &[u8]) -> Option<u64> {
        let digits = text.strip_suffix(b"Z")?;
        if !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let number = |from: usize, to: usize| {
            let part = digits.get(from..to)?;
            Some(part.iter().fold(0u64, |value, digit| value * 10 + u64::from(digit - b'0')))
        };
        let (year, rest) = match (tag, digits.len()) {
            (UTC_TIME, 12) => (number(0, 2)?, 2),
            (GENERALIZED_TIME, 14) => (number(0, 4)?, 4),
            _ => return None,
        };
        let year = match tag {
            UTC_TIME if year < 50 => 2000 + year,
            UTC_TIME => 1900 + year,
            _ => year,
        };
        let field = |index: usize| number(rest + 2 * index, rest + 2 * index + 2);
        let (month, day) = (field(0)?, field(1)?);
        let (hour, minute, second) = (field(2)?, field(3)?, field(4)?);
        let sane = (1..=12).contains(&month) && (1..=31).contains(&day);
        if !sane || hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        // A validity that begins before 1970 begins, for our purpose, in 1970.
        let days = days_since_1970(year, month, day).unwrap_or(0);
        Some(days * 86_400 + hour * 3_600 + minute * 60 + second)
    }

    fn days_since_1970(year: u64, month: u64, day: u64) -> Option<u64> {
        // Years that begin in March put the leap day at the end.
        let year = if month <= 2 { year.checked_sub(1)? } else { year };
        let month = (month + 9) % 12;
        let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 306 + 5) / 10 + day;
        days.checked_sub(719_469)
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn times_are_unix_seconds() {
            assert_eq!(unix_s(UTC_TIME, b"700101000000Z"), Some(0));
            assert_eq!(unix_s(UTC_TIME, b"240229120000Z"), Some(1_709_208_000));
            assert_eq!(unix_s(GENERALIZED_TIME, b"20500101000000Z"), Some(2_524_608_000));
            assert_eq!(unix_s(GENERALIZED_TIME, b"99991231235959Z"), Some(253_402_300_799));
            assert_eq!(unix_s(UTC_TIME, b"500101000000Z"), Some(0));
            for bad in [&b"7001010000Z"[..], b"701301000000Z", b"700100000000Z", b"70010100000aZ"] {
                assert_eq!(unix_s(UTC_TIME, bad), None);
            }
        }

        #[test]
        fn cut_certificates_have_no_validity_and_never_panic() {
            let inputs: [&[u8]; 5] =
                [&[], &[0x30], &[0x30, 0x82, 1], &[0x30, 0x84, 255, 255, 255, 255], &[0x30, 0x80]];
            for input in inputs {
                assert_eq!(validity(input), None);
            }
        }

        proptest::proptest! {
            #[test]
            fn no_bytes_panic(bytes: Vec<u8>) {
                let _ = validity(&bytes);
                let _ = unix_s(UTC_TIME, &bytes);
                let _ = unix_s(GENERALIZED_TIME, &bytes);
            }
        }
    }
}

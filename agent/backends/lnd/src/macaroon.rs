//! The macaroon: a bearer secret, wiped on drop, and what it grants as far as its own text says.
//!
//! Its bytes must never be printed, logged or put into an error; it has no `Debug` that shows them.

use crate::error::{Error, Result};
use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Largest macaroon file; LND's admin macaroon has about 300 bytes.
const MAX_BYTES: u64 = 16 << 10;
/// Most grants read from one macaroon.
const MAX_GRANTS: usize = 1_000;

/// File names looked for, least privilege first.
const NAMES: [&str; 3] = ["debal.macaroon", "charge-lnd.macaroon", "admin.macaroon"];

/// A macaroon.
pub struct Macaroon {
    bytes: Zeroizing<Vec<u8>>,
    hex: Zeroizing<String>,
}

impl Macaroon {
    /// A macaroon from the bytes of its file.
    ///
    /// # Errors
    /// [`Error::Invalid`] if there are none, or too many.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self> {
        let bytes = Zeroizing::new(bytes);
        if bytes.is_empty() || bytes.len() as u64 > MAX_BYTES {
            return Err(Error::Invalid("the macaroon is empty or too long".into()));
        }
        // Reserved at once: a growing string would leave copies behind.
        let mut hex = Zeroizing::new(String::with_capacity(2 * bytes.len()));
        for byte in bytes.iter() {
            let _ = write!(hex, "{byte:02x}");
        }
        Ok(Self { bytes, hex })
    }

    /// Reads a macaroon file.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the path and the reason.
    pub fn read(path: &Path) -> Result<Self> {
        use std::io::Read as _;
        let failed =
            |error: std::io::Error| Error::Invalid(format!("macaroon {}: {error}", path.display()));
        let file = std::fs::File::open(path).map_err(failed)?;
        // Reserved at once: a growing vector would leave copies behind.
        let mut bytes = Vec::with_capacity(MAX_BYTES as usize + 1);
        file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
        Self::from_bytes(bytes)
    }

    /// Reads the least privileged macaroon of an LND directory, and says which it was.
    ///
    /// # Errors
    /// [`Error::Invalid`] if none of the usual files is there.
    pub fn find(lnd_directory: &Path, network: &str) -> Result<(PathBuf, Self)> {
        let folder = lnd_directory.join("data/chain/bitcoin").join(network);
        let present = NAMES.iter().map(|name| folder.join(name)).find(|path| path.is_file());
        match present {
            Some(path) => Self::read(&path).map(|macaroon| (path, macaroon)),
            None => {
                Err(Error::Invalid(format!("no {} in {}", NAMES.join(", no "), folder.display())))
            }
        }
    }

    pub(crate) fn hex(&self) -> &str {
        &self.hex
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What the macaroon grants, by its own text. Caveats can only take away from it.
    ///
    /// # Errors
    /// [`Error::Invalid`] if it is not a version 2 macaroon as LND bakes them.
    pub fn grants(&self) -> Result<Vec<Grant>> {
        let unreadable = || Error::Invalid("the macaroon is not one that LND baked".into());
        let identifier = identifier(&self.bytes).ok_or_else(unreadable)?;
        operations(identifier).ok_or_else(unreadable)
    }
}

impl fmt::Debug for Macaroon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Macaroon(secret)")
    }
}

/// One thing a macaroon grants, such as `offchain:read` or `uri:/lnrpc.Lightning/GetInfo`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// `info`, `offchain`, `onchain`, `uri`, ...
    pub entity: String,
    /// `read`, `write`, `generate`, or a full method name.
    pub action: String,
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.entity, self.action)
    }
}

/// A cursor over bytes from outside: every read is checked.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn chunk(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.varint()?).ok()?;
        let (chunk, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(chunk)
    }
}

/// The identifier packet of a version 2 macaroon: optional location (1), then identifier (2).
fn identifier(bytes: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader(bytes);
    if reader.byte()? != 2 {
        return None;
    }
    let mut kind = reader.varint()?;
    let mut chunk = reader.chunk()?;
    if kind == 1 {
        kind = reader.varint()?;
        chunk = reader.chunk()?;
    }
    (kind == 2).then_some(chunk)
}

/// The operations inside LND's identifier: one version byte (3), then a protobuf whose field 3
/// repeats `{1: entity, 2: action, 2: action, ...}`.
fn operations(identifier: &[u8]) -> Option<Vec<Grant>> {
    let mut reader = Reader(identifier);
    if reader.byte()? != 3 {
        return None;
    }
    let mut grants = Vec::new();
    while !reader.0.is_empty() {
        let tag = reader.varint()?;
        let chunk = reader.chunk().filter(|_| tag & 7 == 2)?;
        if tag >> 3 != 3 {
            continue;
        }
        let (mut operation, mut entity) = (Reader(chunk), String::new());
        while !operation.0.is_empty() {
            let tag = operation.varint()?;
            let chunk = operation.chunk().filter(|_| tag & 7 == 2)?;
            let text = std::str::from_utf8(chunk).ok()?;
            match tag >> 3 {
                1 => entity = crate::convert::text(text, 100),
                2 => {
                    let action = crate::convert::text(text, 200);
                    grants.push(Grant { entity: entity.clone(), action });
                }
                _ => {}
            }
        }
        if grants.len() > MAX_GRANTS {
            return None;
        }
    }
    Some(grants)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_macaroon_shows_nothing_of_itself() {
        let macaroon = Macaroon::from_bytes(vec![0xab; 40]).unwrap();
        assert_eq!(format!("{macaroon:?}"), "Macaroon(secret)");
        assert_eq!(macaroon.hex(), "ab".repeat(40));
    }

    #[test]
    fn broken_macaroons_are_refused_and_never_panic() {
        assert!(Macaroon::from_bytes(Vec::new()).is_err());
        assert!(Macaroon::from_bytes(vec![0; 20_000]).is_err());
        let inputs: [&[u8]; 6] =
            [&[2], &[2, 1, 255], &[2, 2, 3, 3, 26, 9], &[1, 2, 1, 3], &[2, 2, 1, 4], &[2; 300]];
        for bytes in inputs {
            assert!(Macaroon::from_bytes(bytes.to_vec()).unwrap().grants().is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn grants_are_read_from_the_identifier() {
        // version 2, location "lnd", identifier: version 3, nonce, storage id, one operation.
        let operation = b"\x0a\x04info\x12\x04read\x12\x05write";
        let mut identifier = b"\x03\x0a\x02nn\x12\x010".to_vec();
        identifier.extend([0x1a, operation.len() as u8]);
        identifier.extend(operation);
        let mut bytes = b"\x02\x01\x03lnd\x02".to_vec();
        bytes.push(identifier.len() as u8);
        bytes.extend(&identifier);
        bytes.extend(b"\x00\x00\x06\x01s");
        let grants = Macaroon::from_bytes(bytes).unwrap().grants().unwrap();
        let printed: Vec<String> = grants.iter().map(Grant::to_string).collect();
        assert_eq!(printed, ["info:read", "info:write"]);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(body: Vec<u8>, cut in 0..64_usize) {
            let head = b"\x02\x01\x03lnd\x02\x20\x03\x0a\x02nn\x1a\x10".to_vec();
            let whole = [head, body].concat();
            for bytes in [whole.get(cut..).unwrap_or_default(), &whole] {
                let _ = identifier(bytes).map(operations);
                let _ = operations(bytes);
            }
        }
    }
}

//! The identity seed file: 32 random bytes as one line of hex, readable by its owner only.
//!
//! The file must never be overwritten, and is refused when others can read it. The bytes are wiped
//! from memory as soon as the keys are derived.

use crate::bytes::{decode_hex, encode_hex};
use crate::identity::Identity;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// A seed file holds 64 hex characters and a newline; anything longer is refused unread.
const MAX_BYTES: u64 = 65;

/// Why a seed file was refused. No variant carries the file's content.
#[derive(Debug, thiserror::Error)]
pub enum SeedFileError {
    /// The file could not be created, read or synced.
    #[error("seed file {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// A seed file exists already; overwriting it would lose the identity.
    #[error("seed file {0} exists already: this directory has an identity; use another one")]
    Exists(PathBuf),
    /// Others may read the file.
    #[error("seed file {path} has mode {mode:04o}: others may read it; run chmod 600 on it")]
    Permissions {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The content is not one line of 64 hex characters.
    #[error("seed file {0} is damaged: expected one line of 64 lower-case hex characters")]
    Damaged(PathBuf),
    /// The operating system gave no randomness.
    #[error("no randomness from the operating system: {0}")]
    Randomness(String),
}

/// The seed file of one data directory.
#[derive(Clone, Debug)]
pub struct SeedFile(PathBuf);

impl SeedFile {
    /// Name of the file inside a data directory.
    pub const NAME: &'static str = "identity.seed";

    /// The seed file of `directory`.
    #[must_use]
    pub fn in_directory(directory: &Path) -> Self {
        Self(directory.join(Self::NAME))
    }

    /// Draws a new seed from the operating system and writes it, mode 0600, synced.
    ///
    /// # Errors
    /// [`SeedFileError::Exists`] if there is one already; IO and randomness failures by name.
    pub fn create(&self) -> Result<Identity, SeedFileError> {
        let mut seed = Zeroizing::new([0u8; 32]);
        getrandom::fill(&mut *seed).map_err(|e| SeedFileError::Randomness(e.to_string()))?;
        self.create_from(&seed)
    }

    /// Writes a given seed (clusters derive theirs from one number so that a run can be repeated).
    ///
    /// # Errors
    /// As [`SeedFile::create`].
    pub fn create_from(&self, seed: &[u8; 32]) -> Result<Identity, SeedFileError> {
        let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.0);
        let mut file = match opened {
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {
                return Err(SeedFileError::Exists(self.0.clone()));
            }
            other => other.map_err(|e| self.io(e))?,
        };
        let line = Zeroizing::new(format!("{}\n", encode_hex(seed)));
        file.write_all(line.as_bytes()).map_err(|e| self.io(e))?;
        file.sync_all().map_err(|e| self.io(e))?;
        Identity::from_seed(seed).map_err(|_| SeedFileError::Damaged(self.0.clone()))
    }

    /// Reads the seed and derives the identity.
    ///
    /// # Errors
    /// [`SeedFileError`] names missing files, open permissions and damaged content.
    pub fn open(&self) -> Result<Identity, SeedFileError> {
        let file = File::open(&self.0).map_err(|e| self.io(e))?;
        let mode = file.metadata().map_err(|e| self.io(e))?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(SeedFileError::Permissions { path: self.0.clone(), mode });
        }
        let mut text = Zeroizing::new(String::new());
        let mut bounded = file.take(MAX_BYTES.saturating_add(1));
        bounded.read_to_string(&mut text).map_err(|_| SeedFileError::Damaged(self.0.clone()))?;
        let line = text.strip_suffix('\n').unwrap_or(&text);
        let seed = decode_hex(line).map_err(|_| SeedFileError::Damaged(self.0.clone()))?;
        let seed = Zeroizing::new(seed);
        Identity::from_seed(&seed).map_err(|_| SeedFileError::Damaged(self.0.clone()))
    }

    fn io(&self, source: std::io::Error) -> SeedFileError {
        SeedFileError::Io { path: self.0.clone(), source }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn scratch() -> (tempfile::TempDir, SeedFile) {
        let directory = tempfile::tempdir().unwrap();
        let file = SeedFile::in_directory(directory.path());
        (directory, file)
    }

    #[test]
    fn a_created_seed_opens_to_the_same_identity_and_is_private() {
        let (_directory, file) = scratch();
        let created = file.create().unwrap();
        assert_eq!(file.open().unwrap().node(), created.node());
        let mode = std::fs::metadata(&file.0).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
    }

    #[test]
    fn an_existing_seed_is_never_overwritten() {
        let (_directory, file) = scratch();
        let first = file.create().unwrap().node();
        assert!(matches!(file.create(), Err(SeedFileError::Exists(_))));
        assert_eq!(file.open().unwrap().node(), first);
    }

    #[test]
    fn a_seed_others_can_read_is_refused() {
        let (_directory, file) = scratch();
        file.create().unwrap();
        std::fs::set_permissions(&file.0, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(file.open(), Err(SeedFileError::Permissions { mode: 0o644, .. })));
    }

    #[test]
    fn damaged_and_oversized_seeds_are_refused_without_showing_content() {
        let (_directory, file) = scratch();
        file.create().unwrap();
        for content in ["", "zz", &"a".repeat(63), &"a".repeat(1000)] {
            std::fs::write(&file.0, content).unwrap();
            let error = file.open().unwrap_err();
            assert!(matches!(error, SeedFileError::Damaged(_)), "{error}");
        }
    }
}

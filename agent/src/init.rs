//! A new agent's data directory: identity, empty journal, explained configuration file.
//!
//! Only this makes a journal: an identity that lost its journal must not start over as if it had
//! promised nothing. Nothing that exists is ever overwritten.

use crate::config::table;
use debal_crypto::{Digest, Domain, Identity, SeedFile, SeedFileError};
use debal_store::{Journal, JournalError, OpenOptions, RealDisk};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Name of the configuration file in a data directory.
pub const CONFIG_NAME: &str = "debal.toml";

/// Why a data directory was not made.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The seed file exists or cannot be written.
    #[error(transparent)]
    Seed(#[from] SeedFileError),
    /// The journal cannot be made.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A file or directory cannot be made.
    #[error("{path}: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// The operating system's answer.
        source: std::io::Error,
    },
}

/// Makes a data directory. With a `seed` the identity is derived from it (clusters do that, so that
/// a run can be repeated), otherwise it is drawn.
///
/// # Errors
/// [`InitError`]; an identity that exists is never touched.
pub fn create(directory: &Path, seed: Option<&[u8; 32]>) -> Result<Identity, InitError> {
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| InitError::Io { path, source }
    };
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(0o700).create(directory).map_err(io(directory))?;
    let file = SeedFile::in_directory(directory);
    let identity = match seed {
        Some(seed) => file.create_from(seed)?,
        None => file.create()?,
    };
    let disk = RealDisk::new(directory).map_err(io(directory))?;
    Journal::open(disk, journal_options(&identity).create())?;
    let config = directory.join(CONFIG_NAME);
    if !config.exists() {
        let mut options = std::fs::OpenOptions::new();
        let opened = options.write(true).create_new(true).mode(0o600).open(&config);
        let text = table::example_file();
        opened
            .and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()))
            .map_err(io(&config))?;
    }
    Ok(identity)
}

/// How the journal of an identity is opened: its name is derived from the secret, so that no peer
/// can craft bytes that look like its records.
#[must_use]
pub fn journal_options(identity: &Identity) -> OpenOptions {
    let secret = identity.transfer_secret(&Digest::of(Domain::DeriveSecret, &[b"journal"]));
    let mut id = [0; 16];
    id.iter_mut().zip(secret.expose()).for_each(|(to, from)| *to = *from);
    OpenOptions::new(id)
}

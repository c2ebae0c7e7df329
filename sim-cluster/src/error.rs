//! What can go wrong in a cluster run, sorted by what the caller should do about it.
//!
//! Every text names the thing and the fix. No error may be dropped for a default: a run that could
//! not do what it was asked to do says so and exits with its class's code.

use std::io;
use std::path::Path;

pub use debal_topology::InputError;

/// Why a command did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// The command line asks for something that cannot be (exit code 2).
    #[error("{0}")]
    Usage(String),
    /// A file is not what it should be (exit code 3).
    #[error("{0}")]
    Input(#[from] InputError),
    /// The run itself failed (exit code 1).
    #[error("{0}")]
    Failed(String),
}

impl ClusterError {
    /// A file operation of the launcher that failed.
    #[must_use]
    pub fn io(what: &str, path: &Path, source: &io::Error) -> Self {
        Self::Failed(format!("cannot {what} {}: {source}", path.display()))
    }

    /// Exit code: 1 failed, 2 usage, 3 invalid input.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Failed(_) => 1,
            Self::Usage(_) => 2,
            Self::Input(_) => 3,
        }
    }
}

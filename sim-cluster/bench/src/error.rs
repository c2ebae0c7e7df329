//! Why a benchmark does not run. No method may fail quietly: its row would look like a result.

use debal_planner::circulation::{CertificateError, Error as CirculationError};
use debal_planner::cycles::CycleError;
use debal_planner::prices::{PriceError, SettleError};
use debal_topology::InputError;
use debal_train::world::WorldError;

/// Why a benchmark does not run.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// A graph file is not what it should be.
    #[error("{0}")]
    Input(#[from] InputError),
    /// The options ask for something that cannot be.
    #[error("{0}")]
    Usage(String),
    /// The exact solver refused the problem.
    #[error("the exact optimum: {0}")]
    Optimum(#[from] CirculationError),
    /// The exact solver's answer is not proven.
    #[error("the certificate of the optimum: {0}")]
    Certificate(#[from] CertificateError),
    /// The price rounds refused the problem.
    #[error("the price rounds: {0}")]
    Prices(#[from] PriceError),
    /// What the rounds came to could not be settled.
    #[error("settling: {0}")]
    Settle(#[from] SettleError),
    /// Cutting cycles failed.
    #[error("cutting cycles: {0}")]
    Cycles(#[from] CycleError),
    /// A method moved what it must not.
    #[error("{method} broke a rule: {rule}")]
    Broken {
        /// The method.
        method: String,
        /// What it broke.
        rule: String,
    },
    /// A plot or a file could not be written.
    #[error("writing: {0}")]
    Write(String),
}

impl From<WorldError> for BenchError {
    fn from(error: WorldError) -> Self {
        match error {
            WorldError::Input(input) => Self::Input(input),
            WorldError::Usage(text) => Self::Usage(text),
        }
    }
}

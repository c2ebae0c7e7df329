//! Simulators and training behind `debal learn`, and experiment B3.
//!
//! Deterministic by seed on any number of threads. It must never be needed for a decision of a
//! running node: what it makes are model files, and a node without them has its rule.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod arcs;
pub mod b3;
pub mod cli;
pub mod draw;
pub mod es;
pub mod nets;
pub mod node;
pub mod pool;
pub mod rebel;
pub mod rounds;
pub mod stats;
pub mod ttd;
pub mod world;

pub use stats::Row;

/// How far something long has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// What is being done.
    pub stage: &'static str,
    /// Parts done.
    pub done: usize,
    /// Parts in all.
    pub total: usize,
    /// What there is to say.
    pub note: String,
}

/// Who is told of progress; answers whether to go on.
pub type Watch<'a> = dyn FnMut(&Progress) -> bool + 'a;

/// Why training or evaluation did not happen.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file is not what it should be.
    #[error("{path}: {why}")]
    Content {
        /// The file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// A network to be paid over cannot be had.
    #[error("{0}")]
    World(#[from] world::WorldError),
    /// What tensors refuse.
    #[error("training: {0}")]
    Tensor(#[from] candle_core::Error),
    /// What was asked for cannot be done.
    #[error("{0}")]
    Usage(String),
}

//! Where a simulated graph comes from: a file, or a generator, so that a fresh clone needs
//! no data.
//!
//! A generated graph is drawn anew for every seed.

use super::WorldError;
pub use debal_topology::generate::Generator;
use debal_topology::{Graph, load};
use std::path::PathBuf;

/// A file, or a generator with a number of nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GraphSource {
    /// Read once, the same for all seeds.
    File(PathBuf),
    /// Drawn for every seed.
    Generated(Generator, usize),
}

impl GraphSource {
    /// A short name for reports: the file's name without its endings, or family and size.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::File(path) => {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                name.split('.').next().unwrap_or_default().to_owned()
            }
            Self::Generated(family, nodes) => {
                format!("{}-{nodes}", family.name())
            }
        }
    }

    /// The graph of `seed`.
    ///
    /// # Errors
    /// A file that is no graph; a generator asked for fewer than 20 nodes.
    pub fn graph(&self, seed: u64) -> Result<Graph, WorldError> {
        match self {
            Self::File(path) => Ok(load(path)?),
            Self::Generated(family, nodes) => Ok(family.graph(*nodes, seed)?),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_without_its_endings_and_a_tiny_graph_is_refused() {
        let file = GraphSource::File("data/ln-2026-02-03.jsonl.gz".into());
        assert_eq!(file.name(), "ln-2026-02-03");
        assert!(GraphSource::Generated(Generator::ChungLu, 5).graph(1).is_err());
    }
}

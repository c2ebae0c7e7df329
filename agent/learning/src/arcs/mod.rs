//! BalanceAwareGNN (a): the probability that an arc carries an amount, for every arc of a graph and
//! every amount in one pass.
//!
//! The network passes messages along arcs, conditioned on what is known of each; its answer is one
//! falling curve per arc. Plain loops over plain numbers: the crate that trains it checks that they
//! agree with its own. It must never see a balance, answer with a curve that rises with the amount,
//! or fail because of a model: without one the uniform prior answers and says why.

mod curve;
mod features;
mod graph;
pub mod math;
mod network;
mod past;

pub use curve::{Curve, KNOTS, RAMPS, ramps};
pub use features::{ARC_FEATURES, Features, NODE_FEATURES, Position};
pub use graph::{Channel, Fee, Graph};
pub use network::{LAYERS_MAX, Network, OUTPUTS, WIDTH, shapes};
pub use past::{Bit, Pasts, Seen};

use crate::model::{ARCS, Kind, ModelFile, Refused};

/// Who says what arcs carry.
#[derive(Debug, Clone, PartialEq)]
pub enum Scorer {
    /// A trained network.
    Model {
        /// Its name.
        name: String,
        /// Its version.
        version: u32,
        /// The network.
        network: Box<Network>,
    },
    /// The uniform prior: 1 - a / (C + 1).
    Prior {
        /// Why no model answers.
        why: String,
    },
}

impl Scorer {
    /// The model in these bytes, or the prior and why.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        match read(bytes) {
            Ok((ModelFile { name, version, .. }, network)) => {
                Self::Model { name, version, network: Box::new(network) }
            }
            Err(refused) => Self::Prior { why: refused.to_string() },
        }
    }

    /// The model that is shipped.
    pub fn shipped() -> Self {
        Self::from_bytes(ARCS)
    }

    /// One curve per arc.
    pub fn curves(&self, graph: &Graph, features: &Features) -> Vec<Curve> {
        match self {
            Self::Model { network, .. } => network.curves(graph, features),
            Self::Prior { .. } => vec![Curve::UNIFORM; graph.arcs()],
        }
    }

    /// One line about who answers.
    pub fn says(&self) -> String {
        match self {
            Self::Model { name, version, .. } => format!("model {name}, version {version}"),
            Self::Prior { why } => format!("uniform prior: {why}"),
        }
    }
}

fn read(bytes: &[u8]) -> Result<(ModelFile, Network), Refused> {
    let file = ModelFile::read(bytes)?;
    if file.kind != Kind::Arcs {
        let (found, wanted) = (file.kind.name(), Kind::Arcs.name());
        return Err(Refused::OtherKind { found, wanted });
    }
    let network = Network::from_tensors(&file.tensors)?;
    Ok((file, network))
}

#[cfg(test)]
mod tests;

//! Who is in the roster of B5: identities, weights, keys.
//!
//! The keyed-hash suite is deterministic and no security at all; what a step costs is measured
//! with the real curves.

use crate::BenchError;
use debal_crypto::{Digest, Domain, NodeId, Suite, VrfError};
use debal_protocol::election::Genesis;
use debal_protocol::limits::ROSTER_MAX;
use debal_protocol::roster::Member;
use debal_protocol::time::Timetable;
use debal_simulator::suite::suite_of;
use std::sync::Arc;

/// Length of an epoch: ten minutes.
pub const EPOCH_MS: u64 = 600_000;

/// The members of one world, in the order of their numbers here.
#[derive(Clone)]
pub struct Members {
    /// Their keys.
    pub suites: Vec<Arc<dyn Suite>>,
    /// Their weights.
    pub weights: Vec<u64>,
}

impl std::fmt::Debug for Members {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Members").field("weights", &self.weights).finish_non_exhaustive()
    }
}

impl Members {
    /// Members with these weights, their keys by `seed`; `curves` for the real ones.
    ///
    /// # Errors
    /// Keys that the curves refuse (none exists).
    pub fn new(weights: Vec<u64>, seed: u64, curves: bool) -> Result<Self, BenchError> {
        let failed = |e: VrfError| BenchError::Usage(format!("a key: {e}"));
        let suites = (0..weights.len()).map(|index| suite_of(seed, index, curves).map_err(failed));
        Ok(Self { suites: suites.collect::<Result<_, _>>()?, weights })
    }

    /// How many.
    #[must_use]
    pub fn count(&self) -> usize {
        self.weights.len()
    }

    /// Their identities.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> {
        self.suites.iter().map(|suite| suite.node())
    }

    /// The network they found.
    #[must_use]
    pub fn genesis(&self) -> Genesis {
        let member = |(suite, weight): (&Arc<dyn Suite>, &u64)| Member {
            node: suite.node(),
            vrf: suite.vrf_key(),
            weight: *weight,
        };
        Genesis {
            network: Digest::of(Domain::NetworkId, &[b"bench b5"]),
            timetable: Timetable { genesis_ms: 0, epoch_ms: EPOCH_MS },
            members: self.suites.iter().zip(&self.weights).map(member).collect(),
        }
    }
}

/// One to four million satoshis, in turn: members weigh differently and nobody dominates.
#[must_use]
pub fn mixed(members: usize) -> Vec<u64> {
    (1..=4).cycle().take(members).map(|million: u64| million * 1_000_000).collect()
}

/// Whether so many members are a roster at all.
#[must_use]
pub const fn fit_a_roster(members: usize) -> bool {
    members <= ROSTER_MAX
}

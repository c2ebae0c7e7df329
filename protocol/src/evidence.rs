//! Evidence: two statements of one member that cannot both be honest.
//!
//! Verification is a pure function of the pair and the roster; evidence must never be believed
//! because of who sent it.

use crate::bounded::Bounded;
use crate::channel::State;
use crate::election::{Claim, Endorsement};
use crate::limits::ELECTION_MAX_BYTES;
use debal_crypto::Signature;
use serde::{Deserialize, Serialize};

/// A sealed envelope inside an evidence; half the election cap, so that two fit.
pub type EnvelopeBytes = Bounded<u8, { ELECTION_MAX_BYTES / 2 - 256 }>;

/// The pair.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Evidence {
    /// Two claims of one epoch that differ in content.
    Claims(Claim, Claim),
    /// Two votes of one epoch and round for different claims.
    Endorsements(Endorsement, Endorsement),
    /// Two plans, or two summaries of one sequence number, as sealed envelopes.
    Envelopes(EnvelopeBytes, EnvelopeBytes),
    /// Two states of one channel and sequence number, with the accused's signature on each.
    States {
        /// First state.
        first: State,
        /// The accused's signature on it.
        first_signature: Signature,
        /// Second state.
        second: State,
        /// The accused's signature on it.
        second_signature: Signature,
        /// The accused.
        accused: debal_crypto::NodeId,
    },
}

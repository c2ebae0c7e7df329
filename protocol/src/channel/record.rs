//! One channel as its owner remembers it: the durable part.
//!
//! Fields change only through [`crate::durable::Durable::apply`]; nothing here signs or sends.

use super::state::{ChannelTerms, LockKey, Side, SignedState, State};
use crate::amount::Msat;
use crate::journal::Changes;
use crate::mutant::{Mutant, active};
use crate::summary::ForwardPolicy;
use debal_crypto::{NodeId, Signature};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A state we, as low end, have signed and the high end has not yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// What changes.
    pub changes: Changes,
    /// The state it makes.
    pub state: State,
    /// Our signature on it. Stored, never recomputed (rule R6).
    pub signature: Signature,
}

/// An open channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// Terms.
    pub terms: ChannelTerms,
    /// Which end we are.
    pub side: Side,
    /// Newest complete state.
    pub newest: SignedState,
    /// Changes that made the newest state, to repeat a lost counter-signature.
    pub proposal: Option<Proposal>,
    /// Our forwarding policy.
    pub our_policy: ForwardPolicy,
    /// The peer's forwarding policy.
    pub peer_policy: ForwardPolicy,
    /// Locks that ended or were refused, with their deadlines: never added again.
    pub ended: BTreeMap<LockKey, u64>,
    /// The channel takes no new work.
    pub frozen: bool,
}

impl Channel {
    /// The other end.
    #[must_use]
    pub const fn peer(&self) -> NodeId {
        self.terms.node(self.side.other())
    }

    /// The newest complete state.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.newest.state
    }

    /// Our free balance in the newest complete state.
    #[must_use]
    pub const fn local_msat(&self) -> Msat {
        self.newest.state.balance(self.side)
    }

    /// The peer's free balance in the newest complete state.
    #[must_use]
    pub const fn remote_msat(&self) -> Msat {
        self.newest.state.balance(self.side.other())
    }

    /// What we could lock now: free balance above the reserve. Hops that wait for their
    /// lock are not subtracted here; see [`crate::durable::Durable::reserved_msat`].
    #[must_use]
    pub fn spendable_msat(&self) -> Msat {
        if active(Mutant::ReserveIgnored) {
            return self.local_msat();
        }
        self.local_msat().minus_or_zero(self.terms.reserve_msat)
    }

    /// Whether the lock is over, or never to be.
    #[must_use]
    pub fn has_ended(&self, key: LockKey) -> bool {
        self.ended.contains_key(&key) && !active(Mutant::NoDedupe)
    }
}

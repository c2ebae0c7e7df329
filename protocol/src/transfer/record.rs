//! One transfer as a party remembers it: the durable part.
//!
//! Fields change only through [`crate::durable::Durable::apply`].

use crate::amount::Msat;
use crate::bounded::Bounded;
use crate::channel::LockKey;
use crate::ids::{ChannelId, Epoch, TransferId};
use crate::limits::PAYMENT_HOPS_MAX;
use crate::message::{Outcome, Refusal};
use crate::plan::Hop;
use debal_crypto::{LockHash, NodeId, Secret};
use serde::{Deserialize, Serialize};

/// What a transfer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// A cycle of a leader's plan.
    Cycle {
        /// Epoch of the plan.
        epoch: Epoch,
        /// Who led.
        leader: NodeId,
    },
    /// A payment along a route its sender chose.
    Payment,
    /// A lock nobody told us about: given back.
    Orphan,
}

/// Where a transfer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// Consented to, amounts reserved, no Go yet.
    Reserved {
        /// Unix milliseconds after which the consent lapses.
        expires_ms: u64,
    },
    /// Locks may run.
    Live,
    /// Over.
    Done {
        /// How.
        outcome: Outcome,
        /// When, Unix milliseconds.
        at_ms: u64,
    },
}

/// What this party has decided, once and for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Decision {
    /// Nothing yet.
    Open,
    /// The secret is known and stands: incoming is claimed, outgoing paid.
    Commit,
    /// Incoming is given back; the secret will not be accepted any more.
    Abort(Refusal),
}

/// Where one hop stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum LegStatus {
    /// No lock yet.
    Waiting,
    /// The low end has been asked for the lock; only its refusal can take that back.
    Asked,
    /// The lock is in a complete state.
    Locked,
    /// The payee has the amount.
    Settled,
    /// The payer has it back, or it was never locked and never will be.
    Released,
}

/// One of the at most two hops a party has in a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leg {
    /// The channel.
    pub channel: ChannelId,
    /// Hop index.
    pub hop: u8,
    /// How much.
    pub amount_msat: Msat,
    /// Unix milliseconds; 0 until known.
    pub deadline_ms: u64,
    /// Where it stands.
    pub status: LegStatus,
}

impl Leg {
    /// Whether nothing more can happen to this hop.
    #[must_use]
    pub const fn ended(&self) -> bool {
        matches!(self.status, LegStatus::Settled | LegStatus::Released)
    }
}

/// A transfer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// What for.
    pub kind: Kind,
    /// All hops.
    pub hops: Bounded<Hop, PAYMENT_HOPS_MAX>,
    /// The lock hash, once known.
    pub hash: Option<LockHash>,
    /// The hop that pays us.
    pub incoming: Option<Leg>,
    /// The hop we pay.
    pub outgoing: Option<Leg>,
    /// Where it stands.
    pub stage: Stage,
    /// What we decided.
    pub decision: Decision,
    /// The secret, once it stands.
    pub secret: Option<Secret>,
    /// As recipient or opener: the secret has left us.
    pub revealed: bool,
    /// Unix milliseconds of its beginning here.
    pub began_ms: u64,
}

impl Transfer {
    /// Builds the party's view of `hops`; `None` if the hops are not a path this node may stand on:
    /// broken, repeating a payer, or without this node.
    #[must_use]
    pub fn new(
        kind: Kind,
        hops: &[Hop],
        node: NodeId,
        stage: Stage,
        began_ms: u64,
    ) -> Option<Self> {
        if !is_path(hops) {
            return None;
        }
        let leg = |found: Option<(usize, &Hop)>| {
            found.and_then(|(index, hop)| {
                Some(Leg {
                    channel: hop.channel,
                    hop: u8::try_from(index).ok()?,
                    amount_msat: hop.amount_msat,
                    deadline_ms: 0,
                    status: LegStatus::Waiting,
                })
            })
        };
        let incoming = leg(hops.iter().enumerate().find(|(_, hop)| hop.payee == node));
        let outgoing = leg(hops.iter().enumerate().find(|(_, hop)| hop.payer == node));
        if incoming.is_none() && outgoing.is_none() {
            return None;
        }
        Some(Self {
            kind,
            hops: Bounded::try_from(hops.to_vec()).ok()?,
            hash: None,
            incoming,
            outgoing,
            stage,
            decision: Decision::Open,
            secret: None,
            revealed: false,
            began_ms,
        })
    }

    /// An orphan: a lock that pays us, of a transfer we know nothing about.
    #[must_use]
    pub fn orphan(leg: Leg, hash: LockHash, began_ms: u64) -> Self {
        Self {
            kind: Kind::Orphan,
            hops: Bounded::new(),
            hash: Some(hash),
            incoming: Some(leg),
            outgoing: None,
            stage: Stage::Live,
            decision: Decision::Open,
            secret: None,
            revealed: false,
            began_ms,
        }
    }

    /// Number of hops.
    #[must_use]
    pub fn hop_count(&self) -> u8 {
        u8::try_from(self.hops.len()).unwrap_or(u8::MAX)
    }

    /// Whether we are the first payer.
    #[must_use]
    pub fn is_first(&self) -> bool {
        self.outgoing.is_some_and(|leg| leg.hop == 0)
    }

    /// Whether we are the last payee: recipient of a payment, or a cycle's opener.
    #[must_use]
    pub fn is_recipient(&self) -> bool {
        let last = self.hop_count().checked_sub(1);
        self.incoming.is_some_and(|leg| Some(leg.hop) == last)
    }

    /// Whether our outgoing hop is the last one: then we decide.
    #[must_use]
    pub fn is_decider(&self) -> bool {
        let last = self.hop_count().checked_sub(1);
        self.outgoing.is_some_and(|leg| Some(leg.hop) == last)
    }

    /// Whether it is over.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        matches!(self.stage, Stage::Done { .. })
    }

    /// Whether both our hops ended.
    #[must_use]
    pub fn legs_ended(&self) -> bool {
        [self.incoming, self.outgoing].iter().flatten().all(Leg::ended)
    }

    /// The lock key of a hop of ours.
    #[must_use]
    pub const fn key(id: TransferId, leg: &Leg) -> LockKey {
        LockKey { transfer: id, hop: leg.hop }
    }

    /// What we pay more than we get: our fee for a cycle. Zero for payments we forward.
    #[must_use]
    pub fn net_fee_msat(&self) -> Msat {
        match (self.incoming, self.outgoing) {
            (Some(incoming), Some(outgoing)) => {
                outgoing.amount_msat.minus_or_zero(incoming.amount_msat)
            }
            _ => Msat::ZERO,
        }
    }
}

/// Whether the hops form a path in which each hop's payee pays the next, nobody pays or is paid
/// twice, and nobody pays itself. The last payee may be the first payer.
#[must_use]
pub fn is_path(hops: &[Hop]) -> bool {
    if hops.is_empty() || hops.len() > PAYMENT_HOPS_MAX {
        return false;
    }
    let linked = hops.iter().zip(hops.iter().skip(1)).all(|(hop, next)| hop.payee == next.payer);
    let distinct = hops.iter().enumerate().all(|(index, hop)| {
        let later = hops.iter().skip(index.saturating_add(1));
        hop.payer != hop.payee
            && hop.amount_msat > Msat::ZERO
            && later.clone().all(|other| other.payer != hop.payer && other.payee != hop.payee)
    });
    linked && distinct
}

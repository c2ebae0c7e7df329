//! The facts a node must not forget, as journal records.
//!
//! A record is written when something became true, before anyone is told. Durable state changes
//! only by [`crate::durable::Durable::apply`], live and at replay alike, so a replayed node is the
//! node that crashed. No record may hold what the crate cannot recompute or verify later.

use crate::amount::Msat;
use crate::bounded::Bounded;
use crate::channel::{Change, LockKey, SignedState};
use crate::durable::Durable;
use crate::election::{self, ElectionRecord};
use crate::ids::{ChannelId, Epoch, TransferId};
use crate::input::OpenChannel;
use crate::limits::PROPOSAL_CHANGES_MAX;
use crate::message::{Outcome, Refusal};
use crate::plan::{CyclePlan, Route};
use crate::summary::ForwardPolicy;
use debal_crypto::{LockHash, NodeId, Secret, Signature};
use serde::{Deserialize, Serialize};

/// Changes of one channel state.
pub type Changes = Bounded<Change, PROPOSAL_CHANGES_MAX>;

/// All a node must not forget, at one position of its journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Channels, transfers, receives.
    pub durable: Durable,
    /// Elections.
    pub election: election::Durable,
}

/// One fact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record {
    /// A fact of the election.
    Election(ElectionRecord),
    /// A summary with this sequence number is about to leave.
    SummarySent {
        /// Its sequence number.
        seq: u64,
    },
    /// The operator switched rebalancing.
    Rebalancing(bool),
    /// The operator expects a channel to be proposed.
    ChannelExpected(OpenChannel),
    /// We propose a channel; our signature on its first state is about to leave.
    ChannelOpening(OpenChannel),
    /// A channel is open: both signatures are known.
    ChannelOpened {
        /// Terms, starting balance and our policy.
        opening: OpenChannel,
        /// The peer's policy.
        peer_policy: ForwardPolicy,
        /// The first state.
        state: SignedState,
    },
    /// Our forwarding policy changed.
    PolicySet {
        /// The channel.
        channel: ChannelId,
        /// The new policy.
        policy: ForwardPolicy,
    },
    /// As low end: our signature on the next state is about to leave.
    Proposed {
        /// The channel.
        channel: ChannelId,
        /// What changes.
        changes: Changes,
        /// Our signature on the new state.
        signature: Signature,
    },
    /// As low end: the high end's signature completes the proposed state.
    Countersigned {
        /// The channel.
        channel: ChannelId,
        /// The high end's signature.
        signature: Signature,
    },
    /// As high end: we counter-sign; the state is complete for us.
    Completed {
        /// The channel.
        channel: ChannelId,
        /// What changes.
        changes: Changes,
        /// The low end's signature on the new state.
        low: Signature,
        /// Our signature.
        high: Signature,
    },
    /// The peer showed a newer complete state that carries our own signature: we were restored from
    /// an older journal.
    Adopted {
        /// The channel.
        channel: ChannelId,
        /// The state.
        state: SignedState,
    },
    /// As low end: we will never include this lock of the high end.
    AddRefused {
        /// The channel.
        channel: ChannelId,
        /// The lock.
        key: LockKey,
        /// The lock's deadline, after which the refusal may be forgotten.
        deadline_ms: u64,
    },
    /// The channel takes no new work: its peer broke the rules.
    ChannelFrozen {
        /// The channel.
        channel: ChannelId,
    },
    /// We are ready to receive a payment.
    ReceivePrepared {
        /// Its lock hash.
        hash: LockHash,
        /// The secret, if it is ours to settle without asking.
        secret: Option<Secret>,
        /// Exact amount.
        amount_msat: Msat,
        /// Unix milliseconds after which it is refused.
        expires_ms: u64,
    },
    /// The operator gave the secret of a held payment.
    ReceiveSettled {
        /// Its lock hash.
        hash: LockHash,
        /// The secret.
        secret: Secret,
    },
    /// The operator does not want the payment any more.
    ReceiveCancelled {
        /// Its lock hash.
        hash: LockHash,
    },
    /// We consented to a cycle: our amounts are reserved.
    CycleReserved {
        /// The cycle.
        cycle: TransferId,
        /// Its hops.
        plan: CyclePlan,
        /// Who leads.
        leader: NodeId,
        /// Epoch of the plan.
        epoch: Epoch,
        /// Unix milliseconds after which the consent lapses without a Go.
        expires_ms: u64,
    },
    /// The consent lapsed or was withdrawn before any lock.
    CycleLapsed {
        /// The cycle.
        cycle: TransferId,
        /// Unix milliseconds.
        at_ms: u64,
    },
    /// All parties consented; the cycle may lock.
    CycleGo {
        /// The cycle.
        cycle: TransferId,
        /// The opener's lock hash.
        hash: LockHash,
        /// Unix milliseconds.
        at_ms: u64,
    },
    /// We start a payment.
    PaymentStarted {
        /// The payment.
        transfer: TransferId,
        /// Its route.
        route: Route,
        /// The recipient's lock hash.
        hash: LockHash,
        /// Unix milliseconds.
        at_ms: u64,
    },
    /// As high end and payer: we are about to ask the low end for the lock of our outgoing hop.
    LockAsked {
        /// The transfer.
        transfer: TransferId,
    },
    /// We know the secret and stand by it: the incoming hop is claimed, the outgoing one paid. For
    /// the last payer this is the commit point of the whole transfer.
    Committed {
        /// The transfer.
        transfer: TransferId,
        /// The secret.
        secret: Secret,
    },
    /// We will not commit: the incoming hop is given back.
    Aborted {
        /// The transfer.
        transfer: TransferId,
        /// Why.
        reason: Refusal,
    },
    /// As recipient or opener: the secret is about to leave us, to the last payer only.
    Revealed {
        /// The transfer.
        transfer: TransferId,
        /// The secret.
        secret: Secret,
    },
    /// Both our hops ended.
    Closed {
        /// The transfer.
        transfer: TransferId,
        /// How.
        outcome: Outcome,
        /// Unix milliseconds.
        at_ms: u64,
    },
    /// Everything before this record, folded: the first record of a journal that was rotated.
    Snapshot(Box<Snapshot>),
    /// As certified leader: our plan is about to leave. There is never a second one.
    PlanPublished {
        /// The epoch we lead.
        epoch: Epoch,
        /// The round that certified us.
        round: u8,
    },
}

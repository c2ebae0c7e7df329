//! What a node tells whoever watches: the history, metrics, the cluster launcher.
//!
//! Events must never carry secrets or be needed for safety: losing all of them loses no money.

use crate::amount::Msat;
use crate::ids::{ChannelId, Epoch, TransferId};
use crate::message::{Outcome, Refusal};
use debal_crypto::{Digest, NodeId};
use serde::Serialize;

/// One event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    /// A leader is certified.
    EpochCertified {
        /// The epoch.
        epoch: Epoch,
        /// The leader.
        leader: NodeId,
        /// The round.
        round: u8,
        /// Time since the epoch began, milliseconds.
        elapsed_ms: u64,
    },
    /// An epoch ended without a certified leader.
    EpochSkipped {
        /// The epoch.
        epoch: Epoch,
    },
    /// The price rounds for an epoch are over.
    PricesSettled {
        /// The epoch.
        epoch: Epoch,
        /// Rounds this node quoted in.
        rounds: u8,
        /// Neighbours that quoted to it.
        neighbours: u32,
        /// What it said in the end, ppm.
        price_ppm: i64,
    },
    /// This node, as leader, published a plan.
    PlanMade {
        /// The epoch.
        epoch: Epoch,
        /// Cycles in it.
        cycles: u32,
        /// Sum of the cycles' amounts.
        amount_msat: Msat,
    },
    /// A plan arrived and was checked.
    PlanSeen {
        /// The epoch.
        epoch: Epoch,
        /// Its leader.
        leader: NodeId,
        /// Cycles in it.
        cycles: u32,
        /// Cycles of it that name this node.
        ours: u32,
        /// Whether its proof was recomputed: this node holds the very summaries it was made from.
        checked: bool,
    },
    /// The leader gives a cycle up: a party refused or stayed silent.
    CycleRefused {
        /// The cycle.
        cycle: TransferId,
        /// Who refused; `None` if silence ended it.
        node: Option<NodeId>,
        /// Why.
        reason: Refusal,
    },
    /// This node, as opener, saw its cycle end.
    CycleEnded {
        /// The cycle.
        cycle: TransferId,
        /// Its epoch.
        epoch: Epoch,
        /// How.
        outcome: Outcome,
        /// Hops.
        hops: u8,
        /// Amount of the first hop.
        amount_msat: Msat,
        /// What this node paid more than it got.
        fee_msat: Msat,
        /// From Go to the last lock gone, milliseconds.
        duration_ms: u64,
    },
    /// A payment this node sent ended.
    PaymentEnded {
        /// The payment.
        transfer: TransferId,
        /// How.
        outcome: Outcome,
        /// What the recipient got or would have got.
        amount_msat: Msat,
        /// Fee paid.
        fee_msat: Msat,
        /// Hops.
        hops: u8,
        /// From its start to its end here, milliseconds.
        duration_ms: u64,
        /// Why it failed, as far as known.
        reason: Option<Refusal>,
    },
    /// A payment to this node is settled.
    PaymentReceived {
        /// The payment.
        transfer: TransferId,
        /// How much.
        amount_msat: Msat,
        /// Hops of its route.
        hops: u8,
    },
    /// A payment to this node waits for the operator's settle or cancel.
    PaymentHeld {
        /// The payment.
        transfer: TransferId,
        /// How much.
        amount_msat: Msat,
        /// Unix milliseconds by which to decide.
        deadline_ms: u64,
    },
    /// A channel is open.
    ChannelOpened {
        /// The channel.
        channel: ChannelId,
        /// The other end.
        peer: NodeId,
    },
    /// A channel is frozen: its peer broke the rules.
    ChannelFrozen {
        /// The channel.
        channel: ChannelId,
        /// What happened.
        reason: &'static str,
    },
    /// A member is proven to have made two statements that cannot both be honest.
    Accused {
        /// The member.
        node: NodeId,
        /// Kind of statements.
        what: &'static str,
    },
    /// This node began, or stopped, to ask for rebalancing.
    RequestChanged {
        /// Asking now.
        requests: bool,
        /// Why: `kappa`, `theta`, `tau` or `none`.
        reason: &'static str,
    },
    /// A message was refused.
    Rejected {
        /// Who sent it.
        from: NodeId,
        /// Kind of message.
        message: &'static str,
        /// Name of the reason.
        reason: &'static str,
        /// Digest of the message.
        digest: Digest,
    },
}

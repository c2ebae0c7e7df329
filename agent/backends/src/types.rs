//! The nouns of the backend port.
//!
//! Only data: nothing here may decide, and no type may print a secret.

use debal_protocol::message::Refusal;
use debal_protocol::summary::ForwardPolicy;
use debal_protocol::{ChannelId, Digest, LockHash, Msat, NodeId, Secret};
use serde::Serialize;

/// The node behind a backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NodeInfo {
    /// Its identity.
    pub node: NodeId,
    /// Name of the implementation.
    pub implementation: &'static str,
    /// Chain height; `None` without a chain.
    pub height: Option<u32>,
    /// Whether it is ready for payments.
    pub synced: bool,
}

/// One channel, as its owner can use it now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Channel {
    /// The channel.
    pub channel: ChannelId,
    /// The other end.
    pub peer: NodeId,
    /// Total.
    pub capacity_msat: Msat,
    /// Our free balance.
    pub local_msat: Msat,
    /// The peer's free balance.
    pub remote_msat: Msat,
    /// Set aside in open locks, both ways.
    pub locked_msat: Msat,
    /// Largest amount that one payment can send now.
    pub can_send_msat: Msat,
    /// Largest amount that one payment can receive now, as far as this end knows.
    pub can_receive_msat: Msat,
    /// Peer connected and channel not frozen.
    pub usable: bool,
    /// Newest complete state.
    pub seq: u64,
    /// Digest of that state, equal on both ends.
    pub digest: Digest,
}

/// Names an operation for its caller; repeated with the same content it changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct OperationId(pub u64);

/// What to prepare for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receive {
    /// Hash chosen by the caller, who alone knows the secret; `None` lets the node draw and settle.
    pub hash: Option<LockHash>,
    /// Exact amount.
    pub amount_msat: Msat,
    /// Unix milliseconds after which the payment is refused.
    pub expires_ms: u64,
    /// Blocks to hold before settling, on a chain; `None` without one.
    pub hold_blocks: Option<u16>,
}

/// What the payer must know of a prepared receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The lock hash.
    pub hash: LockHash,
    /// Channel alias of an intercepted receive, if the backend uses one.
    pub alias: Option<ChannelId>,
}

/// One hop of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathHop {
    /// Over this channel.
    pub channel: ChannelId,
    /// To this node.
    pub to: NodeId,
    /// This much crosses the channel.
    pub amount_msat: Msat,
    /// Timelock delta of the hop, on a chain; 0 without one.
    pub cltv_delta: u16,
}

/// An explicit payment. The first payer is this node; the last payee may be this node too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendAlong {
    /// Names the operation.
    pub operation: OperationId,
    /// The recipient's hash.
    pub hash: LockHash,
    /// The hops in payment order.
    pub hops: Vec<PathHop>,
    /// Refuse if the route costs more.
    pub max_fee_msat: Msat,
}

/// A payment was taken on. It is not paid yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The payment is new; `false` if the same operation was taken on before.
    pub new: bool,
}

/// A forward that waits for a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HtlcKey {
    /// Channel it came in by.
    pub channel: ChannelId,
    /// Its number in that channel.
    pub htlc: u64,
}

/// The decision on a forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forward {
    /// Pass this much on.
    Pass {
        /// Amount that leaves.
        amount_msat: Msat,
    },
    /// Give it back.
    Refuse,
}

/// What became of a payment we sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PaymentState {
    /// Never heard of. Only before `send_along` said `Ok` may this be read as "not sent".
    Unknown,
    /// Under way.
    InFlight,
    /// Paid.
    Settled {
        /// The secret, where [`crate::Caps::shows_secret`].
        secret: Option<Secret>,
        /// What the route cost.
        fee_msat: Msat,
    },
    /// Every lock is back.
    Failed {
        /// The hop that refused, if known.
        hop: Option<u8>,
        /// Why, if known.
        reason: Option<Refusal>,
    },
}

impl std::fmt::Display for PaymentState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Unknown => "unknown",
            Self::InFlight => "under way",
            Self::Settled { .. } => "settled",
            Self::Failed { .. } => "failed",
        })
    }
}

/// What became of a prepared receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receipt {
    /// Nothing arrived yet.
    Open,
    /// The amount is locked to us and waits for settle or cancel.
    Held {
        /// How much.
        amount_msat: Msat,
        /// By when to decide: height on a chain, else Unix milliseconds.
        deadline: u64,
    },
    /// Ours.
    Settled,
    /// Given back, or never to be taken.
    Cancelled,
}

/// Changes to a policy; `None` keeps what is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PolicyPatch {
    /// Fixed fee, msat.
    pub base_msat: Option<u32>,
    /// Proportional fee, millionths.
    pub ppm: Option<u32>,
    /// Smallest payment.
    pub min_msat: Option<Msat>,
    /// Largest payment.
    pub max_msat: Option<Msat>,
    /// Switch forwarding off or on.
    pub disabled: Option<bool>,
    /// Timelock delta, on a chain.
    pub cltv_delta: Option<u16>,
    /// Fixed fee on the way in, where [`crate::Caps::inbound_fee`].
    pub inbound_base_msat: Option<i32>,
    /// Proportional fee on the way in, where [`crate::Caps::inbound_fee`].
    pub inbound_ppm: Option<i32>,
}

impl PolicyPatch {
    /// `policy` with the changes applied.
    #[must_use]
    pub fn applied_to(&self, policy: ForwardPolicy) -> ForwardPolicy {
        ForwardPolicy {
            base_msat: self.base_msat.unwrap_or(policy.base_msat),
            ppm: self.ppm.unwrap_or(policy.ppm),
            min_msat: self.min_msat.unwrap_or(policy.min_msat),
            max_msat: self.max_msat.unwrap_or(policy.max_msat),
            disabled: self.disabled.unwrap_or(policy.disabled),
        }
    }
}

/// A place in the stream of events. The default is the oldest event still known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Cursor(pub u64);

/// What happened, as far as a backend's caller must know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackendEvent {
    /// A payment we sent ended.
    PaymentEnded {
        /// Its hash.
        hash: LockHash,
        /// How; never `Unknown` or `InFlight`.
        state: PaymentState,
    },
    /// A payment is locked to us.
    ReceiveHeld {
        /// Its hash.
        hash: LockHash,
        /// How much.
        amount_msat: Msat,
        /// By when to decide.
        deadline: u64,
    },
    /// A payment to us is settled.
    Received {
        /// Its hash.
        hash: LockHash,
        /// How much.
        amount_msat: Msat,
    },
    /// A forward waits for [`crate::ChannelBackend::decide_forward`].
    ForwardAsked {
        /// Which.
        key: HtlcKey,
        /// How much came in.
        amount_msat: Msat,
    },
    /// A channel can be used.
    ChannelOpened(ChannelId),
    /// A channel cannot be used any more.
    ChannelLost(ChannelId),
    /// So many events fell out of the buffer before they were read.
    Missed(u64),
}

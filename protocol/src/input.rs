//! Everything that can happen to a node.
//!
//! Inputs are facts, never wishes: messages arrive verified, times arrive as an argument beside the
//! input. Nothing outside this enum may change a node's state.

use crate::amount::Msat;
use crate::channel::ChannelTerms;
use crate::ids::{ChannelId, Epoch, TransferId};
use crate::plan::{Hop, LeaderPlan};
use crate::steer::Steer;
use crate::summary::ForwardPolicy;
use crate::wire::Verified;
use debal_crypto::{Binding, LockHash, NodeId, Secret};
use serde::{Deserialize, Serialize};

/// One input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The journal has been replayed and the network is up.
    Start,
    /// A verified message arrived.
    Message(Verified),
    /// A connection to this member exists.
    PeerUp(NodeId),
    /// The last connection to this member is gone.
    PeerDown(NodeId),
    /// A timer set earlier is due.
    Wake(Timer),
    /// The planner answers [`crate::effect::Effect::MakePlan`].
    PlanMade {
        /// Epoch of the request.
        epoch: Epoch,
        /// Round of the request.
        round: u8,
        /// The cycles and how good they are.
        made: LeaderPlan,
    },
    /// How much room the journal has. While it is low nothing new is begun; what is open is
    /// finished.
    JournalSpace {
        /// Whether the disk gives no more and the reserve is being used.
        low: bool,
    },
    /// The operator, or the agent on its behalf, asks for something.
    Operator {
        /// Comes back with the answer.
        ticket: Ticket,
        /// What is asked.
        request: Operator,
    },
}

/// Names an operator's request until its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// Timers. Setting one again moves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// Next step of the election's timetable.
    Election,
    /// A new summary is due.
    Summary,
    /// Something sent to this channel's peer is unanswered.
    Channel(ChannelId),
    /// A transfer has a deadline or an unanswered claim.
    Transfer(TransferId),
    /// The leader's wait for consents to a cycle ends.
    Accepts(TransferId),
    /// The next price round.
    Quotes,
}

/// What an operator can ask the core to change. Reading needs no input: see
/// [`crate::Node::status`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operator {
    /// Agree in advance to a channel its peer will propose. Answered at once.
    ExpectChannel(OpenChannel),
    /// Propose a channel its peer expects. Answered when both have signed.
    OpenChannel(OpenChannel),
    /// Change our forwarding policy of a channel.
    SetPolicy {
        /// The channel.
        channel: ChannelId,
        /// The new policy.
        policy: ForwardPolicy,
    },
    /// Prepare to receive a payment. Answered with the lock hash.
    PrepareReceive {
        /// Lock hash chosen by the caller, who alone knows the secret (hold), or `None`: we draw
        /// one and settle by ourselves.
        hash: Option<LockHash>,
        /// Exact amount.
        amount_msat: Msat,
        /// Unix milliseconds after which it is refused.
        expires_ms: u64,
        /// Makes the drawn secret unique.
        nonce: u64,
    },
    /// Send along explicit hops. Answered when started; the outcome is an event.
    SendAlong {
        /// Hops in payment order. The first payer is this node; the last payee may be this node
        /// too.
        hops: Vec<Hop>,
        /// The recipient's lock hash.
        hash: LockHash,
    },
    /// Settle a held receive. Repeatable.
    Settle(Secret),
    /// Cancel a receive. Repeatable; refused once settled.
    Cancel(LockHash),
    /// Take part in rebalancing, or stop. Open cycles are finished.
    SetRebalancing(bool),
    /// Use these figures for a channel end instead of the configured ones, or those again.
    Steer {
        /// The channel.
        channel: ChannelId,
        /// The figures; `None` takes them back.
        steer: Option<Steer>,
    },
    /// Vouch for a newcomer with which we share a channel. Answered when everyone has been told; it
    /// acts once a record carries it.
    Sponsor {
        /// The newcomer's VRF key, bound by its identity.
        binding: Binding,
        /// The weight it asks for, satoshi; clipped to what our channels with it hold.
        weight: u64,
    },
    /// Say goodbye to the roster. Channels and payments go on.
    Leave,
}

impl Operator {
    /// Whether this begins something new, as opposed to finishing or changing what is there.
    #[must_use]
    pub const fn begins_work(&self) -> bool {
        matches!(
            self,
            Self::ExpectChannel(_)
                | Self::OpenChannel(_)
                | Self::PrepareReceive { .. }
                | Self::SendAlong { .. }
        )
    }
}

/// The agreed beginning of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenChannel {
    /// Terms.
    pub terms: ChannelTerms,
    /// What the low end starts with; the high end has the rest.
    pub low_msat: Msat,
    /// Our own forwarding policy.
    pub policy: ForwardPolicy,
}

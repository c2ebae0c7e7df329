//! Everything one node can say to another.
//!
//! A message must never be acted on before [`crate::wire`] has bounded, decoded, canonicalised and
//! verified it. Each kind has a size cap and a place where it may travel.

use crate::bounded::Bounded;
use crate::channel::{Change, ChannelTerms, LockKey, SignedState};
use crate::election::{Certificate, Claim, Endorse, Tip};
use crate::ids::{ChannelId, TransferId};
use crate::limits;
use crate::market::Quote;
use crate::plan::{Accept, Go, Plan};
use crate::roster::RosterChange;
use crate::summary::{ForwardPolicy, Summary};
use debal_crypto::{Digest, Secret, Signature};
use serde::{Deserialize, Serialize};

/// How a message travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Travel {
    /// Gossip of balance summaries.
    Summaries,
    /// Gossip of claims, endorsements, roster changes, evidence.
    Election,
    /// Gossip of plans.
    Plans,
    /// Gossip of receipts.
    Receipts,
    /// From one node to one other node.
    Direct,
}

/// Why a party will not take part in a cycle, a lock or an opening. Named, never silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Refusal {
    /// The channel is not one of ours, or not with that peer.
    UnknownChannel,
    /// The channel waits for its peer or is frozen.
    ChannelUnusable,
    /// Our free balance above floor and reserve does not carry the amount.
    Insufficient,
    /// Receiving the amount would leave our band.
    OverTarget,
    /// Below the smallest or above the largest lock we accept.
    AmountOutOfRange,
    /// The fee leaves us worse off than our price or budget allows.
    Fee,
    /// Our rebalancing budget for the hour or the day is spent.
    Budget,
    /// Too many locks or too much exposure to this counterparty.
    Exposure,
    /// Too many cycles of this leader or in this epoch.
    TooManyCycles,
    /// The deadline is too near, too far, or does not fall by the gap.
    Deadline,
    /// The plan expired, or its epoch is over.
    Expired,
    /// Nothing is known of this transfer.
    UnknownTransfer,
    /// Rebalancing is switched off here.
    Disabled,
    /// The journal is low on space: only open work is finished.
    Space,
    /// Our clock and the network's differ too much.
    ClockSkew,
    /// The plan names us in a way that contradicts itself.
    Malformed,
    /// The channel holds as many locks as it may; room comes when some of them end.
    NoSlots,
    /// A cycle moved liquidity between these two channels the other way a short while ago.
    CoolDown,
}

/// How a transfer ended, for receipts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Outcome {
    /// Every hop settled.
    Committed,
    /// No hop settled; all locks are back.
    RolledBack,
}

/// The messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// Gossip: balances in buckets.
    Summary(Summary),
    /// Gossip: a claim to lead.
    Claim(Claim),
    /// Gossip: a vote with its claim.
    Endorse(Endorse),
    /// Gossip: a request to join or leave.
    RosterChange(RosterChange),
    /// Gossip: two statements of one member that cannot both be honest, as sealed envelopes or
    /// self-authenticating claims. Verified by [`crate::election`]'s evidence rules.
    Evidence(crate::evidence::Evidence),
    /// Gossip: the leader's plan.
    Plan(Plan),
    /// Gossip: how a transfer ended, from its opener.
    Receipt {
        /// The transfer.
        transfer: TransferId,
        /// How it ended.
        outcome: Outcome,
    },
    /// Direct, to the leader: consent.
    Accept(Accept),
    /// Direct, to the leader: no consent, with the reason.
    Refuse {
        /// The cycle.
        cycle: TransferId,
        /// Why.
        reason: Refusal,
    },
    /// Direct, leader to parties: all accepted.
    Go(Go),
    /// Direct: one end of a new channel proposes it, with its signature on state 1.
    OpenChannel {
        /// Terms.
        terms: ChannelTerms,
        /// What the low end starts with; the high end has the rest.
        low_msat: crate::amount::Msat,
        /// The proposer's forwarding policy.
        policy: ForwardPolicy,
        /// The proposer's signature on the first state.
        signature: Signature,
    },
    /// Direct: the other end agrees, with its own signature.
    ChannelOpened {
        /// The channel.
        channel: ChannelId,
        /// The acceptor's forwarding policy.
        policy: ForwardPolicy,
        /// The acceptor's signature on the first state.
        signature: Signature,
    },
    /// Direct, high end to low end: please include these changes in the next state.
    Request {
        /// The channel.
        channel: ChannelId,
        /// The changes.
        changes: Bounded<Change, { limits::REQUEST_CHANGES_MAX }>,
    },
    /// Direct, low end to high end: the next state, half-signed.
    Propose {
        /// The channel.
        channel: ChannelId,
        /// Its sequence number.
        seq: u64,
        /// What changes.
        changes: Bounded<Change, { limits::PROPOSAL_CHANGES_MAX }>,
        /// The low end's signature on the new state.
        signature: Signature,
    },
    /// Direct, high end to low end: the state is complete.
    Countersign {
        /// The channel.
        channel: ChannelId,
        /// The sequence number.
        seq: u64,
        /// The high end's signature on the new state.
        signature: Signature,
    },
    /// Direct, on every reconnect, both ways: the newest complete state I hold.
    Sync {
        /// The channel.
        channel: ChannelId,
        /// The state.
        newest: SignedState,
    },
    /// Direct, payee to payer: here is the secret, pay this hop.
    ClaimHop {
        /// Channel of the hop.
        channel: ChannelId,
        /// The lock.
        key: LockKey,
        /// The secret.
        secret: Secret,
    },
    /// Direct: which record follows this tip? Sent when a claim builds on a tip we do not hold.
    TipRequest {
        /// Digest of the tip asked for.
        tip: Digest,
    },
    /// Direct: the tip asked for, as the tip before it and the certificate that made it.
    TipReply {
        /// The tip before.
        base: Tip,
        /// The certificate of the record.
        certificate: Certificate,
    },
    /// Direct: one price round, from a member to a neighbour.
    Quote(Quote),
}

impl Message {
    /// Where this kind may travel. A message that arrives another way is refused.
    #[must_use]
    pub const fn travel(&self) -> Travel {
        match self {
            Self::Summary(_) => Travel::Summaries,
            Self::Claim(_) | Self::Endorse(_) | Self::RosterChange(_) | Self::Evidence(_) => {
                Travel::Election
            }
            Self::Plan(_) => Travel::Plans,
            Self::Receipt { .. } => Travel::Receipts,
            _ => Travel::Direct,
        }
    }

    /// Largest sealed envelope of this kind, bytes.
    #[must_use]
    pub const fn max_bytes(&self) -> usize {
        match self {
            // A tip carries the whole roster.
            Self::TipReply { .. } => limits::ENVELOPE_MAX_BYTES,
            Self::Quote(_) => limits::QUOTE_MAX_BYTES,
            _ => self.travel().max_bytes(),
        }
    }

    /// Short name for logs, metrics and refusals.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Summary(_) => "summary",
            Self::Claim(_) => "claim",
            Self::Endorse(_) => "endorse",
            Self::RosterChange(_) => "roster_change",
            Self::Evidence(_) => "evidence",
            Self::Plan(_) => "plan",
            Self::Receipt { .. } => "receipt",
            Self::Accept(_) => "accept",
            Self::Refuse { .. } => "refuse",
            Self::Go(_) => "go",
            Self::OpenChannel { .. } => "open_channel",
            Self::ChannelOpened { .. } => "channel_opened",
            Self::Request { .. } => "request",
            Self::Propose { .. } => "propose",
            Self::Countersign { .. } => "countersign",
            Self::Sync { .. } => "sync",
            Self::ClaimHop { .. } => "claim_hop",
            Self::TipRequest { .. } => "tip_request",
            Self::TipReply { .. } => "tip_reply",
            Self::Quote(_) => "quote",
        }
    }
}

impl Travel {
    /// Largest sealed envelope on this way, bytes.
    #[must_use]
    pub const fn max_bytes(self) -> usize {
        match self {
            Self::Summaries => limits::SUMMARY_MAX_BYTES,
            Self::Election => limits::ELECTION_MAX_BYTES,
            Self::Plans => limits::PLAN_MAX_BYTES,
            Self::Receipts => limits::RECEIPT_MAX_BYTES,
            Self::Direct => limits::DIRECT_MAX_BYTES,
        }
    }
}

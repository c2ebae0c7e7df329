//! Everything a node must still know after a crash, and the one fold that changes it.
//!
//! [`Durable::apply`] is the only writer, live and at replay: the state after a replay is the state
//! before the crash (I17). It must never emit an effect, and it checks what a record claims instead
//! of trusting it: a record that does not fit stops the node.

mod channels;
mod transfers;

use crate::amount::Msat;
use crate::channel::{Channel, StateError};
use crate::ids::{ChannelId, Epoch, TransferId};
use crate::input::OpenChannel;
use crate::journal::Record;
use crate::transfer::{Kind, LegStatus, Transfer};
use debal_crypto::{LockHash, NodeId, Secret};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A receive we prepared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receive {
    /// The secret, once it is ours to use.
    pub secret: Option<Secret>,
    /// Exact amount.
    pub amount_msat: Msat,
    /// Unix milliseconds after which it is refused.
    pub expires_ms: u64,
    /// The transfer that pays it; one hash is used by one transfer for ever.
    pub transfer: Option<TransferId>,
    /// The operator does not want it any more.
    pub cancelled: bool,
}

/// A fee spent on a cycle, for the budgets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    /// Unix milliseconds.
    pub at_ms: u64,
    /// How much.
    pub fee_msat: Msat,
}

/// Why a record does not fit the state it is applied to. At replay: the journal is not ours or was
/// written by a defect. Live: a defect. Either way the node stops.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// A record names a channel that is not there.
    #[error("record names unknown channel {0}")]
    NoChannel(ChannelId),
    /// A record names a transfer that is not there.
    #[error("record names unknown transfer {0}")]
    NoTransfer(TransferId),
    /// A channel state cannot follow.
    #[error("channel {channel}: {error}")]
    State {
        /// The channel.
        channel: ChannelId,
        /// Why.
        error: StateError,
    },
    /// Something happens a second time, or in an order that cannot be.
    #[error("{0}")]
    Order(&'static str),
}

/// The durable state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Durable {
    /// This node.
    pub node: NodeId,
    /// Open channels.
    pub channels: BTreeMap<ChannelId, Channel>,
    /// Channels we agreed to or proposed, not open yet.
    pub openings: BTreeMap<ChannelId, Opening>,
    /// Transfers, open and recently done.
    pub transfers: BTreeMap<TransferId, Transfer>,
    /// Receives.
    pub receives: BTreeMap<LockHash, Receive>,
    /// Newest summary sequence number used.
    pub summary_seq: u64,
    /// Whether we take part in rebalancing.
    pub rebalancing: bool,
    /// Cycle fees of the last day.
    pub spent: Vec<Spent>,
    /// Epoch and round of the newest plan we published as leader.
    pub led: Option<(Epoch, u8)>,
}

/// A channel on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// What was agreed.
    pub open: OpenChannel,
    /// Whether we proposed it (and wait for the peer) or expect its proposal.
    pub proposed_by_us: bool,
}

impl Durable {
    /// Nothing has happened yet.
    #[must_use]
    pub const fn new(node: NodeId, rebalancing: bool) -> Self {
        Self {
            node,
            channels: BTreeMap::new(),
            openings: BTreeMap::new(),
            transfers: BTreeMap::new(),
            receives: BTreeMap::new(),
            summary_seq: 0,
            rebalancing,
            spent: Vec::new(),
            led: None,
        }
    }

    /// Makes one fact part of the state.
    ///
    /// # Errors
    /// [`ApplyError`] if the fact does not fit; the state is then not to be used any more.
    pub fn apply(&mut self, record: &Record) -> Result<(), ApplyError> {
        match record {
            Record::SummarySent { seq } => self.on_summary_sent(*seq),
            Record::Rebalancing(on) => {
                self.rebalancing = *on;
                Ok(())
            }
            Record::ChannelExpected(open) => self.on_opening(open, false),
            Record::ChannelOpening(open) => self.on_opening(open, true),
            Record::ChannelOpened { opening, peer_policy, state } => {
                self.on_opened(opening, *peer_policy, state)
            }
            Record::PolicySet { channel, policy } => {
                self.channel_mut(*channel)?.our_policy = *policy;
                Ok(())
            }
            Record::Proposed { channel, changes, signature } => {
                self.on_proposed(*channel, changes, *signature)
            }
            Record::Countersigned { channel, signature } => {
                self.on_countersigned(*channel, *signature)
            }
            Record::Completed { channel, changes, low, high } => {
                self.on_completed(*channel, changes, *low, *high)
            }
            Record::Adopted { channel, state } => self.on_adopted(*channel, state),
            Record::AddRefused { channel, key, deadline_ms } => {
                self.channel_mut(*channel)?.ended.insert(*key, *deadline_ms);
                Ok(())
            }
            Record::ChannelFrozen { channel } => {
                self.channel_mut(*channel)?.frozen = true;
                Ok(())
            }
            Record::Snapshot(_) => Err(ApplyError::Order("a snapshot is the node's to take")),
            Record::PlanPublished { epoch, round } => self.on_plan_published((*epoch, *round)),
            other => self.apply_to_transfers(other),
        }
    }

    fn on_plan_published(&mut self, place: (Epoch, u8)) -> Result<(), ApplyError> {
        if self.led >= Some(place) {
            return Err(ApplyError::Order("a leader publishes one plan, in rising epochs"));
        }
        self.led = Some(place);
        Ok(())
    }

    fn on_summary_sent(&mut self, seq: u64) -> Result<(), ApplyError> {
        if seq <= self.summary_seq {
            return Err(ApplyError::Order("summary sequence numbers must rise"));
        }
        self.summary_seq = seq;
        Ok(())
    }

    /// Promised to consented cycles on this channel and not locked yet.
    #[must_use]
    pub fn reserved_msat(&self, channel: ChannelId) -> Msat {
        self.open_transfers()
            .filter_map(|(_, transfer)| transfer.outgoing)
            .filter(|leg| leg.channel == channel)
            .filter(|leg| matches!(leg.status, LegStatus::Waiting | LegStatus::Asked))
            .fold(Msat::ZERO, |sum, leg| sum.plus_capped(leg.amount_msat))
    }

    /// Transfers that are not over.
    pub fn open_transfers(&self) -> impl Iterator<Item = (&TransferId, &Transfer)> {
        self.transfers.iter().filter(|(_, transfer)| !transfer.is_done())
    }

    /// Cycle fees spent since `since_ms`, and reserved by open cycles.
    #[must_use]
    pub fn fees_since(&self, since_ms: u64) -> Msat {
        let spent = self.spent.iter().filter(|spent| spent.at_ms >= since_ms);
        let spent = spent.fold(Msat::ZERO, |sum, spent| sum.plus_capped(spent.fee_msat));
        self.open_transfers()
            .filter(|(_, transfer)| matches!(transfer.kind, Kind::Cycle { .. }))
            .fold(spent, |sum, (_, transfer)| sum.plus_capped(transfer.net_fee_msat()))
    }

    fn channel_mut(&mut self, channel: ChannelId) -> Result<&mut Channel, ApplyError> {
        self.channels.get_mut(&channel).ok_or(ApplyError::NoChannel(channel))
    }

    fn transfer_mut(&mut self, transfer: TransferId) -> Result<&mut Transfer, ApplyError> {
        self.transfers.get_mut(&transfer).ok_or(ApplyError::NoTransfer(transfer))
    }
}

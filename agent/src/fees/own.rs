//! The agent's own ledger channels as a node whose fees are managed.
//!
//! It must never say more than the core knows: the ledger has no chain, no inbound fees and no time
//! locks, and a rule that asks for them is refused by name.

use crate::driver::DriverHandle;
use async_trait::async_trait;
use debal_backends::ledger::PortError;
use debal_fees::state::{
    Alternative, Channel, Constraints, FailedForward, Funds, Lack, Node as FeeSide, NodeState,
    Peer, Policy, Switches,
};
use debal_fees::{Needs, PolicyUpdate, Status};
use debal_fees_history::ForwardRow;
use debal_fees_manager::{FeeNode, NodeError, Target};
use debal_protocol::channel::Channel as Held;
use debal_protocol::input::Operator;
use debal_protocol::message::{Outcome, Refusal};
use debal_protocol::summary::{ChannelSummary, ForwardPolicy, Summary};
use debal_protocol::transfer::{Decision, Kind, Stage, Transfer};
use debal_protocol::{ChannelId, Msat, Node, NodeId, Now};
use std::collections::BTreeMap;

/// The version the rules see: all that LND 0.18 can, but for inbound fees.
const VERSION: &str = "0.18.0";

/// The ledger behind a driver.
#[derive(Clone)]
pub struct OwnNode {
    driver: DriverHandle,
    node: NodeId,
}

impl OwnNode {
    /// The ledger of this node.
    #[must_use]
    pub const fn new(driver: DriverHandle, node: NodeId) -> Self {
        Self { driver, node }
    }

    async fn set(&self, chan_id: u64, policy: ForwardPolicy) -> Result<(), NodeError> {
        let request = Operator::SetPolicy { channel: ChannelId(chan_id), policy };
        self.driver.operator(request).await.map(drop).map_err(told)
    }

    async fn held(&self, chan_id: u64) -> Result<ForwardPolicy, NodeError> {
        let find = move |node: &Node, _| {
            node.durable().channels.get(&ChannelId(chan_id)).map(|held| held.our_policy)
        };
        let found = self.driver.look(find).await.map_err(told)?;
        found.ok_or_else(|| NodeError::Missing(ChannelId(chan_id).to_string()))
    }
}

#[async_trait]
impl FeeNode for OwnNode {
    async fn state(&self, now_s: i64, _needs: &Needs) -> Result<NodeState, NodeError> {
        // Everything is in memory: leaving something out would save nothing.
        let own = self.node;
        self.driver.look(move |node, now| state_of(node, now, own, now_s)).await.map_err(told)
    }

    async fn forwards(&self, from_s: i64, to_s: i64) -> Result<Vec<ForwardRow>, NodeError> {
        let read = move |node: &Node, _| {
            let transfers = node.durable().transfers.iter();
            let mut rows: Vec<ForwardRow> = transfers
                .filter_map(|(id, transfer)| forward_of(&id.0.0, transfer))
                .filter(|row| (from_s..=to_s).contains(&(row.timestamp_ns / 1_000_000_000)))
                .collect();
            rows.sort_by_key(|row| row.timestamp_ns);
            rows
        };
        self.driver.look(read).await.map_err(told)
    }

    async fn update(&self, target: Target<'_>, update: &PolicyUpdate) -> Result<(), NodeError> {
        let held = self.held(target.chan_id).await?;
        self.set(target.chan_id, updated(held, update)?).await
    }

    async fn switch(&self, target: Target<'_>, status: Status) -> Result<(), NodeError> {
        let held = self.held(target.chan_id).await?;
        let disabled = matches!(status, Status::Disable);
        self.set(target.chan_id, ForwardPolicy { disabled, ..held }).await
    }

    async fn policy(&self, chan_id: u64) -> Result<Option<Policy>, NodeError> {
        self.held(chan_id).await.map(|held| Some(policy(&held)))
    }
}

/// What the update makes of a policy.
fn updated(held: ForwardPolicy, update: &PolicyUpdate) -> Result<ForwardPolicy, NodeError> {
    if update.inbound_base_fee_msat != 0 || update.inbound_fee_ppm != 0 {
        return Err(NodeError::Refused("the ledger has no inbound fees".to_owned()));
    }
    let range = |name: &str| NodeError::Refused(format!("{name} is out of range"));
    let amount = |value: i128, name| {
        u64::try_from(value).ok().filter(|v| *v <= Msat::MAX.0).map(Msat).ok_or_else(|| range(name))
    };
    Ok(ForwardPolicy {
        base_msat: u32::try_from(update.base_fee_msat).map_err(|_| range("base_fee_msat"))?,
        ppm: u32::try_from(update.fee_ppm).map_err(|_| range("fee_ppm"))?,
        min_msat: match update.min_htlc_msat {
            Some(least) => amount(least, "min_htlc_msat")?,
            None => held.min_msat,
        },
        max_msat: match update.max_htlc_msat {
            0 => held.max_msat,
            most => amount(most, "max_htlc_msat")?,
        },
        disabled: held.disabled,
    })
}

fn told(error: PortError) -> NodeError {
    match error {
        // Nothing was taken; the next pass tries again.
        PortError::Busy => NodeError::Refused(error.to_string()),
        PortError::Stopped => NodeError::Unavailable("the agent is stopping".to_owned()),
        PortError::Lost => NodeError::Unknown("the agent stopped before it answered".to_owned()),
        PortError::Refused(why) => NodeError::Refused(why.to_string()),
    }
}

/// The node as rules see it.
fn state_of(node: &Node, now: Now, own: NodeId, now_s: i64) -> NodeState {
    let summaries: BTreeMap<NodeId, Summary> = node.summaries().into_iter().collect();
    let held = &node.durable().channels;
    let peers = held.values().map(|channel| {
        let peer = channel.peer();
        (peer.to_string(), peer_of(peer, own, &summaries))
    });
    let peers = peers.collect();
    let status = node.status(now).channels;
    let up =
        |id: &ChannelId| status.iter().any(|channel| channel.channel == *id && channel.peer_up);
    let channels = held.iter().map(|(id, channel)| channel_of(*id, channel, up(id))).collect();
    let failed = node.durable().transfers.values().filter_map(failed_of).collect();
    NodeState {
        node: FeeSide {
            pubkey: own.to_string(),
            alias: String::new(),
            version: VERSION.to_owned(),
            supports_inbound_fees: false,
            accept_positive_inbound_fees: false,
            time_lock_delta_range: (0, 65_535),
            block_height: 0,
            now: now_s,
            synced_to_chain: true,
            fee_estimates_sat_per_kw: BTreeMap::new(),
            transactions: Vec::new(),
            peers,
            forwards: Vec::new(),
            failed_forwards: failed,
            lacks: [Lack::InboundFees, Lack::TimeLockDelta].into(),
        },
        channels,
        circuitbreaker: None,
    }
}

/// What the network's summaries say about a peer, and who else has a channel into it.
fn peer_of(peer: NodeId, own: NodeId, summaries: &BTreeMap<NodeId, Summary>) -> Peer {
    let its: Vec<&ChannelSummary> =
        summaries.get(&peer).into_iter().flat_map(|summary| summary.channels.iter()).collect();
    let capacity = its.iter().fold(Msat::ZERO, |sum, end| sum.plus_capped(end.capacity_msat));
    let others = summaries.iter().filter(|(node, _)| **node != own && **node != peer);
    let into = others.flat_map(|(_, summary)| summary.channels.iter());
    let alternatives = into.filter(|end| end.peer == peer).map(|end| Alternative {
        capacity: sat(end.capacity_msat),
        fee_ppm: i64::from(end.policy.ppm),
        disabled: end.policy.disabled,
    });
    Peer {
        alias: String::new(),
        num_channels: i64::try_from(its.len()).unwrap_or(i64::MAX),
        total_capacity: sat(capacity),
        alternatives: Some(alternatives.collect()),
    }
}

fn channel_of(id: ChannelId, held: &Held, peer_up: bool) -> Channel {
    let reserve = sat(held.terms.reserve_msat);
    let limits = |policy: &ForwardPolicy| Constraints {
        chan_reserve_sat: reserve,
        min_htlc_msat: signed(policy.min_msat),
        max_pending_amt_msat: signed(held.terms.capacity_msat),
    };
    Channel {
        chan_id: id.0,
        channel_point: format!("{id}:0"),
        remote_pubkey: held.peer().to_string(),
        active: peer_up && !held.frozen,
        private: false,
        initiator: false,
        funds: Funds {
            capacity: sat(held.terms.capacity_msat),
            local_balance: sat(held.local_msat()),
            remote_balance: sat(held.remote_msat()),
            commit_fee: 0,
            pending_htlcs: Vec::new(),
        },
        local_constraints: limits(&held.our_policy),
        remote_constraints: limits(&held.peer_policy),
        local_policy: policy(&held.our_policy),
        remote_policy: Some(policy(&held.peer_policy)),
        switches: Switches::default(),
        fee_trials: Vec::new(),
    }
}

fn policy(held: &ForwardPolicy) -> Policy {
    Policy {
        base_fee_msat: i64::from(held.base_msat),
        fee_ppm: i64::from(held.ppm),
        inbound_base_fee_msat: 0,
        inbound_fee_ppm: 0,
        time_lock_delta: 0,
        min_htlc_msat: signed(held.min_msat),
        max_htlc_msat: signed(held.max_msat),
        disabled: held.disabled,
    }
}

/// A payment that went through us. The moment is made unique by the transfer's id, so that a
/// forward told twice counts once.
fn forward_of(id: &[u8; 32], transfer: &Transfer) -> Option<ForwardRow> {
    let Stage::Done { outcome: Outcome::Committed, at_ms } = transfer.stage else { return None };
    let (Kind::Payment, Some(into), Some(out)) =
        (transfer.kind, transfer.incoming, transfer.outgoing)
    else {
        return None;
    };
    let [a, b, c, ..] = *id;
    let within_ns = i64::from(u32::from_be_bytes([0, a, b, c])) % 1_000_000;
    let (in_msat, out_msat) = (signed(into.amount_msat), signed(out.amount_msat));
    Some(ForwardRow {
        timestamp_ns: i64::try_from(at_ms).ok()?.checked_mul(1_000_000)?.checked_add(within_ns)?,
        channel_in: into.channel.0,
        channel_out: out.channel.0,
        in_msat,
        out_msat,
        fee_msat: in_msat.saturating_sub(out_msat),
    })
}

/// A payment that we should have passed on and could not for want of balance.
fn failed_of(transfer: &Transfer) -> Option<FailedForward> {
    let (Stage::Done { at_ms, .. }, Kind::Payment) = (transfer.stage, transfer.kind) else {
        return None;
    };
    let (Some(_), Some(out)) = (transfer.incoming, transfer.outgoing) else { return None };
    let short = matches!(transfer.decision, Decision::Abort(Refusal::Insufficient));
    short.then(|| FailedForward {
        timestamp: i64::try_from(at_ms / 1_000).unwrap_or(i64::MAX),
        chan_id_out: out.channel.0,
        amt_msat: signed(out.amount_msat),
    })
}

fn sat(amount: Msat) -> i64 {
    i64::try_from(amount.0 / 1_000).unwrap_or(i64::MAX)
}

fn signed(amount: Msat) -> i64 {
    i64::try_from(amount.0).unwrap_or(i64::MAX)
}

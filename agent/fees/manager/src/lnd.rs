//! LND as a node whose fees are managed.
//!
//! It must never turn a lost answer into a refusal, or leave out a channel because the graph does
//! not know it.

use crate::error::NodeError;
use crate::node::{Failures, FeeNode, Target};
use async_trait::async_trait;
use debal_fees::state::{
    Alternative, Channel, Constraints, Funds, Node, NodeState, Peer, PendingHtlc, Policy, Switches,
    Transaction,
};
use debal_fees::{Needs, PolicyUpdate, Status};
use debal_fees_history::{FailedForward, ForwardRow};
use debal_lnd::{
    ChannelFees, Edge, Error, Feature, HistoryQuery, HtlcEvent, HtlcEventKind, HtlcKind,
    HtlcLimits, Identity, InboundFee, Lnd, NodeKey, StatusAction, Version,
};
use futures::StreamExt;
use std::collections::BTreeMap;

/// An LND node.
#[derive(Debug)]
pub struct LndNode {
    lnd: Lnd,
    own: NodeKey,
    /// The operator says that the node runs with `accept-positive-inbound-fees`: no call tells.
    accepts_positive_inbound: bool,
}

impl LndNode {
    /// Connects: asks the node who it is.
    ///
    /// # Errors
    /// [`NodeError`] if it does not say.
    pub async fn connect(lnd: Lnd, accepts_positive_inbound: bool) -> Result<Self, NodeError> {
        let own = lnd.get_info().await.map_err(told)?.node;
        Ok(Self { lnd, own, accepts_positive_inbound })
    }

    async fn node(
        &self,
        identity: &Identity,
        needs: &Needs,
        now_s: i64,
    ) -> Result<Node, NodeError> {
        let version = identity.version;
        let least = if version >= Version::new(0, 21, 0) { 24 } else { 18 };
        let mut estimates = BTreeMap::new();
        for &target in &needs.fee_targets {
            match self.lnd.estimate_fee(target).await {
                Ok(estimate) => {
                    estimates.insert(target, signed(estimate.sat_per_kw));
                }
                // No estimate is no reason to leave every channel alone.
                Err(error) if told(error.clone()).ends_run() => return Err(told(error)),
                Err(error) => tracing::debug!(target, %error, "no fee estimate"),
            }
        }
        let transactions = match needs.transactions {
            true => self.lnd.get_transactions(0, -1).await.map_err(told)?,
            false => Vec::new(),
        };
        let mined = |transaction: &debal_lnd::Transaction| {
            Some(Transaction {
                tx_hash: transaction.txid.to_string(),
                block_height: i64::from(transaction.block_height?),
                total_fees_sat: signed(transaction.fee_sat),
            })
        };
        Ok(Node {
            pubkey: identity.node.to_string(),
            alias: identity.alias.clone(),
            version: identity.version_text.clone(),
            supports_inbound_fees: version.has(Feature::InboundFees),
            accept_positive_inbound_fees: self.accepts_positive_inbound,
            time_lock_delta_range: (least, 65_535),
            block_height: i64::from(identity.block_height),
            now: now_s,
            synced_to_chain: identity.synced_to_chain,
            fee_estimates_sat_per_kw: estimates,
            transactions: transactions.iter().filter_map(mined).collect(),
            peers: BTreeMap::new(),
            forwards: Vec::new(),
            failed_forwards: Vec::new(),
            lacks: std::collections::BTreeSet::new(),
        })
    }

    async fn edge(&self, chan_id: u64) -> Result<Option<Edge>, NodeError> {
        match self.lnd.get_chan_info(chan_id).await {
            Ok(edge) => Ok(Some(edge)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(told(error)),
        }
    }

    async fn peer(&self, key: &NodeKey, needs: &Needs) -> Result<Option<Peer>, NodeError> {
        match self.lnd.get_node_info(key, needs.alternatives).await {
            Ok(node) => Ok(Some(Peer {
                alternatives: needs.alternatives.then(|| self.alternatives(key, &node.edges)),
                alias: node.alias,
                num_channels: i64::from(node.channels),
                total_capacity: signed(node.capacity_sat),
            })),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(told(error)),
        }
    }

    /// What others ask on their channels into a peer; who never announced a policy is no way in.
    fn alternatives(&self, peer: &NodeKey, edges: &[Edge]) -> Vec<Alternative> {
        let others = edges.iter().filter(|edge| edge.other(peer) != Some(self.own));
        let of = |edge: &Edge| {
            let policy = edge.policy_of_peer(peer)?;
            Some(Alternative {
                capacity: signed(edge.capacity_sat),
                fee_ppm: signed(policy.fee_rate_ppm),
                disabled: policy.disabled,
            })
        };
        others.filter_map(of).collect()
    }

    fn channel(
        &self,
        channel: &debal_lnd::Channel,
        edge: Option<&Edge>,
        fees: Option<&ChannelFees>,
    ) -> Channel {
        let ours = edge.and_then(|edge| edge.policy_of(&self.own));
        let mut local_policy = ours.map(policy).unwrap_or_default();
        if let Some(fees) = fees {
            local_policy.base_fee_msat = signed(fees.base_fee_msat);
            local_policy.fee_ppm = signed(fees.fee_rate_ppm);
        }
        Channel {
            chan_id: channel.channel_id,
            channel_point: channel.point.to_string(),
            remote_pubkey: channel.peer.to_string(),
            active: channel.active,
            private: channel.private,
            initiator: channel.initiator,
            funds: funds(channel),
            local_constraints: constraints(&channel.local_limits),
            remote_constraints: constraints(&channel.remote_limits),
            local_policy,
            remote_policy: edge.and_then(|edge| edge.policy_of_peer(&self.own)).map(policy),
            switches: Switches { absent_from_graph: ours.is_none(), ..Switches::default() },
            fee_trials: Vec::new(),
        }
    }
}

fn policy(policy: &debal_lnd::Policy) -> Policy {
    Policy {
        base_fee_msat: signed(policy.base_fee_msat),
        fee_ppm: signed(policy.fee_rate_ppm),
        inbound_base_fee_msat: i64::from(policy.inbound.base_msat),
        inbound_fee_ppm: i64::from(policy.inbound.rate_ppm),
        time_lock_delta: i64::from(policy.time_lock_delta),
        min_htlc_msat: signed(policy.min_htlc_msat),
        max_htlc_msat: signed(policy.max_htlc_msat),
        disabled: policy.disabled,
    }
}

fn funds(channel: &debal_lnd::Channel) -> Funds {
    let pending = channel.pending.iter().map(|htlc| PendingHtlc {
        incoming: htlc.incoming,
        amount_sat: signed(htlc.amount_sat),
        expiration_height: i64::from(htlc.expiry_height),
    });
    Funds {
        capacity: signed(channel.balance.capacity_sat),
        local_balance: signed(channel.balance.local_sat),
        remote_balance: signed(channel.balance.remote_sat),
        commit_fee: signed(channel.balance.commit_fee_sat),
        pending_htlcs: pending.collect(),
    }
}

fn constraints(limits: &HtlcLimits) -> Constraints {
    Constraints {
        chan_reserve_sat: signed(limits.reserve_sat),
        min_htlc_msat: signed(limits.min_htlc_msat),
        max_pending_amt_msat: signed(limits.max_pending_msat),
    }
}

/// Amounts of a real node are far below 2^63.
fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A forward that failed on one of our links; our own payments are no forwards.
fn failed(event: HtlcEvent) -> Option<FailedForward> {
    let HtlcEventKind::LinkFailed(failure) = event.event else { return None };
    let forwarded = event.kind == HtlcKind::Forward && event.channel_out != 0;
    forwarded.then(|| FailedForward {
        timestamp_ns: signed(event.at_ns),
        channel_in: event.channel_in,
        channel_out: event.channel_out,
        htlc_in: event.htlc_in,
        amount_msat: signed(failure.amount_out_msat),
        offered_msat: signed(failure.amount_in_msat.saturating_sub(failure.amount_out_msat)),
        reason: failure.detail,
    })
}

fn told(error: Error) -> NodeError {
    let why = error.to_string();
    match error {
        Error::Unavailable { .. }
        | Error::Locked { .. }
        | Error::Starting { .. }
        | Error::Certificate(_) => NodeError::Unavailable(why),
        Error::Denied { .. } | Error::NotAllowed { .. } => NodeError::Denied(why),
        Error::NotFound { .. } => NodeError::Missing(why),
        Error::Ambiguous { .. } => NodeError::Unknown(why),
        Error::Refused { .. } | Error::Unsupported { .. } | Error::Invalid(_) => {
            NodeError::Refused(why)
        }
        _ => NodeError::Broken(why),
    }
}

#[async_trait]
impl FeeNode for LndNode {
    async fn state(&self, now_s: i64, needs: &Needs) -> Result<NodeState, NodeError> {
        let identity = self.lnd.get_info().await.map_err(told)?;
        let mut node = self.node(&identity, needs, now_s).await?;
        let report = match self.lnd.fee_report().await {
            Ok(report) => report.channels,
            // It fails as a whole when one channel has no policy of ours; the graph has the rest.
            Err(error) if told(error.clone()).ends_run() => return Err(told(error)),
            Err(error) => {
                tracing::warn!(%error, "no fee report; fees are taken from the graph");
                Vec::new()
            }
        };
        let fees: BTreeMap<u64, ChannelFees> =
            report.into_iter().map(|fees| (fees.channel_id, fees)).collect();
        let mut channels = Vec::new();
        for channel in self.lnd.list_channels().await.map_err(told)? {
            let edge = self.edge(channel.channel_id).await?;
            channels.push(self.channel(&channel, edge.as_ref(), fees.get(&channel.channel_id)));
            let key = channel.peer.to_string();
            if (needs.peers || needs.alternatives)
                && let std::collections::btree_map::Entry::Vacant(slot) = node.peers.entry(key)
                && let Some(peer) = self.peer(&channel.peer, needs).await?
            {
                slot.insert(peer);
            }
        }
        let state = NodeState { node, channels, circuitbreaker: None };
        state.check().map_err(|error| NodeError::Broken(error.to_string()))?;
        Ok(state)
    }

    async fn forwards(&self, from_s: i64, to_s: i64) -> Result<Vec<ForwardRow>, NodeError> {
        let query = HistoryQuery::between(from_s.unsigned_abs(), to_s.unsigned_abs());
        let forwards = self.lnd.forwarding_history(query).collect().await.map_err(told)?;
        let row = |forward: debal_lnd::Forward| ForwardRow {
            timestamp_ns: signed(forward.settled_ns),
            channel_in: forward.channel_in,
            channel_out: forward.channel_out,
            in_msat: signed(forward.amount_in_msat),
            out_msat: signed(forward.amount_out_msat),
            fee_msat: signed(forward.fee_msat),
        };
        Ok(forwards.into_iter().map(row).collect())
    }

    async fn update(&self, target: Target<'_>, update: &PolicyUpdate) -> Result<(), NodeError> {
        let range = |what: &str| NodeError::Refused(format!("{what} is out of range"));
        let inbound = InboundFee {
            base_msat: i32::try_from(update.inbound_base_fee_msat)
                .map_err(|_| range("inbound_base_fee_msat"))?,
            rate_ppm: i32::try_from(update.inbound_fee_ppm)
                .map_err(|_| range("inbound_fee_ppm"))?,
        };
        let smallest = update.min_htlc_msat.map(u64::try_from).transpose();
        let update = debal_lnd::PolicyUpdate {
            point: target.point.parse().map_err(|_| range("the channel point"))?,
            base_fee_msat: u32::try_from(update.base_fee_msat)
                .map_err(|_| range("base_fee_msat"))?,
            fee_rate_ppm: u32::try_from(update.fee_ppm).map_err(|_| range("fee_ppm"))?,
            time_lock_delta: u16::try_from(update.time_lock_delta)
                .map_err(|_| range("time_lock_delta"))?,
            min_htlc_msat: smallest.map_err(|_| range("min_htlc_msat"))?,
            max_htlc_msat: Some(
                u64::try_from(update.max_htlc_msat).map_err(|_| range("max_htlc_msat"))?,
            ),
            inbound: Some(inbound),
        };
        self.lnd.update_channel_policy(&update).await.map_err(told)
    }

    async fn switch(&self, target: Target<'_>, status: Status) -> Result<(), NodeError> {
        let refused = |_| NodeError::Refused("the channel point cannot be read".to_owned());
        let point = target.point.parse().map_err(refused)?;
        let action = match status {
            Status::Enable => StatusAction::Enable,
            Status::Disable => StatusAction::Disable,
        };
        match self.lnd.update_chan_status(&point, action).await {
            Err(Error::Refused { .. }) if status == Status::Enable => {
                self.lnd.update_chan_status(&point, StatusAction::Auto).await.map_err(told)
            }
            answer => answer.map_err(told),
        }
    }

    async fn policy(&self, chan_id: u64) -> Result<Option<Policy>, NodeError> {
        let edge = self.lnd.get_chan_info(chan_id).await.map_err(told)?;
        let ours = edge.policy_of(&self.own);
        Ok(ours.map(policy))
    }

    fn remarks(&self) -> Vec<String> {
        let switches = self.lnd.take_switches().into_iter();
        let said = |s: debal_lnd::Switch| format!("{} failed ({}), now {}", s.from, s.reason, s.to);
        switches.map(said).collect()
    }

    async fn failures(&self) -> Result<Failures, NodeError> {
        let events = self.lnd.subscribe_htlc_events().await.map_err(told)?;
        let failed = events.filter_map(|event| {
            let failed = event.map(failed).map_err(told).transpose();
            std::future::ready(failed)
        });
        Ok(failed.boxed())
    }
}

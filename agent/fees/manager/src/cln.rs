//! Core Lightning as a node whose fees are managed.
//!
//! It has no inbound fees, no switch and no time lock per channel: its state says so, and rules
//! that ask for these are told. It must never turn a lost answer into a refusal.

use crate::error::NodeError;
use crate::node::{FeeNode, Target};
use async_trait::async_trait;
use debal_cln::{Cln, Error, ForwardStatus, HalfChannel, Identity};
use debal_fees::state::{
    Alternative, Channel, Constraints, FailedForward, Funds, Lack, Node, NodeState, Peer,
    PendingHtlc, Policy, Switches, Transaction,
};
use debal_fees::{Needs, PolicyUpdate, Status};
use debal_fees_history::ForwardRow;
use std::collections::BTreeMap;

/// A Core Lightning node.
#[derive(Debug)]
pub struct ClnNode {
    cln: Cln,
    own: String,
}

impl ClnNode {
    /// Connects: asks the node who it is.
    ///
    /// # Errors
    /// [`NodeError`] if it does not say, or is too old.
    pub async fn connect(cln: Cln) -> Result<Self, NodeError> {
        let own = cln.get_info().await.map_err(told)?.node;
        Ok(Self { cln, own })
    }

    async fn node(
        &self,
        identity: Identity,
        channels: &[debal_cln::Channel],
        needs: &Needs,
        now_s: i64,
    ) -> Result<Node, NodeError> {
        let mut estimates = BTreeMap::new();
        if !needs.fee_targets.is_empty() {
            let rates = self.cln.fee_rates().await.map_err(told)?;
            estimates.extend(rates.into_iter().map(|(target, rate)| (target, i64::from(rate))));
        }
        Ok(Node {
            pubkey: identity.node,
            alias: identity.alias,
            version: identity.version_text,
            supports_inbound_fees: false,
            accept_positive_inbound_fees: false,
            // None is ever sent; what is in force must not count as refused.
            time_lock_delta_range: (0, 65_535),
            block_height: i64::from(identity.block_height),
            now: now_s,
            synced_to_chain: identity.synced_to_chain,
            fee_estimates_sat_per_kw: estimates,
            transactions: if needs.transactions {
                self.openings(channels).await?
            } else {
                Vec::new()
            },
            peers: self.peers(channels, needs).await?,
            forwards: Vec::new(),
            failed_forwards: self.failed(needs, now_s).await?,
            lacks: [Lack::InboundFees, Lack::TimeLockDelta, Lack::Switch].into(),
        })
    }

    /// What our openings cost, each in its channel's block.
    async fn openings(
        &self,
        channels: &[debal_cln::Channel],
    ) -> Result<Vec<Transaction>, NodeError> {
        let openings = match self.cln.openings().await {
            Ok(openings) => openings,
            // Without the bookkeeper nobody knows: the strategies say what follows.
            Err(Error::Unimplemented { method }) => {
                tracing::warn!(method, "the bookkeeper plugin is off; opening costs are unknown");
                Vec::new()
            }
            Err(error) => return Err(told(error)),
        };
        let paid: BTreeMap<&str, u64> =
            openings.iter().map(|opening| (opening.txid.as_str(), opening.fee_msat)).collect();
        let of = |channel: &debal_cln::Channel| {
            let txid = channel.point.split(':').next().unwrap_or_default();
            Some(Transaction {
                tx_hash: txid.to_owned(),
                block_height: signed(channel.channel_id >> 40),
                total_fees_sat: sat(*paid.get(txid)?),
            })
        };
        Ok(channels.iter().filter_map(of).collect())
    }

    async fn peers(
        &self,
        channels: &[debal_cln::Channel],
        needs: &Needs,
    ) -> Result<BTreeMap<String, Peer>, NodeError> {
        let mut peers = BTreeMap::new();
        if !needs.peers && !needs.alternatives {
            return Ok(peers);
        }
        let keys: std::collections::BTreeSet<&String> =
            channels.iter().map(|channel| &channel.peer).collect();
        for key in keys {
            let Some(node) = self.cln.graph_node(key).await.map_err(told)? else { continue };
            let alternatives = match needs.alternatives {
                true => Some(self.alternatives(key).await?),
                false => None,
            };
            let peer = Peer {
                alias: node.alias,
                num_channels: i64::from(node.channels),
                total_capacity: sat(node.capacity_msat),
                alternatives,
            };
            peers.insert(key.clone(), peer);
        }
        Ok(peers)
    }

    async fn alternatives(&self, peer: &str) -> Result<Vec<Alternative>, NodeError> {
        let halves = self.cln.channels_into(peer).await.map_err(told)?;
        let others = halves.iter().filter(|half| half.source != self.own);
        let of = |half: &HalfChannel| Alternative {
            capacity: sat(half.amount_msat),
            fee_ppm: i64::from(half.fee_per_millionth),
            disabled: !half.active,
        };
        Ok(others.map(of).collect())
    }

    async fn failed(&self, needs: &Needs, now_s: i64) -> Result<Vec<FailedForward>, NodeError> {
        let mut failed = Vec::new();
        if needs.failed_s == 0 {
            return Ok(failed);
        }
        let from_s = now_s.saturating_sub(needs.failed_s).max(0).unsigned_abs();
        for status in [ForwardStatus::Failed, ForwardStatus::LocalFailed] {
            let to_s = now_s.max(0).unsigned_abs();
            let found = self.cln.forwards(status, from_s, to_s).await.map_err(told)?;
            failed.extend(found.iter().map(|forward| FailedForward {
                timestamp: signed(forward.at_ns / 1_000_000_000),
                chan_id_out: forward.channel_out,
                amt_msat: signed(forward.amount_out_msat),
            }));
        }
        Ok(failed)
    }

    async fn channel(
        &self,
        channel: &debal_cln::Channel,
        needs: &Needs,
    ) -> Result<Channel, NodeError> {
        let mut remote_policy = channel.peer_policy.as_ref().map(policy);
        if let Some(policy) = remote_policy.as_mut().filter(|_| needs.peer_switches) {
            let off = self.cln.is_switched_off(channel.channel_id, &channel.peer).await;
            policy.disabled = off.map_err(told)?.unwrap_or(false);
        }
        let (our_reserve, peer_reserve) = channel.reserves_msat;
        // What the peer must keep away from its smallest HTLC is not told: the node applies it.
        let constraints = |reserve_msat: u64, most_msat: u64| Constraints {
            chan_reserve_sat: sat(reserve_msat),
            min_htlc_msat: 0,
            max_pending_amt_msat: signed(most_msat),
        };
        Ok(Channel {
            chan_id: channel.channel_id,
            channel_point: channel.point.clone(),
            remote_pubkey: channel.peer.clone(),
            active: channel.active,
            private: channel.private,
            initiator: channel.initiator,
            funds: funds(channel),
            local_constraints: constraints(our_reserve, channel.max_in_flight_msat),
            remote_constraints: constraints(peer_reserve, channel.capacity_msat),
            local_policy: policy(&channel.our_policy),
            remote_policy,
            switches: Switches::default(),
            fee_trials: Vec::new(),
        })
    }
}

fn policy(policy: &debal_cln::Policy) -> Policy {
    Policy {
        base_fee_msat: signed(policy.base_fee_msat),
        fee_ppm: i64::from(policy.fee_rate_ppm),
        time_lock_delta: i64::from(policy.time_lock_delta),
        min_htlc_msat: signed(policy.min_htlc_msat),
        max_htlc_msat: signed(policy.max_htlc_msat),
        ..Policy::default()
    }
}

/// Amounts as rules count them: HTLCs under way apart from the balance of their sender. Our share
/// of the node's answer holds the commitment fee already, so none is added.
fn funds(channel: &debal_cln::Channel) -> Funds {
    let under_way = |incoming: bool| -> u64 {
        let htlcs = channel.pending.iter().filter(|htlc| htlc.incoming == incoming);
        htlcs.fold(0, |sum: u64, htlc| sum.saturating_add(htlc.amount_msat))
    };
    let theirs = channel.capacity_msat.saturating_sub(channel.ours_msat);
    let pending = channel.pending.iter().map(|htlc| PendingHtlc {
        incoming: htlc.incoming,
        amount_sat: sat(htlc.amount_msat),
        expiration_height: i64::from(htlc.expiry_height),
    });
    Funds {
        capacity: sat(channel.capacity_msat),
        local_balance: sat(channel.ours_msat.saturating_sub(under_way(false))),
        remote_balance: sat(theirs.saturating_sub(under_way(true))),
        commit_fee: 0,
        pending_htlcs: pending.collect(),
    }
}

fn sat(msat: u64) -> i64 {
    signed(msat / 1_000)
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn told(error: Error) -> NodeError {
    let why = error.to_string();
    match error {
        Error::Unavailable { .. } => NodeError::Unavailable(why),
        Error::Denied { .. } | Error::NotAllowed { .. } | Error::TooOld { .. } => {
            NodeError::Denied(why)
        }
        Error::Ambiguous { .. } => NodeError::Unknown(why),
        Error::Refused { .. } | Error::Invalid(_) => NodeError::Refused(why),
        Error::TooLarge { .. } | Error::Unimplemented { .. } | Error::Protocol { .. } => {
            NodeError::Broken(why)
        }
    }
}

#[async_trait]
impl FeeNode for ClnNode {
    async fn state(&self, now_s: i64, needs: &Needs) -> Result<NodeState, NodeError> {
        let identity = self.cln.get_info().await.map_err(told)?;
        let listed = self.cln.list_channels().await.map_err(told)?;
        let node = self.node(identity, &listed, needs, now_s).await?;
        let mut channels = Vec::with_capacity(listed.len());
        for channel in &listed {
            channels.push(self.channel(channel, needs).await?);
        }
        let state = NodeState { node, channels, circuitbreaker: None };
        state.check().map_err(|error| NodeError::Broken(error.to_string()))?;
        Ok(state)
    }

    async fn forwards(&self, from_s: i64, to_s: i64) -> Result<Vec<ForwardRow>, NodeError> {
        let (from_s, to_s) = (from_s.max(0).unsigned_abs(), to_s.max(0).unsigned_abs());
        let forwards = self.cln.forwards(ForwardStatus::Settled, from_s, to_s).await;
        let mut forwards = forwards.map_err(told)?;
        forwards.sort_by_key(|forward| forward.at_ns);
        let row = |forward: debal_cln::Forward| ForwardRow {
            timestamp_ns: signed(forward.at_ns),
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
        if update.inbound_base_fee_msat != 0 || update.inbound_fee_ppm != 0 {
            return Err(NodeError::Refused("this node has no inbound fees".to_owned()));
        }
        let least = update.min_htlc_msat.map(u64::try_from).transpose();
        let most = u64::try_from(update.max_htlc_msat).map_err(|_| range("max_htlc_msat"))?;
        let update = debal_cln::PolicyUpdate {
            channel_id: target.chan_id,
            base_fee_msat: u32::try_from(update.base_fee_msat)
                .map_err(|_| range("base_fee_msat"))?,
            fee_rate_ppm: u32::try_from(update.fee_ppm).map_err(|_| range("fee_ppm"))?,
            min_htlc_msat: least.map_err(|_| range("min_htlc_msat"))?,
            max_htlc_msat: Some(most).filter(|most| *most != 0),
        };
        let applied = self.cln.set_channel(&update).await.map_err(told)?;
        let limits = [
            ("min_htlc_msat", update.min_htlc_msat, applied.min_htlc_msat),
            ("max_htlc_msat", update.max_htlc_msat, applied.max_htlc_msat),
        ];
        for (name, asked, applied) in limits {
            if let Some(asked) = asked.filter(|asked| *asked != applied) {
                return Err(NodeError::Adjusted(format!(
                    "the peer's limit made {name} {applied} instead of {asked}; the rest is in force"
                )));
            }
        }
        Ok(())
    }

    async fn switch(&self, _: Target<'_>, status: Status) -> Result<(), NodeError> {
        match status {
            // It is never off by our doing.
            Status::Enable => Ok(()),
            Status::Disable => {
                Err(NodeError::Refused("this node cannot switch a channel off".to_owned()))
            }
        }
    }

    async fn policy(&self, chan_id: u64) -> Result<Option<Policy>, NodeError> {
        let channels = self.cln.list_channels().await.map_err(told)?;
        let found = channels.iter().find(|channel| channel.channel_id == chan_id);
        let missing = || NodeError::Missing(debal_fees::scid::show(chan_id));
        found.map(|channel| Some(policy(&channel.our_policy))).ok_or_else(missing)
    }
}

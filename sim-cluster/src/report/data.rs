//! The contract of `report.json`.
//!
//! Fields may be added; the ones here must never change their name, unit or meaning. A value that
//! was not observed is null, never a made-up 0.

use crate::balances::StartingBalances;
use crate::demand::Pattern;
use debal_protocol::market::PlanMode;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The whole report. Elections, gossip, cycles, leaders and memory are of the arm with rebalancing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The network.
    pub topology: TopologyReport,
    /// Seed of identities, balances and demand.
    pub seed: u64,
    /// Epochs that ended, with a leader or without.
    pub epochs: u64,
    /// Length of an epoch.
    pub epoch_ms: u64,
    /// Epochs led, by node identity.
    pub leaders: BTreeMap<String, u64>,
    /// Elections.
    pub elections: ElectionReport,
    /// Gossip.
    pub gossip: GossipReport,
    /// Cycles.
    pub cycles: CycleReport,
    /// The two arms.
    pub arms: Arms,
    /// The audits of both arms together.
    pub audit: AuditReport,
    /// Mean resident memory of an agent at the end, MiB.
    pub memory_mib_per_agent: f64,
    /// Wall time of the whole run, seconds.
    pub wall_s: f64,
    /// How the run was set up.
    pub settings: SettingsReport,
    /// What the pictures are drawn from.
    pub detail: Detail,
}

/// The network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopologyReport {
    /// File and how it was cut.
    pub source: String,
    /// Nodes, one agent each.
    pub nodes: u64,
    /// Channels.
    pub channels: u64,
    /// Sum of capacities.
    pub capacity_msat: u64,
}

/// Elections; times run from the epoch's start to the certificate at each agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElectionReport {
    /// Epochs with a certified leader.
    pub certified: u64,
    /// Epochs without.
    pub skipped: u64,
    /// Median time to the certificate.
    pub p50_ms: Option<u64>,
    /// 99th percentile.
    pub p99_ms: Option<u64>,
    /// Epochs in which agents certified different leaders (two rounds): costs efficiency only.
    #[serde(default)]
    pub split: u64,
}

/// Gossip.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GossipReport {
    /// Median time from publishing a message to an agent receiving it.
    pub delivery_p50_ms: Option<f64>,
    /// 99th percentile of the same.
    pub delivery_p99_ms: Option<f64>,
    /// Bytes sent per node and epoch.
    pub bytes_per_node_per_epoch: Option<f64>,
    /// Quotes of price rounds sent per node and epoch; they are no gossip.
    #[serde(default)]
    pub quotes_per_node_per_epoch: Option<f64>,
    /// Their bytes.
    #[serde(default)]
    pub quote_bytes_per_node_per_epoch: Option<f64>,
}

/// Cycles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CycleReport {
    /// In published plans.
    pub planned: u64,
    /// Settled on every hop.
    pub committed: u64,
    /// Begun and undone.
    pub rolled_back: u64,
    /// Not begun: a party said no or stayed silent.
    pub refused: u64,
    /// Median time from start to settled.
    pub commit_p50_ms: Option<u64>,
    /// 99th percentile.
    pub commit_p99_ms: Option<u64>,
    /// Sum of the amounts of committed cycles (each counted once, not per hop).
    pub moved_msat: u64,
}

/// The two arms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Arms {
    /// Without rebalancing.
    pub off: ArmReport,
    /// With rebalancing.
    pub on: ArmReport,
}

/// One arm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArmReport {
    /// Payments tried.
    pub payments: u64,
    /// Payments delivered.
    pub succeeded: u64,
    /// Delivered / tried.
    pub success_ratio: f64,
    /// Sum of delivered amounts.
    pub volume_msat: u64,
    /// Mean Gini coefficient of outbound ratios when payments started.
    pub imbalance_before: f64,
    /// The same after everything settled.
    pub imbalance_after: f64,
    /// Sum of amounts tried.
    pub demand_msat: u64,
    /// Fees paid by payers.
    pub fees_msat: u64,
    /// Failed payments by reason.
    pub failures: BTreeMap<String, u64>,
    /// Seconds and share delivered of the payments around that moment.
    pub success_over_time: Vec<(f64, f64)>,
    /// Seconds and imbalance.
    pub imbalance_over_time: Vec<(f64, f64)>,
}

/// Both arms' audits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditReport {
    /// Initial total minus final total; the absolute values of both arms added.
    pub lost_msat: u64,
    /// Locks open after draining.
    pub open_locks: u64,
    /// Checks made.
    pub invariants_checked: u64,
    /// Checks that failed.
    pub violations: u64,
    /// Those checks in words, at most a hundred.
    pub findings: Vec<String>,
}

/// How the run was set up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SettingsReport {
    /// Channel backend.
    pub backend: String,
    /// Distribution of starting balances.
    pub balances: StartingBalances,
    /// Pattern of demand.
    pub demand: Pattern,
    /// Share of payments on pairs that never circulate.
    pub dag_share: f64,
    /// Where amounts come from.
    pub amounts: String,
    /// Factor on amounts.
    pub load: f64,
    /// Mean payments per second.
    pub payments_per_second: f64,
    /// Seconds of payments per arm.
    pub duration_s: f64,
    /// Routes a payment may try.
    pub attempts: u32,
    /// How members' offers came about.
    #[serde(default)]
    pub plan_mode: PlanMode,
}

/// What the pictures are drawn from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detail {
    /// Nodes in graph order.
    pub nodes: Vec<NodeDetail>,
    /// Channels in graph order.
    pub channels: Vec<ChannelDetail>,
}

/// One node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeDetail {
    /// Announced name.
    pub alias: String,
    /// Public key in the graph.
    pub pubkey: String,
    /// Identity in this run.
    pub node: String,
    /// Sum of its channels' capacities: its weight in elections.
    pub capacity_sat: u64,
}

/// One channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelDetail {
    /// Short channel id.
    pub channel: String,
    /// Node numbers of its ends.
    pub ends: [usize; 2],
    /// Capacity.
    pub capacity_msat: u64,
    /// What end 0 owned at the start.
    pub before_msat: u64,
    /// At the end without rebalancing.
    pub after_off_msat: u64,
    /// At the end with rebalancing.
    pub after_on_msat: u64,
}

//! Runs the schedule of faults against a cluster under load, heals it, and audits it.
//!
//! An agent that ends by itself is a failure, not a fault of ours.

use super::proxy::{Link, Proxies};
use super::schedule::{Fault, Kind, draw};
use crate::demand::Payment;
use crate::error::ClusterError;
use crate::launch::{
    Agent, Cluster, Layout, Learning, Settings, Signal, Starter, open_channels, prepare,
};
use crate::run::{ClusterAudit, Progress, Tally, drive, settle};
use crate::topology::Graph;
use debal_protocol::market::Market;
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Time after healing in which every lock must be gone (the contract of `chaos`).
const HEAL_LIMIT: Duration = Duration::from_secs(30);

/// What to do.
#[derive(Clone, Debug)]
pub struct ChaosPlan {
    /// The network.
    pub graph: Graph,
    /// Seed of identities, balances, demand and faults.
    pub seed: u64,
    /// Length of an epoch.
    pub epoch_ms: u64,
    /// Price rounds.
    pub market: Market,
    /// How long faults are made.
    pub duration_ms: u64,
    /// What end 0 of every channel owns at the start.
    pub first_msat: Vec<u64>,
    /// Payments meanwhile.
    pub payments: Vec<Payment>,
    /// Where the agents' directories are made; must not exist yet.
    pub directory: PathBuf,
}

/// Faults made, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FaultCounts {
    /// Agents killed and started again.
    pub kills: u64,
    /// Agents stopped and continued.
    pub pauses: u64,
    /// Partitions.
    pub partitions: u64,
}

/// What a run of chaos gave.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ChaosReport {
    /// Seed.
    pub seed: u64,
    /// Nodes.
    pub nodes: u64,
    /// Channels.
    pub channels: u64,
    /// Time in which faults were made, seconds.
    pub minutes: f64,
    /// Faults made.
    pub faults: FaultCounts,
    /// Payments tried.
    pub payments: u64,
    /// Payments delivered in spite of everything.
    pub succeeded: u64,
    /// Fewest peers any agent that answered had during each partition, averaged over partitions;
    /// null if there was none. Far below `peers_whole` means that partitions took effect.
    pub peers_in_partitions: Option<f64>,
    /// Peers of an agent before any fault, mean.
    pub peers_whole: f64,
    /// Seconds from healing until the cluster was clean; null if it was not in time.
    pub settled_s: Option<f64>,
    /// Channels whose two ends hold the same signed state.
    pub channels_equal: u64,
    /// Locks still open.
    pub open_locks: u64,
    /// Initial total minus final total.
    pub lost_msat: i64,
    /// Checks made in the final audit.
    pub invariants_checked: u64,
    /// Checks that failed, in words.
    pub violations: Vec<String>,
}

impl ChaosReport {
    /// Whether everything healed and nothing is missing.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.lost_msat == 0
            && self.open_locks == 0
            && self.violations.is_empty()
            && self.channels_equal == self.channels
    }
}

/// Runs chaos from nothing to nothing.
///
/// # Errors
/// Something that cannot be done at all; what is merely not clean is in the report.
pub async fn chaos(
    plan: &ChaosPlan,
    starter: &Arc<dyn Starter>,
    progress: &Progress,
) -> Result<ChaosReport, ClusterError> {
    let ports = Layout::direct(&plan.graph)?.ports;
    let count = plan.graph.nodes.len();
    let others = |from: usize| (0..count).filter(move |to| *to != from);
    let pairs = (0..count).flat_map(|from| others(from).map(move |to| (from, to)));
    let proxies = Proxies::open(pairs, &ports).await?;
    let known = &proxies;
    let through = |from| others(from).filter_map(move |to| Some((to, known.address(from, to)?)));
    let bootstrap = (0..count).map(|from| through(from).collect()).collect();
    let layout = Layout { ports, bootstrap, loopback: false };
    let settings = Settings {
        seed: plan.seed,
        epoch_ms: plan.epoch_ms,
        attempts: 1,
        genesis_unix_ms: Settings::genesis_after_start(plan.graph.nodes.len()),
        learning: Learning::DEFAULT,
        market: plan.market,
    };
    progress.stage(&format!("starting {count} agents behind proxies"));
    let specs = prepare(&plan.graph, &settings, &layout, &plan.directory)?;
    let mut cluster = Cluster::start(specs, Arc::clone(starter)).await?;
    let agents = cluster.agents();
    open_channels(&agents, &plan.graph, &plan.first_msat).await?;
    for agent in &agents {
        let failed = |e| ClusterError::Failed(format!("agent {}: {e}", agent.index()));
        agent.set_rebalancing(true).await.map_err(failed)?;
    }
    let peers_whole = mean(&peer_counts(&agents).await).unwrap_or(0.0);
    let tally = Arc::new(Tally::default());
    let mut struck = Struck::default();
    let (payments, ()) = tokio::try_join!(
        async { Ok(drive(&agents, &plan.payments, 1, &tally).await) },
        strike(plan, &mut cluster, &proxies, &mut struck, progress),
    )?;
    progress.stage("healed; waiting for open locks, then auditing");
    let healed = Instant::now();
    for agent in &agents {
        // Only rebalancing that goes on could be in the way of settling; the audit judges.
        drop(agent.set_rebalancing(false).await);
    }
    let audit = settle(&agents, &plan.graph, HEAL_LIMIT).await?;
    let settled_s = audit.is_clean().then(|| healed.elapsed().as_secs_f64());
    cluster.check_alive()?;
    if let Err(late) = cluster.stop().await {
        progress.stage(&format!("warning: {late}"));
    }
    let succeeded = payments.iter().filter(|payment| payment.succeeded).count();
    let ratios = Measured { peers_whole, settled_s, succeeded, payments: payments.len() };
    Ok(report(plan, &struck, &ratios, audit))
}

/// Figures of a run that are not in its audit.
struct Measured {
    peers_whole: f64,
    settled_s: Option<f64>,
    succeeded: usize,
    payments: usize,
}

fn report(
    plan: &ChaosPlan,
    struck: &Struck,
    measured: &Measured,
    audit: ClusterAudit,
) -> ChaosReport {
    let count = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
    ChaosReport {
        seed: plan.seed,
        nodes: count(plan.graph.nodes.len()),
        channels: count(plan.graph.channels.len()),
        minutes: crate::measure::ratio(plan.duration_ms, 60_000),
        faults: struck.counts,
        payments: count(measured.payments),
        succeeded: count(measured.succeeded),
        peers_in_partitions: mean(&struck.fewest_peers),
        peers_whole: measured.peers_whole,
        settled_s: measured.settled_s,
        channels_equal: audit.channels_equal,
        open_locks: audit.open_locks,
        lost_msat: audit.lost_msat,
        invariants_checked: audit.invariants_checked,
        violations: audit.violations,
    }
}

/// What was done.
#[derive(Default)]
struct Struck {
    counts: FaultCounts,
    fewest_peers: Vec<u64>,
}

/// One moment of the schedule: a fault begins or ends.
struct Moment<'a> {
    at_ms: u64,
    begins: bool,
    fault: &'a Fault,
}

async fn strike(
    plan: &ChaosPlan,
    cluster: &mut Cluster,
    proxies: &Proxies,
    struck: &mut Struck,
    progress: &Progress,
) -> Result<(), ClusterError> {
    let faults = draw(plan.graph.nodes.len(), plan.duration_ms, plan.seed);
    let mut moments: Vec<Moment<'_>> = faults
        .iter()
        .flat_map(|fault| {
            let begin = Moment { at_ms: fault.at_ms, begins: true, fault };
            [begin, Moment { at_ms: fault.until_ms, begins: false, fault }]
        })
        .collect();
    // At one instant ends come first, so that a node is never struck twice.
    moments.sort_by_key(|moment| (moment.at_ms, moment.begins));
    let start = Instant::now();
    for moment in moments {
        tokio::time::sleep_until(start + Duration::from_millis(moment.at_ms)).await;
        cluster.check_alive()?;
        if moment.begins {
            progress.stage(&moment.fault.to_string());
            begin(cluster, proxies, moment.fault, struck)?;
        } else {
            end(cluster, proxies, moment.fault, struck).await?;
        }
    }
    proxies.heal();
    for index in 0..plan.graph.nodes.len() {
        cluster.wait_ready(index).await?;
    }
    Ok(())
}

fn begin(
    cluster: &mut Cluster,
    proxies: &Proxies,
    fault: &Fault,
    struck: &mut Struck,
) -> Result<(), ClusterError> {
    match &fault.kind {
        Kind::Kill { node } => {
            struck.counts.kills += 1;
            cluster.signal(*node, Signal::Kill)
        }
        Kind::Pause { node } => {
            struck.counts.pauses += 1;
            cluster.signal(*node, Signal::Pause)
        }
        Kind::Partition { group, hole } => {
            struck.counts.partitions += 1;
            proxies.split(group, if *hole { Link::Hole } else { Link::Cut });
            Ok(())
        }
    }
}

async fn end(
    cluster: &mut Cluster,
    proxies: &Proxies,
    fault: &Fault,
    struck: &mut Struck,
) -> Result<(), ClusterError> {
    match &fault.kind {
        Kind::Kill { node } => cluster.start_member(*node),
        Kind::Pause { node } => cluster.signal(*node, Signal::Resume),
        Kind::Partition { .. } => {
            struck.fewest_peers.extend(peer_counts(&cluster.agents()).await.into_iter().min());
            proxies.heal();
            Ok(())
        }
    }
}

/// Peers of every agent that answers at once; struck ones do not.
async fn peer_counts(agents: &[Arc<Agent>]) -> Vec<u64> {
    const LIMIT: Duration = Duration::from_millis(100);
    let mut counts = Vec::new();
    for agent in agents {
        if let Ok(Ok(status)) = tokio::time::timeout(LIMIT, agent.status()).await {
            counts.push(status.peers);
        }
    }
    counts
}

#[allow(clippy::cast_precision_loss)]
fn mean(values: &[u64]) -> Option<f64> {
    let sum: f64 = values.iter().map(|value| *value as f64).sum();
    (!values.is_empty()).then(|| sum / values.len() as f64)
}

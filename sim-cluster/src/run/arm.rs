//! One arm: start, open, pay, drain, audit, stop.
//!
//! Rebalancing is switched on when payments start and off when they end, in the arm that has it;
//! nothing else distinguishes the arms.

use super::RunPlan;
use super::audit::{ClusterAudit, settle};
use super::observe::{CycleOutcome, Observations, Observer};
use super::payments::{PaymentResult, Tally, drive};
use super::progress::{Live, Progress};
use crate::control::{GossipTrace, Status};
use crate::error::ClusterError;
use crate::launch::{Agent, Cluster, Layout, Settings, Starter, open_channels, prepare};
use crate::measure;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Time for open locks to resolve after the last payment: the longest deadline ladder and its
/// recovery.
const SETTLE_LIMIT: Duration = Duration::from_secs(30);
/// Samples of the imbalance per arm, about.
const SAMPLES: u64 = 75;
/// Shortest pause between samples.
const SHORTEST_SAMPLE_MS: u64 = 100;

/// The imbalance at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// Milliseconds after payments started.
    pub at_ms: u64,
    /// Mean Gini coefficient.
    pub imbalance: f64,
}

/// What one arm gave.
#[derive(Clone, Debug)]
pub struct ArmOutcome {
    /// Identities in node order.
    pub nodes: Vec<String>,
    /// One result per payment.
    pub payments: Vec<PaymentResult>,
    /// Imbalance over time; the first is from before, the last from after everything settled.
    pub samples: Vec<Sample>,
    /// What end 0 of every channel owns at the end, in graph order.
    pub final_msat: Vec<u64>,
    /// Epochs and cycles.
    pub observations: Observations,
    /// Counters of every agent at the end.
    pub counters: Vec<BTreeMap<String, f64>>,
    /// Microseconds from publishing to receiving, one per message and receiver that are still
    /// known.
    pub delivery_us: Vec<u64>,
    /// Resident memory of every agent at the end, bytes.
    pub rss_bytes: Vec<u64>,
    /// The audit.
    pub audit: ClusterAudit,
}

/// Runs one arm from nothing to nothing.
///
/// # Errors
/// The first thing that fails; agents are ended, their directories stay for reading.
pub async fn run_arm(
    plan: &RunPlan,
    rebalancing: bool,
    starter: &Arc<dyn Starter>,
    progress: &Progress,
) -> Result<ArmOutcome, ClusterError> {
    let name = if rebalancing { "on" } else { "off" };
    let count = plan.graph.nodes.len();
    let policy =
        if rebalancing { format!(", policy {}", plan.learning.policy) } else { String::new() };
    progress.stage(&format!("rebalancing {name}{policy}: starting {count} agents"));
    let settings = Settings {
        seed: plan.seed,
        epoch_ms: plan.epoch_ms,
        attempts: plan.attempts,
        genesis_unix_ms: Settings::genesis_after_start(count),
        learning: plan.learning,
        market: plan.market,
    };
    let layout = Layout::direct(&plan.graph)?;
    let specs = prepare(&plan.graph, &settings, &layout, &plan.directory.join(name))?;
    let mut cluster = Cluster::start(specs, Arc::clone(starter)).await?;
    let agents = cluster.agents();
    progress.stage(&format!("opening {} channels", plan.graph.channels.len()));
    open_channels(&agents, &plan.graph, &plan.first_msat).await?;
    progress.stage("waiting for the first epoch");
    settings.genesis().await;
    let observer = Observer::start(&agents);
    let first = sample(&agents, 0).await?;
    switch(&agents, rebalancing).await?;
    let tally = Arc::new(Tally::default());
    let (payments, mut samples) = tokio::try_join!(
        async { Ok(drive(&agents, &plan.payments, plan.attempts, &tally).await) },
        watch(plan, name, &mut cluster, &observer, &tally, progress),
    )?;
    samples.insert(0, first);
    switch(&agents, false).await?;
    progress.stage("waiting for open locks, then auditing");
    let audit = settle(&agents, &plan.graph, SETTLE_LIMIT).await?;
    let observations = observer.finish().await;
    let statuses = statuses(&agents).await?;
    let at_ms = samples.last().map_or(0, |sample| sample.at_ms).max(plan.duration_ms);
    samples.push(Sample { at_ms, imbalance: imbalance(&statuses) });
    let (mut counters, mut traces) = (Vec::with_capacity(count), Vec::with_capacity(count));
    for agent in &agents {
        counters.push(agent.counters().await.map_err(|e| failed(agent, &e))?);
        traces.push(agent.gossip_trace().await.map_err(|e| failed(agent, &e))?);
    }
    if let Err(late) = cluster.stop().await {
        // Everything is measured and audited by now: worth saying, no reason to throw it away.
        progress.stage(&format!("warning: {late}"));
    }
    Ok(ArmOutcome {
        nodes: agents.iter().map(|agent| agent.node().to_owned()).collect(),
        payments,
        samples,
        final_msat: first_ends(plan, &statuses),
        observations,
        counters,
        delivery_us: delivery_us(&traces),
        rss_bytes: statuses.iter().map(|status| status.rss_bytes).collect(),
        audit,
    })
}

/// Samples, shows progress and looks after the processes until every payment has ended.
async fn watch(
    plan: &RunPlan,
    name: &str,
    cluster: &mut Cluster,
    observer: &Observer,
    tally: &Tally,
    progress: &Progress,
) -> Result<Vec<Sample>, ClusterError> {
    let start = Instant::now();
    let pause = Duration::from_millis((plan.duration_ms / SAMPLES).max(SHORTEST_SAMPLE_MS));
    let scheduled = u64::try_from(plan.payments.len()).unwrap_or(u64::MAX);
    let agents = cluster.agents();
    let alias = |node: &str| {
        let index = agents.iter().position(|agent| agent.node() == node)?;
        plan.graph.nodes.get(index).map(|node| node.alias.clone())
    };
    let mut samples = Vec::new();
    loop {
        tokio::time::sleep(pause).await;
        cluster.check_alive()?;
        let elapsed_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        let sample = sample(&agents, elapsed_ms).await?;
        samples.push(sample);
        let (payments, succeeded) = tally.read();
        let (newest, cycles) = observer.read(|seen| {
            let newest = seen.newest_leader().map(|(epoch, node)| (epoch, node.to_owned()));
            (newest, seen.cycles_with(CycleOutcome::Committed).count())
        });
        progress.show(&Live {
            arm: format!("rebalancing {name}"),
            elapsed_ms: elapsed_ms.min(plan.duration_ms),
            total_ms: plan.duration_ms,
            epoch: newest.as_ref().map(|(epoch, _)| *epoch),
            leader: newest.and_then(|(_, node)| alias(&node)),
            cycles: u64::try_from(cycles).unwrap_or(u64::MAX),
            payments,
            succeeded,
            imbalance: sample.imbalance,
        });
        if elapsed_ms >= plan.duration_ms && payments >= scheduled {
            return Ok(samples);
        }
    }
}

/// All agents run on one machine, so their clocks are one.
fn delivery_us(traces: &[GossipTrace]) -> Vec<u64> {
    let published: HashMap<&str, u64> =
        traces.iter().flat_map(|t| &t.published).map(|(id, at)| (id.as_str(), *at)).collect();
    let received = traces.iter().flat_map(|trace| &trace.received);
    received.filter_map(|(id, at)| Some(at.saturating_sub(*published.get(id.as_str())?))).collect()
}

fn failed(agent: &Agent, error: &crate::control::ControlError) -> ClusterError {
    ClusterError::Failed(format!("agent {}: {error}", agent.index()))
}

async fn switch(agents: &[Arc<Agent>], enabled: bool) -> Result<(), ClusterError> {
    for agent in agents {
        agent.set_rebalancing(enabled).await.map_err(|e| failed(agent, &e))?;
    }
    Ok(())
}

async fn statuses(agents: &[Arc<Agent>]) -> Result<Vec<Status>, ClusterError> {
    let mut statuses = Vec::with_capacity(agents.len());
    for agent in agents {
        statuses.push(agent.status().await.map_err(|e| failed(agent, &e))?);
    }
    Ok(statuses)
}

fn imbalance(statuses: &[Status]) -> f64 {
    let ratios: Vec<Vec<f64>> = statuses.iter().map(measure::outbound_ratios).collect();
    measure::imbalance(&ratios)
}

async fn sample(agents: &[Arc<Agent>], at_ms: u64) -> Result<Sample, ClusterError> {
    Ok(Sample { at_ms, imbalance: imbalance(&statuses(agents).await?) })
}

/// What end 0 of every channel owns, in graph order; 0 where it has no such channel.
fn first_ends(plan: &RunPlan, statuses: &[Status]) -> Vec<u64> {
    let local = |channel: &crate::topology::Channel| {
        let id = channel.id.to_string();
        let status = statuses.get(channel.ends[0])?;
        status.channels.iter().find(|c| c.channel == id).map(|c| c.local_msat)
    };
    plan.graph.channels.iter().map(|channel| local(channel).unwrap_or(0)).collect()
}

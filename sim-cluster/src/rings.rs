//! How fast an atomic ring is: real processes, real sockets, real flushes.
//!
//! A ring here is a circular transfer along explicit hops: the locks, the decision and the claims
//! of a plan's cycle without its agreement. Balances must be identical to the millisatoshi
//! afterwards.

use crate::cli::RingsOptions;
use crate::control::Paid;
use crate::error::ClusterError;
use crate::launch::{Agent, Cluster, Layout, Learning, Settings, Starter, open_channels, prepare};
use crate::run::settle;
use crate::topology::{Graph, lngraph};
use debal_protocol::market::Market;
use serde::Serialize;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Capacity of every channel, satoshi.
const CAPACITY_SAT: u64 = 10_000_000;
/// Amount of every ring.
const AMOUNT_MSAT: u64 = 1_000_000;
/// Time one ring has.
const RING_LIMIT: Duration = Duration::from_secs(30);
/// Time agents have to hear of all channels before the first ring.
const ROUTE_LIMIT: Duration = Duration::from_secs(30);
/// Time locks have to end before the audit.
const SETTLE_LIMIT: Duration = Duration::from_secs(60);
/// Batches of rings at once.
const BATCHES: u32 = 5;
/// Flushes timed.
const FLUSHES: usize = 200;

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// Members of a ring.
    pub size: usize,
    /// Rings one by one.
    pub rounds: u32,
    /// Of these, committed.
    pub committed: u32,
    /// Median from request to outcome.
    pub commit_p50_ms: f64,
    /// 99th percentile.
    pub commit_p99_ms: f64,
    /// Rings started at once.
    pub at_once: u32,
    /// Committed over all batches.
    pub batch_committed: u32,
    /// Rings settled per second while many run at once, over all batches.
    pub settled_per_second: f64,
    /// Median of one 256-byte append and fdatasync on the same disk.
    pub flush_p50_ms: f64,
    /// Median ring divided by median flush.
    pub flushes_per_ring: f64,
    /// Capacity missing at the end.
    pub lost_msat: i64,
    /// Invariants found broken.
    pub violations: usize,
}

/// Starts a ring of agents and measures.
///
/// # Errors
/// The first thing that fails.
pub async fn measure(
    options: &RingsOptions,
    starter: &Arc<dyn Starter>,
) -> Result<Figures, ClusterError> {
    let graph = ring_graph(options.size)?;
    let genesis_unix_ms = Settings::genesis_after_start(options.size);
    let (epoch_ms, learning, market) = (60_000, Learning::OFF, Market::default());
    let settings = Settings { seed: 1, epoch_ms, attempts: 1, genesis_unix_ms, learning, market };
    let layout = Layout::direct(&graph)?;
    let specs = prepare(&graph, &settings, &layout, &options.out)?;
    let flush_p50_ms = flush_p50_ms(&options.out)?;
    let cluster = Cluster::start(specs, Arc::clone(starter)).await?;
    let agents = cluster.agents();
    let half = CAPACITY_SAT.saturating_mul(500);
    open_channels(&agents, &graph, &vec![half; graph.channels.len()]).await?;
    let ids: Vec<String> = graph.channels.iter().map(|channel| channel.id.to_string()).collect();
    until_routable(&agents, &ids).await?;
    let mut times = Vec::new();
    for round in 0..options.rounds {
        let started = Instant::now();
        if one(&agents, &ids, round).await.is_some_and(|paid| paid.outcome == "succeeded") {
            times.push(millis(started.elapsed()));
        }
    }
    let (batch_committed, seconds) = batches(&agents, &ids, options.at_once).await;
    let audit = settle(&agents, &graph, SETTLE_LIMIT).await?;
    cluster.stop().await?;
    std::fs::remove_dir_all(&options.out)
        .map_err(|e| ClusterError::io("remove", &options.out, &e))?;
    times.sort_by(f64::total_cmp);
    let commit_p50_ms = quantile(&times, 0.5);
    Ok(Figures {
        size: options.size,
        rounds: options.rounds,
        committed: u32::try_from(times.len()).unwrap_or(u32::MAX),
        commit_p50_ms,
        commit_p99_ms: quantile(&times, 0.99),
        at_once: options.at_once,
        batch_committed,
        settled_per_second: f64::from(batch_committed) / seconds,
        flush_p50_ms,
        flushes_per_ring: commit_p50_ms / flush_p50_ms,
        lost_msat: audit.lost_msat,
        violations: audit.violations.len(),
    })
}

/// Ring number `round`: members take turns, directions alternate, so balances stay in the middle.
async fn one(agents: &[Arc<Agent>], ids: &[String], round: u32) -> Option<Paid> {
    let round = usize::try_from(round).ok()?;
    let index = round / 2 % agents.len();
    let out = &ids[index];
    let back = &ids[(index + ids.len() - 1) % ids.len()];
    let (from, to) = if round % 2 == 0 { (out, back) } else { (back, out) };
    agents.get(index)?.rebalance(from, to, AMOUNT_MSAT, RING_LIMIT).await.ok()
}

/// Several batches at once; committed rings and the seconds they took.
async fn batches(agents: &[Arc<Agent>], ids: &[String], at_once: u32) -> (u32, f64) {
    let (mut committed, mut seconds) = (0u32, 0.0);
    for _ in 0..BATCHES {
        let mut rings = JoinSet::new();
        let started = Instant::now();
        for round in 0..at_once {
            let (agents, ids) = (agents.to_vec(), ids.to_vec());
            rings.spawn(async move { one(&agents, &ids, round).await });
        }
        while let Some(done) = rings.join_next().await {
            let paid = done.ok().flatten();
            committed += u32::from(paid.is_some_and(|paid| paid.outcome == "succeeded"));
        }
        seconds += started.elapsed().as_secs_f64();
    }
    (committed, seconds)
}

/// Waits until every member can send a ring both ways: summaries have arrived everywhere.
async fn until_routable(agents: &[Arc<Agent>], ids: &[String]) -> Result<(), ClusterError> {
    let deadline = Instant::now() + ROUTE_LIMIT;
    let members = u32::try_from(agents.len()).unwrap_or(u32::MAX);
    for round in 0..members.saturating_mul(2) {
        while one(agents, ids, round).await.is_none_or(|paid| paid.outcome != "succeeded") {
            if Instant::now() > deadline {
                let text =
                    "no ring committed within 30 s; run with RUST_LOG=debug and see the logs";
                return Err(ClusterError::Failed(text.to_owned()));
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
    Ok(())
}

fn ring_graph(size: usize) -> Result<Graph, ClusterError> {
    let policy =
        r#"{"base_msat":0,"ppm":0,"cltv":40,"min_msat":1,"max_msat":null,"disabled":false}"#;
    let mut text = format!(
        r#"{{"format":"lngraph","version":1,"date":"-","network":"ring","source":"generated","pubkeys":"made-up","scids":"made-up","nodes":{size},"channels":{size}}}"#
    );
    for node in 0..size {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n{{\"node\":{node},\"pubkey\":\"02{node:064x}\",\"alias\":null}}");
    }
    for node in 0..size {
        let (a, b) = (node.min((node + 1) % size), node.max((node + 1) % size));
        let _ = write!(
            text,
            r#"
{{"chan":"{}x1x0","node1":{a},"node2":{b},"capacity_sat":{CAPACITY_SAT},"policy1":{policy},"policy2":{policy}}}"#,
            700_000 + node
        );
    }
    Ok(lngraph::parse("generated ring", &text)?)
}

fn flush_p50_ms(directory: &Path) -> Result<f64, ClusterError> {
    let path = directory.join("flush-probe");
    let failed = |e: std::io::Error| ClusterError::io("time a flush in", directory, &e);
    let mut file = File::create(&path).map_err(failed)?;
    let mut times = Vec::with_capacity(FLUSHES);
    for _ in 0..FLUSHES {
        let started = Instant::now();
        file.write_all(&[0x55; 256]).map_err(failed)?;
        file.sync_data().map_err(failed)?;
        times.push(millis(started.elapsed()));
    }
    drop(file);
    std::fs::remove_file(&path).map_err(failed)?;
    times.sort_by(f64::total_cmp);
    Ok(quantile(&times, 0.5))
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// Quantile of sorted figures; NaN of none, so that nothing measured cannot look like a figure.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
    let index = (sorted.len().saturating_sub(1) as f64 * share).round() as usize;
    sorted.get(index).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_graph_joins_each_node_with_the_next() {
        let graph = ring_graph(4).unwrap();
        let ends: Vec<[usize; 2]> = graph.channels.iter().map(|channel| channel.ends).collect();
        assert_eq!(ends, [[0, 1], [1, 2], [2, 3], [0, 3]]);
    }

    #[test]
    fn a_quantile_of_nothing_is_not_a_figure() {
        assert!(quantile(&[], 0.5).is_nan());
        assert!((quantile(&[1.0, 2.0, 9.0], 0.5) - 2.0).abs() < 1e-9);
    }
}

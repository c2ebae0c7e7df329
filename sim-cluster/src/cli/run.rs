//! `sim-cluster run`: from options to a plan, from a plan to a report.
//!
//! Whatever can be refused is refused before the first agent starts.

use super::options::{NetworkOptions, RunOptions};
use crate::demand::{Amounts, DemandOptions, load_trace, schedule};
use crate::error::ClusterError;
use crate::launch::{ProcessStarter, Starter};
use crate::report::{self, SettingsReport};
use crate::run::{Progress, RunPlan};
use crate::topology::{self, Graph};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Most agents one machine is asked to run.
pub const MAX_AGENTS: usize = 100;

/// Loads, and if asked cuts, the network.
///
/// # Errors
/// A file that is refused, a piece that cannot be cut, a backend that cannot run a cluster.
pub fn network(options: &NetworkOptions) -> Result<Graph, ClusterError> {
    if options.backend != "ledger" {
        let text = format!(
            "--backend {}: a cluster can run on `ledger` only; ldk, lnd and cln need nodes of \
             their own and are not part of this version",
            options.backend
        );
        return Err(ClusterError::Usage(text));
    }
    let whole = match &options.topology {
        Some(path) => topology::load(path)?,
        None => topology::embedded()?,
    };
    let graph = match options.nodes {
        Some(nodes) if nodes != whole.nodes.len() => {
            let refused = |e| ClusterError::Usage(format!("--nodes: {e}"));
            topology::cut(&whole, nodes, options.seed).map_err(refused)?
        }
        _ => whole,
    };
    if graph.nodes.len() > MAX_AGENTS {
        let text = format!(
            "the topology has {} nodes and each becomes a process; cut a piece with --nodes N (at \
             most {MAX_AGENTS})",
            graph.nodes.len()
        );
        return Err(ClusterError::Usage(text));
    }
    Ok(graph)
}

/// Makes the plan of a run and the settings its report quotes.
///
/// # Errors
/// Whatever [`network`] refuses, a refused trace, a demand that cannot be.
pub fn plan(options: &RunOptions) -> Result<(RunPlan, SettingsReport), ClusterError> {
    let graph = network(&options.network)?;
    plan_on(options, graph)
}

/// The same on a network that is there already.
///
/// # Errors
/// A refused trace, a demand that cannot be.
pub fn plan_on(
    options: &RunOptions,
    graph: Graph,
) -> Result<(RunPlan, SettingsReport), ClusterError> {
    let net = &options.network;
    let (amounts, amounts_name) = match &options.trace {
        Some(path) => (Amounts::Trace(load_trace(path)?), path.display().to_string()),
        None => (Amounts::Fitted, "fitted to published Lightning amounts".to_owned()),
    };
    let epoch_ms = net.epoch_ms(graph.nodes.len());
    let duration_ms = options.duration_ms(epoch_ms);
    let demand = DemandOptions {
        pattern: options.demand,
        dag_share: options.dag_share,
        load: options.load,
        payments_per_second: options.payments_per_second,
        duration_ms,
        seed: net.seed,
    };
    let payments = schedule(&graph, &demand, &amounts).map_err(ClusterError::Usage)?;
    let settings = SettingsReport {
        backend: net.backend.clone(),
        balances: net.balances,
        demand: options.demand,
        dag_share: options.dag_share,
        amounts: amounts_name,
        load: options.load,
        payments_per_second: options.payments_per_second,
        #[allow(clippy::cast_precision_loss)]
        duration_s: duration_ms as f64 / 1_000.0,
        attempts: options.attempts,
        plan_mode: net.plan_mode,
    };
    let first_msat = net.balances.draw(&graph, net.seed);
    let plan = RunPlan {
        graph,
        seed: net.seed,
        epoch_ms,
        market: net.market(),
        duration_ms,
        attempts: options.attempts,
        first_msat,
        payments,
        learning: options.learning,
        directory: agents_directory(&options.out),
    };
    Ok((plan, settings))
}

/// A directory for the agents of this run that no other run has.
pub fn agents_directory(out: &std::path::Path) -> PathBuf {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    out.join(format!("agents-{}", now.as_millis()))
}

/// Runs, reports, and removes the agents' directories unless asked to keep them.
///
/// # Errors
/// Whatever fails; the agents' directories then stay.
pub async fn run(options: &RunOptions) -> Result<(), ClusterError> {
    let started = Instant::now();
    let (plan, settings) = plan(options)?;
    let starter: Arc<dyn Starter> = Arc::new(ProcessStarter::this_executable()?);
    let progress = Progress::standard();
    progress.stage(&format!(
        "{} nodes, {} channels, {} payments per arm, seed {}",
        plan.graph.nodes.len(),
        plan.graph.channels.len(),
        plan.payments.len(),
        plan.seed
    ));
    let outcome = crate::run::run(&plan, &starter, &progress).await;
    progress.finish();
    let outcome = outcome.map_err(|error| kept(error, &plan.directory))?;
    let report = report::build(&plan, &outcome, settings, started.elapsed().as_secs_f64());
    let [json, html] = report::write(&report, &options.out)?;
    if options.json {
        print!("{}", report::to_json(&report)?);
    } else {
        println!("{}", report::table(&report));
        println!("\n{} (for people), {} (for programs)", html.display(), json.display());
    }
    let sound =
        report.audit.lost_msat == 0 && report.audit.violations == 0 && report.audit.open_locks == 0;
    if !sound {
        let text = format!(
            "the audit found {} msat lost, {} open locks, {} failed checks:\n  {}",
            report.audit.lost_msat,
            report.audit.open_locks,
            report.audit.violations,
            report.audit.findings.join("\n  ")
        );
        return Err(kept(ClusterError::Failed(text), &plan.directory));
    }
    if options.keep {
        eprintln!("agents' directories kept in {}", plan.directory.display());
        return Ok(());
    }
    std::fs::remove_dir_all(&plan.directory)
        .map_err(|e| ClusterError::io("remove", &plan.directory, &e))
}

/// Says where the directories of a failed run are.
pub fn kept(error: ClusterError, directory: &std::path::Path) -> ClusterError {
    match error {
        ClusterError::Failed(text) if directory.exists() => {
            ClusterError::Failed(format!("{text}\nagents' directories: {}", directory.display()))
        }
        other => other,
    }
}

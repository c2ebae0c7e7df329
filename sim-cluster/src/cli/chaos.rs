//! `sim-cluster chaos`: faults on real processes, then a summary.
//!
//! Not clean is exit code 1; the agents' directories then stay for reading.

use super::options::ChaosOptions;
use super::run::{agents_directory, kept, network};
use crate::chaos::{ChaosPlan, ChaosReport, chaos};
use crate::demand::{Amounts, DemandOptions, Pattern, schedule};
use crate::error::ClusterError;
use crate::launch::{ProcessStarter, Starter};
use crate::run::Progress;
use std::sync::Arc;

/// Payments per second while faults are made.
const PAYMENTS_PER_SECOND: f64 = 4.0;
/// Most agents: every ordered pair has a port, and processes have about a thousand file handles.
const MAX_AGENTS: usize = 20;
/// Name of the file for programs.
const JSON_NAME: &str = "chaos.json";

/// Makes the plan.
///
/// # Errors
/// Whatever the network options refuse.
pub fn plan(options: &ChaosOptions) -> Result<ChaosPlan, ClusterError> {
    let net = &options.network;
    let graph = network(net)?;
    if graph.nodes.len() > MAX_AGENTS {
        let text = format!(
            "chaos puts a proxy between every two agents and takes at most {MAX_AGENTS}, not {}; \
             cut a piece with --nodes",
            graph.nodes.len()
        );
        return Err(ClusterError::Usage(text));
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let duration_ms = (options.minutes * 60_000.0) as u64;
    let demand = DemandOptions {
        pattern: if graph.nodes.len() < 3 { Pattern::Uniform } else { Pattern::Drift },
        dag_share: 0.0,
        load: 1.0,
        payments_per_second: PAYMENTS_PER_SECOND,
        duration_ms,
        seed: net.seed,
    };
    let payments = schedule(&graph, &demand, &Amounts::Fitted).map_err(ClusterError::Usage)?;
    let first_msat = net.balances.draw(&graph, net.seed);
    let directory = agents_directory(&options.out);
    let (seed, epoch_ms) = (net.seed, net.epoch_ms(graph.nodes.len()));
    let market = net.market();
    Ok(ChaosPlan { graph, seed, epoch_ms, market, duration_ms, first_msat, payments, directory })
}

/// Runs chaos and prints the summary.
///
/// # Errors
/// Anything that fails, and a cluster that is not clean afterwards.
pub async fn run(options: &ChaosOptions) -> Result<(), ClusterError> {
    let plan = plan(options)?;
    let starter: Arc<dyn Starter> = Arc::new(ProcessStarter::this_executable()?);
    let progress = Progress::standard();
    let report = chaos(&plan, &starter, &progress).await;
    progress.finish();
    let report = report.map_err(|error| kept(error, &plan.directory))?;
    let text = serde_json::to_string_pretty(&report)
        .map_err(|e| ClusterError::Failed(format!("writing the report: {e}")))?;
    let path = options.out.join(JSON_NAME);
    std::fs::write(&path, format!("{text}\n")).map_err(|e| ClusterError::io("write", &path, &e))?;
    if options.json {
        println!("{text}");
    } else {
        print!("{}", summary(&report));
    }
    if !report.is_clean() {
        let text = format!("not clean after healing:\n  {}", report.violations.join("\n  "));
        return Err(kept(ClusterError::Failed(text), &plan.directory));
    }
    if options.keep {
        eprintln!("agents' directories kept in {}", plan.directory.display());
        return Ok(());
    }
    std::fs::remove_dir_all(&plan.directory)
        .map_err(|e| ClusterError::io("remove", &plan.directory, &e))
}

/// The summary for people.
#[must_use]
pub fn summary(report: &ChaosReport) -> String {
    let faults = &report.faults;
    let settled = match report.settled_s {
        Some(seconds) => format!("clean {seconds:.1} s after healing"),
        None => "NOT clean within 30 s of healing".to_owned(),
    };
    let peers = report.peers_in_partitions.map_or_else(String::new, |peers| {
        format!(" (worst agent {peers:.1} peers, normally {:.1})", report.peers_whole)
    });
    format!(
        "{nodes} agents, {channels} channels, {minutes} minutes, seed {seed}\n\
         faults      {kills} kills, {pauses} pauses, {partitions} partitions{peers}\n\
         payments    {succeeded} of {payments} delivered meanwhile\n\
         afterwards  {settled}; open locks {locks}\n\
         audit       {equal} of {channels} channels equal at both ends, {checks} checks, \
         {violations} failed\n\
         lost        {lost} msat\n",
        nodes = report.nodes,
        channels = report.channels,
        minutes = report.minutes,
        seed = report.seed,
        kills = faults.kills,
        pauses = faults.pauses,
        partitions = faults.partitions,
        succeeded = report.succeeded,
        payments = report.payments,
        locks = report.open_locks,
        equal = report.channels_equal,
        checks = report.invariants_checked,
        violations = report.violations.len(),
        lost = report.lost_msat,
    )
}

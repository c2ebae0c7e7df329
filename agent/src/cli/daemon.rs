//! `debal agent`: reads the configuration, starts the agent, waits, and says why it ended.
//!
//! The log goes to standard error and never holds a secret.

use super::{DATA_DIR, Failure, Shown};
use crate::agent::{Agent, StartError};
use crate::config::{AgentConfig, Founding, Sources};
use crate::init::CONFIG_NAME;
use serde_json::json;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tracing_subscriber::EnvFilter;

/// Threads of the agent's runtime beside the driver's: the network and the control socket.
const WORKERS: usize = 2;

pub(super) fn run(
    config: Option<PathBuf>,
    flags: Vec<String>,
    check: bool,
) -> Result<Shown, Failure> {
    let usual = ["", DATA_DIR].map(|directory| Path::new(directory).join(CONFIG_NAME));
    let file = config.or_else(|| usual.into_iter().find(|path| path.exists()));
    let sources = Sources { file, environment: std::env::vars().collect(), flags };
    let config = AgentConfig::load(sources).map_err(|e| Failure::invalid(e.to_string()))?;
    if check {
        return checked(&config);
    }
    start_log(&config.log)?;
    tracing::info!(?config, "configuration");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("no runtime: {error}")))?;
    let outcome = runtime.block_on(async {
        let agent = Agent::start(config).await.map_err(start_failure)?;
        agent.run().await.map_err(|fatal| {
            tracing::error!(%fatal, "stopped");
            Failure::failed(format!("stopped: {fatal}"))
        })
    });
    // Whatever still hangs must not keep a stopped agent alive.
    runtime.shutdown_timeout(Duration::from_secs(1));
    outcome?;
    Ok(Shown::new(json!({ "stopped": true }), String::new()))
}

fn start_failure(error: StartError) -> Failure {
    let message = error.to_string();
    if error.is_input() { Failure::invalid(message) } else { Failure::failed(message) }
}

fn checked(config: &AgentConfig) -> Result<Shown, Failure> {
    let founding = Founding::load(&config.genesis).map_err(|e| Failure::invalid(e.to_string()))?;
    let json = json!({
        "network": founding.name,
        "network_id": founding.network.to_string(),
        "members": founding.members.len(),
        "epoch_ms": founding.timetable.epoch_ms,
        "data_dir": config.data_dir,
    });
    let text = format!(
        "{config:#?}\nnetwork {} with {} members: good\n",
        founding.name,
        founding.members.len()
    );
    Ok(Shown::new(json, text))
}

fn start_log(filter: &str) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(filter)
        .map_err(|error| Failure::invalid(format!("log: {filter:?} is no filter: {error}")))?;
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colour);
    // In tests of several commands in one process the first log stays.
    let _ = log.with_writer(std::io::stderr).try_init();
    Ok(())
}

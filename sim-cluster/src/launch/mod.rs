//! Starts a cluster: one directory, one identity and one agent per node, channels opened, all
//! healthy, and everything ended again when the cluster is dropped.
//!
//! The launcher must never leave an agent behind: agents run in their own process groups, are
//! killed on drop, and end by themselves when the launcher dies.

mod agent;
mod channels;
mod files;
mod learning;
mod process;

pub use agent::Agent;
pub use channels::open_channels;
pub use files::{Layout, Settings, links, prepare};
pub use learning::{Decides, Learning};
pub use process::{ProcessStarter, Running, Signal, Starter};

use crate::error::ClusterError;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Time an agent has to answer its first request.
const READY_LIMIT: Duration = Duration::from_secs(60);
/// Pause between two looks at an agent that is not ready.
const READY_PAUSE: Duration = Duration::from_millis(50);
/// Time an agent has to leave after `stop`.
const STOP_LIMIT: Duration = Duration::from_secs(10);
/// Lines of an agent's log shown when it failed.
const LOG_LINES: usize = 8;

/// Where one node lives and who it is.
#[derive(Clone, Debug)]
pub struct NodeSpec {
    /// Node number in the graph.
    pub index: usize,
    /// Identity in hex.
    pub node: String,
    /// Its data directory.
    pub directory: PathBuf,
    /// Its configuration file.
    pub config: PathBuf,
    /// Where its output goes.
    pub log: PathBuf,
    /// Its control socket.
    pub socket: PathBuf,
}

struct Member {
    spec: NodeSpec,
    agent: Arc<Agent>,
    running: Option<Box<dyn Running>>,
}

/// A running cluster.
pub struct Cluster {
    members: Vec<Member>,
    starter: Arc<dyn Starter>,
}

impl Cluster {
    /// Starts an agent for every spec and waits until each answers.
    ///
    /// # Errors
    /// The first agent that cannot start, exits, or does not answer, with the end of its log.
    pub async fn start(
        specs: Vec<NodeSpec>,
        starter: Arc<dyn Starter>,
    ) -> Result<Self, ClusterError> {
        let member = |spec: NodeSpec| {
            let agent = Arc::new(Agent::new(spec.index, spec.node.clone(), spec.socket.clone()));
            Member { spec, agent, running: None }
        };
        let members = specs.into_iter().map(member).collect();
        let mut cluster = Self { members, starter };
        for index in 0..cluster.members.len() {
            cluster.start_member(index)?;
        }
        for index in 0..cluster.members.len() {
            cluster.wait_ready(index).await?;
        }
        Ok(cluster)
    }

    /// The agents in node order.
    #[must_use]
    pub fn agents(&self) -> Vec<Arc<Agent>> {
        self.members.iter().map(|member| Arc::clone(&member.agent)).collect()
    }

    /// Starts (again) the agent of one node; its directory is left as it is.
    ///
    /// # Errors
    /// The program could not be started.
    pub fn start_member(&mut self, index: usize) -> Result<(), ClusterError> {
        let starter = Arc::clone(&self.starter);
        let member = self.member(index)?;
        member.running = Some(starter.start(&member.spec)?);
        Ok(())
    }

    /// Sends a signal to one agent. A killed agent is reaped at once.
    ///
    /// # Errors
    /// The agent is not running, or the system refused the signal.
    pub fn signal(&mut self, index: usize, signal: Signal) -> Result<(), ClusterError> {
        let member = self.member(index)?;
        let failed = |e: String| ClusterError::Failed(format!("agent {index}: {signal:?}: {e}"));
        let running = member.running.as_mut().ok_or_else(|| failed("not running".to_owned()))?;
        running.signal(signal).map_err(|e| failed(e.to_string()))?;
        if signal == Signal::Kill {
            member.running = None;
        }
        Ok(())
    }

    /// Waits until one agent answers.
    ///
    /// # Errors
    /// It exited, or did not answer in time; with the end of its log.
    pub async fn wait_ready(&mut self, index: usize) -> Result<(), ClusterError> {
        let deadline = Instant::now() + READY_LIMIT;
        loop {
            let member = self.member(index)?;
            let Err(error) = member.agent.status().await else { return Ok(()) };
            let exited = member.running.as_mut().and_then(|running| running.exited());
            let problem = match exited {
                Some(how) => format!("ended before it was ready ({how})"),
                None if Instant::now() < deadline => {
                    tokio::time::sleep(READY_PAUSE).await;
                    continue;
                }
                None => format!("not ready after {} s ({error})", READY_LIMIT.as_secs()),
            };
            let log = log_tail(&member.spec);
            return Err(ClusterError::Failed(format!("agent {index} {problem}{log}")));
        }
    }

    /// Names the first agent that ended by itself.
    ///
    /// # Errors
    /// That agent, how it ended and the end of its log.
    pub fn check_alive(&mut self) -> Result<(), ClusterError> {
        for member in &mut self.members {
            if let Some(how) = member.running.as_mut().and_then(|running| running.exited()) {
                let log = log_tail(&member.spec);
                let text = format!("agent {} ended by itself ({how}){log}", member.spec.index);
                return Err(ClusterError::Failed(text));
            }
        }
        Ok(())
    }

    /// Asks every agent to stop and waits for them; what has not left in time is killed.
    ///
    /// # Errors
    /// Names the agents that had to be killed.
    pub async fn stop(mut self) -> Result<(), ClusterError> {
        for agent in self.agents() {
            // An agent that cannot be asked is found by the wait below.
            drop(agent.stop().await);
        }
        let deadline = Instant::now() + STOP_LIMIT;
        let mut left = Vec::new();
        loop {
            left.clear();
            for member in &mut self.members {
                if let Some(running) = &mut member.running
                    && running.exited().is_none()
                {
                    left.push(member.spec.index);
                }
            }
            if left.is_empty() {
                return Ok(());
            }
            if Instant::now() >= deadline {
                let text = format!("agents {left:?} did not stop in time and were killed");
                return Err(ClusterError::Failed(text));
            }
            tokio::time::sleep(READY_PAUSE).await;
        }
    }

    fn member(&mut self, index: usize) -> Result<&mut Member, ClusterError> {
        let missing = || ClusterError::Failed(format!("there is no agent {index}"));
        self.members.get_mut(index).ok_or_else(missing)
    }
}

/// The last lines of an agent's log, set off by a line break, or nothing.
fn log_tail(spec: &NodeSpec) -> String {
    let text = std::fs::read(&spec.log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    let tail = &lines[lines.len().saturating_sub(LOG_LINES)..];
    if tail.is_empty() { String::new() } else { format!(":\n  {}", tail.join("\n  ")) }
}

//! The library facade: one agent behind a handful of calls.
//!
//! It is the agent of `debal agent` with a runtime of its own, so it may be used from any thread of
//! a program without one. It must not be used inside a tokio runtime: its calls wait.

use crate::agent::{Agent, StartError};
use crate::api::{ApiError, Op, Service};
use crate::clock;
use crate::config::genesis::{GenesisFile, member_entry, network_id};
use crate::config::{AgentConfig, ConfigError, Founding, Sources, table};
use crate::driver::Fatal;
use crate::init::{self, InitError};
use crate::payments::Paid;
use debal_backends::ledger::PortError;
use debal_crypto::SeedFile;
use debal_protocol::input::Operator;
use debal_protocol::summary::{ChannelSummary, Want};
use debal_protocol::time::Timetable;
use debal_protocol::{ChannelId, Msat, NodeId};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::runtime::Runtime;

/// Why a call of the manager failed.
#[derive(Debug, thiserror::Error)]
pub enum ManagerError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The data directory cannot be made.
    #[error(transparent)]
    Init(#[from] InitError),
    /// The agent does not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The agent had to stop by itself.
    #[error(transparent)]
    Fatal(#[from] Fatal),
    /// The agent refused, by name.
    #[error(transparent)]
    Refused(#[from] ApiError),
    /// The agent is gone.
    #[error(transparent)]
    Gone(#[from] PortError),
    /// The operating system refused.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// Nothing is known of that node.
    #[error("no summary of node {0} is known here yet; it publishes one each epoch")]
    UnknownNode(NodeId),
    /// Not started, or stopped already.
    #[error("the manager is not running; call start() first")]
    NotRunning,
}

/// What a node asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RebalancingRequest {
    /// The node.
    pub node: NodeId,
    /// It asks for help: kappa, theta or tau is crossed.
    pub asks: bool,
    /// Channel ends that want liquidity to move, most urgent first; amounts are buckets.
    pub wants: Vec<ChannelSummary>,
}

/// Builds a [`Manager`].
#[derive(Clone, Debug, Default)]
pub struct Builder {
    data_dir: Option<PathBuf>,
    delta_t: Option<Duration>,
    flags: Vec<String>,
}

impl Builder {
    /// Ask for help when outbound / capacity over all channels is below this.
    #[must_use]
    pub fn kappa(self, share: f64) -> Self {
        self.set("policy.kappa", &format!("{share:.6}"))
    }

    /// Ask for help when min(out, in) / capacity of a channel is below this.
    #[must_use]
    pub fn theta(self, share: f64) -> Self {
        self.set("policy.theta", &format!("{share:.6}"))
    }

    /// Ask for help when a channel is predicted to be empty within this time.
    #[must_use]
    pub fn tau(self, time: Duration) -> Self {
        self.set("policy.tau_s", &time.as_secs().to_string())
    }

    /// Length of an election epoch. It belongs to the network: where a founding file exists, it
    /// must agree with it.
    #[must_use]
    pub fn delta_t(mut self, epoch: Duration) -> Self {
        self.delta_t = Some(epoch);
        self
    }

    /// Where the agent lives; `debal-data` if not set. Made with a new identity if it is not there.
    #[must_use]
    pub fn data_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(directory.into());
        self
    }

    /// Sets any knob of `docs/configuration.md`.
    #[must_use]
    pub fn set(mut self, key: &str, value: &str) -> Self {
        self.flags.push(format!("{key}={value}"));
        self
    }

    /// Checks the configuration. Without a founding file, the agent founds a network of its own.
    ///
    /// # Errors
    /// [`ManagerError::Config`] names the knob; [`ManagerError::Init`] if there can be no
    /// directory.
    pub fn build(mut self) -> Result<Manager, ManagerError> {
        let directory = self.data_dir.take().unwrap_or_else(|| PathBuf::from("debal-data"));
        self.flags.insert(0, format!("data_dir={}", directory.display()));
        let config = AgentConfig::load(Sources { flags: self.flags, ..Sources::default() })?;
        if !directory.join(SeedFile::NAME).exists() {
            init::create(&directory, None)?;
        }
        found(&config.genesis, &directory, self.delta_t)?;
        Ok(Manager { config, running: None })
    }
}

/// Writes the founding file of a network of one, or compares `delta_t` with the one that is there.
fn found(genesis: &Path, directory: &Path, delta_t: Option<Duration>) -> Result<(), ManagerError> {
    let epoch_ms = delta_t.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    if genesis.exists() {
        let founding = Founding::load(genesis).map_err(StartError::from)?;
        let found_ms = founding.timetable.epoch_ms;
        if epoch_ms.is_some_and(|epoch_ms| epoch_ms != found_ms) {
            let text =
                format!("delta_t belongs to the network: {} says {found_ms} ms", genesis.display());
            return Err(ConfigError::Invalid(text).into());
        }
        return Ok(());
    }
    let seed = SeedFile::in_directory(directory).open();
    let identity =
        seed.map_err(|source| StartError::Seed { directory: directory.to_owned(), source })?;
    let timetable =
        Timetable { genesis_ms: clock::unix_ms(), epoch_ms: epoch_ms.unwrap_or(600_000) };
    let name = format!("solo-{}", identity.node().short());
    let network = network_id(&name, &timetable);
    let file = GenesisFile {
        network: name,
        genesis_unix_ms: timetable.genesis_ms,
        epoch_ms: timetable.epoch_ms,
        members: vec![member_entry(&identity, &network, 1)],
    };
    Founding::verify(genesis, &file).map_err(StartError::from)?;
    let text = serde_json::to_vec_pretty(&file).map_err(std::io::Error::other)?;
    Ok(std::fs::write(genesis, text)?)
}

struct Running {
    agent: Agent,
    runtime: Runtime,
}

/// One agent. Dropping it ends the process's part of it at once; [`Manager::stop`] is the polite
/// way.
///
/// ```
/// use debal::manager::Manager;
/// use debal_protocol::Msat;
/// use std::time::Duration;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let directory = tempfile::tempdir()?;
/// let mut manager = Manager::builder()
///     .kappa(0.1)
///     .theta(0.2)
///     .tau(Duration::from_secs(2 * 3600))
///     .delta_t(Duration::from_secs(600))
///     .data_dir(directory.path())
///     .build()?;
/// manager.start()?;
///
/// // A node without channels asks for nothing.
/// let request = manager.handle_rebalancing_request(manager.node()?)?;
/// assert!(!request.asks && request.wants.is_empty());
///
/// // And there is nothing to move: the refusal names the channel.
/// let refused = manager.execute_rebalancing("1x2x3".parse()?, "4x5x6".parse()?, Msat(1_000));
/// assert!(refused.is_err_and(|error| error.to_string().contains("1x2x3")));
///
/// manager.stop()?;
/// # Ok(())
/// # }
/// ```
pub struct Manager {
    config: AgentConfig,
    running: Option<Running>,
}

impl Manager {
    /// A builder with every knob at its default.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Starts the agent: from now on it gossips, votes, plans when it leads, and takes part.
    ///
    /// # Errors
    /// [`ManagerError::Start`] says why not. Starting twice changes nothing.
    pub fn start(&mut self) -> Result<(), ManagerError> {
        if self.running.is_none() {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()?;
            let agent = runtime.block_on(Agent::start(self.config.clone()))?;
            self.running = Some(Running { agent, runtime });
        }
        Ok(())
    }

    /// This node.
    ///
    /// # Errors
    /// [`ManagerError::NotRunning`].
    pub fn node(&self) -> Result<NodeId, ManagerError> {
        Ok(self.running()?.agent.service().node)
    }

    /// What can be asked of the agent beyond this facade, with the runtime to ask in.
    ///
    /// # Errors
    /// [`ManagerError::NotRunning`].
    pub fn service(&self) -> Result<(&Service, &Runtime), ManagerError> {
        let running = self.running()?;
        Ok((running.agent.service().as_ref(), &running.runtime))
    }

    /// What `node` asks for in its newest summary. If it is this node, the agent is made to take
    /// part in rebalancing, so that the next plan can answer the request.
    ///
    /// # Errors
    /// [`ManagerError::UnknownNode`] if it has published nothing yet.
    pub fn handle_rebalancing_request(
        &self,
        node: NodeId,
    ) -> Result<RebalancingRequest, ManagerError> {
        let Running { agent, runtime } = self.running()?;
        let service = agent.service();
        runtime.block_on(async {
            if node == service.node {
                service.driver.operator(Operator::SetRebalancing(true)).await?;
            }
            let find = move |core: &debal_protocol::Node, now| {
                let own = (node == core.status(now).node).then(|| core.status(now).request);
                let summary = core.summaries().into_iter().find(|(other, _)| *other == node);
                (own, summary.map(|(_, summary)| summary))
            };
            let (own, summary) = service.driver.look(find).await?;
            let asks = match (own, &summary) {
                (Some(reason), _) => reason != "none",
                (None, Some(summary)) => summary.requests,
                (None, None) => return Err(ManagerError::UnknownNode(node)),
            };
            let channels = summary.map(|summary| summary.channels.into_vec()).unwrap_or_default();
            let wanting = channels.into_iter().filter(|channel| channel.want != Want::Nothing);
            let mut wants: Vec<ChannelSummary> = wanting.collect();
            wants.sort_by_key(|channel| std::cmp::Reverse(channel.urgency));
            Ok(RebalancingRequest { node, asks, wants })
        })
    }

    /// Moves `amount` out of channel `source` and into channel `target`, all or nothing.
    ///
    /// # Errors
    /// [`ManagerError::Refused`] if nothing was tried. A try that failed is an answer, not an
    /// error.
    pub fn execute_rebalancing(
        &self,
        source: ChannelId,
        target: ChannelId,
        amount: Msat,
    ) -> Result<Paid, ManagerError> {
        let (service, runtime) = self.service()?;
        let op = Op::Rebalance {
            from: source.to_string(),
            to: target.to_string(),
            amount_msat: amount.0,
            max_fee_ppm: None,
            min_success_ppm: None,
        };
        let answer = runtime.block_on(service.run(op))?;
        let paid = serde_json::from_value(answer).map_err(std::io::Error::other)?;
        Ok(paid)
    }

    /// Stops gracefully: open transfers get a bounded time, the journal is flushed.
    ///
    /// # Errors
    /// [`ManagerError::Fatal`] if the journal failed at the end.
    pub fn stop(&mut self) -> Result<(), ManagerError> {
        let Running { agent, runtime } = self.running.take().ok_or(ManagerError::NotRunning)?;
        Ok(runtime.block_on(agent.stop())?)
    }

    fn running(&self) -> Result<&Running, ManagerError> {
        self.running.as_ref().ok_or(ManagerError::NotRunning)
    }
}

/// Every knob with its range and reason, for programs that offer their own settings.
#[must_use]
pub const fn knobs() -> &'static [table::Knob] {
    table::KNOBS
}

//! The agent put together: disk, node, network, driver, payer, control socket, metrics, history.
//!
//! It only connects parts. What stops it is named, with the exit code an operator's script needs.

use crate::api::{self, Service};
use crate::clock::Clock;
use crate::config::{AgentConfig, ConfigError, Founding, GenesisError, Peer};
use crate::driver::feed::GossipTrace;
use crate::driver::{self, DriverHandle, Ended, Fatal, NetOutbox, Parts};
use crate::fees::{self, Fees};
use crate::metrics::{self, Budgets, Metrics};
use crate::payments::Payer;
use crate::shutdown::{self, Signals};
use crate::steering::{Board, Limits, Steering};
use crate::{history, init};
use debal_backends::ChannelBackend;
use debal_backends::ledger::Ledger;
use debal_crypto::{Identity, RealSuite, SeedFile, SeedFileError};
use debal_fees_history::HistoryError;
use debal_net::{Multiaddr, NetConfig, NetError, NetHandle, NetLimits, PeerKey};
use debal_planner::leader::{self, PlanLimits};
use debal_planner::market::PRICE_RULE;
use debal_protocol::election::Genesis;
use debal_protocol::journal::Record;
use debal_protocol::wire::codec;
use debal_protocol::{Node, NodeId, config::Config};
use debal_store::{DirLock, Journal, JournalError, LockError, RealDisk};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Name of the file that remembers which network this directory belongs to.
const NETWORK_FILE: &str = "network";
/// Members from which elections survive one that lies.
const LIARS_FROM: usize = 4;

/// Why an agent did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The founding file is wrong.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// The directory belongs to another network.
    #[error(
        "the data directory {directory} belongs to network {found}, {genesis} founds {given}; \
         use the founding file of that network, or another data directory"
    )]
    OtherNetwork {
        /// The directory.
        directory: PathBuf,
        /// Its network.
        found: String,
        /// The founding file.
        genesis: PathBuf,
        /// That file's network.
        given: String,
    },
    /// There is no identity, or it is not private.
    #[error("{source}; `debal init --data-dir {directory}` makes a new identity")]
    Seed {
        /// The data directory.
        directory: PathBuf,
        /// What is wrong with its seed file.
        source: SeedFileError,
    },
    /// The directory is in use or cannot be used.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The journal does not open.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The journal opens but does not fit this agent.
    #[error(
        "the journal does not replay at record {position}: {reason}; copy the data directory \
        aside and \
         restore it from a copy of one moment, do not edit it"
    )]
    Replay {
        /// Record, counted from 1.
        position: u64,
        /// Why.
        reason: String,
    },
    /// The history of fees does not open.
    #[error(transparent)]
    Fees(#[from] HistoryError),
    /// The network does not start.
    #[error(transparent)]
    Net(#[from] NetError),
    /// Any other call of the operating system.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done.
        doing: String,
        /// The system's answer.
        source: std::io::Error,
    },
}

impl StartError {
    /// Whether what the operator gave is wrong, rather than the world.
    #[must_use]
    pub const fn is_input(&self) -> bool {
        matches!(self, Self::Config(_) | Self::Genesis(_) | Self::OtherNetwork { .. })
    }

    fn io(doing: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }
}

/// A running agent.
pub struct Agent {
    service: Arc<Service>,
    backend: Arc<dyn ChannelBackend>,
    net: NetHandle,
    ended: Ended,
    stop: watch::Receiver<bool>,
    tasks: Vec<JoinHandle<()>>,
    socket: PathBuf,
    // Held until the very end: nobody else may use the directory while anything here still runs.
    _lock: DirLock,
}

impl Agent {
    /// Starts an agent in the current tokio runtime.
    ///
    /// # Errors
    /// [`StartError`] names what is wrong and what to do.
    pub async fn start(config: AgentConfig) -> Result<Self, StartError> {
        let directory = config.data_dir.clone();
        let seed_file = SeedFile::in_directory(&directory);
        let identity = seed_file
            .open()
            .map_err(|source| StartError::Seed { directory: directory.clone(), source })?;
        let founding = Founding::load(&config.genesis)?;
        let lock = DirLock::acquire(&directory)?;
        remember_network(&directory, &config.genesis, &founding)?;
        let node_id = identity.node();
        warn_of_founding(&founding, &node_id);
        let net_config = net_config(&config, &identity, &founding)?;
        let options = init::journal_options(&identity);
        let mut node = node(&config, &founding, identity)?;
        let journal = replay(&directory, options, &mut node)?;
        let (net, net_events) = debal_net::start(net_config).await?;
        let metrics = Arc::new(Metrics::default());
        metrics.with_registry(|registry| net.register(registry));
        let trace = GossipTrace::default();
        let limits = plan_limits(&config);
        let parts = Parts {
            node,
            journal,
            clock: Clock::start(),
            outbox: Box::new(NetOutbox(net.clone())),
            plan: Box::new(move |request| {
                let limits = PlanLimits { max_hops_in_all: request.hops_max, ..limits };
                leader::plan(&request.summaries, &limits)
            }),
            metrics: Arc::clone(&metrics),
            trace: trace.clone(),
        };
        let started = driver::start(parts, net_events);
        let (driver, ended) = started.map_err(StartError::io("start the driver's thread"))?;
        if let Err(error) = history::start(&directory, node_id, driver.clone()) {
            tracing::warn!(%error, "no history is written");
        }
        let backend: Arc<dyn ChannelBackend> =
            Arc::new(Ledger::new(Arc::new(driver.clone()), node_id));
        let payer = Payer::new(
            Arc::clone(&backend),
            driver.clone(),
            Arc::clone(&metrics),
            node_id,
            config.attempts,
        );
        let (board, steering) = steer(&config, &founding, &driver, node_id)?;
        let (stop_in, stop) = watch::channel(false);
        let service = Arc::new(Service {
            driver,
            payer: Arc::new(payer),
            metrics,
            trace,
            net: net.clone(),
            network: founding.network,
            node: node_id,
            board,
            stop: stop_in,
        });
        let bound = api::bind(&directory).map_err(StartError::io("open the control socket"))?;
        let (listener, socket) = bound;
        let mut tasks = vec![tokio::spawn(api::serve(listener, Arc::clone(&service)))];
        tasks.push(tokio::spawn(steering.run()));
        tasks.extend(serve_metrics(&config, &service).await?);
        tracing::info!(node = %node_id, network = %founding.name, "agent started");
        Ok(Self { service, backend, net, ended, stop, tasks, socket, _lock: lock })
    }

    /// What can be asked of it.
    #[must_use]
    pub const fn service(&self) -> &Arc<Service> {
        &self.service
    }

    /// Its backend.
    #[must_use]
    pub const fn backend(&self) -> &Arc<dyn ChannelBackend> {
        &self.backend
    }

    /// Its driver.
    #[must_use]
    pub fn driver(&self) -> &DriverHandle {
        &self.service.driver
    }

    /// Runs until a signal, an operator's request, or a failure; then stops in order.
    ///
    /// # Errors
    /// [`Fatal`] if the agent had to stop by itself.
    pub async fn run(mut self) -> Result<(), Fatal> {
        let mut signals = Signals::install().map_err(Fatal::Signals)?;
        let why = tokio::select! {
            outcome = &mut self.ended => {
                // Nothing more may be sent: the network goes down without a goodbye.
                self.close();
                return outcome.unwrap_or(Err(Fatal::Gone));
            }
            signal = signals.next() => signal,
            () = shutdown::requested(self.stop.clone()) => "request",
        };
        tracing::info!(why, "stopping");
        tokio::select! {
            outcome = self.stop() => outcome,
            _ = signals.next() => Err(Fatal::Impatient),
        }
    }

    /// Stops gracefully: no new work, open transfers get a bounded time, the journal is flushed.
    ///
    /// # Errors
    /// [`Fatal`] if the journal failed at the end.
    pub async fn stop(mut self) -> Result<(), Fatal> {
        self.service.driver.stop(shutdown::PATIENCE).await;
        let outcome = (&mut self.ended).await.unwrap_or(Err(Fatal::Gone));
        self.net.shutdown().await;
        self.close();
        outcome
    }

    fn close(&self) {
        for task in &self.tasks {
            task.abort();
        }
        // A socket that stays behind is replaced at the next start.
        let _ = std::fs::remove_file(&self.socket);
    }
}

/// Starts the fee rules, if there are any, and readies the steering.
fn steer(
    config: &AgentConfig,
    founding: &Founding,
    driver: &DriverHandle,
    node: NodeId,
) -> Result<(Board, Steering), StartError> {
    let (board, liquidity) = (Board::default(), config.liquidity);
    if let Some(rules) = config.fees.clone() {
        let fees = Fees::new(driver.clone(), node, liquidity, rules, board.clone());
        fees::start(&config.data_dir, fees)?;
    }
    let epoch_ms = founding.timetable.epoch_ms;
    let limits = Limits { liquidity, caps: config.caps, epoch_ms };
    let steering = Steering::new(driver.clone(), board.clone(), limits, config.learning);
    Ok((board, steering))
}

fn remember_network(
    directory: &Path,
    genesis: &Path,
    founding: &Founding,
) -> Result<(), StartError> {
    let path = directory.join(NETWORK_FILE);
    let given = founding.network.to_string();
    match std::fs::read_to_string(&path) {
        Ok(found) if found.trim() == given => Ok(()),
        Ok(found) => Err(StartError::OtherNetwork {
            directory: directory.to_owned(),
            found: found.trim().chars().take(64).collect(),
            genesis: genesis.to_owned(),
            given,
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let doing = format!("write {}", path.display());
            std::fs::write(&path, format!("{given}\n")).map_err(StartError::io(doing))
        }
        Err(error) => Err(StartError::io(format!("read {}", path.display()))(error)),
    }
}

fn node(config: &AgentConfig, founding: &Founding, identity: Identity) -> Result<Node, StartError> {
    let core = Config {
        network: founding.network,
        node: identity.node(),
        timetable: founding.timetable,
        liquidity: config.liquidity,
        caps: config.caps,
        deadlines: config.deadlines,
        market: config.market,
        rebalancing: config.rebalancing,
    };
    let genesis = Genesis {
        network: founding.network,
        timetable: founding.timetable,
        members: founding.members.clone(),
    };
    let node = Node::new(core, genesis, Arc::new(RealSuite::new(identity)));
    let given = |node: Node| node.checking_plans(leader::plan_check).pricing(PRICE_RULE);
    node.map(given).map_err(|error| {
        let text = format!("{}: {error}", config.genesis.display());
        StartError::Config(ConfigError::Invalid(text))
    })
}

/// Says what the founding means for this node's part in elections.
fn warn_of_founding(founding: &Founding, node: &NodeId) {
    if !founding.has(node) {
        tracing::warn!(node = %node.short(), "not a founding member: no vote in elections");
    }
    let members = founding.members.len();
    if members < LIARS_FROM {
        // More than two thirds of the votes of so few is all of them.
        tracing::warn!(members, "elections survive no lying member; four or more survive one");
    }
}

/// Opens the journal and folds its records into the node.
fn replay(
    directory: &Path,
    options: debal_store::OpenOptions,
    node: &mut Node,
) -> Result<Journal, StartError> {
    let disk = RealDisk::new(directory).map_err(StartError::io("open the data directory"))?;
    let (journal, recovered) = Journal::open(disk, options)?;
    if let Some(cut) = &recovered.cut {
        tracing::warn!(
            file = cut.file, offset = cut.offset, bytes = cut.bytes, reason = %cut.reason,
            "the journal's unfinished tail was cut; peers will show what they signed since"
        );
    }
    let records = recovered.records.len();
    for (position, bytes) in (recovered.first.0..).zip(recovered.records) {
        let wrong = |reason: String| StartError::Replay { position, reason };
        let record: Record =
            codec::decode_record(&bytes).map_err(|error| wrong(error.to_string()))?;
        node.restore(&record).map_err(|error| wrong(error.to_string()))?;
    }
    node.resume_at(debal_protocol::effect::Position(journal.appended().0));
    tracing::info!(records, "journal replayed");
    Ok(journal)
}

fn net_config(
    config: &AgentConfig,
    identity: &Identity,
    founding: &Founding,
) -> Result<NetConfig, StartError> {
    let address = |key: &str, text: &str| {
        text.parse::<Multiaddr>().map_err(|error| {
            let text = format!(
                "{key}: {text:?} is no address ({error}); write it as /ip4/203.0.113.5/tcp/9740"
            );
            StartError::Config(ConfigError::Invalid(text))
        })
    };
    let listen = config.listen.iter().map(|text| address("listen", text));
    let bootstrap = config.bootstrap.iter().filter(|peer| peer.node != identity.node());
    let bootstrap = bootstrap.map(|Peer { node, address: text }| {
        address("bootstrap", text).map(|address| (PeerKey(node.0), address))
    });
    Ok(NetConfig {
        secret: identity.transport_seed(),
        network: founding.network.0,
        listen: listen.collect::<Result<_, _>>()?,
        bootstrap: bootstrap.collect::<Result<_, _>>()?,
        limits: NetLimits::default(),
        loopback: config.loopback,
        explicit_peers: Vec::new(),
    })
}

fn plan_limits(config: &AgentConfig) -> PlanLimits {
    PlanLimits {
        max_hops: config.planner.max_hops,
        min_amount_msat: config.planner.min_amount_msat.0,
        ..PlanLimits::default()
    }
}

async fn serve_metrics(
    config: &AgentConfig,
    service: &Arc<Service>,
) -> Result<Option<JoinHandle<()>>, StartError> {
    let Some(address) = config.metrics_listen else { return Ok(None) };
    let listener = TcpListener::bind(address)
        .await
        .map_err(StartError::io(format!("metrics_listen: listen on {address}")))?;
    let service = Arc::clone(service);
    let budgets =
        Budgets { hour_msat: config.caps.fees_hour_msat.0, day_msat: config.caps.fees_day_msat.0 };
    let text = move || {
        let service = Arc::clone(&service);
        async move {
            let metrics = Arc::clone(&service.metrics);
            let observe = move |node: &Node, now: debal_protocol::Now| {
                metrics.observe(&node.status(now), budgets);
                metrics.observe_durable(node.durable(), now.wall_ms);
            };
            if service.driver.look(observe).await.is_err() {
                tracing::debug!("scraped while stopping: gauges are of the last scrape");
            }
            service.metrics.text().unwrap_or_default()
        }
    };
    Ok(Some(tokio::spawn(metrics::serve(listener, text))))
}

/// The identity of a running or stopped agent.
///
/// # Errors
/// [`SeedFileError`] if there is none.
pub fn identity_of(directory: &Path) -> Result<NodeId, SeedFileError> {
    Ok(SeedFile::in_directory(directory).open()?.node())
}

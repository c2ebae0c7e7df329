//! What a cluster needs on disk before it starts: directories, identities, the genesis file, one
//! configuration per agent.
//!
//! Identities follow from the run's seed, so a run can be repeated; they must never be used for
//! anything but such a run.

use super::{Learning, NodeSpec};
use crate::error::ClusterError;
use crate::random;
use crate::topology::Graph;
use debal::config::genesis::{GenesisFile, member_entry, network_id};
use debal::init::CONFIG_NAME;
use debal_crypto::Identity;
use debal_protocol::market::Market;
use debal_protocol::time::Timetable;
use rand::RngCore;
use serde::Serialize;
use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Longest path of a Unix socket the operating systems accept (104 on macOS, 108 on Linux).
const MAX_SOCKET_PATH: usize = 103;

/// From the launch to the genesis: this much, and [`START_PER_AGENT_MS`] for every agent.
const START_MS: u64 = 1_000;
/// Each agent makes a handshake with every other one, all on the machine's few cores.
const START_PER_AGENT_MS: u64 = 250;

/// What all agents of a run are told.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Seed of the run.
    pub seed: u64,
    /// Length of an epoch.
    pub epoch_ms: u64,
    /// Routes a payment may try.
    pub attempts: u32,
    /// When epoch 1 begins.
    pub genesis_unix_ms: u64,
    /// Forecasts, and who decides by them.
    pub learning: Learning,
    /// Price rounds.
    pub market: Market,
}

impl Settings {
    /// A genesis late enough for `nodes` agents to start, meet and open their channels without
    /// holding elections beside it.
    #[must_use]
    pub fn genesis_after_start(nodes: usize) -> u64 {
        let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        let nodes = u64::try_from(nodes).unwrap_or(u64::MAX);
        now_ms.saturating_add(START_MS).saturating_add(nodes.saturating_mul(START_PER_AGENT_MS))
    }

    /// Waits until epoch 1 has begun, if it has not.
    pub async fn genesis(&self) {
        let genesis = UNIX_EPOCH + Duration::from_millis(self.genesis_unix_ms);
        let left = genesis.duration_since(SystemTime::now()).unwrap_or_default();
        tokio::time::sleep(left).await;
    }
}

/// Who listens where, and whom each node is told at the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Port each node listens on.
    pub ports: Vec<u16>,
    /// For each node, the nodes it knows at the start and the address it reaches them by.
    pub bootstrap: Vec<Vec<(usize, SocketAddrV4)>>,
    /// Whether agents believe addresses of this machine that others tell them. Where they do not,
    /// they use the addresses of `bootstrap` and nothing else.
    pub loopback: bool,
}

impl Layout {
    /// Every node reaches its [`links`] directly.
    ///
    /// # Errors
    /// No free ports.
    pub fn direct(graph: &Graph) -> Result<Self, ClusterError> {
        let ports = free_ports(graph.nodes.len())?;
        let bootstrap = links(graph)
            .into_iter()
            .map(|peers| peers.into_iter().map(|peer| (peer, local(ports[peer]))).collect())
            .collect();
        Ok(Self { ports, bootstrap, loopback: true })
    }
}

/// An address of this machine.
const fn local(port: u16) -> SocketAddrV4 {
    SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)
}

/// Finds free TCP ports: binds them all at once, remembers and releases them.
///
/// # Errors
/// The system has none.
pub fn free_ports(count: usize) -> Result<Vec<u16>, ClusterError> {
    let failed = |e: std::io::Error| ClusterError::Failed(format!("no free port: {e}"));
    let bound: Result<Vec<TcpListener>, _> =
        (0..count).map(|_| TcpListener::bind(("127.0.0.1", 0))).collect();
    let port = |listener: &TcpListener| listener.local_addr().map(|address| address.port());
    bound.map_err(failed)?.iter().map(port).collect::<Result<_, _>>().map_err(failed)
}

/// Whom each node knows at the start: its channel peers, and its neighbours on a ring over all
/// nodes so that gossip is connected even where the graph is not.
#[must_use]
pub fn links(graph: &Graph) -> Vec<BTreeSet<usize>> {
    let count = graph.nodes.len();
    let mut links: Vec<BTreeSet<usize>> =
        graph.neighbours(|_| true).into_iter().map(BTreeSet::from_iter).collect();
    for node in 0..count {
        let next = (node + 1) % count;
        if next != node {
            links[node].insert(next);
            links[next].insert(node);
        }
    }
    links
}

#[derive(Serialize)]
struct AgentConfig {
    data_dir: PathBuf,
    genesis: PathBuf,
    listen: Vec<String>,
    loopback: bool,
    log: &'static str,
    policy: PolicyTable,
    caps: CapsTable,
    payments: PaymentsTable,
    rebalancing: RebalancingTable,
    learning: Learning,
    plan: PlanTable,
    bootstrap: Vec<BootstrapEntry>,
}

#[derive(Serialize)]
struct PolicyTable {
    kappa: f64,
    theta: f64,
    tau_s: u64,
}

#[derive(Serialize)]
struct CapsTable {
    pair_cooldown_s: u64,
}

#[derive(Serialize)]
struct PaymentsTable {
    attempts: u32,
}

#[derive(Serialize)]
struct RebalancingTable {
    enabled: bool,
}

#[derive(Serialize)]
struct PlanTable {
    mode: &'static str,
    rounds: u8,
}

#[derive(Serialize)]
struct BootstrapEntry {
    node: String,
    address: String,
}

/// Writes everything under `directory`, which must not exist yet. Rebalancing starts disabled; the
/// run switches it on when payments start, so that both arms begin alike.
///
/// # Errors
/// A path too long for a socket, or whatever the file system refuses.
pub fn prepare(
    graph: &Graph,
    settings: &Settings,
    layout: &Layout,
    directory: &Path,
) -> Result<Vec<NodeSpec>, ClusterError> {
    std::fs::create_dir_all(directory).map_err(|e| ClusterError::io("create", directory, &e))?;
    let directory =
        directory.canonicalize().map_err(|e| ClusterError::io("resolve", directory, &e))?;
    let mut specs = Vec::new();
    let mut identities = Vec::new();
    for index in 0..graph.nodes.len() {
        let data = directory.join(format!("{index:02}"));
        let socket = data.join("control.sock");
        if socket.as_os_str().len() > MAX_SOCKET_PATH {
            let text = format!(
                "{} is too long for a socket (at most {MAX_SOCKET_PATH} bytes); give a shorter --out",
                socket.display()
            );
            return Err(ClusterError::Usage(text));
        }
        let identity = identity(settings.seed, index, &data)?;
        let (config, log) = (data.join(CONFIG_NAME), data.join("agent.log"));
        let node = identity.node().to_string();
        identities.push(identity);
        specs.push(NodeSpec { index, node, directory: data, config, log, socket });
    }
    let genesis = directory.join("genesis.json");
    write_genesis(&genesis, graph, settings, &identities)?;
    for spec in &specs {
        write_config(spec, &specs, settings, layout, &genesis)?;
    }
    Ok(specs)
}

fn identity(seed: u64, index: usize, data: &Path) -> Result<Identity, ClusterError> {
    let mut bytes = [0u8; 32];
    let number = u64::try_from(index).unwrap_or(u64::MAX);
    random::stream(seed, "identity", number).fill_bytes(&mut bytes);
    debal::init::create(data, Some(&bytes))
        .map_err(|e| ClusterError::Failed(format!("identity of agent {index}: {e}")))
}

fn write_genesis(
    path: &Path,
    graph: &Graph,
    settings: &Settings,
    identities: &[Identity],
) -> Result<(), ClusterError> {
    let genesis_unix_ms = settings.genesis_unix_ms;
    let network = format!("debal-sim-{}", settings.seed);
    let timetable = Timetable { genesis_ms: genesis_unix_ms, epoch_ms: settings.epoch_ms };
    let id = network_id(&network, &timetable);
    let weighted = identities.iter().zip(graph.node_capacities_sat());
    let members =
        weighted.map(|(identity, weight)| member_entry(identity, &id, weight.max(1))).collect();
    let genesis = GenesisFile { network, genesis_unix_ms, epoch_ms: settings.epoch_ms, members };
    let text = serde_json::to_string_pretty(&genesis)
        .map_err(|e| ClusterError::Failed(format!("genesis file: {e}")))?;
    std::fs::write(path, text).map_err(|e| ClusterError::io("write", path, &e))
}

fn write_config(
    spec: &NodeSpec,
    specs: &[NodeSpec],
    settings: &Settings,
    layout: &Layout,
    genesis: &Path,
) -> Result<(), ClusterError> {
    let address = |at: SocketAddrV4| format!("/ip4/{}/tcp/{}", at.ip(), at.port());
    let known = layout.bootstrap.get(spec.index).into_iter().flatten();
    let bootstrap = known
        .filter_map(|(peer, at)| {
            let node = specs.get(*peer)?.node.clone();
            Some(BootstrapEntry { node, address: address(*at) })
        })
        .collect();
    let port = layout.ports.get(spec.index).copied().unwrap_or(0);
    let config = AgentConfig {
        data_dir: spec.directory.clone(),
        genesis: genesis.to_owned(),
        listen: vec![address(local(port))],
        loopback: layout.loopback,
        // Upstream prints whole frames when a neighbour is slow, which makes it slower.
        log: "info,libp2p_gossipsub=error,libp2p_kad=error",
        // Twelve epochs, and below one: as the defaults are of the default epoch.
        policy: PolicyTable {
            kappa: 0.1,
            theta: 0.2,
            tau_s: settings.epoch_ms.saturating_mul(12).div_ceil(1_000),
        },
        caps: CapsTable { pair_cooldown_s: settings.epoch_ms.div_ceil(1_000).min(3_600) },
        payments: PaymentsTable { attempts: settings.attempts },
        rebalancing: RebalancingTable { enabled: false },
        learning: settings.learning,
        plan: PlanTable { mode: settings.market.mode.name(), rounds: settings.market.rounds() },
        bootstrap,
    };
    let text = toml::to_string(&config)
        .map_err(|e| ClusterError::Failed(format!("configuration of agent {}: {e}", spec.index)))?;
    std::fs::write(&spec.config, text).map_err(|e| ClusterError::io("write", &spec.config, &e))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::topology::embedded;
    use debal::config::genesis::Founding;
    use debal_protocol::market::PlanMode;

    const SETTINGS: Settings = Settings {
        seed: 3,
        epoch_ms: 6_000,
        attempts: 1,
        genesis_unix_ms: 1_000,
        learning: Learning::DEFAULT,
        market: Market { mode: PlanMode::Leader, rounds: 10 },
    };

    #[test]
    fn the_agents_accept_the_genesis_and_the_identities_are_its_members() {
        let graph = embedded().unwrap();
        let directory = tempfile::tempdir().unwrap();
        let layout = Layout::direct(&graph).unwrap();
        let specs = prepare(&graph, &SETTINGS, &layout, &directory.path().join("n")).unwrap();
        let founding = Founding::load(&directory.path().join("n/genesis.json")).unwrap();
        assert_eq!((founding.name.as_str(), founding.members.len()), ("debal-sim-3", 12));
        let mut nodes: Vec<&str> = specs.iter().map(|spec| spec.node.as_str()).collect();
        nodes.sort_unstable();
        let members: Vec<String> = founding.members.iter().map(|m| m.node.to_string()).collect();
        assert_eq!(nodes, members);
    }

    #[test]
    fn identities_repeat_by_seed_and_a_used_directory_is_refused() {
        let graph = embedded().unwrap();
        let directory = tempfile::tempdir().unwrap();
        let layout = Layout::direct(&graph).unwrap();
        let make = |name: &str| prepare(&graph, &SETTINGS, &layout, &directory.path().join(name));
        let nodes = |specs: Vec<NodeSpec>| specs.into_iter().map(|s| s.node).collect::<Vec<_>>();
        assert_eq!(nodes(make("a").unwrap()), nodes(make("b").unwrap()));
        assert!(make("a").is_err());
    }

    #[test]
    fn a_configuration_has_the_agreed_keys() {
        let graph = embedded().unwrap();
        let directory = tempfile::tempdir().unwrap();
        let layout = Layout::direct(&graph).unwrap();
        let specs = prepare(&graph, &SETTINGS, &layout, &directory.path().join("n")).unwrap();
        let text = std::fs::read_to_string(&specs[3].config).unwrap();
        let config: toml::Table = text.parse().unwrap();
        let keys: Vec<&str> = config.keys().map(String::as_str).collect();
        let agreed = ["data_dir", "genesis", "listen", "loopback", "log", "policy", "payments"];
        assert!(agreed.iter().all(|key| keys.contains(key)), "{keys:?}");
        assert_eq!(config["rebalancing"]["enabled"].as_bool(), Some(false));
        assert_eq!(config["learning"]["policy"].as_str(), Some("margin"));
        assert_eq!(config["policy"]["tau_s"].as_integer(), Some(72), "twelve epochs");
        let listen = config["listen"][0].as_str().unwrap();
        assert_eq!(listen, format!("/ip4/127.0.0.1/tcp/{}", layout.ports[3]));
        let first = &config["bootstrap"][0];
        let (peer, at) = layout.bootstrap[3][0];
        assert_eq!(first["node"].as_str(), Some(specs[peer].node.as_str()));
        assert_eq!(
            first["address"].as_str(),
            Some(format!("/ip4/127.0.0.1/tcp/{}", at.port()).as_str())
        );
    }

    #[test]
    fn every_node_knows_its_channel_peers_and_its_ring_neighbours() {
        let graph = embedded().unwrap();
        let links = links(&graph);
        for channel in &graph.channels {
            let [a, b] = channel.ends;
            assert!(links[a].contains(&b) && links[b].contains(&a));
        }
        assert!(links[11].contains(&0) && links[0].contains(&11) && !links[0].contains(&0));
    }

    #[test]
    fn a_path_too_long_for_a_socket_is_refused_with_the_fix() {
        let graph = embedded().unwrap();
        let directory = tempfile::tempdir().unwrap();
        let long = directory.path().join("x".repeat(100));
        let layout = Layout::direct(&graph).unwrap();
        let refused = prepare(&graph, &SETTINGS, &layout, &long).unwrap_err().to_string();
        assert!(refused.contains("shorter --out"), "{refused}");
    }
}

//! A small world of agents in one process, for tests: founding file, loopback, real journals.
//!
//! Nothing here may pretend: every agent is a whole one.

use crate::agent::Agent;
use crate::api::{Op, OpenFields, PolicyFields};
use crate::config::genesis::{Founding, GenesisFile, MemberEntry, member_entry, network_id};
use crate::config::{AgentConfig, Sources};
use crate::{clock, init};
use debal_protocol::NodeId;
use debal_protocol::time::Timetable;
use serde_json::Value;
use std::path::PathBuf;
use std::time::Duration;

/// Longest wait for anything.
pub const LIMIT: Duration = Duration::from_secs(30);

/// Directories of agents that found one network.
pub struct World {
    directory: tempfile::TempDir,
    pub nodes: Vec<NodeId>,
    /// What every agent is told beyond the defaults, as `KEY=VALUE`.
    pub told: Vec<&'static str>,
}

impl World {
    pub fn new(agents: u8, epoch_ms: u64) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let timetable = Timetable { genesis_ms: clock::unix_ms(), epoch_ms };
        let network = network_id("test", &timetable);
        let mut nodes = Vec::new();
        let members: Vec<MemberEntry> = (0..agents)
            .map(|index| {
                let path = directory.path().join(index.to_string());
                let identity = init::create(&path, Some(&[index + 1; 32])).unwrap();
                nodes.push(identity.node());
                member_entry(&identity, &network, 1_000)
            })
            .collect();
        let file = GenesisFile {
            network: "test".to_owned(),
            genesis_unix_ms: timetable.genesis_ms,
            epoch_ms,
            members,
        };
        let text = serde_json::to_vec(&file).unwrap();
        std::fs::write(directory.path().join("genesis.json"), text).unwrap();
        Self { directory, nodes, told: Vec::new() }
    }

    /// A directory that is no founder's, and the entry its owner would show a sponsor.
    pub fn newcomer(&mut self, weight: u64) -> MemberEntry {
        let index = self.nodes.len();
        let founding = Founding::load(&self.genesis()).unwrap();
        let identity = init::create(&self.path(index), Some(&[100; 32])).unwrap();
        self.nodes.push(identity.node());
        member_entry(&identity, &founding.network, weight)
    }

    pub fn path(&self, index: usize) -> PathBuf {
        self.directory.path().join(index.to_string())
    }

    pub fn genesis(&self) -> PathBuf {
        self.directory.path().join("genesis.json")
    }

    pub fn config(&self, index: usize, bootstrap: Option<(NodeId, String)>) -> AgentConfig {
        let mut flags = vec![
            format!("data_dir={}", self.path(index).display()),
            format!("genesis={}", self.genesis().display()),
            "loopback=true".to_owned(),
        ];
        flags.extend(self.told.iter().map(|flag| (*flag).to_owned()));
        flags.extend(bootstrap.map(|(node, address)| format!("bootstrap={node}@{address}")));
        AgentConfig::load(Sources { flags, ..Sources::default() }).unwrap()
    }

    /// Starts all agents; the first is everybody's bootstrap.
    pub async fn start(&self) -> Vec<Agent> {
        let mut agents = vec![Agent::start(self.config(0, None)).await.unwrap()];
        let address = address_of(&agents[0]).await;
        for index in 1..self.nodes.len() {
            let bootstrap = Some((self.nodes[0], address.clone()));
            agents.push(Agent::start(self.config(index, bootstrap)).await.unwrap());
        }
        agents
    }
}

/// The first address the agent listens on.
pub async fn address_of(agent: &Agent) -> String {
    let event = event_of(agent, "listening").await;
    event["text"].as_str().unwrap().to_owned()
}

/// Waits for the first event of that kind.
pub async fn event_of(agent: &Agent, kind: &str) -> Value {
    let search = async {
        let mut cursor = 0;
        loop {
            let page = agent.service().run(Op::Events { after: cursor }).await.unwrap();
            cursor = page["cursor"].as_u64().unwrap();
            let events = page["events"].as_array().unwrap();
            if let Some(event) = events.iter().find(|event| event["kind"] == kind) {
                return event.clone();
            }
        }
    };
    tokio::time::timeout(LIMIT, search).await.unwrap_or_else(|_| panic!("no event {kind}"))
}

fn opening(channel: &str, peer: NodeId, capacity: u64, local: u64) -> OpenFields {
    let policy = PolicyFields {
        base_msat: 1_000,
        ppm: 100,
        min_msat: 1,
        max_msat: capacity,
        cltv: 40,
        disabled: false,
    };
    let (channel, peer) = (channel.to_owned(), peer.to_string());
    OpenFields { channel, peer, capacity_msat: capacity, local_msat: local, policy }
}

/// Opens a channel between two agents, `local` of it on the side of the first.
pub async fn open(agents: [&Agent; 2], channel: &str, capacity: u64, local: u64) {
    let [first, second] = agents.map(|agent| agent.service().node);
    let expect = opening(channel, second, capacity, local);
    agents[0].service().run(Op::ExpectChannel(expect)).await.unwrap();
    let propose = Op::OpenChannel(opening(channel, first, capacity, capacity - local));
    let opened = tokio::time::timeout(LIMIT, agents[1].service().run(propose)).await;
    assert_eq!(opened.unwrap().unwrap()["channel"], channel);
}

/// One operation, unwrapped.
pub async fn ask(agent: &Agent, op: Op) -> Value {
    tokio::time::timeout(LIMIT, agent.service().run(op)).await.unwrap().unwrap()
}

/// Free balance of this end of a channel.
pub async fn local_msat(agent: &Agent, channel: &str) -> u64 {
    let status = ask(agent, Op::Status).await;
    let channels = status["channels"].as_array().unwrap();
    let entry = channels.iter().find(|entry| entry["channel"] == channel).unwrap();
    entry["local_msat"].as_u64().unwrap()
}

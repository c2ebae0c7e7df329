//! A fake network of agents: control sockets served inside the test, one shared ledger behind them.
//!
//! It speaks the agents' contract and nothing else; the tests must never reach behind the sockets
//! except to script faults.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use serde_json::{Value, json};
use sim_cluster::error::ClusterError;
use sim_cluster::launch::{NodeSpec, Running, Signal, Starter};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;

/// One channel of the fake ledger.
#[derive(Clone, Debug)]
struct Channel {
    ends: [String; 2],
    capacity: u64,
    first: u64,
    seq: u64,
    signed: bool,
}

impl Channel {
    fn own(&self, node: &str) -> u64 {
        if self.ends[0] == node { self.first } else { self.capacity - self.first }
    }

    fn move_from(&mut self, node: &str, amount: u64) {
        self.seq += 1;
        if self.ends[0] == node { self.first -= amount } else { self.first += amount }
    }
}

/// The state all fake agents share.
#[derive(Default)]
struct World {
    cluster: PathBuf,
    nodes: Vec<String>,
    channels: BTreeMap<String, Channel>,
    rebalancing: HashMap<String, bool>,
    events: HashMap<String, Vec<Value>>,
    epoch: u64,
    invoices: u64,
    stopped: BTreeSet<String>,
    /// Msat that disappear from the first audited channel: the planted bug.
    stolen: u64,
}

impl World {
    fn emit(&mut self, node: &str, kind: &str, mut fields: Value) {
        fields["kind"] = json!(kind);
        fields["at_unix_ms"] = json!(1);
        self.events.entry(node.to_owned()).or_default().push(fields);
    }

    /// Shortest path that can carry the amount, breadth first.
    fn route(&self, from: &str, to: &str, amount: u64) -> Option<Vec<(String, String)>> {
        let mut came: HashMap<String, (String, String)> = HashMap::new();
        let mut queue = VecDeque::from([from.to_owned()]);
        while let Some(node) = queue.pop_front() {
            for (id, channel) in &self.channels {
                let Some(side) = channel.ends.iter().position(|end| *end == node) else { continue };
                let next = channel.ends[1 - side].clone();
                if channel.own(&node) < amount || next == from || came.contains_key(&next) {
                    continue;
                }
                came.insert(next.clone(), (id.clone(), node.clone()));
                queue.push_back(next);
            }
        }
        let mut hops = Vec::new();
        let mut at = to.to_owned();
        while at != from {
            let (id, previous) = came.get(&at)?.clone();
            hops.push((id, previous.clone()));
            at = previous;
        }
        Some(hops)
    }

    /// One epoch: a rotating leader; where rebalancing is on, the fullest channel end pushes money
    /// around a circle towards its own emptiest channel.
    fn tick(&mut self) {
        self.epoch += 1;
        let (epoch, nodes) = (self.epoch, self.nodes.clone());
        let Some(leader) = nodes.get(epoch as usize % nodes.len().max(1)).cloned() else { return };
        for node in &nodes {
            let fields = json!({ "epoch": epoch, "leader": leader, "round": 0, "elapsed_ms": 30 });
            self.emit(node, "epoch_certified", fields);
        }
        if !self.rebalancing.get(&leader).copied().unwrap_or(false) {
            return;
        }
        let made = self.rebalance(&leader, epoch);
        self.emit(&leader, "plan_made", json!({ "epoch": epoch, "cycles": made }));
    }

    fn rebalance(&mut self, leader: &str, epoch: u64) -> u64 {
        let mut made = 0;
        for node in self.nodes.clone() {
            let mine = |c: &&Channel| c.ends.contains(&node);
            let Some((full_id, amount, first)) = self
                .channels
                .iter()
                .filter(|(_, c)| mine(c) && c.own(&node) > c.capacity / 2)
                .map(|(id, c)| (id.clone(), (c.own(&node) - c.capacity / 2) / 2, c.clone()))
                .max_by_key(|(_, amount, _)| *amount)
            else {
                continue;
            };
            let other = first.ends.iter().find(|end| **end != node).unwrap().clone();
            let Some(back) = self.route(&other, &node, amount) else { continue };
            if back.iter().any(|(id, _)| *id == full_id) || amount == 0 {
                continue;
            }
            for (id, from) in back.iter().cloned().chain([(full_id, node.clone())]) {
                self.channels.get_mut(&id).unwrap().move_from(&from, amount);
            }
            made += 1;
            let fields = json!({ "cycle": format!("{epoch}-{made}"), "epoch": epoch,
                "hops": back.len() + 1, "amount_msat": amount, "duration_ms": 12,
                "outcome": "committed" });
            self.emit(leader, "cycle_ended", fields);
        }
        made
    }

    fn channels_of(&self, node: &str) -> Vec<(&String, &Channel)> {
        self.channels.iter().filter(|(_, c)| c.signed && c.ends.iter().any(|e| e == node)).collect()
    }
}

/// Starts fake agents; they share one world and one epoch timer.
pub struct FakeStarter {
    world: Arc<Mutex<World>>,
    epoch: Duration,
    timer: Mutex<Option<JoinHandle<()>>>,
}

impl FakeStarter {
    /// A network whose epochs last `epoch`.
    pub fn new(epoch: Duration) -> Self {
        Self { world: Arc::default(), epoch, timer: Mutex::new(None) }
    }

    /// Plants a bug: every audit of a first channel is short by this.
    pub fn steal(&self, msat: u64) {
        self.world.lock().unwrap().stolen = msat;
    }
}

impl Starter for FakeStarter {
    fn start(&self, spec: &NodeSpec) -> Result<Box<dyn Running>, ClusterError> {
        let mut world = self.world.lock().unwrap();
        let cluster = spec.directory.parent().unwrap().to_owned();
        if world.cluster != cluster {
            *world = World { stolen: world.stolen, cluster, ..World::default() };
        }
        if !world.nodes.contains(&spec.node) {
            world.nodes.push(spec.node.clone());
        }
        let mut timer = self.timer.lock().unwrap();
        let (ticking, epoch) = (Arc::clone(&self.world), self.epoch);
        timer.get_or_insert_with(|| {
            tokio::spawn(async move {
                loop {
                    tokio::time::sleep(epoch).await;
                    ticking.lock().unwrap().tick();
                }
            })
        });
        // A socket file of a killed agent is in the way, as it is for a real one.
        drop(std::fs::remove_file(&spec.socket));
        let listener = UnixListener::bind(&spec.socket)
            .map_err(|e| ClusterError::Failed(format!("fake agent: {e}")))?;
        let (served, node) = (Arc::clone(&self.world), spec.node.clone());
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&served), node.clone()));
            }
        });
        let (node, world) = (spec.node.clone(), Arc::clone(&self.world));
        Ok(Box::new(FakeRunning { node, world, task: Some(task) }))
    }
}

struct FakeRunning {
    node: String,
    world: Arc<Mutex<World>>,
    task: Option<JoinHandle<()>>,
}

impl Running for FakeRunning {
    fn signal(&mut self, signal: Signal) -> io::Result<()> {
        if signal == Signal::Kill
            && let Some(task) = self.task.take()
        {
            task.abort();
        }
        Ok(())
    }

    fn exited(&mut self) -> Option<String> {
        let stopped = self.world.lock().unwrap().stopped.contains(&self.node);
        stopped.then(|| "exit status: 0".to_owned())
    }
}

impl Drop for FakeRunning {
    fn drop(&mut self) {
        self.signal(Signal::Kill).unwrap();
    }
}

async fn serve(stream: UnixStream, world: Arc<Mutex<World>>, node: String) {
    let (read, write) = stream.into_split();
    let write = Arc::new(tokio::sync::Mutex::new(write));
    let mut lines = BufReader::new(read).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let request: Value = serde_json::from_str(&line).unwrap();
        let (world, node, write) = (Arc::clone(&world), node.clone(), Arc::clone(&write));
        tokio::spawn(async move {
            if request["op"] == "events" {
                wait_for_events(&world, &node, request["after"].as_u64().unwrap()).await;
            }
            let answer = match handle(&mut world.lock().unwrap(), &node, &request) {
                Ok(ok) => json!({ "id": request["id"], "ok": ok }),
                Err(kind) => {
                    json!({ "id": request["id"], "error": { "kind": kind, "message": "no" } })
                }
            };
            let line = format!("{answer}\n");
            drop(write.lock().await.write_all(line.as_bytes()).await);
        });
    }
}

async fn wait_for_events(world: &Mutex<World>, node: &str, after: u64) {
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(300) {
        let count = world.lock().unwrap().events.get(node).map_or(0, Vec::len);
        if count as u64 > after {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn handle(world: &mut World, node: &str, request: &Value) -> Result<Value, &'static str> {
    let text = |name: &str| request[name].as_str().map(str::to_owned).ok_or("bad_request");
    let number = |name: &str| request[name].as_u64().ok_or("bad_request");
    match request["op"].as_str().unwrap() {
        "status" => Ok(status(world, node)),
        "expect_channel" => {
            let (capacity, local) = (number("capacity_msat")?, number("local_msat")?);
            let ends = [text("peer")?, node.to_owned()];
            let (first, seq, signed) = (capacity - local, 0, false);
            world.channels.insert(text("channel")?, Channel { ends, capacity, first, seq, signed });
            Ok(json!({}))
        }
        "open_channel" => {
            let channel = world.channels.get_mut(&text("channel")?).ok_or("not_expected")?;
            let agreed = channel.own(node) == number("local_msat")?
                && channel.capacity == number("capacity_msat")?;
            channel.signed = agreed;
            if agreed { Ok(json!({ "channel": text("channel")? })) } else { Err("disagree") }
        }
        "invoice" => {
            world.invoices += 1;
            Ok(json!({ "recipient": node, "hash": format!("{:064x}", world.invoices),
                "amount_msat": number("amount_msat")?, "expires_unix_ms": u64::MAX }))
        }
        "pay" => {
            let invoice = &request["invoice"];
            let amount = invoice["amount_msat"].as_u64().unwrap();
            let Some(hops) = world.route(node, invoice["recipient"].as_str().unwrap(), amount)
            else {
                return Ok(json!({ "outcome": "failed", "reason": "no_route", "fee_msat": 0,
                    "hops": 0, "attempts": 1, "duration_ms": 1 }));
            };
            for (id, from) in &hops {
                world.channels.get_mut(id).unwrap().move_from(from, amount);
            }
            Ok(json!({ "outcome": "succeeded", "reason": null, "fee_msat": 5,
                "hops": hops.len(), "attempts": 1, "duration_ms": 3 }))
        }
        "set_rebalancing" => {
            let enabled = request["enabled"].as_bool().ok_or("bad_request")?;
            world.rebalancing.insert(node.to_owned(), enabled);
            Ok(json!({}))
        }
        "events" => {
            let all = world.events.get(node).cloned().unwrap_or_default();
            let after = usize::try_from(number("after")?).unwrap().min(all.len());
            Ok(json!({ "cursor": all.len(), "events": all[after..] }))
        }
        "counters" => Ok(json!({ "gossip_bytes_out": 1_000, "name": "not a number" })),
        "gossip_trace" => Ok(json!({ "published": [[&node[..8], 1_000]],
            "received": [[&world.nodes[0][..8], 3_500], ["elsewhere", 1]] })),
        "audit" => Ok(audit(world, node)),
        "stop" => {
            world.stopped.insert(node.to_owned());
            Ok(json!({}))
        }
        _ => Err("unknown_op"),
    }
}

fn status(world: &World, node: &str) -> Value {
    let channel = |(id, c): (&String, &Channel)| {
        let own = c.own(node);
        let peer = c.ends.iter().find(|end| *end != node).unwrap();
        json!({ "channel": id, "peer": peer, "capacity_msat": c.capacity, "local_msat": own,
            "remote_msat": c.capacity - own, "locked_msat": 0, "reserved_msat": 0, "seq": c.seq,
            "frozen": false })
    };
    let channels: Vec<Value> = world.channels_of(node).into_iter().map(channel).collect();
    json!({ "node": node, "epoch": world.epoch, "leader": null, "peers": 11, "rebalancing": false,
        "channels": channels, "pid": 1, "rss_bytes": 20 << 20 })
}

fn audit(world: &World, node: &str) -> Value {
    let mut total = 0;
    let mut channels = Vec::new();
    for (id, c) in world.channels_of(node) {
        let stolen = if channels.is_empty() && node == world.nodes[0] { world.stolen } else { 0 };
        let own = c.own(node) - stolen;
        total += own;
        channels.push(json!({ "channel": id, "seq": c.seq, "digest": format!("{id}/{}", c.seq),
            "local_msat": own, "remote_msat": c.capacity - c.own(node), "locked_msat": 0 }));
    }
    json!({ "balance_total_msat": total, "open_locks": 0, "invariants_checked": 17,
        "violations": [], "channels": channels })
}

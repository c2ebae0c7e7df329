//! The driver's law: journal before send, and after a failure of the journal nothing leaves.

use super::*;
use crate::config::genesis::{member_entry, network_id};
use debal_crypto::{Identity, RealSuite};
use debal_net::GossipToken;
use debal_protocol::Msat;
use debal_protocol::config::{Caps, Config, Deadlines, Liquidity};
use debal_protocol::election::Genesis;
use debal_protocol::input::Operator;
use debal_protocol::market::Market;
use debal_protocol::roster::Member;
use debal_protocol::time::Timetable;
use debal_store::{OpenOptions, SimDisk};
use std::sync::Mutex;

#[derive(Clone, Default)]
struct Recorded(Arc<Mutex<Vec<String>>>);

impl Outbox for Recorded {
    fn send(&self, to: NodeId, _bytes: Vec<u8>) {
        self.0.lock().unwrap().push(format!("send {}", to.short()));
    }
    fn gossip(&self, travel: Travel, _bytes: Vec<u8>) {
        self.0.lock().unwrap().push(format!("gossip {travel:?}"));
    }
    fn verdict(&self, _token: GossipToken, _verdict: Verdict) {}
    fn keep(&self, _peer: NodeId) {}
}

fn node() -> Node {
    let identity = Identity::from_seed(&[1; 32]).unwrap();
    let timetable = Timetable { genesis_ms: crate::clock::unix_ms(), epoch_ms: 600_000 };
    let network = network_id("test", &timetable);
    let entry = member_entry(&identity, &network, 1);
    let member =
        Member { node: identity.node(), vrf: entry.vrf.parse().unwrap(), weight: entry.weight };
    let config = Config {
        network,
        node: identity.node(),
        timetable,
        liquidity: Liquidity::default(),
        caps: Caps::default(),
        deadlines: Deadlines::default(),
        market: Market::default(),
        rebalancing: true,
    };
    let genesis = Genesis { network, timetable, members: vec![member] };
    Node::new(config, genesis, Arc::new(RealSuite::new(identity))).unwrap()
}

struct Running {
    handle: DriverHandle,
    ended: Ended,
    sent: Recorded,
    _net: mpsc::Sender<NetEvent>,
}

/// A small journal: reserves 4 KiB at a time, rotates at 24 KiB.
fn options() -> OpenOptions {
    OpenOptions {
        allocate_step_bytes: 4_096,
        reserve_bytes: 4_096,
        segment_bytes: 24 * 1024,
        ..OpenOptions::new([7; 16])
    }
}

/// Starts a driver on `disk`; `harm` is done to the disk after the journal was made.
fn running(disk: &SimDisk, harm: impl FnOnce(&SimDisk)) -> Running {
    let (journal, _) = Journal::open(disk.clone(), options().create()).unwrap();
    harm(disk);
    let sent = Recorded::default();
    let parts = Parts {
        node: node(),
        journal,
        clock: Clock::start(),
        outbox: Box::new(sent.clone()),
        plan: Box::new(|_| debal_protocol::plan::LeaderPlan::default()),
        metrics: Arc::new(Metrics::default()),
        trace: GossipTrace::default(),
    };
    let (net, events) = mpsc::channel(8);
    let (handle, ended) = start(parts, events).unwrap();
    Running { handle, ended, sent, _net: net }
}

fn receive(nonce: u64) -> Operator {
    let (amount_msat, expires_ms) = (Msat(1_000), u64::MAX);
    Operator::PrepareReceive { hash: None, amount_msat, expires_ms, nonce }
}

#[tokio::test]
async fn answers_come_when_they_are_durable_and_a_stop_ends_the_thread() {
    let driver = running(&SimDisk::new(1), |_| {});
    let answer = driver.handle.operator(receive(1)).await.unwrap();
    assert!(matches!(answer, Answer::Receive(_)));
    let receives = driver.handle.look(|node, _| node.durable().receives.len()).await;
    assert_eq!(receives, Ok(1));
    driver.handle.stop(Duration::from_secs(1)).await;
    assert!(driver.ended.await.unwrap().is_ok());
    assert!(driver.handle.operator(receive(2)).await.is_err());
}

#[tokio::test]
async fn after_a_failed_flush_the_driver_stops_and_sends_nothing_more() {
    let driver = running(&SimDisk::new(1), SimDisk::fail_next_sync);
    let answer = driver.handle.operator(receive(1)).await;
    assert!(answer.is_err(), "an answer left although nothing is durable: {answer:?}");
    assert!(matches!(driver.ended.await.unwrap(), Err(Fatal::Journal(_))));
    assert_eq!(*driver.sent.0.lock().unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn on_a_full_disk_nothing_new_begins_and_room_lets_the_work_go_on() {
    let disk = SimDisk::new(1);
    let driver = running(&disk, |disk| disk.set_capacity(16 * 1024));
    let mut answered = 0;
    let refused = loop {
        match driver.handle.operator(receive(answered)).await {
            Ok(_) => answered += 1,
            Err(refused) => break refused,
        }
    };
    assert!(answered > 0 && refused.to_string().contains("Space"), "{refused}");
    // What is not new is still written, into the reserve; a flush finds the room.
    disk.set_capacity(u64::MAX);
    driver.handle.operator(Operator::SetRebalancing(false)).await.unwrap();
    driver.handle.operator(receive(answered)).await.unwrap();
    driver.handle.stop(Duration::from_secs(1)).await;
    assert!(driver.ended.await.unwrap().is_ok());
    let (_, recovered) = Journal::open(disk, OpenOptions::new([7; 16])).unwrap();
    assert!(recovered.records.len() as u64 > answered);
}

#[tokio::test]
async fn a_long_journal_is_replaced_by_a_snapshot_and_the_node_is_the_same_after_it() {
    let disk = SimDisk::new(1);
    let driver = running(&disk, |_| {});
    for nonce in 0..400 {
        driver.handle.operator(receive(nonce)).await.unwrap();
    }
    let before = driver.handle.look(|node, _| node.durable().clone()).await.unwrap();
    driver.handle.stop(Duration::from_secs(1)).await;
    assert!(driver.ended.await.unwrap().is_ok());
    let (journal, recovered) = Journal::open(disk, options()).unwrap();
    assert!(recovered.first.0 > 1 && recovered.records.len() < 400, "{:?}", recovered.first);
    let mut again = node();
    for bytes in &recovered.records {
        again.restore(&codec::decode_record(bytes).unwrap()).unwrap();
    }
    assert_eq!((journal.appended().0 > 400, again.durable()), (true, &before));
}

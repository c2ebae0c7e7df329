//! Twelve nodes in one process deliver everything to everybody, joined through one bootstrap.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use debal_net::{NetEvent, NetHandle, Topic, Verdict};
use tokio::{sync::mpsc, time::timeout};

use crate::{
    latency::quantiles,
    node::{DEADLINE, Node, config, until},
};

const NODES: usize = 12;
const MESSAGES: usize = 120;
const PAYLOAD_BYTES: usize = 512;

/// One delivery: which message, where, and when.
struct Delivery {
    message: u64,
    node: usize,
    at: Instant,
}

/// Accepts all gossip of a node and reports each numbered message.
async fn listen(
    node: usize,
    handle: NetHandle,
    mut events: mpsc::Receiver<NetEvent>,
    report: mpsc::UnboundedSender<Delivery>,
) {
    while let Some(event) = events.recv().await {
        let NetEvent::Gossip { bytes, token, .. } = event else { continue };
        handle.verdict(token, Verdict::Accept);
        let message = u64::from_be_bytes(bytes[..8].try_into().unwrap());
        let _ = report.send(Delivery { message, node, at: Instant::now() });
    }
}

fn payload(message: u64) -> Vec<u8> {
    let mut bytes = message.to_be_bytes().to_vec();
    bytes.resize(PAYLOAD_BYTES, 0);
    bytes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twelve_nodes_deliver_everything_to_everybody() {
    let first = Node::start(config(100)).await;
    let mut nodes = vec![first];
    for seed in 101..112 {
        let node = Node::join(seed, &[&nodes[0]]).await;
        nodes.push(node);
    }
    let (report, mut deliveries) = mpsc::unbounded_channel();
    let mut handles = Vec::new();
    for (index, node) in nodes.into_iter().enumerate() {
        let (handle, events) = node.into_events();
        handles.push(handle.clone());
        tokio::spawn(listen(index, handle, events, report.clone()));
    }
    until("every node knows five others", || {
        handles.iter().all(|handle| handle.counters().connected_peers >= 5)
    })
    .await;
    settle(&handles, &mut deliveries).await;
    let mut sent = HashMap::new();
    let mut heard = HashSet::new();
    let mut delays = Vec::new();
    for message in 0..MESSAGES as u64 {
        let source = message as usize % NODES;
        sent.insert(message, Instant::now());
        handles[source].publish(Topic::Receipts, payload(message)).unwrap();
        let expected = heard.len() + NODES - 1;
        let all = timeout(DEADLINE, async {
            while heard.len() < expected {
                let delivery = deliveries.recv().await.unwrap();
                let Some(at) = sent.get(&delivery.message) else { continue };
                assert!(heard.insert((delivery.message, delivery.node)), "delivered twice");
                delays.push(delivery.at.duration_since(*at));
            }
        });
        assert!(all.await.is_ok(), "message {message}: {} of {expected} deliveries", heard.len());
    }
    let whole = MESSAGES * (NODES - 1);
    println!(
        "12 nodes: {} of {whole} deliveries of {PAYLOAD_BYTES} B, {}",
        delays.len(),
        quantiles(&mut delays)
    );
    assert_eq!(heard.len(), whole);
}

/// Publishes numbered probes until one of each node has reached all others.
async fn settle(handles: &[NetHandle], deliveries: &mut mpsc::UnboundedReceiver<Delivery>) {
    let mut probe = 1_u64 << 32;
    for (source, handle) in handles.iter().enumerate() {
        let settled = timeout(DEADLINE, async {
            loop {
                probe += 1;
                let _ = handle.publish(Topic::Receipts, payload(probe));
                let mut reached = HashSet::new();
                let all = timeout(Duration::from_millis(500), async {
                    while reached.len() < NODES - 1 {
                        let delivery = deliveries.recv().await.unwrap();
                        if delivery.message == probe {
                            reached.insert(delivery.node);
                        }
                    }
                });
                if all.await.is_ok() {
                    return;
                }
            }
        });
        assert!(settled.await.is_ok(), "node {source} never reached everybody");
    }
}

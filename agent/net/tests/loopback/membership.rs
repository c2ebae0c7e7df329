//! Joining, losing and finding peers: dead bootstraps, restarts, discovery.

use debal_net::{NetConfig, NetEvent, Warning};

use crate::node::{Node, config};

/// An address nobody listens at: its port was free a moment ago.
fn dead_address() -> debal_net::Multiaddr {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    format!("/ip4/127.0.0.1/tcp/{port}").parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_and_wrong_bootstraps_cost_warnings_and_nothing_else() {
    let mut alice = Node::start(config(80)).await;
    let dead = debal_net::PeerKey([3; 32]);
    let impostor = debal_net::PeerKey([4; 32]);
    let bootstrap = vec![
        (dead, dead_address()),
        (impostor, alice.address.clone()),
        (alice.key, alice.address.clone()),
    ];
    let mut bob = Node::start(NetConfig { bootstrap, ..config(81) }).await;
    bob.peer_up(alice.key).await;
    alice.peer_up(bob.key).await;
    for key in [dead, impostor] {
        for attempt in [1, 2] {
            bob.wait("warning", |event| match event {
                NetEvent::Warning(Warning::AnchorUnreachable { peer, attempts, .. }) => {
                    (*peer == key && *attempts == attempt).then_some(())
                }
                _ => None,
            })
            .await;
        }
    }
    assert!(bob.handle.counters().redials >= 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_restarts_on_its_port_is_met_again() {
    let mut alice = Node::start(config(82)).await;
    let mut bob = Node::join(83, &[&alice]).await;
    bob.peer_up(alice.key).await;
    alice.peer_up(bob.key).await;
    for round in 0..3_u8 {
        alice.handle.shutdown().await;
        bob.peer_down(alice.key).await;
        let listen = vec![alice.address.clone()];
        alice = Node::start(NetConfig { listen, ..config(82) }).await;
        bob.peer_up(alice.key).await;
        alice.peer_up(bob.key).await;
        bob.handle.send(alice.key, vec![round]).unwrap();
        assert_eq!(alice.direct(bob.key).await, [round]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn newcomers_find_each_other_through_one_bootstrap() {
    let first = Node::start(config(90)).await;
    let mut others = Vec::new();
    for seed in 91..95 {
        others.push(Node::join(seed, &[&first]).await);
    }
    let keys: Vec<_> = others.iter().map(|node| node.key).collect();
    for node in &mut others {
        let me = node.key;
        for key in keys.iter().filter(|key| **key != me) {
            node.peer_up(*key).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_explicit_peer_without_an_address_is_found() {
    let hub = Node::start(config(96)).await;
    let target = Node::join(97, &[&hub]).await;
    let target_key = target.key;
    let explicit_peers = vec![target_key];
    let bootstrap = vec![(hub.key, hub.address.clone())];
    let mut seeker = Node::start(NetConfig { explicit_peers, bootstrap, ..config(98) }).await;
    seeker.peer_up(target_key).await;
}

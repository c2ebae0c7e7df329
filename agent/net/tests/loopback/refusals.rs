//! What is refused on the way in: foreign networks, blocked peers, oversized hand-ins, taken ports.

use debal_net::{
    NetConfig, NetError, NetEvent, NetLimits, PeerKey, SendRefused, Topic, Warning, limits, start,
};

use crate::node::{Node, config, until, warm_up};

/// The network a node was told a peer belongs to, if it expelled that peer.
fn stated_by(node: &mut Node, expelled: PeerKey) -> Option<String> {
    node.seen().into_iter().find_map(|event| match event {
        NetEvent::Warning(Warning::ForeignNetwork { peer, stated }) if peer == expelled => {
            Some(stated)
        }
        _ => None,
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_network_is_expelled_by_name_and_never_meshes() {
    let mut alice = Node::start(config(70)).await;
    let bootstrap = vec![(alice.key, alice.address.clone())];
    let mut foreign = Node::start(NetConfig { network: [0xee; 32], bootstrap, ..config(71) }).await;
    let (alice_key, foreign_key) = (alice.key, foreign.key);
    // Whoever hears the other's name first hangs up; the other may never hear it.
    until("one of the two expels the other", || {
        stated_by(&mut alice, foreign_key) == Some(format!("/debal/1/{}", "ee".repeat(32)))
            || stated_by(&mut foreign, alice_key) == Some(format!("/debal/1/{}", "d5".repeat(32)))
    })
    .await;
    let mut bob = Node::join(72, &[&alice]).await;
    bob.peer_up(alice.key).await;
    warm_up(&mut alice, &mut bob, Topic::Election).await;
    let _ = foreign.handle.publish(Topic::Election, b"foreign".to_vec());
    foreign.handle.send(alice.key, b"foreign".to_vec()).unwrap();
    let failed = |event: &NetEvent| match event {
        NetEvent::SendFailed { to, .. } if *to == alice_key => Some(()),
        _ => None,
    };
    foreign.wait("failure", failed).await;
    for node in [&mut alice, &mut foreign, &mut bob] {
        let other = if node.key == foreign_key { alice_key } else { foreign_key };
        let crossed = |event: &NetEvent| match event {
            NetEvent::Direct { bytes, .. } | NetEvent::Gossip { bytes, .. } => bytes == b"foreign",
            NetEvent::PeerUp(peer) => *peer == other,
            _ => false,
        };
        assert!(!node.seen().iter().any(crossed), "{:?}", node.seen());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocked_peer_goes_and_stays_away_until_unblocked() {
    let mut alice = Node::start(config(74)).await;
    let mut bob = Node::join(75, &[&alice]).await;
    alice.peer_up(bob.key).await;
    bob.peer_up(alice.key).await;
    alice.handle.block(bob.key);
    alice.peer_down(bob.key).await;
    bob.peer_down(alice.key).await;
    let lost = |event: &NetEvent| match event {
        NetEvent::SendFailed { .. } => Some(()),
        _ => None,
    };
    bob.handle.send(alice.key, b"let me in".to_vec()).unwrap();
    bob.wait("failure while blocked", lost).await;
    alice.handle.unblock(bob.key);
    bob.peer_up(alice.key).await;
    bob.handle.send(alice.key, b"thanks".to_vec()).unwrap();
    assert_eq!(alice.direct(bob.key).await, b"thanks");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_exceeds_a_cap_is_refused_at_the_handle() {
    let alice = Node::start(config(76)).await;
    let peer = PeerKey([9; 32]);
    let cap = limits::DIRECT_MAX_BYTES;
    let refused = alice.handle.send(peer, vec![0; cap + 1]);
    assert_eq!(refused, Err(SendRefused::TooLarge { bytes: cap + 1, cap }));
    for topic in Topic::ALL {
        let cap = NetLimits::default().topic(topic).max_bytes;
        let refused = alice.handle.publish(topic, vec![0; cap + 1]);
        assert_eq!(refused, Err(SendRefused::TooLarge { bytes: cap + 1, cap }));
    }
    let published = (0..1000_u32)
        .map_while(|number| alice.handle.publish(Topic::Plans, number.to_be_bytes().to_vec()).ok())
        .count();
    assert!((8..100).contains(&published), "own rate cap let {published} through");
    alice.handle.shutdown().await;
    assert_eq!(alice.handle.send(peer, vec![1]), Err(SendRefused::Closed));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_taken_port_keeps_the_node_from_starting_by_name() {
    let foreign = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = foreign.local_addr().unwrap().port();
    let sibling = Node::start(config(78)).await;
    let by_a_program = format!("/ip4/127.0.0.1/tcp/{port}").parse().unwrap();
    for address in [by_a_program, sibling.address.clone()] {
        match start(NetConfig { listen: vec![address.clone()], ..config(77) }).await {
            Err(NetError::Listen { address: named, .. }) => assert_eq!(named, address),
            other => panic!("started on a taken port: {:?}", other.is_ok()),
        }
    }
}

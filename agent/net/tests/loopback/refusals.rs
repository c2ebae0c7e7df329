//! What is refused on the way in: foreign networks, blocked peers, oversized hand-ins, taken ports.

use debal_net::{
    NetConfig, NetError, NetEvent, NetLimits, SendRefused, Topic, Warning, limits, start,
};

use crate::node::{Node, config, warm_up};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_network_is_expelled_by_name_and_never_meshes() {
    let mut alice = Node::start(config(70)).await;
    let bootstrap = vec![(alice.key, alice.address.clone())];
    let mut foreign = Node::start(NetConfig { network: [0xee; 32], bootstrap, ..config(71) }).await;
    let expelled = |key| {
        move |event: &NetEvent| match event {
            NetEvent::Warning(Warning::ForeignNetwork { peer, stated }) if *peer == key => {
                Some(stated.clone())
            }
            _ => None,
        }
    };
    let stated = alice.wait("expulsion", expelled(foreign.key)).await;
    assert_eq!(stated, format!("/debal/1/{}", "ee".repeat(32)));
    let mut bob = Node::join(72, &[&alice]).await;
    bob.peer_up(alice.key).await;
    warm_up(&mut alice, &mut bob, Topic::Election).await;
    let _ = foreign.handle.publish(Topic::Election, b"foreign".to_vec());
    foreign.handle.send(alice.key, b"foreign".to_vec()).unwrap();
    let to = alice.key;
    foreign
        .wait("failure", |event| match event {
            NetEvent::SendFailed { to: failed, .. } if *failed == to => Some(()),
            _ => None,
        })
        .await;
    for node in [&mut alice, &mut foreign, &mut bob] {
        let me = node.key;
        let seen = node.seen();
        let crossed = seen.iter().filter(|event| match event {
            NetEvent::Direct { bytes, .. } | NetEvent::Gossip { bytes, .. } => bytes == b"foreign",
            NetEvent::PeerUp(peer) => *peer == foreign_of(me, to, &foreign_key()),
            _ => false,
        });
        assert_eq!(crossed.count(), 0, "{seen:?}");
    }
}

/// The one peer that `me` must never have seen up: the foreigner for members, a member for it.
fn foreign_of(
    me: debal_net::PeerKey,
    member: debal_net::PeerKey,
    foreigner: &debal_net::PeerKey,
) -> debal_net::PeerKey {
    if me == *foreigner { member } else { *foreigner }
}

fn foreign_key() -> debal_net::PeerKey {
    let pair = libp2p::identity::Keypair::ed25519_from_bytes([71; 32]).unwrap();
    debal_net::PeerKey::from_peer_id(&pair.public().to_peer_id()).unwrap()
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
    let peer = debal_net::PeerKey([9; 32]);
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
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let address: debal_net::Multiaddr = format!("/ip4/127.0.0.1/tcp/{port}").parse().unwrap();
    let outcome = start(NetConfig { listen: vec![address.clone()], ..config(77) }).await;
    match outcome {
        Err(NetError::Listen { address: named, .. }) => assert_eq!(named, address),
        other => panic!("started on a taken port: {:?}", other.is_ok()),
    }
}

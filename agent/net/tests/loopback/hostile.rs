//! Hostile peers against honest ones: floods, oversized and malformed bytes, slow streams. In each
//! case the honest nodes go on serving each other, and the refusal is counted under its name.

use std::time::Instant;

use debal_net::{
    NetConfig, NetEvent, NetLimits, SendFailure, Topic,
    limits::{DIRECT_MAX_BYTES, EVENT_QUEUE, EVENT_RESERVE},
};
use futures::StreamExt;
use libp2p::{SwarmBuilder, noise, ping, swarm::SwarmEvent, tcp, yamux};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

use crate::{
    node::{DEADLINE, Node, config, until, warm_up},
    rogue::{Rogue, Stroke, direct_name},
};

/// Two connected honest nodes.
async fn pair(seed: u8) -> [Node; 2] {
    let mut alice = Node::start(config(seed)).await;
    let mut bob = Node::join(seed + 1, &[&alice]).await;
    alice.peer_up(bob.key).await;
    bob.peer_up(alice.key).await;
    [alice, bob]
}

/// Shows that two honest nodes still exchange direct messages and gossip.
async fn assert_served(alice: &mut Node, bob: &mut Node) {
    alice.handle.send(bob.key, b"still there?".to_vec()).unwrap();
    assert_eq!(bob.direct(alice.key).await, b"still there?");
    warm_up(alice, bob, Topic::Election).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oversized_gossip_is_never_handed_up() {
    let [mut alice, mut bob] = pair(40).await;
    let rogue = Rogue::against(bob.key, &bob.address).await;
    let cap = NetLimits::default().receipts.max_bytes;
    // One byte over is judged by us, far over by the transport's decoder.
    rogue.publish(Topic::Receipts, vec![b'x'; cap + 1]);
    until("the oversized message is counted", || bob.handle.counters().refused_size == 1).await;
    rogue.publish(Topic::Receipts, vec![b'x'; 2 * cap]);
    rogue.publish(Topic::Receipts, vec![b'x'; 1 << 20]);
    assert_served(&mut alice, &mut bob).await;
    assert_eq!(bob.count_gossip(|bytes| bytes.starts_with(b"x")), 0);
    assert_eq!(alice.count_gossip(|bytes| bytes.starts_with(b"x")), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oversized_and_malformed_direct_messages_are_never_handed_up() {
    let [mut alice, mut bob] = pair(44).await;
    let rogue = Rogue::against(bob.key, &bob.address).await;
    let over = u32::try_from(DIRECT_MAX_BYTES + 1).unwrap();
    let mut whole = over.to_be_bytes().to_vec();
    whole.resize(DIRECT_MAX_BYTES + 5, 7);
    rogue.strike(Stroke::Raw(whole));
    rogue.strike(Stroke::Raw(vec![0xff; 8]));
    until("two oversized messages are counted", || bob.handle.counters().refused_size == 2).await;
    // Announced longer than it is, and shorter than its own length field.
    rogue.strike(Stroke::Raw(vec![0, 0, 0, 9, 1, 2, 3]));
    rogue.strike(Stroke::Raw(vec![0, 0]));
    rogue.strike(Stroke::Raw(vec![]));
    assert_served(&mut alice, &mut bob).await;
    let key = rogue.key;
    let from_rogue =
        |event: &NetEvent| matches!(event, NetEvent::Direct { from, .. } if *from == key);
    assert!(!bob.seen().iter().any(from_rogue));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_on_every_protocol_harms_nobody() {
    let [mut alice, mut bob] = pair(48).await;
    let mut noise = blake3::Hasher::new().update(b"seed 1").finalize_xof();
    let protocols = [
        direct_name(),
        "/meshsub/1.3.0".to_owned(),
        "/meshsub/1.0.0".to_owned(),
        "/ipfs/id/1.0.0".to_owned(),
        "/ipfs/id/push/1.0.0".to_owned(),
        "/ipfs/ping/1.0.0".to_owned(),
        direct_name().replace("direct", "kad"),
    ];
    for protocol in protocols {
        let rogue = Rogue::speaking(&protocol, bob.key, &bob.address).await;
        for length in [1, 3, 40, 500, 9000] {
            let mut bytes = vec![0; length];
            noise.fill(&mut bytes);
            rogue.strike(Stroke::Raw(bytes.clone()));
            // The same behind a plausible protobuf length, and as an endless length.
            bytes.insert(0, 40);
            rogue.strike(Stroke::Raw(bytes));
            rogue.strike(Stroke::Raw(vec![0xff; length]));
        }
        assert_served(&mut alice, &mut bob).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gossip_flood_is_ignored_while_others_are_served() {
    let [mut alice, mut bob] = pair(52).await;
    warm_up(&mut alice, &mut bob, Topic::Plans).await;
    let rogue = Rogue::against(bob.key, &bob.address).await;
    let started = Instant::now();
    let flood = 2000_u32;
    for number in 0..flood {
        let mut bytes = b"flood".to_vec();
        bytes.extend_from_slice(&number.to_be_bytes());
        rogue.publish(Topic::Plans, bytes);
    }
    for number in 0..4_u8 {
        alice.handle.publish(Topic::Plans, vec![b'h', number]).unwrap();
        bob.gossip(Topic::Plans, &[b'h', number]).await;
    }
    until("the flooder is past the graylist", || bob.handle.counters().refused_rate > 200).await;
    assert_served(&mut alice, &mut bob).await;
    let limits = NetLimits::default().plans;
    let seconds = usize::try_from(started.elapsed().as_secs()).unwrap() + 1;
    let burst = usize::try_from(2 * limits.burst).unwrap();
    let allowed = burst + seconds * usize::try_from(2 * limits.per_second).unwrap();
    let handed_up = bob.count_gossip(|bytes| bytes.starts_with(b"flood"));
    assert!(handed_up <= allowed, "{handed_up} of {flood} handed up, {allowed} allowed");
    println!("flood: {handed_up} of {flood} handed up in {seconds} s, {:?}", bob.handle.counters());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_direct_flood_is_refused_by_name_while_others_are_served() {
    let limits = NetLimits { direct_per_second: 1, direct_burst: 20, ..NetLimits::default() };
    let mut bob = Node::start(NetConfig { limits, ..config(56) }).await;
    let mut flooder = Node::join(57, &[&bob]).await;
    let mut alice = Node::join(58, &[&bob]).await;
    flooder.peer_up(bob.key).await;
    alice.peer_up(bob.key).await;
    for _ in 0..300 {
        flooder.handle.send(bob.key, b"flood".to_vec()).unwrap();
    }
    let to = bob.key;
    let refused = |event: &NetEvent| {
        (*event == NetEvent::SendFailed { to, reason: SendFailure::OverRate }).then_some(())
    };
    for _ in 0..200 {
        flooder.wait("refusal", refused).await;
    }
    alice.handle.send(bob.key, b"me too".to_vec()).unwrap();
    assert_eq!(bob.direct(alice.key).await, b"me too");
    assert!(bob.handle.counters().refused_rate >= 200);
}

/// The TCP port a node listens on.
fn port_of(node: &Node) -> u16 {
    match node.address.iter().nth(1) {
        Some(libp2p::multiaddr::Protocol::Tcp(port)) => port,
        other => panic!("unexpected address part {other:?}"),
    }
}

/// A raw socket from another loopback address, which stands for a stranger's network.
async fn stranger(port: u16) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.1.1:0".parse().unwrap()).unwrap();
    socket.connect(([127, 0, 0, 1], port).into()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_slow_sockets_do_not_keep_a_newcomer_out() {
    let mut bob = Node::start(config(60)).await;
    let mut sockets = Vec::new();
    for _ in 0..200 {
        let mut stream = stranger(port_of(&bob)).await;
        // The first byte of a multistream greeting, and never the rest.
        let _ = stream.write_all(&[19]).await;
        sockets.push(stream);
    }
    let over_the_cap = 200 - u64::from(NetLimits::default().inbound_per_prefix);
    let counters = bob.handle.clone();
    until("sockets over the prefix cap are refused", || {
        counters.counters().refused_connections >= over_the_cap
    })
    .await;
    let mut alice = Node::join(61, &[&bob]).await;
    bob.peer_up(alice.key).await;
    alice.peer_up(bob.key).await;
    assert_served(&mut alice, &mut bob).await;
    drop(sockets);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sockets_that_never_finish_their_handshake_give_their_slots_back() {
    let bob = Node::start(config(62)).await;
    let cap = NetLimits::default().inbound_per_prefix;
    let mut sockets = Vec::new();
    for _ in 0..cap {
        sockets.push(stranger(port_of(&bob)).await);
    }
    until("every silent socket is cut", || {
        bob.handle.counters().refused_connections == u64::from(cap)
    })
    .await;
    let greeting = b"\x13/multistream/1.0.0\n";
    let mut admitted = stranger(port_of(&bob)).await;
    admitted.write_all(greeting).await.unwrap();
    // Both lines of a negotiation: the node answers once it knows what is asked for.
    admitted.write_all(b"\x07/noise\n").await.unwrap();
    let mut answer = [0; 20];
    admitted.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, greeting);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_dribbles_is_cut() {
    let [mut alice, mut bob] = pair(64).await;
    let rogue = Rogue::against(bob.key, &bob.address).await;
    (0..10).for_each(|_| rogue.strike(Stroke::Dribble));
    assert_served(&mut alice, &mut bob).await;
    until("every dribbling stream is cut", || bob.handle.counters().refused_slow == 10).await;
    assert_served(&mut alice, &mut bob).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_that_stops_reading_costs_messages_by_name_but_no_control_event() {
    let [alice, mut bob] = pair(66).await;
    let mut taken_or_failed = 0;
    let total = 2 * EVENT_QUEUE as u64;
    while taken_or_failed < total {
        // In batches, so that no queue of the sender's own fills up.
        (0..128).for_each(|_| alice.handle.send(bob.key, b"unread".to_vec()).unwrap());
        taken_or_failed += 128;
        until("the batch is answered", || {
            let counters = alice.handle.counters();
            counters.direct_out + counters.send_failures == taken_or_failed
        })
        .await;
    }
    let carol = Node::join(68, &[&bob]).await;
    until("carol is connected", || bob.handle.counters().connected_peers == 2).await;
    let handed_up = bob.handle.counters().direct_in;
    assert_eq!(alice.handle.counters().direct_out, handed_up);
    assert_eq!(bob.handle.counters().refused_busy, total - handed_up);
    assert!(handed_up > 1000 && handed_up <= (EVENT_QUEUE - EVENT_RESERVE) as u64, "{handed_up}");
    bob.peer_up(carol.key).await;
    let direct = bob.seen().into_iter().filter(|event| matches!(event, NetEvent::Direct { .. }));
    assert_eq!(direct.count() as u64, handed_up);
    assert_eq!(bob.handle.counters().events_lost, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_never_identifies_itself_is_disconnected() {
    let bob = Node::start(config(69)).await;
    let mut mute = SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)
        .unwrap()
        .with_behaviour(|_| ping::Behaviour::default())
        .unwrap()
        .with_swarm_config(|config| config.with_idle_connection_timeout(DEADLINE))
        .build();
    mute.dial(bob.address.clone()).unwrap();
    let closed = timeout(DEADLINE, async {
        loop {
            if let SwarmEvent::ConnectionClosed { .. } = mute.select_next_some().await {
                return;
            }
        }
    });
    closed.await.expect("the mute peer stays connected");
    assert_eq!(bob.handle.counters().refused_silent, 1);
    assert_eq!(bob.handle.counters().connected_peers, 0);
}

//! What honest nodes do for each other: direct messages, gossip, verdicts that decide propagation.

use debal_net::{
    NetConfig, NetEvent, NetLimits, PeerKey, SendFailure, SendRefused, Topic, Verdict,
    limits::DIRECT_MAX_BYTES,
};

use crate::node::{Node, config, warm_up};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_exchange_direct_messages_and_gossip() {
    let mut alice = Node::start(config(1)).await;
    let mut bob = Node::join(2, &[&alice]).await;
    alice.peer_up(bob.key).await;
    bob.peer_up(alice.key).await;

    let largest = vec![0x5a; DIRECT_MAX_BYTES];
    alice.handle.send(bob.key, b"hello".to_vec()).unwrap();
    assert_eq!(bob.direct(alice.key).await, b"hello");
    bob.handle.send(alice.key, largest.clone()).unwrap();
    assert_eq!(alice.direct(bob.key).await, largest);
    alice.handle.send(bob.key, vec![]).unwrap();
    assert_eq!(bob.direct(alice.key).await, b"");

    for topic in Topic::ALL {
        warm_up(&mut alice, &mut bob, topic).await;
        let largest = vec![topic.name().as_bytes()[0]; NetLimits::default().topic(topic).max_bytes];
        alice.handle.publish(topic, largest.clone()).unwrap();
        assert_eq!(bob.gossip(topic, &largest).await, alice.key, "{topic}");
    }
    let counters = bob.handle.counters();
    assert_eq!((counters.connected_peers, counters.direct_in), (1, 2));
    assert!(counters.bytes_in > 108 << 10 && counters.bytes_out > 64 << 10, "{counters:?}");
    assert_eq!(counters.refused_size + counters.refused_rate + counters.rejected, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_to_one_peer_arrives_whole() {
    let mut alice = Node::start(config(3)).await;
    let mut bob = Node::join(4, &[&alice]).await;
    bob.peer_up(alice.key).await;
    for number in 0..400_u32 {
        bob.handle.send(alice.key, number.to_be_bytes().to_vec()).unwrap();
    }
    let mut numbers = Vec::new();
    for _ in 0..400 {
        let bytes = alice.direct(bob.key).await;
        numbers.push(u32::from_be_bytes(bytes.try_into().unwrap()));
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (0..400).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_to_a_known_but_unconnected_peer_dials_first() {
    let mut alice = Node::start(config(5)).await;
    let bob = Node::start(config(6)).await;
    bob.handle.dial(alice.key, alice.address.clone());
    bob.handle.send(alice.key, b"at once".to_vec()).unwrap();
    assert_eq!(alice.direct(bob.key).await, b"at once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_to_nobody_fails_by_name() {
    let mut alice = Node::start(config(7)).await;
    let stranger = PeerKey([9; 32]);
    alice.handle.send(stranger, b"anyone?".to_vec()).unwrap();
    let failed = |event: &NetEvent| match event {
        NetEvent::SendFailed { to, reason } if *to == stranger => Some(*reason),
        _ => None,
    };
    assert_eq!(alice.wait("failure", failed).await, SendFailure::NoAddress);
    let me = alice.key;
    assert_eq!(alice.handle.send(me, vec![1]), Err(SendRefused::ToSelf));
}

/// alice - bob - carol, a line: nodes that are not told they share a machine do not believe
/// loopback addresses, so nobody learns any address but the configured ones.
async fn line(seed: u8) -> [Node; 3] {
    let apart = |seed: u8, known: &[&Node]| NetConfig {
        loopback: false,
        bootstrap: known.iter().map(|node| (node.key, node.address.clone())).collect(),
        ..config(seed)
    };
    let mut alice = Node::start(apart(seed, &[])).await;
    let mut bob = Node::start(apart(seed + 1, &[&alice])).await;
    let mut carol = Node::start(apart(seed + 2, &[&bob])).await;
    alice.peer_up(bob.key).await;
    bob.peer_up(alice.key).await;
    bob.peer_up(carol.key).await;
    carol.peer_up(bob.key).await;
    [alice, bob, carol]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_the_middle_node_accepts_goes_on() {
    for (seed, verdict) in [(10, Verdict::Accept), (20, Verdict::Reject), (30, Verdict::Ignore)] {
        let [mut alice, mut bob, mut carol] = line(seed).await;
        warm_up(&mut alice, &mut bob, Topic::Receipts).await;
        warm_up(&mut bob, &mut carol, Topic::Receipts).await;
        bob.verdict = verdict;
        alice.handle.publish(Topic::Receipts, b"judge me".to_vec()).unwrap();
        assert_eq!(bob.gossip(Topic::Receipts, b"judge me").await, alice.key);
        // Sent after the verdict and on the same stream, so it cannot overtake what went on.
        bob.handle.publish(Topic::Receipts, b"after".to_vec()).unwrap();
        assert_eq!(carol.gossip(Topic::Receipts, b"after").await, bob.key);
        if verdict == Verdict::Accept {
            assert_eq!(carol.gossip(Topic::Receipts, b"judge me").await, alice.key);
        }
        assert_eq!(carol.count_gossip(|bytes| bytes == b"judge me"), 0, "{verdict:?}");
        assert_eq!(bob.handle.counters().rejected, u64::from(verdict == Verdict::Reject));
        assert_eq!(carol.handle.counters().connected_peers, 1, "the line is no triangle");
    }
}

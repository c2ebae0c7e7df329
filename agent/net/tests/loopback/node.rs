//! A node under test: starts it, waits for events by predicate, accepts gossip by itself.
//! It must not hide events: what a test did not ask for stays queued in order.

use std::{collections::VecDeque, time::Duration};

use debal_net::{
    Multiaddr, NetConfig, NetEvent, NetHandle, NetLimits, PeerKey, Topic, Verdict, start,
};
use tokio::{sync::mpsc, time::timeout};
use zeroize::Zeroizing;

/// Generous: only a test that fails waits this long.
pub const DEADLINE: Duration = Duration::from_secs(60);
/// The network id of ordinary nodes.
pub const NETWORK: [u8; 32] = [0xd5; 32];

pub struct Node {
    pub handle: NetHandle,
    pub key: PeerKey,
    pub address: Multiaddr,
    events: mpsc::Receiver<NetEvent>,
    unseen: VecDeque<NetEvent>,
    /// What to answer to gossip.
    pub verdict: Verdict,
}

/// A configuration for a loopback node whose identity is drawn from `seed`.
pub fn config(seed: u8) -> NetConfig {
    NetConfig {
        secret: Zeroizing::new([seed; 32]),
        network: NETWORK,
        listen: vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap()],
        bootstrap: vec![],
        limits: NetLimits::default(),
        loopback: true,
        explicit_peers: vec![],
    }
}

impl Node {
    pub async fn start(config: NetConfig) -> Self {
        let (handle, events) = start(config).await.unwrap();
        let key = handle.local_key();
        let address = "/memory/0".parse().unwrap();
        let unseen = VecDeque::new();
        let mut node = Self { handle, key, address, events, unseen, verdict: Verdict::Accept };
        node.address = node
            .wait("listening", |event| match event {
                NetEvent::Listening(address) => Some(address.clone()),
                _ => None,
            })
            .await;
        node
    }

    /// A node that joins by `others`.
    pub async fn join(seed: u8, others: &[&Self]) -> Self {
        let bootstrap = others.iter().map(|node| (node.key, node.address.clone())).collect();
        Self::start(NetConfig { bootstrap, ..config(seed) }).await
    }

    /// The first event, past or future, that `pick` accepts. Gossip is judged as it arrives.
    pub async fn wait<T>(&mut self, what: &str, pick: impl Fn(&NetEvent) -> Option<T>) -> T {
        let old = self.unseen.iter().position(|event| pick(event).is_some());
        if let Some(event) = old.and_then(|position| self.unseen.remove(position)) {
            return pick(&event).unwrap();
        }
        let waited = timeout(DEADLINE, async {
            loop {
                let event = self.events.recv().await.expect("the network task ended");
                self.judge(&event);
                if let Some(picked) = pick(&event) {
                    return picked;
                }
                self.unseen.push_back(event);
            }
        });
        match waited.await {
            Ok(picked) => picked,
            Err(_) => panic!("no {what} at {}; seen: {:?}", self.key, self.unseen),
        }
    }

    fn judge(&self, event: &NetEvent) {
        if let NetEvent::Gossip { token, .. } = event {
            self.handle.verdict(*token, self.verdict);
        }
    }

    pub async fn peer_up(&mut self, peer: PeerKey) {
        self.wait("peer up", |event| (*event == NetEvent::PeerUp(peer)).then_some(())).await;
    }

    pub async fn peer_down(&mut self, peer: PeerKey) {
        self.wait("peer down", |event| (*event == NetEvent::PeerDown(peer)).then_some(())).await;
    }

    pub async fn direct(&mut self, sender: PeerKey) -> Vec<u8> {
        self.wait("direct message", |event| match event {
            NetEvent::Direct { from, bytes } if *from == sender => Some(bytes.clone()),
            _ => None,
        })
        .await
    }

    /// Waits for gossip with exactly this payload; returns its source.
    pub async fn gossip(&mut self, on: Topic, payload: &[u8]) -> PeerKey {
        self.wait("gossip", |event| match event {
            NetEvent::Gossip { topic, source, bytes, .. } if *topic == on && bytes == payload => {
                Some(*source)
            }
            _ => None,
        })
        .await
    }

    /// Everything already received, judged but not consumed.
    pub fn seen(&mut self) -> Vec<NetEvent> {
        while let Ok(event) = self.events.try_recv() {
            self.judge(&event);
            self.unseen.push_back(event);
        }
        self.unseen.iter().cloned().collect()
    }

    /// How many of the gossip messages already received `pick` accepts.
    pub fn count_gossip(&mut self, pick: impl Fn(&[u8]) -> bool) -> usize {
        let seen = self.seen();
        let picked = seen.iter().filter(|event| match event {
            NetEvent::Gossip { bytes, .. } => pick(bytes),
            _ => false,
        });
        picked.count()
    }

    /// Gives the raw receiver away, for tests that take over the reading.
    pub fn into_events(self) -> (NetHandle, mpsc::Receiver<NetEvent>) {
        (self.handle, self.events)
    }
}

/// Publishes until somebody is subscribed: gossip to nobody is a warning, not a delivery, and a
/// fresh connection needs a moment to exchange subscriptions. Every attempt has its own bytes.
pub async fn warm_up(publisher: &mut Node, listener: &mut Node, topic: Topic) {
    let limit = DEADLINE / 2;
    let heard = timeout(limit, async {
        for attempt in 0_u64.. {
            let mut bytes = b"warm up ".to_vec();
            bytes.extend_from_slice(&attempt.to_be_bytes());
            let _ = publisher.handle.publish(topic, bytes);
            let waited = timeout(Duration::from_millis(500), async {
                listener
                    .wait("warm up", |event| match event {
                        NetEvent::Gossip { topic: on, bytes, .. } => {
                            (*on == topic && bytes.starts_with(b"warm up ")).then_some(())
                        }
                        _ => None,
                    })
                    .await;
            });
            if waited.await.is_ok() {
                return;
            }
        }
    });
    heard.await.expect("the topic never carried anything");
}

/// Waits until `condition` holds, for figures that no event announces.
pub async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let waited = timeout(DEADLINE, async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    assert!(waited.await.is_ok(), "never: {what}");
}

//! A hostile peer: a real libp2p node of the right network whose gossip knows no limits and whose
//! direct streams misbehave as told. It only attacks; it never judges what it receives.

use std::{io, time::Duration};

use debal_net::{Multiaddr, PeerKey, Topic};
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, StreamExt};
use libp2p::{
    PeerId, StreamProtocol, Swarm, SwarmBuilder, gossipsub, identify, noise,
    request_response::{self, ProtocolSupport},
    swarm::{NetworkBehaviour, SwarmEvent},
    tcp, yamux,
};
use tokio::sync::mpsc;

use crate::node::NETWORK;

/// What the rogue does with a direct stream.
#[derive(Clone, Debug)]
pub enum Stroke {
    /// Writes these bytes and waits for an answer.
    Raw(Vec<u8>),
    /// Announces a thousand bytes and writes one every fifth of a second.
    Dribble,
}

#[derive(Clone, Default)]
pub struct RogueCodec;

impl request_response::Codec for RogueCodec {
    type Protocol = StreamProtocol;
    type Request = Stroke;
    type Response = Vec<u8>;

    async fn read_request<T>(&mut self, _: &StreamProtocol, _: &mut T) -> io::Result<Stroke>
    where
        T: AsyncRead + Unpin + Send,
    {
        Err(io::ErrorKind::Unsupported.into())
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Vec<u8>>
    where
        T: AsyncRead + Unpin + Send,
    {
        let mut answer = Vec::new();
        io.take(1 << 16).read_to_end(&mut answer).await?;
        Ok(answer)
    }

    async fn write_request<T>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        stroke: Stroke,
    ) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        match stroke {
            Stroke::Raw(bytes) => io.write_all(&bytes).await,
            Stroke::Dribble => {
                io.write_all(&1000_u32.to_be_bytes()).await?;
                loop {
                    io.write_all(&[0]).await?;
                    io.flush().await?;
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
        }
    }

    async fn write_response<T>(
        &mut self,
        _: &StreamProtocol,
        _: &mut T,
        _: Vec<u8>,
    ) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[derive(NetworkBehaviour)]
pub struct RogueBehaviour {
    gossip: gossipsub::Behaviour,
    strokes: request_response::Behaviour<RogueCodec>,
    identify: identify::Behaviour,
}

enum Order {
    Publish(Topic, Vec<u8>),
    Stroke(Stroke),
}

/// A rogue connected to one victim.
pub struct Rogue {
    pub key: PeerKey,
    orders: mpsc::UnboundedSender<Order>,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The wire name of a topic, spelt out: the tests pin it.
fn topic_name(topic: Topic) -> gossipsub::IdentTopic {
    gossipsub::IdentTopic::new(format!("/debal/{topic}/1/{}", hex(&NETWORK)))
}

/// The wire name of the direct protocol, spelt out: the tests pin it.
pub fn direct_name() -> String {
    format!("/debal/direct/1/{}", hex(&NETWORK))
}

fn build(stroke_protocol: String, identify_as: String) -> Swarm<RogueBehaviour> {
    SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_tcp(tcp::Config::default().nodelay(true), noise::Config::new, yamux::Config::default)
        .unwrap()
        .with_behaviour(|key| {
            let config =
                gossipsub::ConfigBuilder::default().max_transmit_size(8 << 20).build().unwrap();
            let signed = gossipsub::MessageAuthenticity::Signed(key.clone());
            let mut gossip = gossipsub::Behaviour::new(signed, config).unwrap();
            for topic in Topic::ALL {
                gossip.subscribe(&topic_name(topic)).unwrap();
            }
            let protocol = StreamProtocol::try_from_owned(stroke_protocol).unwrap();
            let patient =
                request_response::Config::default().with_request_timeout(Duration::from_secs(60));
            RogueBehaviour {
                gossip,
                strokes: request_response::Behaviour::new(
                    [(protocol, ProtocolSupport::Full)],
                    patient,
                ),
                identify: identify::Behaviour::new(identify::Config::new(
                    identify_as,
                    key.public(),
                )),
            }
        })
        .unwrap()
        .with_swarm_config(|config| config.with_idle_connection_timeout(Duration::from_secs(60)))
        .build()
}

impl Rogue {
    /// Connects to a victim, and returns once the victim listens to the rogue's gossip.
    pub async fn against(victim: PeerKey, address: &Multiaddr) -> Self {
        Self::speaking(&direct_name(), victim, address).await
    }

    /// The same, striking on another protocol than the direct one.
    pub async fn speaking(protocol: &str, victim: PeerKey, address: &Multiaddr) -> Self {
        let identify_as = format!("/debal/1/{}", hex(&NETWORK));
        let mut swarm = build(protocol.to_owned(), identify_as);
        let key = PeerKey::from_peer_id(swarm.local_peer_id()).unwrap();
        let victim = victim.to_peer_id().unwrap();
        let (orders, inbox) = mpsc::unbounded_channel();
        swarm.dial(address.clone()).unwrap();
        let mut subscribed = 0;
        while subscribed < Topic::ALL.len() {
            let event = swarm.select_next_some().await;
            if let SwarmEvent::Behaviour(RogueBehaviourEvent::Gossip(
                gossipsub::Event::Subscribed { .. },
            )) = event
            {
                subscribed += 1;
            }
        }
        tokio::spawn(run(swarm, inbox, victim));
        Self { key, orders }
    }

    pub fn publish(&self, topic: Topic, bytes: Vec<u8>) {
        let _ = self.orders.send(Order::Publish(topic, bytes));
    }

    pub fn strike(&self, stroke: Stroke) {
        let _ = self.orders.send(Order::Stroke(stroke));
    }
}

async fn run(
    mut swarm: Swarm<RogueBehaviour>,
    mut inbox: mpsc::UnboundedReceiver<Order>,
    victim: PeerId,
) {
    loop {
        tokio::select! {
            _ = swarm.select_next_some() => {}
            order = inbox.recv() => match order {
                Some(Order::Publish(topic, bytes)) => {
                    let _ = swarm.behaviour_mut().gossip.publish(topic_name(topic), bytes);
                }
                Some(Order::Stroke(stroke)) => {
                    swarm.behaviour_mut().strokes.send_request(&victim, stroke);
                }
                None => return,
            }
        }
    }
}

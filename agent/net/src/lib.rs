//! The libp2p shell of DEBAL: opaque bytes in, opaque bytes out, everything bounded.
//!
//! [`start`] gives a [`NetHandle`] to speak through and a receiver of [`NetEvent`]s to listen to.
//! Direct messages go over request-response, gossip over gossipsub with explicit verdicts; peers
//! prove the network id by identify and are found through Kademlia from a bootstrap list. This
//! crate must never parse a payload, know about money or the protocol, wait for its consumer, or
//! reserve memory that a peer merely announced.

mod behaviour;
mod book;
mod codec;
mod config;
mod counters;
mod event;
mod gate;
mod gossip;
mod handle;
mod judge;
mod key;
pub mod limits;
mod outbox;
mod rate;
mod scores;
mod shell;
mod sink;
mod topic;
mod transport;

use std::{
    sync::{Arc, Mutex},
    time::Instant,
};

pub use libp2p::Multiaddr;
use libp2p::{
    Swarm,
    core::upgrade::Version,
    identity::{Keypair, PublicKey},
    swarm,
};
use tokio::sync::{Semaphore, mpsc, watch};
pub use zeroize::Zeroizing;

use crate::{
    behaviour::NetBehaviour,
    counters::Counters,
    handle::Shared,
    rate::{Rate, RateTable, TokenBucket},
    shell::{Inbox, Peers, Shell},
    sink::EventSink,
    topic::Names,
};
pub use crate::{
    config::{NetConfig, NetError},
    counters::NetCounters,
    event::{GossipToken, NetEvent, PublishFailure, SendFailure, SendRefused, Verdict, Warning},
    handle::NetHandle,
    key::PeerKey,
    limits::{NetLimits, TopicLimits},
    topic::Topic,
};

/// Starts the network in a task of the current tokio runtime. Listening sockets are open when
/// this returns; bootstrap peers are dialled afterwards, and dead ones only cost warnings. The
/// receiver holds at most [`limits::EVENT_QUEUE`] events and must be read: while it is full,
/// direct messages are answered "busy" and gossip is ignored.
///
/// # Errors
/// [`NetError`] when the seed, the limits or a listening address cannot be used.
pub async fn start(config: NetConfig) -> Result<(NetHandle, mpsc::Receiver<NetEvent>), NetError> {
    let key = identity(&config)?;
    let names = Names::new(&config.network);
    let counters = Arc::<Counters>::default();
    let mut swarm = build_swarm(&key, &names, &config, &counters)?;
    for address in &config.listen {
        let refuse = |reason: String| NetError::Listen { address: address.clone(), reason };
        if let Some(error) = transport::is_taken(address) {
            return Err(refuse(error.to_string()));
        }
        swarm.listen_on(address.clone()).map_err(|error| refuse(format!("{error:?}")))?;
    }
    let now = Instant::now();
    let (events_in, events) = mpsc::channel(limits::EVENT_QUEUE);
    let (outgoing, outgoing_out) = mpsc::channel(limits::COMMAND_QUEUE);
    let (control, control_out) = mpsc::channel(limits::CONTROL_QUEUE);
    let (verdicts, verdicts_out) = mpsc::channel(limits::VERDICT_QUEUE);
    let (stop, stop_out) = watch::channel(false);
    let (stopped_in, stopped) = watch::channel(false);
    let (listening, addresses) = watch::channel(Vec::new());
    let direct =
        Rate { per_second: config.limits.direct_per_second, burst: config.limits.direct_burst };
    let mut shell = Shell {
        swarm,
        inbox: Inbox {
            outgoing: outgoing_out,
            control: control_out,
            verdicts: verdicts_out,
            stop: stop_out,
        },
        sink: EventSink::new(events_in, Arc::clone(&counters)),
        counters: Arc::clone(&counters),
        names,
        loopback: config.loopback,
        book: book::Book::default(),
        outbox: outbox::Outbox::default(),
        judge: judge::Judge::new(&config.limits, now),
        direct_rates: RateTable::new(direct, now),
        peers: Peers::default(),
        listening,
        ticks: 0,
    };
    shell.configure(&config.bootstrap, &config.explicit_peers);
    tokio::spawn(async move {
        shell.run().await;
        stopped_in.send_replace(true);
    });
    let handle = NetHandle::new(Shared {
        me: public_key(&key.public())?,
        publish_rates: Mutex::new(publish_rates(&config.limits, now)),
        limits: config.limits.clone(),
        outgoing,
        control,
        verdicts,
        budget: Arc::new(Semaphore::new(limits::OUTBOUND_BYTES)),
        counters,
        stop,
        stopped,
        addresses,
    });
    Ok((handle, events))
}

fn identity(config: &NetConfig) -> Result<Keypair, NetError> {
    let mut seed = config.secret.clone();
    Keypair::ed25519_from_bytes(seed.as_mut_slice())
        .map_err(|error| NetError::BadSecret(error.to_string()))
}

fn public_key(key: &PublicKey) -> Result<PeerKey, NetError> {
    PeerKey::from_peer_id(&key.to_peer_id())
        .ok_or_else(|| NetError::BadSecret("not an ed25519 key".to_owned()))
}

fn publish_rates(limits: &NetLimits, now: Instant) -> [TokenBucket; 4] {
    Topic::ALL.map(|topic| {
        let limits = limits.topic(topic);
        TokenBucket::new(Rate { per_second: limits.per_second, burst: limits.burst }, now)
    })
}

fn build_swarm(
    key: &Keypair,
    names: &Names,
    config: &NetConfig,
    counters: &Arc<Counters>,
) -> Result<Swarm<NetBehaviour>, NetError> {
    let transport = transport::build(key, counters)?;
    #[cfg(feature = "nat")]
    let (transport, relay) = transport::with_relay(transport, key)?;
    let behaviour = NetBehaviour::new(
        key,
        names,
        config,
        #[cfg(feature = "nat")]
        relay,
    )?;
    let settings = swarm::Config::with_tokio_executor()
        .with_idle_connection_timeout(limits::IDLE_DEADLINE)
        .with_max_negotiating_inbound_streams(limits::STREAMS_PER_CONNECTION)
        // One protocol per stream is certain before it is confirmed: the first message leaves
        // with the proposal, which halves the latency of a direct message.
        .with_substream_upgrade_protocol_override(Version::V1Lazy);
    Ok(Swarm::new(transport, behaviour, key.public().to_peer_id(), settings))
}

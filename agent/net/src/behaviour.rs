//! The composed libp2p behaviour. Order matters: what may refuse a connection comes first.
//! Kademlia keeps only peers that identified themselves as ours; it stores no records.

use libp2p::{
    PeerId, StreamProtocol, allow_block_list, connection_limits, identify, identity::Keypair, kad,
    memory_connection_limits, ping, request_response, swarm::NetworkBehaviour,
};
use std::time::Duration;

use crate::{
    codec::DirectCodec,
    config::{NetConfig, NetError},
    gate::Gate,
    gossip::{self, Gossip},
    limits::{NetLimits, STREAM_DEADLINE, STREAMS_PER_CONNECTION},
    topic::Names,
};

/// Connections to one peer; two, because both ends may dial at once and neither may cut the other.
const CONNECTIONS_PER_PEER: u32 = 2;
/// How often the routing table is refreshed.
const ROUTING_REFRESH: Duration = Duration::from_secs(60);

/// Everything this node speaks.
#[derive(NetworkBehaviour)]
pub(crate) struct NetBehaviour {
    pub(crate) connection_limits: connection_limits::Behaviour,
    pub(crate) memory_limits: memory_connection_limits::Behaviour,
    pub(crate) blocked: allow_block_list::Behaviour<allow_block_list::BlockedPeers>,
    pub(crate) gate: Gate,
    pub(crate) gossip: Gossip,
    pub(crate) direct: request_response::Behaviour<DirectCodec>,
    pub(crate) identify: identify::Behaviour,
    pub(crate) routing: kad::Behaviour<kad::store::MemoryStore>,
    pub(crate) ping: ping::Behaviour,
    #[cfg(feature = "mdns")]
    pub(crate) mdns: libp2p::swarm::behaviour::toggle::Toggle<libp2p::mdns::tokio::Behaviour>,
    #[cfg(feature = "nat")]
    pub(crate) relay: libp2p::relay::client::Behaviour,
    #[cfg(feature = "nat")]
    pub(crate) hole_punching: libp2p::dcutr::Behaviour,
    #[cfg(feature = "nat")]
    pub(crate) reachability: libp2p::autonat::v1::Behaviour,
}

impl NetBehaviour {
    /// Composes the behaviour of a node.
    pub(crate) fn new(
        key: &Keypair,
        names: &Names,
        config: &NetConfig,
        #[cfg(feature = "nat")] relay: libp2p::relay::client::Behaviour,
    ) -> Result<Self, NetError> {
        let me = key.public().to_peer_id();
        let limits = &config.limits;
        let protocol = |name: String| {
            StreamProtocol::try_from_owned(name)
                .map_err(|error| NetError::Transport(error.to_string()))
        };
        Ok(Self {
            connection_limits: connection_limits::Behaviour::new(connections(limits)),
            memory_limits: memory_connection_limits::Behaviour::with_max_bytes(
                limits.max_process_bytes,
            ),
            blocked: allow_block_list::Behaviour::default(),
            gate: Gate::new(limits.inbound_per_prefix, config.loopback),
            gossip: gossip::build(key, names, limits, config.loopback)?,
            direct: request_response::Behaviour::new(
                [(protocol(names.direct())?, request_response::ProtocolSupport::Full)],
                request_response::Config::default()
                    .with_request_timeout(STREAM_DEADLINE)
                    .with_max_concurrent_streams(STREAMS_PER_CONNECTION),
            ),
            identify: identify::Behaviour::new(
                identify::Config::new(names.identify(), key.public())
                    .with_agent_version(format!("debal/{}", env!("CARGO_PKG_VERSION")))
                    // Its own cache would offer every stated address to every dial, past the
                    // address book and what the book believes.
                    .with_cache_size(0)
                    .with_push_listen_addr_updates(true),
            ),
            routing: routing(me, protocol(names.routing())?),
            ping: ping::Behaviour::default(),
            #[cfg(feature = "mdns")]
            mdns: local_discovery(me, config.loopback)?,
            #[cfg(feature = "nat")]
            relay,
            #[cfg(feature = "nat")]
            hole_punching: libp2p::dcutr::Behaviour::new(me),
            #[cfg(feature = "nat")]
            reachability: libp2p::autonat::v1::Behaviour::new(
                me,
                libp2p::autonat::v1::Config::default(),
            ),
        })
    }
}

fn connections(limits: &NetLimits) -> connection_limits::ConnectionLimits {
    connection_limits::ConnectionLimits::default()
        .with_max_pending_incoming(Some(limits.pending_inbound))
        .with_max_pending_outgoing(Some(limits.outbound_connections))
        .with_max_established_incoming(Some(limits.inbound_connections))
        .with_max_established_outgoing(Some(limits.outbound_connections))
        .with_max_established_per_peer(Some(CONNECTIONS_PER_PEER))
}

fn routing(me: PeerId, protocol: StreamProtocol) -> kad::Behaviour<kad::store::MemoryStore> {
    let mut config = kad::Config::new(protocol);
    config
        .set_kbucket_inserts(kad::BucketInserts::Manual)
        // Records from strangers are announced, not stored; nobody here takes them.
        .set_record_filtering(kad::StoreInserts::FilterBoth)
        .set_query_timeout(Duration::from_secs(20))
        .set_substreams_timeout(STREAM_DEADLINE)
        .set_periodic_bootstrap_interval(Some(ROUTING_REFRESH));
    let mut routing = kad::Behaviour::with_config(me, kad::store::MemoryStore::new(me), config);
    routing.set_mode(Some(kad::Mode::Server));
    routing
}

/// Discovery on the local network; pointless between nodes on one machine.
#[cfg(feature = "mdns")]
fn local_discovery(
    me: PeerId,
    loopback: bool,
) -> Result<libp2p::swarm::behaviour::toggle::Toggle<libp2p::mdns::tokio::Behaviour>, NetError> {
    if loopback {
        return Ok(None.into());
    }
    libp2p::mdns::tokio::Behaviour::new(libp2p::mdns::Config::default(), me)
        .map(|behaviour| Some(behaviour).into())
        .map_err(|error| NetError::Transport(error.to_string()))
}

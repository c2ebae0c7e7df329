//! TCP with noise and yamux, with every byte on the socket counted; QUIC and relayed connections
//! behind features. A socket that does not finish its handshake in time is closed here.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures::{AsyncRead, AsyncWrite};
#[cfg(not(feature = "nat"))]
use libp2p::core::transport::{DialOpts, ListenerId, PortUse, TransportError, TransportEvent};
use libp2p::{
    Multiaddr, PeerId, Transport,
    core::{muxing::StreamMuxerBox, transport::Boxed, upgrade::Version},
    identity::Keypair,
    multiaddr::Protocol,
    noise, tcp, yamux,
};

use crate::{
    config::NetError,
    counters::{self, Counters},
    gate::ip_of,
    limits::{HANDSHAKE_DEADLINE, YAMUX_STREAMS},
};

/// An authenticated, multiplexed transport.
pub(crate) type NetTransport = Boxed<(PeerId, StreamMuxerBox)>;

/// A socket whose bytes are counted.
struct Counted<S> {
    inner: S,
    counters: Arc<Counters>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_read(cx, buffer);
        if let Poll::Ready(Ok(count)) = &polled {
            counters::add(&self.counters.bytes_in, *count);
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write(cx, buffer);
        if let Poll::Ready(Ok(count)) = &polled {
            counters::add(&self.counters.bytes_out, *count);
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_close(cx)
    }
}

/// Dials from a fresh local port instead of the listening one. Reuse serves hole punching only; a
/// reused port makes dials fail for as long as an old connection between the same ports lingers,
/// which is the normal case after a restart.
#[cfg(not(feature = "nat"))]
struct FreshPort<T>(T);

#[cfg(not(feature = "nat"))]
impl<T: Transport + Unpin> Transport for FreshPort<T> {
    type Output = T::Output;
    type Error = T::Error;
    type ListenerUpgrade = T::ListenerUpgrade;
    type Dial = T::Dial;

    fn listen_on(
        &mut self,
        id: ListenerId,
        address: Multiaddr,
    ) -> Result<(), TransportError<Self::Error>> {
        self.0.listen_on(id, address)
    }

    fn remove_listener(&mut self, id: ListenerId) -> bool {
        self.0.remove_listener(id)
    }

    fn dial(
        &mut self,
        address: Multiaddr,
        options: DialOpts,
    ) -> Result<Self::Dial, TransportError<Self::Error>> {
        self.0.dial(address, DialOpts { port_use: PortUse::New, ..options })
    }

    fn poll(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<TransportEvent<Self::ListenerUpgrade, Self::Error>> {
        Pin::new(&mut self.0).poll(cx)
    }
}

/// Whether somebody already listens at a TCP address. The transport shares ports (it asks the
/// system to), so without this check two nodes on one port would start and split the connections.
pub(crate) fn is_taken(address: &Multiaddr) -> Option<io::Error> {
    let port = address.iter().find_map(|part| match part {
        Protocol::Tcp(port) if port != 0 => Some(port),
        _ => None,
    })?;
    std::net::TcpListener::bind((ip_of(address)?, port)).err()
}

fn multiplexer() -> yamux::Config {
    let mut config = yamux::Config::default();
    config.set_max_num_streams(YAMUX_STREAMS);
    config
}

fn encryption(key: &Keypair) -> Result<noise::Config, NetError> {
    noise::Config::new(key).map_err(|error| NetError::Transport(error.to_string()))
}

/// Builds the transport of this node.
pub(crate) fn build(key: &Keypair, counters: &Arc<Counters>) -> Result<NetTransport, NetError> {
    let counters = Arc::clone(counters);
    let tcp = tcp::tokio::Transport::new(tcp::Config::default().nodelay(true));
    #[cfg(not(feature = "nat"))]
    let tcp = FreshPort(tcp);
    let tcp = tcp
        .map(move |inner, _| Counted { inner, counters })
        .upgrade(Version::V1Lazy)
        .authenticate(encryption(key)?)
        .multiplex(multiplexer())
        .timeout(HANDSHAKE_DEADLINE)
        .boxed();
    #[cfg(feature = "quic")]
    let tcp = with_quic(tcp, key);
    Ok(tcp)
}

#[cfg(feature = "quic")]
fn with_quic(tcp: NetTransport, key: &Keypair) -> NetTransport {
    use futures::future::Either;
    use libp2p::quic;

    let mut config = quic::Config::new(key);
    config.handshake_timeout = HANDSHAKE_DEADLINE;
    quic::tokio::Transport::new(config)
        .map(|(peer, connection), _| (peer, StreamMuxerBox::new(connection)))
        .or_transport(tcp)
        .map(|either, _| match either {
            Either::Left(output) | Either::Right(output) => output,
        })
        .boxed()
}

/// Adds connections through a relay to the transport.
#[cfg(feature = "nat")]
pub(crate) fn with_relay(
    direct: NetTransport,
    key: &Keypair,
) -> Result<(NetTransport, libp2p::relay::client::Behaviour), NetError> {
    use futures::future::Either;

    let (relay, behaviour) = libp2p::relay::client::new(key.public().to_peer_id());
    let relay = relay
        .upgrade(Version::V1Lazy)
        .authenticate(encryption(key)?)
        .multiplex(multiplexer())
        .timeout(HANDSHAKE_DEADLINE)
        .boxed();
    let transport = relay
        .or_transport(direct)
        .map(|either, _| match either {
            Either::Left(output) | Either::Right(output) => output,
        })
        .boxed();
    Ok((transport, behaviour))
}

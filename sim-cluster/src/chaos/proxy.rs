//! Links between agents that can be cut: one listening port per directed pair, forwarded to the far
//! agent while the link is up.
//!
//! A proxy never reads what it carries. Agents know each other by proxy addresses only, so a closed
//! link is closed for everything they say. Every node has its own loopback address on both sides of
//! its proxies, as it would have its own on a network: agents limit and score peers by address.

use crate::error::ClusterError;
use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Bytes carried at a time.
const CHUNK: usize = 16 << 10;
/// Pause after a refused accept (out of file handles), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// State of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// Everything passes.
    Up,
    /// Connections are closed and new ones are closed at once.
    Cut,
    /// Connections stay open and nothing passes: what was sent waits.
    Hole,
}

/// All proxied links of a cluster. Dropping it closes every port.
pub struct Proxies {
    links: BTreeMap<(usize, usize), (SocketAddrV4, watch::Sender<Link>)>,
    _acceptors: JoinSet<()>,
}

impl Proxies {
    /// Opens one port for every directed pair in `pairs` (from, to), forwarding to the far node's
    /// own port in `ports`.
    ///
    /// # Errors
    /// No free port, or a pair that names a node without a port.
    pub async fn open(
        pairs: impl IntoIterator<Item = (usize, usize)>,
        ports: &[u16],
    ) -> Result<Self, ClusterError> {
        let failed = |e: io::Error| ClusterError::Failed(format!("proxy port: {e}"));
        let mut links = BTreeMap::new();
        let mut acceptors = JoinSet::new();
        for (from, to) in pairs {
            let missing = || ClusterError::Failed(format!("proxy: node {to} has no port"));
            let target = ports.get(to).copied().ok_or_else(missing)?;
            let listener = TcpListener::bind((address_of(to), 0)).await.map_err(failed)?;
            let port = listener.local_addr().map_err(failed)?.port();
            let (state, watched) = watch::channel(Link::Up);
            acceptors.spawn(accept(listener, (address_of(from), target), watched));
            links.insert((from, to), (SocketAddrV4::new(address_of(to), port), state));
        }
        Ok(Self { links, _acceptors: acceptors })
    }

    /// The address by which `from` reaches `to`.
    #[must_use]
    pub fn address(&self, from: usize, to: usize) -> Option<SocketAddrV4> {
        self.links.get(&(from, to)).map(|(address, _)| *address)
    }

    /// Sets every link between the group and the rest, both ways.
    pub fn split(&self, group: &[usize], state: Link) {
        for ((from, to), (_, link)) in &self.links {
            if group.contains(from) != group.contains(to) {
                link.send_replace(state);
            }
        }
    }

    /// Sets every link up again.
    pub fn heal(&self) {
        for (_, link) in self.links.values() {
            link.send_replace(Link::Up);
        }
    }
}

/// The loopback address that stands for a node, 127.0.1.1 and up.
fn address_of(node: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 1, u8::try_from(node).unwrap_or(u8::MAX).saturating_add(1))
}

/// Where a connection comes from and which port it goes to.
type Way = (Ipv4Addr, u16);

async fn connect((from, port): Way) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddrV4::new(from, 0).into())?;
    socket.connect(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port).into()).await
}

async fn accept(listener: TcpListener, way: Way, state: watch::Receiver<Link>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok((near, _)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        connections.spawn(carry(near, way, state.clone()));
    }
}

/// Carries one connection until either side closes it or the link is cut.
async fn carry(near: TcpStream, way: Way, mut state: watch::Receiver<Link>) {
    // A connection made into a hole reaches nobody until the link is up.
    if !passable(&mut state).await {
        return;
    }
    let Ok(far) = connect(way).await else { return };
    // Agents exchange small messages; waiting to fill packets would add delays they do not make.
    if near.set_nodelay(true).is_err() || far.set_nodelay(true).is_err() {
        return;
    }
    let (near_read, near_write) = near.into_split();
    let (far_read, far_write) = far.into_split();
    tokio::select! {
        () = pump(near_read, far_write, state.clone()) => {}
        () = pump(far_read, near_write, state.clone()) => {}
        () = cut(state) => {}
    }
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut state: watch::Receiver<Link>) {
    let mut chunk = vec![0; CHUNK];
    loop {
        let Ok(count @ 1..) = from.read(&mut chunk).await else { return };
        if !passable(&mut state).await {
            return;
        }
        let Some(bytes) = chunk.get(..count) else { return };
        if to.write_all(bytes).await.is_err() {
            return;
        }
    }
}

/// Waits while the link is a hole; whether it is up then.
async fn passable(state: &mut watch::Receiver<Link>) -> bool {
    match state.wait_for(|link| *link != Link::Hole).await {
        Ok(link) => *link == Link::Up,
        Err(_) => false,
    }
}

async fn cut(mut state: watch::Receiver<Link>) {
    // An error means that the proxies are gone, which ends the connection as well.
    drop(state.wait_for(|link| *link == Link::Cut).await);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// A server that echoes, behind one proxied link 0 -> 1.
    async fn echoing() -> (Proxies, SocketAddrV4) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut read, mut write) = stream.split();
                    drop(tokio::io::copy(&mut read, &mut write).await);
                });
            }
        });
        let proxies = Proxies::open([(0, 1)], &[0, port]).await.unwrap();
        let near = proxies.address(0, 1).unwrap();
        (proxies, near)
    }

    async fn echoed(stream: &mut TcpStream) -> io::Result<[u8; 1]> {
        stream.write_all(b"x").await?;
        let mut byte = [0];
        stream.read_exact(&mut byte).await?;
        Ok(byte)
    }

    #[tokio::test]
    async fn a_cut_link_closes_connections_and_heals() {
        let (proxies, near) = echoing().await;
        let mut stream = TcpStream::connect(near).await.unwrap();
        assert_eq!(echoed(&mut stream).await.unwrap(), *b"x");
        proxies.split(&[0], Link::Cut);
        assert!(echoed(&mut stream).await.is_err());
        let mut refused = TcpStream::connect(near).await.unwrap();
        assert!(echoed(&mut refused).await.is_err());
        proxies.heal();
        let mut again = TcpStream::connect(near).await.unwrap();
        assert_eq!(echoed(&mut again).await.unwrap(), *b"x");
    }

    #[tokio::test]
    async fn a_hole_keeps_what_was_sent_until_it_is_closed() {
        let (proxies, near) = echoing().await;
        let mut stream = TcpStream::connect(near).await.unwrap();
        assert_eq!(echoed(&mut stream).await.unwrap(), *b"x");
        proxies.split(&[1], Link::Hole);
        let waiting = tokio::time::timeout(Duration::from_millis(50), echoed(&mut stream)).await;
        assert!(waiting.is_err());
        proxies.heal();
        let mut byte = [0];
        stream.read_exact(&mut byte).await.unwrap();
        assert_eq!(byte, *b"x");
    }

    #[tokio::test]
    async fn a_split_leaves_links_inside_a_group_alone() {
        let (proxies, near) = echoing().await;
        proxies.split(&[0, 1], Link::Cut);
        let mut stream = TcpStream::connect(near).await.unwrap();
        assert_eq!(echoed(&mut stream).await.unwrap(), *b"x");
        assert!(Proxies::open([(0, 9)], &[1]).await.is_err());
    }
}

//! Two rules the stock behaviours lack: a cap on inbound connections per address prefix (so that
//! one network segment can neither fill the handshake slots nor surround the node), and
//! connections to explicit peers that are never closed for idleness.
//! It sees addresses and peer ids only, never a payload.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    convert::Infallible,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    task::{Context, Poll, Waker},
};

use libp2p::{
    Multiaddr, PeerId,
    core::{Endpoint, transport::PortUse, upgrade::DeniedUpgrade},
    multiaddr::Protocol,
    swarm::{
        ConnectionDenied, ConnectionHandler, ConnectionHandlerEvent, ConnectionId, FromSwarm,
        NetworkBehaviour, NotifyHandler, SubstreamProtocol, THandler, THandlerInEvent,
        THandlerOutEvent, ToSwarm, handler::ConnectionEvent,
    },
};
use thiserror::Error;

/// A connection was refused because its address prefix already has its share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("address prefix {prefix} already has {cap} inbound connections")]
pub(crate) struct PrefixFull {
    prefix: IpAddr,
    cap: u32,
}

/// The behaviour; see the module's text.
pub(crate) struct Gate {
    cap: u32,
    loopback: bool,
    /// The prefix under which each inbound connection is counted, pending or established.
    counted: HashMap<ConnectionId, IpAddr>,
    per_prefix: HashMap<IpAddr, u32>,
    kept: HashSet<PeerId>,
    connected: HashSet<PeerId>,
    orders: VecDeque<PeerId>,
    waker: Option<Waker>,
}

impl Gate {
    /// A gate that admits `cap` inbound connections per prefix; `loopback` exempts this machine.
    pub(crate) fn new(cap: u32, loopback: bool) -> Self {
        Self {
            cap,
            loopback,
            counted: HashMap::new(),
            per_prefix: HashMap::new(),
            kept: HashSet::new(),
            connected: HashSet::new(),
            orders: VecDeque::new(),
            waker: None,
        }
    }

    /// Keeps connections to `peer` open even when nothing uses them, from now on.
    pub(crate) fn keep(&mut self, peer: PeerId) {
        if self.kept.insert(peer) && self.connected.contains(&peer) {
            self.orders.push_back(peer);
            if let Some(waker) = self.waker.take() {
                waker.wake();
            }
        }
    }

    fn admit(&mut self, id: ConnectionId, remote: &Multiaddr) -> Result<(), PrefixFull> {
        let Some(address) = ip_of(remote) else { return Ok(()) };
        if self.loopback && is_this_machine(address) {
            return Ok(());
        }
        let prefix = prefix_of(address);
        let count = self.per_prefix.entry(prefix).or_insert(0);
        if *count >= self.cap {
            return Err(PrefixFull { prefix, cap: self.cap });
        }
        *count += 1;
        self.counted.insert(id, prefix);
        Ok(())
    }

    fn release(&mut self, id: ConnectionId) {
        let Some(prefix) = self.counted.remove(&id) else { return };
        if let Some(count) = self.per_prefix.get_mut(&prefix) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.per_prefix.remove(&prefix);
            }
        }
    }
}

/// The address this machine uses for itself in local clusters; the rest of 127.0.0.0/8 is not
/// exempt, which lets tests stand in for strangers.
fn is_this_machine(address: IpAddr) -> bool {
    address == IpAddr::V4(Ipv4Addr::LOCALHOST) || address == IpAddr::V6(Ipv6Addr::LOCALHOST)
}

/// The IP address a multiaddress starts with.
pub(crate) fn ip_of(address: &Multiaddr) -> Option<IpAddr> {
    match address.iter().next()? {
        Protocol::Ip4(ip) => Some(IpAddr::V4(ip)),
        Protocol::Ip6(ip) => Some(IpAddr::V6(ip)),
        _ => None,
    }
}

/// The IPv4 /24 or IPv6 /48 an address lies in.
fn prefix_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            IpAddr::V4(Ipv4Addr::new(a, b, c, 0))
        }
        IpAddr::V6(ip) => {
            let [a, b, c, ..] = ip.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
        }
    }
}

impl NetworkBehaviour for Gate {
    type ConnectionHandler = KeepAlive;
    type ToSwarm = Infallible;

    fn handle_pending_inbound_connection(
        &mut self,
        id: ConnectionId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        self.admit(id, remote).map_err(ConnectionDenied::new)
    }

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(KeepAlive { kept: self.kept.contains(&peer) })
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(KeepAlive { kept: self.kept.contains(&peer) })
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionEstablished(up) => {
                self.connected.insert(up.peer_id);
            }
            FromSwarm::ConnectionClosed(closed) => {
                self.release(closed.connection_id);
                if closed.remaining_established == 0 {
                    self.connected.remove(&closed.peer_id);
                }
            }
            FromSwarm::ListenFailure(failed) => self.release(failed.connection_id),
            _ => {}
        }
    }

    fn on_connection_handler_event(
        &mut self,
        _: PeerId,
        _: ConnectionId,
        event: THandlerOutEvent<Self>,
    ) {
        match event {}
    }

    fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        if let Some(peer_id) = self.orders.pop_front() {
            let handler = NotifyHandler::Any;
            return Poll::Ready(ToSwarm::NotifyHandler { peer_id, handler, event: Keep });
        }
        self.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

/// The order to keep a connection open.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keep;

/// A connection handler that speaks no protocol and only votes on keeping the connection.
#[derive(Debug)]
pub(crate) struct KeepAlive {
    kept: bool,
}

impl ConnectionHandler for KeepAlive {
    type FromBehaviour = Keep;
    type ToBehaviour = Infallible;
    type InboundProtocol = DeniedUpgrade;
    type OutboundProtocol = DeniedUpgrade;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = ();

    fn listen_protocol(&self) -> SubstreamProtocol<DeniedUpgrade> {
        SubstreamProtocol::new(DeniedUpgrade, ())
    }

    fn connection_keep_alive(&self) -> bool {
        self.kept
    }

    fn on_behaviour_event(&mut self, Keep: Keep) {
        self.kept = true;
    }

    fn poll(
        &mut self,
        _: &mut Context<'_>,
    ) -> Poll<ConnectionHandlerEvent<DeniedUpgrade, (), Infallible>> {
        Poll::Pending
    }

    fn on_connection_event(&mut self, _: ConnectionEvent<'_, DeniedUpgrade, DeniedUpgrade>) {}
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn address(ip: &str) -> Multiaddr {
        format!("/ip4/{ip}/tcp/1").parse().unwrap()
    }

    #[test]
    fn a_prefix_gets_its_share_and_no_more() {
        let mut gate = Gate::new(2, false);
        let id = ConnectionId::new_unchecked;
        assert!(gate.admit(id(1), &address("10.0.0.1")).is_ok());
        assert!(gate.admit(id(2), &address("10.0.0.2")).is_ok());
        assert!(gate.admit(id(3), &address("10.0.0.3")).is_err());
        assert!(gate.admit(id(4), &address("10.0.1.1")).is_ok(), "another prefix is unaffected");
        gate.release(id(3));
        assert!(gate.admit(id(5), &address("10.0.0.3")).is_err(), "a refused one frees nothing");
        gate.release(id(1));
        assert!(gate.admit(id(6), &address("10.0.0.3")).is_ok());
    }

    #[test]
    fn only_this_machines_own_address_is_exempt_and_only_when_told() {
        let id = ConnectionId::new_unchecked;
        let mut local = Gate::new(1, true);
        assert!((0..9).all(|n| local.admit(id(n), &address("127.0.0.1")).is_ok()));
        assert!(local.admit(id(10), &address("127.0.1.1")).is_ok());
        assert!(local.admit(id(11), &address("127.0.1.2")).is_err());
        let mut public = Gate::new(1, false);
        assert!(public.admit(id(1), &address("127.0.0.1")).is_ok());
        assert!(public.admit(id(2), &address("127.0.0.1")).is_err());
    }

    #[test]
    fn released_connections_leave_nothing_behind() {
        let mut gate = Gate::new(3, false);
        for round in 0..1000 {
            let id = ConnectionId::new_unchecked(round);
            let octet = round % 250;
            assert!(gate.admit(id, &address(&format!("10.0.{octet}.1"))).is_ok());
            gate.release(id);
        }
        assert!(gate.counted.is_empty() && gate.per_prefix.is_empty());
    }
}

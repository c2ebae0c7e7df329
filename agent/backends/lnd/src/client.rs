//! The client: two transports, one of them active, and the fallback between them.
//!
//! A write is sent on a second transport only if it certainly never left on the first.

use crate::config::{Config, Prefer, Transport};
use crate::error::{Error, Result};
use crate::failure::Failure;
use crate::grpc::{Grpc, GrpcStream};
use crate::macaroon::Macaroon;
use crate::permission::{self, Audit, Method, audit};
use crate::rest::{Rest, RestStream};
use crate::tls::Dial;
use crate::version::Version;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Most switches remembered until they are taken.
const MAX_SWITCHES: usize = 64;

/// A change of transport.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Switch {
    /// The one that failed.
    pub from: Transport,
    /// The one in use since.
    pub to: Transport,
    /// Why.
    pub reason: String,
}

/// What changes while the client lives.
struct Shared {
    active: Transport,
    since: Instant,
    switches: VecDeque<Switch>,
    version: Option<Version>,
}

/// A client of one node. Cheap calls may run side by side; it holds no other state than its
/// connections, the transport in use and the node's version.
pub struct Lnd {
    grpc: Option<Grpc>,
    rest: Option<Rest>,
    preferred: Transport,
    retry_preferred: Duration,
    macaroon: Macaroon,
    shared: Mutex<Shared>,
}

impl std::fmt::Debug for Lnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Lnd(over {})", self.transport())
    }
}

impl Lnd {
    /// Prepares a client; nothing is dialled yet.
    ///
    /// # Errors
    /// [`Error::Invalid`] without any address, or for a host that is neither a name nor an address.
    pub fn new(config: Config) -> Result<Self> {
        let Config { grpc, rest, prefer, certificate, macaroon, limits } = config;
        let dial = |address: &crate::Address, protocol: &[u8]| {
            Dial::new(address, &certificate, protocol, limits.connect)
        };
        let grpc = grpc.map(|address| dial(&address, b"h2")).transpose()?;
        let rest = rest.map(|address| dial(&address, b"http/1.1")).transpose()?;
        let grpc = grpc.map(|dial| Grpc::new(dial, limits.answer));
        let rest = rest.map(|dial| Rest::new(dial, limits.answer));
        let preferred = match (prefer, &grpc, &rest) {
            (_, None, None) => return Err(Error::Invalid("no address of the node".into())),
            (Prefer::Grpc, Some(_), _) | (_, _, None) => Transport::Grpc,
            (Prefer::Rest, _, Some(_)) | (_, None, _) => Transport::Rest,
        };
        let shared = Mutex::new(Shared {
            active: preferred,
            since: Instant::now(),
            switches: VecDeque::new(),
            version: None,
        });
        let retry_preferred = limits.retry_preferred;
        Ok(Self { grpc, rest, preferred, retry_preferred, macaroon, shared })
    }

    /// The transport the next call starts with.
    #[must_use]
    pub fn transport(&self) -> Transport {
        let mut shared = self.lock();
        if shared.active != self.preferred && shared.since.elapsed() >= self.retry_preferred {
            shared.active = self.preferred;
            shared.since = Instant::now();
        }
        shared.active
    }

    /// The changes of transport since this was last called, oldest first.
    #[must_use]
    pub fn take_switches(&self) -> Vec<Switch> {
        self.lock().switches.drain(..).collect()
    }

    /// How the macaroon compares with what DEBAL needs, by the macaroon's own text: nothing is
    /// sent. An operator is warned if [`Audit::excess`] is not empty.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the macaroon is not one that LND baked.
    pub fn audit(&self) -> Result<Audit> {
        self.macaroon.grants().map(|grants| audit(&grants))
    }

    pub(crate) fn macaroon(&self) -> &Macaroon {
        &self.macaroon
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        // Every change under this lock is complete in itself, so a poisoned one is still whole.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The node's version, asked for if it is not known.
    pub(crate) async fn version(&self) -> Result<Version> {
        let known = self.lock().version;
        match known {
            Some(version) => Ok(version),
            None => self.get_info().await.map(|identity| identity.version),
        }
    }

    pub(crate) fn learn_version(&self, version: Version) {
        self.lock().version = Some(version);
    }

    /// A node that went away may come back as another version.
    fn forget_version(&self) {
        self.lock().version = None;
    }

    /// One call: a typed request, a typed answer.
    pub(crate) async fn call<A: prost::Message + Default>(
        &self,
        name: &str,
        request: &impl prost::Message,
    ) -> Result<A> {
        let method = permission::allowed(name)?;
        let request = request.encode_to_vec();
        let answer = self.exchange(method, |transport| self.unary(transport, method, &request));
        let answer = answer.await.map_err(|failure| failure.into_error(method))?;
        A::decode(answer.as_slice())
            .map_err(|error| Failure::Malformed(error.to_string()).into_error(method))
    }

    /// Opens a stream.
    pub(crate) async fn open(&self, name: &str, request: &impl prost::Message) -> Result<Messages> {
        let method = permission::allowed(name)?;
        let request = request.encode_to_vec();
        let opened = self.exchange(method, |transport| self.stream(transport, method, &request));
        opened.await.map_err(|failure| failure.into_error(method))
    }

    async fn unary(
        &self,
        transport: Transport,
        method: &'static Method,
        request: &[u8],
    ) -> std::result::Result<Vec<u8>, Failure> {
        match (transport, &self.grpc, &self.rest) {
            (Transport::Grpc, Some(grpc), _) => {
                grpc.unary(method.name, &self.macaroon, request).await
            }
            (Transport::Rest, _, Some(rest)) => {
                rest.unary(method.name, &self.macaroon, request).await
            }
            _ => Err(Failure::NotSent(format!("no address for {transport}"))),
        }
    }

    async fn stream(
        &self,
        transport: Transport,
        method: &'static Method,
        request: &[u8],
    ) -> std::result::Result<Messages, Failure> {
        match (transport, &self.grpc, &self.rest) {
            (Transport::Grpc, Some(grpc), _) => {
                let stream = grpc.stream(method.name, &self.macaroon, request).await?;
                Ok(Messages::Grpc(stream))
            }
            (Transport::Rest, _, Some(rest)) => {
                let stream = rest.stream(method.name, &self.macaroon, request).await?;
                Ok(Messages::Rest(stream))
            }
            _ => Err(Failure::NotSent(format!("no address for {transport}"))),
        }
    }

    /// Tries the active transport and, where that is safe, the other one.
    async fn exchange<A, F>(
        &self,
        method: &'static Method,
        send: impl Fn(Transport) -> F,
    ) -> std::result::Result<A, Failure>
    where
        F: Future<Output = std::result::Result<A, Failure>>,
    {
        let first = self.transport();
        let failure = match send(first).await {
            Ok(answer) => return Ok(answer),
            Err(failure) => failure,
        };
        if !failure.transport_works() {
            self.forget_version();
        }
        let other = match first {
            Transport::Grpc => self.rest.as_ref().map(|_| Transport::Rest),
            Transport::Rest => self.grpc.as_ref().map(|_| Transport::Grpc),
        };
        let Some(other) = other.filter(|_| failure.may_try_other(method.kind)) else {
            return Err(failure);
        };
        tracing::debug!(method = method.name, from = %first, reason = failure.reason(), "fallback");
        match send(other).await {
            Ok(answer) => {
                self.switch(first, other, &failure);
                Ok(answer)
            }
            Err(second) if second.transport_works() => {
                self.switch(first, other, &failure);
                Err(second)
            }
            Err(second) => Err(worse(failure, second)),
        }
    }

    fn switch(&self, from: Transport, to: Transport, failure: &Failure) {
        let reason = failure.reason();
        tracing::warn!(%from, %to, reason, "switched transport to the node");
        let mut shared = self.lock();
        shared.active = to;
        shared.since = Instant::now();
        if shared.switches.len() == MAX_SWITCHES {
            shared.switches.pop_front();
        }
        shared.switches.push_back(Switch { from, to, reason });
    }
}

/// Of two failures the one that tells the caller more. A request that may have left always wins.
fn worse(first: Failure, second: Failure) -> Failure {
    match (&first, &second) {
        (_, Failure::Lost(_) | Failure::Malformed(_)) => second,
        (Failure::NotSent(_), Failure::Certificate(_)) => second,
        _ => first,
    }
}

/// An open stream on either transport.
pub(crate) enum Messages {
    Grpc(GrpcStream),
    Rest(RestStream),
}

impl Messages {
    /// The next encoded message; `None` when the node ended the stream in order.
    pub(crate) async fn next(&mut self) -> Option<std::result::Result<Vec<u8>, Failure>> {
        match self {
            Self::Grpc(stream) => stream.next().await,
            Self::Rest(stream) => stream.next().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Certificate, Limits};
    use debal_lnd_fake::{Fake, Sample, sample};

    #[tokio::test]
    async fn a_transport_sends_nothing_that_is_not_on_the_allow_list() {
        let fake = Fake::start(sample(&Sample::default())).await;
        let certificate = Certificate::from_pem(fake.certificate_pem().as_bytes()).unwrap();
        let macaroon = Macaroon::from_bytes(fake.admin_macaroon()).unwrap();
        let dial = |address: String, protocol: &[u8]| {
            let connect = Limits::default().connect;
            Dial::new(&address.parse().unwrap(), &certificate, protocol, connect).unwrap()
        };
        let grpc = Grpc::new(dial(fake.grpc(), b"h2"), Duration::from_secs(30));
        let rest = Rest::new(dial(fake.rest(), b"http/1.1"), Duration::from_secs(30));
        let forbidden = [
            "/lnrpc.Lightning/SendPaymentSync",
            "/lnrpc.Lightning/SendCoins",
            "/lnrpc.Lightning/OpenChannelSync",
            "/routerrpc.Router/SendToRouteV2",
            "/lnrpc.Lightning/GetInfo?",
        ];
        let refused = |failure| matches!(failure, Some(Failure::Refused(Error::NotAllowed { .. })));
        for name in forbidden {
            assert!(refused(grpc.unary(name, &macaroon, &[]).await.err()), "{name}");
            assert!(refused(rest.unary(name, &macaroon, &[]).await.err()), "{name}");
            assert!(refused(grpc.stream(name, &macaroon, &[]).await.err()), "{name}");
            assert!(refused(rest.stream(name, &macaroon, &[]).await.err()), "{name}");
        }
        assert!(fake.calls().is_empty());
        assert!(grpc.unary(permission::GET_INFO, &macaroon, &[]).await.is_ok());
        assert!(rest.unary(permission::GET_INFO, &macaroon, &[]).await.is_ok());
        assert_eq!(fake.calls().len(), 2);
    }
}

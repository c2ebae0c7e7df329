//! A scripted node for tests: it speaks LND's gRPC and REST over TLS on loopback, from one model.
//!
//! It shares no code with the client it tests, and its gRPC is tonic's. It must never be a
//! dependency of anything but tests: its wallet is a data structure and its macaroons are a list.
//!
//! What it is strict about is what LND is strict about: macaroons per method, unknown JSON fields,
//! the rules of a policy update, version by version. What it breaks, it breaks on request
//! ([`Fault`], [`Door`]), and every call is recorded by its full name ([`Fake::calls`]).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod answer;
mod certificate;
mod fault;
mod grpc;
mod json;
mod macaroon;
mod model;
mod policy;
mod rest;
mod sample;
mod server;
mod stream;

/// LND's messages: the model is made of them.
#[allow(missing_docs, clippy::all, clippy::pedantic)]
pub mod proto {
    pub mod lnrpc {
        include!(concat!(env!("OUT_DIR"), "/lnrpc.rs"));
    }
    pub mod routerrpc {
        include!(concat!(env!("OUT_DIR"), "/routerrpc.rs"));
    }
    pub mod walletrpc {
        include!(concat!(env!("OUT_DIR"), "/walletrpc.rs"));
    }
}

pub use certificate::Shape;
pub use fault::{Door, Fault, Recorded, Wire};
pub use macaroon::LEAST;
pub use model::{Node, OpenChannel, Wallet};
pub use sample::{OWN_KEY, PEERS, Sample, chan_id, channel_point, sample};

use fault::Faults;
use macaroon::Credentials;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::sync::{broadcast, watch};

/// What the servers share.
pub(crate) struct Inner {
    node: Mutex<Node>,
    credentials: Mutex<Credentials>,
    faults: Mutex<Faults>,
    calls: Mutex<Vec<Recorded>>,
    doors: [watch::Sender<Door>; 2],
    live: broadcast::Sender<proto::routerrpc::HtlcEvent>,
}

/// A running scripted node. It stops when dropped.
pub struct Fake {
    inner: Arc<Inner>,
    addresses: [SocketAddr; 2],
    certificate_pem: String,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Fake {
    /// Starts a node with LND's usual certificate for `localhost` and `127.0.0.1`.
    pub async fn start(node: Node) -> Self {
        Self::start_with(node, Shape::default()).await
    }

    /// Starts a node with a certificate of another shape.
    pub async fn start_with(node: Node, shape: Shape) -> Self {
        let (certificate_pem, acceptors) = certificate::make(&shape);
        let inner = Arc::new(Inner {
            node: Mutex::new(node),
            credentials: Mutex::default(),
            faults: Mutex::default(),
            calls: Mutex::default(),
            doors: [watch::Sender::new(Door::Open), watch::Sender::new(Door::Open)],
            live: broadcast::Sender::new(1_000),
        });
        let [grpc, rest] = acceptors;
        let (grpc_address, grpc) = server::listen(Arc::clone(&inner), Wire::Grpc, grpc).await;
        let (rest_address, rest) = server::listen(Arc::clone(&inner), Wire::Rest, rest).await;
        let addresses = [grpc_address, rest_address];
        Self { inner, addresses, certificate_pem, tasks: vec![grpc, rest] }
    }

    /// Where gRPC is served, as `host:port`.
    pub fn grpc(&self) -> String {
        self.addresses[0].to_string()
    }

    /// Where REST is served, as `host:port`.
    pub fn rest(&self) -> String {
        self.addresses[1].to_string()
    }

    /// The node's `tls.cert`.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// Bakes a macaroon that grants `(entity, action)` pairs.
    pub fn bake(&self, grants: &[(&str, &str)]) -> Vec<u8> {
        self.inner.credentials.lock().unwrap().bake(grants)
    }

    /// A macaroon that grants everything, as `admin.macaroon` does.
    pub fn admin_macaroon(&self) -> Vec<u8> {
        self.bake(macaroon::ADMIN)
    }

    /// A macaroon that grants exactly the methods of the least-privilege list.
    pub fn least_macaroon(&self) -> Vec<u8> {
        let uris: Vec<(&str, &str)> = LEAST.iter().map(|name| ("uri", *name)).collect();
        self.bake(&uris)
    }

    /// From now on a macaroon's time is over.
    pub fn expire(&self, macaroon: &[u8]) {
        self.inner.credentials.lock().unwrap().expire(macaroon);
    }

    /// Reads or changes the node.
    pub fn with<T>(&self, change: impl FnOnce(&mut Node) -> T) -> T {
        change(&mut self.inner.node.lock().unwrap())
    }

    /// Breaks the `nth` call (1 is the next one) of `method`, or of any method if it is empty.
    pub fn fail(&self, method: &'static str, nth: u32, fault: Fault) {
        self.inner.faults.lock().unwrap().add(method, nth, fault);
    }

    /// Opens, closes or hangs one of the interfaces; its connections are cut.
    pub fn door(&self, wire: Wire, door: Door) {
        self.inner.doors[wire as usize].send_replace(door);
    }

    /// Sends an HTLC event to every subscriber.
    pub fn emit(&self, event: proto::routerrpc::HtlcEvent) {
        // Nobody listening is not a failure of the node.
        let _ = self.inner.live.send(event);
    }

    /// Every call so far, in order, refused ones included.
    pub fn calls(&self) -> Vec<Recorded> {
        self.inner.calls.lock().unwrap().clone()
    }

    /// How often a method was called so far.
    pub fn count(&self, method: &str) -> usize {
        self.calls().iter().filter(|call| call.method == method).count()
    }

    /// Forgets the recorded calls.
    pub fn forget_calls(&self) {
        self.inner.calls.lock().unwrap().clear();
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.tasks.iter().for_each(tokio::task::JoinHandle::abort);
        for door in &self.inner.doors {
            door.send_replace(Door::Refuse);
        }
    }
}

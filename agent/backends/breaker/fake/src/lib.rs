//! A scripted circuit breaker for tests: gRPC in plain text on loopback, by tonic's server half.
//!
//! It must never be a dependency of anything but tests.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod raw;

/// The service's messages.
#[allow(missing_docs, clippy::all, clippy::pedantic)]
pub mod proto {
    include!(concat!(env!("OUT_DIR"), "/circuitbreaker.rs"));
}

use futures::future::BoxFuture;
use hyper::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use proto::{
    ClearLimitsRequest, GetInfoResponse, Limit, ListLimitsResponse, NodeLimit, UpdateLimitsRequest,
};
use raw::Raw;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tonic::Status;

/// What goes wrong with one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection is lost before anything is done.
    CutBefore,
    /// The connection is lost after the call took effect.
    CutAfter,
    /// The call takes effect and its answer is garbage.
    Garbage,
    /// Nothing is ever answered; nothing is done.
    Hang,
    /// An error instead of an answer; nothing is done.
    Refuse(&'static str),
}

/// What the service knows.
#[derive(Debug, Default)]
struct Service {
    node_key: String,
    limits: BTreeMap<String, Limit>,
    faults: Vec<(&'static str, Fault)>,
    calls: Vec<String>,
}

/// A running scripted service. It stops when dropped.
pub struct Fake {
    service: Arc<Mutex<Service>>,
    address: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

impl Fake {
    /// Starts a service that guards a node.
    pub async fn start(node_key: &str) -> Self {
        let service = Service { node_key: node_key.to_owned(), ..Service::default() };
        let service = Arc::new(Mutex::new(service));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::clone(&service);
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(Arc::clone(&shared), stream));
            }
        });
        Self { service, address, task }
    }

    /// Where it is, as `host:port`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Breaks the next call of a method.
    pub fn fail(&self, method: &'static str, fault: Fault) {
        self.service.lock().unwrap().faults.push((method, fault));
    }

    /// The limits of peers that have their own: rate, pending, mode.
    pub fn limits(&self) -> BTreeMap<String, (i64, i64, i32)> {
        let service = self.service.lock().unwrap();
        let shown = |limit: &Limit| (limit.max_hourly_rate, limit.max_pending, limit.mode);
        service.limits.iter().map(|(peer, limit)| (peer.clone(), shown(limit))).collect()
    }

    /// Names of every call so far, in order.
    pub fn calls(&self) -> Vec<String> {
        self.service.lock().unwrap().calls.clone()
    }

    /// How often a method was called so far.
    pub fn count(&self, method: &str) -> usize {
        self.calls().iter().filter(|call| *call == method).count()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(service: Arc<Mutex<Service>>, stream: TcpStream) {
    let cut = Arc::new(Notify::new());
    let handle = |request: Request<Incoming>| {
        let method = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
        let call = Call { service: Arc::clone(&service), method, cut: Arc::clone(&cut) };
        async move {
            let mut server = tonic::server::Grpc::new(Raw);
            Ok::<_, std::convert::Infallible>(server.unary(call, request).await)
        }
    };
    let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    tokio::select! {
        _ = server.serve_connection(TokioIo::new(stream), hyper::service::service_fn(handle)) => {}
        () = cut.notified() => {}
    }
}

/// One call.
#[derive(Clone)]
struct Call {
    service: Arc<Mutex<Service>>,
    method: String,
    cut: Arc<Notify>,
}

impl tonic::server::UnaryService<Vec<u8>> for Call {
    type Response = Vec<u8>;
    type Future = BoxFuture<'static, Result<tonic::Response<Vec<u8>>, Status>>;

    fn call(&mut self, request: tonic::Request<Vec<u8>>) -> Self::Future {
        let call = self.clone();
        Box::pin(async move { call.answer(request.get_ref()).await.map(tonic::Response::new) })
    }
}

impl Call {
    async fn answer(&self, request: &[u8]) -> Result<Vec<u8>, Status> {
        let fault = {
            let mut service = self.service.lock().unwrap();
            service.calls.push(self.method.clone());
            let found = service.faults.iter().position(|(method, _)| *method == self.method);
            found.map(|index| service.faults.remove(index).1)
        };
        match fault {
            Some(Fault::CutBefore) => {
                self.cut.notify_one();
                std::future::pending().await
            }
            Some(Fault::Hang) => std::future::pending().await,
            Some(Fault::Refuse(words)) => return Err(Status::unknown(words)),
            _ => {}
        }
        let answer = self.service.lock().unwrap().carry_out(&self.method, request)?;
        match fault {
            Some(Fault::CutAfter) => {
                self.cut.notify_one();
                std::future::pending().await
            }
            Some(Fault::Garbage) => Ok(vec![0xff; 7]),
            _ => Ok(answer),
        }
    }
}

impl Service {
    fn carry_out(&mut self, method: &str, request: &[u8]) -> Result<Vec<u8>, Status> {
        let wrong = |_| Status::invalid_argument("no such message");
        match method {
            "GetInfo" => {
                let (node_key, version) = (self.node_key.clone(), "v0.5.1".to_owned());
                return Ok(GetInfoResponse { node_key, version }.encode_to_vec());
            }
            "ListLimits" => {
                let own = self.limits.iter().map(|(node, limit)| (node, Some(*limit)));
                // The service also lists peers that it only counts.
                let counted = "03".repeat(33);
                let all = own.chain([(&counted, None)]);
                let limits = all.map(|(node, limit)| NodeLimit { node: node.clone(), limit });
                let default = Limit { max_hourly_rate: 3_600, max_pending: 10, mode: 2 };
                let limits = limits.collect();
                return Ok(
                    ListLimitsResponse { default_limit: Some(default), limits }.encode_to_vec()
                );
            }
            "UpdateLimits" => {
                let request = UpdateLimitsRequest::decode(request).map_err(wrong)?;
                if request.limits.values().any(|limit| !(0..=3).contains(&limit.mode)) {
                    return Err(Status::unknown("unknown mode"));
                }
                self.limits.extend(request.limits);
            }
            "ClearLimits" => {
                let request = ClearLimitsRequest::decode(request).map_err(wrong)?;
                self.limits.retain(|peer, _| !request.nodes.contains(peer));
            }
            _ => return Err(Status::unimplemented("no such method")),
        }
        Ok(Vec::new())
    }
}

//! gRPC by tonic's server half, so that the client is tested against an implementation that is
//! not its own.
//!
//! Messages pass as bytes: what they mean is decided in `answer`.

use crate::Inner;
use crate::answer::{self, Outcome};
use crate::fault::Wire;
use futures::future::BoxFuture;
use futures::stream::{BoxStream, StreamExt as _};
use hyper::body::{Buf as _, Bytes, Incoming};
use hyper::service::Service;
use hyper::{Request, Response};
use std::convert::Infallible;
use std::sync::Arc;
use tokio::sync::Notify;
use tonic::body::Body;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};

/// Passes encoded messages through.
#[derive(Clone, Copy, Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        hyper_buf_put(buffer, &item);
        Ok(())
    }
}

/// `BufMut` is reached through prost, which re-exports the crate it comes from.
fn hyper_buf_put(buffer: &mut EncodeBuf<'_>, item: &[u8]) {
    use prost::bytes::BufMut as _;
    buffer.put_slice(item);
}

impl Decoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let bytes: Bytes = buffer.copy_to_bytes(buffer.remaining());
        Ok(Some(bytes.to_vec()))
    }
}

/// One call, on its way to the model.
#[derive(Clone)]
struct Call {
    inner: Arc<Inner>,
    method: String,
    cut: Arc<Notify>,
}

fn macaroons(metadata: &MetadataMap) -> Vec<Vec<u8>> {
    metadata.get_all("macaroon").iter().map(|value| value.as_bytes().to_vec()).collect()
}

impl Call {
    async fn concluded(&self, outcome: Outcome) -> Result<Vec<u8>, Status> {
        match outcome {
            Outcome::Answer(Ok(bytes)) => Ok(bytes),
            Outcome::Answer(Err(refusal)) => {
                Err(Status::new(Code::from_i32(refusal.code as i32), refusal.message))
            }
            Outcome::Cut => {
                self.cut.notify_one();
                std::future::pending().await
            }
            Outcome::Silence => std::future::pending().await,
            Outcome::Bare500 => Err(Status::new(Code::Unavailable, "")),
            Outcome::Garbage => Ok(vec![0xff; 7]),
        }
    }
}

impl tonic::server::UnaryService<Vec<u8>> for Call {
    type Response = Vec<u8>;
    type Future = BoxFuture<'static, Result<tonic::Response<Vec<u8>>, Status>>;

    fn call(&mut self, request: tonic::Request<Vec<u8>>) -> Self::Future {
        let call = self.clone();
        Box::pin(async move {
            let macaroons = macaroons(request.metadata());
            let macaroons: Vec<&[u8]> = macaroons.iter().map(Vec::as_slice).collect();
            let (inner, method) = (&call.inner, &call.method);
            let request = request.get_ref();
            let outcome = answer::unary(inner, Wire::Grpc, method, &macaroons, request).await;
            call.concluded(outcome).await.map(tonic::Response::new)
        })
    }
}

impl tonic::server::ServerStreamingService<Vec<u8>> for Call {
    type Response = Vec<u8>;
    type ResponseStream = BoxStream<'static, Result<Vec<u8>, Status>>;
    type Future = BoxFuture<'static, Result<tonic::Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: tonic::Request<Vec<u8>>) -> Self::Future {
        let call = self.clone();
        Box::pin(async move {
            let macaroons = macaroons(request.metadata());
            let macaroons: Vec<&[u8]> = macaroons.iter().map(Vec::as_slice).collect();
            let (inner, method) = (&call.inner, &call.method);
            match answer::subscribe(inner, Wire::Grpc, method, &macaroons).await {
                Ok(cut_after) => {
                    let events = crate::stream::events(inner, cut_after, Arc::clone(&call.cut));
                    Ok(tonic::Response::new(events.map(Ok).boxed()))
                }
                Err(outcome) => {
                    call.concluded(outcome).await?;
                    Err(Status::internal("the scripted node answered a stream with a message"))
                }
            }
        })
    }
}

/// Serves one connection.
pub(crate) fn service(
    inner: Arc<Inner>,
    cut: Arc<Notify>,
) -> impl Service<
    Request<Incoming>,
    Response = Response<Body>,
    Error = Infallible,
    Future = impl Future<Output = Result<Response<Body>, Infallible>> + Send,
> {
    hyper::service::service_fn(move |request: Request<Incoming>| {
        let method = request.uri().path().to_owned();
        let call = Call { inner: Arc::clone(&inner), method, cut: Arc::clone(&cut) };
        async move {
            let mut server = tonic::server::Grpc::new(Raw);
            Ok(match call.method.as_str() {
                "/routerrpc.Router/SubscribeHtlcEvents" => {
                    server.server_streaming(call, request).await
                }
                _ => server.unary(call, request).await,
            })
        }
    })
}

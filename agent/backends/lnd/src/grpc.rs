//! gRPC over one HTTP/2 connection: framing, status, limits.
//!
//! It must never send a request twice unless it is certain that the first one stayed here, and
//! never without finding the method in the allow-list.

use crate::body::{self, Source};
use crate::failure::{Failure, code};
use crate::macaroon::Macaroon;
use crate::permission::{self, Method};
use crate::tls::Dial;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http2::{self, SendRequest};
use hyper::header::{HeaderMap, HeaderValue};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::time::Duration;
use tokio::sync::Mutex;

/// A frame starts with a compression flag and four bytes of length.
const PREFIX: usize = 5;
/// How often an otherwise silent stream is checked for life.
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// Largest header list of an answer.
const MAX_HEADER_BYTES: u32 = 64 << 10;

/// The gRPC transport.
pub(crate) struct Grpc {
    dial: Dial,
    deadline: Duration,
    connection: Mutex<Option<SendRequest<Full<Bytes>>>>,
}

impl Grpc {
    pub(crate) fn new(dial: Dial, deadline: Duration) -> Self {
        Self { dial, deadline, connection: Mutex::new(None) }
    }

    /// One request, one answer.
    pub(crate) async fn unary(
        &self,
        name: &str,
        macaroon: &Macaroon,
        request: &[u8],
    ) -> Result<Vec<u8>, Failure> {
        let method = permission::allowed(name)?;
        let deadline = self.deadline * method.patience;
        let answer = async {
            let response = self.send(method, macaroon, request).await?;
            read_unary(response, method.limit_bytes).await
        };
        let result = match tokio::time::timeout(deadline, answer).await {
            Ok(result) => result,
            Err(_) => Err(Failure::Lost(format!("no answer within {} ms", deadline.as_millis()))),
        };
        if matches!(result, Err(Failure::Lost(_))) {
            *self.connection.lock().await = None;
        }
        result
    }

    /// One request, a stream of answers, on a connection of its own.
    pub(crate) async fn stream(
        &self,
        name: &str,
        macaroon: &Macaroon,
        request: &[u8],
    ) -> Result<GrpcStream, Failure> {
        let method = permission::allowed(name)?;
        let request = self.request(method, macaroon, request)?;
        let mut connection = self.dial().await?;
        let sending = connection.try_send_request(request);
        let opening = async move {
            let response =
                sending.await.map_err(|failed| Failure::Lost(failed.into_error().to_string()))?;
            let response = checked(response)?;
            status(response.headers()).map_or(Ok(response), Err)
        };
        let source = Source::Opening(Box::pin(opening));
        let limit_bytes = method.limit_bytes;
        let mut stream =
            GrpcStream { source, _connection: connection, buffer: Vec::new(), limit_bytes };
        match tokio::time::timeout(self.deadline, stream.source.body()).await {
            Ok(Err(failure)) => Err(failure),
            Ok(Ok(_)) | Err(_) => Ok(stream),
        }
    }

    /// Sends a request and waits for the head of the answer.
    async fn send(
        &self,
        method: &'static Method,
        macaroon: &Macaroon,
        message: &[u8],
    ) -> Result<Response<Incoming>, Failure> {
        let request = self.request(method, macaroon, message)?;
        let mut connection = self.connection().await?;
        let unsent = match connection.try_send_request(request).await {
            Ok(response) => return checked(response),
            Err(mut failed) => match failed.take_message() {
                Some(request) => request,
                None => return Err(Failure::Lost(failed.error().to_string())),
            },
        };
        // The connection had died while idle and the request came back unsent: once more, anew.
        *self.connection.lock().await = None;
        let mut connection = self.connection().await?;
        match connection.try_send_request(unsent).await {
            Ok(response) => checked(response),
            Err(mut failed) => Err(match failed.take_message() {
                Some(_) => Failure::NotSent(failed.error().to_string()),
                None => Failure::Lost(failed.error().to_string()),
            }),
        }
    }

    fn request(
        &self,
        method: &'static Method,
        macaroon: &Macaroon,
        message: &[u8],
    ) -> Result<Request<Full<Bytes>>, Failure> {
        let length = u32::try_from(message.len())
            .map_err(|_| Failure::NotSent("the request is too large".into()))?;
        let mut frame = Vec::with_capacity(PREFIX + message.len());
        frame.push(0);
        frame.extend(length.to_be_bytes());
        frame.extend_from_slice(message);
        let mut request = Request::post(self.dial.origin() + method.name)
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        if method.permission != permission::Permission::None {
            request = request.header("macaroon", body::secret(macaroon)?);
        }
        let request = request.body(Full::new(Bytes::from(frame)));
        request.map_err(|error| Failure::NotSent(error.to_string()))
    }

    /// The live connection, or a new one.
    async fn connection(&self) -> Result<SendRequest<Full<Bytes>>, Failure> {
        let mut held = self.connection.lock().await;
        if let Some(sender) = held.as_ref().filter(|sender| !sender.is_closed()) {
            return Ok(sender.clone());
        }
        let sender = self.dial().await?;
        *held = Some(sender.clone());
        Ok(sender)
    }

    async fn dial(&self) -> Result<SendRequest<Full<Bytes>>, Failure> {
        let stream = self.dial.open().await?;
        let handshake = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(PING_TIMEOUT)
            .max_header_list_size(MAX_HEADER_BYTES)
            .handshake(TokioIo::new(stream))
            .await;
        let (sender, driver) = handshake.map_err(|error| {
            Failure::NotSent(format!("{} does not speak HTTP/2: {error}", self.dial.authority()))
        })?;
        // The driver ends with the connection; its error reaches the request that waits on it.
        tokio::spawn(driver);
        Ok(sender)
    }
}

/// Refuses answers that are not gRPC.
fn checked(response: Response<Incoming>) -> Result<Response<Incoming>, Failure> {
    let kind = response.headers().get("content-type").map(HeaderValue::as_bytes);
    if response.status() == 200 && kind.is_some_and(|kind| kind.starts_with(b"application/grpc")) {
        return Ok(response);
    }
    Err(match response.status().as_u16() {
        404 => Failure::answered(code::UNIMPLEMENTED, "no gRPC at this address"),
        status => Failure::Lost(format!("not a gRPC answer (HTTP status {status})")),
    })
}

/// The status in headers or trailers: `None` if absent or fine.
fn status(headers: &HeaderMap) -> Option<Failure> {
    let status = headers.get("grpc-status")?;
    let number: Option<u32> = status.to_str().ok().and_then(|text| text.parse().ok());
    let message = headers.get("grpc-message").map_or(&b""[..], HeaderValue::as_bytes);
    match number {
        Some(0) => None,
        Some(number) => Some(Failure::answered(number, &percent_decoded(message))),
        None => Some(Failure::Malformed("a gRPC status that is not a number".into())),
    }
}

fn percent_decoded(text: &[u8]) -> String {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, tail)) = rest.split_first() {
        let escaped = tail
            .get(..2)
            .filter(|_| *first == b'%')
            .and_then(|pair| std::str::from_utf8(pair).ok())
            .and_then(|pair| u8::from_str_radix(pair, 16).ok());
        decoded.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { tail.get(2..).unwrap_or_default() } else { tail };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// The length a frame declares, if its prefix is there.
fn declared(buffer: &[u8], limit_bytes: usize) -> Result<Option<usize>, Failure> {
    let Some([flag, length @ ..]) = buffer.first_chunk::<PREFIX>() else { return Ok(None) };
    if *flag != 0 {
        return Err(Failure::Malformed("a compressed frame that was not asked for".into()));
    }
    let length = u32::from_be_bytes(*length) as usize;
    if length > limit_bytes {
        return Err(Failure::TooLarge);
    }
    Ok(Some(length))
}

/// Reads a whole answer; the trailers decide whether it counts.
async fn read_unary(response: Response<Incoming>, limit: usize) -> Result<Vec<u8>, Failure> {
    // An error without a message comes with its status in the head.
    if let Some(failure) = status(response.headers()) {
        return Err(failure);
    }
    let (mut body, mut buffer, mut trailers) = (response.into_body(), Vec::new(), None);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Failure::Lost(error.to_string()))?;
        match frame.into_data() {
            Ok(data) => {
                buffer.extend_from_slice(&data);
                declared(&buffer, limit)?;
                if buffer.len() > limit + PREFIX {
                    return Err(Failure::TooLarge);
                }
            }
            Err(frame) => trailers = frame.into_trailers().ok(),
        }
    }
    let trailers = trailers.ok_or_else(|| Failure::Lost("the answer was cut off".into()))?;
    if let Some(failure) = status(&trailers) {
        return Err(failure);
    }
    if !trailers.contains_key("grpc-status") {
        return Err(Failure::Lost("the answer ended without a status".into()));
    }
    match declared(&buffer, limit)? {
        Some(length) if buffer.len() == PREFIX + length => Ok(buffer.split_off(PREFIX)),
        _ => Err(Failure::Malformed("the answer is not one message".into())),
    }
}

/// A stream of messages.
pub(crate) struct GrpcStream {
    source: Source,
    /// Dropping it would close the connection.
    _connection: SendRequest<Full<Bytes>>,
    buffer: Vec<u8>,
    limit_bytes: usize,
}

impl GrpcStream {
    /// The next message; `None` when the node ended the stream in order.
    pub(crate) async fn next(&mut self) -> Option<Result<Vec<u8>, Failure>> {
        let result = self.advance().await.transpose()?;
        if result.is_err() {
            self.source = Source::Ended;
        }
        Some(result)
    }

    async fn advance(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        loop {
            if let Some(length) = declared(&self.buffer, self.limit_bytes)?
                && self.buffer.len() >= PREFIX + length
            {
                let rest = self.buffer.split_off(PREFIX + length);
                let mut message = std::mem::replace(&mut self.buffer, rest);
                return Ok(Some(message.split_off(PREFIX)));
            }
            let Some(body) = self.source.body().await? else { return Ok(None) };
            match body.frame().await {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.buffer.extend_from_slice(&data),
                    Err(frame) => {
                        self.source = Source::Ended;
                        let trailers = frame.into_trailers().unwrap_or_default();
                        return status(&trailers).map_or(Ok(None), Err);
                    }
                },
                Some(Err(error)) => return Err(Failure::Lost(error.to_string())),
                None => return Err(Failure::Lost("the stream was cut off".into())),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_percent_decoded_and_bad_escapes_stay() {
        assert_eq!(percent_decoded(b"a%20b%2"), "a b%2");
        assert_eq!(percent_decoded(b"100%%zz"), "100%%zz");
    }

    #[test]
    fn a_frame_over_the_limit_is_refused_by_its_prefix_alone() {
        assert!(matches!(declared(&[0, 0, 0, 1, 0], 255), Err(Failure::TooLarge)));
        assert!(matches!(declared(&[1, 0, 0, 0, 1], 255), Err(Failure::Malformed(_))));
        assert!(matches!(declared(&[0, 0, 0, 0], 255), Ok(None)));
        assert!(matches!(declared(&[0, 0, 0, 0, 9], 255), Ok(Some(9))));
    }
}

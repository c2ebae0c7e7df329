//! REST over HTTP/1.1: the same messages as JSON.
//!
//! It must never send a request twice unless it is certain that the first one stayed here, and
//! never without finding the method in the allow-list.

use crate::body::{self, Source};
use crate::failure::{Failure, code};
use crate::json::Shapes;
use crate::macaroon::Macaroon;
use crate::permission::{self, Method};
use crate::tls::Dial;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::time::Duration;
use tokio::sync::Mutex;

/// JSON is larger than protobuf: names, quotes and decimal numbers.
const JSON_FACTOR: usize = 4;
/// Largest body of an error.
const MAX_ERROR_BYTES: usize = 64 << 10;

/// The REST transport. One connection is kept for the next call; a call that finds it in use
/// opens its own.
pub(crate) struct Rest {
    dial: Dial,
    deadline: Duration,
    idle: Mutex<Option<SendRequest<Full<Bytes>>>>,
}

impl Rest {
    pub(crate) fn new(dial: Dial, deadline: Duration) -> Self {
        Self { dial, deadline, idle: Mutex::new(None) }
    }

    /// One request, one answer.
    pub(crate) async fn unary(
        &self,
        name: &str,
        macaroon: &Macaroon,
        request: &[u8],
    ) -> Result<Vec<u8>, Failure> {
        let method = permission::allowed(name)?;
        let shapes = Shapes::of(name)?;
        let deadline = self.deadline * method.patience;
        let exchange = async {
            let request = self.request(&shapes, method, macaroon, request)?;
            let (response, connection) = self.send(request).await?;
            let status = response.status().as_u16();
            let fine = status == 200;
            let limit = method.limit_bytes.saturating_mul(JSON_FACTOR);
            let limit = if fine { limit } else { MAX_ERROR_BYTES };
            let json = body::collect(response.into_body(), limit).await?;
            *self.idle.lock().await = Some(connection);
            if fine { Ok(json) } else { Err(refusal(status, &json)) }
        };
        let json = match tokio::time::timeout(deadline, exchange).await {
            Ok(json) => json?,
            Err(_) => {
                let waited = deadline.as_millis();
                return Err(Failure::Lost(format!("no answer within {waited} ms")));
            }
        };
        shapes.answer(&json).map_err(Failure::Malformed)
    }

    /// One request, a stream of answers, on a connection of its own.
    pub(crate) async fn stream(
        &self,
        name: &str,
        macaroon: &Macaroon,
        request: &[u8],
    ) -> Result<RestStream, Failure> {
        let method = permission::allowed(name)?;
        let shapes = Shapes::of(name)?;
        let request = self.request(&shapes, method, macaroon, request)?;
        let mut connection = self.dial().await?;
        let sending = connection.try_send_request(request);
        let opening = async move {
            let response =
                sending.await.map_err(|failed| Failure::Lost(failed.into_error().to_string()))?;
            match response.status().as_u16() {
                200 => Ok(response),
                status => {
                    let json = body::collect(response.into_body(), MAX_ERROR_BYTES).await?;
                    Err(refusal(status, &json))
                }
            }
        };
        let (source, limit_bytes) = (Source::Opening(Box::pin(opening)), method.limit_bytes);
        let mut stream =
            RestStream { source, _connection: connection, buffer: Vec::new(), shapes, limit_bytes };
        match tokio::time::timeout(self.deadline, stream.source.body()).await {
            Ok(Err(failure)) => Err(failure),
            Ok(Ok(_)) | Err(_) => Ok(stream),
        }
    }

    fn request(
        &self,
        shapes: &Shapes,
        method: &'static Method,
        macaroon: &Macaroon,
        message: &[u8],
    ) -> Result<Request<Full<Bytes>>, Failure> {
        let call = shapes.http(method.route, message)?;
        let (verb, content) = match call.body {
            Some(content) => ("POST", content),
            None => ("GET", Vec::new()),
        };
        let mut request = Request::builder().method(verb).uri(call.target);
        request = request.header("host", self.dial.authority());
        if verb == "POST" {
            request = request.header("content-type", "application/json");
        }
        if method.permission != permission::Permission::None {
            request = request.header("grpc-metadata-macaroon", body::secret(macaroon)?);
        }
        let request = request.body(Full::new(Bytes::from(content)));
        request.map_err(|error| Failure::NotSent(error.to_string()))
    }

    /// Sends on the idle connection if it lives, else on a new one.
    async fn send(&self, request: Request<Full<Bytes>>) -> Result<Answering, Failure> {
        let mut request = request;
        let idle = self.idle.lock().await.take();
        if let Some(mut connection) = idle
            && connection.ready().await.is_ok()
        {
            match connection.try_send_request(request).await {
                Ok(response) => return Ok((response, connection)),
                Err(mut failed) => match failed.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(Failure::Lost(failed.error().to_string())),
                },
            }
        }
        let mut connection = self.dial().await?;
        match connection.try_send_request(request).await {
            Ok(response) => Ok((response, connection)),
            Err(mut failed) => Err(match failed.take_message() {
                Some(_) => Failure::NotSent(failed.error().to_string()),
                None => Failure::Lost(failed.error().to_string()),
            }),
        }
    }

    async fn dial(&self) -> Result<SendRequest<Full<Bytes>>, Failure> {
        let stream = self.dial.open().await?;
        let handshake = http1::handshake(TokioIo::new(stream)).await;
        let (connection, driver) =
            handshake.map_err(|error| Failure::NotSent(error.to_string()))?;
        // The driver ends with the connection; its error reaches the request that waits on it.
        tokio::spawn(driver);
        Ok(connection)
    }
}

/// The head of an answer and the connection it comes by, which dropping would close.
type Answering = (Response<Incoming>, SendRequest<Full<Bytes>>);

/// Reads LND's error body, wherever it is nested.
fn refusal(status: u16, json: &[u8]) -> Failure {
    let value: Option<serde_json::Value> = serde_json::from_slice(json).ok();
    let error = value.as_ref().map(|value| value.get("error").unwrap_or(value));
    let error = error.filter(|error| error.is_object());
    let number = error.and_then(|error| error.get("code")).and_then(serde_json::Value::as_u64);
    let message = error.and_then(|error| error.get("message")).and_then(serde_json::Value::as_str);
    match (number.and_then(|number| u32::try_from(number).ok()), message) {
        // The gateway's words for a path it does not serve.
        (Some(code::NOT_FOUND), Some("Not Found")) => {
            Failure::answered(code::UNIMPLEMENTED, "no such path")
        }
        (Some(number), Some(message)) => Failure::answered(number, message),
        _ if status == 404 => Failure::answered(code::UNIMPLEMENTED, "no such path"),
        // Something between us and the node answered; what the node did is not known.
        _ => Failure::Lost(format!("HTTP status {status} without LND's error")),
    }
}

/// A stream of JSON lines.
pub(crate) struct RestStream {
    source: Source,
    /// Dropping it would close the connection.
    _connection: SendRequest<Full<Bytes>>,
    buffer: Vec<u8>,
    shapes: Shapes,
    limit_bytes: usize,
}

impl RestStream {
    /// The next message; `None` when the node ended the stream in order.
    pub(crate) async fn next(&mut self) -> Option<Result<Vec<u8>, Failure>> {
        let result = self.advance().await.transpose()?;
        if result.is_err() {
            self.source = Source::Ended;
            self.buffer.clear();
        }
        Some(result)
    }

    async fn advance(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let rest = self.buffer.split_off(end + 1);
                let line = std::mem::replace(&mut self.buffer, rest);
                if line.iter().all(u8::is_ascii_whitespace) {
                    continue;
                }
                return self.unwrapped(&line).map(Some);
            }
            if self.buffer.len() > self.limit_bytes {
                return Err(Failure::TooLarge);
            }
            let Some(body) = self.source.body().await? else { return Ok(None) };
            match body.frame().await {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.buffer.extend_from_slice(&data);
                    }
                }
                Some(Err(error)) => return Err(Failure::Lost(error.to_string())),
                None if self.buffer.is_empty() => {
                    self.source = Source::Ended;
                    return Ok(None);
                }
                None => return Err(Failure::Lost("the stream was cut off".into())),
            }
        }
    }

    /// Takes a message out of its `{"result": ...}`, or an error out of its `{"error": ...}`.
    fn unwrapped(&self, line: &[u8]) -> Result<Vec<u8>, Failure> {
        let value: serde_json::Value =
            serde_json::from_slice(line).map_err(|error| Failure::Malformed(error.to_string()))?;
        if value.get("error").is_some() {
            return Err(refusal(500, line));
        }
        let result = value.get("result").unwrap_or(&value);
        let json =
            serde_json::to_vec(result).map_err(|error| Failure::Malformed(error.to_string()))?;
        self.shapes.answer(&json).map_err(Failure::Malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_read_where_lnd_puts_them() {
        let code_of = |status, json: &str| match refusal(status, json.as_bytes()) {
            Failure::Answered { code, .. } => Some(code),
            _ => None,
        };
        assert_eq!(code_of(404, r#"{"code":5,"message":"edge not found","details":[]}"#), Some(5));
        assert_eq!(code_of(404, r#"{"code":5,"message":"Not Found","details":[]}"#), Some(12));
        assert_eq!(code_of(500, r#"{"error":{"code":2,"message":"locked"}}"#), Some(2));
        assert_eq!(code_of(404, "<html>"), Some(12));
        assert_eq!(code_of(502, "<html>"), None);
        assert_eq!(code_of(500, "[[["), None);
    }
}

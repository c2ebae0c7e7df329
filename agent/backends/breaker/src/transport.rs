//! gRPC in plain text: one connection, one request, one bounded answer.
//!
//! It must never send a request twice.

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http2;
use hyper::header::HeaderMap;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::time::Duration;
use tokio::net::TcpStream;

/// A frame starts with a compression flag and four bytes of length.
const PREFIX: usize = 5;
/// Largest answer, bytes: the limits of every peer there is.
const LIMIT: usize = 16 << 20;
/// For a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// For an answer.
const ANSWER: Duration = Duration::from_secs(30);

/// A call that gave no answer, or an answer that is an error.
pub(crate) enum Failure {
    /// The request did not leave this machine.
    NotSent(String),
    /// The request may have reached the service; no answer came.
    Lost(String),
    /// The answer cannot be read.
    Malformed(&'static str),
    /// The service answered with an error.
    Answered(u32, String),
}

/// Sends one message to `/circuitbreaker.Service/METHOD`; the message that comes back.
pub(crate) async fn call(address: &str, method: &str, message: &[u8]) -> Result<Vec<u8>, Failure> {
    let connecting = tokio::time::timeout(CONNECT, TcpStream::connect(address));
    let stream = match connecting.await {
        Err(_) => return Err(Failure::NotSent("no connection in time".to_owned())),
        Ok(stream) => stream.map_err(|error| Failure::NotSent(error.to_string()))?,
    };
    match tokio::time::timeout(ANSWER, exchange(stream, address, method, message)).await {
        Ok(answer) => answer,
        Err(_) => Err(Failure::Lost(format!("no answer within {} s", ANSWER.as_secs()))),
    }
}

async fn exchange(
    stream: TcpStream,
    address: &str,
    method: &str,
    message: &[u8],
) -> Result<Vec<u8>, Failure> {
    let unsent = |error: hyper::Error| Failure::NotSent(format!("no HTTP/2: {error}"));
    let builder = http2::Builder::new(TokioExecutor::new());
    let (mut sender, driver) = builder.handshake(TokioIo::new(stream)).await.map_err(unsent)?;
    // The driver ends with the connection; its error reaches the request that waits on it.
    tokio::spawn(driver);
    let length = u32::try_from(message.len())
        .map_err(|_| Failure::NotSent("the request is too large".to_owned()))?;
    let mut frame = vec![0];
    frame.extend(length.to_be_bytes());
    frame.extend_from_slice(message);
    let request = Request::post(format!("http://{address}/circuitbreaker.Service/{method}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Full::new(Bytes::from(frame)))
        .map_err(|error| Failure::NotSent(error.to_string()))?;
    match sender.try_send_request(request).await {
        Ok(response) => read(response).await,
        Err(mut failed) => Err(match failed.take_message() {
            Some(_) => Failure::NotSent(failed.error().to_string()),
            None => Failure::Lost(failed.error().to_string()),
        }),
    }
}

/// The status in headers or trailers: `None` if absent or fine.
fn status(headers: &HeaderMap) -> Option<Failure> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    headers.get("grpc-status")?;
    match text("grpc-status").and_then(|status| status.parse().ok()) {
        Some(0) => None,
        Some(code) => {
            let words = percent_decoded(text("grpc-message").unwrap_or_default());
            let words = words.chars().filter(|c| !c.is_control()).take(400).collect();
            Some(Failure::Answered(code, words))
        }
        None => Some(Failure::Malformed("a status that is no number")),
    }
}

/// gRPC writes what is not plain in a message as `%` and two digits.
fn percent_decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let digits = part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match digits {
            Some(byte) => bytes.push(byte),
            None => bytes.push(b'%'),
        }
        let rest = if digits.is_some() { part.get(2..).unwrap_or_default() } else { part };
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Reads a whole answer; the trailers decide whether it counts.
async fn read(response: Response<Incoming>) -> Result<Vec<u8>, Failure> {
    if response.status() != 200 {
        return Err(Failure::Malformed("no gRPC at this address"));
    }
    if let Some(failure) = status(response.headers()) {
        return Err(failure);
    }
    let (mut body, mut buffer, mut trailers) = (response.into_body(), Vec::new(), None);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Failure::Lost(error.to_string()))?;
        match frame.into_data() {
            Ok(data) if buffer.len() + data.len() > LIMIT + PREFIX => {
                return Err(Failure::Malformed("it is too large"));
            }
            Ok(data) => buffer.extend_from_slice(&data),
            Err(frame) => trailers = frame.into_trailers().ok(),
        }
    }
    let trailers = trailers.filter(|trailers| trailers.contains_key("grpc-status"));
    let trailers = trailers.ok_or_else(|| Failure::Lost("the answer was cut off".to_owned()))?;
    if let Some(failure) = status(&trailers) {
        return Err(failure);
    }
    match buffer.first_chunk::<PREFIX>() {
        Some([0, length @ ..]) if buffer.len() == PREFIX + u32::from_be_bytes(*length) as usize => {
            Ok(buffer.split_off(PREFIX))
        }
        _ => Err(Failure::Malformed("it is not one message")),
    }
}

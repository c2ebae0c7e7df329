//! JSON-RPC over the node's unix socket: one connection, one request, one bounded answer.
//!
//! It must never send a method that is not in the table, and never send anything twice.

use crate::error::{Error, Result};
use crate::method::{self, Kind, Method};
use crate::number::text;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

/// Bytes read at a time.
const CHUNK: usize = 64 << 10;
/// The node ends every answer with an empty line.
const END: &[u8] = b"\n\n";

/// How long to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For a connection.
    pub connect: Duration,
    /// For an answer. Large reads may take up to four times as long.
    pub answer: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), answer: Duration::from_secs(30) }
    }
}

/// The transport.
#[derive(Debug)]
pub(crate) struct Socket {
    path: PathBuf,
    limits: Limits,
    calls: AtomicU64,
}

/// What went wrong once a request may have reached the node.
enum Lost {
    /// No answer, or no end of it.
    Cut(String),
    /// Too long an answer.
    TooLarge,
    /// An answer that is none.
    Malformed(String),
}

#[derive(Deserialize)]
struct Answer<T> {
    id: Option<String>,
    result: Option<T>,
    error: Option<Refusal>,
}

#[derive(Deserialize)]
struct Refusal {
    code: i64,
    message: String,
}

impl Socket {
    pub(crate) fn new(path: PathBuf, limits: Limits) -> Self {
        Self { path, limits, calls: AtomicU64::new(1) }
    }

    /// One call.
    pub(crate) async fn call<T: DeserializeOwned>(&self, name: &str, params: Value) -> Result<T> {
        let method = method::allowed(name)?;
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        let id = format!("debal:{}#{number}", method.name);
        let request = json!({"jsonrpc": "2.0", "id": id, "method": method.name, "params": params});
        let stream = self.connect().await?;
        let deadline = self.limits.answer * method.patience;
        let exchange = exchange(stream, request.to_string(), method.limit_bytes);
        let bytes = match tokio::time::timeout(deadline, exchange).await {
            Ok(answer) => answer,
            Err(_) => Err(Lost::Cut(format!("no answer within {} ms", deadline.as_millis()))),
        };
        bytes.and_then(|bytes| read(&bytes, &id)).map_or_else(
            |lost| Err(told(method, lost)),
            |answer| answer.map_err(|refusal| refused(method, &refusal)),
        )
    }

    async fn connect(&self) -> Result<UnixStream> {
        let shown = self.path.display();
        let unavailable = |why: String| Error::Unavailable { reason: format!("{shown}: {why}") };
        match tokio::time::timeout(self.limits.connect, UnixStream::connect(&self.path)).await {
            Err(_) => Err(unavailable("no connection in time".to_owned())),
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => Err(match error.kind() {
                ErrorKind::NotFound => unavailable("no such socket: is the node running?".into()),
                ErrorKind::ConnectionRefused => {
                    unavailable("nobody listens: is the node starting?".into())
                }
                ErrorKind::PermissionDenied => Error::Denied { path: shown.to_string() },
                _ => unavailable(error.to_string()),
            }),
        }
    }
}

/// Writes a request and reads up to the end of the answer.
async fn exchange(
    mut stream: UnixStream,
    request: String,
    limit_bytes: usize,
) -> std::result::Result<Vec<u8>, Lost> {
    let cut = |error: std::io::Error| Lost::Cut(error.to_string());
    stream.write_all(request.as_bytes()).await.map_err(cut)?;
    let mut bytes = Vec::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        let length = stream.read(&mut chunk).await.map_err(cut)?;
        let fresh = chunk.get(..length).unwrap_or_default();
        // The end may lie across two chunks.
        let seen = bytes.len().saturating_sub(1);
        bytes.extend_from_slice(fresh);
        if bytes.len() > limit_bytes {
            return Err(Lost::TooLarge);
        }
        let tail = bytes.get(seen..).unwrap_or_default();
        if tail.windows(END.len()).any(|window| window == END) {
            return Ok(bytes);
        }
        if fresh.is_empty() {
            let cut = || Lost::Cut("the connection ended before the answer did".to_owned());
            // An end without the empty line counts if the answer is whole.
            let whole = serde_json::from_slice::<serde::de::IgnoredAny>(&bytes).is_ok();
            return if whole { Ok(bytes) } else { Err(cut()) };
        }
    }
}

type Said<T> = std::result::Result<T, Refusal>;

fn read<T: DeserializeOwned>(bytes: &[u8], id: &str) -> std::result::Result<Said<T>, Lost> {
    let answer: Answer<T> = serde_json::from_slice(bytes)
        .map_err(|error| Lost::Malformed(text(&error.to_string(), 200)))?;
    if answer.id.as_deref() != Some(id) {
        return Err(Lost::Malformed("it answers another request".to_owned()));
    }
    match (answer.result, answer.error) {
        (Some(result), None) => Ok(Ok(result)),
        (None, Some(refusal)) => Ok(Err(refusal)),
        _ => Err(Lost::Malformed("neither a result nor an error".to_owned())),
    }
}

fn told(method: &'static Method, lost: Lost) -> Error {
    let limit = method.limit_bytes as u64;
    let reason = match &lost {
        Lost::Cut(reason) => reason.clone(),
        Lost::TooLarge => format!("it is over {limit} bytes"),
        Lost::Malformed(what) => format!("it cannot be understood: {what}"),
    };
    let method = (method.kind, method.name);
    match (method, lost) {
        ((Kind::Write, method), _) => Error::Ambiguous { method, reason },
        ((Kind::Read, _), Lost::Cut(reason)) => Error::Unavailable { reason },
        ((Kind::Read, method), Lost::TooLarge) => Error::TooLarge { method, limit },
        ((Kind::Read, method), Lost::Malformed(what)) => Error::Protocol { method, what },
    }
}

fn refused(method: &'static Method, refusal: &Refusal) -> Error {
    /// JSON-RPC's own: there is no such method.
    const NO_METHOD: i64 = -32_601;
    match refusal.code {
        NO_METHOD => Error::Unimplemented { method: method.name },
        code => Error::Refused { code, reason: text(&refusal.message, 400) },
    }
}

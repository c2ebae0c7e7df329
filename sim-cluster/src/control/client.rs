//! One connection to one agent. Requests are numbered; a reader task matches the answers.
//!
//! No call may wait for ever: each has a time limit, and when the connection ends every waiting
//! call learns it.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// Longest answer accepted, in bytes: an audit of a hub with a thousand channels fits ten times.
const MAX_LINE_BYTES: usize = 8 << 20;
/// Requests queued towards the socket before a caller has to wait.
const QUEUE: usize = 256;
/// Time to connect.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);

/// Why a call got no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// The socket could not be reached, or the connection ended.
    #[error("control socket: {0}")]
    Closed(String),
    /// No answer in time.
    #[error("no answer to {op} within {limit_ms} ms")]
    Timeout {
        /// The operation.
        op: String,
        /// How long was waited.
        limit_ms: u128,
    },
    /// The agent refused, with a named reason.
    #[error("{op} refused ({kind}): {message}")]
    Refused {
        /// The operation.
        op: String,
        /// The agent's name for it.
        kind: String,
        /// The agent's words.
        message: String,
    },
    /// The answer is not what the contract says.
    #[error("answer to {op} is malformed: {problem}")]
    Malformed {
        /// The operation.
        op: String,
        /// What is wrong.
        problem: String,
    },
}

type Answer = Result<Value, (String, String)>;
type Waiting = Arc<Mutex<Option<HashMap<u64, oneshot::Sender<Answer>>>>>;

/// A connection. Dropping it closes the socket.
pub struct Client {
    next_id: AtomicU64,
    queue: mpsc::Sender<String>,
    waiting: Waiting,
    reader: JoinHandle<()>,
    writer: JoinHandle<()>,
}

impl Drop for Client {
    fn drop(&mut self) {
        self.reader.abort();
        self.writer.abort();
    }
}

impl Client {
    /// Connects to the socket at `path`.
    ///
    /// # Errors
    /// [`ControlError::Closed`] if nothing listens there within two seconds.
    pub async fn connect(path: &Path) -> Result<Self, ControlError> {
        let closed = |e: String| ControlError::Closed(format!("{}: {e}", path.display()));
        let stream = tokio::time::timeout(CONNECT_LIMIT, UnixStream::connect(path))
            .await
            .map_err(|_| closed("no connection in time".to_owned()))?
            .map_err(|e| closed(e.to_string()))?;
        let (read, write) = stream.into_split();
        let (queue, requests) = mpsc::channel(QUEUE);
        let waiting: Waiting = Arc::new(Mutex::new(Some(HashMap::new())));
        let reader = tokio::spawn(read_answers(read, Arc::clone(&waiting)));
        let writer = tokio::spawn(write_requests(write, requests));
        Ok(Self { next_id: AtomicU64::new(1), queue, waiting, reader, writer })
    }

    /// Calls `op` with the fields of `parameters` and reads the answer as `T`.
    ///
    /// # Errors
    /// [`ControlError`]; after a timeout the operation may still happen.
    pub async fn call<T: DeserializeOwned>(
        &self,
        op: &str,
        parameters: impl Serialize,
        limit: Duration,
    ) -> Result<T, ControlError> {
        let malformed = |problem: String| ControlError::Malformed { op: op.to_owned(), problem };
        let mut request = serde_json::to_value(parameters).map_err(|e| malformed(e.to_string()))?;
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        match &mut request {
            Value::Null => request = json!({ "id": id, "op": op }),
            Value::Object(fields) => {
                fields.insert("id".to_owned(), json!(id));
                fields.insert("op".to_owned(), json!(op));
            }
            _ => return Err(malformed("parameters must be an object".to_owned())),
        }
        let (answer, answered) = oneshot::channel();
        self.register(id, answer)?;
        let exchange = async {
            let gone = || ControlError::Closed(format!("the connection ended before {op}"));
            self.queue.send(format!("{request}\n")).await.map_err(|_| gone())?;
            answered.await.map_err(|_| gone())
        };
        let result = tokio::time::timeout(limit, exchange).await;
        let Ok(exchanged) = result else {
            self.forget(id);
            return Err(ControlError::Timeout { op: op.to_owned(), limit_ms: limit.as_millis() });
        };
        match exchanged? {
            Ok(value) => serde_json::from_value(value).map_err(|e| malformed(e.to_string())),
            Err((kind, message)) => Err(ControlError::Refused { op: op.to_owned(), kind, message }),
        }
    }

    fn register(&self, id: u64, answer: oneshot::Sender<Answer>) -> Result<(), ControlError> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        match waiting.as_mut() {
            Some(map) => {
                map.insert(id, answer);
                Ok(())
            }
            None => Err(ControlError::Closed("the connection has ended".to_owned())),
        }
    }

    fn forget(&self, id: u64) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(map) = waiting.as_mut() {
            map.remove(&id);
        }
    }
}

async fn write_requests(mut socket: OwnedWriteHalf, mut requests: mpsc::Receiver<String>) {
    while let Some(line) = requests.recv().await {
        if socket.write_all(line.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn read_answers(socket: OwnedReadHalf, waiting: Waiting) {
    let mut reader = BufReader::new(socket);
    let mut line = Vec::new();
    while let Ok(true) = next_line(&mut reader, &mut line).await {
        let Some((id, answer)) = parse_answer(&line) else { continue };
        let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = waiting.as_mut().and_then(|map| map.remove(&id)) {
            // A caller that gave up no longer listens; its answer is dropped.
            drop(sender.send(answer));
        }
    }
    // Dropping the senders tells every waiting call that the connection ended.
    waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
}

/// Reads one line; `Ok(false)` at the end or when a line exceeds the bound.
async fn next_line(
    reader: &mut BufReader<OwnedReadHalf>,
    line: &mut Vec<u8>,
) -> std::io::Result<bool> {
    line.clear();
    let bound = u64::try_from(MAX_LINE_BYTES).unwrap_or(u64::MAX);
    let read = reader.take(bound).read_until(b'\n', line).await?;
    Ok(read > 0 && line.ends_with(b"\n"))
}

fn parse_answer(line: &[u8]) -> Option<(u64, Answer)> {
    let mut value: Value = serde_json::from_slice(line).ok()?;
    let id = value.get("id")?.as_u64()?;
    if let Some(error) = value.get("error") {
        let text = |key: &str| error.get(key).and_then(Value::as_str).unwrap_or("?").to_owned();
        return Some((id, Err((text("kind"), text("message")))));
    }
    Some((id, Ok(value.get_mut("ok")?.take())))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;
    use tokio::net::UnixListener;

    const LIMIT: Duration = Duration::from_secs(5);

    /// Serves one connection: collects `count` requests, then writes what `script` makes of them.
    async fn served(
        count: usize,
        script: fn(Vec<Value>) -> Vec<u8>,
    ) -> (tempfile::TempDir, Client) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("control.sock");
        let listener = UnixListener::bind(&path).unwrap();
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let (read, mut write) = stream.into_split();
            let mut lines = BufReader::new(read).lines();
            let mut requests = Vec::new();
            while requests.len() < count {
                let line = lines.next_line().await.unwrap().unwrap();
                requests.push(serde_json::from_str(&line).unwrap());
            }
            write.write_all(&script(requests)).await.unwrap();
        });
        (directory, Client::connect(&path).await.unwrap())
    }

    fn echo(request: &Value) -> String {
        format!("{}\n", json!({ "id": request["id"], "ok": { "n": request["n"] } }))
    }

    #[tokio::test]
    async fn answers_in_any_order_reach_their_callers() {
        let (_directory, client) =
            served(3, |requests| requests.iter().rev().map(echo).collect::<String>().into()).await;
        let call = |n: u64| client.call::<Value>("echo", json!({ "n": n }), LIMIT);
        let (a, b, c) = tokio::join!(call(1), call(2), call(3));
        assert_eq!([a.unwrap(), b.unwrap(), c.unwrap()], [1, 2, 3].map(|n| json!({ "n": n })));
    }

    #[tokio::test]
    async fn a_refusal_carries_its_kind_and_words() {
        let (_directory, client) = served(1, |requests| {
            let error = json!({ "kind": "no_route", "message": "none" });
            format!("{}\n", json!({ "id": requests[0]["id"], "error": error })).into()
        })
        .await;
        let refused = client.call::<Value>("pay", json!({}), LIMIT).await.unwrap_err();
        let ControlError::Refused { kind, message, .. } = refused else { panic!("{refused}") };
        assert_eq!((kind.as_str(), message.as_str()), ("no_route", "none"));
    }

    #[tokio::test]
    async fn a_connection_that_ends_fails_every_waiting_call() {
        let (_directory, client) = served(2, |_| b"not json\n{\"id\":99,\"ok\":{}}\n".into()).await;
        let call = || client.call::<Value>("status", Value::Null, LIMIT);
        let (a, b) = tokio::join!(call(), call());
        assert!(matches!(a, Err(ControlError::Closed(_))), "{a:?}");
        assert!(matches!(b, Err(ControlError::Closed(_))), "{b:?}");
        assert!(matches!(call().await, Err(ControlError::Closed(_))));
    }

    #[tokio::test]
    async fn an_answer_that_breaks_the_contract_is_named() {
        let (_directory, client) = served(1, |requests| echo(&requests[0]).into()).await;
        let refused = client.call::<super::super::Status>("status", Value::Null, LIMIT).await;
        assert!(matches!(refused, Err(ControlError::Malformed { .. })), "{refused:?}");
    }

    #[tokio::test]
    async fn silence_ends_in_a_timeout() {
        let (_directory, client) = served(2, |_| Vec::new()).await;
        let refused = client.call::<Value>("status", Value::Null, Duration::from_millis(20)).await;
        assert!(matches!(refused, Err(ControlError::Timeout { .. })), "{refused:?}");
    }
}

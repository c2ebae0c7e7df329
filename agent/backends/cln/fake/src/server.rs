//! The socket: requests in, answers out, faults in between.
//!
//! It must never answer a request that it did not record.

use crate::fault::Fault;
use crate::{Inner, answer};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};

/// Listens until the task is aborted.
pub(crate) fn listen(inner: Arc<Inner>, path: &Path) -> tokio::task::JoinHandle<()> {
    let listener = UnixListener::bind(path).unwrap();
    tokio::spawn(async move {
        let mut connections = tokio::task::JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            connections.spawn(serve(Arc::clone(&inner), stream));
        }
    })
}

async fn serve(inner: Arc<Inner>, mut stream: UnixStream) {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4_096];
    loop {
        let length = stream.read(&mut chunk).await.unwrap_or(0);
        if length == 0 {
            return;
        }
        bytes.extend_from_slice(&chunk[..length]);
        let Ok(request) = serde_json::from_slice::<Value>(&bytes) else { continue };
        bytes.clear();
        if !reply(&inner, &mut stream, &request).await {
            return;
        }
    }
}

/// Answers one request; whether the connection lives on.
async fn reply(inner: &Inner, stream: &mut UnixStream, request: &Value) -> bool {
    let method = request["method"].as_str().unwrap_or_default().to_owned();
    let fault = inner.faults.lock().unwrap().take(&method);
    inner.calls.lock().unwrap().push(method.clone());
    match &fault {
        Some(Fault::CutBefore) => return false,
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::Slow(pause)) => tokio::time::sleep(*pause).await,
        _ => {}
    }
    let answer = match &fault {
        Some(Fault::Refuse(code, message)) => Err((*code, (*message).to_owned())),
        _ if request["jsonrpc"] != "2.0" => Err((-32_600, "no JSON-RPC 2.0".to_owned())),
        _ => answer::answer(&mut inner.node.lock().unwrap(), &method, &request["params"]),
    };
    let id = &request["id"];
    let whole = match answer {
        Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
        Err((code, message)) => {
            json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}})
        }
    };
    let text = format!("{whole}\n\n");
    let said = match fault {
        Some(Fault::CutAfter) => return false,
        Some(Fault::CutWithin) => {
            let _ = stream.write_all(&text.as_bytes()[..text.len() / 2]).await;
            return false;
        }
        Some(Fault::Garbage) => "{\"id\": nonsense}\n\n".to_owned(),
        Some(Fault::Stranger) => "{\"id\":\"other\",\"result\":{}}\n\n".to_owned(),
        Some(Fault::Endless) => {
            let blanks = vec![b' '; 1 << 16];
            while stream.write_all(&blanks).await.is_ok() {}
            return false;
        }
        _ => text,
    };
    stream.write_all(said.as_bytes()).await.is_ok()
}

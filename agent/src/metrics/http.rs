//! The Prometheus endpoint: one bounded request, one answer, connection closed.
//!
//! It answers `GET /metrics` and nothing else, reads at most a kilobyte, and gives nobody more than
//! two seconds.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

const REQUEST_MAX_BYTES: usize = 1_024;
const CONNECTIONS_MAX: usize = 8;
const TIME_LIMIT: Duration = Duration::from_secs(2);

/// Answers scrapes with what `text` gives, until the task is dropped.
pub async fn serve<F, T>(listener: TcpListener, text: F)
where
    F: Fn() -> T + Send + Sync + 'static,
    T: Future<Output = String> + Send,
{
    let text = Arc::new(text);
    let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    while let Ok(slot) = Arc::clone(&slots).acquire_owned().await {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let text = Arc::clone(&text);
        tokio::spawn(async move {
            // A slow or broken scraper is not our concern; the time limit frees its slot.
            let _ = tokio::time::timeout(TIME_LIMIT, answer(stream, &*text)).await;
            drop(slot);
        });
    }
}

async fn answer<F, T>(mut stream: TcpStream, text: &F) -> std::io::Result<()>
where
    F: Fn() -> T + Sync,
    T: Future<Output = String> + Send,
{
    let mut request = vec![0; REQUEST_MAX_BYTES];
    let mut length = 0;
    while let Some(free) = request.get_mut(length..).filter(|free| !free.is_empty()) {
        let read = stream.read(free).await?;
        length += read;
        let head = request.get(..length).unwrap_or_default();
        if read == 0 || head.windows(4).any(|end| end == b"\r\n\r\n") {
            break;
        }
    }
    let (status, kind, body) = if request.starts_with(b"GET /metrics") {
        let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        ("200 OK", kind, text().await)
    } else {
        ("404 Not Found", "text/plain", "the metrics are at /metrics\n".to_owned())
    };
    let length = body.len();
    let head = format!(
        "HTTP/1.0 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ask(request: &[u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(serve(listener, || async { "x 1\n".to_owned() }));
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        server.abort();
        text
    }

    #[tokio::test]
    async fn a_scrape_is_answered_and_anything_else_is_not_found() {
        let text = ask(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert!(
            text.starts_with("HTTP/1.0 200 OK\r\n") && text.ends_with("\r\n\r\nx 1\n"),
            "{text}"
        );
        assert!(ask(b"GET / HTTP/1.1\r\n\r\n").await.starts_with("HTTP/1.0 404"));
    }
}

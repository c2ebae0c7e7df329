//! The control socket: JSON lines, many requests in flight, answers in any order.
//!
//! Only the owner can open it. Lines, requests in flight and connections are bounded; a client that
//! sends too much is answered and cut, never buffered.

use super::op::{self, ApiError};
use super::ops::Service;
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc};

/// Name of the socket in the data directory.
pub const SOCKET_NAME: &str = "control.sock";
/// Longest request.
pub const LINE_MAX_BYTES: usize = 64 * 1024;
/// Requests in flight per connection; more wait in the client's socket.
pub const IN_FLIGHT_MAX: usize = 512;
/// Connections at once; more wait until one closes.
pub const CONNECTIONS_MAX: usize = 64;

/// Opens the socket in `directory`, closed to other users. A socket that was left behind is
/// replaced: the caller holds the directory's lock.
///
/// # Errors
/// The operating system's, for example for a path over 107 bytes.
pub fn bind(directory: &Path) -> io::Result<(UnixListener, PathBuf)> {
    if !directory.exists() {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    }
    let path = directory.join(SOCKET_NAME);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path).map_err(|error| {
        let text = format!("{}: {error}; a socket path has at most 107 bytes", path.display());
        io::Error::new(error.kind(), text)
    })?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    Ok((listener, path))
}

/// Serves until the task is dropped.
pub async fn serve(listener: UnixListener, service: Arc<Service>) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    while let Ok(slot) = Arc::clone(&slots).acquire_owned().await {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            continue;
        };
        let service = Arc::clone(&service);
        tokio::spawn(async move {
            if let Err(error) = connection(stream, service).await {
                tracing::debug!(%error, "control connection ended");
            }
            drop(slot);
        });
    }
}

async fn connection(stream: UnixStream, service: Arc<Service>) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let (answers, mut answers_out) = mpsc::channel::<String>(IN_FLIGHT_MAX);
    let writer = tokio::spawn(async move {
        while let Some(line) = answers_out.recv().await {
            if write.write_all(line.as_bytes()).await.is_err() {
                return;
            }
        }
    });
    let mut reader = BufReader::new(read);
    let slots = Arc::new(Semaphore::new(IN_FLIGHT_MAX));
    loop {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { break };
        let line = match read_line(&mut reader).await? {
            Line::Text(line) => line,
            Line::End => break,
            Line::TooLong => {
                let text = format!("a request has at most {LINE_MAX_BYTES} bytes");
                let error = ApiError::new("too_long", text);
                // The connection ends here either way.
                let _ = answers.send(op::answer_line(0, Err(error))).await;
                break;
            }
        };
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let (service, answers) = (Arc::clone(&service), answers.clone());
        tokio::spawn(async move {
            let (id, answer) = match op::parse(&line) {
                Ok(request) => (request.id, service.run(request.op).await),
                Err((id, error)) => (id, Err(error)),
            };
            // A client that went away does not want the answer.
            let _ = answers.send(op::answer_line(id, answer)).await;
            drop(slot);
        });
    }
    drop(answers);
    // Requests that are under way still get their answers written.
    let _ = writer.await;
    Ok(())
}

/// One read.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    Text(Vec<u8>),
    End,
    TooLong,
}

/// Reads a line without ever holding more than the cap.
async fn read_line(reader: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Line> {
    let mut line = Vec::new();
    loop {
        let chunk = reader.fill_buf().await?;
        if chunk.is_empty() {
            return Ok(if line.is_empty() { Line::End } else { Line::Text(line) });
        }
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let taken = end.unwrap_or(chunk.len());
        if line.len().saturating_add(taken) > LINE_MAX_BYTES {
            return Ok(Line::TooLong);
        }
        line.extend_from_slice(chunk.get(..taken).unwrap_or_default());
        reader.consume(end.map_or(taken, |end| end + 1));
        if end.is_some() {
            return Ok(Line::Text(line));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_are_bounded_before_they_are_kept() {
        let mut input: &[u8] = b"one\ntwo";
        assert_eq!(read_line(&mut input).await.unwrap(), Line::Text(b"one".to_vec()));
        assert_eq!(read_line(&mut input).await.unwrap(), Line::Text(b"two".to_vec()));
        assert_eq!(read_line(&mut input).await.unwrap(), Line::End);
        let long = vec![b'x'; LINE_MAX_BYTES + 1];
        assert_eq!(read_line(&mut long.as_slice()).await.unwrap(), Line::TooLong);
    }

    #[tokio::test]
    async fn the_socket_is_for_its_owner_only_and_replaces_a_dead_one() {
        let directory = tempfile::tempdir().unwrap();
        let (first, path) = bind(directory.path()).unwrap();
        drop(first);
        let _second = bind(directory.path()).unwrap();
        let mode = std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
    }
}

//! One request to a running agent over its control socket.
//!
//! It must never try again by itself: a payment asked for twice could be paid twice.

use super::args::Target;
use super::{DATA_DIR, Failure};
use crate::api::{Op, SOCKET_NAME};
use crate::config::{AgentConfig, Sources};
use serde_json::{Value, json};
use std::io::{ErrorKind, IsTerminal, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longest answer accepted.
const ANSWER_MAX_BYTES: usize = 64 << 20;
/// After this long without an answer, a person is told that the agent is still at it.
const PATIENCE: Duration = Duration::from_secs(2);

/// Sends `op` to the agent that `target` names and returns its answer.
///
/// # Errors
/// [`Failure`] with the next step.
pub fn ask(target: &Target, op: &Op) -> Result<Value, Failure> {
    let path = socket_of(target)?;
    let mut stream = UnixStream::connect(&path).map_err(|error| no_agent(&path, &error))?;
    let mut request = serde_json::to_value(op).map_err(|e| Failure::failed(e.to_string()))?;
    request["id"] = json!(1);
    let lost = |error: std::io::Error| {
        Failure::failed(format!("the agent went away: {error}; see its log, then `debal status`"))
    };
    stream.write_all(format!("{request}\n").as_bytes()).map_err(lost)?;
    let line = read_line(&mut stream).map_err(lost)?;
    let mut answer: Value = serde_json::from_slice(&line).map_err(|error| {
        Failure::failed(format!("the agent's answer is not understood: {error}"))
    })?;
    if let Some(error) = answer.get("error") {
        let text = |name: &str| error[name].as_str().unwrap_or("unknown").to_owned();
        return Err(Failure::of_kind(&text("kind"), text("message")));
    }
    Ok(answer["ok"].take())
}

fn read_line(stream: &mut UnixStream) -> std::io::Result<Vec<u8>> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let shown = std::io::stderr().is_terminal();
    let (mut line, mut waits) = (Vec::new(), 0u32);
    let mut chunk = [0; 16 * 1024];
    loop {
        match stream.read(&mut chunk) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(read) => line.extend_from_slice(chunk.get(..read).unwrap_or_default()),
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                waits = waits.saturating_add(2);
                if shown {
                    eprint!("\rwaiting for the agent ... {waits} s");
                }
                continue;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        }
        if line.ends_with(b"\n") {
            if shown && waits > 0 {
                eprintln!();
            }
            return Ok(line);
        }
        if line.len() > ANSWER_MAX_BYTES {
            return Err(std::io::Error::other("the answer is too long"));
        }
    }
}

/// The socket: named, or in the data directory that was named, configured, or worked in.
fn socket_of(target: &Target) -> Result<PathBuf, Failure> {
    if let Some(socket) = &target.socket {
        return Ok(socket.clone());
    }
    if let (Some(file), None) = (&target.config, &target.data_dir) {
        let environment = std::env::vars().collect();
        let sources = Sources { file: Some(file.clone()), environment, flags: Vec::new() };
        let config = AgentConfig::load(sources).map_err(|e| Failure::invalid(e.to_string()))?;
        return Ok(config.data_dir.join(SOCKET_NAME));
    }
    let named = target.data_dir.clone().map(|directory| directory.join(SOCKET_NAME));
    let usual = ["", DATA_DIR].map(|directory| Path::new(directory).join(SOCKET_NAME));
    let found = named.or_else(|| usual.into_iter().find(|path| path.exists()));
    found.ok_or_else(|| {
        let text = "no agent runs in this directory; name its data directory with --data-dir DIR";
        Failure::failed(text)
    })
}

fn no_agent(path: &Path, error: &std::io::Error) -> Failure {
    let path = path.display();
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::ConnectionRefused => Failure::failed(format!(
            "no agent answers at {path}; start it with `debal agent`, or name another --data-dir"
        )),
        ErrorKind::PermissionDenied => Failure::failed(format!(
            "{path} belongs to another user; run this as the user who runs the agent"
        )),
        _ => Failure::failed(format!("{path}: {error}")),
    }
}

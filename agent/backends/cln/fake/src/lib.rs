//! A scripted node for tests: it speaks Core Lightning's JSON-RPC on a unix socket, from one
//! model.
//!
//! It shares no code with the client it tests. It must never be a dependency of anything but
//! tests.
//!
//! What it is strict about is what lightningd is strict about: unknown parameters, ids that are no
//! channel, numbers over 32 bits, limits that contradict each other. What it breaks, it breaks on
//! request ([`Fault`], [`Door`]), and every call is recorded by its name ([`Fake::calls`]).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod answer;
mod fault;
mod model;
mod server;
mod setchannel;

pub use fault::{Door, Fault};
pub use model::{Node, OWN_KEY, OpenChannel, PEERS, chan_id, sample};

use fault::Faults;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// What the server shares with the test.
pub(crate) struct Inner {
    node: Mutex<Node>,
    faults: Mutex<Faults>,
    calls: Mutex<Vec<String>>,
}

/// A running scripted node. It stops when dropped.
pub struct Fake {
    inner: Arc<Inner>,
    directory: tempfile::TempDir,
    listening: Mutex<Option<tokio::task::JoinHandle<()>>>,
}

impl Fake {
    /// Starts a node; needs a tokio runtime.
    pub fn start(node: Node) -> Self {
        let inner =
            Inner { node: Mutex::new(node), faults: Mutex::default(), calls: Mutex::default() };
        let directory = tempfile::tempdir().unwrap();
        let fake = Self { inner: Arc::new(inner), directory, listening: Mutex::new(None) };
        fake.door(Door::Open);
        fake
    }

    /// Where its socket is.
    pub fn socket(&self) -> PathBuf {
        self.directory.path().join("lightning-rpc")
    }

    /// Reads or changes the node.
    pub fn with<T>(&self, change: impl FnOnce(&mut Node) -> T) -> T {
        change(&mut self.inner.node.lock().unwrap())
    }

    /// Breaks the `nth` call (1 is the next one) of `method`, or of any method if it is empty.
    pub fn fail(&self, method: &'static str, nth: u32, fault: Fault) {
        self.inner.faults.lock().unwrap().add(method, nth, fault);
    }

    /// Opens the socket, or takes it away: a node that is down or starting.
    pub fn door(&self, door: Door) {
        let mut listening = self.listening.lock().unwrap();
        if let Some(task) = listening.take() {
            task.abort();
        }
        let _ = std::fs::remove_file(self.socket());
        match door {
            Door::Open => {
                *listening = Some(server::listen(Arc::clone(&self.inner), &self.socket()))
            }
            Door::Absent => {}
            // A socket's file outlives the process that made it.
            Door::Stale => drop(std::os::unix::net::UnixListener::bind(self.socket()).unwrap()),
        }
    }

    /// Every call so far, in order, refused ones included.
    pub fn calls(&self) -> Vec<String> {
        self.inner.calls.lock().unwrap().clone()
    }

    /// How often a method was called so far.
    pub fn count(&self, method: &str) -> usize {
        self.calls().iter().filter(|call| *call == method).count()
    }

    /// Forgets the recorded calls.
    pub fn forget_calls(&self) {
        self.inner.calls.lock().unwrap().clear();
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        if let Some(task) = self.listening.lock().unwrap().take() {
            task.abort();
        }
    }
}

//! What the README tells a new operator to type, with real `debal` processes: found a network, open
//! a channel, pay, look, stop by signal, start again.
//!
//! It must never reach into an agent: only its command line, its exit codes and signals.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Longest wait for a fact that will come.
const LIMIT: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(50);

struct Network {
    directory: tempfile::TempDir,
    genesis_unix_ms: String,
}

/// A running agent; killed when a test fails.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It has usually ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
    }

    fn ended(&mut self) -> std::process::ExitStatus {
        let end = Instant::now() + LIMIT;
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < end, "the agent does not end");
            std::thread::sleep(PAUSE);
        }
    }
}

impl Network {
    fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        Self { directory: tempfile::tempdir().unwrap(), genesis_unix_ms: now.to_string() }
    }

    fn data(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn member(&self, name: &str) -> Value {
        let network = ["--network", "pair", "--epoch-ms", "2000"];
        let rest = ["--genesis-unix-ms", &self.genesis_unix_ms, "--weight", "1000"];
        let data = self.data(name);
        done(debal(&data, "member").args(network).args(rest))
    }

    fn found(&self, names: &[&str]) {
        let members = names.iter().map(|name| self.member(name)).collect::<Vec<_>>();
        let file = json!({
            "network": "pair",
            "genesis_unix_ms": self.genesis_unix_ms.parse::<u64>().unwrap(),
            "epoch_ms": 2_000,
            "members": members,
        });
        for name in names {
            std::fs::write(self.data(name).join("genesis.json"), file.to_string()).unwrap();
        }
    }

    fn start(&self, name: &str, bootstrap: Option<&str>) -> Running {
        let mut command = Command::new(env!("CARGO_BIN_EXE_debal"));
        command.arg("agent").arg("--config").arg(self.data(name).join("debal.toml"));
        command.args(["--set", "loopback=true"]);
        command.args(["--set", &format!("data_dir={}", self.data(name).display())]);
        let genesis = self.data(name).join("genesis.json");
        command.args(["--set", &format!("genesis={}", genesis.display())]);
        if let Some(bootstrap) = bootstrap {
            command.args(["--set", &format!("bootstrap={bootstrap}")]);
        }
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        Running(child)
    }

    /// The agent's status once `ready` likes it.
    fn status(&self, name: &str, ready: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + LIMIT;
        loop {
            let output = debal(&self.data(name), "status").output().unwrap();
            if output.status.success() {
                let status = answer(&output);
                if ready(&status) {
                    return status;
                }
            }
            assert!(Instant::now() < end, "{name} never gets there: {output:?}");
            std::thread::sleep(PAUSE);
        }
    }

    fn address(&self, name: &str) -> String {
        let status = self.status(name, |status| status["addresses"][0].is_string());
        status["addresses"][0].as_str().unwrap().to_owned()
    }
}

fn debal(data: &Path, word: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_debal"));
    command.arg(word).arg("--json").arg("--data-dir").arg(data);
    command
}

fn answer(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn done(command: &mut Command) -> Value {
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    answer(&output)
}

fn local_msat(status: &Value) -> u64 {
    status["channels"][0]["local_msat"].as_u64().unwrap()
}

fn open_channel(network: &Network, nodes: [&str; 2]) {
    let side = |word: &str, name: &str, peer: &str, local: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_debal"));
        command.args(["channel", word, "1x2x3", "--json", "--peer", peer]);
        command.args(["--capacity", "1_000_000", "--local", local]);
        done(command.arg("--data-dir").arg(network.data(name)))
    };
    side("expect", "a", nodes[1], "600_000");
    side("open", "b", nodes[0], "400_000");
}

#[test]
fn two_operators_follow_the_readme_and_nothing_is_lost_by_signals() {
    let network = Network::new();
    let nodes = ["a", "b"].map(|name| {
        let made = done(&mut debal(&network.data(name), "init"));
        made["node"].as_str().unwrap().to_owned()
    });
    network.found(&["a", "b"]);
    let mut a = network.start("a", None);
    let bootstrap = format!("{}@{}", nodes[0], network.address("a"));
    let b = network.start("b", Some(&bootstrap));
    network.status("b", |status| status["peers"] == 1);
    network.status("a", |status| status["peers"] == 1);
    open_channel(&network, [&nodes[0], &nodes[1]]);
    let invoice = done(debal(&network.data("b"), "invoice").args(["--amount", "100_000"]));
    let paid = done(debal(&network.data("a"), "pay").arg(invoice.to_string()));
    assert_eq!(paid["outcome"], "succeeded");
    let roster = done(&mut debal(&network.data("a"), "roster"));
    assert_eq!(roster["members"].as_array().unwrap().len(), 2);

    // A second agent on the same directory is refused, and the first one does not notice.
    let second = network.start("a", None).ended();
    assert!(matches!(second.code(), Some(1 | 3)), "{second}");
    // One stops gracefully, the other at once.
    a.signal(Signal::TERM);
    assert_eq!(a.ended().code(), Some(0));
    b.signal(Signal::KILL);
    drop(b);
    let mut a = network.start("a", None);
    let bootstrap = format!("{}@{}", nodes[0], network.address("a"));
    let mut b = network.start("b", Some(&bootstrap));
    let ends = ["a", "b"].map(|name| network.status(name, |status| status["peers"] == 1));
    assert_eq!(ends.each_ref().map(local_msat), [500_000_000, 500_000_000]);
    let stopping = done(&mut debal(&network.data("b"), "stop"));
    assert_eq!(stopping, json!({}));
    assert_eq!(b.ended().code(), Some(0));
    a.signal(Signal::INT);
    assert_eq!(a.ended().code(), Some(0));
}

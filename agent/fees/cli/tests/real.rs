//! One suite of commands against any node: the scripted ones always, real ones if they are named.
//!
//! `DEBAL_TEST_LND` is an LND's directory (`DEBAL_TEST_LND_NETWORK`, `regtest`;
//! `DEBAL_TEST_LND_GRPC`, `localhost:10009`; `DEBAL_TEST_LND_REST`, `localhost:8080`);
//! `DEBAL_TEST_CLN` is a Core Lightning's `lightning-rpc` socket. Snapshot, evaluate, dry run and
//! test-channel only read. On any network but mainnet one channel's rate is raised by 1 ppm and
//! taken back: this must never leave a node at another policy than it had.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use debal_cln::Cln;
use debal_fees::NodeState;
use debal_fees_history::FeeHistory;
use debal_fees_manager::{ClnNode, FeeNode, LndNode, Manager, Outcome, Pace};
use debal_lnd::{Address, Certificate, Config, Lnd, Macaroon, Prefer, Transport};
use std::path::{Path, PathBuf};
use std::process::Command;

/// How a node is reached: by the commands, and from here for taking back.
struct Reached {
    flags: Vec<String>,
    node: Box<dyn FeeNode>,
    may_write: bool,
}

const EXAMPLES: [(&str, &str); 3] = [
    ("starter.conf", include_str!("../../examples/starter.conf")),
    ("charge-lnd.conf", include_str!("../../examples/charge-lnd.conf")),
    ("advanced.conf", include_str!("../../examples/advanced.conf")),
];

fn setting(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}

/// Runs a command; its output. The scripted nodes need this thread's runtime.
async fn command(directory: &Path, words: &[&str], flags: &[String]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_debal-fees"));
    command.current_dir(directory).args(words).args(flags).env_remove("LND_GRPC_HOST");
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert!(output.status.success(), "{words:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

async fn suite(reached: &Reached) {
    let scratch = tempfile::tempdir().unwrap();
    let (directory, flags) = (scratch.path(), &reached.flags[..]);
    command(directory, &["snapshot", "--output", "state.json"], flags).await;
    let state = std::fs::read_to_string(directory.join("state.json")).unwrap();
    let state = NodeState::from_json(&state).unwrap();
    println!("{} channels, version {}", state.channels.len(), state.node.version);
    for (name, text) in EXAMPLES {
        std::fs::write(directory.join(name), text).unwrap();
        let offline = ["evaluate", "--state", "state.json", "-c", name, "--json"];
        let answer = command(directory, &offline, &[]).await;
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["channels"].as_object().unwrap().len(), state.channels.len());
        // A dry run may report channels in error: that is its exit code's business.
        let dry = ["apply", "-c", name, "--dry-run", "--json"];
        let mut dry_run = Command::new(env!("CARGO_BIN_EXE_debal-fees"));
        dry_run.current_dir(directory).args(dry).args(flags).env_remove("LND_GRPC_HOST");
        let dry = tokio::task::spawn_blocking(move || dry_run.output().unwrap()).await.unwrap();
        let dry: serde_json::Value = serde_json::from_slice(&dry.stdout).unwrap();
        assert_eq!(dry["channels"].as_array().unwrap().len(), state.channels.len(), "{dry}");
    }
    let Some(channel) = state.channels.iter().find(|channel| channel.active && !channel.private)
    else {
        println!("not written: the node has no active public channel");
        return;
    };
    let id = channel.chan_id.to_string();
    command(directory, &["test-channel", &id, "-c", "starter.conf"], flags).await;
    if !reached.may_write {
        println!("not written: the node is on mainnet");
        return;
    }
    let before = reached.node.policy(channel.chan_id).await.unwrap().unwrap();
    let dearer = before.fee_ppm + 1;
    let rules = format!("[one]\nchan.id = {id}\nstrategy = static\nfee_ppm = {dearer}\n");
    std::fs::write(directory.join("one.conf"), &rules).unwrap();
    let applied = command(directory, &["apply", "-c", "one.conf", "--json"], flags).await;
    let applied: serde_json::Value = serde_json::from_str(&applied).unwrap();
    let changed = applied["channels"].as_array().unwrap().iter();
    let changed = changed.filter(|channel| channel["outcome"] == "changed");
    assert_eq!(changed.count(), 1, "{applied}");
    let history = FeeHistory::open(&directory.join("debal-fees.db")).unwrap();
    let change = history.confirmed(channel.chan_id, 1).unwrap().remove(0);
    assert_eq!(change.new.fee_ppm, dearer);
    let manager = Manager::new(reached.node.as_ref(), history, Pace::MANUAL);
    let now_s = change.ended_s.unwrap() + 1;
    let undone = manager.undo(&change, &channel.channel_point, "a test", now_s).await.unwrap();
    assert_eq!(undone.outcome, Outcome::Changed);
    assert_eq!(reached.node.policy(channel.chan_id).await.unwrap().unwrap(), before);
}

async fn lnd(config: Config, flags: &[&str], may_write: bool) -> Reached {
    let node = LndNode::connect(Lnd::new(config).unwrap(), false).await.unwrap();
    let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
    Reached { flags, node: Box::new(node), may_write }
}

async fn cln(socket: PathBuf) -> Reached {
    let client = Cln::new(socket.clone(), debal_cln::Limits::default());
    let may_write = client.get_info().await.unwrap().network != "bitcoin";
    let node = Box::new(ClnNode::connect(client).await.unwrap());
    let flags = vec!["--cln-rpc".to_owned(), socket.to_string_lossy().into_owned()];
    Reached { flags, node, may_write }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_works_on_a_scripted_lnd() {
    let fake = debal_lnd_fake::Fake::start(debal_lnd_fake::sample(&Default::default())).await;
    let scratch = tempfile::tempdir().unwrap();
    let path = |name: &str| scratch.path().join(name).to_string_lossy().into_owned();
    let (certificate, macaroon) = (path("tls.cert"), path("small.macaroon"));
    std::fs::write(&certificate, fake.certificate_pem()).unwrap();
    std::fs::write(&macaroon, fake.least_macaroon()).unwrap();
    let read = Certificate::read(certificate.as_ref()).unwrap();
    let config = Config::new(read, Macaroon::read(macaroon.as_ref()).unwrap(), Prefer::Grpc);
    let grpc = fake.grpc();
    let config = Config { grpc: Some(grpc.parse().unwrap()), ..config };
    let flags = ["--grpc", &grpc, "--tlscert", &certificate, "--macaroon", &macaroon];
    suite(&lnd(config, &flags, true).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_works_on_a_scripted_core_lightning() {
    let fake = debal_cln_fake::Fake::start(debal_cln_fake::sample());
    suite(&cln(fake.socket()).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_works_on_a_real_lnd() {
    let Ok(directory) = std::env::var("DEBAL_TEST_LND") else {
        println!("skipped: DEBAL_TEST_LND names no node");
        return;
    };
    let network = setting("DEBAL_TEST_LND_NETWORK", "regtest");
    let (_, macaroon) = Macaroon::find(directory.as_ref(), &network).unwrap();
    let certificate = Certificate::read(&Path::new(&directory).join("tls.cert")).unwrap();
    let grpc = setting("DEBAL_TEST_LND_GRPC", "localhost:10009");
    let rest = setting("DEBAL_TEST_LND_REST", "localhost:8080");
    let address = |text: &str, transport: Transport| {
        Some(Address::parse(text, transport.default_port()).unwrap())
    };
    let config = Config {
        grpc: address(&grpc, Transport::Grpc),
        rest: address(&rest, Transport::Rest),
        ..Config::new(certificate, macaroon, Prefer::Grpc)
    };
    let flags = ["--lnddir", &directory, "--network", &network, "--grpc", &grpc, "--rest", &rest];
    suite(&lnd(config, &flags, network != "mainnet").await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_works_on_a_real_core_lightning() {
    let Ok(socket) = std::env::var("DEBAL_TEST_CLN") else {
        println!("skipped: DEBAL_TEST_CLN names no node");
        return;
    };
    suite(&cln(socket.into()).await).await;
}

//! How a node is reached: addresses, certificate, macaroon, and the lock of its history.
//!
//! It must never print a macaroon, and never go on with a certificate that was not pinned.

use crate::Shown;
use crate::args::{Access, Memory};
use crate::failure::Failure;
use debal_breaker::Breaker;
use debal_cln::Cln;
use debal_fees_history::FeeHistory;
use debal_fees_manager::{ClnNode, FeeNode, LndNode, NodeError};
use debal_lnd::{Address, Certificate, Config, Lnd, Macaroon, Prefer, Transport};
use fs4::FileExt;
use serde_json::json;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Where a node is if nobody says.
const GRPC: &str = "localhost:10009";

/// Makes a client; nothing is dialled yet.
fn client(access: &Access) -> Result<Lnd, Failure> {
    let invalid = |text: String| Failure::invalid("invalid", text);
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let directory = access.lnddir.clone().unwrap_or_else(|| home.join(".lnd"));
    let path = access.cert_path.clone().unwrap_or_else(|| directory.join("tls.cert"));
    let certificate = Certificate::read(&path)
        .map_err(|problem| invalid(format!("{}: {problem}; see --cert-path", path.display())))?;
    let macaroon = match &access.macaroon_path {
        Some(path) => Macaroon::read(path),
        None => Macaroon::find(&directory, &access.network).map(|(_, macaroon)| macaroon),
    };
    let macaroon = macaroon.map_err(|error| invalid(format!("{error}; see --macaroon-path")))?;
    let prefer = if access.prefer_rest { Prefer::Rest } else { Prefer::Grpc };
    let address = |text: &String, transport: Transport| {
        Address::parse(text, transport.default_port()).map_err(|error| invalid(error.to_string()))
    };
    let usual = GRPC.to_owned();
    let grpc = access.grpc.as_ref().or(access.rest.is_none().then_some(&usual));
    let config = Config {
        grpc: grpc.map(|text| address(text, Transport::Grpc)).transpose()?,
        rest: access.rest.as_ref().map(|text| address(text, Transport::Rest)).transpose()?,
        ..Config::new(certificate, macaroon, prefer)
    };
    Lnd::new(config).map_err(|error| invalid(error.to_string()))
}

/// Core Lightning's socket, if that is what is meant.
fn cln_socket(access: &Access) -> Option<PathBuf> {
    let network = if access.network == "mainnet" { "bitcoin" } else { &access.network };
    let usual = |directory: &PathBuf| directory.join(network).join("lightning-rpc");
    access.cln_rpc.clone().or_else(|| access.lightning_dir.as_ref().map(usual))
}

/// Connects; also what is to be said about the credentials.
pub async fn connect(access: &Access) -> Result<(Box<dyn FeeNode>, String), Failure> {
    if let Some(socket) = cln_socket(access) {
        let node = ClnNode::connect(Cln::new(socket, debal_cln::Limits::default())).await;
        return Ok((Box::new(node.map_err(|error| failed(&error))?), String::new()));
    }
    let client = client(access)?;
    let excess = client.audit().map(|audit| audit.excess).unwrap_or_default();
    let warning = if excess.is_empty() {
        String::new()
    } else {
        "warning: the macaroon allows more than is needed; `debal fees permissions` prints how to \
         bake a small one\n"
            .to_owned()
    };
    let node = LndNode::connect(client, access.accept_positive_inbound).await;
    Ok((Box::new(node.map_err(|error| failed(&error))?), warning))
}

/// The circuit breaker, if one is named; a note where others could listen.
pub fn breaker(access: &Access, notes: &mut String) -> Result<Option<Breaker>, Failure> {
    let Some(address) = &access.circuitbreaker else { return Ok(None) };
    let breaker = Breaker::new(address);
    let breaker = breaker.map_err(|error| Failure::of(2, "usage", error.to_string()))?;
    if !breaker.is_local() {
        *notes += &format!(
            "warning: the circuit breaker at {address} is spoken with in plain text, and whoever \
             is on the way can read and write limits\n"
        );
    }
    Ok(Some(breaker))
}

/// A node's error as a failure.
pub fn failed(error: &NodeError) -> Failure {
    Failure::of(1, "node", error.to_string())
}

/// The right to write a history; released when dropped or when the process ends.
#[derive(Debug)]
pub struct Writer(File);

impl Drop for Writer {
    fn drop(&mut self) {
        // The system releases it anyway.
        let _ = FileExt::unlock(&self.0);
    }
}

/// Opens a history for the one process that writes it.
pub fn history(memory: &Memory) -> Result<(Writer, FeeHistory), Failure> {
    let mut name = memory.history.clone().into_os_string();
    name.push(".lock");
    let io = |error: std::io::Error| {
        Failure::of(1, "failed", format!("{}: {error}", Path::new(&name).display()))
    };
    let file = File::options().write(true).create(true).truncate(false).open(&name).map_err(io)?;
    if FileExt::try_lock(&file).is_err() {
        let path = memory.history.display();
        let text = format!("another process uses the history {path}: a daemon? Stop it first");
        return Err(Failure::of(1, "busy", text));
    }
    let opened = FeeHistory::open(&memory.history);
    let history = opened.map_err(|error| Failure::of(1, "history", error.to_string()))?;
    Ok((Writer(file), history))
}

/// The least credentials.
pub fn permissions(as_json: bool) -> Shown {
    let least = debal_lnd::permissions();
    let (bake, rune) = (&least.bake_macaroon, debal_cln::create_rune());
    let text = if as_json {
        let methods: Vec<&str> = least.methods.iter().map(|(method, _)| *method).collect();
        format!("{}\n", json!({"bake_macaroon": bake, "create_rune": rune, "methods": methods}))
    } else {
        format!(
            "LND:\n  {bake}\n\nCore Lightning (for commando or REST; whoever may open the socket \
             needs no rune):\n  {rune}\n"
        )
    };
    Shown { text, notes: String::new(), code: 0 }
}

/// Unix seconds.
pub fn now_s() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX)
}

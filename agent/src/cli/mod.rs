//! The command line: `debal init | agent | status | ...`.
//!
//! Every error says the next step, every command has `--json`, and exit codes are exact: 0 done,
//! 1 failed, 2 wrong usage, 3 invalid input. `run` is a library function so that the cluster
//! launcher can be the agent too.

mod args;
mod client;
mod daemon;
mod members;
mod show;

use crate::api::Op;
use crate::config::genesis::{member_entry, network_id};
use crate::init;
use crate::payments::Invoice;
use args::{Cli, Command, Network, Target};
use clap::Parser;
use debal_crypto::SeedFile;
use debal_protocol::election::verify_file;
use debal_protocol::time::Timetable;
use serde_json::{Value, json};
use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::Path;
use std::process::ExitCode;

/// Where `debal init` makes an agent when no directory is named.
const DATA_DIR: &str = "debal-data";
/// A certificate file is smaller; a larger file is refused after this much.
const CERTIFICATE_MAX_BYTES: u64 = 1 << 20;

/// Why a command did not do it.
#[derive(Debug)]
pub struct Failure {
    /// Exit code.
    code: u8,
    /// Stable name.
    kind: String,
    /// For people, with the next step.
    message: String,
}

impl Failure {
    /// It was tried and failed.
    pub fn failed(message: impl Into<String>) -> Self {
        Self { code: 1, kind: "failed".to_owned(), message: message.into() }
    }

    /// What was given cannot be used.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self { code: 3, kind: "invalid".to_owned(), message: message.into() }
    }

    /// An error of the control API.
    fn of_kind(kind: &str, message: String) -> Self {
        let input = matches!(kind, "invalid" | "not_found" | "bad_request" | "too_long");
        Self { code: if input { 3 } else { 1 }, kind: kind.to_owned(), message }
    }
}

/// What a command shows.
struct Shown {
    json: Value,
    text: String,
    code: u8,
}

impl Shown {
    const fn new(json: Value, text: String) -> Self {
        Self { json, text, code: 0 }
    }
}

/// Runs one command line, the program's name first.
pub fn run(args: impl Iterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers, not errors; clap knows which is which.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let json = cli.json;
    if let Command::Plan { words } = &cli.command {
        let json = json.then(|| "--json".to_owned());
        let words: Vec<String> = json.into_iter().chain(words.iter().cloned()).collect();
        return debal_plan::run(&words, &mut std::io::stdout(), &mut std::io::stderr()).into();
    }
    if let Command::Fees { words } = &cli.command {
        let json = json.then(|| "--json".to_owned());
        let words: Vec<String> = json.into_iter().chain(words.iter().cloned()).collect();
        return debal_fees_cli::run(&words, &mut std::io::stdout(), &mut std::io::stderr()).into();
    }
    if let Command::Learn { words } = &cli.command {
        let json = json.then(|| "--json".to_owned());
        let words: Vec<String> = json.into_iter().chain(words.iter().cloned()).collect();
        return debal_train::cli::run(&words, &mut std::io::stdout(), &mut std::io::stderr())
            .into();
    }
    if let Command::ChargeLnd { words } = &cli.command {
        let words: Vec<String> =
            std::iter::once("charge-lnd".to_owned()).chain(words.iter().cloned()).collect();
        return debal_fees_cli::run(&words, &mut std::io::stdout(), &mut std::io::stderr()).into();
    }
    match dispatch(cli) {
        Ok(shown) => {
            let text = if json { format!("{}\n", shown.json) } else { shown.text };
            // A reader that went away (`| head`) is no failure.
            let _ = std::io::stdout().write_all(text.as_bytes());
            ExitCode::from(shown.code)
        }
        Err(Failure { code, kind, message }) => {
            if json {
                println!("{}", json!({ "error": { "kind": kind, "message": message } }));
            }
            eprintln!("debal: {message}");
            ExitCode::from(code)
        }
    }
}

fn dispatch(cli: Cli) -> Result<Shown, Failure> {
    match cli.command {
        Command::Plan { .. }
        | Command::Fees { .. }
        | Command::Learn { .. }
        | Command::ChargeLnd { .. } => {
            Err(Failure::failed("these commands have their own command lines"))
        }
        Command::Init { data_dir } => make(&data_dir),
        Command::Member { data_dir, network } => member(&data_dir, &network),
        Command::Agent { config, set, check } => daemon::run(config, set, check),
        Command::Verify { file } => verify(&file),
        Command::Status { target } => {
            let status = client::ask(&target, &Op::Status)?;
            let text = show::status(&status);
            Ok(Shown::new(status, text))
        }
        Command::Why { channel, target } => {
            let why = client::ask(&target, &Op::Why { channel })?;
            let text = show::why(&why);
            Ok(Shown::new(why, text))
        }
        Command::Rebalance { from, to, amount, max_fee_ppm, min_success, target } => {
            let (amount_msat, min_success_ppm) = (msat(amount), min_success.map(percent));
            let op = Op::Rebalance { from, to, amount_msat, max_fee_ppm, min_success_ppm };
            paid(&target, &op, amount_msat)
        }
        Command::Invoice { amount, expiry, target } => {
            let expiry_ms = expiry.saturating_mul(1_000);
            let op = Op::Invoice { amount_msat: msat(amount), expiry_ms };
            let invoice = client::ask(&target, &op)?;
            let text = format!("{invoice}\n");
            Ok(Shown::new(invoice, text))
        }
        Command::Pay { invoice, attempts, max_fee, min_success, target } => {
            let invoice: Invoice = serde_json::from_str(&invoice).map_err(|error| {
                Failure::invalid(format!(
                    "no invoice: {error}; pass the line that `debal invoice` printed, in quotes"
                ))
            })?;
            let amount_msat = invoice.amount_msat;
            let (max_fee_msat, min_success_ppm) = (max_fee.map(msat), min_success.map(percent));
            let op = Op::Pay { invoice, attempts, max_fee_msat, min_success_ppm };
            paid(&target, &op, amount_msat)
        }
        Command::Channel { action } => members::channel(action),
        Command::Roster { target } => members::roster(&target),
        Command::Sponsor { entry, target } => members::sponsor(&entry, &target),
        Command::Leave { target } => members::leave(&target),
        Command::Privacy { target } => {
            let privacy = client::ask(&target, &Op::Privacy)?;
            let text = show::privacy(&privacy);
            Ok(Shown::new(privacy, text))
        }
        Command::Certificate { epoch, target } => {
            let answer = client::ask(&target, &Op::Certificate { epoch })?;
            let text = answer["file"].as_str().unwrap_or_default().to_owned();
            Ok(Shown::new(answer, text))
        }
        Command::Stop { target } => {
            let answer = client::ask(&target, &Op::Stop)?;
            Ok(Shown::new(answer, "stopping; open transfers get a few seconds\n".to_owned()))
        }
    }
}

/// Amounts are typed in sat and were bounded when they were parsed.
const fn msat(sat: u64) -> u64 {
    sat.saturating_mul(1_000)
}

/// Whole percent as millionths.
const fn percent(percent: u32) -> u32 {
    percent.saturating_mul(10_000)
}

fn paid(target: &Target, op: &Op, amount_msat: u64) -> Result<Shown, Failure> {
    let paid = client::ask(target, op)?;
    let code = if paid["outcome"] == "succeeded" { 0 } else { 1 };
    let text = show::paid(&paid, amount_msat);
    Ok(Shown { json: paid, text, code })
}

fn make(directory: &Path) -> Result<Shown, Failure> {
    let identity = init::create(directory, None).map_err(|e| Failure::failed(e.to_string()))?;
    let node = identity.node().to_string();
    let config = directory.join(init::CONFIG_NAME);
    let json = json!({
        "node": node,
        "vrf": identity.vrf_key().to_string(),
        "data_dir": directory,
        "config": config,
    });
    let text = format!(
        "identity  {node}\nconfig    {}\n\n\
         Next: `debal member` prints this node's entry for a founding file; put the finished\n\
         genesis.json into {}, then run `debal agent --config {}`.\n",
        config.display(),
        directory.display(),
        config.display()
    );
    Ok(Shown::new(json, text))
}

fn member(directory: &Path, network: &Network) -> Result<Shown, Failure> {
    let identity = SeedFile::in_directory(directory)
        .open()
        .map_err(|error| Failure::failed(format!("{error}; `debal init` makes an identity")))?;
    let Network { network: name, genesis_unix_ms, epoch_ms, weight } = network;
    let timetable = Timetable { genesis_ms: *genesis_unix_ms, epoch_ms: *epoch_ms };
    let entry = json!(member_entry(&identity, &network_id(name, &timetable), *weight));
    let text = format!("{entry}\n");
    Ok(Shown::new(entry, text))
}

fn verify(file: &Path) -> Result<Shown, Failure> {
    let read = |file: &Path| {
        let mut bytes = Vec::new();
        let opened = std::fs::File::open(file)?;
        opened.take(CERTIFICATE_MAX_BYTES).read_to_end(&mut bytes).map(|_| bytes)
    };
    let named = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
    let bytes = read(file).map_err(|error| Failure::invalid(named(&error)))?;
    let certificate = verify_file(&bytes).map_err(|error| Failure::invalid(named(&error)))?;
    let json = json!({
        "valid": true,
        "network": certificate.network.to_string(),
        "epoch": certificate.epoch.0,
        "round": certificate.round,
        "leader": certificate.leader.to_string(),
        "weight": certificate.weight,
        "total_weight": certificate.total,
        "votes": certificate.votes,
        "seed": certificate.seed.to_string(),
        "roster": certificate.roster_digest.to_string(),
        "crash_faults_only": certificate.crash_faults_only,
    });
    let mut text = format!(
        "valid: {} leads epoch {} (round {})\n\
         votes    {} members, weight {} of {}\nnetwork  {}\nroster   {}\n\
         Compare network and roster with the ones you trust: the certificate speaks for them.\n",
        certificate.leader,
        certificate.epoch,
        certificate.round,
        certificate.votes,
        show::thousands(certificate.weight),
        show::thousands(certificate.total),
        certificate.network,
        certificate.roster_digest,
    );
    if certificate.crash_faults_only {
        text.push_str(
            "The roster is so small that a majority decided: no lying member is survived.\n",
        );
    }
    Ok(Shown::new(json, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(line: &[&str]) -> ExitCode {
        run(std::iter::once("debal").chain(line.iter().copied()).map(OsString::from))
    }

    #[test]
    fn exit_codes_tell_usage_from_input_from_failure() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
        assert_eq!(code(&["--help"]), ExitCode::from(0));
        assert_eq!(code(&["steal"]), ExitCode::from(2));
        assert_eq!(code(&["verify", &path("absent")]), ExitCode::from(3));
        std::fs::write(path("empty"), "").unwrap();
        assert_eq!(code(&["verify", &path("empty")]), ExitCode::from(3));
        assert_eq!(code(&["status", "--data-dir", &path("none")]), ExitCode::from(1));
        assert_eq!(code(&["pay", "{}"]), ExitCode::from(3));
        assert_eq!(code(&["init", "--data-dir", &path("new")]), ExitCode::from(0));
        assert_eq!(code(&["init", "--data-dir", &path("new")]), ExitCode::from(1));
    }
}

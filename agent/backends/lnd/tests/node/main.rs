//! The client against the scripted node, every scenario over both transports.
//!
//! Nothing here may depend on how fast the machine is: waits end by events or by the client's own
//! deadlines, and no elapsed time is asserted.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod credentials;
mod fallback;
mod faults;
mod reads;
mod writes;

use debal_lnd::{Certificate, Config, Limits, Lnd, Macaroon, Prefer, Transport};
use debal_lnd_fake::{Fake, Sample, Wire, sample};
use std::time::Duration;

/// Both transports.
const BOTH: [Transport; 2] = [Transport::Grpc, Transport::Rest];

/// Deadlines that no healthy call meets on a busy machine, and that a hung one ends soon enough.
fn limits() -> Limits {
    let long = Duration::from_secs(60);
    Limits { connect: long, answer: long, retry_preferred: Duration::from_secs(3_600) }
}

/// Short deadlines, for what is meant to hang.
fn impatient() -> Limits {
    Limits { connect: Duration::from_millis(400), answer: Duration::from_millis(400), ..limits() }
}

fn wire(transport: Transport) -> Wire {
    match transport {
        Transport::Grpc => Wire::Grpc,
        Transport::Rest => Wire::Rest,
    }
}

fn other(transport: Transport) -> Transport {
    match transport {
        Transport::Grpc => Transport::Rest,
        Transport::Rest => Transport::Grpc,
    }
}

/// Settings for a fake with this macaroon; no address yet.
fn config(fake: &Fake, macaroon: Vec<u8>) -> Config {
    let certificate = Certificate::from_pem(fake.certificate_pem().as_bytes()).unwrap();
    let macaroon = Macaroon::from_bytes(macaroon).unwrap();
    Config { limits: limits(), ..Config::new(certificate, macaroon, Prefer::Grpc) }
}

/// A client that knows one transport only.
fn only(fake: &Fake, transport: Transport) -> Lnd {
    only_with(fake, transport, config(fake, fake.least_macaroon()))
}

fn only_with(fake: &Fake, transport: Transport, config: Config) -> Lnd {
    let config = match transport {
        Transport::Grpc => Config { grpc: Some(fake.grpc().parse().unwrap()), ..config },
        Transport::Rest => Config { rest: Some(fake.rest().parse().unwrap()), ..config },
    };
    Lnd::new(config).unwrap()
}

/// A client that knows both transports and prefers one.
fn both(fake: &Fake, preferred: Transport, limits: Limits) -> Lnd {
    let prefer = match preferred {
        Transport::Grpc => Prefer::Grpc,
        Transport::Rest => Prefer::Rest,
    };
    let config = Config {
        grpc: Some(fake.grpc().parse().unwrap()),
        rest: Some(fake.rest().parse().unwrap()),
        prefer,
        limits,
        ..config(fake, fake.least_macaroon())
    };
    Lnd::new(config).unwrap()
}

async fn usual() -> Fake {
    Fake::start(sample(&Sample::default())).await
}

async fn version(version: &'static str) -> Fake {
    Fake::start(sample(&Sample { version, ..Sample::default() })).await
}

//! Serves the sample node until a line (or the end) is read from standard input, with its files
//! where LND would put them, so that any client of LND can be pointed at it.
//!
//! `cargo run -p debal-lnd-fake --example serve -- DIRECTORY`. It must never be pointed at a
//! directory that a real node uses: it writes `tls.cert` and macaroons there.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use debal_lnd_fake::{Fake, Sample, sample};
use std::path::PathBuf;

#[tokio::main]
async fn main() {
    let directory = PathBuf::from(std::env::args().nth(1).expect("usage: serve DIRECTORY"));
    let macaroons = directory.join("data/chain/bitcoin/mainnet");
    let certificate = directory.join("tls.cert");
    assert!(!certificate.exists(), "{} exists already", certificate.display());
    let fake = Fake::start(sample(&Sample::default())).await;
    std::fs::create_dir_all(&macaroons).unwrap();
    std::fs::write(certificate, fake.certificate_pem()).unwrap();
    std::fs::write(macaroons.join("admin.macaroon"), fake.admin_macaroon()).unwrap();
    std::fs::write(macaroons.join("debal.macaroon"), fake.least_macaroon()).unwrap();
    println!("grpc {}\nrest {}", fake.grpc(), fake.rest());
    let read = tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new()));
    let _ = read.await.unwrap();
    for call in fake.calls() {
        println!("{:?} {}", call.wire, call.method);
    }
}

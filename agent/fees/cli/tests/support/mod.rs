//! An operator at a directory of their own, and a scripted LND.
//!
//! It must never reach around the command line: files, flags and what is printed.

use debal_lnd_fake::{Fake, Sample, sample};
use serde_json::Value;
use std::path::PathBuf;
use std::process::{Command, Output};

/// The operator.
pub struct Operator {
    /// Their node.
    pub fake: Fake,
    directory: tempfile::TempDir,
}

impl Operator {
    pub async fn new() -> Self {
        let fake = Fake::start(sample(&Sample::default())).await;
        let directory = tempfile::tempdir().unwrap();
        let operator = Self { fake, directory };
        std::fs::write(operator.path("tls.cert"), operator.fake.certificate_pem()).unwrap();
        std::fs::write(operator.path("small.macaroon"), operator.fake.least_macaroon()).unwrap();
        operator.rules("[default]\nstrategy = static\nbase_fee_msat = 0\nfee_ppm = 777\n");
        operator
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn rules(&self, text: &str) {
        std::fs::write(self.path("rules.conf"), text).unwrap();
    }

    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_debal-fees"));
        command.current_dir(self.directory.path()).args(words);
        command.env("LND_CERT_PATH", self.path("tls.cert")).env_remove("HOME");
        command.env("LND_MACAROON_PATH", self.path("small.macaroon"));
        command.env("LND_GRPC_HOST", self.fake.grpc());
        command
    }

    /// Runs a command on another thread: the fake needs this one's runtime.
    pub async fn run(&self, words: &[&str]) -> Output {
        let mut command = self.command(words);
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }

    pub async fn json(&self, words: &[&str]) -> (i32, Value) {
        let output = self.run(words).await;
        let value = serde_json::from_slice(&output.stdout);
        (output.status.code().unwrap(), value.unwrap_or_else(|e| panic!("{e}: {output:?}")))
    }
}

/// What was printed.
pub fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

//! The commands that speak with a node, typed as an operator of Core Lightning types them, against
//! a scripted node.
//!
//! It must never reach around the command line: files, flags, exit codes and what is printed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use debal_cln_fake::{Door, Fake, Fault, chan_id, sample};
use serde_json::Value;
use std::path::PathBuf;
use std::process::{Command, Output};

struct Operator {
    fake: Fake,
    directory: tempfile::TempDir,
}

impl Operator {
    fn new() -> Self {
        let fake = Fake::start(sample());
        // The sample's forwards are of 2024; the node settled them a minute ago instead.
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        fake.with(|node| {
            (1..=3).for_each(|n| node.settle(n, now.as_secs() - 60, 50_000_000, 51_000))
        });
        let operator = Self { fake, directory: tempfile::tempdir().unwrap() };
        operator.rules("[default]\nstrategy = static\nbase_fee_msat = 0\nfee_ppm = 777\n");
        operator
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn rules(&self, text: &str) {
        std::fs::write(self.path("rules.conf"), text).unwrap();
    }

    fn rates(&self) -> Vec<u64> {
        self.fake.with(|node| node.channels.iter().map(|channel| channel.ppm).collect())
    }

    /// A command, with the socket where the command takes one.
    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_debal-fees"));
        command.current_dir(self.directory.path()).args(words).env_remove("HOME");
        if !["status", "report", "evaluate", "permissions"].contains(&words[0]) {
            command.arg("--cln-rpc").arg(self.fake.socket());
        }
        command
    }

    /// Runs a command on another thread: the fake needs this one's runtime.
    async fn run(&self, words: &[&str]) -> (i32, String, String) {
        let mut command = self.command(words);
        let output: Output =
            tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    async fn json(&self, words: &[&str]) -> (i32, Value) {
        let (code, out, err) = self.run(words).await;
        (code, serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}{err}")))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_looks_first_applies_looks_back_and_reports() {
    let operator = Operator::new();
    let (code, shown, _) = operator.run(&["apply", "-c", "rules.conf", "--dry-run"]).await;
    assert!(code == 0 && shown.contains("500 -> 777"), "{shown}");
    assert!(shown.contains("3 would change (dry run)"), "{shown}");
    assert_eq!(operator.fake.count("setchannel"), 0);
    let (code, applied) = operator.json(&["apply", "-c", "rules.conf", "--json"]).await;
    assert!(applied["channels"].as_array().unwrap().iter().all(|c| c["outcome"] == "changed"));
    assert_eq!((code, operator.rates()), (0, vec![777; 3]));
    let (_, again, _) = operator.run(&["apply", "-c", "rules.conf"]).await;
    assert_eq!((again.as_str(), operator.fake.count("setchannel")), ("3 channels\n", 3));
    let (_, status, _) = operator.run(&["status"]).await;
    assert!(status.contains("open changes  0") && status.contains("500 -> 777"), "{status}");
    let (_, report) = operator.json(&["report", "--days", "7", "--json"]).await;
    assert_eq!(report["channels"][0]["fee_msat"], 153_000);
    let (code, judged) = operator.json(&["rollback", "--execute", "--json"]).await;
    assert_eq!((code, judged["judged"].as_array().unwrap().len()), (0, 3));
    assert_eq!(judged["undone"], serde_json::json!([]), "too early to judge");
    let (_, pass, _) = operator.run(&["daemon", "-c", "rules.conf"]).await;
    assert_eq!(pass, "3 channels\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recorded_node_evaluates_as_the_live_one_does() {
    let operator = Operator::new();
    operator.rules(
        "[busy]\nflow.7d.min = 1k sat\nnetwork.min_alternatives = 1\nstrategy = static\n\
         fee_ppm = 900\ninbound_fee_ppm = -10\n\
         [default]\nstrategy = proportional\nmin_fee_ppm = 100\nmax_fee_ppm = 600\n",
    );
    let words = ["snapshot", "--output", "state.json"];
    let (code, said, err) = operator.run(&words).await;
    assert_eq!((code, said.as_str()), (0, "3 channels recorded in state.json\n"), "{err}");
    let evaluate = ["evaluate", "--state", "state.json", "-c", "rules.conf", "--json"];
    let (_, answer) = operator.json(&evaluate).await;
    let (_, dry) = operator.json(&["apply", "-c", "rules.conf", "--dry-run", "--json"]).await;
    for channel in dry["channels"].as_array().unwrap() {
        let recorded = &answer["channels"][channel["chan_id"].to_string()];
        assert_eq!(recorded["matched_section"], channel["section"], "{recorded}");
        assert_eq!(recorded["fee_ppm"], channel["new"]["fee_ppm"]);
    }
    let first = &dry["channels"][0];
    assert_eq!((&first["section"], &first["new"]["fee_ppm"]), (&"busy".into(), &900.into()));
    assert_eq!(first["unsupported"][0], "inbound_fee_ppm -10: this node has no inbound fees");
    let (code, why, _) = operator.run(&["test-channel", "800000x101x1", "-c", "rules.conf"]).await;
    assert!(code == 0 && why.contains("+ [busy] matches and ends"), "{why}");
    assert!(why.contains("left out: inbound_fee_ppm -10"), "{why}");
    let (code, why, _) = operator.run(&["test-channel", "1x1x1", "-c", "rules.conf"]).await;
    assert_eq!((code, why.as_str()), (3, ""));
    let (_, shown, _) = operator.run(&["apply", "-c", "rules.conf"]).await;
    assert!(shown.contains("left out:                inbound_fee_ppm -10"), "{shown}");
    assert!(shown.contains("2 with something left out"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_name_the_next_step_and_have_their_exit_codes() {
    let operator = Operator::new();
    let apply = ["apply", "-c", "rules.conf"];
    operator.fake.door(Door::Absent);
    let (code, _, why) = operator.run(&apply).await;
    assert!(code == 1 && why.contains("is the node running?"), "{why}");
    operator.fake.door(Door::Stale);
    assert!(operator.run(&apply).await.2.contains("is the node starting?"));
    operator.fake.door(Door::Open);
    operator.fake.with(|node| node.version = "v23.08".to_owned());
    let (code, _, why) = operator.run(&apply).await;
    assert!(code == 1 && why.contains("24.02.0 or newer is needed"), "{why}");
    operator.fake.with(|node| node.version = "v26.03".to_owned());
    operator.fake.fail("listpeerchannels", 1, Fault::Garbage);
    let (code, _, why) = operator.run(&apply).await;
    assert!(code == 1 && why.contains("cannot be understood"), "{why}");
    operator.fake.fail("setchannel", 2, Fault::Refuse(-1, "not this one"));
    let (code, shown, _) = operator.run(&apply).await;
    assert!(code == 1 && shown.contains("refused (code -1): not this one"), "{shown}");
    // A directory is as good as the socket itself.
    let network = operator.path("lightning/regtest");
    std::fs::create_dir_all(&network).unwrap();
    std::os::unix::fs::symlink(operator.fake.socket(), network.join("lightning-rpc")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_debal-fees"));
    command.current_dir(operator.directory.path()).args(apply);
    command.args(["--lightning-dir", "lightning", "--network", "regtest"]);
    let done = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert_eq!((done.status.code(), operator.rates()), (Some(0), vec![777; 3]), "{done:?}");
    let (_, least) = operator.json(&["permissions", "--json"]).await;
    let rune = least["create_rune"].as_str().unwrap();
    assert!(rune.starts_with("lightning-cli createrune restrictions='[[\"method=getinfo\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_of_an_update_the_next_run_finishes_and_nothing_stays_open() {
    for (fault, took) in [(Fault::Hang, 0), (Fault::Endless, 1)] {
        for nth in [1, 2, 3] {
            let operator = Operator::new();
            operator.fake.fail("setchannel", nth, fault.clone());
            let mut running = operator.command(&["apply", "-c", "rules.conf"]).spawn().unwrap();
            while operator.fake.count("setchannel") < nth as usize {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
            running.kill().unwrap();
            running.wait().unwrap();
            let done = operator.rates().iter().filter(|rate| **rate == 777).count();
            assert!((nth as usize - 1..=nth as usize - 1 + took).contains(&done), "{done}");
            let (code, next) = operator.json(&["apply", "-c", "rules.conf", "--json"]).await;
            assert_eq!((code, operator.rates()), (0, vec![777; 3]), "{fault:?} {nth}: {next}");
            let (_, status) = operator.json(&["status", "--json"]).await;
            assert_eq!(status["open_changes"], serde_json::json!([]));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crontab_line_of_charge_lnd_works_on_this_node_too() {
    let operator = Operator::new();
    let (code, _, err) = operator.run(&["charge-lnd", "-c", "rules.conf", "-v"]).await;
    assert_eq!((code, operator.rates()), (0, vec![777; 3]), "{err}");
    let mut channels = operator.fake.with(|node| node.channels.clone());
    channels.truncate(1);
    operator.fake.with(|node| node.channels = channels);
    operator.rules("[default]\nstrategy = static\nfee_ppm = 5\n");
    let (_, applied) = operator.json(&["apply", "-c", "rules.conf", "--json"]).await;
    assert_eq!(applied["channels"][0]["chan_id"], chan_id(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_circuit_breaker_is_set_shown_recorded_and_must_guard_this_node() {
    let operator = Operator::new();
    let service = debal_breaker_fake::Fake::start(debal_cln_fake::OWN_KEY).await;
    let address = service.address();
    operator.rules("[default]\nstrategy = ignore_fees\ncb_max_pending = 5\n");
    let line = ["charge-lnd", "-c", "rules.conf", "--circuitbreaker", &address];
    let (code, shown, err) = operator.run(&line).await;
    assert_eq!((code, err.as_str(), service.limits().len()), (0, "", 2));
    let wanted = "circuit breaker:         default -> 3600 an hour, 5 pending, queue what";
    assert!(
        shown.contains(wanted) && shown.ends_with("3 channels, 2 limits of peers\n"),
        "{shown}"
    );
    let (_, state) = operator.json(&["snapshot", "--circuitbreaker", &address]).await;
    assert_eq!(state["circuitbreaker"]["limits"].as_object().unwrap().len(), 2);
    let other = debal_breaker_fake::Fake::start("02ff").await;
    let there = other.address();
    let line = ["charge-lnd", "-c", "rules.conf", "--circuitbreaker", &there];
    let (code, _, why) = operator.run(&line).await;
    assert!(code == 1 && why.contains("guards 02ff"), "{why}");
    drop(other);
    let (code, _, why) = operator.run(&line).await;
    assert!(code == 1 && why.contains("the circuit breaker at"), "{why}");
}

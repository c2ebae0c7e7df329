//! The commands that speak with a node, typed as an operator types them, against a scripted LND.
//!
//! It must never reach around the command line: files, flags, exit codes and what is printed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use debal_lnd_fake::{Fault, Wallet, chan_id};
use serde_json::Value;
use support::{Operator, text};

const UPDATE: &str = "/lnrpc.Lightning/UpdateChannelPolicy";

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_looks_first_applies_and_looks_back() {
    let operator = Operator::new().await;
    let dry = operator.run(&["apply", "-c", "rules.conf", "--dry-run"]).await;
    assert_eq!(dry.status.code(), Some(0), "{dry:?}");
    let shown = text(&dry);
    assert!(shown.contains("500 -> 777") && shown.contains("3 would change (dry run)"), "{shown}");
    assert!(!shown.contains('\u{1b}'), "no colours in a pipe");
    assert_eq!(operator.fake.count(UPDATE), 0);
    let (code, applied) = operator.json(&["apply", "-c", "rules.conf", "--json"]).await;
    assert_eq!((code, operator.fake.count(UPDATE)), (0, 3));
    assert!(applied["channels"].as_array().unwrap().iter().all(|c| c["outcome"] == "changed"));
    let again = text(&operator.run(&["apply", "-c", "rules.conf"]).await);
    assert_eq!((again.as_str(), operator.fake.count(UPDATE)), ("3 channels\n", 3));
    let status = text(&operator.run(&["status"]).await);
    assert!(status.contains("open changes  0") && status.contains("500 -> 777"), "{status}");
    assert!(status.lines().all(|line| line.chars().count() <= 80), "{status}");
    let (_, status) = operator.json(&["status", "--json"]).await;
    assert_eq!(status["changes_7d"].as_array().unwrap().len(), 3);
    let judged = text(&operator.run(&["rollback"]).await);
    assert!(judged.contains("wait: 0 of 48 usable hours"), "{judged}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recorded_node_evaluates_as_the_node_itself() {
    let operator = Operator::new().await;
    let made = operator.run(&["snapshot", "-o", "state.json"]).await;
    assert!(text(&made).contains("3 channels recorded"), "{made:?}");
    let words = ["evaluate", "--state", "state.json", "-c", "rules.conf", "--json"];
    let (code, answer) = operator.json(&words).await;
    assert_eq!(code, 0);
    let channel = &answer["channels"][chan_id(0).to_string()];
    assert_eq!(
        (&channel["matched_section"], &channel["fee_ppm"]),
        (&"default".into(), &777.into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_are_written_as_their_names_end() {
    let operator = Operator::new().await;
    // The sample's forwards are of 2024; the node settles them a minute ago instead.
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    operator.fake.with(|node| {
        for (forward, number) in node.forwards.iter_mut().zip(0..) {
            forward.timestamp = now.as_secs() - 60;
            forward.timestamp_ns = forward.timestamp * 1_000_000_000 + number;
        }
    });
    assert_eq!(operator.run(&["apply", "-c", "rules.conf"]).await.status.code(), Some(0));
    let table = text(&operator.run(&["report", "--days", "7"]).await);
    assert!(table.contains("earned sat") && table.contains("153 sat in 7 days"), "{table}");
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    for name in ["out.csv", "out.json"] {
        operator.run(&["report", "--days", "7", "--output", name]).await;
    }
    let csv = std::fs::read_to_string(operator.path("out.csv")).unwrap();
    assert!(csv.starts_with("channel,scid,out_count"), "{csv}");
    let json = std::fs::read_to_string(operator.path("out.json")).unwrap();
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["channels"][0]["fee_msat"], 153_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_name_the_next_step_and_have_their_exit_codes() {
    let operator = Operator::new().await;
    let code = async |words: &[&str]| {
        let output = operator.run(words).await;
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (missing, why) = code(&["apply", "-c", "none.conf"]).await;
    assert!(missing == 3 && why.contains("does not exist"), "{why}");
    assert_eq!(code(&["apply"]).await.0, 2);
    let (none, why) = code(&["status"]).await;
    assert!(none == 1 && why.contains("debal fees apply"), "{why}");
    operator.fake.with(|node| node.wallet = Wallet::Locked);
    let (locked, why) = code(&["apply", "-c", "rules.conf"]).await;
    assert!(locked == 1 && why.contains("locked"), "{why}");
    operator.fake.with(|node| node.wallet = Wallet::Ready);
    std::fs::write(operator.path("tls.cert"), "nonsense").unwrap();
    let (pin, why) = code(&["apply", "-c", "rules.conf"]).await;
    assert!(pin == 3 && why.contains("--cert-path"), "{why}");
    let (_, least) = operator.json(&["permissions", "--json"]).await;
    assert!(least["bake_macaroon"].as_str().unwrap().contains("uri:/lnrpc.Lightning/"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_macaroon_is_warned_about_and_an_update_cut_off_is_finished_next_time() {
    let operator = Operator::new().await;
    std::fs::write(operator.path("small.macaroon"), operator.fake.admin_macaroon()).unwrap();
    operator.fake.fail(UPDATE, 2, Fault::CutBefore);
    let first = operator.run(&["apply", "-c", "rules.conf"]).await;
    let warned = String::from_utf8(first.stderr.clone()).unwrap();
    assert!(warned.contains("allows more than is needed"), "{warned}");
    let second = operator.run(&["apply", "-c", "rules.conf"]).await;
    assert_eq!(second.status.code(), Some(0), "{first:?} {second:?}");
    operator.fake.with(|node| {
        for index in 0..3 {
            assert_eq!(node.policy(chan_id(index)).fee_rate_milli_msat, 777);
        }
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn one_pass_of_the_daemon_does_what_apply_does_and_a_second_writer_is_refused() {
    let operator = Operator::new().await;
    let pass = operator.run(&["daemon", "-c", "rules.conf"]).await;
    assert_eq!(text(&pass), "3 channels, 3 changed\n", "{pass:?}");
    operator.rules("[default]\nstrategy = static\nbase_fee_msat = 0\nfee_ppm = 800\n");
    let pass = operator.run(&["daemon", "-c", "rules.conf"]).await;
    assert_eq!(text(&pass), "3 channels, 3 held back\n", "a moment later: {pass:?}");
    let words = ["daemon", "-c", "rules.conf", "--watch", "--interval", "60"];
    let mut running =
        operator.command(&words).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let mut said = std::io::BufReader::new(running.stderr.take().unwrap());
    // It holds the history from before its first pass until it ends.
    let first = tokio::task::spawn_blocking(move || {
        let mut line = String::new();
        std::io::BufRead::read_line(&mut said, &mut line).map(|_| line)
    });
    assert!(first.await.unwrap().unwrap().starts_with("3 channels"));
    let refused = operator.run(&["apply", "-c", "rules.conf", "--dry-run"]).await;
    let why = String::from_utf8(refused.stderr.clone()).unwrap();
    assert!(why.contains("another process uses the history"), "{why}");
    let busy = refused.status.code();
    running.kill().unwrap();
    running.wait().unwrap();
    assert_eq!(busy, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_of_an_update_the_next_run_finishes_and_nothing_stays_open() {
    for fault in [Fault::Hang, Fault::Slow(std::time::Duration::from_secs(600))] {
        for nth in [1, 2, 3] {
            let operator = Operator::new().await;
            operator.fake.fail(UPDATE, nth, fault);
            let mut running = operator.command(&["apply", "-c", "rules.conf"]).spawn().unwrap();
            while operator.fake.count(UPDATE) < nth as usize {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
            running.kill().unwrap();
            running.wait().unwrap();
            let (code, next) = operator.json(&["apply", "-c", "rules.conf", "--json"]).await;
            assert_eq!((code, &next["resolved"]), (0, &1.into()), "{fault:?} {nth}: {next}");
            let (_, status) = operator.json(&["status", "--json"]).await;
            assert_eq!(status["open_changes"], serde_json::json!([]));
            operator.fake.with(|node| {
                let fees = (0..3).map(|index| node.policy(chan_id(index)).fee_rate_milli_msat);
                assert_eq!(fees.collect::<Vec<_>>(), [777; 3]);
            });
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crontab_line_of_charge_lnd_changes_one_word() {
    let operator = Operator::new().await;
    let grpc = operator.fake.grpc();
    let line = [
        "charge-lnd",
        "--grpc",
        &grpc,
        "--tlscert",
        "tls.cert",
        "--macaroon",
        "small.macaroon",
        "-vv",
        "-c",
        "rules.conf",
    ];
    let checked = operator.run(&["charge-lnd", "--check", "-c", "rules.conf"]).await;
    assert_eq!((checked.status.code(), operator.fake.calls().len()), (Some(0), 0));
    let ran = operator.run(&line).await;
    assert_eq!((ran.status.code(), operator.fake.count(UPDATE)), (Some(0), 3), "{ran:?}");
    let missing = operator.run(&["charge-lnd", "-c", "none.conf"]).await;
    assert_eq!(missing.status.code(), Some(1));
}

//! The daemon as a service: signals, live reload, metrics, failed forwards, its unit file; and
//! `replay`, which reads what it wrote.
//!
//! Real processes; it must never wait for longer than something is to happen.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use clap::Parser;
use debal_fees_cli::{Args, Command as Words};
use debal_fees_history::{FeeHistory, ForwardRow, Policy, SampleRow};
use debal_fees_learn::DAY_S;
use debal_fees_learn::market::{Kind, Market};
use debal_fees_learn::span::Forward;
use debal_lnd_fake::proto::routerrpc::{
    FailureDetail, HtlcEvent, HtlcInfo, LinkFailEvent, htlc_event,
};
use debal_lnd_fake::{Fault, chan_id};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use support::{Operator, text};

const UPDATE: &str = "/lnrpc.Lightning/UpdateChannelPolicy";
/// Longer than anything that is waited for, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running daemon and what it says, line by line.
struct Daemon {
    child: Child,
    said: Receiver<String>,
}

impl Daemon {
    fn start(operator: &Operator, more: &[&str]) -> Self {
        let words = ["daemon", "-c", "rules.conf", "--watch", "--interval", "60"];
        let mut command = operator.command(&[&words, more].concat());
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (tell, said) = channel();
        std::thread::spawn(move || {
            lines.map_while(Result::ok).try_for_each(|line| tell.send(line))
        });
        Self { child, said }
    }

    /// Reads on until a line holds the words.
    async fn says(&self, words: &str) -> String {
        let mut before = Vec::new();
        loop {
            let line = tokio::task::block_in_place(|| self.said.recv_timeout(PATIENCE));
            let line = line.unwrap_or_else(|_| panic!("never said '{words}': {before:?}"));
            if line.contains(words) {
                return line;
            }
            before.push(line);
        }
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    /// Waits for its end; exit code and what it printed.
    async fn ended(mut self) -> (Option<i32>, String) {
        tokio::task::block_in_place(|| {
            let code = self.child.wait().unwrap().code();
            let mut text = String::new();
            self.child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
            (code, text)
        })
    }
}

async fn scrape(address: &str, request: &str) -> String {
    tokio::task::block_in_place(|| {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hangup_reads_the_rules_at_once_and_a_bad_file_keeps_the_old_ones() {
    let operator = Operator::new().await;
    let daemon = Daemon::start(&operator, &[]);
    daemon.says("3 channels, 3 changed").await;
    operator.rules("[default]\nstrategy = static\nfee_ppm 1\n");
    daemon.signal("HUP");
    let kept = daemon.says("the old rules stay in force").await;
    assert!(kept.contains("rules.conf:3"), "{kept}");
    daemon.says("3 channels").await;
    operator.rules("[default]\nstrategy = static\nfee_ppm = 800\n");
    daemon.signal("HUP");
    daemon.says("the rules of rules.conf are in force").await;
    // The pace of a daemon: they changed a moment ago.
    daemon.says("3 channels, 3 held back").await;
    daemon.signal("INT");
    assert_eq!(daemon.ended().await, (Some(0), "stopped\n".to_owned()));
    let status = text(&operator.run(&["status"]).await);
    assert!(status.contains("500 -> 777") && status.contains("open changes  0"), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_termination_ends_after_the_update_under_way_and_before_the_next() {
    let operator = Operator::new().await;
    operator.fake.fail(UPDATE, 2, Fault::Slow(Duration::from_millis(1_500)));
    let daemon = Daemon::start(&operator, &[]);
    while operator.fake.count(UPDATE) < 2 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    daemon.signal("TERM");
    let line = daemon.says("3 channels").await;
    assert!(line.contains("2 changed, 1 not reached"), "{line}");
    assert_eq!(daemon.ended().await, (Some(0), "stopped\n".to_owned()));
    assert_eq!(operator.fake.count(UPDATE), 2);
    let (_, status) = operator.json(&["status", "--json"]).await;
    assert_eq!(status["open_changes"], serde_json::json!([]));
    let next = text(&operator.run(&["apply", "-c", "rules.conf"]).await);
    assert!(next.ends_with("3 channels, 1 changed\n"), "{next}");
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_count_what_happened_and_show_no_secret() {
    let operator = Operator::new().await;
    let daemon = Daemon::start(&operator, &["--metrics", "0"]);
    let said = daemon.says("metrics at").await;
    let address = said.split("http://").nth(1).unwrap().trim_end_matches("/metrics").to_owned();
    assert!(address.starts_with("127.0.0.1:"), "loopback unless told otherwise: {said}");
    daemon.says("3 channels, 3 changed").await;
    let text = scrape(&address, "GET /metrics HTTP/1.1\r\n\r\n").await;
    for line in [
        "debal_fees_decisions_total 3",
        "debal_fees_changes_total{origin=\"rules\"} 3",
        "debal_fees_changes_total{origin=\"learning\"} 0",
        "debal_fees_refusals_total 0",
        "debal_fees_rollbacks_total 0",
        "debal_fees_budget_left 3",
        "debal_fees_node_reachable 1",
        "debal_fees_passes_total{end=\"done\"} 1",
    ] {
        assert!(text.contains(&format!("\n{line}\n")), "{line} is not in {text}");
    }
    assert!(text.contains("debal_fees_last_pass_age_seconds"), "{text}");
    let names = [chan_id(0).to_string(), "800000x".to_owned(), "02d27".to_owned()];
    assert!(names.iter().all(|name| !text.contains(name)), "{text}");
    assert!(scrape(&address, "GET / HTTP/1.1\r\n\r\n").await.starts_with("HTTP/1.1 404"));
    // A node that is gone shows.
    operator.fake.door(debal_lnd_fake::Wire::Grpc, debal_lnd_fake::Door::Refuse);
    daemon.signal("HUP");
    daemon.says("pass failed").await;
    let text = scrape(&address, "GET /metrics HTTP/1.1\r\n\r\n").await;
    assert!(text.contains("\ndebal_fees_node_reachable 0\n"), "{text}");
    daemon.signal("TERM");
    assert_eq!(daemon.ended().await.0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_forwards_reach_the_history_over_a_cut_and_a_kill() {
    let operator = Operator::new().await;
    let failure = |htlc_in: u64| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let info = HtlcInfo { incoming_amt_msat: 9, outgoing_amt_msat: 8, ..Default::default() };
        let failed = LinkFailEvent {
            info: Some(info),
            failure_detail: FailureDetail::InsufficientBalance.into(),
            ..Default::default()
        };
        HtlcEvent {
            incoming_channel_id: chan_id(0),
            outgoing_channel_id: chan_id(1),
            incoming_htlc_id: htlc_in,
            outgoing_htlc_id: 0,
            timestamp_ns: now.as_nanos() as u64 / 1_000_000_000 * 1_000_000_000 + htlc_in,
            event_type: htlc_event::EventType::Forward.into(),
            event: Some(htlc_event::Event::LinkFailEvent(failed)),
        }
    };
    operator.fake.with(|node| node.htlc_events = vec![failure(1), failure(2)]);
    operator.fake.fail("/routerrpc.Router/SubscribeHtlcEvents", 1, Fault::CutStream(2));
    let daemon = Daemon::start(&operator, &[]);
    daemon.says("failed forwards are listened to from now on").await;
    daemon.says("listening again in 1 s").await;
    daemon.says("failed forwards are listened to again").await;
    let failed = async || operator.json(&["status", "--json"]).await.1["failed"].clone();
    while failed().await["forwards_7d"] != 2 {}
    operator.fake.emit(failure(3));
    while failed().await["forwards_7d"] != 3 {}
    daemon.signal("KILL");
    assert_eq!(daemon.ended().await.0, None);
    let daemon = Daemon::start(&operator, &[]);
    let said = daemon.says("failed forwards are listened to again").await;
    assert!(said.contains("not known") || said.contains("nothing was missed"), "{said}");
    daemon.signal("TERM");
    assert_eq!(daemon.ended().await.0, Some(0));
    assert_eq!(failed().await["forwards_7d"], 3, "told again, counted once");
}

/// The words of the unit's command line, as systemd would split them.
fn unit_words() -> Vec<String> {
    let unit = include_str!("../../../../contrib/debal-fees.service");
    let line = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
    line.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn the_units_command_line_is_one_that_is_understood() {
    let words = unit_words();
    assert_eq!(words[..2], ["/usr/local/bin/debal", "fees"]);
    let args = Args::try_parse_from(
        std::iter::once("debal fees".to_owned()).chain(words[2..].iter().cloned()),
    );
    let args = args.unwrap();
    let Words::Daemon { access, watch, metrics, .. } = args.command else { panic!("{words:?}") };
    assert!(watch && metrics.is_some());
    assert!(access.memory.history.starts_with("${STATE_DIRECTORY}"));
    assert!(access.macaroon_path.unwrap().starts_with("${CREDENTIALS_DIRECTORY}"));
    // What a reload reads must not be a copy made at the start.
    assert!(args.common.config.unwrap().starts_with("/etc/debal-fees"));
}

#[test]
fn flags_are_understood_as_lnflow_users_type_them() {
    let typed = "debal fees apply --lnd-grpc-host h:1 --lnd-rest-url h:2 --lnd-dir d -c rules.conf";
    let args = Args::try_parse_from(typed.split(' ').skip(1)).unwrap();
    let Words::Apply { access, .. } = args.command else { panic!() };
    assert_eq!((access.grpc.as_deref(), access.rest.as_deref()), (Some("h:1"), Some("h:2")));
    assert_eq!(access.lnddir.unwrap(), std::path::Path::new("d"));
}

#[test]
fn the_unit_gives_no_right_that_is_not_needed() {
    let unit = include_str!("../../../../contrib/debal-fees.service");
    for line in [
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "DynamicUser=yes",
        "StateDirectory=debal-fees",
        "CapabilityBoundingSet=",
        "MemoryDenyWriteExecute=yes",
        "ExecReload=/bin/kill -HUP $MAINPID",
    ] {
        assert!(unit.lines().any(|found| found == line), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replay_compares_fees_and_says_how_thin_its_ground_is() {
    let operator = Operator::new().await;
    let none = operator.run(&["replay"]).await;
    assert_eq!(none.status.code(), Some(1));
    operator.run(&["apply", "-c", "rules.conf"]).await;
    let thin = operator.run(&["replay"]).await;
    assert_eq!(thin.status.code(), Some(0), "{thin:?}");
    let thin = text(&thin);
    assert!(thin.contains("warning: ") || thin.contains("Nothing to compare"), "{thin}");
    assert!(thin.lines().all(|line| line.chars().count() <= 80), "{thin}");
}

/// Sixty days of one channel at 100, 200 and 400 ppm in turn, five days each, written down as a
/// daemon does.
fn sixty_days(operator: &Operator) {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let start_s = now.as_secs() as i64 - 60 * DAY_S;
    let mut history = FeeHistory::open(&operator.path("debal-fees.db")).unwrap();
    let policy = |fee_ppm| Policy { fee_ppm, ..Policy::default() };
    history.first_seen(start_s, &[(chan_id(0), policy(100))]).unwrap();
    let fee_at = |day: i64| [100, 200, 400][(day / 5 % 3) as usize];
    let market = Market::draw(Kind::Elastic, 60, 4);
    market.play(100, |view| {
        let day = view.now_s / DAY_S;
        let at_s = start_s + view.now_s;
        let sent = view.forwards.iter().zip(0i64..).filter(|(f, _)| f.at_s / DAY_S == day - 1);
        let row = |(forward, number): (&Forward, i64)| ForwardRow {
            timestamp_ns: (start_s + forward.at_s) * 1_000_000_000 + number,
            channel_in: 7,
            channel_out: chan_id(0),
            in_msat: (forward.amount_msat + forward.fee_msat) as i64,
            out_msat: forward.amount_msat as i64,
            fee_msat: forward.fee_msat as i64,
        };
        let back = view.incoming.iter().zip(0i64..).filter(|(f, _)| f.0 / DAY_S == day - 1);
        let back = back.map(|((at_s, msat), number)| ForwardRow {
            timestamp_ns: (start_s + at_s) * 1_000_000_000 + number,
            channel_in: chan_id(0),
            channel_out: 7,
            in_msat: *msat as i64,
            out_msat: *msat as i64,
            fee_msat: 0,
        });
        history.add_forwards(&sent.map(row).chain(back).collect::<Vec<_>>()).unwrap();
        let outbound_msat = (view.ratio * view.capacity_msat as f64) as i64;
        let capacity_msat = view.capacity_msat as i64;
        let inbound_msat = capacity_msat - outbound_msat;
        let channel = chan_id(0);
        let sample =
            SampleRow { channel, at_s, capacity_msat, outbound_msat, inbound_msat, active: true };
        history.add_samples(&[sample]).unwrap();
        let (old, new) = (policy(fee_at(day - 1)), policy(fee_at(day)));
        if old != new && day < 60 {
            history.found_foreign(channel, at_s, (old, new), "digest").unwrap();
        }
        fee_at(day) as u32
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn replay_of_a_recorded_past_prefers_what_earned_more_and_reads_only() {
    let operator = Operator::new().await;
    sixty_days(&operator);
    let estimates = |value: &serde_json::Value| -> BTreeMap<String, i64> {
        let rows = value["estimates"].as_array().unwrap();
        let of = |row: &serde_json::Value| {
            let [low, high] = [0, 1].map(|at| row["interval_sat_per_day"][at].as_i64().unwrap());
            let mean = row["mean_sat_per_day"].as_i64().unwrap();
            assert!(low <= mean && mean <= high, "{row}");
            (row["fees"].as_str().unwrap().to_owned(), mean)
        };
        rows.iter().map(of).collect()
    };
    let (code, first) = operator.json(&["replay", "--json"]).await;
    assert_eq!(
        (code, &first["channels"], &first["channels_with_one_fee"]),
        (0, &1.into(), &0.into())
    );
    let found = estimates(&first);
    let best_fixed = found.iter().filter(|(name, _)| name.starts_with("fixed"));
    let best_fixed = best_fixed.map(|(_, mean)| *mean).max().unwrap();
    assert!(found["learned"] * 100 >= best_fixed * 98, "{found:?}");
    assert!(found["fixed 200"] > found["fixed 1600"], "{found:?}");
    // The rules join in once a node was seen, and their limits bind what is learned.
    let rules = ["replay", "-c", "rules.conf", "--json"];
    assert_eq!(operator.run(&rules).await.status.code(), Some(1), "no node was seen yet");
    operator.rules(
        "[default]\nstrategy = static\nfee_ppm = 200\nlearning_enabled = true\n\
         min_fee_ppm = 1500\nmax_fee_ppm = 1600\n",
    );
    let seen = operator.run(&["apply", "-c", "rules.conf", "--dry-run"]).await;
    assert_eq!((seen.status.code(), operator.fake.count(UPDATE)), (Some(0), 0));
    let (_, ruled) = operator.json(&rules).await;
    let ruled = estimates(&ruled);
    assert!((ruled["rules"] - ruled["fixed 200"]).abs() <= 1, "{ruled:?}");
    assert!(ruled["learned"] < ruled["fixed 200"], "bound to 1500 ppm and more: {ruled:?}");
    let shown = text(&operator.run(&["replay", "-c", "rules.conf"]).await);
    println!("{shown}");
    assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
    assert!(shown.contains("Nothing was applied"), "{shown}");
}

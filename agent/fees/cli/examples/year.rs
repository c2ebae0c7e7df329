//! Makes a year's history of a busy node and times what an operator and the daemon do with it.
//!
//! `cargo run --release -p debal-fees-cli --example year -- [channels] [forwards a day] [days]`.
//! Wall and CPU time are of the thread that does the work: on a shared machine the CPU time is the
//! figure. It must never be pointed at a history that somebody needs: it writes its own, in a
//! directory of its own.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use debal_fees_history::{
    ChangeState, Decided, FeeHistory, ForwardRow, Intent, Origin, Policy, RunEnd, SampleRow,
};
use debal_fees_learn::DAY_S;
use debal_lnd_fake::{Fake, PEERS, Sample, chan_id, channel_point, sample};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const CAPACITY_MSAT: i64 = 5_000_000_000;
const RULES: &str = "[default]\nstrategy = revenue_max\nfee_ppm = 200\nmin_fee_ppm = 50\n\
                     max_fee_ppm = 2000\nlearning_enabled = true\nenable_auto_rollback = true\n";

/// How much of everything.
#[derive(Clone, Copy)]
struct Size {
    channels: u64,
    per_day: u64,
    days: u64,
}

/// Numbers that scatter and are the same each time.
fn draw(number: u64, below: u64) -> u64 {
    let mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) % below
}

fn policy(fee_ppm: i64) -> Policy {
    Policy {
        base_fee_msat: 1_000,
        fee_ppm,
        time_lock_delta: 80,
        min_htlc_msat: 1_000,
        max_htlc_msat: 4_950_000_000,
        ..Policy::default()
    }
}

fn day_of_forwards(size: Size, day: u64, start_s: i64) -> Vec<ForwardRow> {
    let at_s =
        |number: u64| start_s + ((day * DAY_S as u64) + number * 86_400 / size.per_day) as i64;
    (0..size.per_day)
        .map(|number| {
            let id = day * size.per_day + number;
            let out = draw(id, size.channels);
            let back = (out + 1 + draw(id + 1, size.channels - 1)) % size.channels;
            let out_msat = 1_000_000 + draw(id + 2, 200_000_000) as i64;
            let fee_msat = 1_000 + out_msat * fee(out, day) / 1_000_000;
            ForwardRow {
                timestamp_ns: at_s(number) * 1_000_000_000 + number as i64,
                channel_in: chan_id(back),
                channel_out: chan_id(out),
                in_msat: out_msat + fee_msat,
                out_msat,
                fee_msat,
            }
        })
        .collect()
}

/// A channel's fee changes every third day.
fn fee(channel: u64, day: u64) -> i64 {
    100 + draw(channel * 1_000 + day / 3, 400) as i64
}

/// What a daemon would have written in a day: a decision a channel, balances as they move, a change
/// every third day.
fn day_of_work(history: &mut FeeHistory, size: Size, day: u64, start_s: i64) {
    let now_s = start_s + (day * DAY_S as u64) as i64;
    let run = history.begin_run(now_s, "digest", false).unwrap();
    let inputs_json = format!("{{\"channel\":\"{}\"}}", "x".repeat(1_500));
    let decided = |channel| Decided {
        channel: chan_id(channel),
        section: Some("default".to_owned()),
        strategy: Some("revenue_max".to_owned()),
        inputs_json: inputs_json.clone(),
        reason_json: "{\"notes\":[\"learned\"]}".to_owned(),
    };
    let decisions: Vec<Decided> = (0..size.channels).map(decided).collect();
    history.keep_decisions(run, &decisions).unwrap();
    let moves = 20u64;
    let sample = |channel: u64, step: u64| {
        let outbound_msat = draw(channel * 7_919 + day * moves + step, 5_000_000_000) as i64;
        SampleRow {
            channel: chan_id(channel),
            at_s: now_s + (step * 86_400 / moves) as i64,
            capacity_msat: CAPACITY_MSAT,
            outbound_msat,
            inbound_msat: CAPACITY_MSAT - outbound_msat,
            active: true,
        }
    };
    let samples = (0..size.channels).flat_map(|c| (0..moves).map(move |step| (c, step)));
    let samples: Vec<SampleRow> = samples.map(|(c, step)| sample(c, step)).collect();
    history.add_samples(&samples).unwrap();
    for channel in (0..size.channels).filter(|_| day > 0 && day.is_multiple_of(3)) {
        let intent = Intent {
            run: Some(run),
            channel: chan_id(channel),
            origin: Origin::Learning,
            at_s: now_s,
            reason: Some("default"),
            undoes: None,
            rules_digest: "digest",
            old: policy(fee(channel, day - 1)),
            new: policy(fee(channel, day)),
        };
        let change = history.decide(&intent).unwrap();
        history.ended(change, ChangeState::Confirmed, now_s, None).unwrap();
    }
    history.end_run(run, now_s, RunEnd::Finished).unwrap();
}

fn make(path: &Path, size: Size, start_s: i64) {
    let mut history = FeeHistory::open(path).unwrap();
    let first: Vec<(u64, Policy)> =
        (0..size.channels).map(|channel| (chan_id(channel), policy(fee(channel, 0)))).collect();
    history.first_seen(start_s, &first).unwrap();
    for day in 0..size.days {
        history.add_forwards(&day_of_forwards(size, day, start_s)).unwrap();
        day_of_work(&mut history, size, day, start_s);
    }
}

/// The same channels at a scripted node, at the fees of the last day.
async fn node(size: Size) -> Fake {
    let mut node = sample(&Sample { forwards: 0, ..Sample::default() });
    let pattern = node.channels.swap_remove(0);
    node.channels = (0..size.channels)
        .map(|number| {
            let mut open = pattern.clone();
            open.channel.chan_id = chan_id(number);
            open.channel.channel_point = channel_point(number);
            open.channel.remote_pubkey = PEERS[(number % 2) as usize].to_owned();
            open.ours.as_mut().unwrap().fee_rate_milli_msat = fee(number, size.days - 1);
            open
        })
        .collect();
    Fake::start(node).await
}

/// CPU time of this thread.
fn cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let first = text.split_whitespace().next().and_then(|word| word.parse().ok());
    Duration::from_nanos(first.unwrap_or(0))
}

fn time(what: &str, words: &[String]) {
    let (wall, cpu_before) = (Instant::now(), cpu());
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let code = debal_fees_cli::run(words, &mut out, &mut err);
    let (wall, used) = (wall.elapsed(), cpu().saturating_sub(cpu_before));
    let said = String::from_utf8_lossy(&out);
    println!(
        "{what:<16} wall {:>7.1} ms  CPU {:>7.1} ms  exit {code}  {:>8} bytes  {}{}",
        wall.as_secs_f64() * 1e3,
        used.as_secs_f64() * 1e3,
        out.len(),
        said.lines().next().unwrap_or_default().chars().take(60).collect::<String>(),
        String::from_utf8_lossy(&err).lines().next().unwrap_or_default(),
    );
}

fn main() {
    let mut given = std::env::args().skip(1).filter_map(|word| word.parse().ok());
    let mut next = |usual| given.next().unwrap_or(usual);
    let size = Size { channels: next(100).max(2), per_day: next(1_000).max(1), days: next(365) };
    let directory = std::env::temp_dir().join(format!("debal-year-{}", std::process::id()));
    std::fs::create_dir(&directory).unwrap();
    let path = |name: &str| directory.join(name).display().to_string();
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
    let began = Instant::now();
    make(path("fees.db").as_ref(), size, now_s - (size.days * DAY_S as u64) as i64);
    let bytes = std::fs::metadata(path("fees.db")).unwrap().len();
    println!(
        "{} channels, {} forwards a day, {} days: {} MiB in {:.0} s\n",
        size.channels,
        size.per_day,
        size.days,
        bytes >> 20,
        began.elapsed().as_secs_f64()
    );
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let fake = runtime.block_on(node(size));
    std::fs::write(path("rules.conf"), RULES).unwrap();
    std::fs::write(path("tls.cert"), fake.certificate_pem()).unwrap();
    std::fs::write(path("small.macaroon"), fake.least_macaroon()).unwrap();
    let (history, rules) = (path("fees.db"), path("rules.conf"));
    let (certificate, macaroon, grpc) = (path("tls.cert"), path("small.macaroon"), fake.grpc());
    let (csv, days) = (path("out.csv"), size.days.to_string());
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let report = |rest: &[&str]| {
        words(&[&["report", "--history", &history, "--days", &days], rest].concat())
    };
    time("status", &words(&["status", "--history", &history]));
    time("report table", &report(&[]));
    time("report json", &report(&["--format", "json"]));
    time("report csv", &report(&["--output", &csv]));
    let daemon = [
        "daemon",
        "-c",
        &rules,
        "--history",
        &history,
        "--grpc",
        &grpc,
        "--cert-path",
        &certificate,
        "--macaroon-path",
        &macaroon,
    ];
    time("first pass", &words(&daemon));
    time("daemon tick", &words(&daemon));
    time("replay", &words(&["replay", "--history", &history, "-c", &rules]));
    std::fs::remove_dir_all(&directory).unwrap();
}

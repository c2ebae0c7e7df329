//! Failed forwards from the node's stream into the history and into the rules.
//!
//! Time is given, not read; the only waits are for the node.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use debal_fees::{Options, Rules};
use debal_fees_history::FeeHistory;
use debal_fees_learn::span::Span;
use debal_fees_manager::{Heard, Listener, LndNode, Manager, Outcome, Pace, listen};
use debal_lnd::{Certificate, Config, Lnd, Macaroon, Prefer};
use debal_lnd_fake::proto::routerrpc::{
    FailureDetail, HtlcEvent, HtlcInfo, LinkFailEvent, htlc_event,
};
use debal_lnd_fake::{Fake, Fault, Sample, chan_id, sample};
use std::time::Duration;
use tokio::sync::mpsc;

const SUBSCRIBE: &str = "/routerrpc.Router/SubscribeHtlcEvents";
const NOW_S: i64 = 1_720_000_000;
const QUICK: Duration = Duration::from_millis(5);

fn failure(htlc_in: u64, kind: htlc_event::EventType) -> HtlcEvent {
    let info = HtlcInfo {
        incoming_timelock: 850_120,
        outgoing_timelock: 850_040,
        incoming_amt_msat: 9_030_000,
        outgoing_amt_msat: 9_000_000,
    };
    let failed = LinkFailEvent {
        info: Some(info),
        wire_failure: 15,
        failure_detail: FailureDetail::InsufficientBalance.into(),
        failure_string: "no".into(),
    };
    HtlcEvent {
        incoming_channel_id: chan_id(0),
        outgoing_channel_id: chan_id(1),
        incoming_htlc_id: htlc_in,
        timestamp_ns: NOW_S.unsigned_abs() * 1_000_000_000 - htlc_in,
        event_type: kind.into(),
        event: Some(htlc_event::Event::LinkFailEvent(failed)),
        ..Default::default()
    }
}

async fn node(fake: &Fake) -> LndNode {
    let certificate = Certificate::from_pem(fake.certificate_pem().as_bytes()).unwrap();
    let macaroon = Macaroon::from_bytes(fake.least_macaroon()).unwrap();
    let config = Config::new(certificate, macaroon, Prefer::Grpc);
    let config = Config { grpc: Some(fake.grpc().parse().unwrap()), ..config };
    LndNode::connect(Lnd::new(config).unwrap(), false).await.unwrap()
}

#[tokio::test]
async fn a_failed_forward_told_on_two_streams_counts_once_and_decides() {
    let fake = Fake::start(sample(&Sample::default())).await;
    fake.with(|node| {
        node.htlc_events = (1..=6).map(|n| failure(n, htlc_event::EventType::Forward)).collect();
        // A payment of our own is no forward.
        node.htlc_events.push(failure(99, htlc_event::EventType::Send));
    });
    fake.fail(SUBSCRIBE, 1, Fault::CutStream(4));
    let node = node(&fake).await;
    let directory = tempfile::tempdir().unwrap();
    let history = FeeHistory::open(&directory.path().join("fees.db")).unwrap();
    let mut manager = Manager::new(&node, history, Pace::MANUAL);
    let (tell, mut heard) = mpsc::channel(100);
    let (pass_on, queue) = mpsc::channel(100);
    let mut listener = Listener::new(queue);
    // Greeting and three, cut; greeting and all six again.
    let hear = async {
        let mut count = 0;
        while let Some(one) = heard.recv().await {
            count += 1;
            pass_on.send(one).await.unwrap();
            if count == 12 {
                return;
            }
        }
    };
    tokio::select! {
        () = listen(&node, tell, QUICK) => panic!("it listens for ever"),
        () = hear => {}
    }
    let said = listener.take(&mut manager, NOW_S, false).unwrap();
    assert!(said[0].contains("from now on"), "{said:?}");
    assert!(said[1].contains("not heard now") && said[1].contains("again in 0 s"), "{said:?}");
    assert!(said[2].contains("nothing was missed"), "{said:?}");
    assert_eq!((said.len(), listener.taken(), listener.is_open()), (3, 6, true));
    let kept = manager.history().failed_since(0).unwrap();
    assert_eq!((kept.len(), kept[0].channel_out), (6, chan_id(1)));
    assert_eq!((kept[0].amount_msat, kept[0].offered_msat), (9_000_000, 30_000));
    assert_eq!(kept[0].reason, "INSUFFICIENT_BALANCE");
    let rules = "[lost]\nfailed.1d.min = 6\nmissed.1d.min = 54k sat\nstrategy = static\n\
                 fee_ppm = 900\n[default]\nstrategy = ignore\n";
    let mut no_files = |name: &str| Err(format!("no file {name}"));
    let rules = Rules::compile(rules, "rules", &mut no_files, Options::default()).unwrap();
    let applied = manager.apply(&rules, "digest", true, NOW_S + 1).await.unwrap();
    let outcomes: Vec<&Outcome> = applied.channels.iter().map(|c| &c.outcome).collect();
    assert_eq!(outcomes, [&Outcome::Unchanged, &Outcome::WouldChange, &Outcome::Unchanged]);
}

#[tokio::test]
async fn what_nobody_heard_is_said_when_the_stream_is_back() {
    let fake = Fake::start(sample(&Sample::default())).await;
    let node = node(&fake).await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("fees.db");
    let mut manager = Manager::new(&node, FeeHistory::open(&path).unwrap(), Pace::MANUAL);
    let (tell, queue) = mpsc::channel(100);
    let mut listener = Listener::new(queue);
    tell.send(Heard::Open).await.unwrap();
    listener.take(&mut manager, NOW_S, true).unwrap();
    listener.take(&mut manager, NOW_S + 600, true).unwrap();
    drop((manager, listener));
    // Killed; started again two hours later.
    let mut manager = Manager::new(&node, FeeHistory::open(&path).unwrap(), Pace::MANUAL);
    let (tell, queue) = mpsc::channel(100);
    let mut listener = Listener::new(queue);
    tell.send(Heard::Open).await.unwrap();
    let said = listener.take(&mut manager, NOW_S + 600 + 7_230, true).unwrap();
    assert!(said[0].contains("in 120 min 30 s without the stream is not known"), "{said:?}");
    let lost = Heard::Lost { why: "it has none".to_owned(), again: None };
    tell.send(lost).await.unwrap();
    let said = listener.take(&mut manager, NOW_S + 9_000, true).unwrap();
    assert!(said[0].contains("what the history holds") && !listener.is_open(), "{said:?}");
    let heard = manager.history().watched_since(0).unwrap();
    let span = |from_s, to_s| Span { from_s, to_s };
    assert_eq!(heard, [span(NOW_S, NOW_S + 600), span(NOW_S + 7_830, NOW_S + 9_000)]);
}

//! Rules applied to a scripted node over real gRPC: what is sent, what is written down, what is
//! resolved after a loss, what is taken back.
//!
//! Time is given, not read; the only waits are for the node.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use debal_fees::{Needs, Options, Rules};
use debal_fees_history::{ChangeState, FeeHistory, Intent, Origin, Policy};
use debal_fees_learn::span::Span;
use debal_fees_manager::{Applied, LndNode, Manager, Outcome, Pace};
use debal_lnd::{Certificate, Config, Lnd, Macaroon, Prefer};
use debal_lnd_fake::{Fake, Fault, Sample, Wallet, chan_id, sample};

const UPDATE: &str = "/lnrpc.Lightning/UpdateChannelPolicy";
const NOW_S: i64 = 1_720_000_000;
const RULES: &str = "[default]\nstrategy = static\nbase_fee_msat = 0\nfee_ppm = 777\n";

struct World {
    fake: Fake,
    node: LndNode,
    directory: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let fake = Fake::start(sample(&Sample::default())).await;
        let certificate = Certificate::from_pem(fake.certificate_pem().as_bytes()).unwrap();
        let macaroon = Macaroon::from_bytes(fake.least_macaroon()).unwrap();
        let config = Config::new(certificate, macaroon, Prefer::Grpc);
        let config = Config { grpc: Some(fake.grpc().parse().unwrap()), ..config };
        let node = LndNode::connect(Lnd::new(config).unwrap(), false).await.unwrap();
        Self { fake, node, directory: tempfile::tempdir().unwrap() }
    }

    fn history(&self) -> FeeHistory {
        FeeHistory::open(&self.directory.path().join("fees.db")).unwrap()
    }

    fn manager(&self) -> Manager<'_> {
        Manager::new(&self.node, self.history(), Pace::MANUAL)
    }

    async fn apply(&self, rules: &str, dry_run: bool, now_s: i64) -> Applied {
        let rules = compiled(rules);
        self.manager().apply(&rules, "digest", dry_run, now_s).await.unwrap()
    }

    fn updates(&self) -> usize {
        self.fake.count(UPDATE)
    }
}

fn compiled(text: &str) -> Rules {
    let mut no_files = |name: &str| Err(format!("no file {name}"));
    Rules::compile(text, "rules", &mut no_files, Options::default()).unwrap()
}

fn outcomes(applied: &Applied) -> Vec<Outcome> {
    applied.channels.iter().map(|channel| channel.outcome.clone()).collect()
}

#[tokio::test]
async fn a_second_pass_sends_nothing_and_everything_is_written_down() {
    let world = World::new().await;
    let dry = world.apply(RULES, true, NOW_S).await;
    assert_eq!((outcomes(&dry), world.updates()), (vec![Outcome::WouldChange; 3], 0));
    let first = world.apply(RULES, false, NOW_S).await;
    assert_eq!((outcomes(&first), world.updates()), (vec![Outcome::Changed; 3], 3));
    assert!(first.is_complete() && first.foreign.is_empty());
    let second = world.apply(RULES, false, NOW_S + 60).await;
    assert_eq!((outcomes(&second), world.updates()), (vec![Outcome::Unchanged; 3], 3));
    let history = world.history();
    let change = &history.confirmed(chan_id(0), 5).unwrap()[0];
    assert_eq!(
        (change.origin, change.new.fee_ppm, change.old.fee_ppm != 777),
        (Origin::Rules, 777, true)
    );
    assert_eq!(history.reigns(chan_id(0), NOW_S + 60).unwrap()[0].fee_ppm, 777);
    assert_eq!(history.forwards_since(0).unwrap().len(), 3);
    let kept = history.newest_decision(chan_id(0)).unwrap().unwrap();
    assert_eq!(kept.section.as_deref(), Some("default"));
    assert!(kept.inputs_json.contains("local_balance") && kept.reason_json.contains("default"));
}

#[tokio::test]
async fn a_lost_answer_is_resolved_by_reading_back_and_never_sent_twice() {
    let world = World::new().await;
    world.fake.fail(UPDATE, 1, Fault::CutAfter);
    world.fake.fail(UPDATE, 2, Fault::CutBefore);
    let applied = world.apply(RULES, false, NOW_S).await;
    assert_eq!(applied.channels[0].outcome, Outcome::Changed, "{applied:?}");
    assert_ne!(applied.channels[1].outcome, Outcome::Changed, "{applied:?}");
    assert_eq!(world.history().open_changes().unwrap(), []);
    let again = world.apply(RULES, false, NOW_S + 60).await;
    assert!(again.is_complete(), "{again:?}");
}

#[tokio::test]
async fn a_refusal_of_one_channel_does_not_end_the_run() {
    let world = World::new().await;
    // The private channel cannot carry that much.
    let rules = format!("{RULES}max_htlc_msat = 1\nmin_htlc_msat = 5000\n");
    let refused = world.apply(&rules, false, NOW_S).await;
    assert!(
        refused.channels.iter().all(|c| matches!(c.outcome, Outcome::Refused(_))),
        "{refused:?}"
    );
    assert!(refused.stopped.is_none() && !refused.is_complete());
    assert_eq!(world.history().confirmed(chan_id(0), 1).unwrap(), []);
    assert!(world.apply(RULES, false, NOW_S + 60).await.is_complete());
}

#[tokio::test]
async fn a_node_that_goes_away_ends_the_run_and_the_next_one_finishes_it() {
    let world = World::new().await;
    let rules = compiled(RULES);
    world.fake.with(|node| node.wallet = Wallet::Locked);
    assert!(world.manager().apply(&rules, "digest", false, NOW_S).await.is_err());
    world.fake.with(|node| node.wallet = Wallet::Ready);
    assert!(world.apply(RULES, false, NOW_S + 60).await.is_complete());
}

#[tokio::test]
async fn what_a_crash_left_open_is_asked_about_before_anything_is_sent() {
    let world = World::new().await;
    let state = world.manager().snapshot(NOW_S, &Needs::everything()).await.unwrap();
    let policy = |index: usize| debal_fees_manager::recorded(&state.channels[index].local_policy);
    let open = |index: usize, new: Policy| {
        let history = world.history();
        let intent = Intent {
            run: None,
            channel: state.channels[index].chan_id,
            origin: Origin::Rules,
            at_s: NOW_S,
            reason: None,
            undoes: None,
            rules_digest: "digest",
            old: policy(index),
            new,
        };
        let change = history.decide(&intent).unwrap();
        history.sent(change).unwrap();
        change
    };
    // The first never reached the node; the second is what the node already has.
    let lost = open(0, Policy { fee_ppm: 5, ..policy(0) });
    let kept = open(1, policy(1));
    let applied = world.apply(RULES, false, NOW_S + 60).await;
    assert_eq!((applied.resolved, applied.is_complete()), (2, true));
    let history = world.history();
    assert_eq!(history.open_changes().unwrap(), []);
    let confirmed = |channel| history.confirmed(channel, 9).unwrap();
    assert!(confirmed(chan_id(0)).iter().all(|change| change.id != lost));
    assert!(confirmed(chan_id(1)).iter().any(|change| change.id == kept));
}

#[tokio::test]
async fn somebody_elses_change_is_noticed_and_a_rollback_restores_the_whole_policy_once() {
    let world = World::new().await;
    let before = world.manager().snapshot(NOW_S, &Needs::everything()).await.unwrap();
    let old = debal_fees_manager::recorded(&before.channels[0].local_policy);
    let rules = "[default]\nstrategy = static\nbase_fee_msat = 3\nfee_ppm = 900\n\
                 inbound_fee_ppm = -40\ntime_lock_delta = 99\nmin_htlc_msat = 2000\n";
    assert!(world.apply(rules, false, NOW_S).await.is_complete());
    let change = world.history().confirmed(chan_id(0), 1).unwrap().remove(0);
    assert_eq!((change.old, change.new.time_lock_delta), (old, 99));
    let point = before.channels[0].channel_point.clone();
    let undone = world.manager().undo(&change, &point, "revenue fell", NOW_S + 60).await.unwrap();
    assert_eq!(undone.outcome, Outcome::Changed);
    let after = world.manager().snapshot(NOW_S + 61, &Needs::everything()).await.unwrap();
    assert_eq!(debal_fees_manager::recorded(&after.channels[0].local_policy), old);
    let history = world.history();
    assert!(history.is_undone(change.id).unwrap());
    assert_eq!(history.confirmed(chan_id(0), 1).unwrap()[0].origin, Origin::Rollback);
    // The same rules do not make the same change again at once; other rules may.
    let held = world.apply(rules, false, NOW_S + 65).await;
    assert!(matches!(held.channels[0].outcome, Outcome::HeldBack(_)), "{held:?}");
    // An operator changes the fee by hand: the next run says so.
    let keep = "[all]\nchan.min_capacity = 0\nstrategy = ignore\n";
    assert_eq!(world.apply(keep, false, NOW_S + 70).await.foreign, Vec::<u64>::new());
    let by_hand = debal_fees::PolicyUpdate {
        base_fee_msat: 0,
        fee_ppm: 55,
        inbound_base_fee_msat: 0,
        inbound_fee_ppm: 0,
        time_lock_delta: 80,
        min_htlc_msat: None,
        max_htlc_msat: 0,
    };
    let target = debal_fees_manager::Target { chan_id: chan_id(0), point: &point };
    debal_fees_manager::FeeNode::update(&world.node, target, &by_hand).await.unwrap();
    let applied = world.apply(keep, false, NOW_S + 80).await;
    assert_eq!(applied.foreign, [chan_id(0)]);
    assert_eq!(world.history().confirmed(chan_id(0), 1).unwrap()[0].state, ChangeState::Confirmed);
}

#[tokio::test]
async fn a_daemon_changes_a_channel_no_oftener_than_its_pace() {
    let world = World::new().await;
    let pace = Pace { cool_down_s: 100, per_day: 2, hold_off_s: 0 };
    let fee = |ppm: u32| compiled(&format!("[default]\nstrategy = static\nfee_ppm = {ppm}\n"));
    let run = async |ppm: u32, now_s: i64| {
        let mut manager = Manager::new(&world.node, world.history(), pace);
        manager.apply(&fee(ppm), "digest", false, now_s).await.unwrap().channels[0].outcome.clone()
    };
    assert_eq!(run(600, NOW_S).await, Outcome::Changed);
    assert!(matches!(run(700, NOW_S + 50).await, Outcome::HeldBack(_)));
    assert_eq!(run(700, NOW_S + 100).await, Outcome::Changed);
    assert!(matches!(run(800, NOW_S + 1_000).await, Outcome::HeldBack(_)), "twice a day");
    assert_eq!(run(800, NOW_S + 86_500).await, Outcome::Changed);
}

#[tokio::test]
async fn the_node_is_asked_exactly_what_the_rules_look_at() {
    let world = World::new().await;
    // Names without their service, each with how often it was called.
    let calls = async |rules: &str, dry_run: bool| {
        world.fake.forget_calls();
        world.apply(rules, dry_run, NOW_S).await;
        let mut counts = std::collections::BTreeMap::<String, usize>::new();
        for call in world.fake.calls() {
            let name = call.method.rsplit('/').next().unwrap().to_owned();
            *counts.entry(name).or_default() += 1;
        }
        let shown = counts.iter().map(|(name, count)| format!("{name} {count}"));
        shown.collect::<Vec<_>>().join(", ")
    };
    // Three channels with two peers. The first four are what every run needs.
    let base = "FeeReport 1, GetChanInfo 3, GetInfo 1, ListChannels 1";
    assert_eq!(calls(RULES, true).await, base);
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples");
    let example = |name: &str| std::fs::read_to_string(format!("{examples}/{name}")).unwrap();
    let history = "FeeReport 1, ForwardingHistory 2, GetChanInfo 3, GetInfo 1";
    let paged = |extra: &str| format!("{history}{extra}, ListChannels 1");
    let starter = calls(&example("starter.conf"), true).await;
    assert_eq!(starter, paged(""));
    let charge = calls(&example("charge-lnd.conf"), true).await;
    assert_eq!(charge, paged(", GetNodeInfo 2"));
    let advanced = calls(&example("advanced.conf"), true).await;
    assert_eq!(advanced, paged(", GetNodeInfo 2, GetTransactions 1"));
    let fee = "[default]\nstrategy = onchain_fee\nonchain_fee_numblocks = 12\n";
    assert_eq!(calls(fee, true).await, format!("EstimateFee 1, {base}"));
    let sent = calls(RULES, false).await;
    assert_eq!(sent, paged("") + ", UpdateChannelPolicy 3");
}

#[tokio::test]
async fn a_pass_in_which_nothing_happened_leaves_next_to_nothing_behind() {
    let world = World::new().await;
    let kept = || {
        let history = world.history();
        let span = Span { from_s: 0, to_s: i64::MAX / 2_000_000_000 };
        let samples = history.samples(chan_id(0), span).unwrap().len();
        (samples, history.decided_last(chan_id(0)).unwrap().unwrap().2 - NOW_S)
    };
    world.apply(RULES, false, NOW_S).await;
    assert_eq!(kept(), (1, 0));
    for minutes in 1..5 {
        world.apply(RULES, false, NOW_S + minutes * 600).await;
        assert_eq!(kept(), (1, 0), "the same balance, the same decision");
    }
    world.fake.with(|node| node.channels[0].channel.local_balance -= 1_000);
    world.apply(RULES, false, NOW_S + 4_000).await;
    assert_eq!(kept(), (2, 0), "a balance that moved");
    world.apply(RULES, false, NOW_S + 86_400).await;
    assert_eq!(kept(), (2, 86_400), "once a day");
    let other = RULES.replace("static", "ignore");
    world.apply(&other, false, NOW_S + 86_401).await;
    assert_eq!(kept(), (2, 86_401), "another strategy");
    let state = world.history().newest_state().unwrap().unwrap();
    let state = debal_fees::NodeState::from_json(&state).unwrap();
    assert_eq!((state.channels.len(), state.node.forwards.len()), (3, 0));
}

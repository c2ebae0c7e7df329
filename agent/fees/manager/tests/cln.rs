//! Rules applied to a scripted Core Lightning node over its socket: what is read, what is sent,
//! what is left out because the node does not have it, what is resolved after a loss.
//!
//! Time is given, not read; the only waits are for the node.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use debal_cln::{Cln, Limits};
use debal_cln_fake::{Door, Fake, Fault, PEERS, chan_id, sample};
use debal_fees::state::{Lack, NodeState};
use debal_fees::{Needs, Options, Rules, Severity, lint};
use debal_fees_history::{FeeHistory, Origin};
use debal_fees_manager::{Applied, ClnNode, FeeNode, Manager, ManagerError, Outcome, Pace};
use std::time::Duration;

const NOW_S: i64 = 1_720_000_000;
const RULES: &str = "[default]\nstrategy = static\nbase_fee_msat = 0\nfee_ppm = 777\n";

struct World {
    fake: Fake,
    node: ClnNode,
    directory: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let fake = Fake::start(sample());
        let second = Duration::from_secs(1);
        let cln = Cln::new(fake.socket(), Limits { connect: second, answer: second });
        let node = ClnNode::connect(cln).await.unwrap();
        fake.forget_calls();
        Self { fake, node, directory: tempfile::tempdir().unwrap() }
    }

    fn manager(&self) -> Manager<'_> {
        let history = FeeHistory::open(&self.directory.path().join("fees.db")).unwrap();
        Manager::new(&self.node, history, Pace::MANUAL)
    }

    async fn try_apply(&self, rules: &str, now_s: i64) -> Result<Applied, ManagerError> {
        self.manager().apply(&compiled(rules), "digest", false, now_s).await
    }

    async fn apply(&self, rules: &str, now_s: i64) -> Applied {
        self.try_apply(rules, now_s).await.unwrap()
    }

    fn rates(&self) -> Vec<u64> {
        self.fake.with(|node| node.channels.iter().map(|channel| channel.ppm).collect())
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
async fn a_state_from_msat_holds_what_rules_count_in_sat() {
    let world = World::new().await;
    world.fake.with(|node| {
        node.channel(0).htlcs = vec![
            serde_json::json!({"direction": "out", "amount_msat": 7_000_000, "expiry": 850_010}),
            serde_json::json!({"direction": "in", "amount_msat": 1_000_999, "expiry": 850_020}),
        ];
        node.forwards.get_mut(&3).unwrap()["status"] = "failed".into();
    });
    let needs = Needs::everything();
    let state = world.manager().snapshot(NOW_S, &needs).await.unwrap();
    let funds = &state.channels[0].funds;
    // 400,000.5 sat of ours with 7,000 under way; of the peer's 599,999.5, 1,000.999 are.
    assert_eq!(
        (funds.capacity, funds.local_balance, funds.remote_balance),
        (1_000_000, 393_000, 598_998)
    );
    assert_eq!((funds.commit_fee, funds.pending_htlcs[1].amount_sat), (0, 1_000));
    assert_eq!(state.channels[0].local_policy.time_lock_delta, 34);
    assert!(!state.channels[2].active && state.channels[1].private);
    assert!(state.channels[2].remote_policy.as_ref().unwrap().disabled);
    assert_eq!(state.node.fee_estimates_sat_per_kw[&2], 5_000);
    let peer = &state.node.peers[PEERS[0]];
    assert_eq!(
        (peer.alias.as_str(), peer.num_channels, peer.total_capacity),
        ("SHOP", 2, 4_000_000)
    );
    let alternatives = peer.alternatives.as_ref().unwrap();
    assert_eq!((alternatives.len(), alternatives[0].fee_ppm), (1, 60), "not our own");
    assert_eq!((state.node.forwards.len(), state.node.failed_forwards.len()), (2, 1));
    assert_eq!(
        (state.node.forwards[0].amt_out_sat, state.node.forwards[0].fee_msat),
        (50_000, Some(51_000))
    );
    let opening = &state.node.transactions[0];
    assert_eq!((opening.block_height, opening.total_fees_sat), (800_000, 1_500));
    assert!(state.node.lacks.contains(&Lack::Switch));
    // What is written is read again, and decides the same.
    let read = NodeState::from_json(&serde_json::to_string(&state).unwrap()).unwrap();
    for rules in [RULES, "[default]\nstrategy = cost\ncost_factor = 2\n"] {
        let decided = |state| debal_fees::evaluate(&compiled(rules), state).decisions;
        let sent = |state| decided(state).into_iter().map(|d| d.update).collect::<Vec<_>>();
        assert_eq!(sent(&read), sent(&state));
    }
    let cost = debal_fees::evaluate(&compiled("[default]\nstrategy = cost\n"), &state);
    assert_eq!(cost.decisions[0].update.as_ref().unwrap().fee_ppm, 1_500);
}

#[tokio::test]
async fn the_node_is_asked_exactly_what_the_rules_look_at() {
    let world = World::new().await;
    let calls = async |rules: &str, dry_run: bool| {
        world.fake.forget_calls();
        let rules = compiled(rules);
        world.manager().apply(&rules, "digest", dry_run, NOW_S).await.unwrap();
        let mut calls = world.fake.calls();
        calls.retain(|call| call != "setchannel");
        calls
    };
    assert_eq!(calls(RULES, true).await, ["getinfo", "listpeerchannels"]);
    assert_eq!(calls(RULES, false).await[..2], ["getinfo", "listpeerchannels"]);
    let node = "[a]\nnode.min_channels = 1\nstrategy = ignore\n";
    let both = ["listnodes", "listchannels"];
    let wanted = [&["getinfo", "listpeerchannels"][..], &both, &both].concat();
    assert_eq!(calls(node, true).await, wanted, "two peers, three channels");
    let fee = "[default]\nstrategy = onchain_fee\nonchain_fee_numblocks = 12\n";
    assert_eq!(calls(fee, true).await, ["getinfo", "listpeerchannels", "feerates"]);
    let cost = "[default]\nstrategy = cost\n";
    assert_eq!(calls(cost, true).await, ["getinfo", "listpeerchannels", "bkpr-listincome"]);
}

#[tokio::test]
async fn what_the_node_does_not_have_is_left_out_and_told_and_the_rest_is_applied() {
    let world = World::new().await;
    let text = format!("{RULES}inbound_fee_ppm = -40\ntime_lock_delta = 99\n");
    let applied = world.apply(&text, NOW_S).await;
    assert_eq!((outcomes(&applied), world.rates()), (vec![Outcome::Changed; 3], vec![777; 3]));
    assert_eq!(applied.channels[0].unsupported.len(), 2, "{applied:?}");
    let again = world.apply(&text, NOW_S + 60).await;
    assert_eq!(outcomes(&again), [const { Outcome::Unchanged }; 3]);
    assert_eq!((again.channels[0].unsupported.len(), again.foreign.len()), (2, 0));
    let off = "[a]\nchan.private = yes\nstrategy = disable\n[default]\nstrategy = ignore\n";
    let applied = world.apply(off, NOW_S + 90).await;
    let Outcome::Error(why) = &applied.channels[1].outcome else { panic!("{applied:?}") };
    assert!(why.contains("this node cannot switch a channel off"), "{why}");
    let state = world.manager().snapshot(NOW_S, &Needs::default()).await.unwrap();
    let mut none = |name: &str| Err(format!("no file {name}"));
    let found = lint(&text, "rules", &mut none, Options::default(), Some(&state.node));
    assert!(found.iter().all(|finding| finding.severity == Severity::Warning), "{found:?}");
    assert_eq!(found.len(), 2);
}

#[tokio::test]
async fn a_limit_that_the_node_moved_is_told_and_not_taken_for_somebody_elses_change() {
    let world = World::new().await;
    let rules = format!("{RULES}min_htlc_msat = 1\nmax_htlc_msat = 999_999_999_999\n");
    let applied = world.apply(&rules, NOW_S).await;
    let Outcome::Refused(why) = &applied.channels[0].outcome else { panic!("{applied:?}") };
    assert!(why.contains("min_htlc_msat 1000 instead of 1"), "{why}");
    // The largest was within what the state says, so the node did not have to move it.
    assert_eq!(world.rates(), [777; 3]);
    let history = world.manager();
    let last = history.history().confirmed(chan_id(0), 2).unwrap();
    assert_eq!((last[0].origin, last[0].new.min_htlc_msat), (Origin::Foreign, 1_000));
    assert_eq!((last[1].origin, last[1].new.min_htlc_msat), (Origin::Rules, 1));
    assert_eq!(history.history().open_changes().unwrap(), []);
    drop(history);
    assert_eq!(world.apply(RULES, NOW_S + 60).await.foreign, Vec::<u64>::new());
}

#[tokio::test]
async fn lost_answers_are_resolved_by_reading_back_and_never_sent_twice() {
    let world = World::new().await;
    world.fake.fail("setchannel", 1, Fault::CutAfter);
    world.fake.fail("setchannel", 2, Fault::CutBefore);
    world.fake.fail("setchannel", 3, Fault::Garbage);
    let applied = world.apply(RULES, NOW_S).await;
    let old = "the channel is still at its old policy".to_owned();
    let wanted = [Outcome::Changed, Outcome::NotInForce(old), Outcome::Changed];
    assert_eq!((outcomes(&applied), world.fake.count("setchannel")), (wanted.to_vec(), 3));
    assert!(world.apply(RULES, NOW_S + 60).await.is_complete());
    assert_eq!((world.rates(), world.fake.count("setchannel")), (vec![777; 3], 4));
}

#[tokio::test]
async fn a_refusal_of_one_channel_does_not_end_the_run_and_a_node_that_is_away_does() {
    let world = World::new().await;
    world.fake.fail("setchannel", 2, Fault::Refuse(-1, "not this one"));
    let applied = world.apply(RULES, NOW_S).await;
    assert!(
        matches!(&applied.channels[1].outcome, Outcome::Refused(why) if why.contains("not this"))
    );
    assert_eq!((world.rates(), applied.stopped), (vec![777, 500, 777], None));
    for door in [Door::Absent, Door::Stale] {
        world.fake.door(door);
        let error = world.try_apply(RULES, NOW_S + 60).await.unwrap_err().to_string();
        assert!(error.contains("does not answer"), "{error}");
    }
    world.fake.door(Door::Open);
    for fault in [Fault::Hang, Fault::Garbage, Fault::Slow(Duration::from_secs(60))] {
        world.fake.fail("getinfo", 1, fault);
        assert!(world.try_apply(RULES, NOW_S + 60).await.is_err());
    }
    assert!(world.apply(RULES, NOW_S + 90).await.is_complete());
    assert_eq!(world.rates(), [777; 3]);
}

#[tokio::test]
async fn a_node_that_restarts_in_the_middle_leaves_the_rest_to_the_next_run() {
    let world = World::new().await;
    world.fake.fail("setchannel", 2, Fault::Hang);
    let rules = compiled(RULES);
    let mut manager = world.manager();
    let run = manager.apply(&rules, "digest", false, NOW_S);
    let restart = async {
        while world.fake.count("setchannel") < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        world.fake.door(Door::Absent);
    };
    let (applied, ()) = tokio::join!(run, restart);
    let applied = applied.unwrap();
    assert!(applied.stopped.is_some(), "{applied:?}");
    assert_eq!(outcomes(&applied), [Outcome::Changed, Outcome::NotReached, Outcome::NotReached]);
    drop(manager);
    world.fake.door(Door::Open);
    let next = world.apply(RULES, NOW_S + 60).await;
    assert_eq!((next.resolved, next.is_complete(), world.rates()), (1, true, vec![777; 3]));
}

#[tokio::test]
async fn a_rollback_restores_the_whole_policy() {
    let world = World::new().await;
    let before = world.node.policy(chan_id(0)).await.unwrap();
    let rules = format!("{RULES}min_htlc_msat = 5000\nmax_htlc_msat = 400000000\n");
    assert!(world.apply(&rules, NOW_S).await.is_complete());
    assert_ne!(world.node.policy(chan_id(0)).await.unwrap(), before);
    let manager = world.manager();
    let change = manager.history().confirmed(chan_id(0), 1).unwrap().remove(0);
    let undone = manager.undo(&change, "point", "revenue fell", NOW_S + 60).await.unwrap();
    assert_eq!(undone.outcome, Outcome::Changed);
    assert_eq!(world.node.policy(chan_id(0)).await.unwrap(), before);
}

#[tokio::test]
async fn limits_at_the_circuit_breaker_change_as_fees_do() {
    use debal_breaker_fake::{Fake as Service, Fault as Broken};
    let world = World::new().await;
    let service = Service::start(debal_cln_fake::OWN_KEY).await;
    let breaker = || Some(debal_breaker::Breaker::new(&service.address()).unwrap());
    let apply = async |rules: &str, dry_run: bool, now_s: i64| {
        let mut manager = world.manager().with_breaker(breaker());
        manager.apply(&compiled(rules), "digest", dry_run, now_s).await
    };
    let rules = "[default]\nstrategy = ignore_fees\ncb_max_hourly_rate = 60\ncb_mode = 3\n";
    let dry = apply(rules, true, NOW_S).await.unwrap();
    assert_eq!((dry.limits.len(), service.count("UpdateLimits")), (2, 0));
    // The first peer has two channels: its numbers add up; pending comes from the default.
    let done = apply(rules, false, NOW_S).await.unwrap();
    assert!(done.is_complete() && done.limits.iter().all(|it| it.outcome == Outcome::Changed));
    let wanted = [(PEERS[0].to_owned(), (120, 10, 3)), (PEERS[1].to_owned(), (60, 10, 3))];
    assert_eq!(service.limits(), wanted.into());
    let again = apply(rules, false, NOW_S + 60).await.unwrap();
    assert_eq!((again.limits, service.count("UpdateLimits")), (vec![], 2));
    // Answers lost before and after the effect, and a refusal.
    let rules = rules.replace("60", "30");
    service.fail("UpdateLimits", Broken::CutAfter);
    service.fail("UpdateLimits", Broken::CutBefore);
    let lost = apply(&rules, false, NOW_S + 120).await.unwrap();
    assert_eq!(lost.limits[0].outcome, Outcome::Changed);
    assert!(matches!(lost.limits[1].outcome, Outcome::NotInForce(_)), "{lost:?}");
    service.fail("UpdateLimits", Broken::Refuse("no"));
    let refused = apply(&rules, false, NOW_S + 180).await.unwrap();
    assert!(matches!(refused.limits[0].outcome, Outcome::Refused(_)) && !refused.is_complete());
    let clear = "[default]\nstrategy = ignore_fees\ncb_clear_limit = true\n";
    assert!(apply(clear, false, NOW_S + 240).await.unwrap().is_complete());
    assert_eq!(service.limits().len(), 0);
    // A crash between decided and ended is resolved by asking the service.
    let manager = world.manager();
    let run = manager.history().begin_run(NOW_S, "digest", false).unwrap();
    manager.history().decide_limit(run, PEERS[0], (None, None), NOW_S).unwrap();
    drop(manager);
    assert_eq!(apply(clear, false, NOW_S + 300).await.unwrap().resolved, 1);
    assert_eq!(world.manager().history().open_limit_changes().unwrap(), []);
    let stranger = Service::start("02ff").await;
    let other = debal_breaker::Breaker::new(&stranger.address()).unwrap();
    let mut manager = world.manager().with_breaker(Some(other));
    let error = manager.apply(&compiled(clear), "digest", false, NOW_S).await.unwrap_err();
    assert!(error.to_string().contains("guards 02ff, not this node"), "{error}");
    assert_eq!(stranger.calls(), ["GetInfo"]);
}

//! Learned fees over virtual days: a scripted LND whose payers answer to the fee in force, asked by
//! the manager as the daemon asks it.
//!
//! Time is given, not read. Money must only move as the scripted payers move it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use debal_fees::{Options, Rules};
use debal_fees_history::{ChangeState, FeeHistory, Origin};
use debal_fees_learn::DAY_S;
use debal_fees_learn::market::{Earned, Kind, Market, View};
use debal_fees_manager::{ChannelRun, LndNode, Manager, Outcome, Pace};
use debal_lnd::{Certificate, Config, Lnd, Macaroon, Prefer};
use debal_lnd_fake::proto::lnrpc::ForwardingEvent;
use debal_lnd_fake::{Fake, Sample, chan_id, sample};
use std::path::PathBuf;

const START_S: i64 = 1_720_000_000;
const CHANNEL: u64 = chan_id_of_first();
const RULES: &str = "[default]\nstrategy = revenue_max\nfee_ppm = 200\nmin_fee_ppm = 40\n\
                     max_fee_ppm = 2500\nlearning_enabled = true\nenable_auto_rollback = true\n";
const UPDATE: &str = "/lnrpc.Lightning/UpdateChannelPolicy";

const fn chan_id_of_first() -> u64 {
    (800_000 << 40) | (101 << 16) | 1
}

struct World {
    fake: Fake,
    node: LndNode,
    directory: tempfile::TempDir,
    told: std::cell::Cell<(usize, usize)>,
}

impl World {
    /// One channel, at 200 ppm.
    async fn new(capacity_msat: u64) -> Self {
        assert_eq!(chan_id(0), CHANNEL);
        let mut node = sample(&Sample { forwards: 0, ..Sample::default() });
        node.channels.truncate(1);
        node.policy(CHANNEL).fee_rate_milli_msat = 200;
        node.channels[0].channel.capacity = (capacity_msat / 1_000) as i64;
        let fake = Fake::start(node).await;
        let certificate = Certificate::from_pem(fake.certificate_pem().as_bytes()).unwrap();
        let macaroon = Macaroon::from_bytes(fake.least_macaroon()).unwrap();
        let config = Config::new(certificate, macaroon, Prefer::Grpc);
        let config = Config { grpc: Some(fake.grpc().parse().unwrap()), ..config };
        let node = LndNode::connect(Lnd::new(config).unwrap(), false).await.unwrap();
        Self { fake, node, directory: tempfile::tempdir().unwrap(), told: (0, 0).into() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// What happened in the market happens at the node.
    fn tell(&self, view: &View<'_>) {
        let (out, came) = self.told.get();
        self.told.set((view.forwards.len(), view.incoming.len()));
        let event = |at_s: i64, number: usize, (from, to): (u64, u64), msat: u64, fee_msat: u64| {
            let at_s = (START_S + at_s).unsigned_abs();
            ForwardingEvent {
                timestamp: at_s,
                chan_id_in: from,
                chan_id_out: to,
                amt_in: (msat + fee_msat) / 1_000,
                amt_out: msat / 1_000,
                fee: fee_msat / 1_000,
                fee_msat,
                amt_in_msat: msat + fee_msat,
                amt_out_msat: msat,
                timestamp_ns: at_s * 1_000_000_000 + number as u64 % 1_000_000_000,
            }
        };
        let sent = view.forwards.iter().enumerate().skip(out);
        let sent = sent.map(|(n, f)| event(f.at_s, n, (7, CHANNEL), f.amount_msat, f.fee_msat));
        let back = view.incoming.iter().enumerate().skip(came);
        let back = back.map(|(n, (at_s, msat))| event(*at_s, n, (CHANNEL, 7), *msat, 0));
        let mut events: Vec<ForwardingEvent> = sent.chain(back).collect();
        events.sort_by_key(|event| event.timestamp_ns);
        let local_msat = (view.ratio * view.capacity_msat as f64) as i64;
        self.fake.with(|node| {
            node.forwards.extend(events);
            let channel = &mut node.channels[0].channel;
            channel.local_balance = local_msat / 1_000;
            let left = channel.capacity - local_msat / 1_000 - channel.commit_fee;
            channel.remote_balance = left.max(0);
        });
    }

    async fn pass(&self, history: &str, dry_run: bool, now_s: i64) -> ChannelRun {
        let history = FeeHistory::open(&self.path(history)).unwrap();
        let mut manager = Manager::new(&self.node, history, Pace::DAEMON);
        let mut no_files = |name: &str| Err(format!("no file {name}"));
        let rules = Rules::compile(RULES, "rules", &mut no_files, Options::default()).unwrap();
        let mut applied = manager.apply(&rules, "digest", dry_run, now_s).await.unwrap();
        assert!(applied.foreign.is_empty() && applied.stopped.is_none(), "{applied:?}");
        applied.channels.remove(0)
    }

    fn fee(&self) -> u32 {
        self.fake.with(|node| node.policy(CHANNEL).fee_rate_milli_msat as u32)
    }

    /// Every manager is gone: the database is one file.
    fn copy_history(&self, name: &str) {
        std::fs::copy(self.path("fees.db"), self.path(name)).unwrap();
    }
}

/// Plays a market at the scripted node, one pass a day, with `each` after every pass.
async fn play(
    world: &World,
    market: &Market,
    mut each: impl AsyncFnMut(&World, i64, &ChannelRun),
) -> Earned {
    let handle = tokio::runtime::Handle::current();
    market.play(200, |view| {
        world.tell(view);
        let now_s = START_S + view.now_s;
        tokio::task::block_in_place(|| {
            handle.block_on(async {
                let run = world.pass("fees.db", false, now_s).await;
                each(world, now_s, &run).await;
            });
        });
        world.fee()
    })
}

/// Revenue of a whole market at one fee.
fn fixed(market: &Market, fee_ppm: u32) -> u64 {
    market.play(fee_ppm, |_| fee_ppm).revenue_msat
}

#[tokio::test(flavor = "multi_thread")]
async fn ticks_move_the_fee_towards_the_revenue_maximum_within_limits_and_pace() {
    let (mut learned, mut stayed, mut best) = (0, 0, 0);
    for seed in [5, 6] {
        let market = Market::draw(Kind::Elastic, 60, seed);
        let mut capacity_msat = 0;
        market.play(200, |view| {
            capacity_msat = view.capacity_msat;
            200
        });
        let world = World::new(capacity_msat).await;
        let mut fees = Vec::new();
        let earned = play(&world, &market, async |world, _, run| {
            assert!((40..=2_500).contains(&world.fee()), "{run:?}");
            assert!(run.notes.iter().any(|note| note.starts_with("learned: ")), "{run:?}");
            fees.push(world.fee());
        })
        .await;
        let grid = [40, 60, 90, 130, 190, 280, 400, 600, 900, 1_300, 1_900, 2_500];
        let by_fee = grid.map(|fee| (fixed(&market, fee), fee));
        let top = by_fee.into_iter().max().unwrap();
        println!("seed {seed}: best {top:?}, stayed {}, learned {earned:?}", fixed(&market, 200));
        println!("  {fees:?}");
        learned += earned.revenue_msat;
        stayed += fixed(&market, 200);
        best += top.0;
        let history = FeeHistory::open(&world.path("fees.db")).unwrap();
        let changes = history.confirmed(CHANNEL, 500).unwrap();
        assert!(changes.iter().all(|change| change.origin == Origin::Learning));
        assert_eq!(changes.len(), earned.changes as usize);
        for pair in changes.windows(2) {
            assert!(pair[0].ended_s.unwrap() - pair[1].ended_s.unwrap() >= DAY_S, "held a day");
        }
        let why = changes[0].reason.as_deref().unwrap();
        assert!(why.starts_with("default; learned: ") && why.contains("elasticity"), "{why}");
        let kept = history.newest_decision(CHANNEL).unwrap().unwrap();
        assert!(kept.reason_json.contains("learned: "), "{}", kept.reason_json);
    }
    println!("learned {learned}, stayed {stayed}, best {best}");
    assert!(learned * 10 > stayed * 11, "a tenth more than the rule's own rate");
    assert!(learned * 10 > best * 7, "seven tenths of what hindsight would have earned");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_in_the_middle_gives_the_same_next_decision() {
    let market = Market::draw(Kind::Elastic, 20, 8);
    let world = World::new(8_000_000_000).await;
    let mut compared = 0;
    play(&world, &market, async |world, now_s, run| {
        // Another process with a copy of the history, hours later in the same hold.
        world.copy_history("copy.db");
        let again = world.pass("copy.db", true, now_s).await;
        assert_eq!((again.old, &again.outcome), (run.new, &Outcome::Unchanged));
        let early = world.pass("copy.db", true, now_s + DAY_S).await;
        let later = world.pass("copy.db", true, now_s + DAY_S + 9 * 3_600).await;
        assert_eq!(early.new, later.new, "{early:?} {later:?}");
        compared += u32::from(early.new != early.old);
    })
    .await;
    assert!(compared > 2, "the fee moved {compared} times");
}

#[tokio::test(flavor = "multi_thread")]
async fn too_little_data_leaves_the_rules_own_rate_and_a_lost_answer_does_not_change_the_choice() {
    let world = World::new(8_000_000_000).await;
    world.fake.with(|node| node.policy(CHANNEL).fee_rate_milli_msat = 999);
    let young = world.pass("fees.db", false, START_S).await;
    assert_eq!((young.outcome.clone(), young.new.fee_ppm), (Outcome::Changed, 200), "{young:?}");
    assert!(!young.learned);
    assert!(young.notes[1].contains("not yet, 0 of 3 forwards"), "{:?}", young.notes);
    let event = |n: u64| ForwardingEvent {
        timestamp: START_S.unsigned_abs() + n * 600,
        chan_id_in: 7,
        chan_id_out: CHANNEL,
        amt_in_msat: 50_010_000,
        amt_out_msat: 50_000_000,
        fee_msat: 10_000,
        timestamp_ns: (START_S.unsigned_abs() + n * 600) * 1_000_000_000,
        ..Default::default()
    };
    world.fake.with(|node| node.forwards.extend((1..400).map(event)));
    let mut now_s = START_S + 3 * DAY_S;
    let due = loop {
        let due = world.pass("fees.db", true, now_s).await;
        if due.outcome == Outcome::WouldChange {
            break due;
        }
        now_s += DAY_S;
    };
    assert!(due.learned && due.new.fee_ppm != 200, "{due:?}");
    // The process dies with the update sent and no answer: the change stays open on disk.
    world.fake.fail(UPDATE, 1, debal_lnd_fake::Fault::Hang);
    let pass = world.pass("fees.db", false, now_s);
    assert!(tokio::time::timeout(std::time::Duration::from_millis(700), pass).await.is_err());
    let open = FeeHistory::open(&world.path("fees.db")).unwrap().open_changes().unwrap();
    assert_eq!((open.len(), open[0].state, open[0].new), (1, ChangeState::Sent, due.new));
    let next = world.pass("fees.db", false, now_s + 600).await;
    assert_eq!((next.outcome, next.new), (Outcome::Changed, due.new));
    let history = FeeHistory::open(&world.path("fees.db")).unwrap();
    assert_eq!(history.open_changes().unwrap(), []);
    assert_eq!(history.confirmed(CHANNEL, 1).unwrap()[0].origin, Origin::Learning);
    // What was taken back is not tried again, not even a little beside it, for two weeks.
    let change = history.confirmed(CHANNEL, 1).unwrap().remove(0);
    let manager = Manager::new(&world.node, history, Pace::DAEMON);
    manager.undo(&change, &due.point, "revenue fell", now_s + 1_200).await.unwrap();
    drop(manager);
    for days in 1..14 {
        let held = world.pass("fees.db", false, now_s + 1_200 + days * DAY_S).await;
        let stays = matches!(held.outcome, Outcome::HeldBack(_) | Outcome::Unchanged);
        assert!(stays && world.fee() == 200, "{held:?}");
    }
}

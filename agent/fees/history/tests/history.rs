//! Facts about the fee history: what is written down before it is sent, what counts once, what
//! survives.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use debal_fees_history::{
    ChangeState, Decided, Earning, FAILED_PER_DAY, FailedForward, FeeHistory, ForwardRow,
    HistoryError, Intent, Origin, Policy, RunEnd, SampleRow,
};
use debal_fees_learn::DAY_S;
use debal_fees_learn::span::{Forward, Sample, Span};

const CHANNEL: u64 = 879_609_302_227_419_137;
/// A channel whose number does not fit a signed 64-bit integer.
const ALIAS: u64 = u64::MAX - 7;

fn history() -> (tempfile::TempDir, FeeHistory) {
    let directory = tempfile::tempdir().unwrap();
    let history = FeeHistory::open(&directory.path().join("fees.db")).unwrap();
    (directory, history)
}

fn policy(fee_ppm: i64) -> Policy {
    Policy {
        base_fee_msat: 1_000,
        fee_ppm,
        inbound_base_fee_msat: -1,
        inbound_fee_ppm: -20,
        time_lock_delta: 80,
        min_htlc_msat: 1,
        max_htlc_msat: 990_000_000,
        disabled: false,
    }
}

fn intent(channel: u64, at_s: i64, from_ppm: i64, to_ppm: i64) -> Intent<'static> {
    Intent {
        run: None,
        channel,
        origin: Origin::Rules,
        at_s,
        reason: Some("section [drain]"),
        undoes: None,
        rules_digest: "abc",
        old: policy(from_ppm),
        new: policy(to_ppm),
    }
}

#[test]
fn a_change_is_open_until_it_ends_once_and_survives_a_restart_in_between() {
    let (directory, history) = history();
    let change = history.decide(&intent(ALIAS, 10, 100, 200)).unwrap();
    history.sent(change).unwrap();
    drop(history);
    let history = FeeHistory::open(&directory.path().join("fees.db")).unwrap();
    let open = history.open_changes().unwrap();
    assert_eq!((open.len(), open[0].state, open[0].channel), (1, ChangeState::Sent, ALIAS));
    assert_eq!((open[0].old, open[0].new), (policy(100), policy(200)));
    history.ended(change, ChangeState::Confirmed, 12, None).unwrap();
    assert_eq!(history.open_changes().unwrap(), []);
    let again = history.ended(change, ChangeState::Refused, 13, None);
    assert!(matches!(again, Err(HistoryError::NotOpen { .. })));
    assert!(matches!(history.sent(change), Err(HistoryError::NotOpen { .. })));
    let confirmed = history.confirmed(ALIAS, 5).unwrap();
    assert_eq!(confirmed[0].reason.as_deref(), Some("section [drain]"));
    assert_eq!((confirmed.len(), confirmed[0].ended_s), (1, Some(12)));
}

#[test]
fn a_channel_has_one_open_change_and_no_more() {
    let (_directory, history) = history();
    let first = history.decide(&intent(CHANNEL, 10, 100, 200)).unwrap();
    assert!(history.decide(&intent(CHANNEL, 11, 100, 300)).is_err());
    history.decide(&intent(ALIAS, 11, 100, 300)).unwrap();
    history.ended(first, ChangeState::Refused, 11, Some("limit above what it can carry")).unwrap();
    history.decide(&intent(CHANNEL, 12, 100, 300)).unwrap();
    assert_eq!(history.sent_since(CHANNEL, 0).unwrap(), 0, "neither was sent as far as known");
}

#[test]
fn a_rollback_names_what_it_takes_back() {
    let (_directory, history) = history();
    let change = history.decide(&intent(CHANNEL, 10, 100, 200)).unwrap();
    history.ended(change, ChangeState::Confirmed, 10, None).unwrap();
    assert!(!history.is_undone(change).unwrap());
    let back =
        Intent { origin: Origin::Rollback, undoes: Some(change), ..intent(CHANNEL, 20, 200, 100) };
    let back = history.decide(&back).unwrap();
    assert!(history.is_undone(change).unwrap());
    history.ended(back, ChangeState::Refused, 21, None).unwrap();
    assert!(!history.is_undone(change).unwrap(), "a refused one may be tried again");
    history.found_foreign(CHANNEL, 30, (policy(200), policy(7)), "abc").unwrap();
    let newest = &history.confirmed(CHANNEL, 1).unwrap()[0];
    assert_eq!((newest.origin, newest.new.fee_ppm), (Origin::Foreign, 7));
    let fees: Vec<(i64, i64, u32)> = history
        .reigns(CHANNEL, 50)
        .unwrap()
        .iter()
        .map(|reign| (reign.span.from_s, reign.span.to_s, reign.fee_ppm))
        .collect();
    assert_eq!(fees, [(10, 30, 200), (30, 50, 7)]);
}

#[test]
fn a_forward_told_twice_counts_once_and_days_add_up() {
    let (_directory, mut history) = history();
    let forward = |at_s: i64, out_msat: i64| ForwardRow {
        timestamp_ns: at_s * 1_000_000_000 + 5,
        channel_in: ALIAS,
        channel_out: CHANNEL,
        in_msat: out_msat + 50,
        out_msat,
        fee_msat: 50,
    };
    let page = [forward(10, 1_000), forward(DAY_S + 1, 2_000)];
    assert_eq!(history.add_forwards(&page).unwrap(), 2);
    let page = [page[1], forward(DAY_S + 1, 3_000), forward(2 * DAY_S, 4_000)];
    assert_eq!(history.add_forwards(&page).unwrap(), 2);
    assert_eq!(history.newest_forward_ns().unwrap(), Some(2 * DAY_S * 1_000_000_000 + 5));
    let span = Span { from_s: 0, to_s: 2 * DAY_S };
    let out = history.out_of(CHANNEL, span).unwrap();
    assert_eq!(out.len(), 3);
    assert_eq!(out[0], Forward { at_s: 10, amount_msat: 1_000, fee_msat: 50 });
    let all = history.out_by_channel(span).unwrap();
    assert_eq!(all.into_iter().collect::<Vec<_>>(), [(CHANNEL, out.clone())]);
    assert_eq!(history.came_into(ALIAS, span).unwrap()[2], (DAY_S + 1, 3_050));
    let earned = history.earnings(0, 2).unwrap();
    let first = Earning {
        channel: CHANNEL,
        out_count: 3,
        out_msat: 6_000,
        fee_msat: 150,
        in_count: 0,
        in_msat: 0,
    };
    assert_eq!(earned[0], first);
    assert_eq!((earned[1].channel, earned[1].in_count, earned[1].in_msat), (ALIAS, 3, 6_150));
}

#[test]
fn a_sample_holds_from_before_the_span() {
    let (_directory, mut history) = history();
    let sample = |at_s, outbound_msat| SampleRow {
        channel: CHANNEL,
        at_s,
        capacity_msat: 100,
        outbound_msat,
        inbound_msat: 100 - outbound_msat,
        active: true,
    };
    history.add_samples(&[sample(10, 1), sample(20, 2), sample(30, 3), sample(40, 4)]).unwrap();
    let seen = history.samples(CHANNEL, Span { from_s: 25, to_s: 40 }).unwrap();
    let expected = [(20, 2), (30, 3)];
    let expected =
        expected.map(|(at_s, outbound_msat)| Sample { at_s, outbound_msat, active: true });
    assert_eq!(seen, expected);
    assert_eq!(history.newest_samples().unwrap()[0].outbound_msat, 4);
}

#[test]
fn runs_and_decisions_are_kept_with_their_reasons() {
    let (_directory, mut history) = history();
    let run = history.begin_run(5, "abc", false).unwrap();
    let decided = |section: &str| Decided {
        channel: CHANNEL,
        section: Some(section.to_owned()),
        strategy: None,
        inputs_json: "{\"ratio\":0.5}".to_owned(),
        reason_json: "[]".to_owned(),
    };
    history.keep_decisions(run, &[decided("a")]).unwrap();
    history.end_run(run, 6, RunEnd::Finished).unwrap();
    let run = history.begin_run(7, "abc", false).unwrap();
    let twice = [Decided { channel: ALIAS, ..decided("b") }, decided("b"), decided("c")];
    assert!(history.keep_decisions(run, &twice).is_err(), "a channel is decided once a run");
    assert_eq!(history.newest_decision(ALIAS).unwrap(), None, "all or none");
    assert_eq!(history.newest_decision(CHANNEL).unwrap(), Some(decided("a")));
    let last = (Some("a".to_owned()), None, 5);
    assert_eq!(history.decided_last(CHANNEL).unwrap(), Some(last));
    assert_eq!(history.decided_last(ALIAS).unwrap(), None);
}

#[test]
fn a_damaged_or_newer_file_is_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("fees.db");
    std::fs::write(&path, vec![7; 4_096]).unwrap();
    let refused = FeeHistory::open(&path).unwrap_err();
    assert!(matches!(refused, HistoryError::Corrupt { .. }), "{refused}");
    std::fs::remove_file(&path).unwrap();
    drop(FeeHistory::open(&path).unwrap());
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(FeeHistory::open_read_only(&path).is_ok());
    assert!(FeeHistory::open_read_only(&directory.path().join("none.db")).is_err());
}

#[test]
fn what_every_pass_asks_never_scans_a_table_that_grows() {
    let (_directory, history) = history();
    let asked = [
        "SELECT max(timestamp_ns) FROM forwards",
        "SELECT timestamp_ns FROM forwards WHERE timestamp_ns >= 7 ORDER BY timestamp_ns",
        "SELECT out_msat FROM forwards WHERE channel_out = 1 AND timestamp_ns >= 7",
        "SELECT in_msat FROM forwards WHERE channel_in = 1 AND timestamp_ns >= 7",
        "SELECT sum(fee_msat) FROM daily WHERE day >= 7 AND day < 9 GROUP BY channel",
        "SELECT * FROM changes WHERE state = 'confirmed' AND ended_s >= 7 \
         ORDER BY ended_s DESC, change_id DESC LIMIT 9",
        "SELECT * FROM changes INDEXED BY changes_open WHERE state IN ('decided', 'sent') \
         ORDER BY change_id",
        "SELECT * FROM changes WHERE channel = 1 AND state = 'confirmed' ORDER BY change_id DESC",
        "SELECT count(*) FROM changes WHERE undoes = 7",
        "SELECT section FROM decisions JOIN runs USING (run_id) WHERE channel = 1 \
         ORDER BY run_id DESC LIMIT 1",
        "SELECT at_s FROM samples WHERE channel = 1 AND at_s >= 7 ORDER BY at_s",
        "SELECT * FROM failed_forwards WHERE timestamp_ns >= 7 ORDER BY timestamp_ns DESC",
        "SELECT 1 FROM failed_forwards WHERE channel_in = 1 AND htlc_in = 2 AND timestamp_ns = 3",
        "DELETE FROM failed_forwards WHERE timestamp_ns < 7",
    ];
    for sql in asked {
        let plan = history.plan(sql).unwrap();
        assert!(!plan.is_empty());
        // A partial index of what is open is as small as what is open.
        let scans = |step: &&String| step.starts_with("SCAN") && !step.contains("changes_open");
        let scans: Vec<&String> = plan.iter().filter(scans).collect();
        assert!(scans.is_empty(), "{sql}: {plan:?}");
    }
}

#[test]
fn a_channels_forwards_are_read_from_an_index_alone() {
    let (_directory, history) = history();
    for sql in [
        "SELECT timestamp_ns, out_msat, fee_msat FROM forwards WHERE channel_out = 1 \
         AND timestamp_ns >= 2 AND timestamp_ns < 3 ORDER BY timestamp_ns",
        "SELECT timestamp_ns, in_msat, 0 FROM forwards WHERE channel_in = 1 \
         AND timestamp_ns >= 2 AND timestamp_ns < 3 ORDER BY timestamp_ns",
    ] {
        let plan = history.plan(sql).unwrap();
        assert!(plan.len() == 1 && plan[0].contains("USING COVERING INDEX"), "{plan:?}");
    }
}

#[test]
fn a_history_of_the_first_schema_is_brought_up_to_date_and_keeps_what_it_holds() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("fees.db");
    let mut history = FeeHistory::open(&path).unwrap();
    let forward = ForwardRow {
        timestamp_ns: 5,
        channel_in: ALIAS,
        channel_out: CHANNEL,
        in_msat: 9,
        out_msat: 8,
        fee_msat: 1,
    };
    history.add_forwards(&[forward]).unwrap();
    drop(history);
    // Back to the first schema: what the second added goes.
    let database = rusqlite::Connection::open(&path).unwrap();
    database
        .execute_batch(
            "DROP TABLE limit_changes; DROP TABLE first_seen; DROP TABLE newest_state; \
             DROP TABLE failed_daily; \
             DROP TABLE watched; DROP INDEX failed_at; DROP INDEX daily_by_day; \
             DROP INDEX forwards_out; DROP INDEX changes_confirmed; DROP INDEX changes_undoing; \
             CREATE INDEX forwards_out ON forwards (channel_out, timestamp_ns); \
             PRAGMA user_version = 1;",
        )
        .unwrap();
    drop(database);
    let refused = FeeHistory::open_read_only(&path).unwrap_err();
    assert!(matches!(refused, HistoryError::Older { found: 1, .. }), "{refused}");
    let history = FeeHistory::open(&path).unwrap();
    assert_eq!(history.forwards_since(0).unwrap(), [forward]);
    assert_eq!(history.watched_since(0).unwrap(), []);
    assert!(history.seen_first(CHANNEL).unwrap().is_none());
}

#[test]
fn the_newest_samples_are_found_without_reading_the_others() {
    let (_directory, mut history) = history();
    assert_eq!(history.newest_samples().unwrap(), []);
    let sample = |channel, at_s| SampleRow {
        channel,
        at_s,
        capacity_msat: 100,
        outbound_msat: at_s,
        inbound_msat: 100 - at_s,
        active: at_s % 2 == 0,
    };
    let all: Vec<SampleRow> =
        [CHANNEL, ALIAS, 7].iter().flat_map(|c| (0..90).map(|at_s| sample(*c, at_s))).collect();
    history.add_samples(&all).unwrap();
    let mut newest = history.newest_samples().unwrap();
    newest.sort_by_key(|sample| sample.channel);
    assert_eq!(newest, [sample(7, 89), sample(CHANNEL, 89), sample(ALIAS, 89)]);
}

#[test]
fn failed_forwards_are_counted_once_kept_within_a_bound_and_forgotten_in_time() {
    let (_directory, mut history) = history();
    let failed = |htlc_in: u64, at_s: i64| FailedForward {
        timestamp_ns: at_s * 1_000_000_000,
        channel_in: ALIAS,
        channel_out: CHANNEL,
        htlc_in,
        amount_msat: 5,
        offered_msat: 1,
        reason: "INSUFFICIENT_BALANCE".to_owned(),
    };
    let many = FAILED_PER_DAY as u64 + 20;
    let first: Vec<FailedForward> = (0..many).map(|htlc| failed(htlc, 10)).collect();
    assert_eq!(history.add_failed(&first).unwrap(), first.len());
    assert_eq!(history.add_failed(&first[..9]).unwrap(), 0, "told again by the same stream");
    assert_eq!(history.failed_on(CHANNEL, 0).unwrap(), (many as i64, FAILED_PER_DAY));
    history.add_failed(&[failed(1, DAY_S + 3), failed(2, DAY_S + 1)]).unwrap();
    let kept = history.failed_since(DAY_S).unwrap();
    assert_eq!(kept, [failed(2, DAY_S + 1), failed(1, DAY_S + 3)]);
    history.watched(Span { from_s: 5, to_s: 9 }).unwrap();
    history.watched(Span { from_s: 5, to_s: 70 }).unwrap();
    history.watched(Span { from_s: 2 * DAY_S, to_s: 3 * DAY_S }).unwrap();
    let looked = history.watched_since(50).unwrap();
    assert_eq!(looked[0], Span { from_s: 50, to_s: 70 });
    history.forget_failed(DAY_S).unwrap();
    assert_eq!(history.failed_since(0).unwrap().len(), 2);
    assert_eq!(history.watched_since(0).unwrap().len(), 1);
    assert_eq!(history.failed_on(CHANNEL, 0).unwrap(), (0, 0));
}

#[test]
fn a_fee_is_known_since_its_channel_was_first_seen() {
    let (_directory, mut history) = history();
    history.first_seen(5, &[(CHANNEL, policy(100))]).unwrap();
    history.first_seen(9, &[(CHANNEL, policy(777)), (ALIAS, policy(1))]).unwrap();
    assert_eq!(history.seen_first(CHANNEL).unwrap(), Some((5, policy(100))));
    let fees = |history: &FeeHistory| {
        let reigns = history.reigns(CHANNEL, 50).unwrap();
        let of = |reign: &debal_fees_learn::demand::Reign| {
            (reign.span.from_s, reign.span.to_s, reign.fee_ppm)
        };
        reigns.iter().map(of).collect::<Vec<_>>()
    };
    assert_eq!(fees(&history), [(5, 50, 100)]);
    let change = |at_s, from, to| {
        let change = history.decide(&intent(CHANNEL, at_s, from, to)).unwrap();
        history.ended(change, ChangeState::Confirmed, at_s, None).unwrap();
    };
    change(20, 100, 200);
    change(30, 200, 200);
    assert_eq!(fees(&history), [(5, 20, 100), (20, 50, 200)], "the same rate goes on");
    history.keep_state(7, "{}").unwrap();
    history.keep_state(8, "{\"x\":1}").unwrap();
    assert_eq!(history.state_kept_s().unwrap(), Some(8));
    assert_eq!(history.newest_state().unwrap().as_deref(), Some("{\"x\":1}"));
}

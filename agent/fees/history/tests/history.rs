//! Facts about the fee history: what is written down before it is sent, what counts once, what
//! survives.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use debal_fees_history::{
    ChangeState, Decided, Earning, FailedForward, FeeHistory, ForwardRow, HistoryError, Intent,
    Origin, Policy, RunEnd, SampleRow,
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
    assert_eq!(history.out_of_others(CHANNEL, span).unwrap(), []);
    assert_eq!(history.out_of_others(ALIAS, span).unwrap(), out);
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
    assert_eq!(history.balances().unwrap()[0].outbound_msat, 4);
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
    let failed = FailedForward {
        timestamp_ns: 1,
        channel_in: ALIAS,
        channel_out: CHANNEL,
        htlc_in: 3,
        amount_msat: 5,
        offered_msat: 1,
        reason: "INSUFFICIENT_BALANCE".to_owned(),
    };
    history.add_failed(&[failed.clone(), failed]).unwrap();
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

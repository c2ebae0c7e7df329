//! Taking changes back: which ones cost revenue, and the whole old policy in force again.
//!
//! A change is taken back at most once, and only while it is the newest of its channel: what
//! somebody did after it is not ours to undo.

use crate::apply::Outcome;
use crate::error::ManagerError;
use crate::policy::restoring;
use crate::{Manager, Target};
use debal_fees::Status;
use debal_fees_history::{Change, ChangeId, FeeHistory, Intent, Origin};
use debal_fees_learn::guard::{Known, Verdict, Watch, judge};
use debal_fees_learn::span::{Forward, Span};
use debal_fees_learn::{DAY_S, WEEK_S};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Older changes are nobody's to judge any more, seconds.
const WATCHED_S: i64 = 28 * DAY_S;
/// Changes looked at in one pass.
const CHANGES_MAX: u32 = 100_000;

/// A change with the guard's verdict.
#[derive(Debug, Clone, Serialize)]
pub struct Candidate {
    /// The change.
    pub change: Change,
    /// What the guard says.
    pub verdict: Verdict,
}

/// A change that was taken back, or not.
#[derive(Debug, Clone, Serialize)]
pub struct Undone {
    /// The change.
    pub change: ChangeId,
    /// Its channel.
    pub chan_id: u64,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// The whole node's forwards over a span, ascending by time, and each channel's own.
struct NodePast {
    span: Span,
    all: Vec<Forward>,
    own: BTreeMap<u64, Vec<Forward>>,
}

impl NodePast {
    fn read(history: &FeeHistory, span: Span) -> Result<Self, ManagerError> {
        let own = history.out_by_channel(span)?;
        let mut all: Vec<Forward> = own.values().flatten().copied().collect();
        all.sort_by_key(|forward| forward.at_s);
        Ok(Self { span, all, own })
    }
}

fn changed_s(change: &Change) -> i64 {
    change.ended_s.unwrap_or(change.decided_s)
}

impl Manager<'_> {
    /// Judges every change of ours that is the newest of its channel and still watched, each by
    /// what `watch_of` says of its channel; nothing leaves it unwatched. The node's forwards are
    /// read once for all of them.
    ///
    /// # Errors
    /// [`ManagerError::History`].
    pub fn judge(
        &self,
        watch_of: impl Fn(u64) -> Option<Watch>,
        now_s: i64,
    ) -> Result<Vec<Candidate>, ManagerError> {
        let since_s = now_s.saturating_sub(WATCHED_S);
        let mut seen = BTreeSet::new();
        let mut due = Vec::new();
        for change in self.history.confirmed_since(since_s, CHANGES_MAX)? {
            // The newest of a channel comes first.
            if !seen.insert(change.channel) {
                continue;
            }
            let Some(watch) = watch_of(change.channel) else { continue };
            let ours = matches!(change.origin, Origin::Rules | Origin::Learning);
            if ours && !self.history.is_undone(change.id)? {
                due.push((change, watch));
            }
        }
        let reach = |(change, watch): &(Change, Watch)| {
            // Windows are whole weeks, one more than the watch fills.
            let weeks = watch.watch_s.div_euclid(WEEK_S) + 1;
            changed_s(change).saturating_sub(watch.windows.saturating_mul(weeks * WEEK_S))
        };
        let Some(from_s) = due.iter().map(reach).min() else { return Ok(Vec::new()) };
        let past = NodePast::read(&self.history, Span { from_s, to_s: now_s })?;
        due.into_iter()
            .map(|(change, watch)| {
                let verdict = self.verdict(&watch, &change, &past, now_s)?;
                Ok(Candidate { change, verdict })
            })
            .collect()
    }

    fn verdict(
        &self,
        watch: &Watch,
        change: &Change,
        past: &NodePast,
        now_s: i64,
    ) -> Result<Verdict, ManagerError> {
        let before = self.history.confirmed(change.channel, 2)?;
        let old_since_s = before.get(1).and_then(|before| before.ended_s);
        let samples = self.history.samples(change.channel, past.span)?;
        // Without an earlier change the old policy is as old as the recorded forwards.
        let first_s = past.all.first().map(|forward| forward.at_s);
        let old_since_s = old_since_s.or(first_s).unwrap_or_else(|| changed_s(change));
        let own = past.own.get(&change.channel).map(Vec::as_slice).unwrap_or_default();
        let known = Known { own, all: &past.all, samples: &samples, old_since_s };
        Ok(judge(watch, &known, changed_s(change), now_s))
    }

    /// Brings the whole policy before a change back into force.
    ///
    /// # Errors
    /// [`ManagerError`] if the node or the history fails; the rollback then stays open and the
    /// next run resolves it.
    pub async fn undo(
        &self,
        change: &Change,
        point: &str,
        reason: &str,
        now_s: i64,
    ) -> Result<Undone, ManagerError> {
        let intent = Intent {
            run: None,
            channel: change.channel,
            origin: Origin::Rollback,
            at_s: now_s,
            reason: Some(reason),
            undoes: Some(change.id),
            rules_digest: &change.rules_digest,
            old: change.new,
            new: change.old,
        };
        let id = self.history.decide(&intent)?;
        self.history.sent(id)?;
        let target = Target { chan_id: change.channel, point };
        let status = if change.old.disabled { Status::Disable } else { Status::Enable };
        let status = (change.old.disabled != change.new.disabled).then_some(status);
        let answer = self.hand_over(target, Some(&restoring(&change.old)), status).await;
        let policies = (&intent.old, &intent.new);
        let outcome = self.conclude(id, change.channel, policies, answer, now_s).await?;
        Ok(Undone { change: change.id, chan_id: change.channel, outcome })
    }
}

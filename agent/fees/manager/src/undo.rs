//! Taking changes back: which ones cost revenue, and the whole old policy in force again.
//!
//! A change is taken back at most once, and only while it is the newest of its channel: what
//! somebody did after it is not ours to undo.

use crate::apply::Outcome;
use crate::error::ManagerError;
use crate::policy::restoring;
use crate::{Manager, Target};
use debal_fees::Status;
use debal_fees_history::{Change, ChangeId, Intent, Origin};
use debal_fees_learn::DAY_S;
use debal_fees_learn::guard::{Known, Verdict, Watch, judge};
use debal_fees_learn::span::Span;
use serde::Serialize;

/// Older changes are nobody's to judge any more, seconds.
const WATCHED_S: i64 = 90 * DAY_S;
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

impl Manager<'_> {
    /// Judges every change of ours that is the newest of its channel and still watched, each by
    /// what
    /// `watch_of` says of its channel; nothing leaves it unwatched.
    ///
    /// # Errors
    /// [`ManagerError::History`].
    pub fn judge(
        &self,
        watch_of: impl Fn(u64) -> Option<Watch>,
        now_s: i64,
    ) -> Result<Vec<Candidate>, ManagerError> {
        let since_s = now_s.saturating_sub(WATCHED_S);
        let mut candidates = Vec::new();
        for change in self.history.confirmed_since(since_s, CHANGES_MAX)? {
            let newest = self.history.confirmed(change.channel, 2)?;
            let Some(watch) = watch_of(change.channel) else { continue };
            let ours = matches!(change.origin, Origin::Rules | Origin::Learning);
            let is_newest = newest.first().is_some_and(|first| first.id == change.id);
            if !ours || !is_newest || self.history.is_undone(change.id)? {
                continue;
            }
            let old_since_s = newest.get(1).and_then(|before| before.ended_s);
            let verdict = self.verdict(&watch, &change, old_since_s, now_s)?;
            candidates.push(Candidate { change, verdict });
        }
        Ok(candidates)
    }

    fn verdict(
        &self,
        watch: &Watch,
        change: &Change,
        old_since_s: Option<i64>,
        now_s: i64,
    ) -> Result<Verdict, ManagerError> {
        let changed_s = change.ended_s.unwrap_or(change.decided_s);
        // Without an earlier change the old policy is as old as the recorded forwards.
        let all = Span { from_s: 0, to_s: now_s };
        let own = self.history.out_of(change.channel, all)?;
        let others = self.history.out_of_others(change.channel, all)?;
        let samples = self.history.samples(change.channel, all)?;
        let first_s = own.iter().chain(&others).map(|forward| forward.at_s).min();
        let old_since_s = old_since_s.or(first_s).unwrap_or(changed_s);
        let known = Known { own: &own, others: &others, samples: &samples, old_since_s };
        Ok(judge(watch, &known, changed_s, now_s))
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

//! One run of the rules over a node.
//!
//! Order: resolve what an earlier run left open, take in what happened, decide everything, then
//! change channel by channel. It must never send a change that is not on disk as decided.

use crate::error::{ManagerError, NodeError};
use crate::learn::Pasts;
use crate::limits::LimitRun;
use crate::policy::{changed, recorded, wanted};
use crate::recover::{Found, resolve};
use crate::{Manager, Target};
use debal_fees::state::{Channel, NodeState};
use debal_fees::{
    Decision, Evaluation, PolicyUpdate, Rules, Safety, Status, Strategy, evaluate_advised, explain,
};
use debal_fees_history::{ChangeId, ChangeState, Decided, Intent, Origin, Policy, RunEnd, RunId};
use debal_fees_learn::DAY_S;
use serde::Serialize;

/// What became of a channel in a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", content = "why", rename_all = "snake_case")]
pub enum Outcome {
    /// Nothing to do.
    Unchanged,
    /// It would be changed; this was a dry run.
    WouldChange,
    /// It was changed.
    Changed,
    /// The node refused; nothing of the channel changed.
    Refused(String),
    /// The answer was lost and the channel is not at the new policy.
    NotInForce(String),
    /// The rules are in error for it: it was left alone.
    Error(String),
    /// It would be changed, but not now.
    HeldBack(String),
    /// The run ended before it.
    NotReached,
}

/// How often a channel may change. Peers limit how much gossip they pass on: CLN takes about two
/// updates a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Between two changes of a channel, seconds.
    pub cool_down_s: i64,
    /// Changes of a channel in a day.
    pub per_day: u32,
    /// A change that was taken back is not made again for this long, seconds, by the same rules.
    pub hold_off_s: i64,
}

impl Pace {
    /// As a person who types `apply` wants it: now. Only what was taken back stays so.
    pub const MANUAL: Self = Self { cool_down_s: 0, per_day: u32::MAX, hold_off_s: 14 * DAY_S };
    /// As a daemon runs.
    pub const DAEMON: Self = Self { cool_down_s: 4 * 3_600, per_day: 2, hold_off_s: 14 * DAY_S };
}

/// Why a change was not taken whole.
#[derive(Debug)]
pub(crate) struct Shortfall {
    error: NodeError,
    /// The policy is in force, and only the switch is missing.
    fees_taken: bool,
}

/// A channel in a run.
#[derive(Debug, Clone, Serialize)]
pub struct ChannelRun {
    /// The channel.
    pub chan_id: u64,
    /// Its funding output.
    pub point: String,
    /// The peer's key.
    pub peer: String,
    /// The section that applied.
    pub section: Option<String>,
    /// Its strategy.
    pub strategy: Option<String>,
    /// The policy before.
    pub old: Policy,
    /// The policy wanted.
    pub new: Policy,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// How the strategy came to its result.
    pub notes: Vec<String>,
    /// What the rules ask for and this kind of node does not have: it was left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unsupported: Vec<String>,
    /// How a change is to be watched.
    pub safety: Safety,
    /// The rate is learned from the history.
    pub learned: bool,
}

impl ChannelRun {
    /// Why it changes, for people: the section, and how a learned rate was found.
    fn reason(&self) -> Option<String> {
        let section = self.section.clone()?;
        let learned = self.notes.iter().find(|note| self.learned && note.starts_with("learned"));
        Some(learned.map_or_else(|| section.clone(), |note| format!("{section}; {note}")))
    }
}

/// A run.
#[derive(Debug, Clone, Serialize)]
pub struct Applied {
    /// Its number in the history.
    pub run: RunId,
    /// Nothing was sent, on purpose.
    pub dry_run: bool,
    /// Changes that an earlier run had left open, and are resolved now.
    pub resolved: usize,
    /// Channels that somebody else changed since the last run.
    pub foreign: Vec<u64>,
    /// Faults for which nothing was sent at all.
    pub faults: Vec<String>,
    /// Why the run ended early, if it did.
    pub stopped: Option<String>,
    /// Every channel, in the node's order.
    pub channels: Vec<ChannelRun>,
    /// Peers whose limit at the circuit breaker is not what the rules want.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<LimitRun>,
}

impl Applied {
    /// Whether everything that was to be done was done.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let failed = |outcome: &Outcome| match outcome {
            Outcome::Unchanged | Outcome::WouldChange | Outcome::Changed | Outcome::HeldBack(_) => {
                false
            }
            Outcome::Refused(_)
            | Outcome::NotInForce(_)
            | Outcome::Error(_)
            | Outcome::NotReached => true,
        };
        let mut outcomes = self
            .channels
            .iter()
            .map(|channel| &channel.outcome)
            .chain(self.limits.iter().map(|limit| &limit.outcome));
        self.stopped.is_none() && self.faults.is_empty() && !outcomes.any(failed)
    }
}

impl Manager<'_> {
    /// Runs rules over the node. `digest` names the rule file's content.
    ///
    /// # Errors
    /// [`ManagerError`] if the node or the history fails before anything is decided; later
    /// failures are in the result.
    pub async fn apply(
        &mut self,
        rules: &Rules,
        digest: &str,
        dry_run: bool,
        now_s: i64,
    ) -> Result<Applied, ManagerError> {
        let mut resolved = if dry_run { 0 } else { self.recover(now_s).await?.len() };
        let mut needs = rules.needs();
        if !dry_run {
            // Reports, learning and the watch over changes live on what went through, whatever
            // rules ask.
            needs.forwards_s = needs.forwards_s.max(1);
        }
        let mut state = self.snapshot(now_s, &needs).await?;
        if !dry_run {
            // Only now is it known that the circuit breaker is this node's.
            resolved += self.recover_limits(now_s).await?;
        }
        if rules.names(Strategy::RevenueMax) {
            self.add_trials(&mut state, now_s)?;
        }
        self.remember(&state, now_s)?;
        let foreign = if dry_run { Vec::new() } else { self.note_foreign(&state, digest, now_s)? };
        let pasts = Pasts::new(&self.history, now_s);
        let evaluation = evaluate_advised(rules, &state, Some(&pasts));
        pasts.end()?;
        let run = self.history.begin_run(now_s, digest, dry_run)?;
        let pairs = || evaluation.decisions.iter().zip(&state.channels);
        let mut channels = Vec::with_capacity(state.channels.len());
        for (decision, channel) in pairs() {
            channels.push(self.looked_at(decision, channel, digest, now_s)?);
        }
        self.keep_decisions(run, rules, pairs().zip(&channels), now_s)?;
        let mut applied = Applied {
            run,
            dry_run,
            resolved,
            foreign,
            faults: evaluation.refused.iter().map(ToString::to_string).collect(),
            stopped: None,
            channels,
            limits: Self::limits_to_change(&evaluation.breaker, state.circuitbreaker.as_ref()),
        };
        self.go_through(&mut applied, &evaluation, &state, digest, now_s).await?;
        for index in 0..applied.limits.len() {
            self.go_on_with_limit(&mut applied, index, now_s).await;
        }
        let end = match (&applied.stopped, applied.is_complete()) {
            (Some(_), _) => RunEnd::Stopped,
            (None, true) => RunEnd::Finished,
            (None, false) => RunEnd::Partly,
        };
        self.history.end_run(run, now_s, end)?;
        Ok(applied)
    }

    /// Changes channel by channel, until the node goes away or somebody asks to end.
    async fn go_through(
        &self,
        applied: &mut Applied,
        evaluation: &Evaluation,
        state: &NodeState,
        digest: &str,
        now_s: i64,
    ) -> Result<(), ManagerError> {
        let (run, dry_run) = (applied.run, applied.dry_run);
        let pairs = evaluation.decisions.iter().zip(&state.channels);
        for (place, (decision, channel)) in pairs.enumerate() {
            let Some(channel_run) = applied.channels.get(place) else { break };
            let outcome = if applied.stopped.is_some() || self.is_to_stop() {
                applied.stopped.get_or_insert_with(|| "it was asked to end".to_owned());
                Outcome::NotReached
            } else if channel_run.outcome != Outcome::WouldChange || dry_run {
                continue;
            } else {
                let changed = self.change(run, digest, decision, channel, channel_run, now_s).await;
                changed.unwrap_or_else(|error| {
                    applied.stopped = Some(error.to_string());
                    Outcome::NotReached
                })
            };
            if let Some(channel_run) = applied.channels.get_mut(place) {
                channel_run.outcome = outcome;
            }
        }
        Ok(())
    }

    /// Changes a peer's limit, unless the run has ended early or changes nothing.
    async fn go_on_with_limit(&self, applied: &mut Applied, index: usize, now_s: i64) {
        let stopped = applied.stopped.is_some();
        let Some(limit) = applied.limits.get_mut(index).filter(|_| !applied.dry_run) else {
            return;
        };
        if stopped {
            limit.outcome = Outcome::NotReached;
            return;
        }
        match self.change_limit(applied.run, limit, now_s).await {
            Ok(outcome) => limit.outcome = outcome,
            Err(error) => {
                limit.outcome = Outcome::NotReached;
                applied.stopped = Some(error.to_string());
            }
        }
    }

    /// What is to become of a channel, unless the run ends before it.
    fn looked_at(
        &self,
        decision: &Decision,
        channel: &Channel,
        digest: &str,
        now_s: i64,
    ) -> Result<ChannelRun, ManagerError> {
        let mut channel_run = begun(decision, channel);
        if channel_run.outcome == Outcome::WouldChange
            && let Some(why) = self.held_back(&channel_run, digest, now_s)?
        {
            channel_run.outcome = Outcome::HeldBack(why);
        }
        Ok(channel_run)
    }

    /// Why a channel that would change does not change now.
    fn held_back(
        &self,
        wanted: &ChannelRun,
        digest: &str,
        now_s: i64,
    ) -> Result<Option<String>, ManagerError> {
        let Some(last) = self.history.confirmed(wanted.chan_id, 1)?.into_iter().next() else {
            return Ok(None);
        };
        let since_s = now_s.saturating_sub(last.ended_s.unwrap_or(last.decided_s));
        let undone = last.origin == Origin::Rollback && last.rules_digest == digest;
        // A learned rate would come back a little beside the one that was taken back.
        let again = wanted.learned || !changed(&last.old, &wanted.new);
        if undone && again && since_s < self.pace.hold_off_s {
            let days = (self.pace.hold_off_s - since_s).div_euclid(DAY_S) + 1;
            return Ok(Some(format!(
                "it was taken back; the same rules may try again in {days} d"
            )));
        }
        if since_s < self.pace.cool_down_s {
            let minutes = (self.pace.cool_down_s - since_s).div_euclid(60) + 1;
            return Ok(Some(format!("it changed a moment ago; again in {minutes} min")));
        }
        let today = self.history.sent_since(wanted.chan_id, now_s.saturating_sub(DAY_S))?;
        if today >= self.pace.per_day {
            return Ok(Some(format!("it changed {today} times in the last day: no more gossip")));
        }
        Ok(None)
    }

    /// Changes one channel: decided, sent, ended. An error means that the run cannot go on; the
    /// change then stays open and the next run resolves it.
    async fn change(
        &self,
        run: RunId,
        digest: &str,
        decision: &Decision,
        channel: &Channel,
        channel_run: &ChannelRun,
        now_s: i64,
    ) -> Result<Outcome, ManagerError> {
        let origin = if channel_run.learned { Origin::Learning } else { Origin::Rules };
        let reason = channel_run.reason();
        let intent = Intent {
            run: Some(run),
            channel: channel.chan_id,
            origin,
            at_s: now_s,
            reason: reason.as_deref(),
            undoes: None,
            rules_digest: digest,
            old: channel_run.old,
            new: channel_run.new,
        };
        let change = self.history.decide(&intent)?;
        self.history.sent(change)?;
        let target = Target { chan_id: channel.chan_id, point: &channel.channel_point };
        let answer = self.hand_over(target, decision.update.as_ref(), decision.status).await;
        self.conclude(change, channel.chan_id, (&intent.old, &intent.new), answer, now_s).await
    }

    /// Hands a change to the node: the policy, then the switch.
    pub(crate) async fn hand_over(
        &self,
        target: Target<'_>,
        update: Option<&PolicyUpdate>,
        status: Option<Status>,
    ) -> Result<(), Shortfall> {
        if let Some(update) = update {
            let short = |error| Shortfall { error, fees_taken: false };
            self.node.update(target, update).await.map_err(short)?;
        }
        let Some(status) = status else { return Ok(()) };
        let short = |error| Shortfall { error, fees_taken: update.is_some() };
        self.node.switch(target, status).await.map_err(short)
    }

    /// Ends a change by the node's answer.
    pub(crate) async fn conclude(
        &self,
        change: ChangeId,
        chan_id: u64,
        (old, new): (&Policy, &Policy),
        answer: Result<(), Shortfall>,
        now_s: i64,
    ) -> Result<Outcome, ManagerError> {
        let end = |state, why: Option<&str>| self.history.ended(change, state, now_s, why);
        let Err(Shortfall { error, fees_taken }) = answer else {
            end(ChangeState::Confirmed, None)?;
            return Ok(Outcome::Changed);
        };
        let why = error.to_string();
        if error.ends_run() {
            if !fees_taken {
                // Nothing was sent: that is known, and written down.
                end(ChangeState::Abandoned, Some("the node did not take it"))?;
            }
            return Err(error.into());
        }
        if matches!(error, NodeError::Adjusted(_)) {
            return self.adjusted(change, chan_id, new, why, now_s).await;
        }
        let lost = matches!(error, NodeError::Unknown(_));
        if !lost && !fees_taken {
            end(ChangeState::Refused, Some(&why))?;
            return Ok(Outcome::Refused(why));
        }
        match resolve(self.node, chan_id, old, new).await? {
            Found::InForce => {
                end(ChangeState::Confirmed, Some(&why))?;
                Ok(if lost { Outcome::Changed } else { Outcome::Refused(why) })
            }
            Found::NotInForce(found) => {
                end(ChangeState::Abandoned, Some(found))?;
                Ok(Outcome::NotInForce(found.to_owned()))
            }
        }
    }

    /// Ends a change that the node took with other limits. What is in force is written down too,
    /// as somebody else's: the next run is not surprised, and no rollback is built on a policy that
    /// was never there.
    async fn adjusted(
        &self,
        change: ChangeId,
        chan_id: u64,
        new: &Policy,
        why: String,
        now_s: i64,
    ) -> Result<Outcome, ManagerError> {
        let found = self.node.policy(chan_id).await?.map_or(*new, |policy| recorded(&policy));
        self.history.ended(change, ChangeState::Confirmed, now_s, Some(&why))?;
        self.history.found_foreign(chan_id, now_s, (*new, found), "")?;
        Ok(Outcome::Refused(why))
    }

    /// Keeps what leads to a change, and what is new or a day old: the rest was decided before.
    fn keep_decisions<'d>(
        &mut self,
        run: RunId,
        rules: &Rules,
        all: impl Iterator<Item = ((&'d Decision, &'d Channel), &'d ChannelRun)>,
        now_s: i64,
    ) -> Result<(), ManagerError> {
        let mut kept = Vec::new();
        for ((decision, channel), channel_run) in all {
            let (section, strategy) = (channel_run.section.clone(), channel_run.strategy.clone());
            if channel_run.outcome != Outcome::WouldChange
                && let Some(last) = self.history.decided_last(channel.chan_id)?
                && (&last.0, &last.1) == (&section, &strategy)
                && now_s.saturating_sub(last.2) < DAY_S
            {
                continue;
            }
            kept.push(Decided {
                channel: channel.chan_id,
                section,
                strategy,
                inputs_json: serde_json::to_string(channel).unwrap_or_default(),
                reason_json: serde_json::to_string(&explain(rules, decision)).unwrap_or_default(),
            });
        }
        Ok(self.history.keep_decisions(run, &kept)?)
    }
}

fn begun(decision: &Decision, channel: &Channel) -> ChannelRun {
    let text = |name: &Option<std::sync::Arc<str>>| name.as_ref().map(|name| name.to_string());
    let outcome = match &decision.error {
        Some(error) => Outcome::Error(error.fault.to_string()),
        None if decision.is_change() => Outcome::WouldChange,
        None => Outcome::Unchanged,
    };
    ChannelRun {
        chan_id: channel.chan_id,
        point: channel.channel_point.clone(),
        peer: channel.remote_pubkey.clone(),
        section: text(&decision.section),
        strategy: text(&decision.strategy),
        old: recorded(&channel.local_policy),
        new: wanted(decision, &channel.local_policy),
        outcome,
        notes: decision.notes.clone(),
        unsupported: decision.unsupported.clone(),
        safety: decision.safety,
        learned: decision.learned,
    }
}

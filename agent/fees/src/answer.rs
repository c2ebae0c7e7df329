//! What a run against the recorded node would have done: the vectors' `expect` object.
//!
//! The node's own rules (what it refuses, what it keeps) live here and nowhere else. It must never
//! change a decision.

use std::collections::BTreeMap;

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::breaker::BreakerChange;
use crate::criteria::ReadFile;
use crate::decision::{Decision, ErrorKind, PolicyUpdate, Status, Target, Warning};
use crate::evaluate::{Evaluation, evaluate};
use crate::fault::Fault;
use crate::flags::Flags;
use crate::rules::{Options, Rules};
use crate::state::{Channel, NodeState, Policy, Refusal};

/// What a run would have done.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Answer {
    /// charge-lnd's exit code: 0 it ran, 1 it did not.
    pub exit_code: u8,
    /// Why it did not run.
    pub error: Option<RunError>,
    /// What became of each channel, in the state's order.
    #[serde(serialize_with = "by_id")]
    pub channels: Vec<ChannelAnswer>,
    /// What the companion service was told, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub circuitbreaker: Option<BreakerChange>,
}

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunError {
    /// There is no rule file.
    ConfigMissing,
    /// The rule file cannot be read as one.
    ConfigSyntax,
    /// The rule file has a value that nobody could use.
    ConfigInvalid,
    /// The companion service guards another node.
    CircuitbreakerMismatch,
    /// There is no companion service.
    CircuitbreakerUnreachable,
}

/// What became of a channel.
#[derive(Debug, Clone, serde::Serialize)]
pub struct ChannelAnswer {
    /// The channel.
    #[serde(skip)]
    pub chan_id: u64,
    /// The section that applied.
    pub matched_section: Option<String>,
    /// The section of the included file that applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inner_section: Option<String>,
    /// The strategy in force.
    pub strategy: Option<String>,
    /// What failed.
    pub error: Option<ErrorKind>,
    /// What was odd.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
    /// What the rules ask for.
    pub target: Option<Target>,
    /// The channel's policy afterwards.
    #[serde(flatten)]
    pub policy: Policy,
    /// The update that was sent.
    pub update: Option<PolicyUpdate>,
    /// The switch that was sent last.
    pub status_action: Option<&'static str>,
    /// How the node refused the update.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejected: Option<Refusal>,
    /// Whether anything was sent.
    pub changed: bool,
    /// Whether the channel is in the normal output.
    pub reported: bool,
}

fn by_id<S: Serializer>(channels: &[ChannelAnswer], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(channels.len()))?;
    for channel in channels {
        map.serialize_entry(&channel.chan_id.to_string(), channel)?;
    }
    map.end()
}

/// A run: its answer and how it came about.
#[derive(Debug)]
pub struct Run {
    /// The answer.
    pub answer: Answer,
    /// The rules and what they decided, if it came to that.
    pub decided: Option<(Rules, Evaluation)>,
    /// The fault that refused the rule file.
    pub fault: Option<Fault>,
}

/// Runs a rule file against a recorded node, as charge-lnd with these flags would; without the
/// defects that its users suffer from. No `config` means that the file does not exist.
pub fn answer(
    config: Option<&str>,
    file: &str,
    read: &mut ReadFile<'_>,
    state: &NodeState,
    flags: &Flags,
    options: Options,
) -> Run {
    let ended = |error: RunError, fault| {
        let answer = Answer::ended(error, Vec::new(), state);
        Run { answer, decided: None, fault }
    };
    let Some(text) = config else { return ended(RunError::ConfigMissing, None) };
    let rules = match Rules::compile(text, file, read, options) {
        Ok(rules) => rules,
        Err(fault) => return ended(RunError::ConfigSyntax, Some(fault)),
    };
    if flags.check {
        let answer = Answer { error: None, exit_code: 0, ..Answer::ended_ok(state) };
        return Run { answer, decided: None, fault: None };
    }
    if flags.circuitbreaker.is_some() {
        let error = match &state.circuitbreaker {
            None => Some(RunError::CircuitbreakerUnreachable),
            Some(service) if service.node_key != state.node.pubkey => {
                Some(RunError::CircuitbreakerMismatch)
            }
            Some(_) => None,
        };
        if let Some(error) = error {
            let channels = state.channels.iter().map(not_reached).collect();
            let answer = Answer::ended(error, channels, state);
            return Run { answer, decided: None, fault: None };
        }
    }
    let evaluation = evaluate(&rules, state);
    let refused = evaluation.refused.first().cloned();
    let pairs = evaluation.decisions.iter().zip(&state.channels);
    let channels: Vec<ChannelAnswer> =
        pairs.map(|(decision, channel)| carried_out(decision, channel, state, flags)).collect();
    let told = flags.circuitbreaker.is_some() && !flags.dry_run && refused.is_none();
    let breaker = if told { evaluation.breaker.clone() } else { BreakerChange::default() };
    let mut answer = Answer::ended_ok(state);
    answer.channels = channels;
    answer.circuitbreaker = state.circuitbreaker.as_ref().map(|_| breaker);
    if refused.is_some() {
        (answer.exit_code, answer.error) = (1, Some(RunError::ConfigInvalid));
        answer.channels.iter_mut().for_each(|channel| channel.reported = false);
    }
    Run { answer, decided: Some((rules, evaluation)), fault: refused }
}

impl Answer {
    fn ended_ok(state: &NodeState) -> Answer {
        let breaker = state.circuitbreaker.as_ref().map(|_| BreakerChange::default());
        Answer { exit_code: 0, error: None, channels: Vec::new(), circuitbreaker: breaker }
    }

    fn ended(error: RunError, channels: Vec<ChannelAnswer>, state: &NodeState) -> Answer {
        Answer { exit_code: 1, error: Some(error), channels, ..Answer::ended_ok(state) }
    }

    /// How many channels of the run could not be decided, by what failed.
    pub fn errors(&self) -> BTreeMap<&'static str, usize> {
        let mut errors = BTreeMap::new();
        for channel in &self.channels {
            let name = match channel.error {
                None => continue,
                Some(ErrorKind::Criteria) => "criteria",
                Some(ErrorKind::Strategy) => "strategy",
                Some(ErrorKind::NoChannelInfo) => "no_channel_info",
                Some(ErrorKind::NotReached) => "not_reached",
            };
            *errors.entry(name).or_default() += 1;
        }
        errors
    }
}

fn not_reached(channel: &Channel) -> ChannelAnswer {
    ChannelAnswer {
        chan_id: channel.chan_id,
        matched_section: None,
        inner_section: None,
        strategy: None,
        error: Some(ErrorKind::NotReached),
        warnings: Vec::new(),
        target: None,
        policy: channel.local_policy.clone(),
        update: None,
        status_action: None,
        rejected: None,
        changed: false,
        reported: false,
    }
}

/// What the node makes of a decision.
fn carried_out(
    decision: &Decision,
    channel: &Channel,
    state: &NodeState,
    flags: &Flags,
) -> ChannelAnswer {
    let mut answer = not_reached(channel);
    let text = |name: &Option<std::sync::Arc<str>>| name.as_ref().map(|name| name.to_string());
    answer.matched_section = text(&decision.section);
    answer.inner_section = text(&decision.inner_section);
    answer.strategy = text(&decision.strategy);
    answer.error = decision.error.as_ref().map(|error| error.kind);
    answer.warnings = decision.warnings.clone();
    answer.target = decision.target.clone();
    let known = answer.error != Some(ErrorKind::NoChannelInfo) && decision.section.is_some();
    answer.reported = known && (decision.is_change() || flags.verbose);
    if flags.dry_run {
        return answer;
    }
    answer.changed = decision.is_change();
    if let Some(update) = &decision.update {
        answer.rejected = refusal(update, channel, state);
        if answer.rejected.is_none() {
            keep(update, &mut answer.policy, state);
        }
        answer.update = Some(update.clone());
    }
    if let Some(status) = decision.status {
        answer.policy.disabled = status == Status::Disable;
        answer.status_action = Some(match status {
            Status::Disable => "DISABLE",
            // Asked again, the node decides by itself, and an active channel comes on.
            Status::Enable if channel.switches.reject_enable => "AUTO",
            Status::Enable => "ENABLE",
        });
    }
    answer
}

/// How the node refuses an update, if it does.
fn refusal(update: &PolicyUpdate, channel: &Channel, state: &NodeState) -> Option<Refusal> {
    let node = &state.node;
    if channel.switches.reject_update.is_some() {
        return channel.switches.reject_update;
    }
    let (least, most) = node.time_lock_delta_range;
    let in_range = (i128::from(least)..=i128::from(most)).contains(&update.time_lock_delta);
    let premium = update.inbound_base_fee_msat > 0 || update.inbound_fee_ppm > 0;
    let premium = premium && node.supports_inbound_fees && !node.accept_positive_inbound_fees;
    if !in_range || premium || update.fee_ppm < 0 || update.base_fee_msat < 0 {
        return Some(Refusal::Rpc);
    }
    let current = &channel.local_policy;
    let smallest = update.min_htlc_msat.unwrap_or(current.min_htlc_msat.into());
    let largest = match update.max_htlc_msat {
        0 => current.max_htlc_msat.into(),
        largest => largest,
    };
    (smallest > largest).then_some(Refusal::FailedUpdate)
}

/// The policy after an update that the node took.
fn keep(update: &PolicyUpdate, policy: &mut Policy, state: &NodeState) {
    let fit =
        |value: i128| i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX });
    policy.base_fee_msat = fit(update.base_fee_msat);
    policy.fee_ppm = fit(update.fee_ppm);
    policy.time_lock_delta = fit(update.time_lock_delta);
    if state.node.supports_inbound_fees {
        policy.inbound_base_fee_msat = fit(update.inbound_base_fee_msat);
        policy.inbound_fee_ppm = fit(update.inbound_fee_ppm);
    }
    if let Some(smallest) = update.min_htlc_msat {
        policy.min_htlc_msat = fit(smallest);
    }
    if update.max_htlc_msat != 0 {
        policy.max_htlc_msat = fit(update.max_htlc_msat);
    }
}

impl Serialize for Run {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.answer.serialize(serializer)
    }
}

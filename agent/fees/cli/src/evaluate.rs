//! `evaluate`: rules against a recorded node.
//!
//! It must never decide anything: it reads, asks, prints.

use debal_fees::state::NodeState;
use debal_fees::{
    Answer, ChannelAnswer, Dialect, Evaluation, Explanation, Flags, Options, Rules, Run, RunError,
    answer, explain, scid,
};
use serde_json::Value;

use crate::args::{Access, Common, DialectName, Given};
use crate::failure::Failure;
use crate::{Shown, read};

/// The options of a named dialect.
pub fn options(dialect: Option<DialectName>) -> Options {
    let dialect = dialect.map(|name| match name {
        DialectName::ChargeLnd => Dialect::ChargeLnd,
        DialectName::Debal => Dialect::Debal,
    });
    Options { dialect }
}

/// The recorded state that is given.
fn recorded(given: &Given) -> Result<NodeState, Failure> {
    let path = given.state.as_ref();
    let path = path.ok_or_else(|| Failure::of(2, "usage", "--state STATE.json is missing"))?;
    read::state(path)
}

/// Runs what is given over a state.
fn run(given: &Given, common: &Common, state: &NodeState) -> Result<Run, Failure> {
    let words = given.args.split_whitespace();
    let usage = |error: String| Failure::of(2, "usage", error);
    let mut flags = Flags::parse(words).map_err(|error| usage(error.to_string()))?;
    flags.verbose |= common.verbose > 0;
    let config = common.config.as_ref().ok_or_else(|| usage("-c RULES is missing".to_owned()))?;
    let rules = read::rules(config)?;
    let mut files = read::named(config);
    let file = config.display().to_string();
    let options = options(given.dialect);
    Ok(answer(rules.as_deref(), &file, &mut files, state, &flags, options))
}

/// Prints what a run would do.
pub fn evaluate(given: &Given, common: &Common, explained: bool) -> Result<Shown, Failure> {
    let state = recorded(given)?;
    let run = run(given, common, &state)?;
    let explained = explained || common.verbose > 1;
    let code = match run.answer.error {
        None => 0,
        Some(RunError::ConfigMissing | RunError::ConfigSyntax | RunError::ConfigInvalid) => 3,
        Some(RunError::CircuitbreakerMismatch | RunError::CircuitbreakerUnreachable) => 1,
    };
    let text = if common.json {
        format!("{}\n", to_json(&run, explained)?)
    } else {
        to_text(&run, &state, explained)
    };
    let notes = complaints(&run);
    Ok(Shown { text, notes, code })
}

/// What went wrong, for the error stream.
fn complaints(run: &Run) -> String {
    let mut text = String::new();
    if run.answer.error == Some(RunError::ConfigMissing) {
        text += "the rule file does not exist\n";
    }
    if let Some(fault) = &run.fault {
        text += &format!("{fault}\n");
    }
    let Some((_, evaluation)) = &run.decided else { return text };
    let mut last = String::new();
    for decision in &evaluation.decisions {
        let Some(error) = &decision.error else { continue };
        let line = format!("{}: left alone: {}\n", scid::show(decision.chan_id), error.fault);
        // One fault may meet every channel; it is told once.
        let fault = error.fault.to_string();
        if fault != last {
            text += &line;
        }
        last = fault;
    }
    text
}

fn to_json(run: &Run, explained: bool) -> Result<Value, Failure> {
    let failed =
        |error: serde_json::Error| Failure::of(1, "failed", format!("the answer: {error}"));
    let mut value = serde_json::to_value(&run.answer).map_err(failed)?;
    if explained && let Some((rules, evaluation)) = &run.decided {
        for (channel, explanation) in explanations(rules, evaluation) {
            if let Some(channel) = value["channels"].get_mut(channel.to_string()) {
                channel["explanation"] = serde_json::to_value(explanation).map_err(failed)?;
            }
        }
    }
    Ok(value)
}

fn explanations<'a>(
    rules: &'a Rules,
    evaluation: &'a Evaluation,
) -> impl Iterator<Item = (u64, Explanation)> + 'a {
    evaluation.decisions.iter().map(|decision| (decision.chan_id, explain(rules, decision)))
}

fn to_text(run: &Run, state: &NodeState, explained: bool) -> String {
    let Some((rules, evaluation)) = &run.decided else { return ended(&run.answer) };
    let mut text = String::new();
    for (answer, (channel, decision)) in
        run.answer.channels.iter().zip(state.channels.iter().zip(&evaluation.decisions))
    {
        if !answer.reported && !explained {
            continue;
        }
        let peer = state.node.peers.get(&channel.remote_pubkey);
        let alias = peer.map(|peer| peer.alias.as_str()).filter(|alias| !alias.is_empty());
        let name = alias.map(|alias| format!("{alias}|")).unwrap_or_default();
        text += &format!("{:<14} [{name}{}]\n", scid::show(answer.chan_id), channel.remote_pubkey);
        text += &changes(answer, &channel.local_policy);
        if explained {
            text += &explanation(&explain(rules, decision), "  ");
        }
    }
    text + &summary(&run.answer)
}

fn ended(answer: &Answer) -> String {
    match answer.error {
        None => "the file can be read; lint looks further\n".to_owned(),
        Some(_) => "nothing is evaluated\n".to_owned(),
    }
}

fn summary(answer: &Answer) -> String {
    let changed = answer.channels.iter().filter(|channel| channel.reported).count();
    let mut text = format!("{} channels, {changed} reported", answer.channels.len());
    for (name, count) in answer.errors() {
        text += &format!(", {count} with error {name}");
    }
    text + "\n"
}

/// A channel's settings, `old -> new` where they change.
fn changes(answer: &ChannelAnswer, current: &debal_fees::state::Policy) -> String {
    let line = |label: &str, value: String| format!("  {:<25}{value}\n", format!("{label}:"));
    let mut text = String::new();
    let inner = answer.inner_section.as_ref().map(|inner| format!(" ({inner})"));
    if let Some(section) = &answer.matched_section {
        text += &line("policy", format!("{section}{}", inner.unwrap_or_default()));
    }
    if let Some(strategy) = &answer.strategy {
        text += &line("strategy", strategy.clone());
    }
    let Some(target) = &answer.target else { return text };
    if let Some(disabled) = target.disabled {
        let word = |disabled: bool| if disabled { "disabled" } else { "enabled" };
        if disabled != current.disabled {
            let change = format!("{} -> {}", word(current.disabled), word(disabled));
            text += &line("channel status", change);
        }
    }
    for (label, wanted, current) in [
        ("base_fee_msat", target.base_fee_msat, current.base_fee_msat),
        ("fee_ppm", target.fee_ppm, current.fee_ppm),
        ("inbound_base_fee_msat", target.inbound_base_fee_msat, current.inbound_base_fee_msat),
        ("inbound_fee_ppm", target.inbound_fee_ppm, current.inbound_fee_ppm),
        ("min_htlc_msat", target.min_htlc_msat, current.min_htlc_msat),
        ("max_htlc_msat", target.max_htlc_msat, current.max_htlc_msat),
        ("time_lock_delta", target.time_lock_delta, current.time_lock_delta),
    ] {
        match wanted {
            Some(wanted) if wanted != i128::from(current) => {
                text += &line(label, format!("{current} -> {wanted}"));
            }
            Some(_) => text += &line(label, current.to_string()),
            None => {}
        }
    }
    if let Some(refusal) = answer.rejected {
        text += &line("refused by the node", format!("{refusal:?}"));
    }
    text
}

/// An explanation, line by line.
pub fn explanation(explanation: &Explanation, indent: &str) -> String {
    let mut text = String::new();
    for step in &explanation.steps {
        let sign = if step.matched { "+" } else { "-" };
        text += &format!("{indent}{sign} [{}] {} ({})\n", step.section, step.why, step.place);
    }
    for origin in &explanation.origins {
        text += &format!("{indent}  {origin}\n");
    }
    for note in &explanation.notes {
        text += &format!("{indent}= {note}\n");
    }
    if let Some(included) = &explanation.included {
        text += &format!("{indent}included rules:\n");
        text += &self::explanation(included, &format!("{indent}  "));
    }
    text
}

/// `test-channel`: one channel, with every reason.
pub fn test_channel(
    channel: &str,
    given: &Given,
    access: &Access,
    common: &Common,
) -> Result<Shown, Failure> {
    let chan_id = scid::read(channel).ok_or_else(|| {
        Failure::of(2, "usage", format!("{channel} is no channel id: a number, BxTxO or B:T:O"))
    })?;
    let (state, warning) = match given.state {
        Some(_) => (recorded(given)?, String::new()),
        None => crate::live::state(access, common, given.dialect)?,
    };
    let run = run(given, common, &state)?;
    let notes = warning + &complaints(&run);
    let Some((rules, evaluation)) = &run.decided else {
        let code = if run.answer.error.is_none() { 0 } else { 3 };
        return Ok(Shown { text: ended(&run.answer), notes, code });
    };
    let found = evaluation.decisions.iter().position(|decision| decision.chan_id == chan_id);
    let found = found.and_then(|index| {
        Some((state.channels.get(index)?, evaluation.decisions.get(index)?, index))
    });
    let Some((channel, decision, index)) = found else {
        let message = format!("the state has no channel {}", scid::show(chan_id));
        return Err(Failure::invalid("unknown_channel", message));
    };
    let answer = run.answer.channels.get(index);
    let explained = explain(rules, decision);
    let failed = |error: serde_json::Error| Failure::of(1, "failed", error.to_string());
    if common.json {
        let value = serde_json::json!({
            "channel": scid::show(chan_id),
            "result": serde_json::to_value(answer).map_err(failed)?,
            "explanation": serde_json::to_value(explained).map_err(failed)?,
            "safety": serde_json::to_value(decision.safety).map_err(failed)?,
        });
        return Ok(Shown { text: format!("{value}\n"), notes: String::new(), code: 0 });
    }
    let mut text = format!("{} with {}\n", scid::show(chan_id), channel.remote_pubkey);
    text += &explanation(&explained, "  ");
    text += &answer.map(|answer| changes(answer, &channel.local_policy)).unwrap_or_default();
    if decision.section.is_none() && decision.error.is_none() {
        text += "  no section applies: the channel is left as it is\n";
    }
    Ok(Shown { text, notes: String::new(), code: 0 })
}

//! Commands that speak with a node: apply, snapshot, rollback.
//!
//! They must never send what the manager has not written down.

use crate::access::{breaker, connect, failed, history, now_s};
use crate::args::{Access, Common, DialectName};
use crate::evaluate::options;
use crate::failure::Failure;
use crate::{Shown, read, show};
use debal_fees::{Needs, NodeState, Rules};
use debal_fees_learn::guard::{Verdict, Watch};
use debal_fees_manager::{Candidate, Manager, ManagerError, Outcome, Pace};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::path::Path;

/// A rule file and the name of its content.
pub struct RuleFile {
    /// The rules.
    pub rules: Rules,
    /// SHA-256 of the file, hex.
    pub digest: String,
}

/// Reads and compiles the rule file of a command line.
pub fn rule_file(common: &Common, dialect: Option<DialectName>) -> Result<RuleFile, Failure> {
    let path = common.config.as_ref();
    let path = path.ok_or_else(|| Failure::of(2, "usage", "-c RULES is missing".to_owned()))?;
    rule_file_at(path, dialect)
}

/// Reads and compiles a rule file with the files it names, for a program around this one.
///
/// # Errors
/// What is wrong, with file and line.
pub fn read_rule_file(path: &Path) -> Result<RuleFile, String> {
    rule_file_at(path, None).map_err(|failure| failure.message)
}

fn rule_file_at(path: &Path, dialect: Option<DialectName>) -> Result<RuleFile, Failure> {
    let shown = path.display().to_string();
    let text = read::rules(path)?
        .ok_or_else(|| Failure::invalid("config_missing", format!("{shown} does not exist")))?;
    let mut files = read::named(path);
    let rules = Rules::compile(&text, &shown, &mut files, options(dialect))
        .map_err(|fault| Failure::invalid("config_syntax", fault.to_string()))?;
    let digest = Sha256::digest(text.as_bytes());
    let digest = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(RuleFile { rules, digest })
}

/// Runs a future to its end.
pub fn block<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::of(1, "failed", format!("runtime: {error}")))?;
    runtime.block_on(work)
}

/// A manager's error as a failure.
pub fn stopped(error: &ManagerError) -> Failure {
    match error {
        ManagerError::Node(error) => failed(error),
        ManagerError::OtherNode { .. } => Failure::of(1, "circuitbreaker", error.to_string()),
        ManagerError::History(error) => Failure::of(1, "history", error.to_string()),
    }
}

/// `apply`.
pub fn apply(
    access: &Access,
    common: &Common,
    dry_run: bool,
    dialect: Option<DialectName>,
) -> Result<Shown, Failure> {
    let file = rule_file(common, dialect)?;
    let (_writer, history) = history(&access.memory)?;
    block(async {
        let (node, mut notes) = connect(access).await?;
        let breaker = breaker(access, &mut notes)?;
        let mut manager = Manager::new(node.as_ref(), history, Pace::MANUAL).with_breaker(breaker);
        let applied = manager.apply(&file.rules, &file.digest, dry_run, now_s()).await;
        let applied = applied.map_err(|error| stopped(&error))?;
        let text = if common.json {
            format!("{}\n", json!(applied))
        } else {
            show::applied(&applied, common.verbose)
        };
        let code = u8::from(!applied.is_complete());
        Ok(Shown { text, notes, code })
    })
}

/// The node as rules see it: what the given rules look at, or everything.
pub fn state(
    access: &Access,
    common: &Common,
    dialect: Option<DialectName>,
) -> Result<(NodeState, String), Failure> {
    let needs = match common.config {
        Some(_) => rule_file(common, dialect)?.rules.needs(),
        None => Needs::everything(),
    };
    let (_writer, history) = history(&access.memory)?;
    block(async {
        let (node, mut notes) = connect(access).await?;
        let breaker = breaker(access, &mut notes)?;
        let mut manager = Manager::new(node.as_ref(), history, Pace::MANUAL).with_breaker(breaker);
        let now_s = now_s();
        let mut state = manager.snapshot(now_s, &needs).await.map_err(|error| stopped(&error))?;
        manager.add_trials(&mut state, now_s).map_err(|error| stopped(&error))?;
        Ok((state, notes))
    })
}

/// `snapshot`.
pub fn snapshot(access: &Access, common: &Common, output: Option<&Path>) -> Result<Shown, Failure> {
    let (state, notes) = state(access, common, None)?;
    let channels = state.channels.len();
    let text = format!("{}\n", json!(state));
    let Some(path) = output else { return Ok(Shown { text, notes, code: 0 }) };
    std::fs::write(path, text)
        .map_err(|error| Failure::of(1, "failed", format!("{}: {error}", path.display())))?;
    let text = format!("{channels} channels recorded in {}\n", path.display());
    Ok(Shown { text, notes, code: 0 })
}

/// `rollback`.
pub fn rollback(
    access: &Access,
    as_json: bool,
    execute: bool,
    threshold: f64,
) -> Result<Shown, Failure> {
    if !(0.0..=1.0).contains(&threshold) {
        return Err(Failure::of(2, "usage", "--threshold must be 0 to 1".to_owned()));
    }
    let (_writer, history) = history(&access.memory)?;
    block(async {
        let (node, notes) = connect(access).await?;
        let mut manager = Manager::new(node.as_ref(), history, Pace::MANUAL);
        let now_s = now_s();
        manager.recover(now_s).await.map_err(|error| stopped(&error))?;
        // Forwards up to now, and where the channels are.
        let needs = Needs { forwards_s: 1, ..Needs::default() };
        let state = manager.snapshot(now_s, &needs).await.map_err(|error| stopped(&error))?;
        let watch = Watch { threshold, ..Watch::default() };
        let judged = manager.judge(|_| Some(watch), now_s).map_err(|error| stopped(&error))?;
        let points =
            state.channels.iter().map(|channel| (channel.chan_id, channel.channel_point.clone()));
        let points: std::collections::BTreeMap<u64, String> = points.collect();
        let undone =
            if execute { undo(&manager, &judged, &points, now_s).await? } else { Vec::new() };
        let failed = undone.iter().any(|undone| undone.outcome != Outcome::Changed);
        let text = if as_json {
            format!("{}\n", json!({"judged": judged, "undone": undone}))
        } else {
            show::judged(&judged, &undone, execute)
        };
        Ok(Shown { text, notes, code: u8::from(failed) })
    })
}

/// Takes back what the guard says, each once.
pub async fn undo(
    manager: &Manager<'_>,
    judged: &[Candidate],
    points: &std::collections::BTreeMap<u64, String>,
    now_s: i64,
) -> Result<Vec<debal_fees_manager::Undone>, Failure> {
    let mut undone = Vec::new();
    for candidate in judged {
        if manager.is_to_stop() {
            break;
        }
        let Verdict::RollBack(figures) = candidate.verdict else { continue };
        let Some(point) = points.get(&candidate.change.channel) else { continue };
        let reason = format!("revenue fell by {:.0} %", 100.0 * figures.drop);
        let done = manager.undo(&candidate.change, point, &reason, now_s).await;
        undone.push(done.map_err(|error| stopped(&error))?);
    }
    Ok(undone)
}

/// `charge-lnd`: its flags, its language, its exit codes (0 ran, 1 did not).
pub fn charge_lnd(
    access: &Access,
    common: &Common,
    (dry_run, check): (bool, bool),
) -> Result<Shown, Failure> {
    let ran = |failure: Failure| Failure { code: failure.code.min(1), ..failure };
    let dialect = Some(DialectName::ChargeLnd);
    if check {
        let file = rule_file(common, dialect).map_err(ran)?;
        let text = format!("{}: the file can be read; `lint` looks further\n", file.rules.file());
        return Ok(Shown { text, notes: String::new(), code: 0 });
    }
    let shown = apply(access, common, dry_run, dialect).map_err(ran)?;
    // Refused updates are reported and are no failure there.
    Ok(Shown { code: 0, ..shown })
}

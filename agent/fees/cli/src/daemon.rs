//! `daemon`: pass after pass, with a fresh look at the rule file each time.
//!
//! A rule file that cannot be read keeps the old rules and says so. It must never change a channel
//! oftener than its pace, and never end because the node is away for a while.

use crate::Shown;
use crate::access::{breaker, connect, history, now_s};
use crate::args::{Access, Common, DialectName};
use crate::failure::Failure;
use crate::live::{RuleFile, block, rule_file, stopped, undo};
use crate::show;
use debal_fees_learn::guard::Watch;
use debal_fees_manager::{Applied, FeeNode, Manager, Pace};
use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// Runs passes until a signal; one pass without an interval.
pub fn run(
    access: &Access,
    common: &Common,
    every: Option<Duration>,
    dialect: Option<DialectName>,
    err: &mut dyn Write,
) -> Result<Shown, Failure> {
    let mut file = rule_file(common, dialect)?;
    let (_writer, history) = history(&access.memory)?;
    block(async {
        let (node, mut warning) = connect(access).await?;
        let breaker = breaker(access, &mut warning)?;
        let _ = err.write_all(warning.as_bytes());
        let mut manager = Manager::new(node.as_ref(), history, Pace::DAEMON).with_breaker(breaker);
        let signals = [SignalKind::terminate(), SignalKind::interrupt()].map(signal);
        let [terminate, interrupt] = signals;
        let named = |error: std::io::Error| Failure::of(1, "failed", format!("signals: {error}"));
        let (mut terminate, mut interrupt) = (terminate.map_err(named)?, interrupt.map_err(named)?);
        loop {
            let told = pass(&mut manager, node.as_ref(), &file).await;
            let code = u8::from(told.is_err());
            let line = told.unwrap_or_else(|failure| format!("pass failed: {}\n", failure.message));
            let Some(every) = every else {
                return Ok(Shown { text: line, notes: String::new(), code });
            };
            let _ = err.write_all(line.as_bytes());
            tokio::select! {
                () = tokio::time::sleep(jittered(every)) => {}
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
            }
            match rule_file(common, dialect) {
                Ok(fresh) => file = fresh,
                Err(failure) => {
                    let line = format!("the old rules stay in force: {}\n", failure.message);
                    let _ = err.write_all(line.as_bytes());
                }
            }
        }
        Ok(Shown { text: "stopped\n".to_owned(), notes: String::new(), code: 0 })
    })
}

/// One pass: rules, then what the rules allow to be taken back.
async fn pass(
    manager: &mut Manager<'_>,
    node: &dyn FeeNode,
    file: &RuleFile,
) -> Result<String, Failure> {
    let now_s = now_s();
    let applied = manager.apply(&file.rules, &file.digest, false, now_s).await;
    let applied = applied.map_err(|error| stopped(&error))?;
    let watches = watches(&applied);
    let judged = manager.judge(|channel| watches.get(&channel).copied(), now_s);
    let judged = judged.map_err(|error| stopped(&error))?;
    let points: BTreeMap<u64, String> =
        applied.channels.iter().map(|channel| (channel.chan_id, channel.point.clone())).collect();
    let undone = undo(manager, &judged, &points, now_s).await?;
    let mut line = show::one_line(&applied);
    for remark in node.remarks() {
        line += &format!("{remark}\n");
    }
    if !undone.is_empty() {
        line += &format!("{} changes taken back\n", undone.len());
    }
    Ok(line)
}

/// Channels whose rules want a change watched.
fn watches(applied: &Applied) -> BTreeMap<u64, Watch> {
    let watched = applied.channels.iter().filter(|channel| channel.safety.enable_auto_rollback);
    let of = |channel: &debal_fees_manager::ChannelRun| {
        let threshold = channel.safety.rollback_threshold;
        (channel.chan_id, Watch { threshold, ..Watch::default() })
    };
    watched.map(of).collect()
}

/// The interval, up to a fifth longer or shorter, so that nodes do not gossip in step.
fn jittered(every: Duration) -> Duration {
    let draw = getrandom::u32().map_or(0.5, |bits| f64::from(bits) / f64::from(u32::MAX));
    every.mul_f64(0.8 + 0.4 * draw)
}

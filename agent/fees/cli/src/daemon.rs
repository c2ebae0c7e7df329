//! `daemon`: pass after pass, with a fresh look at the rule file each time.
//!
//! Beside the passes it listens to failed forwards and answers scrapes. A rule file that cannot be
//! read keeps the old rules and says so. It must never change a channel oftener than its pace,
//! never end because the node is away for a while, and never end in the middle of an update.

use crate::Shown;
use crate::access::{breaker, connect, history, now_s};
use crate::args::{Access, Common, DialectName};
use crate::failure::Failure;
use crate::live::{RuleFile, block, rule_file, stopped, undo};
use crate::metrics::{Metrics, bind, serve};
use crate::show;
use debal_fees_learn::guard::Watch;
use debal_fees_manager::{Applied, FIRST_PAUSE, FeeNode, Listener, Manager, Pace, listen};
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::Instant;

/// Failed forwards on their way into the history; a full queue makes the stream wait.
const HEARD_MAX: usize = 10_000;
/// What was heard is written down this often.
const TAKE_EVERY: Duration = Duration::from_secs(5);

/// How the daemon runs.
#[derive(Debug, Clone, Copy)]
pub struct Daemon<'a> {
    /// Between two passes; one pass is made without it.
    pub every: Option<Duration>,
    /// Whose language the rule file is.
    pub dialect: Option<DialectName>,
    /// Where metrics are served.
    pub metrics: Option<&'a str>,
}

/// What a signal asks.
enum Asked {
    /// To end after what is under way.
    End,
    /// To read the rule file and make a pass, now.
    Reload,
}

struct Signals {
    end: [Signal; 2],
    reload: Signal,
}

impl Signals {
    fn new() -> Result<Self, Failure> {
        let of = |kind| {
            let named = |error| Failure::of(1, "failed", format!("signals: {error}"));
            signal(kind).map_err(named)
        };
        let end = [of(SignalKind::terminate())?, of(SignalKind::interrupt())?];
        Ok(Self { end, reload: of(SignalKind::hangup())? })
    }

    async fn next(&mut self) -> Asked {
        let [terminate, interrupt] = &mut self.end;
        tokio::select! {
            _ = terminate.recv() => Asked::End,
            _ = interrupt.recv() => Asked::End,
            _ = self.reload.recv() => Asked::Reload,
        }
    }
}

/// Runs passes until a signal; one pass without an interval.
pub fn run(
    access: &Access,
    common: &Common,
    how: Daemon<'_>,
    err: &mut dyn Write,
) -> Result<Shown, Failure> {
    let file = rule_file(common, how.dialect)?;
    let (_writer, history) = history(&access.memory)?;
    block(async {
        let signals = Signals::new()?;
        let (node, mut warning) = connect(access).await?;
        let breaker = breaker(access, &mut warning)?;
        let node = node.as_ref();
        let _ = err.write_all(warning.as_bytes());
        let mut manager = Manager::new(node, history, Pace::DAEMON).with_breaker(breaker);
        let stop = Arc::new(AtomicBool::new(false));
        manager.stop_on(Arc::clone(&stop));
        let metrics = Metrics::default();
        let Some(every) = how.every else {
            let told = pass(&mut manager, node, &file, &metrics).await;
            let code = u8::from(told.is_err());
            let text = told.unwrap_or_else(|failure| pass_failed(&failure));
            return Ok(Shown { text, notes: String::new(), code });
        };
        let listener = match how.metrics {
            None => None,
            Some(text) => {
                let (listener, said) = bind(text).await?;
                let _ = err.write_all(said.as_bytes());
                Some(listener)
            }
        };
        let (tell, heard) = tokio::sync::mpsc::channel(HEARD_MAX);
        let listening = Listener::new(heard);
        let mut passes =
            Passes { manager, node, file, signals, stop, listening, metrics: &metrics, err };
        let ears = async {
            listen(node, tell, FIRST_PAUSE).await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = passes.go_on(common, how.dialect, every) => {}
            () = ears => {}
            never = serve(listener, &metrics) => match never {},
        }
        Ok(Shown { text: "stopped\n".to_owned(), notes: String::new(), code: 0 })
    })
}

/// A running daemon.
struct Passes<'a, 'e> {
    manager: Manager<'a>,
    node: &'a dyn FeeNode,
    file: RuleFile,
    signals: Signals,
    stop: Arc<AtomicBool>,
    listening: Listener,
    metrics: &'a Metrics,
    err: &'e mut dyn Write,
}

impl Passes<'_, '_> {
    async fn go_on(&mut self, common: &Common, dialect: Option<DialectName>, every: Duration) {
        loop {
            let again = self.pass().await;
            self.take(true);
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            if !again && !self.wait(Instant::now() + jittered(every)).await {
                self.take(true);
                return;
            }
            match rule_file(common, dialect) {
                Ok(fresh) => {
                    if fresh.digest != self.file.digest {
                        self.say(&format!("the rules of {} are in force\n", fresh.rules.file()));
                    }
                    self.file = fresh;
                }
                Err(failure) => {
                    self.metrics.figures().bad_rules += 1;
                    self.say(&format!("the old rules stay in force: {}\n", failure.message));
                }
            }
        }
    }

    fn say(&mut self, text: &str) {
        // Nobody is left to be told that nobody reads.
        let _ = self.err.write_all(text.as_bytes());
    }

    /// One pass; signals meanwhile are heard, and act when the update under way has ended. Whether
    /// another pass was asked for.
    async fn pass(&mut self) -> bool {
        let mut again = false;
        let told = {
            let made = pass(&mut self.manager, self.node, &self.file, self.metrics);
            tokio::pin!(made);
            loop {
                tokio::select! {
                    told = &mut made => break told,
                    asked = self.signals.next() => match asked {
                        Asked::End => self.stop.store(true, Ordering::Relaxed),
                        Asked::Reload => again = true,
                    },
                }
            }
        };
        let mut figures = self.metrics.figures();
        let line = match told {
            Ok(line) => {
                (figures.passes.0, figures.last_pass_s) = (figures.passes.0 + 1, Some(now_s()));
                line
            }
            Err(failure) => {
                figures.passes.1 += 1;
                figures.node_reachable &= failure.kind != "node";
                pass_failed(&failure)
            }
        };
        drop(figures);
        self.say(&line);
        again
    }

    /// Waits for the next pass, and writes down what is heard meanwhile; false if it is to end.
    async fn wait(&mut self, next: Instant) -> bool {
        loop {
            let due = next.min(Instant::now() + TAKE_EVERY);
            tokio::select! {
                () = tokio::time::sleep_until(due) => {
                    self.take(false);
                    if due >= next {
                        return true;
                    }
                }
                asked = self.signals.next() => return matches!(asked, Asked::Reload),
            }
        }
    }

    /// Writes down what was heard of failed forwards.
    fn take(&mut self, whole: bool) {
        let said = self.listening.take(&mut self.manager, now_s(), whole);
        let said = said.unwrap_or_else(|error| vec![format!("failed forwards are lost: {error}")]);
        self.metrics.figures().failed = (self.listening.taken(), self.listening.is_open());
        for line in said {
            self.say(&format!("{line}\n"));
        }
    }
}

fn pass_failed(failure: &Failure) -> String {
    format!("pass failed: {}\n", failure.message)
}

/// One pass: rules, then what the rules allow to be taken back.
async fn pass(
    manager: &mut Manager<'_>,
    node: &dyn FeeNode,
    file: &RuleFile,
    metrics: &Metrics,
) -> Result<String, Failure> {
    let now_s = now_s();
    let applied = manager.apply(&file.rules, &file.digest, false, now_s).await;
    let applied = applied.map_err(|error| stopped(&error))?;
    let left = manager.budget_left(&applied, now_s).map_err(|error| stopped(&error))?;
    {
        let mut figures = metrics.figures();
        figures.add(&applied);
        (figures.budget_left, figures.node_reachable) = (left, applied.stopped.is_none());
    }
    let mut line = show::one_line(&applied);
    for remark in node.remarks() {
        line += &format!("{remark}\n");
    }
    if applied.stopped.is_some() {
        return Ok(line);
    }
    let watches = watches(&applied);
    let judged = manager.judge(|channel| watches.get(&channel).copied(), now_s);
    let judged = judged.map_err(|error| stopped(&error))?;
    let points: BTreeMap<u64, String> =
        applied.channels.iter().map(|channel| (channel.chan_id, channel.point.clone())).collect();
    let undone = undo(manager, &judged, &points, now_s).await?;
    if !undone.is_empty() {
        metrics.figures().rollbacks += undone.len() as u64;
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

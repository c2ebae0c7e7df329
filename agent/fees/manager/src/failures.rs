//! Listening to forwards that fail on our own links, for as long as the daemon runs.
//!
//! A node tells them once and keeps none, so the stream is kept open, opened again when it is lost,
//! and every span in which nobody listened is said. It must never fail a pass: without the stream
//! everything else goes on.

use crate::error::{ManagerError, NodeError};
use crate::{FeeNode, Manager};
use debal_fees_history::{FailedForward, FeeHistory};
use debal_fees_learn::DAY_S;
use debal_fees_learn::span::Span;
use futures::StreamExt;
use std::time::Duration;
use tokio::sync::mpsc::{Receiver, Sender};

/// The usual pause before a lost stream is opened again; doubled each time, up to the longest.
pub const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// A stream that lasted this long was a sound one: the next pause is short again.
const SOUND: Duration = Duration::from_secs(60);
/// Failures are kept this long, seconds: as far as rules may look back.
const KEPT_S: i64 = 90 * DAY_S;

/// What the listener tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// The stream is open.
    Open,
    /// A forward failed.
    Failed(FailedForward),
    /// The stream is closed.
    Lost {
        /// Why.
        why: String,
        /// It is tried again after this; without it, never: the node has no such stream.
        again: Option<Duration>,
    },
}

/// Listens and tells, until nobody hears it any more. Where `heard` is full the stream waits: what
/// was told is never dropped. A lost stream is opened again after `first`, then ever later.
pub async fn listen(node: &dyn FeeNode, heard: Sender<Heard>, first: Duration) {
    let mut pause = first;
    loop {
        let opened = tokio::time::Instant::now();
        let error = match node.failures().await {
            Err(error) => error,
            Ok(mut failures) => {
                let mut told = heard.send(Heard::Open).await;
                loop {
                    if told.is_err() {
                        return;
                    }
                    told = match failures.next().await {
                        Some(Ok(failed)) => heard.send(Heard::Failed(failed)).await,
                        Some(Err(error)) => break error,
                        None => break NodeError::Unavailable("the stream ended".to_owned()),
                    };
                }
            }
        };
        if opened.elapsed() >= SOUND {
            pause = first;
        }
        let again = (!matches!(error, NodeError::Refused(_))).then_some(pause);
        if heard.send(Heard::Lost { why: error.to_string(), again }).await.is_err() {
            return;
        }
        let Some(pause_now) = again else { return std::future::pending().await };
        tokio::time::sleep(pause_now).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// What was heard, on its way into the history.
#[derive(Debug)]
pub struct Listener {
    heard: Receiver<Heard>,
    /// Since when the stream is open, unix seconds.
    since_s: Option<i64>,
    taken: u64,
}

impl Listener {
    /// Takes the other end of a [`listen`].
    #[must_use]
    pub const fn new(heard: Receiver<Heard>) -> Self {
        Self { heard, since_s: None, taken: 0 }
    }

    /// Whether the stream is open.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.since_s.is_some()
    }

    /// Failed forwards taken in so far.
    #[must_use]
    pub const fn taken(&self) -> u64 {
        self.taken
    }

    /// Writes down what was heard since the last time; returns what is to be said. `whole` also
    /// writes down how long was listened.
    ///
    /// # Errors
    /// [`ManagerError::History`].
    pub fn take(
        &mut self,
        manager: &mut Manager<'_>,
        now_s: i64,
        whole: bool,
    ) -> Result<Vec<String>, ManagerError> {
        let (mut failed, mut said) = (Vec::new(), Vec::new());
        while let Ok(heard) = self.heard.try_recv() {
            match heard {
                Heard::Failed(one) => failed.push(one),
                Heard::Open => {
                    said.push(opened(manager.history(), now_s)?);
                    self.since_s = Some(now_s);
                }
                Heard::Lost { why, again } => {
                    self.until(manager.history(), now_s)?;
                    self.since_s = None;
                    said.push(lost(&why, again));
                }
            }
        }
        if !failed.is_empty() {
            let new = manager.history_mut().add_failed(&failed)?;
            self.taken += new as u64;
        }
        if whole || !failed.is_empty() {
            self.until(manager.history(), now_s)?;
        }
        if whole {
            manager.history().forget_failed(now_s.saturating_sub(KEPT_S))?;
        }
        Ok(said)
    }

    fn until(&self, history: &FeeHistory, now_s: i64) -> Result<(), ManagerError> {
        let Some(from_s) = self.since_s else { return Ok(()) };
        Ok(history.watched(Span { from_s, to_s: now_s })?)
    }
}

fn opened(history: &FeeHistory, now_s: i64) -> Result<String, ManagerError> {
    let last = history.watched_since(now_s.saturating_sub(KEPT_S))?.last().map(|span| span.to_s);
    Ok(match last.map(|to_s| now_s.saturating_sub(to_s)) {
        None => "failed forwards are listened to from now on; the node tells none of before",
        Some(0) => "failed forwards are listened to again; nothing was missed",
        Some(missed_s) => {
            let minutes = missed_s.div_euclid(60);
            return Ok(format!(
                "failed forwards are listened to again; what failed in {minutes} min {} s without \
                 the stream is not known: the node does not repeat it",
                missed_s.rem_euclid(60)
            ));
        }
    }
    .to_owned())
}

fn lost(why: &str, again: Option<Duration>) -> String {
    match again {
        Some(pause) => format!(
            "failed forwards are not heard now ({why}); listening again in {} s",
            pause.as_secs()
        ),
        None => format!(
            "failed forwards are not heard ({why}); rules about them see what the history holds"
        ),
    }
}

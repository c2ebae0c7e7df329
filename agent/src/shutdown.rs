//! Why an agent stops: a signal, an operator's request, or a failure.
//!
//! A stop by signal or request is graceful and bounded; a second signal ends the process at once.

use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// How long open transfers may take to end after a request to stop. Longer than a hop's usual round
/// trip, shorter than what service managers give before they kill.
pub const PATIENCE: Duration = Duration::from_secs(8);

/// The process's signal handlers.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Takes SIGTERM and SIGINT over from the operating system's default.
    ///
    /// # Errors
    /// The operating system refuses.
    pub fn install() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next signal and names it.
    pub async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// Waits for an operator's request to stop.
pub async fn requested(mut stop: watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        // Nobody can ask any more; the other reasons to stop remain.
        std::future::pending::<()>().await;
    }
}

//! Why an agent stops: a signal, an operator's request, or a failure.
//!
//! A stop by signal or request is graceful and bounded; a second signal ends the process at once.

use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// How long open transfers may take to end after a request to stop. Longer than a hop's usual round
/// trip, shorter than what service managers give before they kill.
pub const PATIENCE: Duration = Duration::from_secs(8);

/// Waits for SIGTERM or SIGINT, or for an operator's request, and says which it was.
///
/// # Errors
/// The operating system refuses signal handlers.
pub async fn asked(mut stop: watch::Receiver<bool>) -> std::io::Result<&'static str> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => Ok("SIGTERM"),
        _ = interrupt.recv() => Ok("SIGINT"),
        _ = stop.wait_for(|stop| *stop) => Ok("request"),
    }
}

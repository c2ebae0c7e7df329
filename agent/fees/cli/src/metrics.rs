//! The daemon's figures for Prometheus, over HTTP on an address that somebody chose.
//!
//! It answers `GET /metrics` with counts and ages, reads at most a kilobyte and gives nobody more
//! than two seconds. It must never show an amount, a channel, a name or a credential.

use crate::access::now_s;
use crate::failure::Failure;
use debal_fees_manager::{Applied, ChannelRun, Outcome};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const REQUEST_MAX_BYTES: usize = 1_024;
const TIME_LIMIT: Duration = Duration::from_secs(2);

/// Counts since the daemon began, and how things stand.
#[derive(Debug, Default, Clone)]
pub struct Figures {
    /// Passes that came to their end, and that failed.
    pub passes: (u64, u64),
    /// Channels decided.
    pub decisions: u64,
    /// Changes in force by the rules' own rates, and by learned ones.
    pub changes: (u64, u64),
    /// Changes that the node refused, or that are not in force.
    pub refusals: u64,
    /// Changes put off by pace or hold-off.
    pub held_back: u64,
    /// Changes taken back.
    pub rollbacks: u64,
    /// Channels whose rules are in error, now.
    pub rule_errors: u64,
    /// Changes that may still be made in this day.
    pub budget_left: u64,
    /// When the last pass came to its end, unix seconds.
    pub last_pass_s: Option<i64>,
    /// Whether the node answered in the last pass.
    pub node_reachable: bool,
    /// Rule files that could not be read.
    pub bad_rules: u64,
    /// Failed forwards heard, and whether somebody listens.
    pub failed: (u64, bool),
}

impl Figures {
    /// Adds what a pass did.
    pub fn add(&mut self, applied: &Applied) {
        let count = |is: fn(&ChannelRun) -> bool| {
            applied.channels.iter().filter(|channel| is(channel)).count() as u64
        };
        self.decisions += applied.channels.len() as u64;
        let changed = |channel: &ChannelRun| channel.outcome == Outcome::Changed;
        self.changes.0 += count(|channel| channel.outcome == Outcome::Changed && !channel.learned);
        let learned = applied.channels.iter().filter(|one| changed(one) && one.learned);
        self.changes.1 += learned.count() as u64;
        self.refusals += count(|channel| {
            matches!(channel.outcome, Outcome::Refused(_) | Outcome::NotInForce(_))
        });
        self.held_back += count(|channel| matches!(channel.outcome, Outcome::HeldBack(_)));
        self.rule_errors = count(|channel| matches!(channel.outcome, Outcome::Error(_)));
    }

    fn text(&self, now_s: i64) -> String {
        let age_s = self.last_pass_s.map(|at_s| now_s.saturating_sub(at_s).max(0));
        let flag = u64::from;
        let single: [(&str, &str, &str, u64); 9] = [
            ("decisions_total", "counter", "Channels decided.", self.decisions),
            ("refusals_total", "counter", "Changes the node did not take.", self.refusals),
            ("held_back_total", "counter", "Changes put off by the pace.", self.held_back),
            ("rollbacks_total", "counter", "Changes taken back.", self.rollbacks),
            ("bad_rules_total", "counter", "Rule files that could not be read.", self.bad_rules),
            ("rule_errors", "gauge", "Channels whose rules are in error.", self.rule_errors),
            ("budget_left", "gauge", "Changes that may still be made today.", self.budget_left),
            ("node_reachable", "gauge", "Whether the node answered.", flag(self.node_reachable)),
            ("listening", "gauge", "Whether failed forwards are heard.", flag(self.failed.1)),
        ];
        let mut text = String::new();
        let head = |text: &mut String, name: &str, kind: &str, help: &str| {
            *text += &format!("# HELP debal_fees_{name} {help}\n# TYPE debal_fees_{name} {kind}\n");
        };
        for (name, kind, help, value) in single {
            head(&mut text, name, kind, help);
            text += &format!("debal_fees_{name} {value}\n");
        }
        head(&mut text, "failed_forwards_total", "counter", "Failed forwards heard.");
        text += &format!("debal_fees_failed_forwards_total {}\n", self.failed.0);
        head(&mut text, "passes_total", "counter", "Passes over the node.");
        text += &format!("debal_fees_passes_total{{end=\"done\"}} {}\n", self.passes.0);
        text += &format!("debal_fees_passes_total{{end=\"failed\"}} {}\n", self.passes.1);
        head(&mut text, "changes_total", "counter", "Changes in force, by who chose the rate.");
        text += &format!("debal_fees_changes_total{{origin=\"rules\"}} {}\n", self.changes.0);
        text += &format!("debal_fees_changes_total{{origin=\"learning\"}} {}\n", self.changes.1);
        if let Some(age_s) = age_s {
            head(&mut text, "last_pass_age_seconds", "gauge", "Since the last pass that ended.");
            text += &format!("debal_fees_last_pass_age_seconds {age_s}\n");
        }
        text
    }
}

/// The figures, shared between the passes and the scrapes.
#[derive(Debug, Default)]
pub struct Metrics(Mutex<Figures>);

impl Metrics {
    /// The figures; a panic elsewhere leaves them as they were.
    pub fn figures(&self) -> MutexGuard<'_, Figures> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Binds what `--metrics` names: `HOST:PORT`, or a port on this machine alone.
pub async fn bind(text: &str) -> Result<(TcpListener, String), Failure> {
    let wrong = |why: String| Failure::of(2, "usage", format!("--metrics {text}: {why}"));
    let address: SocketAddr = match text.parse::<u16>() {
        Ok(port) => (IpAddr::V4(Ipv4Addr::LOCALHOST), port).into(),
        Err(_) => text.parse().map_err(|_| wrong("neither PORT nor ADDRESS:PORT".to_owned()))?,
    };
    let listener = TcpListener::bind(address).await.map_err(|error| wrong(error.to_string()))?;
    let bound = listener.local_addr().map_err(|error| wrong(error.to_string()))?;
    let mut said = format!("metrics at http://{bound}/metrics\n");
    if !bound.ip().is_loopback() {
        said += "warning: other machines can read them\n";
    }
    Ok((listener, said))
}

/// Answers scrapes, one after the other, for ever.
pub async fn serve(listener: Option<TcpListener>, metrics: &Metrics) -> std::convert::Infallible {
    let Some(listener) = listener else { return std::future::pending().await };
    loop {
        match listener.accept().await {
            // A slow or broken scraper is not our concern; the limit frees the place.
            Ok((stream, _)) => {
                let _ = tokio::time::timeout(TIME_LIMIT, answer(stream, metrics)).await;
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn answer(mut stream: TcpStream, metrics: &Metrics) -> std::io::Result<()> {
    let mut request = vec![0; REQUEST_MAX_BYTES];
    let mut length = 0;
    while let Some(free) = request.get_mut(length..).filter(|free| !free.is_empty()) {
        let read = stream.read(free).await?;
        length += read;
        let head = request.get(..length).unwrap_or_default();
        if read == 0 || head.windows(4).any(|end| end == b"\r\n\r\n") {
            break;
        }
    }
    let (status, kind, body) = if request.starts_with(b"GET /metrics ") {
        let body = metrics.figures().text(now_s());
        ("200 OK", "text/plain; version=0.0.4; charset=utf-8", body)
    } else {
        ("404 Not Found", "text/plain", "the metrics are at /metrics\n".to_owned())
    };
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_figure_has_its_help_and_type_once_and_an_age_only_after_a_pass() {
        let mut figures = Figures { passes: (3, 1), changes: (2, 5), ..Figures::default() };
        assert!(!figures.text(50).contains("age"));
        figures.last_pass_s = Some(40);
        let text = figures.text(50);
        assert!(text.contains("\ndebal_fees_last_pass_age_seconds 10\n"), "{text}");
        assert!(text.contains("debal_fees_changes_total{origin=\"learning\"} 5\n"));
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let name = line.split(['{', ' ']).next().unwrap();
            for word in ["HELP", "TYPE"] {
                assert_eq!(text.matches(&format!("# {word} {name} ")).count(), 1, "{name}");
            }
        }
    }
}

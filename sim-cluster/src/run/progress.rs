//! Progress on the terminal: one live line where there is a terminal, a plain line every few
//! seconds where there is none. All of it goes to standard error; standard output is for results.

use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Pause between two plain lines.
const LINE_PAUSE: Duration = Duration::from_secs(5);

/// State of a run at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Live {
    /// Which arm: `rebalancing off` or `rebalancing on`.
    pub arm: String,
    /// Time since payments started.
    pub elapsed_ms: u64,
    /// Time payments take.
    pub total_ms: u64,
    /// Newest epoch with a leader.
    pub epoch: Option<u64>,
    /// That leader's alias.
    pub leader: Option<String>,
    /// Cycles committed.
    pub cycles: u64,
    /// Payments ended.
    pub payments: u64,
    /// Payments that succeeded.
    pub succeeded: u64,
    /// Imbalance now.
    pub imbalance: f64,
}

impl Live {
    /// The line shown.
    #[must_use]
    pub fn line(&self) -> String {
        let epoch = self.epoch.map_or_else(|| "-".to_owned(), |epoch| epoch.to_string());
        let leader: String = self.leader.as_deref().unwrap_or("-").chars().take(16).collect();
        let percent = match self.payments {
            0 => "-".to_owned(),
            all => format!("{:.1} %", crate::measure::ratio(self.succeeded, all) * 100.0),
        };
        format!(
            "{}  {:>3}/{} s  epoch {epoch} leader {leader}  cycles {}  payments {} ok {percent}  \
             imbalance {:.3}",
            self.arm,
            self.elapsed_ms / 1_000,
            self.total_ms / 1_000,
            self.cycles,
            self.payments,
            self.imbalance,
        )
    }
}

enum Mode {
    Silent,
    Lines(Mutex<Option<Instant>>),
    Terminal(ProgressBar),
}

/// Where progress goes.
pub struct Progress(Mode);

impl Progress {
    /// Nowhere.
    #[must_use]
    pub const fn silent() -> Self {
        Self(Mode::Silent)
    }

    /// Standard error, live if it is a terminal.
    #[must_use]
    pub fn standard() -> Self {
        if !std::io::stderr().is_terminal() {
            return Self(Mode::Lines(Mutex::new(None)));
        }
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Self(Mode::Terminal(bar))
    }

    /// Says that a new stage begins.
    pub fn stage(&self, text: &str) {
        match &self.0 {
            Mode::Silent => {}
            Mode::Lines(_) => eprintln!("{text}"),
            Mode::Terminal(bar) => bar.println(text),
        }
    }

    /// Shows the state of the run.
    pub fn show(&self, live: &Live) {
        match &self.0 {
            Mode::Silent => {}
            Mode::Terminal(bar) => bar.set_message(live.line()),
            Mode::Lines(last) => {
                let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
                if last.is_none_or(|shown| shown.elapsed() >= LINE_PAUSE) {
                    *last = Some(Instant::now());
                    eprintln!("{}", live.line());
                }
            }
        }
    }

    /// Clears the live line.
    pub fn finish(&self) {
        if let Mode::Terminal(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_where_the_run_is() {
        let live = Live {
            arm: "rebalancing on".to_owned(),
            elapsed_ms: 12_345,
            total_ms: 75_000,
            epoch: Some(4),
            leader: Some("Copper".to_owned()),
            cycles: 7,
            payments: 100,
            succeeded: 81,
            imbalance: 0.25,
        };
        let line = live.line();
        assert_eq!(
            line,
            "rebalancing on   12/75 s  epoch 4 leader Copper  cycles 7  payments 100 ok 81.0 %  \
             imbalance 0.250"
        );
        assert!(Live::default().line().contains("payments 0 ok -"));
    }
}

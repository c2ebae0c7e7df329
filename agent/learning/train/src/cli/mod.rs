//! `debal learn train | evaluate | export`.
//!
//! It must never overwrite a model with one that was not searched for, and says which figures come
//! from which command. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 invalid input.

mod arcs;
mod args;
mod files;
mod show;

use crate::es::State;
use crate::node::{contest, training};
use crate::stats::{Row, interval, paired};
use crate::{Error, Progress, b3, rounds, ttd};
use args::{Command, Evaluate, Line, Profile, Train, What};
use clap::Parser;
use debal_learn::forecast::Residual;
use debal_learn::forecast::residual::{INPUTS, OUTPUTS};
use debal_learn::model::{FORECAST, Kind, POLICY, ROUNDS};
use debal_learn::policy::{ACTION_COUNT, FEATURE_COUNT, Policy};
use debal_learn::rounds::Chosen;
use serde_json::{Value, json};
use std::io::Write;
use std::time::{Duration, Instant};

/// Progress is not shown more often.
const TELL_EVERY: Duration = Duration::from_secs(2);

/// What a command answers.
struct Shown {
    json: Value,
    text: String,
}

/// Runs one command line (without the program's name and the word `learn`), prints to `out` what
/// it answers and to `err` progress and what went wrong, and returns the exit code.
pub fn run(args: &[String], out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    let words = std::iter::once("debal learn").chain(args.iter().map(String::as_str));
    let line = match Line::try_parse_from(words) {
        Ok(line) => line,
        Err(error) => {
            let text = error.render().to_string();
            // Nobody is left to be told that the text could not be written.
            let written = if error.use_stderr() {
                err.write_all(text.as_bytes())
            } else {
                out.write_all(text.as_bytes())
            };
            drop(written);
            return u8::try_from(error.exit_code()).unwrap_or(2);
        }
    };
    let done = match &line.command {
        Command::Train(given) => train(given, &command_line(args), err),
        Command::Evaluate(given) => evaluate(given, err),
        Command::Export { checkpoint, out } => export(checkpoint, out, &command_line(args)),
    };
    match done {
        Ok(shown) => {
            let text = if line.json { format!("{}\n", shown.json) } else { shown.text };
            // A reader that went away (`| head`) is no failure.
            let _ = out.write_all(text.as_bytes());
            0
        }
        Err(error) => {
            let message = error.to_string();
            if line.json {
                let _ = writeln!(out, "{}", json!({ "error": { "message": message } }));
            }
            let _ = writeln!(err, "debal learn: {message}");
            if matches!(error, Error::File { .. }) { 1 } else { 3 }
        }
    }
}

fn command_line(args: &[String]) -> String {
    format!("debal learn {}", args.join(" "))
}

/// A watcher that prints a line every two seconds and never stops anything.
fn teller(err: &mut dyn Write) -> impl FnMut(&Progress) -> bool + '_ {
    let start = Instant::now();
    let mut told = start;
    move |progress| {
        if told.elapsed() >= TELL_EVERY {
            told = Instant::now();
            let Progress { stage, done, total, note } = progress;
            let seconds = start.elapsed().as_secs();
            let _ = writeln!(err, "{seconds:>5} s  {stage} {done}/{total}  {note}");
        }
        true
    }
}

const fn kind(what: What) -> Kind {
    match what {
        What::Policy => Kind::Policy,
        What::Forecast => Kind::Forecast,
        What::Arcs => Kind::Arcs,
        What::Rounds => Kind::Rounds,
    }
}

fn train(given: &Train, command: &str, err: &mut dyn Write) -> Result<Shown, Error> {
    let start = match given.what {
        What::Arcs => return arcs::train(given, command, err),
        What::Policy => training::start(given.seed),
        What::Forecast => ttd::training::start(given.seed),
        What::Rounds => rounds::training::start(given.seed, usize::from(given.rounds)),
    };
    let state = match (&given.checkpoint, given.resume) {
        (Some(path), true) => files::read_checkpoint(path, kind(given.what), start.mean.len())?,
        _ => start,
    };
    let begun = Instant::now();
    let mut save = |state: &State| match &given.checkpoint {
        Some(path) => files::write_checkpoint(path, kind(given.what), state),
        None => Ok(()),
    };
    let mut watch = teller(err);
    let (found, data) = match given.what {
        What::Policy => {
            let (mut search, effort) = match given.profile {
                Profile::Full => (training::SEARCH, training::FULL),
                Profile::Ci => training::CI,
            };
            search.generations = given.generations.unwrap_or(search.generations);
            let data = format!("{} random nodes of one day, {effort:?}", effort.cases);
            (training::train(state, &search, effort, &mut watch, &mut save)?, data)
        }
        What::Rounds => {
            let (mut search, effort) = match given.profile {
                Profile::Full => (rounds::training::SEARCH, rounds::training::FULL),
                Profile::Ci => rounds::training::CI,
            };
            search.generations = given.generations.unwrap_or(search.generations);
            let data = format!("{} generated graphs, {effort:?}", effort.cases);
            (rounds::training::train(state, &search, effort, &mut watch, &mut save)?, data)
        }
        _ => {
            let (mut search, effort) = match given.profile {
                Profile::Full => (ttd::training::SEARCH, ttd::training::FULL),
                Profile::Ci => ttd::training::CI,
            };
            search.generations = given.generations.unwrap_or(search.generations);
            let data = format!("forecasts on {} random nodes, {effort:?}", effort.cases);
            (ttd::training::train(state, &search, effort, &mut watch, &mut save)?, data)
        }
    };
    let made = files::Made {
        command,
        seed: found.seed,
        data: &data,
        seconds: begun.elapsed().as_secs_f64(),
    };
    written(kind(given.what), &found, &given.out, &made)
}

/// Writes the best of a search and says what it is.
fn written(
    kind: Kind,
    found: &State,
    out: &std::path::Path,
    made: &files::Made<'_>,
) -> Result<Shown, Error> {
    let file = files::model(kind, found)?;
    files::write_model(out, &file, found, made)?;
    let (first, best) =
        (found.first_score.unwrap_or(f64::NAN), found.best_score.unwrap_or(f64::NAN));
    let json = json!({
        "kind": kind.name(), "seed": found.seed, "generations": found.generation,
        "score_first": first, "score_best": best, "seconds": made.seconds,
        "out": out.display().to_string(), "learned": best > first,
    });
    let text = format!(
        "{}: {} generations, score {first:.3} -> {best:.3}, {:.0} s\nwritten to {}\n",
        kind.name(),
        found.generation,
        made.seconds,
        out.display()
    );
    Ok(Shown { json, text })
}

fn export(
    checkpoint: &std::path::Path,
    out: &std::path::Path,
    command: &str,
) -> Result<Shown, Error> {
    if files::is_arcs(checkpoint)? {
        let state = files::read_arcs(checkpoint)?;
        let (data, seconds) = ("from a checkpoint", 0.0);
        return arcs::written(
            &state,
            out,
            &files::Made { command, seed: state.seed, data, seconds },
        );
    }
    let (kind, state) = files::read_any_checkpoint(checkpoint)?;
    let made = files::Made { command, seed: state.seed, data: "from a checkpoint", seconds: 0.0 };
    written(kind, &state, out, &made)
}

fn evaluate(given: &Evaluate, err: &mut dyn Write) -> Result<Shown, Error> {
    let mut watch = teller(err);
    let (name, rows, metrics, extra) = match given.what {
        What::Policy if given.b3 => {
            let rows = b3::run(given.seeds as u64, &mut watch)?;
            ("b3", rows, vec!["fortune", "success", "swaps", "learn_s"], b3_note())
        }
        What::Policy => {
            let file = files::read_model(given.model.as_deref(), POLICY)?;
            let net = file
                .network(Kind::Policy, FEATURE_COUNT, ACTION_COUNT)
                .map_err(|refused| files::content(given.model.as_deref(), &refused))?;
            let learned = Policy::Learned { net, theta_ppm: training::THETA_PPM };
            let rows = contest::compare(given.seeds, Some(&learned), &mut watch);
            let extra = against(&rows, "learned", "margin rule, tuned", "net");
            ("policy", rows, vec!["net", "earned", "paid", "moved"], extra)
        }
        What::Forecast => {
            let file = files::read_model(given.model.as_deref(), FORECAST)?;
            let net = file
                .network(Kind::Forecast, INPUTS, OUTPUTS)
                .map_err(|refused| files::content(given.model.as_deref(), &refused))?;
            let residual = Residual::new(net);
            let mut rows = ttd::contest::compare(given.seeds, Some(&residual));
            let mut extra = against(&rows, "first passage, residual", "first passage", "crps_h");
            extra += &against(&rows, "first passage, residual", "b / |mu|", "crps_h");
            extra += &against(&rows, "first passage", "b / |mu|", "crps_h");
            if let Some(path) = &given.forwards {
                let recorded = ttd::recorded::compare(&ttd::recorded::read(path)?, Some(&residual));
                rows.extend(
                    recorded
                        .into_iter()
                        .map(|row| Row { method: format!("recorded: {}", row.method), ..row }),
                );
            }
            let metrics = vec![
                "crps_h",
                "brier_0.5h",
                "brier_2h",
                "brier_6h",
                "slope_0.5h",
                "slope_2h",
                "slope_6h",
            ];
            ("forecast", rows, metrics, extra)
        }
        What::Rounds => evaluate_rounds(given, &mut watch)?,
        What::Arcs => {
            drop(watch);
            let rows = arcs::evaluate(given, err)?;
            ("arcs", rows, vec!["auc_50k", "brier_50k", "auc_200k", "brier_200k"], String::new())
        }
    };
    let text = show::table(&rows, &metrics) + &extra;
    Ok(Shown { json: show::json(name, given.seeds, &rows), text })
}

type Evaluated = (&'static str, Vec<Row>, Vec<&'static str>, String);

/// Learned beside hand-set rounds; a model that is none is named and the hand-set rules stay.
fn evaluate_rounds(given: &Evaluate, watch: &mut crate::Watch<'_>) -> Result<Evaluated, Error> {
    let models: Vec<Chosen> = match given.model.as_deref() {
        Some(path) => vec![Chosen::from_bytes(&files::read_model(Some(path), &[])?.write())],
        None => ROUNDS.iter().map(|bytes| Chosen::from_bytes(bytes)).collect(),
    };
    let graph = match &given.graph {
        Some(path) => Some(debal_topology::load(path).map_err(|e| Error::Usage(e.to_string()))?),
        None => None,
    };
    let rows = rounds::contest::compare(given.seeds, &models, 1, graph.as_ref(), watch)?;
    let metrics = rounds::contest::metrics(graph.is_some());
    let mut extra = String::new();
    for model in &models {
        match model {
            Chosen::HandSet { why } => {
                extra += &format!(
                    "hand-set rules: {why}
"
                )
            }
            Chosen::Learned { rounds, .. } => {
                for &metric in metrics {
                    let ours = format!("learned {rounds}");
                    extra += &against(&rows, &ours, &format!("hand-set {rounds}"), metric);
                    if *rounds != 10 {
                        extra += &against(&rows, &ours, "hand-set 10", metric);
                    }
                }
            }
        }
    }
    Ok(("rounds", rows, metrics.to_vec(), extra))
}

/// One line: the paired difference of two methods.
fn against(rows: &[Row], one: &str, other: &str, metric: &str) -> String {
    let samples = |name: &str| {
        let row = rows.iter().find(|row| row.method == name);
        row.and_then(|row| row.metrics.get(metric))
    };
    let (Some(a), Some(b)) = (samples(one), samples(other)) else { return String::new() };
    let (mean, half) = paired(a, b);
    let (base, _) = interval(b);
    let share = 100.0 * mean / base;
    format!("{one} - {other}, {metric}: {mean:+.4} ± {half:.4} ({share:+.1} %)\n")
}

fn b3_note() -> String {
    format!(
        "bar: fortune >= {:.0} at success >= {}. No controller passes the first row: its bound relaxes every rule in the controller's favour.\n",
        b3::FORTUNE_BAR,
        b3::LEAST_SUCCESS
    )
}

#[cfg(test)]
mod tests;

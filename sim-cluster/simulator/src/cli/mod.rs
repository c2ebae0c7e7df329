//! The command line of `sim-cluster simulate`.
//!
//! Only this module may print, write files or look at the real clock, and the clock only to show
//! speed: no result may depend on it.

mod args;

pub use args::{Args, HELP, parse};

use crate::batch::{self, Batch};
use crate::mutants::{self, hunt};
use crate::run::{Options, run};
use crate::scenario::Scenario;
use crate::{chart, crash_points, shrink};
use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::time::Instant;

/// Seeds within which a planted bug must be found.
const HUNT_SEEDS: u64 = 500;
/// Lines of a message sequence chart.
const CHART_LINES: usize = 40;

const FAILED: u8 = 1;
const USAGE: u8 = 2;
const INVALID: u8 = 3;

/// Runs `simulate` with the arguments after its name.
pub fn main_with(words: impl IntoIterator<Item = String>) -> ExitCode {
    let args = match parse(words) {
        Ok(args) => args,
        Err(what) => {
            eprintln!("simulate: {what}\n\n{HELP}");
            return ExitCode::from(USAGE);
        }
    };
    if args.help {
        println!("{HELP}");
        return ExitCode::SUCCESS;
    }
    if let Some(file) = &args.repeat {
        return repeat(file, &args);
    }
    if let Some(name) = &args.mutant {
        return hunt_mutants(name, &args);
    }
    if args.crash_points {
        return crash_suite(&args);
    }
    batch_of_seeds(&args)
}

/// Progress on a terminal, at most ten times a second.
struct Progress {
    shown: Instant,
    on: bool,
}

impl Progress {
    fn new() -> Self {
        Self { shown: Instant::now(), on: std::io::stderr().is_terminal() }
    }

    fn show(&mut self, text: impl FnOnce() -> String) {
        if self.on && self.shown.elapsed().as_millis() >= 100 {
            self.shown = Instant::now();
            eprint!("\r{:<78}", text());
            let _ = std::io::stderr().flush();
        }
    }

    fn clear(&self) {
        if self.on {
            eprint!("\r{:<78}\r", "");
        }
    }
}

fn batch_of_seeds(args: &Args) -> ExitCode {
    let (began, mut progress) = (Instant::now(), Progress::new());
    let seeds = args.from..args.from.saturating_add(args.seeds);
    let batch = Batch::run(seeds, args.nodes, args.threads(), |batch| {
        let (done, failed) = (batch.seeds, batch.failures.len());
        progress.show(|| format!("{done} of {} seeds run, {failed} failed", args.seeds));
    });
    progress.clear();
    let wall_s = began.elapsed().as_secs_f64();
    let missing = batch.missing_marks();
    if args.json {
        println!("{}", batch.json(wall_s, &missing));
    } else {
        print!("{}", batch.table(wall_s, &missing));
        if args.marks {
            batch.marks.0.iter().for_each(|(name, count)| println!("{count:>12}  {name}"));
        }
    }
    if let Some(failure) = batch.failures.first() {
        explain(&batch::scenario_of(failure.seed, args.nodes));
    }
    if batch.failures.is_empty() && missing.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(FAILED)
    }
}

/// Shrinks a failing scenario, writes it down, draws it.
fn explain(scenario: &Scenario) {
    let Some(shrunk) = shrink::shrink(scenario, Options::default()) else {
        eprintln!("seed {} did not fail when run again: not deterministic", scenario.seed);
        return;
    };
    let file = format!("failure-{}.scn", scenario.seed);
    let small = &shrunk.scenario;
    println!(
        "\nshrunk in {} runs to {} members, {} faults, {} payments, {} channels",
        shrunk.runs,
        small.nodes,
        small.faults.len(),
        small.payments.len(),
        small.channels.len()
    );
    draw(small, false);
    let written = small.to_text().map_err(|e| e.to_string());
    let written = written.and_then(|text| std::fs::write(&file, text).map_err(|e| e.to_string()));
    match written {
        Ok(()) => println!("repeat with: sim-cluster simulate --repeat {file}"),
        Err(error) => eprintln!("cannot write {file}: {error}"),
    }
}

fn draw(scenario: &Scenario, whole: bool) {
    let outcome = run(scenario, Options { story: true, ..Options::default() });
    let lines = if whole { usize::MAX } else { CHART_LINES };
    print!("{}", chart::chart(&outcome, scenario.nodes, lines));
}

fn repeat(file: &str, args: &Args) -> ExitCode {
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string());
    let scenario = text.and_then(|text| Scenario::from_text(&text).map_err(|e| e.to_string()));
    let scenario = match scenario {
        Ok(scenario) => scenario,
        Err(error) => {
            eprintln!("simulate: {file}: {error}");
            return ExitCode::from(INVALID);
        }
    };
    let outcome = run(&scenario, Options::default());
    if args.json {
        println!("{}", serde_json::to_string_pretty(&outcome).unwrap_or_default());
    } else {
        draw(&scenario, args.story);
        println!("trace {}", outcome.trace);
    }
    if outcome.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(FAILED) }
}

fn hunt_mutants(name: &str, args: &Args) -> ExitCode {
    let chosen: Vec<_> =
        mutants::ALL.iter().filter(|(known, _, _)| name == "all" || *known == name).collect();
    if chosen.is_empty() {
        let known: Vec<&str> = mutants::ALL.iter().map(|(known, _, _)| *known).collect();
        eprintln!("simulate: no bug {name:?}; there are: all {}", known.join(" "));
        return ExitCode::from(USAGE);
    }
    let mut missed = 0;
    println!(
        "{:<26} {:<6} {:>5} {:>8} {:>8}  found by",
        "planted bug", "breaks", "seed", "seeds", "seconds"
    );
    for (name, rule, mutant) in chosen {
        if !mutant.available() {
            eprintln!("simulate: {name} needs a build with --features mutants");
            return ExitCode::from(USAGE);
        }
        let began = Instant::now();
        let found = hunt(*mutant, HUNT_SEEDS, args.threads());
        let wall_s = began.elapsed().as_secs_f64();
        let row = |seed: &str, seeds: u64, by: &str| {
            println!("{name:<26} {rule:<6} {seed:>5} {seeds:>8} {wall_s:>8.1}  {by}");
        };
        match found {
            Some(found) => {
                row(&found.seed.to_string(), found.seed + 1, &found.rule);
                for seed in found.unrelated {
                    println!("    seed {seed} fails without the bug as well: not counted");
                }
            }
            None => {
                missed += 1;
                row("-", HUNT_SEEDS, "NOT FOUND");
            }
        }
    }
    if missed == 0 { ExitCode::SUCCESS } else { ExitCode::from(FAILED) }
}

fn crash_suite(args: &Args) -> ExitCode {
    let (began, mut progress) = (Instant::now(), Progress::new());
    let report = crash_points::run_all(4, args.threads(), |cases| {
        progress.show(|| format!("{cases} cases"));
    });
    progress.clear();
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report).unwrap_or_default());
    } else {
        print!("{}", report.table());
        let (failed, wall_s) = (report.failures.len(), began.elapsed().as_secs_f64());
        println!("{} cases, {failed} failed, {wall_s:.1} s", report.cases);
        report.failures.iter().take(20).for_each(|failure| println!("  {failure}"));
    }
    if report.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(FAILED) }
}

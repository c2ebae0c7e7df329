//! The command line of `sim-cluster simulate`.
//!
//! Only this module may print or look at the real clock, and the clock only to show speed.

use crate::marks::Marks;
use crate::run::{Options, Outcome, run};
use crate::scenario::Scenario;
use std::process::ExitCode;
use std::time::Instant;

/// Runs `simulate` with the arguments after its name.
pub fn main_with(args: impl IntoIterator<Item = String>) -> ExitCode {
    let args: Vec<String> = args.into_iter().collect();
    let get =
        |name: &str| args.iter().position(|a| a == name).and_then(|at| args.get(at + 1)).cloned();
    let seeds: u64 = get("--seeds").and_then(|s| s.parse().ok()).unwrap_or(50);
    let from: u64 = get("--from").and_then(|s| s.parse().ok()).unwrap_or(0);
    let story = args.iter().any(|a| a == "--story");
    let (began, mut marks, mut events, mut failed) = (Instant::now(), Marks::default(), 0, 0);
    let (mut cycles, mut payments) = (0, 0);
    for seed in from..from + seeds {
        let scenario = Scenario::from_seed(seed);
        let outcome: Outcome = run(&scenario, Options { story, ..Options::default() });
        events += outcome.events;
        cycles += outcome.cycles;
        payments += outcome.payments;
        marks.absorb(&outcome.marks);
        if let Some(violation) = outcome.violations.first() {
            failed += 1;
            println!("seed {seed} n {}: {violation:?}", scenario.nodes);
        }
        if story {
            outcome.story.iter().for_each(|line| println!("{line}"));
        }
    }
    let s = began.elapsed().as_secs_f64();
    println!(
        "{seeds} seeds, {failed} failed, {events} events, {cycles} cycles, {payments} payments, {s:.1} s, {:.1} seeds/s",
        seeds as f64 / s
    );
    if args.iter().any(|a| a == "--marks") {
        println!("{:#?}", marks.0);
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

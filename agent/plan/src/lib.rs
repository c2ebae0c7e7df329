//! `debal plan`: the planner on files.
//!
//! It must never decide anything that the planner decides: it reads, asks, prints, and keeps time.
//! Exit codes: 0 done, 1 failed, 2 wrong usage, 3 invalid or infeasible input.

mod args;
mod balances;
mod circulate;
mod drawing;
mod export;
mod failure;
mod paths;
mod read;
mod schedule;
mod show;
mod solve;
mod vectors;

use std::io::Write;

use clap::Parser;

use args::{Command, Line};
use failure::Failure;

/// Runs one command line (without the program's name and the word `plan`), prints to `out` what it
/// answers and to `err` what went wrong, and returns the exit code.
pub fn run(args: &[String], out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    let words = std::iter::once("debal plan").chain(args.iter().map(String::as_str));
    let line = match Line::try_parse_from(words) {
        Ok(line) => line,
        Err(error) => {
            let text = error.render().to_string();
            // Help is an answer, not an error; clap knows which is which.
            let written = if error.use_stderr() {
                err.write_all(text.as_bytes())
            } else {
                out.write_all(text.as_bytes())
            };
            // Nobody is left to be told that the text could not be written.
            drop(written);
            return u8::try_from(error.exit_code()).unwrap_or(2);
        }
    };
    let json = line.json;
    let done = match &line.command {
        Command::Solve(given) => solve::solve(given, json, err),
        Command::Schedule { file } => schedule::schedule(file, json),
        Command::Verify { plan, network, mode } => {
            solve::verify(plan, network, mode.as_deref(), json)
        }
        Command::Circulate(given) => circulate::circulate(given, json, err),
        Command::Paths(given) => paths::paths(given, json),
        Command::Export { file, mode, .. } => export::dimacs(file, mode.as_deref()),
        Command::Vectors { directory, seconds } => vectors::run(directory, *seconds, json),
    };
    match done {
        Ok(shown) => {
            // A reader that went away (`| head`) is no failure.
            let _ = out.write_all(shown.text.as_bytes());
            shown.code
        }
        Err(failure) => {
            if json {
                let _ = writeln!(out, "{}", failure.to_json());
            }
            let _ = writeln!(err, "debal plan: {}", failure.message);
            failure.code
        }
    }
}

/// What a command prints, and its exit code.
pub(crate) struct Shown {
    text: String,
    code: u8,
}

impl Shown {
    fn done(text: String) -> Result<Shown, Failure> {
        Ok(Shown { text, code: 0 })
    }
}

//! `debal fees`: the fee rules on files and on nodes.
//!
//! It must never decide anything that the rules decide: it reads, asks, prints.
//! Exit codes: 0 done, 1 failed, 2 wrong usage, 3 invalid input.

mod access;
mod args;
mod daemon;
mod evaluate;
mod failure;
mod lint;
mod live;
mod memory;
mod metrics;
mod read;
mod replay;
mod show;
mod vectors;

use std::io::Write;

use clap::Parser;

pub use args::{Access, Args, Command, Common, DialectName, Form, Given, Memory};
pub use live::{RuleFile, read_rule_file};

/// Runs one command line (without the program's name and the word `fees`), prints to `out` what it
/// answers and to `err` what went wrong, and returns the exit code.
pub fn run(args: &[String], out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    let words = std::iter::once("debal fees").chain(args.iter().map(String::as_str));
    match Args::try_parse_from(words) {
        Ok(args) => run_command(&args.command, &args.common, out, err),
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
            u8::try_from(error.exit_code()).unwrap_or(2)
        }
    }
}

/// Runs one command; for a program that has its own command line around it.
pub fn run_command(
    command: &Command,
    common: &Common,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> u8 {
    let json = common.json;
    let done = match command {
        Command::Evaluate { given, explain } => evaluate::evaluate(given, common, *explain),
        Command::Lint { file, state, dialect } => lint::lint(
            file.as_deref().or(common.config.as_deref()),
            state.as_deref(),
            *dialect,
            json,
        ),
        Command::TestChannel { channel, given, access } => {
            evaluate::test_channel(channel, given, access, common)
        }
        Command::Apply { access, dry_run, dialect } => {
            live::apply(access, common, *dry_run, *dialect)
        }
        Command::ChargeLnd { access, dry_run, check } => {
            live::charge_lnd(access, common, (*dry_run, *check))
        }
        Command::Snapshot { access, output } => live::snapshot(access, common, output.as_deref()),
        Command::Rollback { access, execute, threshold } => {
            live::rollback(access, json, *execute, *threshold)
        }
        Command::Daemon { access, watch, interval, metrics, dialect } => {
            let minutes = std::time::Duration::from_secs(interval.saturating_mul(60));
            let every = watch.then_some(minutes);
            let how = daemon::Daemon { every, dialect: *dialect, metrics: metrics.as_deref() };
            daemon::run(access, common, how, err)
        }
        Command::Replay { memory, days, dialect } => {
            replay::replay(memory, common, *days, *dialect)
        }
        Command::Status { memory } => memory::status(memory, json),
        Command::Report { memory, days, format, output } => {
            let form = format.or_else(|| memory::form_of(output.as_deref()));
            let form = form.unwrap_or(if json { Form::Json } else { Form::Table });
            memory::report(memory, *days, form, output.as_deref())
        }
        Command::Permissions => Ok(access::permissions(json)),
        Command::Vectors { directory } => vectors::run(directory, json),
        Command::GenerateConfig { file, force } => lint::generate(file.as_deref(), *force),
    };
    match done {
        Ok(shown) => {
            // A reader that went away (`| head`) is no failure.
            let _ = err.write_all(shown.notes.as_bytes());
            let _ = out.write_all(shown.text.as_bytes());
            shown.code
        }
        Err(failure) => {
            if json {
                let _ = writeln!(out, "{}", failure.to_json());
            }
            let _ = writeln!(err, "debal fees: {}", failure.message);
            failure.code
        }
    }
}

/// What a command prints, and its exit code.
pub(crate) struct Shown {
    /// For the output.
    text: String,
    /// For the error stream.
    notes: String,
    code: u8,
}

//! `sim-cluster bench`: the open benchmark, one experiment a call.
//!
//! Results go to standard output and the files asked for; what is being done goes to standard
//! error.

use super::options::{BenchCommand, BenchOptions, Family};
use crate::error::ClusterError;
use debal_bench::graphs::{Generator, GraphSource};
use debal_bench::report::{Column, Report, csv, json, page, plots, table};
use debal_bench::{BenchError, b1, b2, b3, b4};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::Write as _;
use std::path::Path;

impl From<BenchError> for ClusterError {
    fn from(error: BenchError) -> Self {
        match error {
            BenchError::Input(input) => Self::Input(input),
            BenchError::Usage(text) => Self::Usage(text),
            other => Self::Failed(other.to_string()),
        }
    }
}

/// Runs one experiment and writes what was asked for.
///
/// # Errors
/// A graph that is none, a method that fails, a file that cannot be written.
pub fn run(command: &BenchCommand) -> Result<(), ClusterError> {
    match command {
        BenchCommand::B1(options) => {
            let chosen = b1::Options {
                source: source(options),
                balances: options.balances,
                seeds: options.seeds,
            };
            let methods = b1::methods(&options.methods)?;
            let report = watched(|watch| b1::run(&chosen, &methods, watch))?;
            write(&report, options, &b1::COLUMNS, &b1::PLOTS)
        }
        BenchCommand::B2 { options, demand } => {
            let chosen = b2::Options {
                source: source(options),
                seeds: options.seeds,
                payments: demand.payments as usize,
                one_way: f64::from(demand.dag) / 100.0,
                attempts: demand.attempts,
            };
            let methods = b2::methods(&options.methods)?;
            let report = watched(|watch| b2::run(&chosen, &methods, watch))?;
            write(&report, options, &b2::COLUMNS, &b2::PLOTS)
        }
        BenchCommand::B3(options) => {
            let report = watched(|watch| b3::run(options.seeds, &options.methods, watch))?;
            write(&report, options, &b3::COLUMNS, &b3::PLOTS)
        }
        BenchCommand::B4 { options, paths } => {
            let model = paths
                .model
                .as_deref()
                .map(|path| std::fs::read(path).map_err(|e| ClusterError::io("read", path, &e)));
            let chosen = b4::Options {
                source: source(options),
                seeds: options.seeds,
                payments: paths.payments.map(|count| count as usize),
                pairs: paths.pairs as usize,
                one_way: f64::from(paths.dag) / 100.0,
                start: paths.start,
                model: model.transpose()?,
            };
            let rows = b4::rows(&options.methods)?;
            let report = watched(|watch| b4::run(&chosen, &rows, watch))?;
            write(&report, options, &b4::COLUMNS, &b4::PLOTS)
        }
    }
}

/// Shows what `work` says it is doing.
fn watched(
    work: impl FnOnce(&mut dyn FnMut(&str)) -> Result<Report, BenchError>,
) -> Result<Report, ClusterError> {
    let bar = ProgressBar::new_spinner();
    bar.set_style(ProgressStyle::default_spinner());
    let report = work(&mut |text| {
        bar.set_message(text.to_owned());
        bar.tick();
    })?;
    bar.finish_and_clear();
    Ok(report)
}

fn source(options: &BenchOptions) -> GraphSource {
    if let Some(path) = &options.graph {
        return GraphSource::File(path.clone());
    }
    let family = match options.generate {
        Family::ChungLu => Generator::ChungLu,
        Family::BarabasiAlbert => Generator::BarabasiAlbert,
        Family::HolmeKim => Generator::HolmeKim,
    };
    GraphSource::Generated(family, options.nodes)
}

fn write(
    report: &Report,
    options: &BenchOptions,
    columns: &[Column],
    drawn: &[(&str, &str)],
) -> Result<(), ClusterError> {
    let plots = plots(report, drawn)?;
    if let Some(path) = &options.csv {
        save(path, &csv(std::slice::from_ref(report)))?;
    }
    if let Some(directory) = &options.svg {
        std::fs::create_dir_all(directory)
            .map_err(|e| ClusterError::io("create", directory, &e))?;
        for plot in &plots {
            save(&directory.join(format!("{}.svg", plot.name)), &plot.svg)?;
        }
    }
    if let Some(path) = &options.html {
        let command: Vec<String> = std::env::args().skip(1).collect();
        let command = format!("sim-cluster {}", command.join(" "));
        save(path, &page(&[(report.clone(), plots)], columns, &command))?;
    }
    let text = if options.json {
        json(report)?
    } else {
        let Report { experiment, graph, state, seeds, .. } = report;
        let head = format!(
            "{experiment}: {graph}, {state} state, {seeds} seeds; ± half of the 95 % interval"
        );
        format!("{head}\n{}", table(report, columns))
    };
    // A reader that closed its end has seen enough.
    let _ = writeln!(std::io::stdout(), "{text}");
    Ok(())
}

fn save(path: &Path, text: &str) -> Result<(), ClusterError> {
    std::fs::write(path, text).map_err(|e| ClusterError::io("write", path, &e))
}

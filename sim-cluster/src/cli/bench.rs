//! `sim-cluster bench`: the open benchmark, one experiment a call.
//!
//! Results go to standard output and the files asked for; what is being done goes to standard
//! error.

use super::options::{BenchCommand, BenchOptions, Family, OutputOptions};
use crate::error::ClusterError;
use debal_bench::graphs::{Generator, GraphSource};
use debal_bench::report::{Column, Report, csv, json, jsons, page, plots, table};
use debal_bench::{BenchError, b1, b2, b3, b4, b5};
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
            let swaps = b1::through_the_chain(&report).filter(|_| !options.output.json);
            write(&options.output, &[(report, &b1::COLUMNS, &b1::PLOTS)])?;
            if let Some(swaps) = swaps {
                say(&format!("\nthrough the chain:\n{}", table(&swaps, &b1::CHAIN)));
            }
            Ok(())
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
            write(&options.output, &[(report, &b2::COLUMNS, &b2::PLOTS)])
        }
        BenchCommand::B3(options) => {
            let report = watched(|watch| b3::run(options.seeds, &options.methods, watch))?;
            write(&options.output, &[(report, &b3::COLUMNS, &b3::PLOTS)])
        }
        BenchCommand::B5(options) => {
            let chosen = b5::Options {
                members: options.nodes.clone(),
                seeds: options.seeds,
                epochs: options.epochs,
                curves: options.curves,
                words: options.methods.clone(),
            };
            let parts = watched(|watch| b5::run(&chosen, watch))?;
            let parts: Vec<Part<'_>> =
                parts.into_iter().map(|part| (part.report, part.columns, part.plots)).collect();
            write(&options.output, &parts)
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
            write(&options.output, &[(report, &b4::COLUMNS, &b4::PLOTS)])
        }
    }
}

/// A table: what was found, its columns, its plots.
type Part<'a> = (Report, &'a [Column], &'a [(&'a str, &'a str)]);

/// Shows what `work` says it is doing.
fn watched<T>(
    work: impl FnOnce(&mut dyn FnMut(&str)) -> Result<T, BenchError>,
) -> Result<T, ClusterError> {
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

fn write(output: &OutputOptions, parts: &[Part<'_>]) -> Result<(), ClusterError> {
    let reports: Vec<Report> = parts.iter().map(|(report, _, _)| report.clone()).collect();
    let mut pages = Vec::with_capacity(parts.len());
    let mut columns: Vec<Column> = Vec::new();
    for (report, of, drawn) in parts {
        pages.push((report.clone(), plots(report, drawn)?));
        let known = |column: &&Column| columns.iter().all(|known| known.metric != column.metric);
        let new: Vec<Column> = of.iter().filter(known).copied().collect();
        columns.extend(new);
    }
    if let Some(path) = &output.csv {
        save(path, &csv(&reports))?;
    }
    if let Some(directory) = &output.svg {
        std::fs::create_dir_all(directory)
            .map_err(|e| ClusterError::io("create", directory, &e))?;
        for plot in pages.iter().flat_map(|(_, plots)| plots) {
            save(&directory.join(format!("{}.svg", plot.name)), &plot.svg)?;
        }
    }
    if let Some(path) = &output.html {
        let command: Vec<String> = std::env::args().skip(1).collect();
        let command = format!("sim-cluster {}", command.join(" "));
        save(path, &page(&pages, &columns, &command))?;
    }
    if output.json {
        say(&match reports.as_slice() {
            [one] => json(one)?,
            all => jsons(all)?,
        });
        return Ok(());
    }
    for (report, columns, _) in parts {
        let Report { experiment, graph, state, seeds, .. } = report;
        say(&format!(
            "{experiment}: {graph}, {state} state, {seeds} seeds; ± half of the 95 % interval\n{}",
            table(report, columns)
        ));
    }
    Ok(())
}

/// A reader that closed its end has seen enough.
fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

fn save(path: &Path, text: &str) -> Result<(), ClusterError> {
    std::fs::write(path, text).map_err(|e| ClusterError::io("write", path, &e))
}

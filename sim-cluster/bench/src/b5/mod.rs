//! B5, the election: how often a network has a leader and how soon, whether turns follow the
//! weights, and what lying or keeping back a claim brings.
//!
//! Three tables. *Living*: every member runs the protocol's own state machine behind its wire
//! format, in virtual time, under churn, loss, splits and liars. *Fairness*: the chain of seeds,
//! ranking and rotation over thousands of epochs without messages; beyond the largest roster the
//! ranking and rotation alone. *Withholding*: the same chain with a group that keeps back claims
//! when that promises it more turns.

pub mod members;
pub mod overlay;
pub mod rotation;
pub mod seen;
pub mod stats;
pub mod weather;
pub mod world;

use crate::BenchError;
use crate::clock::Stopwatch;
use crate::figures::Figure;
use crate::report::{Column, Report, Row};
use members::{Members, fit_a_roster, mixed};
use rotation::{Conduct, along_the_chain, by_ranking};
use stats::Tally;
use std::collections::BTreeMap;
use weather::Weather;
use world::World;

/// Fewest epochs of the fairness table, a seed.
const FAIR_EPOCHS: u64 = 5_000;
/// Epochs of the fairness table for each member, a seed, where that is more.
const FAIR_EPOCHS_PER_MEMBER: u64 = 20;
/// Keys a group splits its weight over.
const KEYS: usize = 10;

/// What is run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Sizes of the roster, one after another.
    pub members: Vec<usize>,
    /// Seeds 1 to this are measured.
    pub seeds: u64,
    /// Epochs of a living network, a seed.
    pub epochs: u64,
    /// Real curves in the living table instead of keyed hashes.
    pub curves: bool,
    /// Only rows whose names contain one of these.
    pub words: Vec<String>,
}

/// One table.
#[derive(Debug, Clone)]
pub struct Part {
    /// What was found.
    pub report: Report,
    /// Its columns.
    pub columns: &'static [Column],
    /// Its plots.
    pub plots: &'static [(&'static str, &'static str)],
}

const fn column(metric: &'static str, heading: &'static str, digits: usize) -> Column {
    Column { metric, heading, digits, interval: false }
}

/// Columns of the living table.
pub const LIVING: [Column; 10] = [
    column("led", "led", 4),
    column("p50_s", "p50 s", 1),
    column("p99_s", "p99 s", 1),
    column("later_rounds", "again", 3),
    column("two_leaders", "two", 0),
    column("chi_p", "chi p", 2),
    column("z_p", "z p", 2),
    column("messages_per_node", "msgs", 0),
    column("bytes_per_node", "bytes", 0),
    column("cpu_ms", "cpu ms", 1),
];

/// Columns of the fairness table.
pub const FAIRNESS: [Column; 8] = [
    column("epochs", "epochs", 0),
    column("chi_p", "chi p", 3),
    column("z", "max z", 2),
    column("z_p", "z p", 3),
    column("run", "run", 0),
    column("return", "return", 0),
    column("streak", "streak", 0),
    column("streak_p", "streak p", 3),
];

/// Columns of the withholding table.
pub const WITHHOLDING: [Column; 5] = [
    column("weight", "weight", 3),
    Column { metric: "honest", heading: "honest", digits: 4, interval: true },
    Column { metric: "share", heading: "withholding", digits: 4, interval: true },
    Column { metric: "gain", heading: "gain", digits: 4, interval: true },
    column("over_weight", "over weight", 4),
];

/// Plots of the living table: metric and title.
pub const PLOTS: [(&str, &str); 2] =
    [("led", "Share of epochs with a leader's plan"), ("p99_s", "99th percentile, s")];

/// Runs the tables for every size. `watch` is told what is being done.
///
/// # Errors
/// A size that is too small; words that name no row.
pub fn run(options: &Options, watch: &mut dyn FnMut(&str)) -> Result<Vec<Part>, BenchError> {
    let mut parts = Vec::new();
    for &count in &options.members {
        if count < 4 {
            return Err(BenchError::Usage(format!("{count} members: an election has 4 or more")));
        }
        let graph = format!("{count} members");
        let mut part = |state: &str, rows: Vec<Row>, columns, plots| {
            let (experiment, state) = ("b5".to_owned(), state.to_owned());
            let report =
                Report { experiment, graph: graph.clone(), seeds: options.seeds, state, rows };
            if !report.rows.is_empty() {
                parts.push(Part { report, columns, plots });
            }
        };
        if fit_a_roster(count) {
            part("living", living(options, count, watch)?, &LIVING, &PLOTS);
        }
        part("fairness", fairness(options, count, watch)?, &FAIRNESS, &[]);
        if fit_a_roster(count) && count > 2 * KEYS {
            part("withholding", withholding(options, count, watch)?, &WITHHOLDING, &[]);
        }
    }
    if parts.is_empty() {
        return Err(BenchError::Usage(format!("no row is called {}", options.words.join(" or "))));
    }
    Ok(parts)
}

fn wanted(options: &Options, name: &str) -> bool {
    options.words.is_empty() || options.words.iter().any(|word| name.contains(word.as_str()))
}

fn living(
    options: &Options,
    count: usize,
    watch: &mut dyn FnMut(&str),
) -> Result<Vec<Row>, BenchError> {
    let mut rows = Vec::new();
    for weather in weather::all() {
        let name = format!("living, {}", weather.name);
        if wanted(options, &name) {
            rows.push(lived(options, count, &weather, watch)?);
        }
    }
    Ok(rows)
}

/// One weather over all seeds.
///
/// # Errors
/// Members that are no roster.
pub fn lived(
    options: &Options,
    count: usize,
    weather: &Weather,
    watch: &mut dyn FnMut(&str),
) -> Result<Row, BenchError> {
    let mut lists: BTreeMap<&'static str, Vec<f64>> = BTreeMap::new();
    let mut order: Vec<&'static str> = Vec::new();
    let mut tally = Tally::of(count);
    for seed in 1..=options.seeds {
        watch(&format!("{count} members, seed {seed}: {}", weather.name));
        let members = Members::new(mixed(count), seed, options.curves)?;
        let stopwatch = Stopwatch::start();
        let mut world = World::new(members, weather.clone(), options.epochs, seed)?;
        world.run();
        let cpu_ms = stopwatch.spent().processor_s * 1e3;
        let per = (options.epochs * count as u64) as f64;
        tally.add(&world.seen.tally);
        let figures = world.seen.figures(count).into_iter().chain([("cpu_ms", cpu_ms / per)]);
        for (name, value) in figures {
            if !order.contains(&name) {
                order.push(name);
            }
            lists.entry(name).or_default().push(value);
        }
    }
    let figure = |name: &&'static str| {
        ((*name).to_owned(), Figure::of(lists.get(name).map_or(&[], Vec::as_slice)))
    };
    let mut metrics: Vec<(String, Figure)> = order.iter().map(figure).collect();
    if tally.epochs() > 0.0 {
        metrics.extend(promises(&tally));
    }
    Ok(Row { method: weather.name.to_owned(), metrics })
}

/// One figure for all seeds together: there is no interval of a probability.
fn one(name: &str, mean: f64) -> (String, Figure) {
    (name.to_owned(), Figure { mean, ci95: 0.0 })
}

fn promises(tally: &Tally) -> Vec<(String, Figure)> {
    let mut figures = vec![
        one("epochs", tally.epochs()),
        one("chi_p", tally.chi_square_p()),
        one("z", tally.largest_z()),
        one("z_p", tally.largest_z_p()),
        one("run", tally.longest_run as f64),
        one("streak", tally.longest_streak as f64),
        one("streak_p", tally.longest_streak_p()),
    ];
    figures.extend(tally.shortest_return.map(|gap| one("return", gap as f64)));
    figures
}

fn fairness(
    options: &Options,
    count: usize,
    watch: &mut dyn FnMut(&str),
) -> Result<Vec<Row>, BenchError> {
    let epochs = FAIR_EPOCHS.max(FAIR_EPOCHS_PER_MEMBER * count as u64);
    let mut rows = Vec::new();
    for (name, weights) in [("equal weights", vec![1; count]), ("weights 1 to 4", mixed(count))] {
        let layer = if fit_a_roster(count) { "chain" } else { "ranking" };
        let name = format!("{layer}, {name}");
        if !wanted(options, &name) {
            continue;
        }
        let mut tally = Tally::of(count);
        for seed in 1..=options.seeds {
            watch(&format!("{count} members, seed {seed}: {name}"));
            tally.add(&if fit_a_roster(count) {
                let members = Members::new(weights.clone(), seed, false)?;
                along_the_chain(&members, epochs, &vec![false; count], Conduct::Honest)?
            } else {
                by_ranking(&weights, epochs, seed)
            });
        }
        rows.push(Row { method: name, metrics: promises(&tally) });
    }
    Ok(rows)
}

fn withholding(
    options: &Options,
    count: usize,
    watch: &mut dyn FnMut(&str),
) -> Result<Vec<Row>, BenchError> {
    let mut rows = Vec::new();
    for keys in [1, KEYS] {
        for percent in [10, 20, 33] {
            let plural = if keys == 1 { "key" } else { "keys" };
            let name = format!("withholding {percent} %, {keys} {plural}");
            if !wanted(options, &name) {
                continue;
            }
            watch(&format!("{count} members: {name}"));
            rows.push(withheld(options, count, (keys, percent), name)?);
        }
    }
    Ok(rows)
}

/// A group with so many keys and per cent of the weight, honest and withholding on the same seeds.
fn withheld(
    options: &Options,
    count: usize,
    (keys, percent): (usize, u64),
    method: String,
) -> Result<Row, BenchError> {
    let others = mixed(count - keys);
    let total: u64 = others.iter().sum();
    let each = total * percent / (100 - percent) / keys as u64;
    let weights: Vec<u64> = std::iter::repeat_n(each, keys).chain(others).collect();
    let weight = (each * keys as u64) as f64 / weights.iter().sum::<u64>() as f64;
    let group: Vec<bool> = (0..count).map(|member| member < keys).collect();
    let (mut honest, mut share) = (Vec::new(), Vec::new());
    for seed in 1..=options.seeds {
        let members = Members::new(weights.clone(), seed, false)?;
        for (conduct, list) in [(Conduct::Honest, &mut honest), (Conduct::Withholding, &mut share)]
        {
            let tally = along_the_chain(&members, FAIR_EPOCHS, &group, conduct)?;
            list.push(tally.wins[..keys].iter().sum::<f64>() / tally.epochs().max(1.0));
        }
    }
    let less = |(a, b): (&f64, &f64)| a - b;
    let gain: Vec<f64> = share.iter().zip(&honest).map(less).collect();
    let over: Vec<f64> = share.iter().map(|share| share - weight).collect();
    let metrics = vec![
        one("weight", weight),
        ("honest".to_owned(), Figure::of(&honest)),
        ("share".to_owned(), Figure::of(&share)),
        ("gain".to_owned(), Figure::of(&gain)),
        ("over_weight".to_owned(), Figure::of(&over)),
    ];
    Ok(Row { method, metrics })
}

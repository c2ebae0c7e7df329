//! Puts the planner beside other solvers on identical instances, in one run, and prints the ratios.
//!
//! It must never be part of a test (its figures are wall-clock times), never fail because a peer is
//! not installed, and never print a time for an answer whose objective is wrong.

mod charges;
mod clock;
mod flow_families;
mod flows;
mod growth;
mod instances;
mod peers;
mod table;
mod warm;

#[path = "../../tests/oracles/graphs.rs"]
mod graphs;

use peers::Peers;

/// What ends the whole command.
pub type Failure = Box<dyn std::error::Error>;

const USAGE: &str = "\
usage: compare [flows|charges|warm|pricing|growth|all] [options]
  --runs N         runs per solver, interleaved; best and median are shown (5)
  --seconds S      limit for problems with charges (20)
  --arcs N         arcs of the flow instances (100000); the largest of `growth` (1000000)
  --seed N         seed of the generated instances (1)
  --instances DIR  also solve the problem files of DIR with charges
  --svg FILE       where `growth` draws its plot
  --json           one JSON object per row instead of tables";

/// What was asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The measurement.
    pub what: String,
    /// Runs per solver.
    pub runs: usize,
    /// Limit for problems with charges.
    pub seconds: u64,
    /// Arcs, if said.
    pub arcs: Option<usize>,
    /// Seed of the instances.
    pub seed: u64,
    /// A folder of problem files.
    pub instances: Option<String>,
    /// Where the plot goes.
    pub svg: Option<String>,
    /// Rows as JSON.
    pub json: bool,
}

impl Asked {
    fn read(mut words: impl Iterator<Item = String>) -> Result<Asked, Failure> {
        let mut asked = Asked {
            what: "all".to_owned(),
            runs: 5,
            seconds: 20,
            arcs: None,
            seed: 1,
            instances: None,
            svg: None,
            json: false,
        };
        while let Some(word) = words.next() {
            if !word.starts_with("--") {
                asked.what = word;
                continue;
            }
            if word == "--json" {
                asked.json = true;
                continue;
            }
            let value = words.next().ok_or_else(|| format!("{word} needs a value\n{USAGE}"))?;
            match word.as_str() {
                "--runs" => asked.runs = value.parse::<usize>()?.max(1),
                "--seconds" => asked.seconds = value.parse()?,
                "--arcs" => asked.arcs = Some(value.parse()?),
                "--seed" => asked.seed = value.parse()?,
                "--instances" => asked.instances = Some(value),
                "--svg" => asked.svg = Some(value),
                _ => return Err(format!("{word} is no option\n{USAGE}").into()),
            }
        }
        Ok(asked)
    }
}

fn main() -> Result<(), Failure> {
    let asked = match Asked::read(std::env::args().skip(1)) {
        Ok(asked) => asked,
        Err(error) => {
            eprintln!("{error}");
            std::process::exit(2);
        }
    };
    let peers = Peers::find()?;
    for peer in &peers.found {
        eprintln!("{} {}", peer.name, peer.version);
    }
    for (name, hint) in &peers.missing {
        eprintln!("{name} is not here: {hint}");
    }
    let wanted = |what: &str| ["all", what].contains(&asked.what.as_str());
    if wanted("flows") {
        flows::run(&asked, &peers)?;
    }
    if wanted("pricing") {
        flows::pricing(&asked)?;
    }
    if wanted("warm") {
        warm::run(&asked)?;
    }
    if wanted("charges") {
        charges::run(&asked, &peers)?;
    }
    if wanted("growth") {
        growth::run(&asked, &peers)?;
    }
    Ok(())
}

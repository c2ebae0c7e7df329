//! Plain minimum-cost flows: ours beside LEMON, HiGHS and OR-tools, by pricing rule, and by size.
//!
//! It must never time reading or writing an instance; solvers take turns, so that what else runs on
//! the machine hits all alike.

use debal_planner::simplex::{Pricing, Problem, Solver, solve};

use crate::peers::{Peers, write_flow};
use crate::table::{Column, Table, milliseconds};
use crate::{Asked, Failure, clock, flow_families};

/// What several runs of one solver took, in seconds, ascending.
#[derive(Debug, Clone, Default)]
pub struct Times(Vec<f64>);

impl Times {
    /// Takes one more.
    pub fn add(&mut self, seconds: f64) {
        let place = self.0.partition_point(|&other| other < seconds);
        self.0.insert(place, seconds);
    }

    /// The shortest.
    pub fn best(&self) -> f64 {
        self.0.first().copied().unwrap_or(f64::NAN)
    }

    /// The middle one.
    pub fn median(&self) -> f64 {
        self.0.get(self.0.len() / 2).copied().unwrap_or(f64::NAN)
    }
}

/// One solver's row.
#[derive(Debug)]
pub struct Row {
    /// The solver.
    pub solver: &'static str,
    /// Its times; none where it gave no answer.
    pub times: Times,
    /// Whether its objective was ours every time; `None` where it gave none.
    pub agrees: Option<bool>,
}

/// All solvers in turns on one instance. The first row is ours.
pub fn race(
    problem: &Problem,
    peers: &Peers,
    names: &[&str],
    runs: usize,
) -> Result<Vec<Row>, Failure> {
    let file = peers.file("flow.min");
    write_flow(&file, problem)?;
    let chosen: Vec<_> = peers.found.iter().filter(|peer| names.contains(&peer.name)).collect();
    let row = |solver, agrees| Row { solver, times: Times::default(), agrees };
    let mut rows = vec![row("ours", Some(true))];
    rows.extend(chosen.iter().map(|peer| row(peer.name, None)));
    for _ in 0..runs {
        let start = clock::seconds();
        let solution = solve(problem)?;
        rows[0].times.add(clock::seconds() - start);
        for (row, peer) in rows[1..].iter_mut().zip(&chosen) {
            let Some(answer) = peer.solve("flow", &file, 300) else { continue };
            let Some(objective) = answer.objective else { continue };
            row.times.add(answer.seconds);
            // Peers may answer in doubles; a whole number below 2^53 must still come out exactly.
            let same = (objective - solution.objective as f64).abs() < 0.5;
            row.agrees = Some(same && row.agrees != Some(false));
        }
    }
    Ok(rows)
}

const FLOW_COLUMNS: [Column; 6] = [
    ("family", 9, false),
    ("solver", 10, false),
    ("best_ms", 10, true),
    ("median_ms", 10, true),
    ("to_ours", 8, true),
    ("objective", 9, false),
];

/// The families at one size, beside all peers.
pub fn run(asked: &Asked, peers: &Peers) -> Result<(), Failure> {
    let (nodes, arcs) = size(asked);
    let title = format!("Minimum-cost flow, {nodes} nodes, {arcs} arcs, {} runs each", asked.runs);
    let table = Table::start(asked, "flows", &title, &FLOW_COLUMNS);
    for family in flow_families::FAMILIES {
        let problem = flow_families::flow(family, nodes, arcs, asked.seed);
        let rows = race(&problem, peers, &["LEMON", "HiGHS", "OR-tools"], asked.runs)?;
        let ours = rows[0].times.best();
        for row in &rows {
            let Some(agrees) = row.agrees else {
                table.row(&[family, row.solver, "-", "-", "-", "no answer"].map(str::to_owned));
                continue;
            };
            let best = row.times.best();
            // A time for a wrong answer would be no time.
            let shown = |seconds: f64| if agrees { milliseconds(seconds) } else { "-".to_owned() };
            table.row(&[
                family.to_owned(),
                row.solver.to_owned(),
                shown(best),
                shown(row.times.median()),
                if agrees { format!("{:.2}", best / ours) } else { "-".to_owned() },
                if agrees { "equal" } else { "DIFFERS" }.to_owned(),
            ]);
        }
    }
    Ok(())
}

fn size(asked: &Asked) -> (u32, usize) {
    let arcs = asked.arcs.unwrap_or(100_000);
    ((arcs * 3 / 20) as u32, arcs)
}

const PRICING_COLUMNS: [Column; 5] = [
    ("family", 9, false),
    ("rule", 11, false),
    ("best_ms", 10, true),
    ("median_ms", 10, true),
    ("pivots", 9, true),
];

/// The pricing rules on the same instances.
pub fn pricing(asked: &Asked) -> Result<(), Failure> {
    let (nodes, arcs) = size(asked);
    let title = format!("Pricing rules, {nodes} nodes, {arcs} arcs, {} runs each", asked.runs);
    let table = Table::start(asked, "pricing", &title, &PRICING_COLUMNS);
    let rules =
        [Pricing::Sweep, Pricing::Block, Pricing::Candidates, Pricing::First, Pricing::Best];
    for family in flow_families::FAMILIES {
        let problem = flow_families::flow(family, nodes, arcs, asked.seed);
        let mut rows = rules.map(|rule| (rule, Times::default(), 0, 0));
        for run in 0..asked.runs {
            for (rule, times, pivots, objective) in &mut rows {
                // Looking at every arc for every pivot takes minutes; once is enough.
                if *rule == Pricing::Best && run > 0 {
                    continue;
                }
                let start = clock::seconds();
                let mut solver = Solver::new(problem.clone())?;
                solver.set_pricing(*rule);
                let solution = solver.solve()?;
                times.add(clock::seconds() - start);
                (*pivots, *objective) = (solution.pivots, solution.objective);
            }
        }
        for (rule, times, pivots, objective) in &rows {
            if *objective != rows[0].3 {
                return Err(format!("{rule:?} found another objective").into());
            }
            let name = format!("{rule:?}").to_lowercase();
            let (best, median) = (milliseconds(times.best()), milliseconds(times.median()));
            table.row(&[family.to_owned(), name, best, median, pivots.to_string()]);
        }
    }
    Ok(())
}

//! Problems with charges (on/off edges): ours beside HiGHS and javascript-lp-solver.
//!
//! It must never call an answer proven that its solver did not prove, and never show a gap of an
//! answer below a proven bound: that answer is wrong.

use std::time::{Duration, Instant};

use debal_planner::charge::{ChargeProblem, solve};
use debal_planner::document::parse_json;
use debal_planner::plan::{Mode, Problem, charge_problem, read_problem};

use crate::peers::{Answer, Peers, write_charged};
use crate::table::{Column, Table};
use crate::{Asked, Failure, instances};

const COLUMNS: [Column; 6] = [
    ("instance", 18, false),
    ("mode", 8, false),
    ("solver", 10, false),
    ("seconds", 9, true),
    ("gap_%", 9, true),
    ("answer", 20, false),
];

/// Generated sizes in both modes, then the files of a folder.
pub fn run(asked: &Asked, peers: &Peers) -> Result<(), Failure> {
    let title = format!("On/off edges, limit {} s, one thread", asked.seconds);
    let table = Table::start(asked, "charges", &title, &COLUMNS);
    let most = asked.arcs.unwrap_or(5_000);
    for family in instances::CHARGED_FAMILIES {
        for edges in [50, 200, 1_000, 5_000].into_iter().filter(|edges| *edges <= most) {
            for mode in [Mode::Cheapest, Mode::Fastest] {
                let problem = instances::charged(family, edges, mode, asked.seed)?;
                one(asked, peers, &table, &format!("{family}-{edges}"), &problem)?;
            }
        }
    }
    let Some(folder) = &asked.instances else { return Ok(()) };
    let mut files: Vec<_> = std::fs::read_dir(folder)?.collect::<Result<_, _>>()?;
    files.sort_by_key(std::fs::DirEntry::file_name);
    for file in files {
        let name = file.file_name().to_string_lossy().into_owned();
        let Some(name) = name.strip_suffix(".json") else { continue };
        let value = parse_json(&std::fs::read_to_string(file.path())?)?;
        // A file is a problem, or a list of cases that each are one.
        let cases = value.get("cases").and_then(|cases| cases.as_list());
        for case in cases.unwrap_or(std::slice::from_ref(&value)) {
            let problem = read_problem(&instances::bare(case), None)?;
            let short = name.trim_end_matches("-cheapest").trim_end_matches("-fastest");
            one(asked, peers, &table, &format!("file {short}"), &problem)?;
        }
    }
    Ok(())
}

fn one(
    asked: &Asked,
    peers: &Peers,
    table: &Table,
    name: &str,
    problem: &Problem,
) -> Result<(), Failure> {
    let (charged, places) = charge_problem(problem).ok_or("fees do not fit")?;
    let file = peers.file("charged.txt");
    write_charged(&file, &charged, places)?;
    let ours = ours(&charged, asked.seconds)?;
    let bound = ours.bound.unwrap_or(0.0);
    let mut answers = vec![("ours", Some(ours.clone()))];
    for peer in peers.found.iter().filter(|peer| ["HiGHS", "javascript"].contains(&peer.name)) {
        // Beyond this its own limit is not kept and it answers nothing.
        let hopeless = peer.name == "javascript" && charged.links.len() > 1_000;
        let answer = if hopeless { None } else { peer.solve("charge", &file, asked.seconds) };
        answers.push((peer.name, answer));
    }
    // Peers compute in doubles: equal to a millionth is equal, as their own tolerance is.
    let slack = bound.abs() * 2e-6 + 1.0;
    let best = answers.iter().filter_map(|(_, answer)| answer.as_ref()?.objective);
    let best = best.filter(|objective| *objective > bound - slack).fold(f64::INFINITY, f64::min);
    for (solver, answer) in answers {
        let words = |text: &str| text.to_owned();
        let Answer { seconds, objective, bound: proven, done } = answer.unwrap_or_default();
        let (gap, verdict) = match objective {
            None => (words("-"), words("no answer")),
            Some(objective) if objective < bound - slack => (words("-"), words("below the bound")),
            Some(objective) => {
                let gap = |least: f64| (objective - least).max(0.0) / objective.max(1.0) * 100.0;
                let over = gap(best);
                let verdict = if objective <= best + slack {
                    words("best known")
                } else {
                    format!("{over:.3} % over best")
                };
                match proven {
                    _ if done && proven.is_some() => (words("0"), verdict),
                    Some(least) => (format!("{:.4}", gap(least)), verdict),
                    None => (words("-"), verdict),
                }
            }
        };
        let time = if seconds > 0.0 { format!("{seconds:.3}") } else { words("-") };
        let mode = words(problem.mode.name());
        table.row(&[words(name), mode, words(solver), time, gap, verdict]);
    }
    Ok(())
}

/// Our answer within the limit.
fn ours(charged: &ChargeProblem, seconds: u64) -> Result<Answer, Failure> {
    let (start, limit) = (Instant::now(), Duration::from_secs(seconds));
    let best = solve(charged, None, &mut |_| start.elapsed() < limit)?;
    Ok(Answer {
        seconds: start.elapsed().as_secs_f64(),
        objective: Some(best.objective as f64),
        bound: Some(best.bound as f64),
        done: best.is_proven(),
    })
}

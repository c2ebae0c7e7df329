//! `debal plan vectors`: runs a folder of cases and counts which pass.
//!
//! It must never look at an expectation before the answer is there.

use std::path::{Path, PathBuf};

use debal_planner::document::Value;
use debal_planner::exact::Decimal;
use debal_planner::network::{Edge, Network, read_network};
use debal_planner::plan::verify::verify;
use debal_planner::plan::{self, PlanError, read_problem};

use crate::failure::{self, Failure};
use crate::read::{self, Watch};
use crate::{Shown, schedule, solve};

/// How one file went.
struct Tally {
    file: String,
    passed: usize,
    total: usize,
    failures: Vec<String>,
    /// Why the file could not be run at all.
    broken: Option<String>,
}

/// Runs every `.json` file of a folder.
pub fn run(directory: &Path, seconds: u64, json: bool) -> Result<Shown, Failure> {
    let listing = std::fs::read_dir(directory).map_err(|error| {
        Failure::of(3, "unreadable", format!("{}: {error}", directory.display()))
    })?;
    let mut files: Vec<PathBuf> = listing.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
    files.sort();
    if files.is_empty() {
        let message = format!("{} holds no .json file", directory.display());
        return Err(Failure::of(3, "unreadable", message));
    }
    let mut tallies = Vec::new();
    for file in files {
        tallies.push(run_file(&file, seconds));
    }
    let broken = tallies.iter().any(|tally| tally.broken.is_some());
    let (passed, total) =
        tallies.iter().fold((0, 0), |(p, t), tally| (p + tally.passed, t + tally.total));
    let text = if json {
        format!("{}\n", to_json(&tallies, passed, total))
    } else {
        to_text(&tallies, passed, total)
    };
    Ok(Shown { text, code: if broken { 3 } else { u8::from(passed < total) } })
}

fn to_text(tallies: &[Tally], passed: usize, total: usize) -> String {
    let mut text = String::new();
    for tally in tallies {
        text += &match &tally.broken {
            Some(reason) => format!("{:<24} not run: {reason}\n", tally.file),
            None => format!("{:<24} {:>4} of {} pass\n", tally.file, tally.passed, tally.total),
        };
        for failure in &tally.failures {
            text += &format!("  {failure}\n");
        }
    }
    let broken = tallies.iter().filter(|tally| tally.broken.is_some()).count();
    text += &format!("{passed} passed, {} failed", total - passed);
    if broken > 0 { text + &format!(", {broken} files not run\n") } else { text + "\n" }
}

fn to_json(tallies: &[Tally], passed: usize, total: usize) -> Value {
    let file = |tally: &Tally| {
        Value::table([
            ("file", Value::text(&tally.file)),
            ("passed", Value::number(tally.passed)),
            ("total", Value::number(tally.total)),
            ("failures", Value::List(tally.failures.iter().map(Value::text).collect())),
            ("error", tally.broken.as_ref().map_or(Value::Null, Value::text)),
        ])
    };
    Value::table([
        ("passed", Value::number(passed)),
        ("failed", Value::number(total - passed)),
        ("files", Value::List(tallies.iter().map(file).collect())),
    ])
}

/// Runs one file; a file that is broken does not keep the others from being run.
fn run_file(path: &Path, seconds: u64) -> Tally {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let file = name.unwrap_or_default();
    let cases = match cases_of(path) {
        Ok(cases) => cases,
        Err(failure) => {
            let broken = Some(failure.message);
            return Tally { file, passed: 0, total: 0, failures: Vec::new(), broken };
        }
    };
    let mut failures = Vec::new();
    for case in &cases {
        if let Err(reason) = run_case(case, seconds) {
            let name = case.get("name").and_then(Value::as_text).unwrap_or("a case without name");
            failures.push(format!("{name}: {reason}"));
        }
    }
    let total = cases.len();
    Tally { file, passed: total - failures.len(), total, failures, broken: None }
}

fn cases_of(path: &Path) -> Result<Vec<Value>, Failure> {
    let value = read::whole(path)?;
    let cases = value.get("cases").and_then(Value::as_list).map(<[Value]>::to_vec);
    cases.ok_or_else(|| {
        let message = format!("{}: it has no list of cases", path.display());
        Failure::of(3, "invalid_document", message)
    })
}

/// One case; what differs, if anything does.
fn run_case(case: &Value, seconds: u64) -> Result<(), String> {
    let expect = case.get("expect").ok_or("it expects nothing")?;
    if case.get("moves").is_some() {
        return order_case(case, expect);
    }
    if let Some(edges) = expect.get("edges") {
        return graph_case(case, edges);
    }
    plan_case(case, expect, seconds)
}

fn order_case(case: &Value, expect: &Value) -> Result<(), String> {
    let (found, ids) = schedule::ordered(case).map_err(|error| error.to_string())?;
    let found = schedule::to_json(&found, &ids);
    for key in ["order", "deadlock", "after"] {
        if let Some(wanted) = expect.get(key)
            && found.get(key) != Some(wanted)
        {
            let found = found.get(key).unwrap_or(&Value::Null);
            return Err(format!("{key} is {found}, not {wanted}"));
        }
    }
    Ok(())
}

fn graph_case(case: &Value, wanted: &Value) -> Result<(), String> {
    let network = case.get("network").ok_or("no network")?;
    let network = read_network(network).and_then(|definition| definition.build());
    let network = network.map_err(|error| error.to_string())?;
    let edges = (0u32..).zip(network.edges()).map(|(number, edge)| edge_json(number, edge));
    let found = Value::List(edges.collect());
    if same(&found, wanted) { Ok(()) } else { Err(format!("edges are {found}, not {wanted}")) }
}

fn edge_json(number: u32, edge: &Edge) -> Value {
    let link = &edge.link;
    Value::table([
        ("id", Value::text(format!("e{number}"))),
        ("src", Value::text(&link.src)),
        ("dest", Value::text(&link.dest)),
        ("variable_fee", Value::number(link.variable_fee)),
        ("fixed_fee", Value::number(link.fixed_fee)),
        ("time_sec", Value::number(link.time_sec)),
        ("capacity", link.capacity.map_or(Value::Null, Value::text)),
        ("auto", Value::Bool(edge.auto)),
    ])
}

/// Equal up to the spelling of numbers and the order of keys; keys that are not wanted are ignored.
fn same(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Number(one), Value::Number(other)) => Decimal::parse(one) == Decimal::parse(other),
        (Value::List(one), Value::List(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(a, b)| same(a, b))
        }
        (Value::Table(_), Value::Table(other)) => {
            other.iter().all(|(key, b)| found.get(key).is_some_and(|a| same(a, b)))
        }
        _ => found == wanted,
    }
}

fn plan_case(case: &Value, expect: &Value, seconds: u64) -> Result<(), String> {
    let wanted = expect.get("error").and_then(Value::as_text);
    let problem = match read_problem(case, None) {
        Ok(problem) => problem,
        Err(error) => return refused(error.kind(), &error.to_string(), wanted),
    };
    let mut watch = Watch::new(seconds, None);
    let found = plan::solve(&problem, &mut |progress| watch.goes_on(progress));
    let plan = match found {
        Ok(plan) => plan,
        Err(PlanError::Input(error)) => return refused(error.kind(), &error.to_string(), wanted),
        Err(PlanError::Stopped) => return Err(format!("no plan within {seconds} s")),
        Err(PlanError::Infeasible(diagnosis)) => {
            refused("infeasible", &diagnosis.message, wanted)?;
            let found = failure::detail(&diagnosis, &problem.network);
            return match expect.get("detail") {
                Some(wanted) if !same(&found, wanted) => {
                    Err(format!("detail is {found}, not {wanted}"))
                }
                _ => Ok(()),
            };
        }
    };
    if let Some(kind) = wanted {
        return Err(format!("it has a plan; expected was {kind}"));
    }
    verify(&problem, &plan.steps, Some(&plan.after), Some(plan.objective))
        .map_err(|refusal| refusal.to_string())?;
    let exact = expect.get("objective_exact").and_then(Value::as_text).and_then(Decimal::parse);
    if exact.is_some_and(|exact| exact != plan.objective) {
        let exact = exact.unwrap_or_default();
        return Err(format!("objective is {}, not {exact}", plan.objective));
    }
    if !plan.proven_optimal {
        return Err(format!("right, but not proven within {seconds} s"));
    }
    expected_steps(expect, &problem.network, &problem, &plan)
}

fn expected_steps(
    expect: &Value,
    network: &Network,
    problem: &plan::Problem,
    plan: &plan::Plan,
) -> Result<(), String> {
    if expect.get("steps").is_none() {
        return Ok(());
    }
    let steps = solve::read_steps(expect, problem).map_err(|error| error.to_string())?;
    let after = solve::read_after(expect).map_err(|error| error.to_string())?;
    let found = crate::show::plan_json(plan, network);
    let shown = |key: &str| found.get(key).map(Value::to_string).unwrap_or_default();
    if steps != plan.steps {
        return Err(format!("steps are {}", shown("steps")));
    }
    if after.is_some_and(|after| after != plan.after) {
        return Err(format!("after is {}", shown("after")));
    }
    Ok(())
}

fn refused(kind: &str, message: &str, wanted: Option<&str>) -> Result<(), String> {
    match wanted {
        Some(wanted) if wanted == kind => Ok(()),
        Some(wanted) => Err(format!("refused as {kind}, not {wanted}: {message}")),
        None => Err(format!("refused as {kind}: {message}")),
    }
}

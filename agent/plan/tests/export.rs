//! What is exported is what is solved: read back by a reader of its own and solved again.
//!
//! It must never use the exporter's types: it reads lines, as another program would.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use debal_planner::document::{Value, parse_json};
use debal_planner::exact::Decimal;
use debal_planner::simplex::{self, Arc};

/// The example of the README: charges, capacities, a minimum.
const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/problem.json");

/// Three hubs; fees with two decimals, a flat fee, a minimum and an edge that is off.
const PROBLEM: &str = r#"{"network":{"nodes":[{"id":"A"},{"id":"B"},{"id":"C"}],"edges":[
  {"src":"A","dest":"B","variable_fee":0.25,"time_sec":9,"capacity":"60","off":true},
  {"src":"A","dest":"B","variable_fee":0.25,"time_sec":9,"capacity":"60","tags":["x"]},
  {"src":"A","dest":"B","variable_fee":0.1,"FIXED""time_sec":30,"tags":["y"]},
  {"src":"A","dest":"C","variable_fee":0.07,"time_sec":2.5},
  {"src":"C","dest":"B","variable_fee":0.05,"MINIMUM""time_sec":2.5,"capacity":"45"}]},
  "current":{"A":"100"},"target":{"A":"0","B":"90","C":"10"}}"#;

fn command(words: &[&str]) -> (u8, String, String) {
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let code = debal_plan::run(&words, &mut out, &mut err);
    (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

/// What a reader of DIMACS sees, and what the comments add.
#[derive(Default)]
struct Instance {
    nodes: u32,
    supplies: Vec<i64>,
    arcs: Vec<Arc>,
    /// Per arc, what using it costs and its minimum.
    charges: Vec<(i64, i64)>,
    places: u32,
    identical: bool,
}

fn read(text: &str) -> Instance {
    let mut found = Instance::default();
    let (mut declared, mut charges) = (0, Vec::new());
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |at: usize| words[at].parse::<i64>().unwrap();
        match words.as_slice() {
            ["c", "scale:", ..] => {
                let (_, power) = line.split_once("10^").unwrap();
                found.places = power.split(';').next().unwrap().parse().unwrap();
            }
            ["c", "identical:", ..] => found.identical = true,
            ["c", "charge", _, _, _] => charges.push((number(2), number(3), number(4))),
            ["c", ..] => {}
            ["p", "min", ..] => {
                (found.nodes, declared) = (number(2) as u32, number(3));
                found.supplies = vec![0; number(2) as usize];
            }
            ["n", _, _] => found.supplies[number(1) as usize - 1] = number(2),
            ["a", _, _, "0", _, _] => {
                let (tail, head) = (number(1) as u32 - 1, number(2) as u32 - 1);
                found.arcs.push(Arc { tail, head, capacity: number(4), cost: number(5) });
            }
            _ => panic!("{line}"),
        }
    }
    assert_eq!(found.arcs.len() as i64, declared);
    found.charges = vec![(0, 0); found.arcs.len()];
    for (arc, fixed, minimum) in charges {
        found.charges[arc as usize - 1] = (fixed, minimum);
    }
    found
}

/// The optimum of the instance by trying every choice of charged arcs; with `charged` false, that
/// of the lines which every solver reads.
fn optimum(instance: &Instance, charged: bool) -> Decimal {
    let counts = |&arc: &usize| instance.charges[arc] != (0, 0);
    let choices: Vec<usize> = (0..instance.arcs.len()).filter(counts).filter(|_| charged).collect();
    let mut best: Option<i128> = None;
    for chosen in 0u32..1 << choices.len() {
        let (mut arcs, mut supplies) = (instance.arcs.clone(), instance.supplies.clone());
        let mut cost = 0;
        for (bit, &arc) in choices.iter().enumerate() {
            let (fixed, minimum) = instance.charges[arc];
            if chosen >> bit & 1 == 0 {
                arcs[arc].capacity = 0;
                continue;
            }
            // The minimum is sent in advance.
            cost += i128::from(fixed) + i128::from(arcs[arc].cost) * i128::from(minimum);
            arcs[arc].capacity -= minimum;
            supplies[arcs[arc].tail as usize] -= minimum;
            supplies[arcs[arc].head as usize] += minimum;
        }
        let problem = simplex::Problem { nodes: instance.nodes, supplies, arcs };
        if let Ok(found) = simplex::solve(&problem) {
            let flows = problem.arcs.iter().zip(&found.flows);
            cost += flows.map(|(arc, &f)| i128::from(arc.cost) * i128::from(f)).sum::<i128>();
            best = Some(best.map_or(cost, |least| least.min(cost)));
        }
    }
    Decimal::new(best.unwrap(), instance.places)
}

/// The exported instance and the objective that `solve` prints.
fn both(file: &str, mode: &str) -> (Instance, Decimal) {
    let (code, out, err) = command(&["export", file, "--dimacs", "--mode", mode]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    let (_, solved, _) = command(&["solve", file, "--mode", mode, "--json"]);
    let plan = parse_json(&solved).unwrap();
    assert_eq!(plan.get("proven_optimal"), Some(&Value::Bool(true)));
    let objective = plan.get("objective_exact").and_then(Value::as_text).unwrap();
    (read(&out), Decimal::parse(objective).unwrap())
}

fn written(text: &str) -> (tempfile::TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("problem.json");
    std::fs::write(&path, text).unwrap();
    let path = path.display().to_string();
    (directory, path)
}

#[test]
fn a_problem_without_charges_is_exported_as_it_is() {
    let plain = PROBLEM.replace(r#""FIXED""#, "").replace(r#""MINIMUM""#, "");
    let (_directory, file) = written(&plain);
    let (instance, objective) = both(&file, "cheapest");
    assert!(instance.identical);
    assert_eq!((instance.arcs.len(), instance.places), (4, 2), "what is off has no arc");
    assert_eq!(optimum(&instance, false), objective);
}

#[test]
fn charges_stand_in_comments_and_the_rest_is_called_a_relaxation() {
    let charged = PROBLEM
        .replace(r#""FIXED""#, r#""fixed_fee":3.5,"#)
        .replace(r#""MINIMUM""#, r#""min_amount":"40","#);
    let (_directory, file) = written(&charged);
    for mode in ["cheapest", "fastest", "cheapest-then-fastest", "fastest-then-cheapest"] {
        let (instance, objective) = both(&file, mode);
        assert!(!instance.identical, "{mode}");
        assert_eq!(optimum(&instance, true), objective, "{mode}");
        assert!(optimum(&instance, false) <= objective, "{mode}");
    }
    let (code, _, err) = command(&["export", &file, "--dimacs", "--mode", "earliest"]);
    assert_eq!(code, 3);
    assert!(err.contains("no sum over edges"), "{err}");
}

#[test]
fn the_example_of_the_readme_is_the_same_problem_elsewhere() {
    let (instance, objective) = both(EXAMPLE, "cheapest");
    assert_eq!(optimum(&instance, true), objective);
}

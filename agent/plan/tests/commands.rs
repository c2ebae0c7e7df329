//! What the commands print, and their exit codes.
//!
//! It must never compare times.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::PathBuf;

use debal_planner::document::{Value, parse_json};

const PROBLEM: &str = r#"{
  "network": {
    "nodes": [{"id": "@A"}, {"id": "@B"}, {"id": "a", "hub": "@A"}, {"id": "b", "hub": "@B"}],
    "edges": [
      {"src": "@A", "dest": "@B", "variable_fee": 0.25, "time_sec": 10, "capacity": "60"},
      {"src": "@A", "dest": "@B", "variable_fee": 0, "fixed_fee": 12, "time_sec": 30,
       "min_amount": "50", "tags": ["bulk"]}
    ]
  },
  "current": {"a": "100"},
  "target": {"a": "0", "b": "100"}
}"#;

/// A scratch directory that goes away at the end.
struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Files {
        Files(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path: PathBuf = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_string_lossy().into_owned()
    }
}

fn command(args: &[&str]) -> (u8, String, String) {
    let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let code = debal_plan::run(&args, &mut out, &mut err);
    (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

fn solved(args: &[&str]) -> Value {
    let (code, out, err) = command(args);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    parse_json(&out).unwrap()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_text).unwrap()
}

#[test]
fn solve_prints_the_optimum_of_every_mode() {
    let files = Files::new();
    let file = files.write("p.json", PROBLEM);
    for (mode, objective) in [
        ("cheapest", "212"),
        ("fastest", "32"),
        ("cheapest-then-fastest", "212"),
        ("fastest-then-cheapest", "32"),
        ("earliest", "32"),
    ] {
        let plan = solved(&["solve", &file, "--mode", mode, "--json"]);
        assert_eq!(text(&plan, "objective_exact"), objective, "{mode}");
        assert_eq!(plan.get("proven_optimal"), Some(&Value::Bool(true)), "{mode}");
        let written = files.write("plan.json", &plan.to_string());
        let (code, out, _) = command(&["verify", &written, &file]);
        assert_eq!(code, 0, "{out}");
    }
}

#[test]
fn a_certificate_proves_the_optimum_of_a_plan_without_charges() {
    let files = Files::new();
    let linear = PROBLEM.replace("\"fixed_fee\": 12,", "").replace("\"variable_fee\": 0,", "");
    let linear = linear.replace("\"min_amount\": \"50\",", "\"variable_fee\": 0.5,");
    let file = files.write("p.json", &linear);
    let plan = solved(&["solve", &file, "--mode", "cheapest", "--json"]);
    let written = files.write("plan.json", &plan.to_string());
    let (code, out, _) = command(&["verify", &written, &file, "--json"]);
    let said = text(&plan, "objective_exact");
    let wanted =
        format!("{{\"valid\":true,\"objective_exact\":\"{said}\",\"bound_exact\":\"{said}\"}}\n");
    assert_eq!((code, out), (0, wanted));
    // Prices that were tampered with prove less than they say.
    let certificate = plan.get("certificate").unwrap();
    let price = text(certificate.get("potentials").unwrap(), "@B");
    let (old, new) = (format!("\"@B\":\"{price}\""), format!("\"@B\":\"{price}1\""));
    let changed = plan.to_string().replace(&old, &new);
    assert_ne!(changed, plan.to_string());
    let (code, _, err) = command(&["verify", &files.write("plan.json", &changed), &file]);
    assert_eq!(code, 3, "{err}");
    assert!(err.contains("the certificate proves"), "{err}");
}

#[test]
fn a_problem_in_toml_is_the_same_problem() {
    let files = Files::new();
    let toml = "mode = \"fastest\"\ncurrent = { a = \"5\" }\n[target]\na = 0\nb = \"5\"\n\
        [network]\nnodes = [{ id = \"a\" }, { id = \"b\" }]\n\
        [[network.edges]]\nsrc = \"a\"\ndest = \"b\"\nvariable_fee = 0.10\ntime_sec = 7.5\n";
    let file = files.write("p.toml", toml);
    let plan = solved(&["solve", &file, "--json"]);
    assert_eq!(text(&plan, "objective_exact"), "7.5");
    assert_eq!(text(&plan, "cost_exact"), "0.5");
}

#[test]
fn an_edge_that_is_off_is_not_used() {
    let files = Files::new();
    let file = files.write("p.json", PROBLEM);
    let plan = solved(&["solve", &file, "--mode", "cheapest", "--off", "e4", "--json"]);
    assert_eq!(text(&plan, "objective_exact"), "212");
    let (code, out, err) = command(&["solve", &file, "--mode", "cheapest", "--off", "e5"]);
    assert_eq!((code, out.as_str()), (3, ""));
    assert!(err.contains("40 of 100 cannot be placed"), "{err}");
    assert!(err.contains("raise e4 (@A to @B) by 40"), "{err}");
}

#[test]
fn what_is_refused_is_named_with_exit_code_3() {
    let files = Files::new();
    for (old, new, kind, blamed) in [
        ("0.25", "-0.25", "invalid_network", "network.edges[0].variable_fee"),
        ("0.25", "NaN", "invalid_network", "network.edges[0].variable_fee"),
        ("\"60\"", "\"1e9\"", "invalid_network", "network.edges[0].capacity"),
        ("min_amount", "min_amuont", "invalid_network", "network.edges[1].min_amuont"),
        ("\"current\": {\"a\"", "\"current\": {\"c\"", "unknown_place", "current.c"),
        ("{\"a\": \"100\"}", "{\"a\": \"-100\"}", "invalid_amount", "current.a"),
    ] {
        let file = files.write("p.json", &PROBLEM.replacen(old, new, 1));
        let (code, out, _) = command(&["solve", &file, "--mode", "cheapest", "--json"]);
        let error = parse_json(&out).unwrap().get("error").unwrap().clone();
        assert_eq!((code, text(&error, "kind")), (3, kind), "{out}");
        let blame = &error.get("blame").and_then(Value::as_list).unwrap()[0];
        assert_eq!(text(blame, "field"), blamed);
    }
    let file = files.write("p.json", PROBLEM);
    let (code, out, _) = command(&["solve", &file, "--mode", "quickest", "--json"]);
    assert_eq!(code, 3);
    assert!(out.starts_with("{\"error\":{\"kind\":\"invalid_mode\",\"message\":"), "{out}");
    let file = files.write("p.json", "{\"network\": ");
    let (code, out, _) = command(&["solve", &file, "--json"]);
    assert_eq!(code, 3);
    assert!(out.contains("invalid_document"), "{out}");
}

#[test]
fn a_minimum_that_is_the_reason_is_named() {
    let files = Files::new();
    let problem = PROBLEM.replace("\"60\"", "\"30\"").replace("100", "40");
    let file = files.write("p.json", &problem);
    let (code, out, _) = command(&["solve", &file, "--mode", "cheapest", "--json"]);
    assert_eq!(code, 3);
    let error = parse_json(&out).unwrap().get("error").unwrap().clone();
    let blame = &error.get("blame").and_then(Value::as_list).unwrap()[0];
    assert_eq!((text(blame, "edge"), text(blame, "min_amount")), ("e5", "50"));
    let detail = error.get("detail").unwrap();
    assert_eq!(text(detail, "shortfall"), "10");
    let partial = detail.get("partial_plan").unwrap();
    assert_eq!(text(partial, "objective_exact"), "67.5", "30 go over e4");
}

#[test]
fn a_changed_plan_is_refused() {
    let files = Files::new();
    let file = files.write("p.json", PROBLEM);
    let plan = solved(&["solve", &file, "--mode", "fastest", "--json"]).to_string();
    for (old, new, reason) in [
        ("\"amount\":\"100\"", "\"amount\":\"99\"", "holds"),
        ("\"objective_exact\":\"32\"", "\"objective_exact\":\"31\"", "the plan says 31"),
        ("\"edge\":\"e5\"", "\"edge\":\"e4\"", "above its capacity"),
    ] {
        let changed = files.write("plan.json", &plan.replacen(old, new, 1));
        let (code, _, err) = command(&["verify", &changed, &file]);
        assert_eq!(code, 3, "{err}");
        assert!(err.contains(reason) || err.contains("ends"), "{err}");
    }
}

#[test]
fn schedule_prints_the_order_of_given_moves() {
    let files = Files::new();
    let moves = r#"{"nodes":[{"id":"@A"},{"id":"@B"},{"id":"@C"}],"supply":{"@A":"8"},"moves":[
        {"id":"e1","src":"@B","dest":"@C","amount":"8"},
        {"id":"e0","src":"@A","dest":"@B","amount":"8"}]}"#;
    let file = files.write("m.json", moves);
    let (code, out, _) = command(&["schedule", &file, "--json"]);
    assert_eq!(code, 0);
    assert_eq!(out, "{\"order\":[\"e0\",\"e1\"],\"deadlock\":false,\"after\":[[],[0]]}\n");
}

#[test]
fn a_balanced_problem_has_nothing_to_do() {
    let files = Files::new();
    let file = files.write("p.json", &PROBLEM.replace("\"a\": \"0\", \"b\": \"100\"", ""));
    let (code, out, _) = command(&["solve", &file, "--mode", "cheapest"]);
    assert_eq!((code, out.as_str()), (0, "Nothing to do: every place is at its target.\n"));
}

#[test]
fn drawings_escape_names() {
    let files = Files::new();
    let file = files.write("p.json", &PROBLEM.replace("@B", "@<B>"));
    let (_, svg, _) = command(&["solve", &file, "--mode", "fastest", "--svg"]);
    assert!(svg.starts_with("<svg ") && svg.contains("@&lt;B&gt;") && !svg.contains("<B>"));
    let (_, dot, _) = command(&["solve", &file, "--mode", "fastest", "--dot"]);
    assert!(dot.starts_with("digraph plan {"), "{dot}");
}

#[test]
fn a_broken_file_of_vectors_is_named_and_the_others_are_run() {
    let files = Files::new();
    let case = format!("{{\"name\":\"one\",\"expect\":{{}},{}", PROBLEM.trim().split_at(1).1);
    let case = case.replacen("\"network\"", "\"mode\":\"cheapest\",\"network\"", 1);
    files.write("a.json", "{\"cases\": [");
    files.write("b.json", "{\"case\": 1}");
    files.write("c.json", &format!("{{\"cases\":[{case}]}}"));
    let folder = files.0.path().to_string_lossy().into_owned();
    let (code, out, _) = command(&["vectors", &folder]);
    assert_eq!(code, 3, "{out}");
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines[0].starts_with("a.json") && lines[0].contains("not run: "), "{out}");
    assert!(lines[0].contains("line 1, column 12"), "{out}");
    assert!(lines[1].contains("it has no list of cases"), "{out}");
    assert!(lines[2].ends_with("1 of 1 pass"), "{out}");
    assert_eq!(lines[3], "1 passed, 0 failed, 2 files not run");
    // One case of a file can be solved as it stands, several cannot.
    let one = files.0.path().join("c.json").to_string_lossy().into_owned();
    assert_eq!(text(&solved(&["solve", &one, "--json"]), "objective_exact"), "212");
    let two = files.write("d.json", &format!("{{\"cases\":[{case},{case}]}}"));
    let (code, _, err) = command(&["solve", &two]);
    assert_eq!(code, 3);
    assert!(err.contains("it holds 2 cases, one is expected"), "{err}");
}

#[test]
fn what_is_missing_or_misspelt_is_said_in_a_sentence() {
    let files = Files::new();
    let file = files.write("p.json", PROBLEM);
    let (code, _, err) = command(&["solve", &file]);
    assert_eq!(code, 3);
    assert!(err.contains("mode: none is given; the modes are cheapest, fastest"), "{err}");
    let file = files.write("p.json", &PROBLEM.replace("\"b\": \"100\"", "\"b\": \"99\""));
    let (code, out, err) = command(&["solve", &file, "--mode", "cheapest", "--json"]);
    assert_eq!(code, 3);
    assert!(err.contains("hold 100: 1 too much"), "{err}");
    assert!(
        out.contains("\"kind\":\"unbalanced\"") && out.contains("\"field\":\"target\""),
        "{out}"
    );
    let moves = r#"{"nodes":[{"id":"@A"}],"suply":{"@A":"8"},"moves":[]}"#;
    let (code, out, _) = command(&["schedule", &files.write("m.json", moves), "--json"]);
    assert_eq!(code, 3);
    assert!(out.contains("\"field\":\"suply\""), "{out}");
}

#[test]
fn a_split_transfer_pays_its_charges_once_and_is_drawn_once() {
    let files = Files::new();
    let split = PROBLEM.replace("\"fixed_fee\": 12,", "\"fixed_fee\": 12, \"transfer_limit\": 30,");
    let file = files.write("p.json", &split);
    let (code, out, _) = command(&["solve", &file, "--mode", "fastest", "--explain"]);
    assert_eq!(code, 0);
    assert_eq!(out.matches("+ 12 fixed, 30 s").count(), 1, "{out}");
    assert!(out.contains("fixed fee and time counted with step"), "{out}");
    assert!(out.contains("fees 212, times 32 s"), "{out}");
    let (_, svg, _) = command(&["solve", &file, "--mode", "fastest", "--svg"]);
    assert!(svg.contains("100 in 4 steps (e5)"), "{svg}");
}

#[test]
fn wrong_usage_is_exit_code_2_and_help_is_none() {
    assert_eq!(command(&["solve"]).0, 2);
    let (code, out, _) = command(&["--help"]);
    assert_eq!(code, 0);
    assert!(out.contains("vectors"), "{out}");
}

#[test]
fn the_example_of_the_readme_is_solved_and_proven() {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/problem.json");
    let (code, out, err) = command(&["solve", example, "--mode", "cheapest"]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(out.contains("cheapest: 800.712 fees; proven optimal"), "{out}");
}

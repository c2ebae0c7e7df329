//! Every public vector: equal to `expect`, or to `expect` under `recommended` where that is given.
//!
//! It must never skip a case, and never look at an expectation before the answer is there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};

use debal_fees::{Flags, NodeState, Options, answer};
use serde_json::Value;

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
    files.sort();
    files
}

fn run(case: &Value) -> Value {
    let state = NodeState::from_json(&case.to_string()).unwrap();
    let words: Vec<&str> =
        case["args"].as_array().unwrap().iter().flat_map(Value::as_str).collect();
    let flags = Flags::parse(words).unwrap();
    let files = &case["files"];
    let mut read = |name: &str| match files.get(name).and_then(Value::as_str) {
        Some(text) => Ok(text.to_owned()),
        None => Err("no such file".to_owned()),
    };
    let config = case["config"].as_str();
    let run = answer(config, "rules", &mut read, &state, &flags, Options::default());
    serde_json::to_value(run.answer).unwrap()
}

/// What differs, member by member.
fn differences(found: &Value, wanted: &Value, overlay: Option<&Value>) -> Vec<String> {
    let mut differences = Vec::new();
    for member in ["exit_code", "error", "circuitbreaker"] {
        let replaced = overlay.and_then(|overlay| overlay.get(member));
        let wanted = replaced.or(wanted.get(member)).unwrap_or(&Value::Null);
        let found = found.get(member).unwrap_or(&Value::Null);
        if found != wanted {
            differences.push(format!("{member} is {found}, not {wanted}"));
        }
    }
    let none = serde_json::Map::new();
    let channels = wanted["channels"].as_object().unwrap_or(&none);
    let found_ids: Vec<&String> = found["channels"].as_object().unwrap_or(&none).keys().collect();
    let mut wanted_ids: Vec<&String> = channels.keys().collect();
    wanted_ids.sort();
    if found_ids != wanted_ids {
        differences.push(format!("channels are {found_ids:?}, not {wanted_ids:?}"));
    }
    for (id, wanted) in channels {
        let replaced = overlay.and_then(|overlay| overlay["channels"].get(id));
        let found = &found["channels"][id];
        let mut names: Vec<&String> = wanted.as_object().unwrap().keys().collect();
        names.extend(found.as_object().unwrap().keys().filter(|name| wanted.get(name).is_none()));
        for name in names {
            let replacement = replaced.and_then(|replaced| replaced.get(name));
            let derived = ["target", "update", "warnings"].contains(&name.as_str());
            if replaced.is_some() && replacement.is_none() && derived {
                continue;
            }
            let wanted = replacement.or(wanted.get(name)).unwrap_or(&Value::Null);
            let found = found.get(name).unwrap_or(&Value::Null);
            if found != wanted {
                differences.push(format!("{id}: {name} is {found}, not {wanted}"));
            }
        }
    }
    differences
}

#[test]
fn every_public_vector_passes() {
    let (mut passed, mut failed) = (0, Vec::new());
    for file in files() {
        let text = std::fs::read_to_string(file).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        for case in value["cases"].as_array().unwrap() {
            let found = run(case);
            let mut differences_found = differences(&found, &case["expect"], None);
            if let Some(recommended) = case.get("recommended") {
                let careful = differences(&found, &case["expect"], Some(recommended));
                if !careful.is_empty() && !differences_found.is_empty() {
                    differences_found = careful;
                } else {
                    differences_found.clear();
                }
            }
            if differences_found.is_empty() {
                passed += 1;
            } else {
                failed.push(format!("{}: {}", case["name"], differences_found.join("\n    ")));
            }
        }
    }
    assert!(failed.is_empty(), "{passed} pass, {} fail:\n{}", failed.len(), failed.join("\n"));
    assert_eq!(passed, 199);
}

#[test]
fn the_careful_answer_is_given_where_one_is_recommended() {
    let mut seen = 0;
    for file in files() {
        let text = std::fs::read_to_string(file).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        for case in value["cases"].as_array().unwrap() {
            let Some(recommended) = case.get("recommended") else { continue };
            seen += 1;
            let found = differences(&run(case), &case["expect"], Some(recommended));
            assert!(found.is_empty(), "{}: {}", case["name"], found.join("\n    "));
        }
    }
    assert_eq!(seen, 16);
}

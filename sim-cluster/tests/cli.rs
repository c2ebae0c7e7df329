//! The built program: exit codes, named refusals, and one small cluster of real agent processes.
//!
//! Refusals must come before anything starts; they are tested without a network.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::path::Path;
use std::process::{Command, Output};

fn sim_cluster(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sim-cluster"))
        .current_dir(directory)
        .args(arguments)
        .output()
        .unwrap()
}

fn refused(arguments: &[&str], code: i32, words: &str) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("bad.json"), "{\"nodes\":[]").unwrap();
    std::fs::write(directory.path().join("bad.csv"), "eur\nmany\n").unwrap();
    let output = sim_cluster(directory.path(), arguments);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {errors}");
    assert!(errors.contains(words), "{arguments:?}: {errors}");
    assert!(output.stdout.is_empty());
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 2, "nothing was made");
}

#[test]
fn wrong_usage_is_exit_code_two() {
    refused(&["dance"], 2, "dance");
    refused(&["run", "--duration", "0"], 2, "not between 1 and 86400");
    refused(&["run", "--nodes", "1"], 2, "1 is not in 2..=100");
    refused(&["run", "--nodes", "13"], 2, "has 12 nodes, not 13");
    refused(&["run", "--backend", "lnd"], 2, "--backend lnd");
    refused(&["chaos", "--minutes", "0"], 2, "not between 0.01 and 1440");
    refused(&["run", "--nodes", "2", "--demand", "drift"], 2, "at least 3 nodes");
}

#[test]
fn invalid_input_is_exit_code_three_with_file_place_and_fix() {
    refused(&["run", "--topology", "missing.gz"], 3, "missing.gz");
    refused(&["run", "--topology", "bad.json"], 3, "bad.json, line 1");
    refused(&["run", "--trace", "bad.csv"], 3, "bad.csv, line 2, column eur");
    refused(&["report", "."], 3, "report.json");
}

#[test]
fn the_agent_is_in_the_same_executable() {
    let directory = tempfile::tempdir().unwrap();
    let output = sim_cluster(directory.path(), &["debal", "--version"]);
    assert!(output.status.success());
    assert!(String::from_utf8(output.stdout).unwrap().starts_with("debal "));
}

#[test]
fn a_small_cluster_of_real_agents_pays_and_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let line = ["run", "--nodes", "4", "--duration", "4", "--epoch-ms", "2000", "--out", "o"];
    let output = sim_cluster(directory.path(), &[&line[..], &["--json"]].concat());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    assert!(!errors.contains('\u{1b}'), "no colours where there is no terminal: {errors}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["audit"]["lost_msat"], 0);
    assert_eq!(report["audit"]["violations"], 0);
    assert_eq!(report["topology"]["nodes"], 4);
    for arm in ["off", "on"] {
        assert!(report["arms"][arm]["succeeded"].as_u64().unwrap() > 0, "{report}");
    }
    let made: Vec<_> = std::fs::read_dir(directory.path().join("o")).unwrap().collect();
    assert_eq!(made.len(), 2, "the two reports, and no agent's directory");

    let again = sim_cluster(directory.path(), &["report", "o"]);
    let table = String::from_utf8(again.stdout).unwrap();
    assert!(again.status.success() && table.contains("lost, msat"));
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
}

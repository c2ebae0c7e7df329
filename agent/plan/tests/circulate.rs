//! `debal plan circulate` on the shipped piece of the network.
//!
//! It must never compare times.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::PathBuf;

use debal_planner::document::{Value, parse_json};

/// The 12-node piece that the project ships.
const PIECE: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../topology/data/ln-2026-02-03-0012.jsonl.gz");

fn run(words: &[&str]) -> (u8, String, String) {
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let code = debal_plan::run(&words, &mut out, &mut err);
    (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

fn found(words: &[&str]) -> Value {
    let (code, out, err) = run(&[&["circulate", PIECE, "--json"], words].concat());
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    parse_json(&out).unwrap()
}

fn exact(value: &Value, key: &str) -> i128 {
    value.get(key).and_then(Value::as_text).unwrap().parse().unwrap()
}

#[test]
fn every_kind_of_balances_is_solved_and_proven() {
    for balances in ["uniform", "bimodal", "half", "one-sided"] {
        for seed in ["1", "2", "3"] {
            let found = found(&["--balances", balances, "--seed", seed]);
            let optimum = exact(&found, "optimum_exact");
            assert_eq!(optimum, exact(&found, "bound_exact"), "{balances} {seed}");
            let value = exact(&found, "value_exact");
            assert_eq!(value + exact(&found, "loss_exact"), optimum);
            assert!(exact(&found, "cut_value_exact") <= value);
            assert_eq!(value == 0, balances == "half", "{balances} {seed}");
        }
    }
}

#[test]
fn a_cap_on_hops_is_kept_and_its_cost_is_stated() {
    let free = found(&["--balances", "bimodal", "--max-hops", "12", "--min-amount", "1"]);
    assert_eq!(exact(&free, "loss_exact"), 0);
    let capped = found(&["--balances", "bimodal", "--max-hops", "3", "--min-amount", "1"]);
    assert_eq!(exact(&capped, "optimum_exact"), exact(&free, "optimum_exact"));
    assert!(exact(&capped, "loss_exact") > 0);
    let cycles = capped.get("cycles").and_then(Value::as_list).unwrap();
    let hops = |cycle: &Value| cycle.get("hops").and_then(Value::as_list).unwrap().len();
    assert!(!cycles.is_empty() && cycles.iter().all(|cycle| (2..=3).contains(&hops(cycle))));
    let sum: i128 = cycles.iter().map(|cycle| exact(cycle, "value_exact")).sum();
    assert_eq!(sum, exact(&capped, "value_exact"));
}

#[test]
fn fees_of_every_cycle_net_to_zero() {
    let found = found(&["--balances", "uniform", "--lend-ppm", "200000"]);
    let cycles = found.get("cycles").and_then(Value::as_list).unwrap();
    let mut paid = 0;
    for cycle in cycles {
        let hops = cycle.get("hops").and_then(Value::as_list).unwrap();
        let fees: Vec<i128> = hops.iter().map(|hop| exact(hop, "payer_receives_msat")).collect();
        assert_eq!(fees.iter().sum::<i128>(), 0);
        paid += fees.iter().filter(|fee| **fee > 0).count();
    }
    assert!(paid > 0, "somebody lends");
}

#[test]
fn the_same_seed_gives_the_same_plan_and_another_another() {
    let plan = |seed| found(&["--seed", seed]).get("cycles").unwrap().to_string();
    assert_eq!(plan("5"), plan("5"));
    assert_ne!(plan("5"), plan("6"));
}

#[test]
fn balances_of_a_file_are_used_and_channels_without_one_left_out() {
    let graph = debal_topology::load(&PathBuf::from(PIECE)).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("balances.txt");
    let known = &graph.channels[..20];
    let line = |channel: &debal_topology::Channel| format!("{} {}\n", channel.id, 1_000);
    let text: String = known.iter().map(line).collect();
    std::fs::write(&file, format!("# all at the far end\n{text}")).unwrap();
    let name = file.display().to_string();
    let with_file = found(&["--balances", &name]);
    assert_eq!(with_file.get("channels"), Some(&Value::number(20)));
    assert_eq!(with_file.get("channels_in_graph"), Some(&Value::number(21)));
    for (wrong, words) in [
        ("1x2x3 5\n".to_owned(), "line 1: the graph has no such channel"),
        (format!("{} x\n", known[0].id), "no whole amount"),
        (format!("{} {}\n", known[0].id, u64::MAX), "more than the channel's capacity"),
        (format!("{0} 1\n{0} 1\n", known[0].id), "line 2: a channel twice"),
    ] {
        std::fs::write(&file, wrong).unwrap();
        let (code, out, err) = run(&["circulate", PIECE, "--json", "--balances", &name]);
        assert_eq!(code, 3, "{out}");
        assert!(err.contains(words), "{err}");
        assert!(out.starts_with("{\"error\":{\"kind\":\"invalid_graph\""), "{out}");
    }
}

#[test]
fn the_table_fits_eighty_columns_and_names_its_units() {
    let (code, out, _) = run(&["circulate", PIECE, "--balances", "bimodal", "--max-hops", "4"]);
    assert_eq!(code, 0);
    assert!(out.lines().all(|line| line.chars().count() <= 80), "{out}");
    for words in ["12 nodes, 21 of 21 channels", "BTC", "msat", "seconds", "peak memory", "proven"]
    {
        assert!(out.contains(words), "{words}: {out}");
    }
}

#[test]
fn what_is_no_graph_is_refused_with_the_file_named() {
    let (code, _, err) = run(&["circulate", "nowhere.jsonl.gz"]);
    assert_eq!(code, 3);
    assert!(err.contains("nowhere.jsonl.gz") && err.contains("cannot be read"), "{err}");
    let (code, _, err) = run(&["circulate", PIECE, "--max-hops", "1"]);
    assert_eq!(code, 2, "{err}");
}

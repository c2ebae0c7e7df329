//! B1 on small generated graphs: the report's shape, the yardstick, and that nobody breaks a rule.
//!
//! It must never assert a time.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use debal_bench::b1::{COLUMNS, METRICS, Options, PLOTS, methods, run};
use debal_bench::graphs::{Generator, GraphSource};
use debal_bench::measures::balance;
use debal_bench::method::check;
use debal_bench::report::{Report, csv, json, page, plots, table};
use debal_bench::states::State;
use debal_topology::balances::StartingBalances;

fn report(words: &[&str]) -> Report {
    let source = GraphSource::Generated(Generator::ChungLu, 120);
    let options = Options { source, balances: StartingBalances::Uniform, seeds: 2 };
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    run(&options, &methods(&words).unwrap(), &mut |_| {}).unwrap()
}

#[test]
fn the_exact_optimum_is_one_nothing_is_zero_and_prices_lie_between() {
    let report = report(&["none", "exact", "prices 50", "greedy"]);
    let phi = |method: &str| {
        let row = report.rows.iter().find(|row| row.method == method).unwrap();
        row.figure("phi").unwrap().mean
    };
    assert!((phi("exact") - 1.0).abs() < 1e-6);
    assert!(phi("none").abs() < 1e-12);
    assert!(phi("exact, helpers") > 1.0);
    assert!(phi("greedy <= 4") <= phi("greedy"));
    assert!(phi("prices 50") > phi("greedy") && phi("prices 50") < 1.0);
}

#[test]
fn every_method_keeps_balances_within_channels_and_wealth_with_its_owner() {
    for (family, balances) in [
        (Generator::BarabasiAlbert, StartingBalances::Uniform),
        (Generator::HolmeKim, StartingBalances::OneSided),
    ] {
        let graph = GraphSource::Generated(family, 80).graph(7).unwrap();
        let state = State::draw(&graph, balances, 7).unwrap();
        for method in methods(&[]).unwrap() {
            let outcome = method.settle(&state, 7).unwrap();
            check(method.as_ref(), &state, &outcome).unwrap();
            let again = method.settle(&state, 7).unwrap();
            assert_eq!(outcome, again, "{} does not repeat", method.name());
            let after = balance(&state, &outcome.held_msat);
            assert!((0.0..=1.0).contains(&after.under_theta), "{}", method.name());
        }
    }
}

#[test]
fn json_has_exactly_the_promised_fields() {
    let report = report(&["none"]);
    let value: serde_json::Value = serde_json::from_str(&json(&report).unwrap()).unwrap();
    let mut fields: Vec<&String> = value.as_object().unwrap().keys().collect();
    fields.sort();
    assert_eq!(fields, ["experiment", "graph", "rows", "seeds", "state"]);
    assert_eq!((&value["experiment"], &value["graph"]), (&"b1".into(), &"chung-lu-120".into()));
    let row = &value["rows"][0];
    assert_eq!((&row["method"], row.as_object().unwrap().len()), (&"none".into(), 2));
    for name in METRICS {
        let figure = row["metrics"][name].as_object().unwrap();
        assert!(figure["mean"].is_number() && figure["ci95"].is_number(), "{name}");
        assert_eq!(figure.len(), 2);
    }
}

#[test]
fn the_table_fits_a_terminal_and_the_page_stands_alone() {
    let report = report(&["none", "prices 100, 20", "Revive"]);
    let table = table(&report, &COLUMNS);
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    let drawn = plots(&report, &PLOTS).unwrap();
    assert!(drawn.iter().all(|plot| plot.svg.contains("<svg") && plot.svg.contains("none")));
    let page = page(&[(report.clone(), drawn)], &COLUMNS, "bench b1 <x>");
    assert!(page.contains("bench b1 &lt;x&gt;") && !page.contains("<script"));
    let text = csv(&[report]);
    assert_eq!(text.lines().count(), 1 + 3 * METRICS.len());
    assert!(text.contains("b1,chung-lu-120,uniform,2,\"prices 100, 20 % lost\",phi,"));
}

#[test]
fn a_word_that_names_no_method_is_refused() {
    assert!(methods(&["zebra".to_owned()]).is_err());
}

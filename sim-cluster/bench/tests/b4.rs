//! B4 on a small generated graph: what rows reach is between the prior and the oracle, and repeats.
//!
//! It must never assert a time.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use debal_bench::b4::{Knows, Options, rows, run};
use debal_bench::graphs::{Generator, GraphSource};
use debal_bench::report::Report;
use debal_topology::balances::StartingBalances;

fn options() -> Options {
    Options {
        source: GraphSource::Generated(Generator::ChungLu, 600),
        seeds: 2,
        payments: None,
        pairs: 60,
        one_way: 0.0,
        start: StartingBalances::Half,
        model: None,
    }
}

fn report() -> Report {
    run(&options(), &Knows::ALL, &mut |_| {}).unwrap()
}

#[test]
fn rows_lie_between_the_prior_and_the_oracle_and_repeat() {
    let report = report();
    let mean = |row: &str, metric: &str| {
        let row = report.rows.iter().find(|found| found.method == row).unwrap();
        row.figure(metric).unwrap().mean
    };
    assert_eq!(report.rows.len(), Knows::ALL.len());
    assert_eq!((mean("uniform prior", "gap_200k"), mean("oracle", "gap_200k")), (0.0, 1.0));
    assert_eq!((mean("oracle", "auc_50k"), mean("oracle", "brier_50k")), (1.0, 0.0));
    assert_eq!(mean("hop count", "auc_50k"), 0.5);
    for row in &report.rows {
        let success = row.figure("success_50k").unwrap().mean;
        assert!((0.0..=1.0).contains(&success), "{}", row.method);
    }
    // What all tell is worth more than nothing, for the network as for counting.
    for row in ["bounds, all tell", "local, all tell", "model, all tell"] {
        assert!(mean(row, "auc_200k") > mean("uniform prior", "auc_200k") + 0.02, "{row}");
    }
    let again = self::report();
    for (one, other) in report.rows.iter().zip(&again.rows) {
        let figures = |row: &debal_bench::report::Row| {
            let timed = |name: &str| name == "ms_1000_arcs";
            let kept = row.metrics.iter().filter(|(name, _)| !timed(name));
            kept.map(|(_, figure)| figure.mean).collect::<Vec<_>>()
        };
        assert_eq!(figures(one), figures(other), "{}", one.method);
    }
}

#[test]
fn a_row_or_a_model_that_is_none_is_refused() {
    assert!(rows(&["no such row".to_owned()]).is_err());
    assert_eq!(rows(&["oracle".to_owned()]).unwrap(), vec![Knows::Oracle]);
    let wrong = Options { model: Some(b"no model".to_vec()), ..options() };
    assert!(run(&wrong, &[Knows::Uniform], &mut |_| {}).is_err());
}

#[test]
fn where_the_oracle_adds_nothing_no_gap_is_made_up() {
    let source = GraphSource::Generated(Generator::ChungLu, 2_000);
    let rich = Options { source, seeds: 1, pairs: 100, ..options() };
    let report = run(&rich, &[Knows::Uniform, Knows::Oracle], &mut |_| {}).unwrap();
    for row in &report.rows {
        assert_eq!(row.figure("success_50k").unwrap().mean, 1.0, "{}", row.method);
        assert_eq!(row.figure("gap_50k"), None, "{}", row.method);
    }
    assert_eq!(report.rows[1].figure("gap_200k").unwrap().mean, 1.0);
}

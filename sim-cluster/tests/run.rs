//! The whole of `sim-cluster run` against a fake network behind real control sockets: arms, events,
//! audit, report files. The fakes must never be kinder than the contract.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod fake;

use clap::Parser;
use fake::FakeStarter;
use sim_cluster::cli::{Arguments, Command, RunOptions, plan};
use sim_cluster::launch::Starter;
use sim_cluster::report::{self, Report};
use sim_cluster::run::{Progress, run, run_arm};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

fn options(out: &Path, more: &[&str]) -> RunOptions {
    let fixed = ["sim-cluster", "run", "--epoch-ms", "200", "--out"];
    let out = out.to_str().unwrap();
    let all = fixed.into_iter().chain([out]).chain(more.iter().copied());
    match Arguments::try_parse_from(all).unwrap().command {
        Command::Run(options) => options,
        other => panic!("{other:?}"),
    }
}

async fn reported(out: &Path, more: &[&str]) -> Report {
    let options = options(out, more);
    let (plan, settings) = plan(&options).unwrap();
    let fakes = FakeStarter::new(Duration::from_millis(200));
    let starter: Arc<dyn Starter> = Arc::new(fakes);
    let outcome = run(&plan, &starter, &Progress::silent()).await.unwrap();
    report::build(&plan, &outcome, settings, 4.0)
}

#[tokio::test]
async fn two_arms_over_the_same_payments_make_a_full_report() {
    let directory = tempfile::tempdir().unwrap();
    let report =
        reported(directory.path(), &["--duration", "2", "--payments-per-second", "100"]).await;
    let (off, on) = (&report.arms.off, &report.arms.on);
    assert_eq!((off.payments, off.demand_msat), (on.payments, on.demand_msat));
    assert!(off.payments > 150 && off.succeeded > 0);
    assert!((off.imbalance_before - on.imbalance_before).abs() < 1e-12);
    assert!(on.imbalance_after < off.imbalance_after);
    assert!(report.elections.certified >= 6 && report.leaders.len() >= 3);
    assert_eq!((report.elections.skipped, report.elections.p50_ms), (0, Some(30)));
    assert!(report.cycles.committed > 0);
    assert_eq!(report.cycles.planned, report.cycles.committed);
    assert_eq!(report.cycles.commit_p50_ms, Some(12));
    assert_eq!(report.gossip.delivery_p50_ms, Some(2.5));
    assert_eq!((report.audit.lost_msat, report.audit.violations), (0, 0));
    assert_eq!(report.audit.invariants_checked, 2 * (12 * 17 + 21 * 3));
    assert!((report.memory_mib_per_agent - 20.0).abs() < 1e-9);

    let files = report::write(&report, directory.path()).unwrap();
    assert_eq!(report::read(directory.path()).unwrap(), report);
    let page = std::fs::read_to_string(&files[1]).unwrap();
    assert_eq!(page.matches("<svg").count(), 6);
    assert_eq!(page.matches("http").count(), 6, "only the name of SVG, nothing fetched");
    let table = report::table(&report);
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
}

#[tokio::test]
async fn missing_msat_are_counted_and_named() {
    let directory = tempfile::tempdir().unwrap();
    let more = ["--nodes", "4", "--duration", "1", "--payments-per-second", "5"];
    let (plan, _) = plan(&options(directory.path(), &more)).unwrap();
    let fakes = FakeStarter::new(Duration::from_millis(200));
    fakes.steal(3);
    let starter: Arc<dyn Starter> = Arc::new(fakes);
    let arm = run_arm(&plan, false, &starter, &Progress::silent()).await.unwrap();
    assert_eq!((arm.audit.lost_msat, arm.audit.open_locks), (3, 0));
    assert_eq!(arm.audit.violations.len(), 2, "{:?}", arm.audit.violations);
}

#[test]
fn the_contract_of_the_report_is_kept() {
    let contract = [
        "topology/source",
        "topology/nodes",
        "topology/channels",
        "seed",
        "epochs",
        "epoch_ms",
        "leaders",
        "elections/certified",
        "elections/skipped",
        "elections/p50_ms",
        "elections/p99_ms",
        "gossip/delivery_p50_ms",
        "gossip/delivery_p99_ms",
        "gossip/bytes_per_node_per_epoch",
        "cycles/planned",
        "cycles/committed",
        "cycles/rolled_back",
        "cycles/refused",
        "cycles/commit_p50_ms",
        "cycles/commit_p99_ms",
        "cycles/moved_msat",
        "arms/off/payments",
        "arms/off/succeeded",
        "arms/off/success_ratio",
        "arms/off/volume_msat",
        "arms/off/imbalance_before",
        "arms/off/imbalance_after",
        "arms/on/payments",
        "arms/on/imbalance_after",
        "audit/lost_msat",
        "audit/open_locks",
        "audit/invariants_checked",
        "audit/violations",
        "memory_mib_per_agent",
        "wall_s",
    ];
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let more = ["--duration", "1", "--payments-per-second", "20"];
    let report = runtime.block_on(reported(directory.path(), &more));
    let json = serde_json::to_value(report).unwrap();
    for path in contract {
        assert!(json.pointer(&format!("/{path}")).is_some_and(|v| !v.is_null()), "{path}");
    }
}

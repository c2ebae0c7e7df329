//! The whole of `sim-cluster chaos` against a fake network: faults are made, agents come back, the
//! audit judges. The fakes keep their ledger through a kill, as a journal would.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod fake;

use clap::Parser;
use fake::FakeStarter;
use sim_cluster::chaos::{ChaosReport, FaultCounts, chaos};
use sim_cluster::cli::{Arguments, Command, chaos_plan};
use sim_cluster::launch::Starter;
use sim_cluster::run::Progress;
use std::sync::Arc;
use std::time::Duration;

async fn chaotic(stolen: u64) -> ChaosReport {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().to_str().unwrap();
    let line =
        ["sim-cluster", "chaos", "--minutes", "0.05", "--epoch-ms", "300", "--out", out, "--json"];
    let options = match Arguments::try_parse_from(line).unwrap().command {
        Command::Chaos(options) => options,
        other => panic!("{other:?}"),
    };
    let plan = chaos_plan(&options).unwrap();
    let fakes = FakeStarter::new(Duration::from_millis(300));
    fakes.steal(stolen);
    let starter: Arc<dyn Starter> = Arc::new(fakes);
    chaos(&plan, &starter, &Progress::silent()).await.unwrap()
}

#[tokio::test]
async fn every_fault_is_made_and_a_sound_network_is_clean_afterwards() {
    let report = chaotic(0).await;
    assert_eq!(report.faults, FaultCounts { kills: 1, pauses: 1, partitions: 1 });
    assert!(report.is_clean(), "{report:?}");
    assert!(report.settled_s.is_some());
    assert_eq!((report.channels_equal, report.lost_msat), (21, 0));
    assert!(report.payments > 0 && report.succeeded > 0);
}

#[tokio::test]
async fn a_network_that_loses_money_is_not_clean() {
    let report = chaotic(7).await;
    assert!(!report.is_clean());
    assert_eq!((report.lost_msat, report.settled_s), (7, None));
    assert_eq!(report.channels_equal, 20);
}

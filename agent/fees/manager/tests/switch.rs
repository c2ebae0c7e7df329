//! A node that takes a policy and not the switch: what is written down, what the next run finds.
//!
//! The node here is a few lines of memory; the real protocol is in the other tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use async_trait::async_trait;
use debal_fees::state::{NodeState, Policy};
use debal_fees::{Needs, PolicyUpdate, Status};
use debal_fees_history::{Change, ChangeState, FeeHistory, ForwardRow, Intent, Origin};
use debal_fees_manager::{FeeNode, Manager, NodeError, Outcome, Pace, Target, recorded};
use std::sync::Mutex;

/// Takes every policy; answers the switch as told.
struct Scripted {
    policy: Mutex<Policy>,
    switch: Result<(), NodeError>,
}

#[async_trait]
impl FeeNode for Scripted {
    async fn state(&self, _: i64, _: &Needs) -> Result<NodeState, NodeError> {
        Err(NodeError::Broken("not asked here".to_owned()))
    }

    async fn forwards(&self, _: i64, _: i64) -> Result<Vec<ForwardRow>, NodeError> {
        Ok(Vec::new())
    }

    async fn update(&self, _: Target<'_>, update: &PolicyUpdate) -> Result<(), NodeError> {
        self.policy.lock().unwrap().fee_ppm = i64::try_from(update.fee_ppm).unwrap();
        Ok(())
    }

    async fn switch(&self, _: Target<'_>, _: Status) -> Result<(), NodeError> {
        self.switch.clone()
    }

    async fn policy(&self, _: u64) -> Result<Option<Policy>, NodeError> {
        Ok(Some(self.policy.lock().unwrap().clone()))
    }
}

/// A confirmed change of fee and switch, and the node after it.
fn made(history: &FeeHistory, switch: Result<(), NodeError>) -> (Scripted, Change) {
    let now = Policy { fee_ppm: 900, disabled: true, ..Policy::default() };
    let old = recorded(&Policy { fee_ppm: 100, ..Policy::default() });
    let intent = Intent {
        run: None,
        channel: 7,
        origin: Origin::Rules,
        at_s: 10,
        reason: None,
        undoes: None,
        rules_digest: "digest",
        old,
        new: recorded(&now),
    };
    let id = history.decide(&intent).unwrap();
    history.ended(id, ChangeState::Confirmed, 10, None).unwrap();
    let change = history.confirmed(7, 1).unwrap().remove(0);
    (Scripted { policy: Mutex::new(now), switch }, change)
}

#[tokio::test]
async fn a_node_that_goes_away_between_policy_and_switch_leaves_the_change_to_the_next_run() {
    let directory = tempfile::tempdir().unwrap();
    let open = || FeeHistory::open(&directory.path().join("fees.db")).unwrap();
    let (node, change) = made(&open(), Err(NodeError::Unavailable("gone".to_owned())));
    let manager = Manager::new(&node, open(), Pace::MANUAL);
    assert!(manager.undo(&change, "point", "revenue fell", 20).await.is_err());
    // The fees are in force already: "nothing was sent" would be false.
    assert_eq!(manager.history().open_changes().unwrap().len(), 1);
    assert_eq!(manager.recover(30).await.unwrap().len(), 1);
    let newest = manager.history().confirmed(7, 1).unwrap().remove(0);
    assert_eq!((newest.origin, newest.new.fee_ppm), (Origin::Rollback, 100));
}

#[tokio::test]
async fn a_refused_switch_is_told_and_the_fees_that_were_taken_count() {
    let directory = tempfile::tempdir().unwrap();
    let open = || FeeHistory::open(&directory.path().join("fees.db")).unwrap();
    let (node, change) = made(&open(), Err(NodeError::Refused("the link is down".to_owned())));
    let manager = Manager::new(&node, open(), Pace::MANUAL);
    let undone = manager.undo(&change, "point", "revenue fell", 20).await.unwrap();
    assert!(matches!(undone.outcome, Outcome::Refused(_)), "{undone:?}");
    assert!(manager.history().is_undone(change.id).unwrap());
    assert_eq!(manager.history().open_changes().unwrap(), []);
}

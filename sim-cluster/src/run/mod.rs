//! One comparison: the same network, balances and payments twice, rebalancing off and then on.
//!
//! The two arms must never differ in anything but whether rebalancing is switched on.

mod arm;
mod audit;
mod observe;
mod payments;
mod progress;

pub use arm::{ArmOutcome, Sample, run_arm};
pub use audit::{ClusterAudit, compare, settle};
pub use observe::{CycleOutcome, CycleSeen, EpochSeen, Observations};
pub use payments::{PaymentResult, Tally, drive};
pub use progress::{Live, Progress};

use crate::demand::Payment;
use crate::error::ClusterError;
use crate::launch::{Learning, Starter};
use crate::topology::Graph;
use debal_protocol::market::Market;
use std::path::PathBuf;
use std::sync::Arc;

/// Everything both arms share.
#[derive(Clone, Debug)]
pub struct RunPlan {
    /// The network.
    pub graph: Graph,
    /// Seed of identities, balances and demand.
    pub seed: u64,
    /// Length of an epoch.
    pub epoch_ms: u64,
    /// Price rounds.
    pub market: Market,
    /// Length of the payments of one arm.
    pub duration_ms: u64,
    /// Routes a payment may try.
    pub attempts: u32,
    /// What end 0 of every channel owns at the start.
    pub first_msat: Vec<u64>,
    /// The payments.
    pub payments: Vec<Payment>,
    /// Forecasts, and who decides by them.
    pub learning: Learning,
    /// Where the agents' directories are made; must not exist yet.
    pub directory: PathBuf,
}

/// What both arms gave.
#[derive(Debug)]
pub struct RunOutcome {
    /// Rebalancing off.
    pub off: ArmOutcome,
    /// Rebalancing on.
    pub on: ArmOutcome,
}

/// Runs both arms, off first.
///
/// # Errors
/// The first thing that fails; agents are ended, their directories stay for reading.
pub async fn run(
    plan: &RunPlan,
    starter: &Arc<dyn Starter>,
    progress: &Progress,
) -> Result<RunOutcome, ClusterError> {
    let off = run_arm(plan, false, starter, progress).await?;
    let on = run_arm(plan, true, starter, progress).await?;
    Ok(RunOutcome { off, on })
}

//! The agent's own fees: rules over the ledger's channels, and what they mean for rebalancing.
//!
//! A thread of its own runs pass after pass: apply the rules as `debal fees` does on LND, then
//! judge what liquidity is worth at the fees they will ask, for the steering to act on. It
//! must never change a channel oftener than its pace, and a fault in the rules leaves fees and
//! offers as they are.

mod judge;
mod own;

#[cfg(test)]
mod tests;

pub use judge::{Judgement, Model, judge};
pub use own::OwnNode;

use crate::clock;
use crate::config::FeesConfig;
use crate::driver::DriverHandle;
use crate::steering::Board;
use debal_fees_cli::{RuleFile, read_rule_file};
use debal_fees_history::{FeeHistory, HistoryError};
use debal_fees_manager::{Manager, ManagerError, NodeError, Pace};
use debal_protocol::NodeId;
use debal_protocol::config::Liquidity;
use std::path::Path;

/// Name of the fee history in the data directory.
pub const FILE_NAME: &str = "fees.sqlite";

/// Why a pass did nothing, or not everything.
#[derive(Debug, thiserror::Error)]
pub enum PassError {
    /// The rule file cannot be used.
    #[error("rules: {0}")]
    Rules(String),
    /// The node or the history failed.
    #[error(transparent)]
    Manager(#[from] ManagerError),
}

/// What a pass did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// Channels whose policy changed.
    pub changed: usize,
    /// Channel ends steered.
    pub steered: usize,
    /// Faults, in words.
    pub faults: Vec<String>,
}

/// Fees of one node.
pub struct Fees {
    node: OwnNode,
    liquidity: Liquidity,
    config: FeesConfig,
    board: Board,
    /// The newest rules that could be read.
    rules: Option<RuleFile>,
}

impl Fees {
    /// Fees of `node`.
    #[must_use]
    pub fn new(
        driver: DriverHandle,
        node: NodeId,
        liquidity: Liquidity,
        config: FeesConfig,
        board: Board,
    ) -> Self {
        let own = OwnNode::new(driver.clone(), node);
        Self { node: own, liquidity, config, board, rules: None }
    }

    /// One pass. A rule file that cannot be read leaves the rules of the last pass in force.
    ///
    /// # Errors
    /// [`PassError`] if nothing could be done.
    pub async fn pass(&mut self, history: FeeHistory, now_s: i64) -> Result<Passed, PassError> {
        let mut passed = Passed::default();
        match read_rule_file(&self.config.rules) {
            Ok(fresh) => self.rules = Some(fresh),
            Err(error) if self.rules.is_none() => return Err(PassError::Rules(error)),
            Err(error) => passed.faults.push(format!("the old rules stay in force: {error}")),
        }
        let Some(file) = &self.rules else { return Ok(passed) };
        let mut manager = Manager::new(&self.node, history, Pace::DAEMON);
        let applied = manager.apply(&file.rules, &file.digest, false, now_s).await?;
        passed.faults.extend(applied.faults.iter().cloned());
        passed.faults.extend(applied.stopped.clone());
        let changed = |run: &&debal_fees_manager::ChannelRun| {
            run.outcome == debal_fees_manager::Outcome::Changed
        };
        passed.changed = applied.channels.iter().filter(changed).count();
        let mut needs = file.rules.needs();
        let demand_s = i64::from(self.config.model.demand_days) * 86_400;
        needs.forwards_s = needs.forwards_s.max(demand_s);
        needs.failed_s = needs.failed_s.max(demand_s);
        let state = manager.snapshot(now_s, &needs).await?;
        let judged = judge(&file.rules, &state, &self.liquidity, &self.config.model);
        for (_, judgement, steer) in &judged {
            passed.faults.extend(judgement.fault.clone());
            passed.steered += usize::from(steer.is_some());
        }
        self.board.judged(judged);
        Ok(passed)
    }
}

/// Starts the thread. It ends when the agent stops.
///
/// # Errors
/// There is no thread, or the history does not open.
pub fn start(directory: &Path, mut fees: Fees) -> Result<(), HistoryError> {
    let path = directory.join(FILE_NAME);
    // Opened here once so that a history of a newer version stops the start, not a pass.
    drop(FeeHistory::open(&path)?);
    let every = fees.config.every;
    let database = path.clone();
    let work = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let Ok(runtime) = runtime else {
            tracing::warn!("no fees are set: no runtime");
            return;
        };
        runtime.block_on(async {
            loop {
                let now_s = i64::try_from(clock::unix_ms() / 1_000).unwrap_or(i64::MAX);
                let told = match FeeHistory::open(&database) {
                    Ok(history) => fees.pass(history, now_s).await,
                    Err(error) => Err(ManagerError::from(error).into()),
                };
                match told {
                    Ok(passed) => tracing::info!(
                        changed = passed.changed, steered = passed.steered,
                        faults = ?passed.faults, "fees"
                    ),
                    Err(PassError::Manager(ManagerError::Node(NodeError::Unavailable(_)))) => {
                        return;
                    }
                    Err(error) => tracing::warn!(%error, "fees not judged"),
                }
                tokio::time::sleep(every).await;
            }
        });
    };
    let thread = std::thread::Builder::new().name("debal-fees".to_owned()).spawn(work);
    thread.map(drop).map_err(|source| HistoryError::Create { path, source })
}

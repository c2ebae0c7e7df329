//! Changes whose end is not known: the node is asked, nothing is sent.
//!
//! A node may show a change a moment late, so it is asked more than once before a change is given
//! up. It must never send anything.

use crate::error::{ManagerError, NodeError};
use crate::policy::{changed, recorded};
use crate::{FeeNode, Manager};
use debal_fees_history::{Change, ChangeState, Policy};
use std::time::Duration;

/// How often a channel is read back before a change counts as not in force.
const READS: u32 = 4;
/// Between two reads.
const PAUSE: Duration = Duration::from_millis(500);

/// What became of a change whose answer was lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// It is in force.
    InForce,
    /// It is not; why, for people.
    NotInForce(&'static str),
}

impl Manager<'_> {
    /// Resolves every open change, oldest first; returns what was found.
    ///
    /// # Errors
    /// [`ManagerError`] if the node does not answer: the rest stays open.
    pub async fn recover(&self, now_s: i64) -> Result<Vec<(Change, Found)>, ManagerError> {
        let mut resolved = Vec::new();
        for change in self.history.open_changes()? {
            let found = resolve(self.node, change.channel, &change.old, &change.new).await?;
            let (state, reason) = match &found {
                Found::InForce => (ChangeState::Confirmed, None),
                Found::NotInForce(why) => (ChangeState::Abandoned, Some(*why)),
            };
            self.history.ended(change.id, state, now_s, reason)?;
            tracing::info!(channel = change.channel, ?found, "a change left open was resolved");
            resolved.push((change, found));
        }
        Ok(resolved)
    }
}

/// Reads a channel back until it shows the new policy, or long enough.
pub(crate) async fn resolve(
    node: &dyn FeeNode,
    chan_id: u64,
    old: &Policy,
    new: &Policy,
) -> Result<Found, NodeError> {
    let mut seen = Found::NotInForce("the channel has no policy of ours");
    for read in 0..READS {
        if read > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        seen = match node.policy(chan_id).await {
            Err(NodeError::Missing(_)) => return Ok(Found::NotInForce("the channel is gone")),
            Err(error) => return Err(error),
            Ok(None) => seen,
            Ok(Some(policy)) => {
                let policy = recorded(&policy);
                // The fees tell, where they were to change: a node turns the switch by itself too.
                let switched = policy.disabled == new.disabled || changed(old, new);
                if !changed(&policy, new) && switched {
                    return Ok(Found::InForce);
                }
                match changed(&policy, old) {
                    true => Found::NotInForce("the channel is at neither policy: somebody else's"),
                    false => Found::NotInForce("the channel is still at its old policy"),
                }
            }
        };
    }
    Ok(seen)
}

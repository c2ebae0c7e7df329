//! The audit of a cluster: money is where it was, both ends of every channel hold the same signed
//! state, nothing is locked.
//!
//! The audit believes no agent alone: every figure of one end is compared with the other end's.

use crate::control::{Audit, AuditChannel};
use crate::error::ClusterError;
use crate::launch::Agent;
use crate::topology::{Channel, Graph};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Pause between two looks at a cluster that is not settled.
const PAUSE: Duration = Duration::from_millis(200);

/// Equal looks in a row after which a cluster without open locks is taken as it is.
const STANDSTILL: u32 = 15;

/// What the audit of a whole cluster found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterAudit {
    /// Capacity of all channels minus all balances and locks; negative if money appeared.
    pub lost_msat: i64,
    /// Locks still open, over all agents.
    pub open_locks: u64,
    /// Checks made, the agents' own and the comparisons of ends.
    pub invariants_checked: u64,
    /// What was found broken.
    pub violations: Vec<String>,
    /// Channels whose two ends hold the same state.
    pub channels_equal: u64,
}

impl ClusterAudit {
    /// Nothing lost, nothing open, nothing broken.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.lost_msat == 0 && self.open_locks == 0 && self.violations.is_empty()
    }
}

/// Waits until the cluster is clean, and returns the last audit either way: after `limit`, or as
/// soon as a cluster without open locks has stood still long enough to be called broken. (Agents
/// are audited one after another, so two ends may differ for a moment while a change is under way.)
///
/// # Errors
/// An agent that cannot be audited even at the end.
pub async fn settle(
    agents: &[Arc<Agent>],
    graph: &Graph,
    limit: Duration,
) -> Result<ClusterAudit, ClusterError> {
    let deadline = Instant::now() + limit;
    let mut last = ClusterAudit::default();
    let mut unchanged = 0;
    loop {
        let result = collect(agents).await.map(|audits| compare(graph, &audits));
        if let Ok(found) = &result {
            unchanged = if *found == last && found.open_locks == 0 { unchanged + 1 } else { 0 };
            last = found.clone();
        }
        let settled = result.as_ref().is_ok_and(ClusterAudit::is_clean);
        if settled || unchanged >= STANDSTILL || Instant::now() >= deadline {
            return result;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn collect(agents: &[Arc<Agent>]) -> Result<Vec<Audit>, ClusterError> {
    let mut audits = Vec::with_capacity(agents.len());
    for agent in agents {
        let audit = agent.audit().await;
        let failed = |e| ClusterError::Failed(format!("audit of agent {}: {e}", agent.index()));
        audits.push(audit.map_err(failed)?);
    }
    Ok(audits)
}

/// Compares the audits of all agents, in node order, with the graph and with each other.
#[must_use]
pub fn compare(graph: &Graph, audits: &[Audit]) -> ClusterAudit {
    let mut found = ClusterAudit::default();
    let mut balances = 0u128;
    for (index, audit) in audits.iter().enumerate() {
        balances += u128::from(audit.balance_total_msat);
        found.open_locks = found.open_locks.saturating_add(audit.open_locks);
        found.invariants_checked =
            found.invariants_checked.saturating_add(audit.invariants_checked);
        found.violations.extend(audit.violations.iter().map(|v| format!("agent {index}: {v}")));
    }
    let states: Vec<HashMap<&str, &AuditChannel>> = audits
        .iter()
        .map(|audit| audit.channels.iter().map(|c| (c.channel.as_str(), c)).collect())
        .collect();
    let mut locked = 0u128;
    for channel in &graph.channels {
        let id = channel.id.to_string();
        let ends =
            channel.ends.map(|end| states.get(end).and_then(|s| s.get(id.as_str()).copied()));
        let [Some(a), Some(b)] = ends else {
            found.violations.push(format!("channel {id}: an end has no state"));
            continue;
        };
        locked += u128::from(a.locked_msat);
        let problems = differences(channel, a, b);
        found.invariants_checked = found.invariants_checked.saturating_add(3);
        if problems.is_empty() {
            found.channels_equal = found.channels_equal.saturating_add(1);
        }
        found.violations.extend(problems.into_iter().map(|p| format!("channel {id}: {p}")));
    }
    let capacity: u128 = graph.channels.iter().map(|c| u128::from(c.capacity_msat())).sum();
    let lost = signed(capacity) - signed(balances) - signed(locked);
    found.lost_msat = i64::try_from(lost).unwrap_or(if lost > 0 { i64::MAX } else { i64::MIN });
    found
}

fn signed(amount: u128) -> i128 {
    i128::try_from(amount).unwrap_or(i128::MAX)
}

/// What is wrong with the two ends' states of one channel.
fn differences(channel: &Channel, a: &AuditChannel, b: &AuditChannel) -> Vec<String> {
    let mut problems = Vec::new();
    if (a.seq, &a.digest) != (b.seq, &b.digest) {
        problems.push(format!("the ends hold different states (seq {} and {})", a.seq, b.seq));
    }
    let mirrored = (a.local_msat, a.remote_msat, a.locked_msat);
    if mirrored != (b.remote_msat, b.local_msat, b.locked_msat) {
        problems.push("the ends do not agree on the balances".to_owned());
    }
    for (name, end) in [("first", a), ("second", b)] {
        let parts = [end.local_msat, end.remote_msat, end.locked_msat];
        let sum: u128 = parts.into_iter().map(u128::from).sum();
        if sum != u128::from(channel.capacity_msat()) {
            problems.push(format!("the {name} end's balances add to {sum} msat"));
        }
    }
    problems
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::topology::embedded;

    /// Audits of a whole cluster in which end 0 owns a third of every channel.
    fn audits(graph: &Graph) -> Vec<Audit> {
        let mut audits: Vec<Audit> = graph
            .nodes
            .iter()
            .map(|_| Audit {
                balance_total_msat: 0,
                open_locks: 0,
                invariants_checked: 17,
                violations: Vec::new(),
                channels: Vec::new(),
            })
            .collect();
        for channel in &graph.channels {
            let third = channel.capacity_msat() / 3;
            let local = [third, channel.capacity_msat() - third];
            for end in 0..2 {
                let audit = &mut audits[channel.ends[end]];
                audit.balance_total_msat += local[end];
                audit.channels.push(AuditChannel {
                    channel: channel.id.to_string(),
                    seq: 4,
                    digest: "d".to_owned(),
                    local_msat: local[end],
                    remote_msat: local[1 - end],
                    locked_msat: 0,
                });
            }
        }
        audits
    }

    #[test]
    fn a_sound_cluster_is_clean_and_every_channel_equal() {
        let graph = embedded().unwrap();
        let found = compare(&graph, &audits(&graph));
        assert!(found.is_clean(), "{found:?}");
        assert_eq!((found.channels_equal, found.invariants_checked), (21, 12 * 17 + 21 * 3));
    }

    #[test]
    fn one_msat_missing_at_one_end_is_lost_and_named() {
        let graph = embedded().unwrap();
        let mut audits = audits(&graph);
        audits[1].balance_total_msat -= 1;
        audits[1].channels[0].local_msat -= 1;
        let found = compare(&graph, &audits);
        assert_eq!((found.lost_msat, found.channels_equal), (1, 20));
        assert_eq!(found.violations.len(), 2);
    }

    #[test]
    fn a_state_one_end_does_not_have_is_a_violation() {
        let graph = embedded().unwrap();
        let mut audits = audits(&graph);
        audits[1].channels[0].seq += 1;
        audits[2].channels.clear();
        let found = compare(&graph, &audits);
        assert!(found.violations.iter().any(|v| v.contains("seq 5 and 4")), "{found:?}");
        assert!(found.violations.iter().any(|v| v.contains("an end has no state")));
    }

    #[test]
    fn locked_money_is_open_not_lost() {
        let graph = embedded().unwrap();
        let mut audits = audits(&graph);
        let [a, b] = graph.channels[0].ends;
        audits[a].balance_total_msat -= 50;
        audits[a].open_locks = 1;
        let id = graph.channels[0].id.to_string();
        let state = |audit: &mut Audit, local: u64, remote: u64| {
            let channel = audit.channels.iter_mut().find(|c| c.channel == id).unwrap();
            channel.local_msat -= local;
            channel.remote_msat -= remote;
            channel.locked_msat = 50;
        };
        state(&mut audits[a], 50, 0);
        state(&mut audits[b], 0, 50);
        let found = compare(&graph, &audits);
        assert_eq!((found.lost_msat, found.open_locks, found.violations.len()), (0, 1, 0));
        assert!(!found.is_clean());
    }
}

//! The node as rules see it, and what is remembered of each look: forwards, balances, policies,
//! what somebody else changed.
//!
//! It must never make up what a node did not tell.

use crate::Manager;
use crate::error::ManagerError;
use crate::learn::tried;
use crate::policy::{changed, recorded};
use debal_fees::Needs;
use debal_fees::state::{Channel, Forward, NodeState};
use debal_fees_history::{FailedForward, ForwardRow, Policy, SampleRow};
use debal_fees_learn::DAY_S;
use std::collections::BTreeMap;

/// The rules may look back this far, seconds.
const LOOK_BACK_S: i64 = 90 * DAY_S;
/// Pages of the node's history overlap by this much, seconds.
const OVERLAP_S: i64 = 3_600;
/// The whole node is written down this often, seconds.
const STATE_EVERY_S: i64 = 3_600;

impl Manager<'_> {
    /// The node as the rules see it: its state now, its forwards from the history. The node is
    /// asked for nothing that is not needed.
    ///
    /// # Errors
    /// [`ManagerError`]: nothing is known then.
    pub async fn snapshot(&mut self, now_s: i64, needs: &Needs) -> Result<NodeState, ManagerError> {
        let mut state = self.node.state(now_s, needs).await?;
        state.circuitbreaker = self.service(&state.node.pubkey).await?;
        if needs.forwards_s > 0 {
            self.take_forwards(now_s, needs.forwards_s).await?;
            let kept = self.history.forwards_since(now_s.saturating_sub(needs.forwards_s))?;
            state.node.forwards = kept.iter().map(seen_by_rules).collect();
        }
        // A node that keeps its failures has told them already; of others the history has heard.
        if needs.failed_s > 0 && state.node.failed_forwards.is_empty() {
            let failed = self.history.failed_since(now_s.saturating_sub(needs.failed_s))?;
            state.node.failed_forwards = failed.iter().map(failure_seen_by_rules).collect();
        }
        Ok(state)
    }

    /// Adds what each channel's tried fees earned, for `revenue_max` without learning.
    ///
    /// # Errors
    /// [`ManagerError::History`].
    pub fn add_trials(&self, state: &mut NodeState, now_s: i64) -> Result<(), ManagerError> {
        Ok(tried(&self.history, &mut state.channels, now_s)?)
    }

    /// Takes what is new, or everything that is needed where that goes back further than usual.
    async fn take_forwards(&mut self, now_s: i64, needed_s: i64) -> Result<(), ManagerError> {
        let newest_s = self.history.newest_forward_ns()?.map(|ns| ns.div_euclid(1_000_000_000));
        let from_s = match newest_s {
            Some(newest_s) if needed_s <= LOOK_BACK_S => newest_s - OVERLAP_S,
            _ => now_s.saturating_sub(needed_s.max(LOOK_BACK_S)),
        };
        let forwards = self.node.forwards(from_s.max(0), now_s).await?;
        self.history.add_forwards(&forwards)?;
        Ok(())
    }

    /// Finds channels that are not where our last change left them.
    pub(crate) fn note_foreign(
        &self,
        state: &NodeState,
        digest: &str,
        now_s: i64,
    ) -> Result<Vec<u64>, ManagerError> {
        let mut found = Vec::new();
        for channel in &state.channels {
            let last = self.history.confirmed(channel.chan_id, 1)?.first().map(|last| last.new);
            let seen = || self.history.seen_first(channel.chan_id);
            let last = last.map_or_else(|| Ok(seen()?.map(|(_, policy)| policy)), |l| Ok(Some(l)));
            let Some(last) = last.map_err(ManagerError::History)? else { continue };
            let now = recorded(&channel.local_policy);
            if changed(&last, &now) {
                self.history.found_foreign(channel.chan_id, now_s, (last, now), digest)?;
                found.push(channel.chan_id);
            }
        }
        Ok(found)
    }

    /// Writes down what was seen: balances that moved, channels never seen before, and now and
    /// then the whole node.
    pub(crate) fn remember(&mut self, state: &NodeState, now_s: i64) -> Result<(), ManagerError> {
        let of = |channel: &Channel| SampleRow {
            channel: channel.chan_id,
            at_s: now_s,
            capacity_msat: channel.funds.capacity.saturating_mul(1_000),
            outbound_msat: channel.funds.local_balance.saturating_mul(1_000),
            inbound_msat: channel.funds.remote_balance.saturating_mul(1_000),
            active: channel.active,
        };
        let newest = self.history.newest_samples()?;
        let newest: BTreeMap<u64, SampleRow> =
            newest.into_iter().map(|sample| (sample.channel, sample)).collect();
        // A sample holds until the next one: what did not move is not written again.
        let moved = |sample: &SampleRow| {
            newest.get(&sample.channel)
                != Some(&SampleRow {
                    at_s: newest.get(&sample.channel).map_or(now_s, |last| last.at_s),
                    ..*sample
                })
        };
        let samples: Vec<SampleRow> = state.channels.iter().map(of).filter(moved).collect();
        self.history.add_samples(&samples)?;
        let policies: Vec<(u64, Policy)> = state
            .channels
            .iter()
            .filter(|channel| !channel.switches.absent_from_graph)
            .map(|channel| (channel.chan_id, recorded(&channel.local_policy)))
            .collect();
        self.history.first_seen(now_s, &policies)?;
        let kept_s = self.history.state_kept_s()?;
        if kept_s.is_none_or(|kept_s| now_s.saturating_sub(kept_s) >= STATE_EVERY_S) {
            let mut bare = state.clone();
            (bare.node.forwards, bare.node.failed_forwards) = (Vec::new(), Vec::new());
            let text = serde_json::to_string(&bare).unwrap_or_default();
            self.history.keep_state(now_s, &text)?;
        }
        Ok(())
    }
}

fn failure_seen_by_rules(failed: &FailedForward) -> debal_fees::state::FailedForward {
    debal_fees::state::FailedForward {
        timestamp: failed.timestamp_ns.div_euclid(1_000_000_000),
        chan_id_out: failed.channel_out,
        amt_msat: failed.amount_msat,
    }
}

fn seen_by_rules(forward: &ForwardRow) -> Forward {
    Forward {
        timestamp: forward.timestamp_ns.div_euclid(1_000_000_000),
        chan_id_in: forward.channel_in,
        chan_id_out: forward.channel_out,
        amt_in_sat: forward.in_msat / 1_000,
        amt_out_sat: forward.out_msat / 1_000,
        fee_msat: Some(forward.fee_msat),
    }
}

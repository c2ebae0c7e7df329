//! Read-only views of a node: status, why, audit.
//!
//! A view must never change the node, and never show another node's private figures.

use super::Node;
use crate::amount::Msat;
use crate::channel::Channel;
use crate::durable::Durable;
use crate::ids::{ChannelId, Epoch};
use crate::invariants;
use crate::roster::Roster;
use crate::status::{Audit, ChannelStatus, Status, Why};
use crate::summary::{ChannelSummary, Offer, Summary, Want};
use crate::time::Now;
use debal_crypto::{Digest, NodeId};

impl Node {
    /// The node at a glance.
    #[must_use]
    pub fn status(&self, now: Now) -> Status {
        let epoch = self.epoch(now);
        let since = |window_ms: u64| now.wall_ms.saturating_sub(window_ms);
        Status {
            node: self.config.node,
            epoch,
            leader: self.newest_leader(),
            members: self.election.roster(epoch).members().len(),
            peers: self.peers_up.len(),
            rebalancing: self.durable.rebalancing,
            plan_mode: self.config.market.mode.name(),
            prices: self.prices(),
            request: self.request_reason(now),
            fees_hour_msat: self.durable.fees_since(since(3_600_000)),
            fees_day_msat: self.durable.fees_since(since(86_400_000)),
            channels: self.channel_statuses(now),
        }
    }

    /// The newest certified leader of the chain, with its epoch.
    #[must_use]
    pub fn newest_leader(&self) -> Option<(Epoch, NodeId)> {
        self.election.tip().recent.last().copied()
    }

    /// The roster at the end of the chain, waiting changes included, and the epoch it is now.
    #[must_use]
    pub fn roster(&self, now: Now) -> (Epoch, Roster) {
        (self.epoch(now), self.election.tip().roster.clone())
    }

    fn channel_statuses(&self, now: Now) -> Vec<ChannelStatus> {
        self.durable.channels.values().map(|channel| self.channel_status(channel, now)).collect()
    }

    fn channel_status(&self, channel: &Channel, now: Now) -> ChannelStatus {
        let id = channel.terms.channel;
        let state = channel.state();
        let locked = state.locks.iter().map(|lock| lock.amount_msat);
        ChannelStatus {
            channel: id,
            peer: channel.peer(),
            capacity_msat: channel.terms.capacity_msat,
            local_msat: channel.local_msat(),
            remote_msat: channel.remote_msat(),
            locked_msat: locked.fold(Msat::ZERO, Msat::plus_capped),
            reserved_msat: self.durable.reserved_msat(id),
            seq: state.seq,
            digest: state.digest().unwrap_or(Digest([0; 32])),
            frozen: channel.frozen,
            peer_up: self.peers_up.contains(&channel.peer()),
            depletion_ms: self.depletion_ms(channel, now),
        }
    }

    /// What the node would do with a channel and what stands in the way.
    #[must_use]
    pub fn why(&self, channel: ChannelId, now: Now) -> Option<Why> {
        let entry = self.durable.channels.get(&channel)?;
        let offer = self.offer(entry, now);
        let shown = self.shown(entry, &offer, now);
        let (blocked_by, explanation) = self.explain(entry, &offer, &shown, now);
        Some(Why {
            channel: self.channel_status(entry, now),
            want: match offer.want {
                Want::Nothing => "nothing",
                Want::Send => "send",
                Want::Receive => "receive",
            },
            send_msat: shown.send_msat,
            receive_msat: shown.receive_msat,
            urgency: offer.urgency,
            priced: self.is_priced(channel, now),
            blocked_by,
            explanation,
        })
    }

    fn explain(
        &self,
        entry: &Channel,
        offer: &Offer,
        shown: &ChannelSummary,
        now: Now,
    ) -> (&'static str, String) {
        if !self.durable.rebalancing {
            let text = "rebalancing is switched off here; set rebalancing.enabled = true";
            return ("disabled", text.into());
        }
        if entry.frozen {
            let text = "the channel is frozen because its peer broke the rules; see the log";
            return ("frozen", text.into());
        }
        if !self.peers_up.contains(&entry.peer()) {
            return ("peer_down", format!("peer {} is not connected", entry.peer().short()));
        }
        if offer.want == Want::Nothing {
            let text = "inside the dead band around its target: it only lends to others";
            return ("none", text.into());
        }
        let shown = if offer.want == Want::Send { shown.send_msat } else { shown.receive_msat };
        if shown == Msat::ZERO && self.is_priced(entry.terms.channel, now) {
            let text = "at the prices of the last rounds no cycle moves this channel";
            return ("priced_out", text.into());
        }
        if shown == Msat::ZERO {
            let text = "what it would move is less than one summary bucket; raise summary_bits";
            return ("below_bucket", text.into());
        }
        if shown < self.config.caps.cycle_min_msat {
            let text = format!("it would move {shown}, below caps.cycle_min");
            return ("below_minimum", text);
        }
        match self.newest_leader() {
            Some((epoch, _)) if epoch.plus(2) > self.epoch(now) => {
                ("none", "offered to the leader; it moves when a cycle through it exists".into())
            }
            _ => ("no_leader", "no leader was certified lately; see status".into()),
        }
    }

    /// Checks every invariant a node can check by itself.
    #[must_use]
    pub fn audit(&self, now: Now) -> Audit {
        let channels = self.channel_statuses(now);
        let report = invariants::check_local(&self.durable);
        let own_locks = self.durable.channels.values().fold(Msat::ZERO, |sum, channel| {
            sum.plus_capped(channel.state().locked_by(channel.side))
        });
        let free = channels.iter().fold(Msat::ZERO, |sum, c| sum.plus_capped(c.local_msat));
        let locks = self.durable.channels.values().map(|channel| channel.state().locks.len());
        Audit {
            balance_total_msat: free.plus_capped(own_locks),
            open_locks: u64::try_from(locks.sum::<usize>()).unwrap_or(u64::MAX),
            open_transfers: self.durable.open_transfers().map(|(id, _)| *id).collect(),
            invariants_checked: report.checked,
            violations: report.violations,
            channels,
        }
    }

    /// The newest summary of every node, for routing payments.
    #[must_use]
    pub fn summaries(&self) -> Vec<(NodeId, Summary)> {
        self.book.all()
    }

    /// The durable state, for audits by simulator and tests.
    #[must_use]
    pub const fn durable(&self) -> &Durable {
        &self.durable
    }
}

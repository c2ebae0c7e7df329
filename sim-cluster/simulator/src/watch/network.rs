//! What only an observer of all nodes can check: conservation, atomicity, rest.
//!
//! Members that lie or forget may leave their own channels open and their direct counterparties
//! short of what was locked with them; everything else must hold. Nothing here may be lenient
//! towards honest members.

use super::Watch;
use debal_protocol::durable::Durable;
use debal_protocol::invariants::check_network;
use debal_protocol::node::Node;
use debal_protocol::transfer::{LegStatus, Transfer};
use debal_protocol::{ChannelId, Msat, TransferId};
use std::collections::{BTreeMap, BTreeSet};

impl Watch {
    pub(crate) fn check_network(&mut self, nodes: &[&Node], quiescent: bool) {
        let durables: Vec<&Durable> = nodes.iter().map(|node| node.durable()).collect();
        let mut capacities: BTreeMap<ChannelId, Msat> = BTreeMap::new();
        for durable in &durables {
            let channels = durable.channels.iter();
            capacities.extend(channels.map(|(id, channel)| (*id, channel.terms.capacity_msat)));
        }
        let founded = Msat::sum(capacities.into_values()).unwrap_or(Msat::MAX);
        let strict = quiescent && self.tainted.is_empty();
        let report = check_network(&durables, founded, strict);
        self.checked += report.checked;
        for violation in report.violations {
            let rule = violation.split(' ').next().unwrap_or("I0").to_owned();
            self.fail(&rule, violation);
        }
        if quiescent && !strict {
            self.check_honest_rest(&durables);
        }
        if quiescent {
            self.audit_ledger(nodes);
        }
    }

    /// Open work among honest members; empty at rest.
    pub(crate) fn open_work(&self, nodes: &[&Node]) -> Vec<String> {
        let mut open = Vec::new();
        for (host, node) in nodes.iter().enumerate().filter(|(host, _)| self.honest(*host)) {
            for (id, transfer) in node.durable().open_transfers() {
                // A party that has paid waits for an honest payer, whoever else is on the path.
                if self.all_honest(transfer) || self.lost_to_honest(transfer) {
                    open.push(format!("node {host} transfer {}", id.short()));
                }
            }
            for (id, channel) in &node.durable().channels {
                let stuck = channel.state().locks.iter().any(|lock| {
                    let known = node.durable().transfers.get(&lock.key.transfer);
                    known.is_none_or(|transfer| self.all_honest(transfer))
                });
                if self.ledger.honest(*id) && stuck {
                    open.push(format!("node {host} channel {id} holds locks"));
                }
                let peer = nodes.iter().find(|peer| peer.durable().node == channel.peer());
                let theirs = peer.and_then(|peer| peer.durable().channels.get(id));
                if self.ledger.honest(*id) && theirs.is_some_and(|t| t.newest != channel.newest) {
                    open.push(format!("node {host} channel {id}: ends differ"));
                }
            }
        }
        open
    }

    pub(super) fn all_honest(&self, transfer: &Transfer) -> bool {
        // A lock out of nowhere has no hops to look at: there the channel says who sent it.
        let mut legs = [transfer.incoming, transfer.outgoing].into_iter().flatten();
        let ends = transfer.hops.iter().flat_map(|hop| [hop.payer, hop.payee]);
        legs.all(|leg| self.ledger.honest(leg.channel))
            && ends.collect::<BTreeSet<_>>().iter().all(|id| self.honest_id(id))
    }

    /// I6 for transfers of honest members; I7 for honest members among liars: only what was locked
    /// with a liar next to them may be lost.
    fn check_honest_rest(&mut self, durables: &[&Durable]) {
        let mut settled: BTreeMap<TransferId, (bool, bool)> = BTreeMap::new();
        let mut lost = Vec::new();
        for (host, durable) in durables.iter().enumerate().filter(|(host, _)| self.honest(*host)) {
            for (id, transfer) in &durable.transfers {
                if self.all_honest(transfer) {
                    for leg in [transfer.incoming, transfer.outgoing].iter().flatten() {
                        let entry = settled.entry(*id).or_default();
                        match leg.status {
                            LegStatus::Settled => entry.0 = true,
                            _ => entry.1 = true,
                        }
                    }
                }
                if self.lost_to_honest(transfer) {
                    lost.push(format!("node {host} transfer {}", id.short()));
                }
            }
        }
        for (id, (some, not)) in settled {
            self.must(!(some && not), "I6", || format!("transfer {} settled in part", id.short()));
        }
        self.must(lost.is_empty(), "I7", || format!("paid and not paid by an honest: {lost:?}"));
    }

    fn lost_to_honest(&self, transfer: &Transfer) -> bool {
        let (Some(incoming), Some(outgoing)) = (transfer.incoming, transfer.outgoing) else {
            return false;
        };
        let payer = transfer.hops.get(usize::from(incoming.hop)).map(|hop| hop.payer);
        let paid = outgoing.status == LegStatus::Settled;
        let unpaid = incoming.status != LegStatus::Settled;
        paid && unpaid && payer.is_some_and(|payer| self.honest_id(&payer))
    }
}

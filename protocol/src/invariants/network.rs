//! Invariants over several nodes' durable states: what only an observer of all can check.
//!
//! I2 network conservation, I6 atomic cycles at quiescence, both ends agree on every channel, I16
//! no open lock at quiescence.

use super::Report;
use crate::amount::Msat;
use crate::durable::Durable;
use crate::ids::{ChannelId, TransferId};
use crate::transfer::LegStatus;
use std::collections::{BTreeMap, BTreeSet};

/// Checks all nodes together. `founded_msat` is the sum of all channel capacities at the start; at
/// quiescence nothing may be open and both ends of every channel must hold the same state.
#[must_use]
pub fn check_network(nodes: &[&Durable], founded_msat: Msat, quiescent: bool) -> Report {
    let mut report = Report::default();
    let mut ends: BTreeMap<ChannelId, Vec<&crate::channel::Channel>> = BTreeMap::new();
    for node in nodes {
        for (id, channel) in &node.channels {
            ends.entry(*id).or_default().push(channel);
        }
    }
    let mut total = Msat::ZERO;
    for (id, channels) in &ends {
        let newest = channels.iter().max_by_key(|channel| channel.state().seq);
        let Some(newest) = newest else { continue };
        let state = newest.state();
        let locks = state.locks.iter().map(|lock| lock.amount_msat);
        let sum = Msat::sum([state.low_msat, state.high_msat].into_iter().chain(locks));
        total = total.plus_capped(sum.unwrap_or(Msat::MAX));
        if quiescent {
            let states: BTreeSet<_> =
                channels.iter().filter_map(|channel| channel.state().digest().ok()).collect();
            report.check(states.len() == 1, || format!("I2 channel {id}: ends disagree"));
            report.check(state.locks.is_empty(), || format!("I16 channel {id}: open locks"));
        }
    }
    report.check(total == founded_msat, || {
        format!("I2 the network holds {total}, it was founded with {founded_msat}")
    });
    if quiescent {
        check_atomic(nodes, &mut report);
    }
    report
}

/// I6: over all parties, a transfer settled everywhere or nowhere.
fn check_atomic(nodes: &[&Durable], report: &mut Report) {
    let mut settled: BTreeMap<TransferId, (bool, bool)> = BTreeMap::new();
    for node in nodes {
        for (id, transfer) in &node.transfers {
            report.check(transfer.is_done(), || format!("I16 transfer {} is open", id.short()));
            for leg in [transfer.incoming, transfer.outgoing].iter().flatten() {
                let entry = settled.entry(*id).or_default();
                match leg.status {
                    LegStatus::Settled => entry.0 = true,
                    _ => entry.1 = true,
                }
            }
        }
    }
    for (id, (some_settled, some_not)) in settled {
        let atomic = !(some_settled && some_not);
        report.check(atomic, || format!("I6 transfer {}: settled in part", id.short()));
    }
}

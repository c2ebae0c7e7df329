//! Invariants one node can check by itself, on its durable state.
//!
//! I1 conservation, I3 reserves, I4 no double lock, I5 at most once, I7 no honest loss, I8 sequence
//! numbers, I9 reveal guard, I10 ladder, I15 bounded. Names as in `SPEC.md`.

use super::Report;
use crate::amount::Msat;
use crate::channel::{Channel, Side};
use crate::durable::Durable;
use crate::ids::{ChannelId, TransferId};
use crate::limits::{CHANNELS_MAX, OPEN_TRANSFERS_MAX, RECEIVES_MAX, TRANSFERS_MAX};
use crate::transfer::{Decision, LegStatus, Transfer};
use std::collections::BTreeSet;

/// Checks everything a node can check alone.
#[must_use]
pub fn check_local(durable: &Durable) -> Report {
    let mut report = Report::default();
    for (id, channel) in &durable.channels {
        check_channel(*id, channel, &mut report);
    }
    for (id, transfer) in &durable.transfers {
        check_transfer(*id, transfer, &mut report);
    }
    check_bounds(durable, &mut report);
    report
}

fn check_channel(id: ChannelId, channel: &Channel, report: &mut Report) {
    let state = channel.state();
    let capacity = channel.terms.capacity_msat;
    report.check(state.conserves(capacity), || format!("I1 channel {id} does not add up"));
    for side in [Side::Low, Side::High] {
        // A lock leaves its payer the reserve, and nothing that follows takes of it.
        let paying = state.locked_by(side) > Msat::ZERO;
        let kept = state.balance(side) >= channel.terms.reserve_msat;
        report.check(!paying || kept, || format!("I3 channel {id}: a lock took of the reserve"));
    }
    if let Some(proposal) = &channel.proposal {
        let conserves = proposal.state.conserves(capacity);
        report.check(conserves, || format!("I1 channel {id}: proposal does not add up"));
        let next = state.seq.checked_add(1) == Some(proposal.state.seq);
        report.check(next, || format!("I8 channel {id}: proposal skips a sequence number"));
    }
    let keys: BTreeSet<_> = state.locks.iter().map(|lock| lock.key).collect();
    report.check(keys.len() == state.locks.len(), || format!("I4 channel {id} locks twice"));
    let again = state.locks.iter().any(|lock| channel.has_ended(lock.key));
    report.check(!again, || format!("I5 channel {id}: a lock that ended is open"));
}

fn check_transfer(id: TransferId, transfer: &Transfer, report: &mut Report) {
    let status = |leg: Option<crate::transfer::Leg>| leg.map(|leg| leg.status);
    let (incoming, outgoing) = (status(transfer.incoming), status(transfer.outgoing));
    let middle = transfer.incoming.is_some() && transfer.outgoing.is_some();
    if transfer.is_done() && middle {
        let lost = outgoing == Some(LegStatus::Settled) && incoming == Some(LegStatus::Released);
        report.check(!lost, || format!("I7 transfer {}: paid and not paid", id.short()));
        let same = incoming == outgoing || [incoming, outgoing].contains(&Some(LegStatus::Waiting));
        report.check(same, || format!("I6 transfer {}: half settled", id.short()));
    }
    let aborted = matches!(transfer.decision, Decision::Abort(_));
    report.check(!(aborted && transfer.revealed), || {
        format!("I9 transfer {}: aborted after its reveal", id.short())
    });
    if let (Some(incoming), Some(outgoing)) = (transfer.incoming, transfer.outgoing) {
        // A cycle's opener has its last hop incoming: there the ladder runs the other way round.
        let both = incoming.deadline_ms > 0 && outgoing.deadline_ms > 0;
        if both && incoming.hop < outgoing.hop {
            let falls = incoming.deadline_ms > outgoing.deadline_ms;
            report.check(falls, || format!("I10 transfer {}: ladder does not fall", id.short()));
        }
        let loses = transfer.net_fee_msat();
        let payment_in_the_middle =
            matches!(transfer.kind, crate::transfer::Kind::Payment) && incoming.hop < outgoing.hop;
        if payment_in_the_middle {
            report.check(loses == Msat::ZERO, || {
                format!("I2 transfer {}: forwarded more than received", id.short())
            });
        }
    }
}

fn check_bounds(durable: &Durable, report: &mut Report) {
    let open = durable.open_transfers().count();
    let bounds = [
        ("channels", durable.channels.len(), CHANNELS_MAX),
        ("transfers", durable.transfers.len(), TRANSFERS_MAX),
        ("open transfers", open, OPEN_TRANSFERS_MAX),
        ("receives", durable.receives.len(), RECEIVES_MAX),
    ];
    for (what, found, max) in bounds {
        report.check(found <= max, || format!("I15 {found} {what}, at most {max}"));
    }
}

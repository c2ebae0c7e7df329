//! Reading the core's durable state in the backend's words.
//!
//! Pure functions: nothing here may change or remember anything.

use crate::types::{Channel, PaymentState, Receipt};
use debal_protocol::durable::Durable;
use debal_protocol::message::{Outcome, Refusal};
use debal_protocol::status::ChannelStatus;
use debal_protocol::transfer::{Decision, Kind, LegStatus, Stage, Transfer};
use debal_protocol::{ChannelId, LockHash, Msat, Secret, TransferId};
use std::collections::BTreeMap;

/// What one payment can send and receive over each channel now.
pub(super) type Amounts = BTreeMap<ChannelId, (Msat, Msat)>;

pub(super) fn usable_amounts(durable: &Durable) -> Amounts {
    let amounts = durable.channels.iter().map(|(id, channel)| {
        let send = channel.spendable_msat().minus_or_zero(durable.reserved_msat(*id));
        let receive = channel.remote_msat().minus_or_zero(channel.terms.reserve_msat);
        (*id, (send, receive))
    });
    amounts.collect()
}

pub(super) fn channel(status: &ChannelStatus, usable: &Amounts) -> Channel {
    let none = (Msat::ZERO, Msat::ZERO);
    let (can_send_msat, can_receive_msat) = *usable.get(&status.channel).unwrap_or(&none);
    Channel {
        channel: status.channel,
        peer: status.peer,
        capacity_msat: status.capacity_msat,
        local_msat: status.local_msat,
        remote_msat: status.remote_msat,
        locked_msat: status.locked_msat,
        can_send_msat,
        can_receive_msat,
        usable: status.peer_up && !status.frozen,
        seq: status.seq,
        digest: status.digest,
    }
}

/// The newest payment under `hash` that this node sent.
pub(super) fn payment(durable: &Durable, hash: LockHash) -> PaymentState {
    let ours = durable.transfers.values().filter(|transfer| {
        transfer.hash == Some(hash) && transfer.kind == Kind::Payment && transfer.is_first()
    });
    // An open or committed attempt outranks failed ones, whatever their order.
    let states = ours.map(state);
    states.max_by_key(rank).unwrap_or(PaymentState::Unknown)
}

fn rank(state: &PaymentState) -> u8 {
    match state {
        PaymentState::Unknown => 0,
        PaymentState::Failed { .. } => 1,
        PaymentState::InFlight => 2,
        PaymentState::Settled { .. } => 3,
    }
}

fn state(transfer: &Transfer) -> PaymentState {
    let Stage::Done { outcome, .. } = transfer.stage else { return PaymentState::InFlight };
    let amounts = (transfer.hops.first(), transfer.hops.last());
    let fee_msat = match amounts {
        (Some(first), Some(last)) => first.amount_msat.minus_or_zero(last.amount_msat),
        _ => Msat::ZERO,
    };
    let reason = match transfer.decision {
        Decision::Abort(reason) => Some(reason),
        Decision::Open | Decision::Commit => None,
    };
    ended(outcome, transfer.secret.clone(), fee_msat, reason)
}

pub(super) fn ended(
    outcome: Outcome,
    secret: Option<Secret>,
    fee_msat: Msat,
    reason: Option<Refusal>,
) -> PaymentState {
    match outcome {
        Outcome::Committed => PaymentState::Settled { secret, fee_msat },
        Outcome::RolledBack => PaymentState::Failed { hop: None, reason },
    }
}

pub(super) fn receipt(durable: &Durable, hash: LockHash) -> Option<Receipt> {
    let receive = durable.receives.get(&hash)?;
    let incoming = receive
        .transfer
        .and_then(|transfer| durable.transfers.get(&transfer))
        .and_then(|transfer| transfer.incoming);
    Some(match incoming {
        Some(leg) if leg.status == LegStatus::Settled => Receipt::Settled,
        _ if receive.cancelled => Receipt::Cancelled,
        Some(leg) if leg.status == LegStatus::Locked => {
            Receipt::Held { amount_msat: leg.amount_msat, deadline: leg.deadline_ms }
        }
        Some(leg) if leg.status == LegStatus::Released => Receipt::Cancelled,
        _ => Receipt::Open,
    })
}

pub(super) fn hash(durable: &Durable, transfer: TransferId) -> Option<(LockHash, Option<Secret>)> {
    let transfer = durable.transfers.get(&transfer)?;
    Some((transfer.hash?, transfer.secret.clone()))
}

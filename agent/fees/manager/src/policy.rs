//! Policies as rules, nodes and the history write them.
//!
//! It must never lose a member on the way: a rollback needs them all.

use debal_fees::state::Policy;
use debal_fees::{Decision, PolicyUpdate, Status};
use debal_fees_history::Policy as Recorded;

/// A policy as the history keeps it.
#[must_use]
pub fn recorded(policy: &Policy) -> Recorded {
    Recorded {
        base_fee_msat: policy.base_fee_msat,
        fee_ppm: policy.fee_ppm,
        inbound_base_fee_msat: policy.inbound_base_fee_msat,
        inbound_fee_ppm: policy.inbound_fee_ppm,
        time_lock_delta: policy.time_lock_delta,
        min_htlc_msat: policy.min_htlc_msat,
        max_htlc_msat: policy.max_htlc_msat,
        disabled: policy.disabled,
    }
}

/// The policy that a decision leads to.
#[must_use]
pub fn wanted(decision: &Decision, now: &Policy) -> Recorded {
    let mut policy = recorded(now);
    if let Some(update) = &decision.update {
        let fit = |value: i128| {
            i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
        };
        policy.base_fee_msat = fit(update.base_fee_msat);
        policy.fee_ppm = fit(update.fee_ppm);
        policy.inbound_base_fee_msat = fit(update.inbound_base_fee_msat);
        policy.inbound_fee_ppm = fit(update.inbound_fee_ppm);
        policy.time_lock_delta = fit(update.time_lock_delta);
        policy.min_htlc_msat = update.min_htlc_msat.map_or(policy.min_htlc_msat, fit);
        if update.max_htlc_msat != 0 {
            policy.max_htlc_msat = fit(update.max_htlc_msat);
        }
    }
    match decision.status {
        Some(Status::Disable) => policy.disabled = true,
        Some(Status::Enable) => policy.disabled = false,
        None => {}
    }
    policy
}

/// The update that brings a whole policy back.
#[must_use]
pub fn restoring(policy: &Recorded) -> PolicyUpdate {
    PolicyUpdate {
        base_fee_msat: policy.base_fee_msat.into(),
        fee_ppm: policy.fee_ppm.into(),
        inbound_base_fee_msat: policy.inbound_base_fee_msat.into(),
        inbound_fee_ppm: policy.inbound_fee_ppm.into(),
        time_lock_delta: policy.time_lock_delta.into(),
        min_htlc_msat: Some(policy.min_htlc_msat.into()),
        max_htlc_msat: policy.max_htlc_msat.into(),
    }
}

/// Whether two policies differ in anything but the switch, which a node may turn by itself.
#[must_use]
pub fn changed(one: &Recorded, other: &Recorded) -> bool {
    let fees = |policy: &Recorded| Recorded { disabled: false, ..*policy };
    fees(one) != fees(other)
}

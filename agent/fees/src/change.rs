//! From what the rules ask for to what is sent: thresholds, limits of the channel, one update.
//!
//! It must never send a part of a policy: an update carries all members.

use crate::decision::{Decision, PolicyUpdate, Status, Target};
use crate::facts::Facts;
use crate::state::{Channel, Lack};

/// The least changes worth an update, ppm.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Thresholds {
    /// Of the outbound rate.
    pub fee_delta: i128,
    /// Of the inbound rate.
    pub inbound_fee_delta: i128,
}

/// Completes a target for its channel and says what is to be sent. `touch_status` is false where
/// the switch is none of the rules' business.
pub(crate) fn changes(
    facts: &Facts<'_>,
    channel: &Channel,
    target: &mut Target,
    inbound_level_ppm: Option<i128>,
    thresholds: Thresholds,
) -> (Option<PolicyUpdate>, Option<Status>) {
    let current = &channel.local_policy;
    let differs = |wanted: Option<i128>, current: i64| {
        wanted.is_some_and(|wanted| wanted != i128::from(current))
    };
    let current_fee = i128::from(current.fee_ppm);
    let fee_changed = target
        .fee_ppm
        .is_some_and(|fee| fee != current_fee && apart(fee, current_fee) >= thresholds.fee_delta);
    let mut changed = fee_changed || differs(target.base_fee_msat, current.base_fee_msat);
    if facts.at_least(0, 18) {
        if let Some(level) = inbound_level_ppm {
            let outbound = target.fee_ppm.filter(|_| fee_changed).unwrap_or(current_fee);
            target.inbound_fee_ppm = Some(level.saturating_sub(outbound).min(0));
        }
        let base_changed = differs(target.inbound_base_fee_msat, current.inbound_base_fee_msat);
        let rate = i128::from(current.inbound_fee_ppm);
        if let Some(wanted) = target.inbound_fee_ppm
            && !base_changed
            && wanted != 0
            && apart(wanted, rate) < thresholds.inbound_fee_delta
        {
            target.inbound_fee_ppm = Some(rate);
        }
        changed |= base_changed || differs(target.inbound_fee_ppm, current.inbound_fee_ppm);
    }
    // Outside of the channel's own limits the node would refuse the whole update.
    let floor = i128::from(channel.local_constraints.min_htlc_msat);
    let cap = i128::from(channel.local_constraints.max_pending_amt_msat);
    target.min_htlc_msat = target.min_htlc_msat.map(|least| least.max(floor));
    target.max_htlc_msat = target.max_htlc_msat.map(|most| most.min(cap));
    changed |= differs(target.min_htlc_msat, current.min_htlc_msat)
        || differs(target.max_htlc_msat, current.max_htlc_msat)
        || differs(target.time_lock_delta, current.time_lock_delta);
    let keep = |wanted: Option<i128>, current: i64| wanted.unwrap_or(current.into());
    let update = changed.then(|| PolicyUpdate {
        base_fee_msat: keep(target.base_fee_msat, current.base_fee_msat),
        fee_ppm: keep(target.fee_ppm, current.fee_ppm),
        inbound_base_fee_msat: keep(target.inbound_base_fee_msat, current.inbound_base_fee_msat),
        inbound_fee_ppm: keep(target.inbound_fee_ppm, current.inbound_fee_ppm),
        time_lock_delta: keep(target.time_lock_delta, current.time_lock_delta),
        min_htlc_msat: target.min_htlc_msat,
        max_htlc_msat: keep(target.max_htlc_msat, current.max_htlc_msat),
    });
    let status = target.disabled.filter(|disabled| {
        channel.active && facts.at_least(0, 13) && *disabled != current.disabled
    });
    let status = status.map(|off| if off { Status::Disable } else { Status::Enable });
    (update, status)
}

/// Takes out of a target what the node does not have, and says so where that makes a difference;
/// returns the inbound level that is left.
pub(crate) fn drop_lacking(
    facts: &Facts<'_>,
    channel: &Channel,
    target: &mut Target,
    inbound_level_ppm: Option<i128>,
    decision: &mut Decision,
) -> Option<i128> {
    let unsupported = &mut decision.unsupported;
    if facts.lacks(Lack::TimeLockDelta)
        && let Some(delta) = target.time_lock_delta.take()
        && delta != i128::from(channel.local_policy.time_lock_delta)
    {
        let reason = "this node has one delta for all channels, in its configuration";
        unsupported.push(format!("time_lock_delta {delta}: {reason}"));
    }
    if !facts.lacks(Lack::InboundFees) {
        return inbound_level_ppm;
    }
    let fees = [
        ("inbound_base_fee_msat", target.inbound_base_fee_msat.take().filter(|fee| *fee != 0)),
        ("inbound_fee_ppm", target.inbound_fee_ppm.take().filter(|fee| *fee != 0)),
        ("inbound_level_ppm", inbound_level_ppm),
    ];
    for (name, asked) in fees {
        if let Some(asked) = asked {
            unsupported.push(format!("{name} {asked}: this node has no inbound fees"));
        }
    }
    None
}

fn apart(one: i128, other: i128) -> i128 {
    one.saturating_sub(other).saturating_abs()
}

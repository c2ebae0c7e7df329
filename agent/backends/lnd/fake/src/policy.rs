//! LND's own validation of the two writes.
//!
//! The refusals and their order are the node's; nothing may be more lenient here than there.

use crate::answer::{Refusal, invalid, unknown};
use crate::model::{Node, OpenChannel};
use crate::proto::lnrpc::channel_point::FundingTxid;
use crate::proto::lnrpc::policy_update_request::Scope;
use crate::proto::{lnrpc, routerrpc};

/// Smallest non-zero fee ratio.
const MIN_FEE_RATE: f64 = 1e-6;
/// `max-cltv-expiry` of a node that was not told otherwise.
const MAX_CLTV: u32 = 2016;

fn outpoint(point: &lnrpc::ChannelPoint) -> Result<String, Refusal> {
    let txid = match &point.funding_txid {
        Some(FundingTxid::FundingTxidStr(text)) => text.clone(),
        Some(FundingTxid::FundingTxidBytes(bytes)) => {
            bytes.iter().rev().map(|byte| format!("{byte:02x}")).collect()
        }
        None => return Err(unknown("funding txid not specified")),
    };
    if txid.len() != 64 {
        return Err(unknown("invalid funding txid"));
    }
    Ok(format!("{txid}:{}", point.output_index))
}

/// The rate in ppm, from whichever form was sent.
fn rate(request: &lnrpc::PolicyUpdateRequest) -> Result<u32, Refusal> {
    if request.fee_rate != 0.0 && request.fee_rate_ppm != 0 {
        return Err(invalid("cannot set both FeeRate and FeeRatePpm at the same time"));
    }
    if request.fee_rate == 0.0 {
        return Ok(request.fee_rate_ppm);
    }
    if request.fee_rate < MIN_FEE_RATE {
        let (rate, least) = (request.fee_rate, MIN_FEE_RATE);
        return Err(unknown(&format!("fee rate of {rate} is too small, min fee rate is {least}")));
    }
    Ok((request.fee_rate * 1e6).round() as u32)
}

fn check_delta(delta: u32, version: (u32, u32)) -> Result<(), Refusal> {
    let least = if version >= (0, 21) { 24 } else { 18 };
    if delta < least {
        return Err(unknown(&format!(
            "time lock delta of {delta} is too small, minimum supported is {least}"
        )));
    }
    if delta > u32::from(u16::MAX) {
        return Err(unknown(&format!("time lock delta of {delta} is too big")));
    }
    if version >= (0, 21) && delta > MAX_CLTV {
        return Err(unknown(&format!(
            "time lock delta of {delta} exceeds max-cltv-expiry of {MAX_CLTV}"
        )));
    }
    Ok(())
}

/// Applies an update, or says why not.
pub(crate) fn update(
    node: &mut Node,
    mut request: lnrpc::PolicyUpdateRequest,
) -> Result<lnrpc::PolicyUpdateResponse, Refusal> {
    let version = node.version();
    // Old nodes do not know these fields; protobuf skips what it does not know.
    if version < (0, 15) {
        request.fee_rate_ppm = 0;
    }
    if version < (0, 18) {
        request.inbound_fee = None;
    }
    let target = match &request.scope {
        Some(Scope::Global(_)) => None,
        Some(Scope::ChanPoint(point)) => Some(outpoint(point)?),
        None => return Err(unknown("unknown scope: <nil>")),
    };
    let rate = rate(&request)?;
    check_delta(request.time_lock_delta, version)?;
    if let Some(inbound) = request.inbound_fee.filter(|_| !node.accept_positive_inbound) {
        if inbound.base_fee_msat > 0 {
            let base = inbound.base_fee_msat;
            return Err(unknown(&format!(
                "positive values for inbound base fee msat are not supported: {base}"
            )));
        }
        if inbound.fee_rate_ppm > 0 {
            let rate = inbound.fee_rate_ppm;
            return Err(unknown(&format!(
                "positive values for inbound fee rate ppm are not supported: {rate}"
            )));
        }
    }
    let (mut failed, mut found, clock_s) = (Vec::new(), false, node.clock_s);
    for open in &mut node.channels {
        if target.as_ref().is_some_and(|target| *target != open.channel.channel_point) {
            continue;
        }
        found = true;
        match changed(open, &request, rate) {
            Ok(mut policy) => {
                policy.last_update = clock_s;
                open.ours = Some(policy);
            }
            Err(words) => {
                let reason = lnrpc::UpdateFailure::InvalidParameter;
                failed.push(failure(&open.channel.channel_point, reason, &words));
            }
        }
    }
    if let Some(target) = target.filter(|_| !found) {
        let pending = node.pending.contains(&target);
        let (reason, words) = if pending {
            (lnrpc::UpdateFailure::Pending, "not yet confirmed")
        } else {
            (lnrpc::UpdateFailure::NotFound, "not found")
        };
        failed.push(failure(&target, reason, words));
    }
    Ok(lnrpc::PolicyUpdateResponse { failed_updates: failed })
}

/// The new policy of one channel, or why it cannot be.
fn changed(
    open: &OpenChannel,
    request: &lnrpc::PolicyUpdateRequest,
    rate: u32,
) -> Result<lnrpc::RoutingPolicy, String> {
    let limits = open.channel.local_constraints.unwrap_or_default();
    let most = limits.max_pending_amt_msat;
    let mut policy = open.ours.ok_or("no policy of ours")?;
    policy.fee_base_msat = request.base_fee_msat;
    policy.fee_rate_milli_msat = i64::from(rate);
    policy.time_lock_delta = request.time_lock_delta;
    policy.max_htlc_msat = match request.max_htlc_msat {
        0 => policy.max_htlc_msat.min(most),
        asked => asked,
    };
    if request.min_htlc_msat_specified {
        policy.min_htlc = request.min_htlc_msat as i64;
    }
    if let Some(inbound) = request.inbound_fee {
        policy.inbound_fee_base_msat = inbound.base_fee_msat;
        policy.inbound_fee_rate_milli_msat = inbound.fee_rate_ppm;
    }
    let (min, max) = (policy.min_htlc as u64, policy.max_htlc_msat);
    if min < limits.min_htlc_msat {
        let least = limits.min_htlc_msat;
        return Err(format!("min htlc amount of {min} is below min htlc parameter of {least}"));
    }
    if max > most {
        return Err(format!("max htlc size of {max} is above max pending amount of {most}"));
    }
    if min > max {
        return Err(format!("min_htlc {min} greater than max_htlc {max}"));
    }
    Ok(policy)
}

fn failure(point: &str, reason: lnrpc::UpdateFailure, words: &str) -> lnrpc::FailedUpdate {
    let (txid, index) = point.split_once(':').unwrap_or((point, "0"));
    let outpoint = lnrpc::OutPoint {
        txid_bytes: Vec::new(),
        txid_str: txid.to_owned(),
        output_index: index.parse().unwrap_or(0),
    };
    lnrpc::FailedUpdate {
        outpoint: Some(outpoint),
        reason: reason.into(),
        update_error: words.to_owned(),
    }
}

/// Switches a channel in our direction.
pub(crate) fn status(
    node: &mut Node,
    request: &routerrpc::UpdateChanStatusRequest,
) -> Result<routerrpc::UpdateChanStatusResponse, Refusal> {
    let point = request.chan_point.as_ref().ok_or_else(|| unknown("chan point not specified"))?;
    let point = outpoint(point)?;
    let clock_s = node.clock_s;
    let open = node.channels.iter_mut().find(|open| open.channel.channel_point == point);
    let open = open.ok_or_else(|| unknown("channel not found"))?;
    let active = open.channel.active;
    let disabled = match request.action() {
        routerrpc::ChanStatusAction::Enable if !active => {
            return Err(unknown("unable to enable channel which is not currently active"));
        }
        routerrpc::ChanStatusAction::Enable => false,
        routerrpc::ChanStatusAction::Disable => true,
        routerrpc::ChanStatusAction::Auto => !active,
    };
    let policy = open.ours.as_mut().ok_or_else(|| unknown("edge not found"))?;
    policy.disabled = disabled;
    policy.last_update = clock_s;
    Ok(routerrpc::UpdateChanStatusResponse {})
}

//! What the scripted node answers to each method, in lightningd's shapes.
//!
//! A parameter it does not know must never pass.

use crate::model::{Node, OWN_KEY, OpenChannel};
use crate::setchannel::set_channel;
use serde_json::{Map, Value, json};

/// A result, or an error with its code.
pub(crate) type Answer = Result<Value, (i64, String)>;

/// JSON-RPC: wrong parameters.
pub(crate) const WRONG_PARAMETERS: i64 = -32_602;

/// Refuses parameters that the method does not have.
pub(crate) fn known<'a>(
    params: &'a Value,
    names: &[&str],
) -> Result<&'a Map<String, Value>, (i64, String)> {
    let object = params.as_object();
    let object = object.ok_or((WRONG_PARAMETERS, "params is no object".to_owned()))?;
    match object.keys().find(|name| !names.contains(&name.as_str())) {
        Some(name) => Err((WRONG_PARAMETERS, format!("unknown parameter: {name}"))),
        None => Ok(object),
    }
}

pub(crate) fn answer(node: &mut Node, method: &str, params: &Value) -> Answer {
    match method {
        "getinfo" => known(params, &[]).map(|_| info(node)),
        "listpeerchannels" => {
            known(params, &["id"])?;
            let channels: Vec<Value> = node.channels.iter().map(|it| listed(node, it)).collect();
            Ok(json!({"channels": channels}))
        }
        "listforwards" => forwards(node, params),
        "listchannels" => halves(node, params),
        "listnodes" => {
            let params = known(params, &["id"])?;
            let key = params.get("id").and_then(Value::as_str).unwrap_or_default();
            let found = node.nodes.get(key).map(|alias| json!({"nodeid": key, "alias": alias}));
            Ok(json!({"nodes": found.into_iter().collect::<Vec<_>>()}))
        }
        "feerates" => {
            let params = known(params, &["style"])?;
            if params.get("style") != Some(&json!("perkw")) {
                return Err((WRONG_PARAMETERS, "style: should be 'perkb' or 'perkw'".to_owned()));
            }
            let estimate = |(blocks, rate): (&u32, &u32)| json!({"blockcount": blocks, "feerate": rate, "smoothed_feerate": rate});
            let estimates: Vec<Value> = node.estimates.iter().map(estimate).collect();
            Ok(json!({"perkw": {"estimates": estimates, "floor": 253, "min_acceptable": 253,
                                "max_acceptable": 100_000}}))
        }
        "bkpr-listincome" if node.bookkeeper => {
            known(params, &["consolidate_fees", "start_time", "end_time"])?;
            Ok(json!({"income_events": node.income}))
        }
        "setchannel" => set_channel(node, params),
        other => Err((-32_601, format!("Unknown command '{other}'"))),
    }
}

fn info(node: &Node) -> Value {
    let mut info = json!({
        "id": OWN_KEY, "alias": "HOME", "color": "02aa00", "num_peers": 2,
        "num_pending_channels": 0, "num_active_channels": 2, "num_inactive_channels": 1,
        "version": node.version, "blockheight": node.block_height, "network": "regtest",
        "fees_collected_msat": msat(node, 153_000), "lightning-dir": "/nowhere",
    });
    if !node.synced {
        info["warning_bitcoind_sync"] = "Bitcoind is not up-to-date with network.".into();
    }
    info
}

/// An amount as this node's version writes it.
pub(crate) fn msat(node: &Node, amount: u64) -> Value {
    if node.texts { format!("{amount}msat").into() } else { amount.into() }
}

fn listed(node: &Node, channel: &OpenChannel) -> Value {
    let in_force = json!({
        "fee_base_msat": msat(node, channel.base_msat),
        "fee_proportional_millionths": channel.ppm,
        "cltv_expiry_delta": node.cltv_delta,
        "htlc_minimum_msat": msat(node, channel.least_msat),
        "htlc_maximum_msat": msat(node, channel.most_msat),
    });
    let mut updates = json!({"local": in_force});
    if let Some(remote) = &channel.remote {
        updates["remote"] = remote.clone();
    }
    json!({
        "peer_id": channel.peer, "peer_connected": channel.connected,
        "reestablished": channel.connected, "state": channel.state,
        "channel_type": {"bits": [12], "names": ["static_remotekey/even"]}, "updates": updates,
        "ignore_fee_limits": true, "lost_state": false, "owner": "channeld",
        "short_channel_id": channel.scid, "direction": 0, "channel_id": "00".repeat(32),
        "funding_txid": channel.funding_txid, "funding_outnum": 1, "private": channel.private,
        "opener": channel.opener, "alias": {"local": "16000000x1x1"}, "features": [],
        "to_us_msat": msat(node, channel.to_us_msat), "total_msat": msat(node, channel.total_msat),
        "fee_base_msat": msat(node, channel.base_msat),
        "fee_proportional_millionths": channel.ppm,
        "dust_limit_msat": msat(node, 546_000),
        "our_reserve_msat": msat(node, channel.reserve_msat),
        "their_reserve_msat": msat(node, channel.reserve_msat),
        "their_max_htlc_value_in_flight_msat": msat(node, u64::MAX),
        "minimum_htlc_in_msat": msat(node, 0),
        "minimum_htlc_out_msat": msat(node, channel.least_msat),
        "maximum_htlc_out_msat": msat(node, channel.most_msat),
        "htlcs": channel.htlcs, "state_changes": [], "status": [],
    })
}

fn forwards(node: &Node, params: &Value) -> Answer {
    let names = ["status", "in_channel", "out_channel", "index", "start", "limit"];
    let params = known(params, &names)?;
    let number = |name: &str| params.get(name).and_then(Value::as_u64);
    if params.get("index").is_none() && (number("start").is_some() || number("limit").is_some()) {
        return Err((WRONG_PARAMETERS, "Can only specify {start} with {index}".to_owned()));
    }
    let start = number("start").unwrap_or(0);
    let limit = usize::try_from(number("limit").unwrap_or(u64::from(u32::MAX))).unwrap();
    let status = params.get("status");
    let found = node
        .forwards
        .range(start..)
        .filter(|(_, it)| status.is_none_or(|status| it["status"] == *status));
    let numbered = found.take(limit).map(|(number, forward)| {
        let mut forward = forward.clone();
        forward["created_index"] = (*number).into();
        forward
    });
    Ok(json!({"forwards": numbered.collect::<Vec<_>>()}))
}

fn halves(node: &Node, params: &Value) -> Answer {
    let params = known(params, &["short_channel_id", "source", "destination"])?;
    if params.len() > 1 {
        let message = "Can only specify one of `short_channel_id`, `source` or `destination`";
        return Err((WRONG_PARAMETERS, message.to_owned()));
    }
    let found = node
        .halves
        .iter()
        .filter(|half| params.iter().all(|(name, value)| half[name.as_str()] == *value));
    Ok(json!({"channels": found.collect::<Vec<_>>()}))
}

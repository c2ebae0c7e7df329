//! `setchannel` with lightningd's own checks.
//!
//! It must never be kinder than lightningd: `all` and a peer's key change many channels at once.

use crate::answer::{Answer, WRONG_PARAMETERS, known, msat};
use crate::model::Node;
use serde_json::{Map, Value, json};

/// lightningd's general error.
const GENERAL: i64 = -1;

pub(crate) fn set_channel(node: &mut Node, params: &Value) -> Answer {
    let names =
        ["id", "feebase", "feeppm", "htlcmin", "htlcmax", "enforcedelay", "ignorefeelimits"];
    let params = known(params, &names)?;
    let wrong = |what: &str| (WRONG_PARAMETERS, what.to_owned());
    let id = params.get("id").ok_or_else(|| wrong("missing required parameter: id"))?;
    let id = id.as_str().unwrap_or_default();
    let chosen: Vec<usize> = (0..node.channels.len())
        .filter(|index| {
            let channel = &node.channels[*index];
            id == "all" || id == channel.peer || id == channel.scid
        })
        .collect();
    if chosen.is_empty() {
        return Err(wrong("id: should be a channel ID or short channel ID: invalid token"));
    }
    let usable = ["CHANNELD_NORMAL", "CHANNELD_AWAITING_LOCKIN", "DUALOPEND_AWAITING_LOCKIN"];
    if let Some(index) = chosen.iter().find(|index| !usable.contains(&node.channels[**index].state))
    {
        return Err(wrong(&format!("id: Channel in state {}", node.channels[*index].state)));
    }
    let base = number(params, "feebase", u32::MAX.into())?;
    let ppm = number(params, "feeppm", u32::MAX.into())?;
    let least = number(params, "htlcmin", u64::MAX)?;
    let most = number(params, "htlcmax", u64::MAX)?;
    if let (Some(least), Some(most)) = (least, most)
        && most < least
    {
        return Err((GENERAL, "htlcmax cannot be less than htlcmin".to_owned()));
    }
    let mut done = Vec::new();
    for index in chosen {
        let channel = &mut node.channels[index];
        channel.base_msat = base.unwrap_or(channel.base_msat);
        channel.ppm = ppm.unwrap_or(channel.ppm);
        let possible = channel.total_msat - channel.reserve_msat;
        channel.least_msat = least.map_or(channel.least_msat, |it| it.max(channel.peer_least_msat));
        channel.most_msat = most.map_or(channel.most_msat, |it| it.min(possible));
        let channel = channel.clone();
        let mut answer = json!({
            "peer_id": channel.peer, "channel_id": "00".repeat(32),
            "short_channel_id": channel.scid, "fee_base_msat": msat(node, channel.base_msat),
            "fee_proportional_millionths": channel.ppm,
            "minimum_htlc_out_msat": msat(node, channel.least_msat),
            "maximum_htlc_out_msat": msat(node, channel.most_msat), "ignore_fee_limits": true,
        });
        if least.is_some_and(|least| least < channel.peer_least_msat) {
            answer["warning_htlcmin_too_low"] =
                "Set minimum_htlc_out_msat to minimum allowed by peer".into();
        }
        if most.is_some_and(|most| most > possible) {
            answer["warning_htlcmax_too_high"] =
                "Set maximum_htlc_out_msat to maximum possible in channel".into();
        }
        done.push(answer);
    }
    Ok(json!({"channels": done}))
}

fn number(
    params: &Map<String, Value>,
    name: &str,
    most: u64,
) -> Result<Option<u64>, (i64, String)> {
    let Some(value) = params.get(name) else { return Ok(None) };
    match value.as_u64() {
        Some(number) if number <= most => Ok(Some(number)),
        _ => Err((
            WRONG_PARAMETERS,
            format!("{name}: should be an integer: invalid token '{value}'"),
        )),
    }
}

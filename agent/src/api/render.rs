//! Core values as JSON: ids in their one spelling, digests and nodes as hex, amounts in msat.
//!
//! No secret has a rendering.

use crate::driver::feed::{Entry, Happening};
use crate::metrics::outcome_name;
use crate::payments::refusal_name;
use crate::steering::Known;
use debal_protocol::Epoch;
use debal_protocol::event::Event;
use debal_protocol::message::Refusal;
use debal_protocol::roster::{PendingChange, Roster};
use debal_protocol::status::{Audit, ChannelStatus, Prices, Status, Why};
use debal_protocol::summary::{ChannelSummary, Summary, Want};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A channel.
#[must_use]
pub fn channel(channel: &ChannelStatus) -> Value {
    json!({
        "channel": channel.channel.to_string(),
        "peer": channel.peer.to_string(),
        "capacity_msat": channel.capacity_msat.0,
        "local_msat": channel.local_msat.0,
        "remote_msat": channel.remote_msat.0,
        "locked_msat": channel.locked_msat.0,
        "reserved_msat": channel.reserved_msat.0,
        "seq": channel.seq,
        "frozen": channel.frozen,
        "peer_up": channel.peer_up,
        "digest": channel.digest.to_string(),
        "depletion_ms": channel.depletion_ms,
    })
}

fn channels(all: &[ChannelStatus]) -> Vec<Value> {
    all.iter().map(channel).collect()
}

/// A status, with what the process knows of itself.
#[must_use]
pub fn status(
    status: &Status,
    addresses: Vec<String>,
    rss_bytes: u64,
    deciders: &BTreeMap<String, usize>,
) -> Value {
    json!({
        "node": status.node.to_string(),
        "epoch": status.epoch.0,
        "leader": status.leader.map(|(_, leader)| leader.to_string()),
        "leader_epoch": status.leader.map(|(epoch, _)| epoch.0),
        "members": status.members,
        "peers": status.peers,
        "addresses": addresses,
        "rebalancing": status.rebalancing,
        "request": status.request,
        "plan_mode": status.plan_mode,
        "prices": status.prices.as_ref().map(prices),
        "fees_hour_msat": status.fees_hour_msat.0,
        "fees_day_msat": status.fees_day_msat.0,
        "deciders": deciders,
        "channels": channels(&status.channels),
        "pid": std::process::id(),
        "rss_bytes": rss_bytes,
    })
}

fn prices(prices: &Prices) -> Value {
    json!({
        "epoch": prices.epoch.map(|epoch| epoch.0),
        "rounds": prices.rounds,
        "neighbours": prices.neighbours,
        "price_ppm": prices.price_ppm,
    })
}

/// The roster: who acts now, and what waits.
#[must_use]
pub fn roster(epoch: Epoch, roster: &Roster) -> Value {
    let acting = roster.at(epoch);
    let members = acting.members().iter();
    let waiting = roster.pending.iter().filter(|change| change.active_from() > epoch);
    json!({
        "epoch": epoch.0,
        "digest": acting.digest().to_string(),
        "members": members
            .map(|member| json!({ "node": member.node.to_string(), "weight": member.weight }))
            .collect::<Vec<_>>(),
        "waiting": waiting
            .map(|change| {
                let (enters, weight) = match change {
                    PendingChange::Enters(_, member) => (true, member.weight),
                    PendingChange::Leaves(_, node) => (false, acting.weight_of(node)),
                };
                json!({
                    "node": change.node().to_string(),
                    "change": if enters { "joins" } else { "leaves" },
                    "from_epoch": change.active_from().0,
                    "weight": weight,
                })
            })
            .collect::<Vec<_>>(),
    })
}

/// A `why`, with the forecast and what the fee rules make the channel's liquidity worth.
#[must_use]
pub fn why(why: &Why, known: Option<Known>) -> Value {
    let known = known.unwrap_or_default();
    json!({
        "channel": channel(&why.channel),
        "want": why.want,
        "send_msat": why.send_msat.0,
        "receive_msat": why.receive_msat.0,
        "urgency": why.urgency,
        "priced": why.priced,
        "blocked_by": why.blocked_by,
        "explanation": why.explanation,
        "forecast": known.forecast,
        "decision": known.decision,
        "fees": known.fees,
    })
}

/// An audit.
#[must_use]
pub fn audit(audit: &Audit) -> Value {
    let transfers = audit.open_transfers.iter().map(ToString::to_string);
    json!({
        "balance_total_msat": audit.balance_total_msat.0,
        "open_locks": audit.open_locks,
        "open_transfers": transfers.collect::<Vec<_>>(),
        "invariants_checked": audit.invariants_checked,
        "violations": audit.violations,
        "channels": channels(&audit.channels),
    })
}

/// A summary: what others see.
#[must_use]
pub fn summary(summary: &Summary) -> Value {
    let channels = summary.channels.iter().map(|channel| channel_summary(channel, summary.bits));
    json!({
        "seq": summary.seq,
        "epoch": summary.epoch.0,
        "bits": summary.bits,
        "requests": summary.requests,
        "channels": channels.collect::<Vec<_>>(),
    })
}

/// `bits` are the summary's: with none its ratios are not told.
fn channel_summary(channel: &ChannelSummary, bits: u8) -> Value {
    let ratio_bucket = (bits > 0).then_some(channel.ratio_bucket);
    json!({
        "channel": channel.channel.to_string(),
        "peer": channel.peer.to_string(),
        "capacity_msat": channel.capacity_msat.0,
        "ratio_bucket": ratio_bucket,
        "want": match channel.want {
            Want::Nothing => "nothing",
            Want::Send => "send",
            Want::Receive => "receive",
        },
        "send_msat": channel.send_msat.0,
        "receive_msat": channel.receive_msat.0,
        "urgency": channel.urgency,
        "price_ppm": channel.price_ppm,
        "base_msat": channel.policy.base_msat,
        "ppm": channel.policy.ppm,
        "disabled": channel.policy.disabled,
    })
}

/// An entry of the feed with its number.
#[must_use]
pub fn entry(seq: u64, entry: &Entry) -> Value {
    let mut value = match &entry.what {
        Happening::Core(event) => self::event(event),
        Happening::Agent { kind, text } => json!({ "kind": kind, "text": text }),
    };
    value["seq"] = json!(seq);
    value["at_unix_ms"] = json!(entry.at_unix_ms);
    value
}

/// Stable name of a happening.
#[must_use]
pub fn kind(what: &Happening) -> String {
    match what {
        Happening::Core(event) => {
            self::event(event)["kind"].as_str().unwrap_or("unknown").to_owned()
        }
        Happening::Agent { kind, .. } => (*kind).to_owned(),
    }
}

/// An event with its kind.
#[must_use]
pub fn event(event: &Event) -> Value {
    match event {
        Event::EpochCertified { epoch, leader, round, elapsed_ms } => json!({
            "kind": "epoch_certified", "epoch": epoch.0, "leader": leader.to_string(),
            "round": round, "elapsed_ms": elapsed_ms,
        }),
        Event::EpochSkipped { epoch } => json!({ "kind": "epoch_skipped", "epoch": epoch.0 }),
        Event::PricesSettled { epoch, rounds, neighbours, price_ppm } => json!({
            "kind": "prices_settled", "epoch": epoch.0, "rounds": rounds,
            "neighbours": neighbours, "price_ppm": price_ppm,
        }),
        Event::PlanMade { epoch, cycles, amount_msat } => json!({
            "kind": "plan_made", "epoch": epoch.0, "cycles": cycles,
            "amount_msat": amount_msat.0,
        }),
        Event::PlanSeen { epoch, leader, cycles, ours, checked } => json!({
            "kind": "plan_seen", "epoch": epoch.0, "leader": leader.to_string(),
            "cycles": cycles, "ours": ours, "checked": checked,
        }),
        Event::CycleRefused { cycle, node, reason } => json!({
            "kind": "cycle_refused", "cycle": cycle.to_string(),
            "node": node.map(|node| node.to_string()), "reason": refusal_name(*reason),
        }),
        Event::CycleEnded { cycle, epoch, outcome, hops, amount_msat, fee_msat, duration_ms } => {
            json!({
                "kind": "cycle_ended", "cycle": cycle.to_string(), "epoch": epoch.0,
                "outcome": outcome_name(*outcome), "hops": hops, "amount_msat": amount_msat.0,
                "fee_msat": fee_msat.0, "duration_ms": duration_ms,
            })
        }
        Event::Accused { node, what } => json!({
            "kind": "accused", "node": node.to_string(), "what": what,
        }),
        Event::RequestChanged { requests, reason } => json!({
            "kind": "request_changed", "requests": requests, "reason": reason,
        }),
        Event::Rejected { from, message, reason, digest } => json!({
            "kind": "rejected", "from": from.to_string(), "message": message,
            "reason": reason, "digest": digest.to_string(),
        }),
        payment_or_channel => money_event(payment_or_channel),
    }
}

fn money_event(event: &Event) -> Value {
    match event {
        Event::PaymentEnded {
            transfer,
            outcome,
            amount_msat,
            fee_msat,
            hops,
            duration_ms,
            reason,
        } => json!({
            "kind": "payment_ended", "transfer": transfer.to_string(),
            "outcome": outcome_name(*outcome), "amount_msat": amount_msat.0,
            "fee_msat": fee_msat.0, "hops": hops, "duration_ms": duration_ms,
            "reason": reason.map(|reason: Refusal| refusal_name(reason)),
        }),
        Event::PaymentReceived { transfer, amount_msat, hops } => json!({
            "kind": "payment_received", "transfer": transfer.to_string(),
            "amount_msat": amount_msat.0, "hops": hops,
        }),
        Event::PaymentHeld { transfer, amount_msat, deadline_ms } => json!({
            "kind": "payment_held", "transfer": transfer.to_string(),
            "amount_msat": amount_msat.0, "deadline_ms": deadline_ms,
        }),
        Event::ChannelOpened { channel, peer } => json!({
            "kind": "channel_opened", "channel": channel.to_string(), "peer": peer.to_string(),
        }),
        Event::ChannelFrozen { channel, reason } => json!({
            "kind": "channel_frozen", "channel": channel.to_string(), "reason": reason,
        }),
        _ => json!({ "kind": "unknown" }),
    }
}

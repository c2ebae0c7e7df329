//! Answers as LND writes them, with all the fields this crate does not know, read by the REST side.
//!
//! Written by hand from LND's documentation of its JSON, not by the code under test.

use crate::convert::Reading;
use crate::graph::Edge;
use crate::json::Shapes;
use crate::permission as name;
use crate::proto::{lnrpc, routerrpc};
use crate::types::{Channel, FeeReport, Identity};
use prost::Message;

fn read<M: Message + Default>(method: &str, json: &str) -> M {
    let bytes = Shapes::of(method).unwrap().answer(json.as_bytes()).unwrap();
    M::decode(bytes.as_slice()).unwrap()
}

const KEY_1: &str = "02d2730f107e6780fc6170ff137c38d44b1442493c4b786fa20c53138708dfadce";
const KEY_2: &str = "02f65142b499062d0a9387840698435c572c3731bfdab2a8043b31237ca63d046e";
const TXID: &str = "6961194a61be1714f4ff9fd296912ea692220e0619b4847131be93d6d0ebc3fe";

#[test]
fn an_identity_with_features_and_unknown_fields_is_read() {
    let json = format!(
        r#"{{"version": "0.18.5-beta commit=v0.18.5-beta", "commit_hash": "5d36",
        "identity_pubkey": "{KEY_2}", "alias": "home", "color": "3399ff",
        "num_pending_channels": 0, "num_active_channels": 2, "num_inactive_channels": 1,
        "num_peers": 3, "block_height": 850000, "best_header_timestamp": "1719999700",
        "synced_to_chain": true, "synced_to_graph": true, "testnet": false,
        "chains": [{{"chain": "bitcoin", "network": "mainnet"}}], "uris": [],
        "features": {{"9": {{"name": "tlv-onion", "is_required": false, "is_known": true}}}},
        "require_htlc_interceptor": false, "a_field_of_next_year": {{"x": [1, null]}}}}"#
    );
    let identity = Identity::read(&read::<lnrpc::GetInfoResponse>(name::GET_INFO, &json)).unwrap();
    assert_eq!((identity.peers, identity.version.minor), (3, 18));
    assert!(identity.synced_to_graph);
}

#[test]
fn a_channel_with_everything_lnd_says_of_it_is_read() {
    let json = format!(
        r#"{{"channels": [{{"active": true, "remote_pubkey": "{KEY_1}",
        "channel_point": "{TXID}:1", "chan_id": "879609302227419137", "capacity": "5000000",
        "local_balance": "1480000", "remote_balance": "3512530", "commit_fee": "2810",
        "commit_weight": "1116", "fee_per_kw": "2500", "unsettled_balance": "4000",
        "total_satoshis_sent": "90211", "total_satoshis_received": "1744", "num_updates": "321",
        "csv_delay": 144, "private": false, "initiator": true,
        "pending_htlcs": [{{"incoming": false, "amount": "4000",
          "hash_lock": "9N0jJ3VxpM6Yv0w5c3mXb0l0S2mT2J7yYh4Y1c0m3fQ=",
          "expiration_height": 850091, "htlc_index": "17", "forwarding_channel": "0"}}],
        "chan_status_flags": "ChanStatusDefault", "local_chan_reserve_sat": "50000",
        "commitment_type": "A_TYPE_OF_NEXT_YEAR", "lifetime": "86400", "uptime": "86111",
        "close_address": "", "local_constraints": {{"csv_delay": 144, "chan_reserve_sat": "50000",
          "dust_limit_sat": "354", "max_pending_amt_msat": "4950000000", "min_htlc_msat": "1",
          "max_accepted_htlcs": 483}}, "remote_constraints": null, "alias_scids": [],
        "zero_conf": false, "zero_conf_confirmed_scid": "0", "peer_alias": "alias-peer1",
        "peer_scid_alias": "0", "memo": "", "custom_channel_data": ""}}]}}"#
    );
    let list: lnrpc::ListChannelsResponse = read(name::LIST_CHANNELS, &json);
    let channel = Channel::read(&list.channels[0]).unwrap();
    assert_eq!(channel.channel_id, 879_609_302_227_419_137);
    assert_eq!((channel.balance.local_sat, channel.confirmed_id), (1_480_000, None));
    assert_eq!((channel.local_limits.max_htlcs, channel.remote_limits.max_htlcs), (483, 0));
    assert_eq!(channel.pending[0].expiry_height, 850_091);
}

#[test]
fn a_policy_that_was_never_announced_is_null() {
    let json = format!(
        r#"{{"channel_id": "879609302227419137", "chan_point": "{TXID}:1",
        "last_update": 1719998000, "node1_pub": "{KEY_1}", "node2_pub": "{KEY_2}",
        "capacity": "5000000", "node1_policy": null,
        "node2_policy": {{"time_lock_delta": 80, "min_htlc": "1000", "fee_base_msat": "1000",
          "fee_rate_milli_msat": "500", "disabled": false, "max_htlc_msat": "4950000000",
          "last_update": 1719998000, "custom_records": {{"55555": "AA=="}},
          "inbound_fee_base_msat": 0, "inbound_fee_rate_milli_msat": -20}},
        "custom_records": {{}}}}"#
    );
    let edge: lnrpc::ChannelEdge = read(name::GET_CHAN_INFO, &json);
    let edge = Edge::read(Reading(name::GET_CHAN_INFO), &edge).unwrap();
    assert_eq!(edge.policy1, None);
    assert_eq!(edge.policy2.unwrap().inbound.rate_ppm, -20);
    assert_eq!(edge.policy2.unwrap().fee_rate_ppm, 500);
}

#[test]
fn a_fee_report_of_an_old_node_has_no_inbound_fees() {
    let json = format!(
        r#"{{"channel_fees": [{{"chan_id": "879609302227419137", "channel_point": "{TXID}:1",
        "base_fee_msat": "1000", "fee_per_mil": "500", "fee_rate": 0.0005}}],
        "day_fee_sum": "812", "week_fee_sum": "5011", "month_fee_sum": "19870"}}"#
    );
    let report = FeeReport::read(&read(name::FEE_REPORT, &json)).unwrap();
    assert_eq!((report.channels[0].fee_rate_ppm, report.channels[0].inbound.rate_ppm), (500, 0));
}

#[test]
fn htlc_events_and_failed_updates_name_their_reasons() {
    let json = r#"{"incoming_channel_id": "1", "outgoing_channel_id": "2",
        "incoming_htlc_id": "41", "outgoing_htlc_id": "0", "timestamp_ns": "1719999990120000000",
        "event_type": "FORWARD", "link_fail_event": {"info": {"incoming_timelock": 850120,
        "outgoing_timelock": 850040, "incoming_amt_msat": "250130000",
        "outgoing_amt_msat": "250000000"}, "wire_failure": "TEMPORARY_CHANNEL_FAILURE",
        "failure_detail": "INSUFFICIENT_BALANCE", "failure_string": "not enough"}}"#;
    let event: routerrpc::HtlcEvent = read(name::SUBSCRIBE_HTLC_EVENTS, json);
    let Some(routerrpc::htlc_event::Event::LinkFailEvent(failed)) = event.event else { panic!() };
    assert_eq!(failed.failure_detail(), routerrpc::FailureDetail::InsufficientBalance);
    assert_eq!(failed.wire_failure(), lnrpc::FailureCode::TemporaryChannelFailure);

    let json = format!(
        r#"{{"failed_updates": [{{"outpoint": {{"txid_bytes": "", "txid_str": "{TXID}",
        "output_index": 1}}, "reason": "UPDATE_FAILURE_INVALID_PARAMETER",
        "update_error": "limit above what the channel can carry"}}]}}"#
    );
    let answer: lnrpc::PolicyUpdateResponse = read(name::UPDATE_CHANNEL_POLICY, &json);
    let reason = answer.failed_updates[0].reason();
    assert_eq!(reason, lnrpc::UpdateFailure::InvalidParameter);
}

#[test]
fn a_settled_payments_preimage_is_not_kept() {
    let json = r#"{"settle_event": {"preimage": "9N0jJ3VxpM6Yv0w5c3mXb0l0S2mT2J7yYh4Y1c0m3fQ="}}"#;
    let event: routerrpc::HtlcEvent = read(name::SUBSCRIBE_HTLC_EVENTS, json);
    // An empty settle event and nothing else: field 9, length 0.
    assert_eq!(event.encode_to_vec(), [0x4a, 0]);
}

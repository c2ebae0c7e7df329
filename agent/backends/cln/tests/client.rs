//! The client against a scripted node: what is read, what is refused, what is lost.
//!
//! It must never wait for a clock longer than the client's own deadline.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use debal_cln::{Cln, Error, ForwardStatus, Limits, PolicyUpdate, Version, allow_list};
use debal_cln_fake::{Door, Fake, Fault, OWN_KEY, PEERS, chan_id, sample};
use serde_json::json;
use std::time::Duration;

fn client(fake: &Fake) -> Cln {
    let limits = Limits { connect: Duration::from_secs(2), answer: Duration::from_millis(700) };
    Cln::new(fake.socket(), limits)
}

fn update() -> PolicyUpdate {
    PolicyUpdate {
        channel_id: chan_id(0),
        base_fee_msat: 0,
        fee_rate_ppm: 650,
        min_htlc_msat: None,
        max_htlc_msat: None,
    }
}

#[tokio::test]
async fn a_node_is_read_with_numbers_as_new_and_as_old_versions_write_them() {
    for texts in [false, true] {
        let fake = Fake::start(sample());
        fake.with(|node| {
            node.texts = texts;
            node.channel(0).htlcs =
                vec![json!({"direction": "out", "id": 1, "amount_msat": 7_000, "expiry": 850_010,
                       "payment_hash": "00", "state": "SENT_ADD_ACK_REVOCATION"})];
            node.channel(2).state = "CHANNELD_AWAITING_LOCKIN";
        });
        let cln = client(&fake);
        let identity = cln.get_info().await.unwrap();
        assert_eq!((identity.node.as_str(), identity.block_height), (OWN_KEY, 850_000));
        assert_eq!(identity.version, Version { year: 24, month: 8, patch: 1 });
        assert!(identity.synced_to_chain && identity.network == "regtest");
        let channels = cln.list_channels().await.unwrap();
        assert_eq!(channels.len(), 2, "one is not open yet");
        let first = &channels[0];
        assert_eq!((first.channel_id, first.ours_msat), (chan_id(0), 400_000_500));
        assert_eq!((first.active, first.private, first.initiator), (true, false, true));
        assert_eq!((first.our_policy.fee_rate_ppm, first.our_policy.time_lock_delta), (500, 34));
        assert_eq!(first.peer_policy.unwrap().fee_rate_ppm, 200);
        assert_eq!(first.max_in_flight_msat, 990_000_000, "capacity less our reserve");
        assert_eq!((first.pending[0].incoming, first.pending[0].expiry_height), (false, 850_010));
        assert_eq!(channels[1].peer_policy, None);
        assert_eq!(cln.fee_rates().await.unwrap()[&6], 2_500);
        assert_eq!(cln.openings().await.unwrap()[0].fee_msat, 1_500_000);
        let peer = cln.graph_node(PEERS[0]).await.unwrap().unwrap();
        assert_eq!((peer.alias.as_str(), peer.channels), ("SHOP", 2));
        assert_eq!(cln.graph_node(&format!("02{:064}", 9)).await.unwrap(), None);
        assert_eq!(cln.channels_into(PEERS[0]).await.unwrap().len(), 2);
        assert_eq!(cln.is_switched_off(chan_id(2), PEERS[1]).await.unwrap(), Some(true));
        assert_eq!(cln.is_switched_off(chan_id(1), PEERS[0]).await.unwrap(), None);
        assert!(fake.calls().iter().all(|call| allow_list().any(|name| name == call)));
    }
}

#[tokio::test]
async fn old_nodes_and_missing_plugins_are_named() {
    let fake = Fake::start(sample());
    for version in ["v23.11.2", "v0.12.1", "master"] {
        fake.with(|node| node.version = version.to_owned());
        let error = client(&fake).get_info().await.unwrap_err();
        let since = Version::LEAST;
        assert_eq!(error, Error::TooOld { found: version.to_owned(), since });
    }
    fake.with(|node| (node.bookkeeper, node.synced) = (false, false));
    let error = client(&fake).openings().await.unwrap_err();
    assert_eq!(error, Error::Unimplemented { method: "bkpr-listincome" });
    fake.with(|node| node.version = "v25.12-modded".to_owned());
    assert!(!client(&fake).get_info().await.unwrap().synced_to_chain);
}

#[tokio::test]
async fn a_policy_is_set_on_one_channel_and_the_limits_in_force_come_back() {
    let fake = Fake::start(sample());
    let cln = client(&fake);
    let low = PolicyUpdate { min_htlc_msat: Some(1), max_htlc_msat: Some(u64::MAX), ..update() };
    let applied = cln.set_channel(&low).await.unwrap();
    assert_eq!((applied.min_htlc_msat, applied.max_htlc_msat), (1_000, 990_000_000));
    fake.with(|node| {
        assert_eq!((node.channel(0).ppm, node.channel(0).base_msat), (650, 0));
        // The second one has the same peer.
        assert_eq!((node.channel(1).ppm, node.channel(2).ppm), (500, 500));
    });
    let crossed = PolicyUpdate { min_htlc_msat: Some(2), max_htlc_msat: Some(1), ..update() };
    assert!(matches!(cln.set_channel(&crossed).await, Err(Error::Invalid(_))));
    let unknown = PolicyUpdate { channel_id: 1, ..update() };
    let error = cln.set_channel(&unknown).await.unwrap_err();
    assert!(matches!(error, Error::Refused { code: -32_602, .. }), "{error}");
    fake.with(|node| node.channel(0).state = "CLOSINGD_SIGEXCHANGE");
    let error = cln.set_channel(&update()).await.unwrap_err();
    assert!(error.to_string().contains("CLOSINGD_SIGEXCHANGE"), "{error}");
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_ambiguous_and_never_sent_twice() {
    let slow = Fault::Slow(Duration::from_secs(5));
    let faults = [
        Fault::CutBefore,
        Fault::CutAfter,
        Fault::CutWithin,
        Fault::Hang,
        Fault::Garbage,
        Fault::Endless,
        Fault::Stranger,
        slow,
    ];
    for fault in faults {
        let fake = Fake::start(sample());
        fake.fail("setchannel", 1, fault.clone());
        let error = client(&fake).set_channel(&update()).await.unwrap_err();
        assert!(
            matches!(error, Error::Ambiguous { method: "setchannel", .. }),
            "{fault:?} {error}"
        );
        assert_eq!(fake.count("setchannel"), 1, "{fault:?}");
        // The next call is not disturbed.
        assert!(client(&fake).get_info().await.is_ok());
    }
}

#[tokio::test]
async fn a_read_that_fails_says_how() {
    let fake = Fake::start(sample());
    let cln = client(&fake);
    for fault in [Fault::CutBefore, Fault::CutWithin, Fault::Hang] {
        fake.fail("getinfo", 1, fault);
        assert!(matches!(cln.get_info().await, Err(Error::Unavailable { .. })));
    }
    for fault in [Fault::Garbage, Fault::Stranger] {
        fake.fail("getinfo", 1, fault);
        assert!(matches!(cln.get_info().await, Err(Error::Protocol { method: "getinfo", .. })));
    }
    fake.fail("getinfo", 1, Fault::Endless);
    let error = cln.get_info().await.unwrap_err();
    assert_eq!(error, Error::TooLarge { method: "getinfo", limit: 1 << 20 });
    fake.fail("getinfo", 1, Fault::Refuse(-1, "not now"));
    assert!(matches!(cln.get_info().await, Err(Error::Refused { code: -1, .. })));
    for (door, words) in [(Door::Absent, "is the node running?"), (Door::Stale, "starting?")] {
        fake.door(door);
        let error = cln.get_info().await.unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert!(matches!(cln.set_channel(&update()).await, Err(Error::Unavailable { .. })));
    }
    fake.door(Door::Open);
    assert!(cln.get_info().await.is_ok());
}

#[tokio::test]
async fn forwards_are_read_from_where_their_time_begins_over_pages_and_gaps() {
    let fake = Fake::start(sample());
    let start_s = 1_700_000_000;
    fake.with(|node| {
        node.forwards.clear();
        for number in 1..=9_000 {
            // A hundred a day; the first thousand and every seventh were cleaned away.
            if number > 1_000 && number % 7 != 0 {
                node.settle(number, start_s + number * 864, 1_000, 1);
            }
        }
        let failed = json!({
            "in_channel": "1x1x1", "out_channel": node.channels[1].scid, "in_msat": 5_000,
            "status": "local_failed", "failcode": 1, "failreason": "WIRE_TEMPORARY",
            "received_time": (start_s + 8_999 * 864) as f64,
        });
        node.forwards.insert(8_995, failed);
    });
    let cln = client(&fake);
    let number_at = |at_ns: u64| (at_ns / 1_000_000_000 - start_s) / 864;
    let (from_s, to_s) = (start_s + 8_000 * 864, start_s + 8_500 * 864);
    let some = cln.forwards(ForwardStatus::Settled, from_s, to_s).await.unwrap();
    let wanted: Vec<u64> = (8_000..=8_500).filter(|number| number % 7 != 0).collect();
    assert_eq!(some.iter().map(|it| number_at(it.at_ns)).collect::<Vec<_>>(), wanted);
    assert!(fake.count("listforwards") < 40, "{} calls", fake.count("listforwards"));
    let all = cln.forwards(ForwardStatus::Settled, 0, u64::MAX).await.unwrap();
    assert_eq!(all.len(), (1_001..=9_000).filter(|n| n % 7 != 0 && *n != 8_995).count());
    let failed = cln.forwards(ForwardStatus::LocalFailed, from_s, u64::MAX).await.unwrap();
    assert_eq!((failed.len(), failed[0].amount_out_msat), (1, 5_000));
    let none = cln.forwards(ForwardStatus::Failed, from_s, u64::MAX).await.unwrap();
    assert_eq!(none, []);
}

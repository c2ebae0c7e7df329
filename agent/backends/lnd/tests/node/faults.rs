//! What breaks between client and node, and that no write is ever sent twice.

use crate::writes::{own, update};
use crate::{BOTH, both, config, impatient, only, only_with, other, usual, wire};
use debal_lnd::{Config, Error, ReadBack, StatusAction};
use debal_lnd_fake::{Door, Fault, chan_id};
use futures::StreamExt as _;
use std::time::Duration;

const UPDATE: &str = "/lnrpc.Lightning/UpdateChannelPolicy";
const CHAN_INFO: &str = "/lnrpc.Lightning/GetChanInfo";

fn ambiguous(result: &Result<(), Error>) -> bool {
    matches!(result, Err(Error::Ambiguous { method: UPDATE, .. }))
}

#[tokio::test]
async fn a_lost_answer_is_ambiguous_and_the_read_back_resolves_it() {
    for transport in BOTH {
        for (fault, applied) in [(Fault::CutBefore, false), (Fault::CutAfter, true)] {
            let fake = usual().await;
            let lnd = only(&fake, transport);
            lnd.get_info().await.unwrap();
            fake.fail(UPDATE, 1, fault);
            let result = lnd.update_channel_policy(&update(0)).await;
            assert!(ambiguous(&result), "{transport} {fault:?}: {result:?}");
            let seen = lnd.read_back(chan_id(0), &own(), &update(0)).await.unwrap();
            assert_eq!(seen == ReadBack::Applied, applied, "{transport} {fault:?}");
            assert_eq!(fake.count(UPDATE), 1);
            // Sent again by the caller, who now knows, it arrives.
            lnd.update_channel_policy(&update(0)).await.unwrap();
            assert_eq!(fake.count(UPDATE), 2);
        }
    }
}

#[tokio::test]
async fn an_ambiguous_write_is_not_sent_on_the_other_transport() {
    let faults =
        [Fault::CutBefore, Fault::CutAfter, Fault::Garbage, Fault::Internal, Fault::Bare500];
    for transport in BOTH {
        for fault in faults {
            let fake = usual().await;
            let lnd = both(&fake, transport, crate::limits());
            lnd.get_info().await.unwrap();
            fake.fail(UPDATE, 1, fault);
            let result = lnd.update_channel_policy(&update(0)).await;
            let told = matches!(result, Err(Error::Ambiguous { .. }));
            assert!(told, "{transport} {fault:?}: {result:?}");
            assert_eq!(fake.count(UPDATE), 1, "{transport} {fault:?}");
        }
    }
}

#[tokio::test]
async fn a_write_into_a_dead_connection_is_sent_once_on_a_new_one() {
    for transport in BOTH {
        let fake = usual().await;
        let lnd = only(&fake, transport);
        lnd.get_info().await.unwrap();
        // The node restarts: its connections end, and it is back before the next call.
        fake.door(wire(transport), Door::Refuse);
        fake.door(wire(transport), Door::Open);
        let mut result = lnd.update_channel_policy(&update(0)).await;
        if ambiguous(&result) {
            // The end of the connection was not seen yet when the request was written.
            assert_eq!(fake.count(UPDATE), 0);
            result = lnd.update_channel_policy(&update(0)).await;
        }
        result.unwrap();
        assert_eq!(fake.count(UPDATE), 1);
    }
}

#[tokio::test]
async fn a_slow_node_times_out_and_answers_later_calls() {
    for transport in BOTH {
        let fake = usual().await;
        let config = Config { limits: impatient(), ..config(&fake, fake.least_macaroon()) };
        let lnd = only_with(&fake, transport, config);
        fake.fail(CHAN_INFO, 1, Fault::Slow(Duration::from_secs(3_600)));
        let result = lnd.get_chan_info(chan_id(0)).await;
        assert!(matches!(result, Err(Error::Unavailable { .. })), "{result:?}");
        fake.fail(UPDATE, 1, Fault::Hang);
        // The version is asked for first; on a busy machine that too may time out.
        while lnd.get_info().await.is_err() {}
        let result = lnd.update_channel_policy(&update(0)).await;
        assert!(ambiguous(&result), "{transport}: {result:?}");
    }
}

#[tokio::test]
async fn a_node_that_accepts_and_says_nothing_is_unavailable() {
    for transport in BOTH {
        let fake = usual().await;
        fake.door(wire(transport), Door::Hang);
        let config = Config { limits: impatient(), ..config(&fake, fake.least_macaroon()) };
        let lnd = only_with(&fake, transport, config);
        assert!(matches!(lnd.get_info().await, Err(Error::Unavailable { .. })));
        assert!(fake.calls().is_empty());
    }
}

#[tokio::test]
async fn the_nth_call_fails_and_the_next_one_does_not() {
    for transport in BOTH {
        let fake = usual().await;
        let lnd = only(&fake, transport);
        fake.fail(CHAN_INFO, 3, Fault::Internal);
        fake.fail(CHAN_INFO, 4, Fault::Bare500);
        fake.fail(CHAN_INFO, 5, Fault::CutBefore);
        for call in 1..=6 {
            let result = lnd.get_chan_info(chan_id(0)).await;
            let failed = matches!(result, Err(Error::Unavailable { .. }));
            assert_eq!(failed, (3..=5).contains(&call), "{transport} call {call}: {result:?}");
        }
    }
}

#[tokio::test]
async fn garbage_is_a_protocol_error() {
    for transport in BOTH {
        let fake = usual().await;
        let lnd = only(&fake, transport);
        fake.fail("/lnrpc.Lightning/ListChannels", 1, Fault::Garbage);
        let result = lnd.list_channels().await;
        assert!(matches!(result, Err(Error::Protocol { .. })), "{transport}: {result:?}");
        assert_eq!(lnd.list_channels().await.unwrap().len(), 3);
    }
}

#[tokio::test]
async fn a_stream_cut_half_way_ends_with_an_error_and_can_be_opened_again() {
    for transport in BOTH {
        let fake = usual().await;
        let lnd = only(&fake, transport);
        fake.fail("/routerrpc.Router/SubscribeHtlcEvents", 1, Fault::CutStream(1));
        let events: Vec<_> = lnd.subscribe_htlc_events().await.unwrap().collect().await;
        assert_eq!(events.len(), 2, "{transport}: {events:?}");
        assert!(events[0].is_ok());
        assert!(matches!(events[1], Err(Error::Unavailable { .. })), "{transport}: {events:?}");
        let mut again = lnd.subscribe_htlc_events().await.unwrap();
        assert!(again.next().await.unwrap().is_ok());
    }
}

#[tokio::test]
async fn a_write_that_falls_back_and_is_lost_there_is_ambiguous() {
    for first in BOTH {
        let fake = usual().await;
        let lnd = both(&fake, first, crate::limits());
        lnd.get_info().await.unwrap();
        fake.door(wire(first), Door::Refuse);
        fake.fail(UPDATE, 1, Fault::CutAfter);
        let mut result = lnd.update_channel_policy(&update(0)).await;
        if fake.count(UPDATE) == 0 {
            // The first transport took the request before it saw its connection's end: not
            // certainly unsent, so it was not sent again.
            assert!(ambiguous(&result), "{first}: {result:?}");
            result = lnd.update_channel_policy(&update(0)).await;
        }
        assert!(ambiguous(&result), "{first}: {result:?}");
        assert_eq!(fake.count(UPDATE), 1, "{first}");
    }
}

#[tokio::test]
async fn a_stream_that_is_silent_from_the_start_is_open_all_the_same() {
    // A server that sends its head with its first event, as old nodes do.
    for transport in BOTH {
        let fake = usual().await;
        let config = Config { limits: impatient(), ..config(&fake, fake.least_macaroon()) };
        let lnd = only_with(&fake, transport, config);
        let name = "/routerrpc.Router/SubscribeHtlcEvents";
        fake.fail(name, 1, Fault::Slow(Duration::from_millis(900)));
        let mut events = lnd.subscribe_htlc_events().await.unwrap();
        assert!(events.next().await.unwrap().is_ok(), "{transport}");
    }
}

#[tokio::test]
async fn a_repeated_status_change_after_a_lost_answer_is_harmless() {
    for transport in BOTH {
        let fake = usual().await;
        let lnd = both(&fake, other(transport), crate::limits());
        lnd.get_info().await.unwrap();
        fake.fail("/routerrpc.Router/UpdateChanStatus", 1, Fault::CutAfter);
        let point = update(0).point;
        let result = lnd.update_chan_status(&point, StatusAction::Disable).await;
        assert!(matches!(result, Err(Error::Ambiguous { .. })), "{result:?}");
        lnd.update_chan_status(&point, StatusAction::Disable).await.unwrap();
        assert!(fake.with(|node| node.policy(chan_id(0)).disabled));
    }
}

//! What the node says is what the caller gets, over both transports alike.

use crate::{BOTH, only, usual};
use debal_lnd::{
    Edge, Error, Feature, HistoryQuery, HtlcEventKind, HtlcKind, NodeKey, State, Transport, Version,
};
use debal_lnd_fake::proto::routerrpc::{self, htlc_event};
use debal_lnd_fake::{Fake, OWN_KEY, PEERS, Sample, Wallet, chan_id, channel_point, sample};
use futures::StreamExt as _;

#[tokio::test]
async fn the_node_introduces_itself() {
    let fake = usual().await;
    for transport in BOTH {
        let lnd = only(&fake, transport);
        let identity = lnd.get_info().await.unwrap();
        assert_eq!(identity.node.to_string(), OWN_KEY);
        assert_eq!(identity.version, Version::new(0, 18, 5));
        assert!(identity.version.has(Feature::InboundFees));
        assert_eq!((identity.network.as_str(), identity.block_height), ("mainnet", 850_000));
        assert_eq!((identity.active_channels, identity.inactive_channels), (2, 1));
        assert_eq!(lnd.transport(), transport);
    }
}

#[tokio::test]
async fn the_state_is_told_without_a_macaroon() {
    let fake = usual().await;
    for transport in BOTH {
        let lnd = only(&fake, transport);
        fake.with(|node| node.wallet = Wallet::Locked);
        assert_eq!(lnd.state().await, Ok(State::Locked));
        assert!(matches!(lnd.get_info().await, Err(Error::Locked { .. })));
        fake.with(|node| node.wallet = Wallet::Starting);
        assert!(matches!(lnd.list_channels().await, Err(Error::Starting { .. })));
        fake.with(|node| node.wallet = Wallet::Ready);
        assert_eq!(lnd.state().await, Ok(State::ServerActive));
        assert!(lnd.get_info().await.is_ok());
    }
}

#[tokio::test]
async fn both_transports_give_the_same_channels_fees_and_policies() {
    let fake = usual().await;
    fake.with(|node| {
        node.policy(chan_id(0)).inbound_fee_rate_milli_msat = -20;
        node.channel(chan_id(1)).theirs = None;
        node.channel(chan_id(2)).channel.zero_conf_confirmed_scid = 77;
    });
    let mut answers = Vec::new();
    for transport in BOTH {
        let lnd = only(&fake, transport);
        let channels = lnd.list_channels().await.unwrap();
        assert_eq!(channels.len(), 3);
        let first = &channels[0];
        assert_eq!(first.channel_id, chan_id(0));
        assert_eq!(first.point.to_string(), channel_point(0));
        assert_eq!(first.peer_alias.as_deref(), Some("alias-peer1"));
        assert_eq!((first.balance.local_sat, first.balance.capacity_sat), (1_480_000, 5_000_000));
        assert_eq!(first.local_limits.max_pending_msat, 4_950_000_000);
        assert_eq!((first.pending.len(), first.pending[0].amount_sat), (1, 4_000));
        assert_eq!(channels[2].confirmed_id, Some(77));
        assert!(channels[1].private && !channels[2].active);

        let fees = lnd.fee_report().await.unwrap();
        assert_eq!((fees.day_sat, fees.month_sat), (812, 19_870));
        assert_eq!((fees.channels[0].fee_rate_ppm, fees.channels[0].inbound.rate_ppm), (500, -20));

        let own: NodeKey = OWN_KEY.parse().unwrap();
        let edge = lnd.get_chan_info(chan_id(0)).await.unwrap();
        assert_eq!(edge.policy_of(&own).unwrap().inbound.rate_ppm, -20);
        assert_eq!(edge.policy_of_peer(&own).unwrap().fee_rate_ppm, 200);
        let silent: Edge = lnd.get_chan_info(chan_id(1)).await.unwrap();
        assert_eq!(silent.policy_of_peer(&own), None);
        // Our key is the larger one here and the smaller one there.
        let above = lnd.get_chan_info(chan_id(2)).await.unwrap();
        assert_eq!((edge.node2, above.node1), (own, own));
        answers.push((channels, fees, edge, silent, above));
    }
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test]
async fn the_graph_nodes_network_wallet_and_estimates_are_read() {
    let fake = usual().await;
    let mut answers = Vec::new();
    for transport in BOTH {
        let lnd = only(&fake, transport);
        let peer: NodeKey = PEERS[0].parse().unwrap();
        let plain = lnd.get_node_info(&peer, false).await.unwrap();
        assert_eq!(
            (plain.alias.as_str(), plain.channels, plain.edges.len()),
            ("alias-peer1", 20, 0)
        );
        let with_channels = lnd.get_node_info(&peer, true).await.unwrap();
        assert_eq!(with_channels.edges.len(), 2);
        let network = lnd.get_network_info().await.unwrap();
        assert_eq!((network.nodes, network.average_degree), (15_022, 5.5));
        let graph = lnd.describe_graph().await.unwrap();
        assert_eq!((graph.nodes.len(), graph.edges.len(), graph.skipped), (3, 3, 0));
        let transactions = lnd.get_transactions(800_000, 800_000).await.unwrap();
        assert_eq!((transactions.len(), transactions[0].fee_sat), (1, 1_234));
        assert!(lnd.get_transactions(800_001, -1).await.unwrap().is_empty());
        let closed = lnd.closed_channels().await.unwrap();
        assert_eq!((closed.len(), closed[0].close_height), (1, 840_000));
        assert_eq!(lnd.estimate_fee(6).await.unwrap().sat_per_kw, 2_500);
        assert!(matches!(lnd.estimate_fee(1).await, Err(Error::Invalid(_))));
        answers.push((plain, with_channels, network, graph, transactions, closed));
    }
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test]
async fn what_the_graph_does_not_know_is_not_found() {
    let fake = usual().await;
    fake.with(|node| {
        node.channel(chan_id(0)).in_graph = false;
        node.channel(chan_id(1)).in_fee_report = false;
        node.nodes.remove(PEERS[1]);
    });
    for transport in BOTH {
        let lnd = only(&fake, transport);
        assert!(matches!(lnd.get_chan_info(chan_id(0)).await, Err(Error::NotFound { .. })));
        let peer: NodeKey = PEERS[1].parse().unwrap();
        assert!(matches!(lnd.get_node_info(&peer, false).await, Err(Error::NotFound { .. })));
        assert_eq!(lnd.fee_report().await.unwrap().channels.len(), 2);
        assert_eq!(lnd.list_channels().await.unwrap()[2].peer_alias, None);
    }
}

#[tokio::test]
async fn a_history_of_thousands_is_read_page_by_page_with_inclusive_edges() {
    let node = sample(&Sample { forwards: 4_321, ..Sample::default() });
    let (first, last) = (node.forwards[0].timestamp, 1_720_000_000);
    let fake = Fake::start(node).await;
    for transport in BOTH {
        let lnd = only(&fake, transport);
        let query = HistoryQuery { page_size: 500, ..HistoryQuery::between(first, last) };
        let all = lnd.forwarding_history(query).collect().await.unwrap();
        assert_eq!(all.len(), 4_321);
        assert!(all.is_sorted_by_key(|forward| forward.settled_ns));
        assert_eq!(all[0].amount_in_msat - all[0].amount_out_msat, all[0].fee_msat);
        assert_eq!(fake.count("/lnrpc.Lightning/ForwardingHistory"), 10);
        fake.forget_calls();

        let edges = HistoryQuery::between(first, first + 1);
        assert_eq!(lnd.forwarding_history(edges).collect().await.unwrap(), all[..2]);
        let rest = HistoryQuery { offset: 4_300, ..query };
        assert_eq!(lnd.forwarding_history(rest).collect().await.unwrap(), all[4_300..]);
        let nothing = HistoryQuery::between(last, first);
        assert!(lnd.forwarding_history(nothing).collect().await.unwrap().is_empty());
        let few = HistoryQuery { most: 4_000, ..query };
        let refused = lnd.forwarding_history(few).collect().await;
        assert!(matches!(refused, Err(Error::TooLarge { limit: 4_000, .. })));
        fake.forget_calls();
    }
}

fn link_failure() -> routerrpc::HtlcEvent {
    let failure = routerrpc::LinkFailEvent {
        info: Some(routerrpc::HtlcInfo {
            incoming_timelock: 850_120,
            outgoing_timelock: 850_040,
            incoming_amt_msat: 250_130_000,
            outgoing_amt_msat: 250_000_000,
        }),
        wire_failure: 15,
        failure_detail: routerrpc::FailureDetail::InsufficientBalance.into(),
        failure_string: "not enough local balance for this amount".into(),
    };
    routerrpc::HtlcEvent {
        incoming_channel_id: chan_id(0),
        outgoing_channel_id: chan_id(1),
        incoming_htlc_id: 41,
        event_type: htlc_event::EventType::Forward.into(),
        event: Some(htlc_event::Event::LinkFailEvent(failure)),
        ..Default::default()
    }
}

#[tokio::test]
async fn failed_forwards_arrive_with_their_amounts_and_reasons() {
    let fake = usual().await;
    fake.with(|node| node.htlc_events = vec![link_failure()]);
    for transport in BOTH {
        let lnd = only(&fake, transport);
        let mut events = lnd.subscribe_htlc_events().await.unwrap();
        let greeting = events.next().await.unwrap().unwrap();
        assert_eq!(greeting.event, HtlcEventKind::Subscribed);
        let failed = events.next().await.unwrap().unwrap();
        assert_eq!((failed.channel_in, failed.htlc_in), (chan_id(0), 41));
        assert_eq!(failed.kind, HtlcKind::Forward);
        let HtlcEventKind::LinkFailed(failure) = failed.event else { panic!("{failed:?}") };
        assert_eq!(failure.amount_in_msat - failure.amount_out_msat, 130_000);
        assert_eq!(failure.told, "TEMPORARY_CHANNEL_FAILURE");
        assert_eq!(failure.detail, "INSUFFICIENT_BALANCE");
        fake.emit(routerrpc::HtlcEvent {
            incoming_htlc_id: 42,
            event: Some(htlc_event::Event::ForwardFailEvent(routerrpc::ForwardFailEvent {})),
            ..Default::default()
        });
        let live = events.next().await.unwrap().unwrap();
        assert_eq!((live.htlc_in, live.event), (42, HtlcEventKind::ForwardFailed));
    }
}

#[tokio::test]
async fn texts_of_strangers_arrive_short_and_without_control_characters() {
    let fake = usual().await;
    fake.with(|node| {
        let peer = node.nodes.get_mut(PEERS[0]).unwrap().node.as_mut().unwrap();
        peer.alias = format!("\u{1b}[2Jevil{}", "x".repeat(500));
    });
    for transport in BOTH {
        let channels = only(&fake, transport).list_channels().await.unwrap();
        let alias = channels[0].peer_alias.clone().unwrap();
        assert!(alias.starts_with("[2Jevil") && alias.len() == 64, "{alias}");
    }
}

#[tokio::test]
async fn a_node_before_0_13_has_no_state_call() {
    let fake = crate::version("0.12.1-beta").await;
    for transport in BOTH {
        let lnd = only(&fake, transport);
        assert!(matches!(lnd.state().await, Err(Error::Unsupported { .. })), "{transport}");
        assert!(lnd.get_info().await.is_ok());
    }
}

#[tokio::test]
async fn many_calls_at_once_share_the_client() {
    let fake = usual().await;
    for transport in BOTH {
        let lnd = only(&fake, transport);
        let calls = (0..40).map(|index| lnd.get_chan_info(chan_id(index % 3)));
        let answers = futures::future::join_all(calls).await;
        for (index, edge) in answers.into_iter().enumerate() {
            assert_eq!(edge.unwrap().channel_id, chan_id(index as u64 % 3));
        }
    }
    let used = fake.calls();
    assert_eq!(used.iter().filter(|call| call.wire == crate::wire(Transport::Rest)).count(), 40);
}

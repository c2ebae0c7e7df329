//! The same client against a real node, if `DEBAL_TEST_LND` names one; else it says why not.
//!
//! `DEBAL_TEST_LND` is the node's directory (`tls.cert` and `data/chain/bitcoin/NETWORK/`).
//! `DEBAL_TEST_LND_NETWORK` (`regtest`), `DEBAL_TEST_LND_GRPC` (`localhost:10009`) and
//! `DEBAL_TEST_LND_REST` (`localhost:8080`) may say more. Reads are compared between the two
//! transports. On any network but mainnet the first public channel is also written, with the policy
//! that it has already: this must never change what a node charges.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use debal_lnd::{
    Address, Certificate, Config, HistoryQuery, Lnd, Macaroon, PolicyUpdate, Prefer, ReadBack,
    Transport,
};
use std::path::PathBuf;

fn setting(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}

fn client(directory: &std::path::Path, transport: Transport) -> Lnd {
    let network = setting("DEBAL_TEST_LND_NETWORK", "regtest");
    let (_, macaroon) = Macaroon::find(directory, &network).unwrap();
    let certificate = Certificate::read(&directory.join("tls.cert")).unwrap();
    let config = Config::new(certificate, macaroon, Prefer::Grpc);
    let address = |name, default| Address::parse(&setting(name, default), transport.default_port());
    let config = match transport {
        Transport::Grpc => {
            let grpc = address("DEBAL_TEST_LND_GRPC", "localhost:10009").unwrap();
            Config { grpc: Some(grpc), ..config }
        }
        Transport::Rest => {
            let rest = address("DEBAL_TEST_LND_REST", "localhost:8080").unwrap();
            Config { rest: Some(rest), ..config }
        }
    };
    Lnd::new(config).unwrap()
}

async fn write_what_is_there(lnd: &Lnd) {
    let identity = lnd.get_info().await.unwrap();
    let channels = lnd.list_channels().await.unwrap();
    let Some(channel) = channels.iter().find(|channel| channel.active && !channel.private) else {
        println!("not written: the node has no active public channel");
        return;
    };
    let edge = lnd.get_chan_info(channel.channel_id).await.unwrap();
    let policy = edge.policy_of(&identity.node).unwrap();
    let update = PolicyUpdate {
        point: channel.point,
        base_fee_msat: policy.base_fee_msat.try_into().unwrap(),
        fee_rate_ppm: policy.fee_rate_ppm.try_into().unwrap(),
        time_lock_delta: policy.time_lock_delta.try_into().unwrap(),
        min_htlc_msat: None,
        max_htlc_msat: None,
        inbound: None,
    };
    lnd.update_channel_policy(&update).await.unwrap();
    let seen = lnd.read_back(channel.channel_id, &identity.node, &update).await.unwrap();
    assert_eq!(seen, ReadBack::Applied);
    let unknown = format!("{}:0", "00".repeat(32)).parse().unwrap();
    let refused = lnd.update_channel_policy(&PolicyUpdate { point: unknown, ..update }).await;
    println!("an unknown channel: {refused:?}");
    assert!(refused.is_err());
}

#[tokio::test]
async fn a_real_node_says_the_same_over_both_transports() {
    let Ok(directory) = std::env::var("DEBAL_TEST_LND").map(PathBuf::from) else {
        println!("skipped: DEBAL_TEST_LND names no node");
        return;
    };
    let clients = [client(&directory, Transport::Grpc), client(&directory, Transport::Rest)];
    let mut answers = Vec::new();
    for lnd in &clients {
        let identity = lnd.get_info().await.unwrap();
        println!("{:?}: lnd {}, state {:?}", lnd, identity.version_text, lnd.state().await);
        let audit = lnd.audit().unwrap();
        println!("missing {:?}, beyond need {:?}", audit.missing, audit.excess);
        let mut policies = Vec::new();
        for channel in lnd.list_channels().await.unwrap() {
            policies.push((channel.point, lnd.get_chan_info(channel.channel_id).await));
        }
        let history = HistoryQuery::between(0, u64::from(u32::MAX));
        let forwards = lnd.forwarding_history(history).collect().await.unwrap();
        let closed = lnd.closed_channels().await.unwrap();
        let transactions = lnd.get_transactions(0, -1).await.unwrap();
        let report = lnd.fee_report().await.unwrap();
        let graph = lnd.describe_graph().await.unwrap();
        let _ = lnd.subscribe_htlc_events().await.unwrap();
        assert_eq!(graph.skipped, 0);
        println!("estimate for 6 blocks: {:?}", lnd.estimate_fee(6).await);
        answers.push((identity.node, policies, forwards, closed, transactions, report, graph));
        if identity.network != "mainnet" {
            write_what_is_there(lnd).await;
        }
    }
    // A node may hear of a channel between the two readings: run it again if only that differs.
    assert_eq!(answers[0], answers[1]);
}

//! Certificates, macaroons, and the allow-list seen from the node's side.

use crate::writes::update;
use crate::{BOTH, config, limits, only, only_with, usual};
use debal_lnd::{
    Address, Certificate, CertificateProblem, Config, Error, Grant, HistoryQuery, Lnd, Macaroon,
    Permission, Prefer, StatusAction, Transport, allow_list, audit,
};
use debal_lnd_fake::{Fake, LEAST, PEERS, Sample, Shape, chan_id, sample};

fn problem(result: Result<debal_lnd::Identity, Error>) -> CertificateProblem {
    match result {
        Err(Error::Certificate(problem)) => problem,
        other => panic!("expected a refused certificate: {other:?}"),
    }
}

async fn shaped(shape: Shape) -> Fake {
    Fake::start_with(sample(&Sample::default()), shape).await
}

#[tokio::test]
async fn only_the_pinned_certificate_is_accepted() {
    let (fake, stranger) = (usual().await, usual().await);
    for transport in BOTH {
        let pinned = Certificate::from_pem(stranger.certificate_pem().as_bytes()).unwrap();
        let settings = Config { certificate: pinned, ..config(&fake, fake.least_macaroon()) };
        let lnd = only_with(&fake, transport, settings);
        assert_eq!(problem(lnd.get_info().await), CertificateProblem::Different);
    }
    assert!(fake.calls().is_empty());
}

#[tokio::test]
async fn the_pinned_certificate_must_be_valid_now_and_name_the_host() {
    let old = shaped(Shape { from_year: 2000, until_year: 2001, ..Shape::default() }).await;
    let new = shaped(Shape { from_year: 2098, ..Shape::default() }).await;
    let elsewhere = shaped(Shape { names: vec!["node.example".into()], ..Shape::default() }).await;
    for transport in BOTH {
        let expired = problem(only(&old, transport).get_info().await);
        assert_eq!(expired, CertificateProblem::Expired { until_s: 978_307_200 });
        let early = problem(only(&new, transport).get_info().await);
        assert_eq!(early, CertificateProblem::NotYetValid { from_s: 4_039_372_800 });
        let unnamed = problem(only(&elsewhere, transport).get_info().await);
        assert_eq!(unnamed, CertificateProblem::Name { host: "127.0.0.1".into() });
    }
    for fake in [&old, &new, &elsewhere] {
        assert!(fake.calls().is_empty());
    }
}

#[tokio::test]
async fn a_copy_of_the_certificate_without_its_key_is_refused() {
    let fake = usual().await;
    let copied = Some(fake.certificate_pem().to_owned());
    let impostor = shaped(Shape { copied, ..Shape::default() }).await;
    for transport in BOTH {
        let lnd = only_with(&impostor, transport, config(&fake, fake.least_macaroon()));
        let found = problem(lnd.get_info().await);
        assert!(matches!(found, CertificateProblem::Handshake(_)), "{found}");
    }
    assert!(impostor.calls().is_empty());
}

#[tokio::test]
async fn a_host_name_of_the_certificate_is_accepted() {
    let fake = usual().await;
    let port = |address: String| address.rsplit_once(':').unwrap().1.parse().unwrap();
    for transport in BOTH {
        let settings = config(&fake, fake.least_macaroon());
        let host = "localhost".to_owned();
        let settings = match transport {
            Transport::Grpc => {
                Config { grpc: Some(Address { host, port: port(fake.grpc()) }), ..settings }
            }
            Transport::Rest => {
                Config { rest: Some(Address { host, port: port(fake.rest()) }), ..settings }
            }
        };
        Lnd::new(settings).unwrap().get_info().await.unwrap();
    }
}

#[tokio::test]
async fn wrong_expired_and_narrow_macaroons_are_denied_by_name() {
    let fake = usual().await;
    let expired = fake.admin_macaroon();
    fake.expire(&expired);
    let narrow = fake.bake(&[("info", "read"), ("offchain", "read")]);
    for transport in BOTH {
        for bytes in [vec![2, 3, 4], expired.clone()] {
            let lnd = only_with(&fake, transport, config(&fake, bytes));
            let denied = lnd.get_info().await;
            let Err(Error::Denied { method, permission, .. }) = denied else {
                panic!("{transport}: {denied:?}")
            };
            assert_eq!(method, "/lnrpc.Lightning/GetInfo");
            assert_eq!(permission, Permission::InfoRead);
        }
        // Reading works without the permission to write: a dry run does.
        let lnd = only_with(&fake, transport, config(&fake, narrow.clone()));
        assert_eq!(lnd.list_channels().await.unwrap().len(), 3);
        let denied = lnd.update_channel_policy(&update(0)).await;
        assert!(matches!(denied, Err(Error::Denied { .. })), "{transport}: {denied:?}");
        assert_eq!(fake.with(|node| node.policy(chan_id(0)).fee_rate_milli_msat), 500);
    }
}

#[tokio::test]
async fn no_error_or_debug_text_shows_the_macaroon() {
    let fake = usual().await;
    let secret = [0xc0, 0xff, 0xee].repeat(20);
    let hex = "c0ffee".repeat(20);
    for transport in BOTH {
        let lnd = only_with(&fake, transport, config(&fake, secret.clone()));
        let error = lnd.get_info().await.unwrap_err();
        let shown = format!("{error} {error:?} {lnd:?} {:?}", config(&fake, secret.clone()));
        assert!(!shown.contains(&hex) && !shown.contains("192, 255, 238"), "{shown}");
    }
}

#[tokio::test]
async fn the_audit_tells_least_from_admin_without_asking_the_node() {
    let fake = usual().await;
    let least = Macaroon::from_bytes(fake.least_macaroon()).unwrap().grants().unwrap();
    assert_eq!(least.len(), 14);
    let found = audit(&least);
    assert!(found.missing.is_empty() && found.excess.is_empty(), "{found:?}");

    let admin = only_with(&fake, Transport::Grpc, config(&fake, fake.admin_macaroon()));
    let found = admin.audit().unwrap();
    assert!(found.missing.is_empty());
    assert!(found.excess.contains(&"offchain:write".to_owned()));
    assert!(found.excess.contains(&"macaroon:generate".to_owned()));
    assert!(fake.calls().is_empty());
    let grant = Grant { entity: "uri".into(), action: "/lnrpc.Lightning/SendCoins".into() };
    assert_eq!(audit(&[grant]).excess, ["uri:/lnrpc.Lightning/SendCoins"]);
}

#[tokio::test]
async fn the_node_tells_what_a_macaroon_allows_to_one_that_may_ask() {
    let fake = usual().await;
    let pay = "/lnrpc.Lightning/SendPaymentSync";
    let asking = fake.bake(&[("macaroon", "read"), ("offchain", "read")]);
    for transport in BOTH {
        let admin = only_with(&fake, transport, config(&fake, fake.admin_macaroon()));
        assert_eq!(admin.check_permissions(pay, ("offchain", "write")).await, Ok(true));
        let asking = only_with(&fake, transport, config(&fake, asking.clone()));
        assert_eq!(asking.check_permissions(pay, ("offchain", "write")).await, Ok(false));
        let least = only(&fake, transport).check_permissions(pay, ("offchain", "write")).await;
        assert!(matches!(least, Err(Error::Denied { .. })), "{least:?}");
    }
}

#[tokio::test]
async fn everything_the_client_can_do_stays_on_the_allow_list() {
    let fake = usual().await;
    let allowed: Vec<&str> = allow_list().collect();
    assert!(LEAST.iter().all(|name| allowed.contains(name)) && allowed.len() == 16);
    for transport in BOTH {
        let lnd = only_with(&fake, transport, config(&fake, fake.admin_macaroon()));
        let _ = lnd.state().await.unwrap();
        let _ = lnd.get_info().await.unwrap();
        let _ = lnd.list_channels().await.unwrap();
        let _ = lnd.fee_report().await.unwrap();
        let _ = lnd.get_chan_info(chan_id(0)).await.unwrap();
        let _ = lnd.get_node_info(&PEERS[0].parse().unwrap(), true).await.unwrap();
        let _ = lnd.get_network_info().await.unwrap();
        let _ = lnd.describe_graph().await.unwrap();
        let history = HistoryQuery::between(0, 1_800_000_000);
        let _ = lnd.forwarding_history(history).collect().await.unwrap();
        let _ = lnd.get_transactions(0, -1).await.unwrap();
        let _ = lnd.closed_channels().await.unwrap();
        let _ = lnd.estimate_fee(2).await.unwrap();
        lnd.update_channel_policy(&update(0)).await.unwrap();
        lnd.update_chan_status(&update(0).point, StatusAction::Auto).await.unwrap();
        let _ = lnd.subscribe_htlc_events().await.unwrap();
        let _ = lnd.check_permissions("/x", ("offchain", "read")).await.unwrap();
        let mut seen: Vec<String> = fake.calls().into_iter().map(|call| call.method).collect();
        seen.sort();
        seen.dedup();
        let mut expected: Vec<String> = allowed.iter().map(ToString::to_string).collect();
        expected.sort();
        assert_eq!(seen, expected, "{transport}");
        fake.forget_calls();
    }
}

#[tokio::test]
async fn a_client_needs_an_address_and_uses_the_only_one_it_has() {
    let fake = usual().await;
    let settings = config(&fake, fake.least_macaroon());
    assert!(matches!(Lnd::new(settings), Err(Error::Invalid(_))));
    let settings = Config {
        rest: Some(fake.rest().parse().unwrap()),
        prefer: Prefer::Grpc,
        limits: limits(),
        ..config(&fake, fake.least_macaroon())
    };
    assert_eq!(Lnd::new(settings).unwrap().transport(), Transport::Rest);
}

//! The client against a scripted service.
//!
//! It must never wait longer than the service takes to answer.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use debal_breaker::{Breaker, Error, Limit};
use debal_breaker_fake::{Fake, Fault};

const PEER: &str = "02bb00000000000000000000000000000000000000000000000000000000000002";

#[tokio::test]
async fn limits_are_listed_set_and_cleared() {
    let fake = Fake::start("02aa").await;
    let breaker = Breaker::new(&fake.address()).unwrap();
    assert_eq!(breaker.guarded_node().await.unwrap(), "02aa");
    let limit = Limit { max_hourly_rate: 60, max_pending: 5, mode: 1 };
    breaker.update_limit(PEER, limit).await.unwrap();
    let listed = breaker.list_limits().await.unwrap();
    assert_eq!((listed.own[PEER], listed.own.len()), (limit, 1));
    assert_eq!(listed.default, Limit { max_hourly_rate: 3_600, max_pending: 10, mode: 2 });
    breaker.clear_limit(PEER).await.unwrap();
    assert_eq!(breaker.list_limits().await.unwrap().own.len(), 0);
    let wrong = Limit { mode: 4, ..limit };
    assert!(matches!(breaker.update_limit(PEER, wrong).await, Err(Error::Invalid(_))));
    assert_eq!(
        fake.calls(),
        ["GetInfo", "UpdateLimits", "ListLimits", "ClearLimits", "ListLimits"]
    );
}

#[tokio::test]
async fn refusals_losses_and_absence_are_told_apart() {
    let fake = Fake::start("02aa").await;
    let breaker = Breaker::new(&fake.address()).unwrap();
    fake.fail("UpdateLimits", Fault::Refuse("no such peer"));
    let error = breaker.update_limit(PEER, Limit::default()).await.unwrap_err();
    assert_eq!(error, Error::Refused { code: 2, reason: "no such peer".to_owned() });
    for fault in [Fault::CutBefore, Fault::CutAfter, Fault::Garbage] {
        fake.fail("UpdateLimits", fault);
        let error = breaker.update_limit(PEER, Limit::default()).await.unwrap_err();
        assert!(matches!(error, Error::Ambiguous { .. }), "{fault:?} {error}");
        fake.fail("ListLimits", fault);
        assert!(breaker.list_limits().await.is_err(), "{fault:?}");
    }
    let address = fake.address();
    drop(fake);
    let breaker = Breaker::new(&address).unwrap();
    assert!(matches!(breaker.guarded_node().await, Err(Error::Unavailable { .. })));
}

#[test]
fn addresses_are_read_and_what_is_not_here_is_known() {
    for (address, local) in [
        ("localhost:9235", true),
        ("127.0.0.1:9235", true),
        ("[::1]:9235", true),
        ("10.0.0.5:9235", false),
        ("breaker.example:9235", false),
    ] {
        assert_eq!(Breaker::new(address).unwrap().is_local(), local, "{address}");
    }
    for wrong in ["", "localhost", "localhost:", "localhost:x", ":9", "a b:9", "http://a:9"] {
        assert!(Breaker::new(wrong).is_err(), "{wrong}");
    }
}

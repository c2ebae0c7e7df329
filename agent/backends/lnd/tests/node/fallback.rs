//! The fallback falls back, both ways, and says so.

use crate::writes::update;
use crate::{BOTH, both, config, impatient, limits, other, usual, wire};
use debal_lnd::{Certificate, CertificateProblem, Config, Error, Limits, Lnd, Transport};
use debal_lnd_fake::{Door, Fake, Fault, Sample, Shape, chan_id, sample};
use std::time::Duration;

fn used(fake: &Fake, transport: Transport) -> usize {
    fake.calls().iter().filter(|call| call.wire == wire(transport)).count()
}

#[tokio::test]
async fn a_closed_interface_sends_reads_and_writes_to_the_other_and_back() {
    for first in BOTH {
        let fake = usual().await;
        let second = other(first);
        let lnd = both(&fake, first, limits());
        fake.door(wire(first), Door::Refuse);
        lnd.update_channel_policy(&update(0)).await.unwrap();
        assert_eq!((lnd.transport(), used(&fake, first)), (second, 0));
        let switches = lnd.take_switches();
        assert_eq!(switches.len(), 1);
        assert_eq!((switches[0].from, switches[0].to), (first, second));
        assert!(!switches[0].reason.is_empty());

        // It stays there while that works, even when the first one is back.
        fake.door(wire(first), Door::Open);
        lnd.get_chan_info(chan_id(0)).await.unwrap();
        assert_eq!((used(&fake, first), lnd.take_switches().len()), (0, 0));

        fake.door(wire(second), Door::Refuse);
        lnd.get_chan_info(chan_id(0)).await.unwrap();
        assert_eq!(lnd.transport(), first);
        assert_eq!(lnd.take_switches().len(), 1);
        assert_eq!(used(&fake, first), 1);
    }
}

#[tokio::test]
async fn a_hung_interface_is_left_for_the_other() {
    for first in BOTH {
        let fake = usual().await;
        fake.door(wire(first), Door::Hang);
        let lnd = both(&fake, first, Limits { connect: impatient().connect, ..limits() });
        // On a busy machine the other may need a second try within the short deadline.
        while lnd.get_info().await.is_err() {}
        assert_eq!(used(&fake, first), 0);
        assert_eq!(lnd.transport(), other(first));
    }
}

#[tokio::test]
async fn a_read_that_breaks_on_one_transport_is_answered_by_the_other() {
    for first in BOTH {
        for fault in [Fault::CutBefore, Fault::CutAfter, Fault::Bare500] {
            let fake = usual().await;
            let lnd = both(&fake, first, limits());
            fake.fail("/lnrpc.Lightning/ListChannels", 1, fault);
            assert_eq!(lnd.list_channels().await.unwrap().len(), 3, "{first} {fault:?}");
            assert_eq!(lnd.transport(), other(first), "{first} {fault:?}");
        }
    }
}

#[tokio::test]
async fn the_preferred_transport_is_tried_again_after_a_while() {
    let fake = usual().await;
    let limits = Limits { retry_preferred: Duration::ZERO, ..limits() };
    let lnd = both(&fake, Transport::Grpc, limits);
    fake.fail("/lnrpc.Lightning/GetInfo", 1, Fault::CutBefore);
    lnd.get_info().await.unwrap();
    assert_eq!((used(&fake, Transport::Grpc), used(&fake, Transport::Rest)), (1, 1));
    lnd.get_info().await.unwrap();
    assert_eq!((used(&fake, Transport::Grpc), used(&fake, Transport::Rest)), (2, 1));
}

#[tokio::test]
async fn when_both_are_away_nothing_is_switched() {
    let fake = usual().await;
    for first in BOTH {
        let lnd = both(&fake, first, limits());
        fake.door(wire(Transport::Grpc), Door::Refuse);
        fake.door(wire(Transport::Rest), Door::Refuse);
        assert!(matches!(lnd.get_info().await, Err(Error::Unavailable { .. })));
        assert_eq!((lnd.transport(), lnd.take_switches().len()), (first, 0));
    }
}

#[tokio::test]
async fn a_refused_certificate_on_one_port_falls_back_and_on_both_is_told() {
    for first in BOTH {
        let fake = usual().await;
        let stranger = Fake::start(sample(&Sample::default())).await;
        let stranger_certificate = Certificate::from_pem(stranger.certificate_pem().as_bytes());
        // One interface is somebody else's.
        let (grpc, rest) = match first {
            Transport::Grpc => (stranger.grpc(), fake.rest()),
            Transport::Rest => (fake.grpc(), stranger.rest()),
        };
        let prefer = match first {
            Transport::Grpc => debal_lnd::Prefer::Grpc,
            Transport::Rest => debal_lnd::Prefer::Rest,
        };
        let settings = |own: &Fake| Config {
            grpc: Some(grpc.parse().unwrap()),
            rest: Some(rest.parse().unwrap()),
            prefer,
            ..config(own, fake.least_macaroon())
        };
        let lnd = Lnd::new(settings(&fake)).unwrap();
        lnd.get_info().await.unwrap();
        assert_eq!(lnd.transport(), other(first));
        assert!(lnd.take_switches()[0].reason.contains("not the pinned certificate"));
        assert!(stranger.calls().is_empty(), "the macaroon must not reach a stranger");

        let third = Fake::start_with(sample(&Sample::default()), Shape::default()).await;
        let third = Certificate::from_pem(third.certificate_pem().as_bytes()).unwrap();
        let lnd = Lnd::new(Config { certificate: third, ..settings(&fake) }).unwrap();
        let different = Err(Error::Certificate(CertificateProblem::Different));
        assert_eq!(lnd.get_info().await.map(|_| ()), different);
        assert!(stranger_certificate.is_ok());
    }
}

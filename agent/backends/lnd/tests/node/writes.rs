//! Updates: applied, refused outright, refused per channel, and version by version.

use crate::{BOTH, only, usual, version, wire};
use debal_lnd::{Error, InboundFee, Lnd, NodeKey, PolicyUpdate, ReadBack, Refusal, StatusAction};
use debal_lnd_fake::{Door, Fake, OWN_KEY, chan_id, channel_point};

pub(crate) fn own() -> NodeKey {
    OWN_KEY.parse().unwrap()
}

pub(crate) fn update(index: u64) -> PolicyUpdate {
    PolicyUpdate {
        point: channel_point(index).parse().unwrap(),
        base_fee_msat: 0,
        fee_rate_ppm: 651,
        time_lock_delta: 80,
        min_htlc_msat: None,
        max_htlc_msat: None,
        inbound: None,
    }
}

fn refusal(result: Result<(), Error>) -> Refusal {
    match result {
        Err(Error::Refused { refusal, .. }) => refusal,
        other => panic!("expected a refusal: {other:?}"),
    }
}

async fn assert_untouched(fake: &Fake, lnd: &Lnd, index: u64) {
    let policy = *lnd.get_chan_info(chan_id(index)).await.unwrap().policy_of(&own()).unwrap();
    assert_eq!((policy.base_fee_msat, policy.fee_rate_ppm), (1_000, 500));
    assert!(fake.with(|node| node.policy(chan_id(index)).min_htlc == 1_000));
}

#[tokio::test]
async fn an_update_is_applied_and_read_back() {
    for transport in BOTH {
        let fake = usual().await;
        let lnd = only(&fake, transport);
        let update = PolicyUpdate {
            min_htlc_msat: Some(2_000),
            max_htlc_msat: Some(4_000_000_000),
            inbound: Some(InboundFee { base_msat: -1, rate_ppm: -120 }),
            ..update(0)
        };
        let before = lnd.read_back(chan_id(0), &own(), &update).await.unwrap();
        assert!(matches!(before, ReadBack::Different(Some(policy)) if policy.fee_rate_ppm == 500));
        lnd.update_channel_policy(&update).await.unwrap();
        let after = lnd.read_back(chan_id(0), &own(), &update).await.unwrap();
        assert_eq!(after, ReadBack::Applied);
        fake.with(|node| {
            let policy = node.policy(chan_id(0));
            assert_eq!((policy.fee_base_msat, policy.fee_rate_milli_msat), (0, 651));
            assert_eq!((policy.min_htlc, policy.max_htlc_msat), (2_000, 4_000_000_000));
            assert_eq!(policy.inbound_fee_rate_milli_msat, -120);
        });
        // Only that channel.
        assert_untouched(&fake, &lnd, 1).await;
        assert_untouched(&fake, &lnd, 2).await;
        assert_eq!(fake.count("/lnrpc.Lightning/UpdateChannelPolicy"), 1);
    }
}

#[tokio::test]
async fn what_is_not_named_stays_as_it_was() {
    for transport in BOTH {
        let fake = usual().await;
        fake.with(|node| node.policy(chan_id(0)).inbound_fee_rate_milli_msat = -20);
        let lnd = only(&fake, transport);
        lnd.update_channel_policy(&update(0)).await.unwrap();
        fake.with(|node| {
            let policy = node.policy(chan_id(0));
            assert_eq!((policy.min_htlc, policy.max_htlc_msat), (1_000, 4_950_000_000));
            assert_eq!(policy.inbound_fee_rate_milli_msat, -20);
        });
    }
}

#[tokio::test]
async fn refusals_are_named_and_change_nothing() {
    for transport in BOTH {
        let fake = usual().await;
        let lnd = only(&fake, transport);
        let try_it = async |update: PolicyUpdate| refusal(lnd.update_channel_policy(&update).await);
        let short = PolicyUpdate { time_lock_delta: 17, ..update(0) };
        assert_eq!(try_it(short).await, Refusal::Call);
        let positive = InboundFee { base_msat: 0, rate_ppm: 1 };
        let positive = PolicyUpdate { inbound: Some(positive), ..update(0) };
        assert_eq!(try_it(positive).await, Refusal::PositiveInbound);
        let large = PolicyUpdate { max_htlc_msat: Some(4_950_000_001), ..update(0) };
        assert_eq!(try_it(large).await, Refusal::Parameter);
        let small = PolicyUpdate { min_htlc_msat: Some(0), ..update(0) };
        assert_eq!(try_it(small).await, Refusal::Parameter);
        let crossed =
            PolicyUpdate { min_htlc_msat: Some(5_000), max_htlc_msat: Some(4_000), ..update(0) };
        assert_eq!(try_it(crossed).await, Refusal::Parameter);
        assert_eq!(try_it(update(8)).await, Refusal::Pending);
        assert_eq!(try_it(update(7)).await, Refusal::UnknownChannel);
        let zero = PolicyUpdate { time_lock_delta: 0, ..update(0) };
        let refused = lnd.update_channel_policy(&zero).await;
        assert!(matches!(refused, Err(Error::Invalid(_))));
        assert_untouched(&fake, &lnd, 0).await;
        assert_eq!(fake.count("/lnrpc.Lightning/UpdateChannelPolicy"), 7);
    }
}

#[tokio::test]
async fn positive_inbound_fees_pass_where_the_node_accepts_them() {
    for transport in BOTH {
        let fake = usual().await;
        fake.with(|node| node.accept_positive_inbound = true);
        let inbound = Some(InboundFee { base_msat: 5, rate_ppm: 10 });
        let update = PolicyUpdate { inbound, ..update(0) };
        only(&fake, transport).update_channel_policy(&update).await.unwrap();
        assert_eq!(fake.with(|node| node.policy(chan_id(0)).inbound_fee_base_msat), 5);
    }
}

#[tokio::test]
async fn every_version_gets_the_form_it_understands() {
    let discount = Some(InboundFee { base_msat: 0, rate_ppm: -5 });
    let versions = [
        ("0.12.1-beta", false, false),
        ("0.14.3-beta", true, false),
        ("0.17.5-beta", true, false),
        ("0.18.0-beta", true, true),
        ("0.21.0-beta", true, true),
        ("1.0.0", true, true),
    ];
    for transport in BOTH {
        for (text, status, inbound) in versions {
            let fake = version(text).await;
            let lnd = only(&fake, transport);
            lnd.update_channel_policy(&update(0)).await.unwrap();
            assert_eq!(
                fake.with(|node| node.policy(chan_id(0)).fee_rate_milli_msat),
                651,
                "{text}"
            );

            let discounted = PolicyUpdate { inbound: discount, ..update(1) };
            let result = lnd.update_channel_policy(&discounted).await;
            match result {
                Ok(()) if inbound => {}
                Err(Error::Unsupported { .. }) if !inbound => {}
                other => panic!("{text}: {other:?}"),
            }
            let result = lnd.update_chan_status(&update(0).point, StatusAction::Disable).await;
            match result {
                Ok(()) if status => {}
                Err(Error::Unsupported { .. }) if !status => {}
                other => panic!("{text}: {other:?}"),
            }
            assert_eq!(fake.with(|node| node.policy(chan_id(0)).disabled), status, "{text}");
        }
    }
}

#[tokio::test]
async fn a_shorter_time_lock_is_refused_from_0_21() {
    let fake = version("0.21.0-beta").await;
    for transport in BOTH {
        let lnd = only(&fake, transport);
        let short = PolicyUpdate { time_lock_delta: 23, ..update(0) };
        assert_eq!(refusal(lnd.update_channel_policy(&short).await), Refusal::Call);
    }
}

#[tokio::test]
async fn a_channel_is_disabled_enabled_and_left_to_the_node() {
    for transport in BOTH {
        let fake = usual().await;
        let lnd = only(&fake, transport);
        let set = async |index, action| lnd.update_chan_status(&update(index).point, action).await;
        let disabled = |index| fake.with(|node| node.policy(chan_id(index)).disabled);
        set(0, StatusAction::Disable).await.unwrap();
        assert!(disabled(0));
        set(0, StatusAction::Enable).await.unwrap();
        assert!(!disabled(0));
        assert_eq!(refusal(set(2, StatusAction::Enable).await), Refusal::Call);
        set(2, StatusAction::Auto).await.unwrap();
        assert!(disabled(2));
    }
}

#[tokio::test]
async fn a_second_look_sees_a_change_somebody_else_made() {
    for transport in BOTH {
        let fake = usual().await;
        let lnd = only(&fake, transport);
        lnd.update_channel_policy(&update(0)).await.unwrap();
        fake.with(|node| node.policy(chan_id(0)).fee_rate_milli_msat = 9);
        let seen = lnd.read_back(chan_id(0), &own(), &update(0)).await.unwrap();
        assert!(matches!(seen, ReadBack::Different(Some(policy)) if policy.fee_rate_ppm == 9));
        // The read-back of another channel's id is an error, not an answer.
        let wrong = lnd.read_back(chan_id(1), &own(), &update(0)).await;
        assert!(matches!(wrong, Err(Error::Protocol { .. })));
    }
}

#[tokio::test]
async fn a_node_that_comes_back_as_another_version_is_asked_anew() {
    for transport in BOTH {
        let fake = version("0.17.5-beta").await;
        let lnd = only(&fake, transport);
        let discount = Some(InboundFee { base_msat: 0, rate_ppm: -5 });
        let update = PolicyUpdate { inbound: discount, ..update(0) };
        let refused = lnd.update_channel_policy(&update).await;
        assert!(matches!(refused, Err(Error::Unsupported { .. })), "{refused:?}");
        fake.door(wire(transport), Door::Refuse);
        fake.with(|node| node.version = "0.18.0-beta".to_owned());
        assert!(lnd.list_channels().await.is_err());
        fake.door(wire(transport), Door::Open);
        lnd.update_channel_policy(&update).await.unwrap();
        assert_eq!(fake.with(|node| node.policy(chan_id(0)).inbound_fee_rate_milli_msat), -5);
    }
}

//! Multi-hop payments over co-signed channels.

use super::world::World;
use crate::effect::{Answer, OperatorError};
use crate::event::Event;
use crate::input::{Input, Operator};
use crate::message::{Outcome, Refusal};
use debal_crypto::Secret;

/// A line 0 - 1 - 2 with 1,000,000 msat on the payer's side of each channel.
fn line() -> World {
    let mut world = World::new(3);
    world.open(1, 0, 1, 1_000_000, 2_000_000);
    world.open(2, 1, 2, 1_000_000, 2_000_000);
    world
}

fn outcome(world: &World) -> (Outcome, Option<Refusal>) {
    match world.ended(0).as_slice() {
        [Event::PaymentEnded { outcome, reason, .. }] => (*outcome, *reason),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_payment_moves_the_amount_and_the_forwarder_earns_its_fee() {
    let mut world = line();
    let hash = world.receive(2, 100_000);
    let hops = vec![world.hop(1, 0, 1, 101_010), world.hop(2, 1, 2, 100_000)];
    assert!(matches!(world.ask(0, Operator::SendAlong { hops, hash }), Ok(Answer::Sending(_))));
    assert_eq!(outcome(&world), (Outcome::Committed, None));
    assert_eq!((world.local(0, 1), world.local(1, 1)), (898_990, 1_101_010));
    assert_eq!((world.local(1, 2), world.local(2, 2)), (900_000, 1_100_000));
    world.assert_whole(true);
}

#[test]
fn a_fee_below_the_forwarders_policy_rolls_everything_back() {
    let mut world = line();
    let hash = world.receive(2, 100_000);
    let hops = vec![world.hop(1, 0, 1, 101_009), world.hop(2, 1, 2, 100_000)];
    world.ask(0, Operator::SendAlong { hops, hash }).unwrap();
    assert_eq!(outcome(&world).0, Outcome::RolledBack);
    assert_eq!((world.local(0, 1), world.local(1, 2)), (1_000_000, 1_000_000));
    world.assert_whole(true);
}

#[test]
fn a_recipient_never_gives_its_secret_for_a_smaller_amount() {
    let mut world = line();
    let hash = world.receive(2, 100_001);
    let hops = vec![world.hop(1, 0, 1, 101_010), world.hop(2, 1, 2, 100_000)];
    world.ask(0, Operator::SendAlong { hops, hash }).unwrap();
    assert_eq!(outcome(&world).0, Outcome::RolledBack);
    assert_eq!(world.local(2, 2), 1_000_000);
    world.assert_whole(true);
}

#[test]
fn an_unknown_hash_is_given_back() {
    let mut world = line();
    let hash = Secret::new([9; 32]).lock_hash();
    let hops = vec![world.hop(1, 0, 1, 101_010), world.hop(2, 1, 2, 100_000)];
    world.ask(0, Operator::SendAlong { hops, hash }).unwrap();
    assert_eq!(outcome(&world).0, Outcome::RolledBack);
    world.assert_whole(true);
}

#[test]
fn a_hop_without_funds_is_given_back() {
    let mut world = line();
    let hash = world.receive(2, 1_000_001);
    let hops = vec![world.hop(1, 0, 1, 999_000), world.hop(2, 1, 2, 900_000)];
    world.ask(0, Operator::SendAlong { hops, hash }).unwrap();
    assert_eq!(outcome(&world).0, Outcome::RolledBack);
    let hash = world.receive(0, 1_500_000);
    let hops = vec![world.hop(2, 2, 1, 1_000_000), world.hop(1, 1, 0, 999_999)];
    let refused = world.ask(2, Operator::SendAlong { hops, hash });
    assert!(matches!(refused, Ok(Answer::Sending(_))), "{refused:?}");
    world.assert_whole(true);
}

#[test]
fn the_sender_is_told_what_it_can_send() {
    let mut world = line();
    let hash = world.receive(1, 1_000_001);
    let hops = vec![world.hop(1, 0, 1, 1_000_001)];
    let refused = world.ask(0, Operator::SendAlong { hops, hash });
    let available_msat = crate::Msat(1_000_000);
    assert_eq!(refused, Err(OperatorError::Insufficient { available_msat }));
}

#[test]
fn a_held_payment_waits_for_the_operator_and_can_be_settled_or_cancelled() {
    for settle in [true, false] {
        let mut world = line();
        let secret = Secret::new([5; 32]);
        let request = Operator::PrepareReceive {
            hash: Some(secret.lock_hash()),
            amount_msat: crate::Msat(100_000),
            expires_ms: u64::MAX,
            nonce: 0,
        };
        world.ask(2, request).unwrap();
        let hops = vec![world.hop(1, 0, 1, 101_010), world.hop(2, 1, 2, 100_000)];
        world.ask(0, Operator::SendAlong { hops, hash: secret.lock_hash() }).unwrap();
        assert!(world.ended(0).is_empty());
        let request =
            if settle { Operator::Settle(secret) } else { Operator::Cancel(secret.lock_hash()) };
        world.ask(2, request).unwrap();
        let expected = if settle { Outcome::Committed } else { Outcome::RolledBack };
        assert_eq!(outcome(&world).0, expected);
        world.assert_whole(true);
    }
}

#[test]
fn a_held_payment_that_nobody_decides_is_given_back_before_its_deadline() {
    let mut world = line();
    let secret = Secret::new([5; 32]);
    let request = Operator::PrepareReceive {
        hash: Some(secret.lock_hash()),
        amount_msat: crate::Msat(100_000),
        expires_ms: u64::MAX,
        nonce: 0,
    };
    world.ask(2, request).unwrap();
    let hops = vec![world.hop(1, 0, 1, 101_010), world.hop(2, 1, 2, 100_000)];
    world.ask(0, Operator::SendAlong { hops, hash: secret.lock_hash() }).unwrap();
    world.pass(12_000);
    assert_eq!(outcome(&world).0, Outcome::RolledBack);
    world.assert_whole(true);
}

#[test]
fn many_payments_both_ways_over_one_channel_share_its_states() {
    let mut world = line();
    for round in 0..10 {
        let (from, to) = if round % 2 == 0 { (0, 1) } else { (1, 0) };
        let hash = world.receive(to, 1_000 + round);
        let hops = vec![world.hop(1, from, to, 1_000 + round)];
        world.ask_later(from, Operator::SendAlong { hops, hash });
    }
    world.run();
    assert_eq!(world.local(0, 1), 1_000_000 - 5_020 + 5_025);
    world.assert_whole(true);
}

#[test]
fn a_payment_survives_a_crash_of_any_party_after_any_delivery() {
    let deliveries = {
        let mut world = start_payment();
        let mut count = 0;
        while world.deliver_one() {
            count += 1;
        }
        count
    };
    for victim in 0..3 {
        for after in 0..=deliveries {
            for pause_ms in [500, 60_000] {
                let mut world = start_payment();
                for _ in 0..after {
                    world.deliver_one();
                }
                world.crash(victim);
                world.pass(pause_ms);
                world.restart(victim);
                world.pass(120_000);
                world.assert_whole(true);
            }
        }
    }
}

fn start_payment() -> World {
    let mut world = line();
    let hash = world.receive(2, 100_000);
    let hops = vec![world.hop(1, 0, 1, 101_010), world.hop(2, 1, 2, 100_000)];
    world.ask_later(0, Operator::SendAlong { hops, hash });
    world
}

#[test]
fn a_claim_that_overtakes_its_counter_signature_needs_no_second_showing() {
    let mut world = line();
    let hash = world.receive(1, 1_000);
    let hops = vec![world.hop(1, 0, 1, 1_000)];
    world.ask_later(0, Operator::SendAlong { hops, hash });
    // Node 0 is the low end and payer: it proposes; node 1 counter-signs and claims at once.
    world.deliver_one();
    world.swap_next_two();
    world.run();
    assert_eq!(outcome(&world), (Outcome::Committed, None));
    world.assert_whole(true);
}

#[test]
fn a_node_rebuilt_from_a_snapshot_in_mid_payment_is_the_node_and_finishes_it() {
    for cut in 0..24 {
        let mut world = start_payment();
        for _ in 0..cut {
            world.deliver_one();
        }
        for index in 0..world.hosts.len() {
            let snapshot = world.hosts[index].node.snapshot();
            world.hosts[index].journal = vec![snapshot];
        }
        for index in 0..world.hosts.len() {
            world.crash(index);
        }
        for index in 0..world.hosts.len() {
            world.restart(index);
        }
        world.pass(400_000);
        world.assert_whole(true);
    }
}

#[test]
fn with_little_journal_space_nothing_new_begins_and_open_work_ends() {
    let mut world = start_payment();
    world.input(0, Input::JournalSpace { low: true });
    let hash = world.receive(2, 1_000);
    let hops = vec![world.hop(1, 0, 1, 2_000), world.hop(2, 1, 2, 1_000)];
    let refused = world.ask(0, Operator::SendAlong { hops: hops.clone(), hash });
    assert_eq!(refused, Err(OperatorError::Refused(Refusal::Space)));
    world.run();
    assert_eq!(outcome(&world).0, Outcome::Committed);
    world.input(0, Input::JournalSpace { low: false });
    assert!(world.ask(0, Operator::SendAlong { hops, hash }).is_ok());
    world.assert_whole(true);
}

#[test]
fn a_lock_that_would_last_for_ever_is_not_paid_on_but_given_back() {
    let mut world = line();
    let hash = world.receive(2, 100_000);
    let hops = vec![world.hop(1, 0, 1, 101_010), world.hop(2, 1, 2, 100_000)];
    world.hosts[0].node.config.deadlines.last_hop_ms = 86_400_000;
    assert!(matches!(world.ask(0, Operator::SendAlong { hops, hash }), Ok(Answer::Sending(_))));
    assert_eq!(outcome(&world).0, Outcome::RolledBack);
    assert_eq!((world.local(0, 1), world.local(1, 2)), (1_000_000, 1_000_000));
    world.assert_whole(true);
}

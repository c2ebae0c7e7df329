//! Small networks: honest, lossy, lying, stalled, split, healed.

use super::suite::FastSuite;
use super::world::{EPOCH_MS, Packet, World};
use crate::election::{Endorse, Endorsement};
use crate::ids::Epoch;
use crate::message::Message;
use crate::roster::JOIN_DELAY_EPOCHS;
use debal_crypto::Suite;

#[test]
fn honest_members_certify_one_leader_every_epoch_in_round_zero() {
    let mut world = World::new(&[1, 1, 1, 1, 1, 1, 1], 1);
    for epoch in 1..=12 {
        world.run_epoch(epoch);
        let tip = world.agreed();
        assert_eq!((tip.epoch, tip.round), (Epoch(epoch), 0));
    }
    for host in &world.hosts {
        assert_eq!(host.certified.len(), 12);
        assert!(host.skipped.is_empty() && host.accused.is_empty());
    }
    world.check_single_certificates();
}

#[test]
fn no_leader_repeats_within_its_cool_down() {
    let mut world = World::new(&[1, 1, 1, 1, 1, 1, 1], 2);
    world.run_epoch(40);
    let leaders: Vec<_> = world.hosts[0].certified.iter().map(|(_, _, leader)| *leader).collect();
    assert_eq!(leaders.len(), 40);
    for window in leaders.windows(4) {
        assert!(!window[1..].contains(&window[0]), "{window:?}");
    }
}

#[test]
fn one_two_and_three_members_elect_by_majority() {
    for members in 1..=3 {
        let mut world = World::new(&vec![5; members], members as u64);
        world.run_epoch(5);
        assert_eq!(world.agreed().epoch, Epoch(5));
        let active = world.hosts[0].election.roster(Epoch(5));
        assert!(active.crash_faults_only());
    }
    // Two of three go on without the third.
    let mut world = World::new(&[5, 5, 5], 9);
    world.crash(2);
    world.run_epoch(5);
    assert_eq!(world.agreed().epoch, Epoch(5));
}

#[test]
fn losing_a_tenth_of_all_messages_costs_rounds_and_not_agreement() {
    for seed in 0..10 {
        let mut world = World::new(&[1; 9], seed);
        world.loss_percent = 10;
        world.run_epoch(20);
        world.loss_percent = 0;
        world.run_epoch(22);
        assert_eq!(world.agreed().epoch, Epoch(22));
        world.check_single_certificates();
        let certified = world.hosts[0].certified.iter().filter(|(_, round, _)| *round == 0).count();
        assert!(certified >= 16, "seed {seed}: {certified} of 22 in round 0");
    }
}

#[test]
fn a_withheld_claim_costs_its_author_the_turn_and_nothing_else() {
    let mut world = World::new(&[1; 7], 3);
    world.tamper = Box::new(|_, from, _, packet| {
        let withheld = from == 0 && matches!(packet, Packet::Said(Message::Claim(_)));
        (!withheld).then(|| packet.clone())
    });
    world.run_epoch(20);
    assert_eq!(world.agreed().epoch, Epoch(20));
    let first = world.node(0);
    let led = world.hosts[1].certified.iter().filter(|(_, _, leader)| *leader == first).count();
    assert_eq!(led, 0);
    assert!(world.hosts[1].certified.iter().all(|(_, round, _)| *round <= 1));
}

#[test]
fn an_endorser_that_splits_its_vote_never_makes_two_certificates() {
    let mut world = World::new(&[1; 7], 4);
    // Member 0 votes for one claim towards even hosts and for another towards odd ones.
    let mut other = std::collections::BTreeMap::new();
    world.tamper = Box::new(move |_, from, to, packet| {
        if let Packet::Said(Message::Claim(claim)) = packet {
            other.insert((claim.epoch, claim.node), claim.clone());
        }
        let Packet::Said(Message::Endorse(said)) = packet else { return Some(packet.clone()) };
        if from != 0 || to % 2 == 0 || said.endorsement.epoch != Epoch(3) {
            return Some(packet.clone());
        }
        let claims = other.values().filter(|claim| claim.epoch == Epoch(3));
        let claim = claims.into_iter().find(|claim| claim.node != said.claim.node)?.clone();
        let network = super::network_id();
        let digest = claim.digest(&network);
        let round = said.endorsement.round;
        let suite = FastSuite::new(1);
        let endorsement = Endorsement::make(&suite, &network, Epoch(3), round, digest);
        assert_eq!(endorsement.node, suite.node());
        Some(Packet::Said(Message::Endorse(Endorse { claim, endorsement })))
    });
    world.run_epoch(3);
    world.check_single_certificates();
    assert_eq!(world.agreed().epoch, Epoch(3));
    world.run_epoch(6);
    assert_eq!(world.agreed().epoch, Epoch(6));
    world.check_single_certificates();
}

#[test]
fn two_votes_of_one_round_are_evidence_that_reaches_everyone() {
    let mut world = World::new(&[1; 7], 4);
    let first = world.node(0);
    let mut claims = Vec::new();
    let network = super::network_id();
    world.run_until(3 * EPOCH_MS + 499);
    for at in 0..7 {
        let pooled = world.durable(at).claimed.clone().unwrap();
        claims.extend(Some(pooled).filter(|claim| claim.epoch == Epoch(3)));
    }
    for claim in claims.iter().take(2) {
        let digest = claim.digest(&network);
        let vote = Endorsement::make(&FastSuite::new(1), &network, Epoch(3), 3, digest);
        let endorse = Endorse { claim: claim.clone(), endorsement: vote };
        world.post(0, 5, Packet::Said(Message::Endorse(endorse)));
    }
    world.run_epoch(3);
    for host in &world.hosts[1..] {
        assert_eq!(host.accused.iter().copied().collect::<Vec<_>>(), [first]);
        assert!(host.election.quarantined(&first, Epoch(3)));
    }
    // Weight 0 in everyone's eyes: nobody votes for it, the chain goes on.
    world.run_epoch(20);
    assert_eq!(world.agreed().epoch, Epoch(20));
    let led = world.hosts[3]
        .certified
        .iter()
        .filter(|(epoch, _, leader)| *leader == first && *epoch > Epoch(3));
    assert_eq!(led.count(), 0);
}

#[test]
fn a_stalled_leader_costs_one_round() {
    let mut world = World::new(&[1; 7], 5);
    for at in 0..3 {
        world.hosts[at].stalls = true;
    }
    world.run_epoch(20);
    assert_eq!(world.agreed().epoch, Epoch(20));
    world.check_single_certificates();
    let stalled: Vec<_> = (0..3).map(|at| world.node(at)).collect();
    for epoch in 1..=20 {
        let rounds: Vec<_> =
            world.hosts[6].certified.iter().filter(|known| known.0 == Epoch(epoch)).collect();
        let (last, before) = rounds.split_last().unwrap();
        assert!(!stalled.contains(&last.2), "epoch {epoch} ended with a stalled leader");
        assert!(before.iter().all(|known| stalled.contains(&known.2)));
        assert!(rounds.iter().enumerate().all(|(at, known)| known.1 == at as u8));
        // The turn counts: the record is the stalled leader's.
        let led = world.hosts[6].election.leader_of(Epoch(epoch));
        assert!(epoch < 20 || led == Some((last.2, last.1)));
    }
}

#[test]
fn a_claim_shown_to_half_the_members_at_the_last_instant_is_elected_a_round_later_at_worst() {
    for seed in 0..10 {
        let mut world = World::new(&[1, 1, 1, 1, 1_000_000, 1, 1], seed);
        // The heavy member always comes first; its claim reaches half of the others, just in time.
        world.tamper = Box::new(|now_ms, from, to, packet| {
            let claim = matches!(packet, Packet::Said(Message::Claim(_)));
            let shown = from != 4 || to < 3 || now_ms % EPOCH_MS > 400;
            (!claim || shown).then(|| packet.clone())
        });
        world.run_epoch(8);
        assert_eq!(world.agreed().epoch, Epoch(8));
        world.check_single_certificates();
    }
}

#[test]
fn halves_that_were_split_agree_on_one_chain_within_two_epochs_of_the_heal() {
    for seed in 0..10 {
        let mut world = World::new(&[1; 8], seed);
        // Loss first, so that the halves start from different knowledge now and then.
        world.loss_percent = 15;
        world.run_epoch(4);
        world.loss_percent = 0;
        world.tamper = Box::new(|_, from, to, packet| (from % 2 == to % 2).then(|| packet.clone()));
        world.run_epoch(9);
        let ends: Vec<_> = world.tips().iter().map(|tip| tip.epoch).collect();
        assert!(ends.iter().all(|epoch| *epoch <= Epoch(5)), "{ends:?}");
        world.tamper = Box::new(|_, _, _, packet| Some(packet.clone()));
        world.run_epoch(11);
        assert_eq!(world.agreed().epoch, Epoch(11));
        world.check_single_certificates();
    }
}

#[test]
fn a_minority_that_was_cut_off_follows_the_chain_of_the_majority() {
    let mut world = World::new(&[1; 7], 8);
    world.run_epoch(2);
    world.tamper = Box::new(|_, from, to, packet| ((from < 5) == (to < 5)).then(|| packet.clone()));
    world.run_epoch(12);
    assert_eq!(world.hosts[0].election.tip().epoch, Epoch(12));
    assert_eq!(world.hosts[6].election.tip().epoch, Epoch(2));
    assert!(world.hosts[6].skipped.len() >= 9);
    world.tamper = Box::new(|_, _, _, packet| Some(packet.clone()));
    world.run_epoch(14);
    assert_eq!(world.agreed().epoch, Epoch(14));
}

#[test]
fn a_member_that_slept_through_a_join_still_finds_back() {
    let mut world = World::new(&[1; 7], 8);
    world.run_epoch(1);
    world.crash(6);
    let newcomer = world.add_host();
    let binding = world.hosts[newcomer].suite.binding(&super::network_id());
    let effects = world.call(0, |election, context| election.propose_join(context, binding, 1));
    world.perform(0, effects.unwrap());
    world.run_epoch(25);
    world.restart(6);
    world.run_epoch(27);
    assert_eq!(world.agreed().epoch, Epoch(27));
    assert_eq!(world.agreed().roster.members.len(), 8);
}

#[test]
fn a_newcomer_acts_exactly_eight_epochs_after_its_record_and_a_leaver_stops_at_the_next() {
    let mut world = World::new(&[3, 3, 3, 3, 3], 6);
    world.run_epoch(1);
    let newcomer = world.add_host();
    let node = world.node(newcomer);
    let binding = world.hosts[newcomer].suite.binding(&super::network_id());
    let effects = world.call(0, |election, context| election.propose_join(context, binding, 9));
    world.perform(0, effects.unwrap());
    world.run_epoch(2);
    // The record of epoch 2 carries the join; its weight is clipped to the sponsor's.
    let acts = Epoch(2 + JOIN_DELAY_EPOCHS);
    let roster = &world.agreed().roster;
    assert_eq!(roster.at(acts.minus(1)).weight_of(&node), 0);
    assert_eq!(roster.at(acts).weight_of(&node), 3);
    assert_ne!(roster.roster_digest(acts.minus(1)), roster.roster_digest(acts));
    world.run_epoch(acts.0 - 1);
    assert!(world.durable(newcomer).claimed.is_none());
    world.run_epoch(acts.0);
    assert_eq!(world.durable(newcomer).claimed.as_ref().map(|claim| claim.epoch), Some(acts));
    assert_eq!(world.agreed().epoch, acts);
    let leave = world.call(1, |election, context| election.propose_leave(context));
    world.perform(1, leave.unwrap());
    world.run_epoch(acts.0 + 1);
    assert!(world.agreed().roster.at(acts.plus(1)).get(&world.node(1)).is_some());
    assert!(world.agreed().roster.at(acts.plus(2)).get(&world.node(1)).is_none());
    world.run_epoch(acts.0 + 4);
    assert_eq!(world.agreed().epoch, acts.plus(4));
    assert_eq!(world.agreed().roster.members.len(), 5);
    assert!(world.hosts.iter().all(|host| host.accused.is_empty()));
}

#[test]
fn when_every_round_fails_the_epoch_is_skipped_and_the_seed_moves_on() {
    let mut world = World::new(&[1; 5], 7);
    world.run_epoch(2);
    world.tamper = Box::new(|now_ms, _, _, packet| {
        let dark = (3 * EPOCH_MS..5 * EPOCH_MS).contains(&now_ms);
        (!dark).then(|| packet.clone())
    });
    let before = world.agreed().clone();
    world.run_epoch(5);
    for host in &world.hosts {
        assert_eq!(host.skipped, [Epoch(3), Epoch(4)]);
    }
    let after = world.agreed();
    assert_eq!((after.epoch, after.round), (Epoch(5), 0));
    let seeds: Vec<_> = (3..=6).map(|e| before.view(Epoch(e)).unwrap().seed(None)).collect();
    assert!(seeds.windows(2).all(|pair| pair[0] != pair[1]));
}

#[test]
fn a_hundred_members_agree_after_a_heal() {
    let mut world = World::new(&[1; 100], 11);
    world.loss_percent = 5;
    world.run_epoch(2);
    world.tamper = Box::new(|_, from, to, packet| (from % 3 == to % 3).then(|| packet.clone()));
    world.run_epoch(4);
    world.tamper = Box::new(|_, _, _, packet| Some(packet.clone()));
    world.loss_percent = 0;
    world.run_epoch(6);
    assert_eq!(world.agreed().epoch, Epoch(6));
    world.check_single_certificates();
}

#[test]
fn clocks_that_differ_by_less_than_a_round_cost_nothing() {
    for seed in 0..5 {
        let mut world = World::new(&[1; 7], 20 + seed);
        for at in 0..7 {
            world.set_clock(at, at as i64 * 60 - 180);
        }
        world.run_epoch(15);
        assert_eq!(world.agreed().epoch, Epoch(15));
        world.check_single_certificates();
        assert!(world.hosts[3].certified.iter().all(|(_, round, _)| *round == 0));
        assert!(world.hosts.iter().all(|host| host.accused.is_empty()));
    }
}

#[test]
fn a_clock_that_jumps_two_epochs_ahead_and_back_hurts_only_its_owner() {
    for seed in 0..5 {
        let mut world = World::new(&[1; 7], 30 + seed);
        world.run_epoch(3);
        world.set_clock(2, 2 * EPOCH_MS as i64 - 9_510);
        world.run_epoch(5);
        world.set_clock(2, 0);
        world.set_clock(4, -2 * EPOCH_MS as i64 + 300);
        world.run_epoch(8);
        world.set_clock(4, 0);
        world.run_epoch(12);
        assert_eq!(world.agreed().epoch, Epoch(12));
        world.check_single_certificates();
        assert!(world.hosts.iter().all(|host| host.accused.is_empty()));
        let led: Vec<_> = world.hosts[0].certified.iter().map(|known| known.0).collect();
        assert_eq!(led, (1..=12).map(Epoch).collect::<Vec<_>>());
    }
}

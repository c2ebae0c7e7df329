//! Cycles of a plan: consent, Go, locks forward, claims backward.

use super::world::World;
use crate::event::Event;
use crate::input::Operator;
use crate::message::{Outcome, Refusal};
use crate::plan::{CyclePlan, Hop, LeaderPlan};

/// A ring in which each node has too much towards the next: channel i between i and i+1.
fn ring(count: usize) -> World {
    let mut world = World::new(count);
    for index in 0..count {
        let next = (index + 1) % count;
        world.open(index as u64 + 1, index, next, 900_000, 1_000_000);
    }
    world
}

fn lead(world: &mut World, amount: u64) {
    let hops = ring_hops(world, amount);
    world.lead(hops);
}

fn ring_hops(world: &World, amount: u64) -> Vec<Hop> {
    let count = world.hosts.len();
    let hop = |index| world.hop(index as u64 + 1, index, (index + 1) % count, amount);
    (0..count).map(hop).collect()
}

/// A ring of three whose leader has just published a plan; nothing of it is delivered yet.
fn led_ring() -> World {
    let mut world = ring(3);
    lead(&mut world, 300_000);
    world
}

fn ends(world: &World) -> Vec<Outcome> {
    let events = world.hosts.iter().flat_map(|host| &host.events);
    let ends = events.filter_map(|event| match event {
        Event::CycleEnded { outcome, .. } => Some(*outcome),
        _ => None,
    });
    ends.collect()
}

fn balances(world: &World) -> Vec<u64> {
    (0..world.hosts.len()).map(|index| world.local(index, index as u64 + 1)).collect()
}

#[test]
fn a_ring_commits_and_moves_the_amount_on_every_hop() {
    for count in 3..=6 {
        let mut world = ring(count);
        lead(&mut world, 300_000);
        world.run();
        assert_eq!(ends(&world), [Outcome::Committed]);
        assert_eq!(balances(&world), vec![600_000; count]);
        world.assert_whole(true);
    }
}

#[test]
fn a_ring_of_two_over_parallel_channels_commits() {
    let mut world = World::new(2);
    world.open(1, 0, 1, 900_000, 1_000_000);
    world.open(2, 1, 0, 900_000, 1_000_000);
    let hops = vec![world.hop(1, 0, 1, 200_000), world.hop(2, 1, 0, 200_000)];
    world.lead(hops);
    world.run();
    assert_eq!((world.local(0, 1), world.local(1, 2)), (700_000, 700_000));
    world.assert_whole(true);
}

#[test]
fn both_hops_towards_one_counterparty_count_as_one_exposure() {
    // The test worlds' cap is 15,000,000,000 msat: each hop alone is below it.
    let mut world = World::new(2);
    world.open(1, 0, 1, 60_000_000_000, 60_000_000_000);
    world.open(2, 1, 0, 60_000_000_000, 60_000_000_000);
    for (amount, left) in [(8_000_000_000, 60_000_000_000), (7_000_000_000, 53_000_000_000)] {
        let hops = vec![world.hop(1, 0, 1, amount), world.hop(2, 1, 0, amount)];
        world.lead(hops);
        world.pass(20_000);
        assert_eq!(world.local(0, 1), left);
    }
    world.assert_whole(true);
}

#[test]
fn one_refusal_leaves_every_balance_as_it_was() {
    let mut world = ring(4);
    world.ask(2, Operator::SetRebalancing(false)).unwrap();
    lead(&mut world, 300_000);
    world.run();
    assert_eq!(ends(&world), []);
    assert_eq!(balances(&world), [900_000; 4]);
    let mut events = world.hosts.iter().flat_map(|host| &host.events);
    let refused = events.any(|event| {
        matches!(event, Event::CycleRefused { reason: Refusal::Disabled, node: Some(_), .. })
    });
    assert!(refused);
    world.pass(10_000);
    world.assert_whole(true);
}

#[test]
fn a_cycle_over_the_offer_is_refused_by_the_party_it_would_hurt() {
    let mut world = ring(3);
    lead(&mut world, 400_001);
    world.run();
    assert_eq!(balances(&world), [900_000; 3]);
    world.pass(10_000);
    world.assert_whole(true);
}

#[test]
fn a_leader_that_stays_silent_after_the_consents_costs_nothing() {
    let mut world = ring(3);
    let leader = world.elect();
    // Consents to the leader are lost: no Go, reservations lapse.
    world.cut.extend((0..3).map(|other| (other, leader)));
    world.publish(ring_hops(&world, 300_000));
    world.pass(20_000);
    assert_eq!(balances(&world), [900_000; 3]);
    world.assert_whole(true);
}

#[test]
fn a_ring_cut_anywhere_rolls_back_or_commits_whole_after_healing() {
    for (from, to) in [(0, 1), (1, 0), (1, 2), (2, 1), (2, 0), (0, 2)] {
        for after in (0..60).step_by(3) {
            let mut world = led_ring();
            for _ in 0..after {
                world.deliver_one();
            }
            world.cut.insert((from, to));
            world.pass(60_000);
            world.cut.clear();
            world.pass(60_000);
            world.assert_whole(true);
            let whole = balances(&world);
            assert!(whole == [900_000; 3] || whole == [600_000; 3], "{whole:?}");
        }
    }
}

#[test]
fn a_ring_survives_a_crash_of_any_party_after_any_delivery() {
    for victim in 0..3 {
        for (after, pause_ms) in (0..80).step_by(2).flat_map(|n| [(n, 500), (n + 1, 60_000)]) {
            {
                let mut world = led_ring();
                for _ in 0..after {
                    world.deliver_one();
                }
                world.crash(victim);
                world.pass(pause_ms);
                world.restart(victim);
                world.pass(120_000);
                world.assert_whole(true);
                let whole = balances(&world);
                assert!(whole == [900_000; 3] || whole == [600_000; 3], "{whole:?}");
            }
        }
    }
}

#[test]
fn a_leader_that_publishes_two_plans_is_accused_and_no_channel_locks_twice() {
    let mut world = ring(3);
    let leader = world.elect();
    let hops = ring_hops(&world, 300_000);
    let others = [(leader + 1) % 3, (leader + 2) % 3];
    // The first plan reaches one member only, the second the other.
    let twin = world.clone_leader_plan(leader, ring_hops(&world, 200_000));
    world.publish(hops);
    for other in others {
        world.inject(other, crate::message::Travel::Plans, &twin);
    }
    world.pass(60_000);
    let accused = |index: usize| {
        let mut events = world.hosts[index].events.iter();
        events.any(|event| matches!(event, Event::Accused { .. }))
    };
    assert!(accused(others[0]) && accused(others[1]));
    world.assert_whole(true);
    let whole = balances(&world);
    assert!(whole == [900_000; 3] || whole == [600_000; 3], "{whole:?}");
}

#[test]
fn a_member_that_publishes_two_summaries_of_one_number_is_accused_by_whoever_has_both() {
    let mut world = ring(3);
    world.pass(5_000);
    let twin = world.clone_summary(1);
    world.inject(2, crate::message::Travel::Summaries, &twin);
    world.pass(1_000);
    for host in &world.hosts[..3] {
        let accused = |event: &Event| match event {
            Event::Accused { node, what } => Some((*node, *what)),
            _ => None,
        };
        let found: Vec<_> = host.events.iter().filter_map(accused).collect();
        // The accused hears of it too.
        assert_eq!(found, [(world.hosts[1].node.config.node, "envelopes")]);
    }
    // The same pair once more proves nothing new.
    let before = world.hosts[2].events.len();
    world.inject(2, crate::message::Travel::Summaries, &twin);
    let again = &world.hosts[2].events[before..];
    assert!(!again.iter().any(|event| matches!(event, Event::Accused { .. })), "{again:?}");
}

#[test]
fn a_leader_that_restarts_publishes_no_second_plan() {
    let mut world = ring(3);
    let leader = world.elect();
    let certificate = world.leader_certificate();
    let hops = ring_hops(&world, 300_000);
    world.publish(hops);
    world.crash(leader);
    world.restart(leader);
    // The votes that certified it arrive once more.
    assert!(!world.certify_again(leader, certificate));
    world.assert_whole(false);
}

#[test]
fn a_plan_on_an_unknown_tip_is_taken_up_when_the_tip_is_shown() {
    let mut world = ring(4);
    // Node 3 hears nothing of the first epoch, so it lacks the record the second one builds on.
    let links = |cut: bool, world: &mut World| {
        for other in 0..3 {
            for link in [(other, 3), (3, other)] {
                if cut {
                    world.cut.insert(link)
                } else {
                    world.cut.remove(&link)
                };
            }
        }
    };
    links(true, &mut world);
    let hops = ring_hops(&world, 300_000);
    world.lead(hops);
    world.run();
    world.elect();
    links(false, &mut world);
    let hops = ring_hops(&world, 300_000);
    world.publish(hops);
    world.run();
    assert_eq!(ends(&world), [Outcome::Committed]);
    assert_eq!(balances(&world), [600_000; 4]);
    world.assert_whole(true);
}

#[test]
fn a_proof_states_all_cycles_of_its_plan_or_the_plan_is_empty_and_worth_nothing() {
    for broken in [false, true] {
        let mut world = ring(3);
        world.elect();
        let mut hops = ring_hops(&world, 300_000);
        let whole = CyclePlan { hops: hops.clone().try_into().unwrap() };
        hops.pop();
        let open = CyclePlan { hops: hops.try_into().unwrap() };
        let second = if broken { open } else { whole.clone() };
        let (cycles, potentials) = (vec![whole, second], vec![(world.id(0), 4)]);
        let plan = world.publish_made(LeaderPlan { cycles, potentials, value: 5, bound: 9 });
        let (count, value) = if broken { (0, 0) } else { (2, 5) };
        assert_eq!((plan.cycles.len(), plan.proof.value, plan.proof.bound), (count, value, 9));
        let prices: Vec<_> = plan.proof.prices.iter().map(|p| (p.node, p.potential_ppm)).collect();
        let mut expected: Vec<_> =
            (0..3).map(|i| (world.id(i), if i == 0 { 4 } else { 0 })).collect();
        expected.sort_unstable();
        assert_eq!(prices, expected);
    }
}

//! What the agent works out for a channel end, and no way there and back between two channels.

use super::world::World;
use crate::amount::Msat;
use crate::effect::OperatorError;
use crate::event::Event;
use crate::ids::ChannelId;
use crate::input::Operator;
use crate::message::Refusal;
use crate::plan::Hop;
use crate::steer::{Depletion, Steer};

const STEER: Steer = Steer {
    target_ppm: 500_000,
    lend_band_ppm: 200_000,
    dead_band_ppm: 50_000,
    price_ppm: 0,
    fee_max_ppm: 1_000,
    urgency: None,
    forecast: None,
};

/// A triangle: channel i between i and i+1, `local` of a million on the side of i.
fn triangle(local: u64) -> World {
    let mut world = World::new(3);
    for index in 0..3 {
        world.open(index as u64 + 1, index, (index + 1) % 3, local, 1_000_000);
    }
    world
}

fn around(world: &World, amounts: [u64; 3]) -> Vec<Hop> {
    let hop = |index| world.hop(index as u64 + 1, index, (index + 1) % 3, amounts[index]);
    (0..3).map(hop).collect()
}

fn back(world: &World, amount: u64) -> Vec<Hop> {
    let hop = |index: usize| world.hop(index as u64 + 1, (index + 1) % 3, index, amount);
    [2, 1, 0].into_iter().map(hop).collect()
}

fn steer(world: &mut World, index: usize, channel: u64, steer: Steer) {
    let request = Operator::Steer { channel: ChannelId(channel), steer: Some(steer) };
    world.ask(index, request).unwrap();
}

fn refusals(world: &World) -> Vec<Refusal> {
    let events = world.hosts.iter().flat_map(|host| &host.events);
    let refused = events.filter_map(|event| match event {
        Event::CycleRefused { reason, node: Some(_), .. } => Some(*reason),
        _ => None,
    });
    refused.collect()
}

fn balances(world: &World) -> [u64; 3] {
    [0, 1, 2].map(|index| world.local(index, index as u64 + 1))
}

#[test]
fn what_a_cycle_moved_is_not_moved_straight_back_even_by_a_node_that_restarted() {
    let mut world = triangle(900_000);
    let there = around(&world, [300_000; 3]);
    world.lead(there);
    world.run();
    assert_eq!(balances(&world), [600_000; 3]);
    for index in 0..3 {
        world.crash(index);
        world.restart(index);
    }
    world.run();
    world.elect();
    let again = back(&world, 50_000);
    world.publish(again);
    world.pass(20_000);
    assert_eq!(balances(&world), [600_000; 3]);
    assert!(!refusals(&world).is_empty());
    assert!(refusals(&world).iter().all(|reason| *reason == Refusal::CoolDown));
    world.pass(1_500_000);
    let again = back(&world, 50_000);
    world.lead(again);
    world.pass(20_000);
    assert_eq!(balances(&world), [650_000; 3]);
    world.assert_whole(true);
}

#[test]
fn a_lender_asks_the_price_of_the_very_channel_it_lends() {
    // Node 0 gains and pays; node 1 lends channels 1 and 2 and asks 500 ppm for the second.
    for (amounts, left) in [([100_000; 3], 500_000), ([100_000, 99_950, 99_950], 400_050)] {
        let mut world = triangle(500_000);
        steer(&mut world, 0, 1, Steer { target_ppm: 400_000, ..STEER });
        steer(&mut world, 1, 2, Steer { price_ppm: 500, ..STEER });
        let hops = around(&world, amounts);
        world.lead(hops);
        world.pass(20_000);
        assert_eq!(world.local(1, 2), left, "amounts {amounts:?}");
    }
}

#[test]
fn a_cycle_may_cost_what_it_is_worth_to_this_end_and_no_more() {
    for (fee_max_ppm, left) in [(400, 900_000), (600, 600_000)] {
        let mut world = triangle(900_000);
        for channel in [1, 3] {
            steer(&mut world, 0, channel, Steer { fee_max_ppm: fee_max_ppm / 2, ..STEER });
        }
        // Node 0 pays 150 msat on 300,000: 500 ppm.
        let hops = around(&world, [300_000, 299_850, 299_850]);
        world.lead(hops);
        world.pass(20_000);
        assert_eq!(world.local(0, 1), left, "at most {fee_max_ppm} ppm");
    }
}

#[test]
fn a_steered_target_forecast_and_urgency_show_in_what_the_end_wants() {
    let mut world = triangle(500_000);
    let why = |world: &World| world.hosts[0].node.why(ChannelId(1), world.now).unwrap();
    assert_eq!((why(&world).want, why(&world).urgency), ("nothing", 0));
    let wants = Steer {
        target_ppm: 800_000,
        urgency: Some(77),
        forecast: Some(Depletion::InMs(60_000)),
        ..STEER
    };
    steer(&mut world, 0, 1, wants);
    let told = why(&world);
    assert_eq!((told.want, told.urgency), ("receive", 77));
    assert_eq!(told.channel.depletion_ms, Some(60_000));
    // Buckets of 1,000,000 / 2^8: 300,000 becomes 76 of them.
    assert_eq!(told.receive_msat, Msat(76 * 3_906));
    assert_eq!(world.hosts[0].node.status(world.now).request, "tau");
    let request = Operator::Steer { channel: ChannelId(1), steer: None };
    world.ask(0, request).unwrap();
    assert_eq!(why(&world).want, "nothing");
    let stranger = Operator::Steer { channel: ChannelId(9), steer: None };
    assert_eq!(world.ask(0, stranger), Err(OperatorError::NoChannel(ChannelId(9))));
}

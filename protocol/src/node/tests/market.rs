//! Price rounds: who quotes what to whom and when, what of it is believed, and what becomes public.
//!
//! The rule counts instead of weighing: these tests are about the exchange, not about prices.

use super::world::World;
use crate::amount::Msat;
use crate::bounded::Bounded;
use crate::event::Event;
use crate::ids::{ChannelId, Epoch};
use crate::input::Operator;
use crate::limits::{QUOTE_CHANNELS_MAX, QUOTE_ROUNDS_MAX};
use crate::market::{Agreed, Market, PlanMode, Potential, PriceRule, Quote, QuotedEnd};
use crate::message::{Message, Outcome, Travel};
use crate::plan::{CyclePlan, LeaderPlan};
use crate::steer::Steer;
use crate::summary::{ChannelSummary, Summary, Want};

/// Says one more in each round, and offers what both ends quoted.
pub const COUNTING: PriceRule = PriceRule {
    start: |ppm| Potential(ppm as u16),
    step: |standing| Potential(standing.said.0 + 1),
    offers: |standing| {
        let both = standing.channels.iter().map(|known| Agreed {
            send_msat: known.own.send_msat.min(known.other.receive_msat),
            receive_msat: known.own.receive_msat.min(known.other.send_msat),
        });
        both.collect()
    },
    ppm: |potential| i64::from(potential.0),
};

const MARKET: Market = Market { mode: PlanMode::Market, rounds: 10 };
const HYBRID: Market = Market { mode: PlanMode::Hybrid, rounds: 10 };
const LEADER: Market = Market { mode: PlanMode::Leader, rounds: 10 };
/// From the world's begin to the first round, and to the epoch the rounds are for.
const TO_ROUNDS_MS: u64 = 350_000;
const TO_EPOCH_MS: u64 = 500_000;
const ROUND_MS: u64 = 15_000;

/// A ring in which each node has too much towards the next: channel i between i and i+1.
fn ring(markets: &[Market]) -> World {
    let mut world = World::with_markets(markets);
    for index in 0..markets.len() {
        let next = (index + 1) % markets.len();
        world.open(index as u64 + 1, index, next, 900_000, 1_000_000);
    }
    world
}

/// To the first moment of the epoch the rounds were for, summaries published.
fn to_epoch(world: &mut World) {
    let here = world.now.tick_ms - 1_000;
    world.pass(TO_EPOCH_MS + 1 - here);
    world.summarise();
}

fn summary(world: &World, of: usize) -> Summary {
    let seen_by = (of + 1) % world.hosts.len();
    world.hosts[seen_by].node.book.of(&world.id(of)).unwrap().clone()
}

fn end(world: &World, of: usize, channel: u64) -> ChannelSummary {
    let summary = summary(world, of);
    *summary.channels.iter().find(|end| end.channel == ChannelId(channel)).unwrap()
}

fn heard(world: &World, by: usize, from: usize) -> Option<&Quote> {
    world.hosts[by].node.rounds.heard.get(&world.id(from))
}

/// An amount on the grid of a channel of a million.
fn on_grid(msat: u64) -> Msat {
    Msat(msat / 3_906 * 3_906)
}

#[test]
fn a_ring_in_market_mode_offers_what_its_rounds_came_to_and_commits_a_cycle() {
    let mut world = ring(&[MARKET; 3]);
    world.pass(TO_ROUNDS_MS - 1);
    assert_eq!(heard(&world, 1, 0), None, "before the last quarter nobody quotes");
    to_epoch(&mut world);
    for index in 0..3 {
        for neighbour in [(index + 1) % 3, (index + 2) % 3] {
            let quote = heard(&world, index, neighbour).unwrap();
            assert_eq!((quote.epoch, quote.round), (Epoch(1), 9));
        }
        let told = summary(&world, index);
        assert_eq!(told.bits, 0);
        assert!(told.channels.iter().all(|end| end.ratio_bucket == 0), "no ratio is told");
        let own = end(&world, index, index as u64 + 1);
        assert_eq!((own.want, own.send_msat), (Want::Send, on_grid(400_000)));
        let status = world.hosts[index].node.status(world.now);
        let prices = status.prices.unwrap();
        assert_eq!((prices.epoch, prices.rounds, prices.neighbours), (Some(Epoch(1)), 10, 2));
        assert!(prices.price_ppm >= Some(9), "{prices:?}");
        let why = world.hosts[index].node.why(own.channel, world.now).unwrap();
        assert!(why.priced && why.send_msat == own.send_msat);
    }
    let amount = end(&world, 0, 1).send_msat.0;
    let hops = (0..3).map(|index| world.hop(index as u64 + 1, index, (index + 1) % 3, amount));
    let hops = hops.collect();
    world.lead(hops);
    world.pass(20_000);
    let ends = world.hosts.iter().flat_map(|host| &host.events);
    let committed =
        |event: &&Event| matches!(event, Event::CycleEnded { outcome: Outcome::Committed, .. });
    assert_eq!(ends.filter(committed).count(), 1);
    assert_eq!(world.local(0, 1), 900_000 - amount);
    world.assert_whole(true);
}

#[test]
fn what_is_lost_leaves_the_last_word_standing_and_a_silent_peer_its_channel_in_buckets() {
    // After the first rounds a link is lost in both directions.
    let mut world = ring(&[MARKET; 3]);
    world.pass(TO_ROUNDS_MS + 3 * ROUND_MS);
    world.cut.extend([(0, 1), (1, 0)]);
    world.pass(6 * ROUND_MS);
    world.cut.clear();
    to_epoch(&mut world);
    assert_eq!(heard(&world, 1, 0).unwrap().round, 3);
    assert_eq!(end(&world, 0, 1).send_msat, on_grid(400_000));

    // It is lost from the start.
    let mut world = ring(&[MARKET; 3]);
    world.cut.extend([(0, 1), (1, 0)]);
    world.pass(TO_EPOCH_MS - 1);
    world.cut.clear();
    to_epoch(&mut world);
    assert_eq!(heard(&world, 1, 0), None);
    let priced = |index: usize, channel| {
        world.hosts[index].node.why(ChannelId(channel), world.now).unwrap().priced
    };
    assert!(!priced(0, 1) && !priced(1, 1) && priced(1, 2) && priced(0, 3));
    let own = end(&world, 0, 1);
    // 400,000 in buckets of 2^8, and no ratio even so.
    assert_eq!((own.send_msat, own.ratio_bucket), (on_grid(400_000), 0));
}

#[test]
fn no_summary_offers_more_than_the_exact_offer_of_its_moment() {
    let mut world = ring(&[MARKET; 3]);
    world.pass(TO_EPOCH_MS - 1);
    let steer = Steer {
        target_ppm: 800_000,
        lend_band_ppm: 200_000,
        dead_band_ppm: 50_000,
        price_ppm: 0,
        fee_max_ppm: 1_000,
        urgency: None,
        forecast: None,
    };
    let request = Operator::Steer { channel: ChannelId(1), steer: Some(steer) };
    world.ask(0, request).unwrap();
    to_epoch(&mut world);
    assert!(world.hosts[0].node.why(ChannelId(1), world.now).unwrap().priced);
    assert_eq!(end(&world, 0, 1).send_msat, on_grid(100_000), "the target moved after the rounds");
}

#[test]
fn late_early_and_hostile_quotes_are_refused_by_name_and_nothing_of_them_is_kept() {
    let mut world = ring(&[MARKET; 4]);
    let good = |channel: u64| QuotedEnd {
        channel: ChannelId(channel),
        want: Want::Receive,
        send_msat: Msat(0),
        receive_msat: Msat(400_000),
        urgency: 255,
        price_ppm: 0,
    };
    let quote = |epoch, round, ends: Vec<QuotedEnd>| {
        let (epoch, potential) = (Epoch(epoch), Potential(7));
        Quote { epoch, round, potential, ends: Bounded::try_from(ends).unwrap() }
    };
    let too_much = QuotedEnd { receive_msat: Msat(1_000_001), ..good(1) };
    let hostile = [
        (1, quote(0, 0, vec![good(1)]), "epoch"),
        (1, quote(2, 0, vec![good(1)]), "epoch"),
        (1, quote(1, QUOTE_ROUNDS_MAX, vec![good(1)]), "malformed"),
        (1, quote(1, 0, vec![good(1), good(1)]), "malformed"),
        (1, quote(1, 0, vec![too_much]), "malformed"),
        (1, quote(1, 0, vec![good(2)]), "unfitting"),
        (2, quote(1, 0, vec![]), "unfitting"),
    ];
    let inject = |world: &mut World, from: usize, quote: Quote| {
        let message = Message::Quote(quote);
        let bytes = world.hosts[from].node.seal(message, world.now).unwrap();
        world.inject(0, Travel::Direct, &bytes);
    };
    let refusals = |world: &World| {
        let events = world.hosts[0].events.iter();
        let refused = events.filter_map(|event| match event {
            Event::Rejected { message: "quote", reason, .. } => Some(*reason),
            _ => None,
        });
        refused.collect::<Vec<_>>()
    };
    for (count, (from, quote, reason)) in hostile.into_iter().enumerate() {
        inject(&mut world, from, quote);
        assert_eq!((refusals(&world).len(), refusals(&world).last()), (count + 1, Some(&reason)));
        assert_eq!(heard(&world, 0, from), None);
    }
    inject(&mut world, 1, quote(1, 5, vec![good(1)]));
    inject(&mut world, 1, quote(1, 5, vec![]));
    assert_eq!(heard(&world, 0, 1).unwrap().ends.len(), 1, "the first of a round stands");
    inject(&mut world, 1, quote(1, 4, vec![]));
    assert_eq!(refusals(&world).last(), Some(&"stale"));
    assert_eq!(heard(&world, 0, 1).unwrap().round, 5);
    // A neighbour with the last round in its mouth from the start has only its own word.
    inject(&mut world, 1, quote(1, QUOTE_ROUNDS_MAX - 1, vec![good(1)]));
    to_epoch(&mut world);
    assert!(world.hosts[0].node.rounds.heard.len() <= 2);
    let sends = end(&world, 0, 1).send_msat;
    assert_eq!(sends, on_grid(400_000), "at most what both ends said");
}

#[test]
fn a_member_in_leader_mode_beside_others_is_left_alone_and_its_channels_go_in_buckets() {
    let mut world = ring(&[MARKET, HYBRID, LEADER]);
    to_epoch(&mut world);
    let odd = &world.hosts[2];
    assert!(odd.node.rounds.heard.is_empty(), "it keeps no quotes");
    assert!(!odd.events.iter().any(|event| matches!(event, Event::Rejected { .. })));
    assert_eq!(odd.node.status(world.now).prices, None);
    let told = summary(&world, 2);
    assert_eq!(told.bits, 8);
    assert!(told.channels.iter().any(|end| end.ratio_bucket > 0));
    let priced = |index: usize, channel| {
        world.hosts[index].node.why(ChannelId(channel), world.now).unwrap().priced
    };
    assert!(priced(0, 1) && priced(1, 1));
    assert!(!priced(0, 3) && !priced(1, 2) && !priced(2, 2));
    let hops = (0..3).map(|index| world.hop(index as u64 + 1, index, (index + 1) % 3, 390_000));
    let hops = hops.collect();
    world.lead(hops);
    world.pass(20_000);
    assert_eq!([0, 1, 2].map(|index| world.local(index, index as u64 + 1)), [510_000; 3]);
}

#[test]
fn hybrid_rounds_start_at_the_price_of_the_newest_plan_and_market_rounds_at_zero() {
    for (market, expected) in [(HYBRID, 500), (MARKET, 0)] {
        let mut world = ring(&[market; 3]);
        world.summarise();
        world.elect();
        let hops = (0..3).map(|index| world.hop(index as u64 + 1, index, (index + 1) % 3, 1_000));
        let cycle = CyclePlan { hops: hops.collect::<Vec<_>>().try_into().unwrap() };
        let mut potentials: Vec<_> = (0..3).map(|index| (world.id(index), 500)).collect();
        potentials.sort();
        let made = LeaderPlan { cycles: vec![cycle], potentials, value: 0, bound: 0 };
        world.publish_made(made);
        world.run();
        world.pass(20_000);
        let epoch = world.hosts[0].node.epoch(world.now);
        let timetable = world.hosts[0].node.config.timetable;
        let first_ms = timetable.quotes_ms(epoch.plus(1), 0, 10);
        world.pass(first_ms - world.now.wall_ms);
        // The first to wake has heard nobody when it speaks.
        let quote = heard(&world, 1, 0).unwrap();
        assert_eq!((quote.round, quote.potential), (0, Potential(expected)), "{market:?}");
    }
}

#[test]
fn a_member_that_restarts_has_forgotten_its_rounds_and_offers_in_buckets() {
    let mut world = ring(&[MARKET; 3]);
    world.pass(TO_EPOCH_MS - 1);
    world.crash(0);
    world.restart(0);
    to_epoch(&mut world);
    assert!(!world.hosts[0].node.why(ChannelId(1), world.now).unwrap().priced);
    assert!(world.hosts[1].node.why(ChannelId(1), world.now).unwrap().priced);
    assert_eq!(summary(&world, 0).bits, 0);
}

#[test]
fn neighbours_with_many_channels_quote_the_most_urgent_ones() {
    let mut world = World::with_markets(&[MARKET; 2]);
    let count = QUOTE_CHANNELS_MAX as u64 + 2;
    for channel in 1..=count {
        // The first two are balanced.
        let local = if channel <= 2 { 500_000 } else { 900_000 };
        world.open(channel, 0, 1, local, 1_000_000);
    }
    to_epoch(&mut world);
    let quoted = &heard(&world, 1, 0).unwrap().ends;
    let channels: Vec<u64> = quoted.iter().map(|end| end.channel.0).collect();
    assert_eq!(channels, (3..=count).collect::<Vec<_>>());
}

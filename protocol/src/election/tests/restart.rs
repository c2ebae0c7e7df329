//! Crashes: what was said is said again, byte for byte, and nothing else ever is.

use super::suite::{FastSuite, members_of};
use super::world::{EPOCH_MS, World, genesis};
use crate::election::{Context, Election, ElectionEffect, ElectionRecord, Settings};
use crate::ids::Epoch;
use crate::message::Message;
use crate::time::Now;
use crate::wire::codec;

fn context(suite: &FastSuite, wall_ms: u64) -> Context<'_> {
    Context { suite, now: Now { tick_ms: wall_ms, wall_ms }, block: None }
}

fn fresh() -> Election {
    Election::new(genesis(members_of(&[1; 7])), Settings::default()).unwrap()
}

fn gossip(effects: &[ElectionEffect]) -> Vec<Message> {
    let said = effects.iter().filter_map(|effect| match effect {
        ElectionEffect::Gossip(message) => Some(message.clone()),
        _ => None,
    });
    said.collect()
}

fn records(effects: &[ElectionEffect]) -> Vec<ElectionRecord> {
    let kept = effects.iter().filter_map(|effect| match effect {
        ElectionEffect::Journal(record) => Some(record.clone()),
        _ => None,
    });
    kept.collect()
}

#[test]
fn a_vote_journaled_and_not_sent_is_sent_after_the_restart_and_no_other_is_cast() {
    let suite = FastSuite::new(1);
    let mut before = fresh();
    let claimed = before.on_wake(&context(&suite, EPOCH_MS));
    let voted = before.on_wake(&context(&suite, EPOCH_MS + 500));
    // The crash: the records are durable, the messages are lost.
    let mut after = fresh();
    for record in records(&claimed).iter().chain(&records(&voted)) {
        after.apply(record);
    }
    assert_eq!(after.durable(), before.durable());
    let effects = after.on_start(&context(&suite, EPOCH_MS + 600));
    assert_eq!(gossip(&effects), [gossip(&claimed), gossip(&voted)].concat());
    assert_eq!(records(&effects), []);
    // A better claim seen only now changes nothing in this round.
    let view = after.tip().view(Epoch(1)).unwrap();
    for number in 2..=7 {
        let (claim, _) = crate::election::Claim::make(&FastSuite::new(number), &view, None, []);
        let effects = after.on_claim(&context(&suite, EPOCH_MS + 700), claim.node, claim).unwrap();
        assert_eq!(effects, []);
    }
}

#[test]
fn a_restart_in_a_later_epoch_says_nothing_old() {
    let suite = FastSuite::new(1);
    let mut before = fresh();
    let claimed = before.on_wake(&context(&suite, EPOCH_MS));
    let mut after = fresh();
    records(&claimed).iter().for_each(|record| after.apply(record));
    let effects = after.on_start(&context(&suite, 2 * EPOCH_MS + 9_000));
    // It is too late to claim; a vote needs a claim.
    assert_eq!(effects, [ElectionEffect::Wake { at_wall_ms: 3 * EPOCH_MS }]);
}

#[test]
fn crashing_all_the_time_breaks_no_agreement_and_accuses_nobody() {
    for seed in 0..6 {
        let mut world = World::new(&[1; 7], 100 + seed);
        world.loss_percent = 5;
        let mut at = 0;
        for step in 0..150 {
            world.run_until(EPOCH_MS + step * 777);
            if world.hosts[at].up && step % 3 != 0 {
                world.crash(at);
            } else if !world.hosts[at].up {
                world.restart(at);
                at = (at + 3) % 7;
            }
        }
        for host in 0..7 {
            if !world.hosts[host].up {
                world.restart(host);
            }
        }
        world.loss_percent = 0;
        let next = world.now_ms / EPOCH_MS + 2;
        world.run_epoch(next);
        assert_eq!(world.agreed().epoch, Epoch(next));
        world.check_single_certificates();
        assert!(world.hosts.iter().all(|host| host.accused.is_empty()), "seed {seed}");
    }
}

#[test]
fn the_journal_of_a_busy_host_decodes_and_replays_to_the_same_state() {
    let mut world = World::new(&[1; 5], 12);
    world.loss_percent = 10;
    world.run_epoch(15);
    for host in &world.hosts {
        let mut replayed =
            Election::new(genesis(members_of(&[1; 5])), Settings::default()).unwrap();
        for record in &host.journal {
            let bytes = codec::encode(record).unwrap();
            replayed.apply(&codec::decode_record(&bytes).unwrap());
        }
        assert_eq!(replayed.durable(), host.election.durable());
        let bytes = codec::encode(replayed.durable()).unwrap();
        let stored = codec::decode_record(&bytes).unwrap();
        assert_eq!(replayed.durable(), &stored);
    }
}

//! The crash-point suite: exhaustive, not random.
//!
//! For rings of 2 to 4, every member of the ring dies at every record it writes after the plan, at
//! each of four points around that record, and comes back soon or after every deadline has passed.
//! All or nothing must have moved, to the msat. Nothing here may skip a record.

use crate::scenario::{ChannelPlan, DiskModel, LinkModel, Scenario, Wishes};
use crate::world::{DeathTrap, World};
use debal_protocol::ChannelId;
use serde::Serialize;
use std::collections::BTreeMap;

/// When the process is back: soon, or after every deadline.
const DOWN_MS: [u64; 2] = [500, 90_000];
/// Within this time after the last restart the ring must be at rest.
const REST_MS: u64 = 150_000;
/// Balance each ring member starts with on its outgoing channel.
const OUT_MSAT: u64 = 900_000;
/// Capacity of every channel.
const CAPACITY_MSAT: u64 = 1_000_000;

/// What the suite covered and found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Cases run.
    pub cases: u64,
    /// Cases in which the ring committed.
    pub committed: u64,
    /// Cases in which nothing moved.
    pub rolled_back: u64,
    /// Records around which members died, by kind.
    pub kinds: BTreeMap<&'static str, u64>,
    /// What went wrong.
    pub failures: Vec<String>,
}

/// Runs the whole suite for rings of `2..=largest` members.
#[must_use]
pub fn run_all(largest: usize, mut progress: impl FnMut(u64)) -> Report {
    let mut report = Report::default();
    for nodes in 2..=largest {
        let Some((first, last)) = undisturbed(nodes, &mut report) else { continue };
        for host in 0..nodes {
            for index in first[host]..last[host] {
                for down_ms in DOWN_MS {
                    for trap in [
                        DeathTrap::BeforeAppend(index),
                        DeathTrap::BeforeFlush(index),
                        DeathTrap::BeforeSend(index),
                        DeathTrap::AfterSend(index),
                    ] {
                        one(nodes, host, trap, down_ms, &mut report);
                        progress(report.cases);
                    }
                }
            }
        }
    }
    report
}

/// A perfect ring in which each member has too much towards the next.
fn ring(nodes: usize) -> Scenario {
    let channels = (0..nodes).map(|a| ChannelPlan {
        number: a as u64 + 1,
        a,
        b: (a + 1) % nodes,
        capacity_msat: CAPACITY_MSAT,
        a_msat: OUT_MSAT,
    });
    Scenario {
        seed: nodes as u64,
        nodes,
        real_curves: false,
        epoch_ms: 20_000,
        chaos_ms: 0,
        channels: channels.collect(),
        link: LinkModel {
            delay_min_ms: 5,
            delay_max_ms: 5,
            queue_max: usize::MAX,
            loss_per_mille: 0,
            duplicate_per_mille: 0,
            corrupt_per_mille: 0,
        },
        disk: DiskModel { flush_min_ms: 2, flush_max_ms: 2, damage_per_mille: 1_000 },
        wishes: Wishes {
            base_msat: 0,
            ppm: 0,
            price_ppm: 0,
            summary_bits: 4,
            reserve_msat: 0,
            exposure_msat: 20_000_000_000,
            greed_percent: 100,
        },
        payments: Vec::new(),
        faults: Vec::new(),
    }
}

fn balances(world: &World) -> Vec<u64> {
    let local = |host: usize| {
        let channels = &world.hosts[host].node.durable().channels;
        channels.get(&ChannelId(host as u64 + 1)).map_or(0, |channel| channel.local_msat().0)
    };
    (0..world.hosts.len()).map(local).collect()
}

fn journal_lengths(world: &World) -> Vec<usize> {
    world.hosts.iter().map(|host| host.disk.records.len()).collect()
}

fn promised(world: &World) -> bool {
    world.hosts.iter().any(|host| !host.node.durable().transfers.is_empty())
}

/// Lets the ring run until the first consent is journaled.
fn until_planned(world: &mut World) {
    while !promised(world) && world.now_ms < 60_000 && world.watch.violations.is_empty() {
        world.step(60_000);
    }
}

/// The records each member writes between the first consent and the end of the ring.
fn undisturbed(nodes: usize, report: &mut Report) -> Option<(Vec<usize>, Vec<usize>)> {
    let mut world = World::new(ring(nodes), None, false)?;
    until_planned(&mut world);
    // The step that consented first has written its records already: begin before them.
    let first = journal_lengths(&world).iter().map(|length| length.saturating_sub(2)).collect();
    world.run_until(world.now_ms + 3_000);
    let moved = balances(&world).iter().all(|balance| *balance < OUT_MSAT);
    if !moved {
        report.failures.push(format!("the undisturbed ring of {nodes} did not commit"));
        return None;
    }
    for host in &world.hosts {
        for record in &host.disk.records {
            *report.kinds.entry(crate::world::record_name(record)).or_default() += 1;
        }
    }
    Some((first, journal_lengths(&world)))
}

fn one(nodes: usize, host: usize, trap: DeathTrap, down_ms: u64, report: &mut Report) {
    report.cases += 1;
    let Some(mut world) = World::new(ring(nodes), None, false) else { return };
    world.set_trap(host, trap, down_ms);
    until_planned(&mut world);
    let until_ms = world.now_ms + down_ms + 40_000;
    world.run_until(until_ms);
    // No new cycles: only what is open is finished.
    let mut rested = false;
    let end_ms = world.now_ms + REST_MS;
    while !rested && world.now_ms < end_ms && world.watch.violations.is_empty() {
        world.run_until(world.now_ms + 500);
        let nodes: Vec<_> = world.hosts.iter().map(|host| &host.node).collect();
        rested = world.watch.open_work(&nodes).is_empty();
    }
    if rested && world.watch.violations.is_empty() {
        world.check_globally(true);
    }
    let case = || format!("n {nodes} node {host} {trap:?} down {down_ms} ms");
    for violation in &world.watch.violations {
        report.failures.push(format!("{}: {} {}", case(), violation.rule, violation.what));
    }
    if !rested && world.watch.violations.is_empty() {
        report.failures.push(format!("{}: not at rest", case()));
    }
    if world.hosts[host].life == 0 {
        report.failures.push(format!("{}: never died", case()));
    }
    if balances(&world).iter().all(|balance| *balance == OUT_MSAT) {
        report.rolled_back += 1;
    } else {
        report.committed += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_survives_the_death_of_any_member_around_any_record() {
        let report = run_all(4, |_| {});
        println!("{} cases, {:?}", report.cases, report.kinds);
        assert_eq!(report.failures, Vec::<String>::new());
        assert!(report.cases > 300 && report.committed > 0, "{report:?}");
    }
}

//! The crash-point suite: exhaustive, not random.
//!
//! For rings of 2 to 4, every member of the ring dies at every record it writes after the plan, at
//! each of four points around that record, and comes back soon or after every deadline has passed.
//! All or nothing must have moved, to the msat. Nothing here may skip a record.

use crate::parallel;
use crate::scenario::{ChannelPlan, DiskModel, LinkModel, Scenario, Wishes};
use crate::world::{DeathTrap, World};
use debal_protocol::ChannelId;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::ControlFlow;

/// When the process is back: soon, or after every deadline.
const DOWN_MS: [u64; 2] = [500, 90_000];
/// Within this time after the last restart the ring must be at rest.
const REST_MS: u64 = 150_000;
/// Balance each ring member starts with on its outgoing channel.
const OUT_MSAT: u64 = 900_000;
/// Capacity of every channel.
const CAPACITY_MSAT: u64 = 1_000_000;

/// How the cases of one ring size ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// The dead member came back soon: rings that moved on every channel.
    pub soon_committed: u64,
    /// The dead member came back soon: rings that moved on none.
    pub soon_rolled_back: u64,
    /// It came back after every deadline: rings that moved on every channel.
    pub late_committed: u64,
    /// It came back after every deadline: rings that moved on none.
    pub late_rolled_back: u64,
}

/// What the suite covered and found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Cases run.
    pub cases: u64,
    /// Endings by number of ring members.
    pub rings: BTreeMap<usize, Tally>,
    /// Records around which members died, by kind.
    pub kinds: BTreeMap<&'static str, u64>,
    /// What went wrong.
    pub failures: Vec<String>,
}

/// One case: who dies where, and for how long.
#[derive(Clone, Copy, Debug)]
struct Case {
    nodes: usize,
    host: usize,
    trap: DeathTrap,
    down_ms: u64,
}

/// Runs the whole suite for rings of `2..=largest` members.
#[must_use]
pub fn run_all(largest: usize, threads: usize, mut progress: impl FnMut(u64)) -> Report {
    let mut report = Report::default();
    let mut cases = Vec::new();
    for nodes in 2..=largest {
        let Some((first, last)) = undisturbed(nodes, &mut report) else { continue };
        for host in 0..nodes {
            for index in first[host]..last[host] {
                let traps = [
                    DeathTrap::BeforeAppend(index),
                    DeathTrap::BeforeFlush(index),
                    DeathTrap::BeforeSend(index),
                    DeathTrap::AfterSend(index),
                ];
                let each = DOWN_MS.into_iter().flat_map(|down| traps.map(|trap| (down, trap)));
                cases.extend(each.map(|(down_ms, trap)| Case { nodes, host, trap, down_ms }));
            }
        }
    }
    let work = |number: u64| cases.get(number as usize).map(|case| (*case, one(*case)));
    parallel::in_order(0..cases.len() as u64, threads, work, |_, done| {
        if let Some((case, ending)) = done {
            report.add(case, ending);
            progress(report.cases);
        }
        ControlFlow::Continue(())
    });
    report
}

impl Report {
    fn add(&mut self, case: Case, ending: Result<bool, String>) {
        self.cases += 1;
        let tally = self.rings.entry(case.nodes).or_default();
        let soon = case.down_ms == DOWN_MS[0];
        match (ending, soon) {
            (Ok(true), true) => tally.soon_committed += 1,
            (Ok(false), true) => tally.soon_rolled_back += 1,
            (Ok(true), false) => tally.late_committed += 1,
            (Ok(false), false) => tally.late_rolled_back += 1,
            (Err(what), _) => self.failures.push(format!("{case:?}: {what}")),
        }
    }

    /// The endings as a table.
    #[must_use]
    pub fn table(&self) -> String {
        let mut text = format!(
            "{:<8}{:>14}{:>14}{:>14}{:>14}\n{:<8}{:>14}{:>14}{:>14}{:>14}\n",
            "",
            "back soon:",
            "",
            "back late:",
            "",
            "members",
            "committed",
            "rolled back",
            "committed",
            "rolled back"
        );
        for (nodes, tally) in &self.rings {
            let _ = writeln!(
                text,
                "{nodes:<8}{:>14}{:>14}{:>14}{:>14}",
                tally.soon_committed,
                tally.soon_rolled_back,
                tally.late_committed,
                tally.late_rolled_back
            );
        }
        text
    }
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
        modes: Vec::new(),
        rounds: 10,
        identities: Vec::new(),
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

/// A world of `nodes` members that will plan one cycle and no other.
fn world_of(nodes: usize) -> Option<World> {
    let mut world = World::new(ring(nodes), None, false)?;
    world.plans_left = 1;
    Some(world)
}

/// The records each member writes between the first consent and the end of the ring.
fn undisturbed(nodes: usize, report: &mut Report) -> Option<(Vec<usize>, Vec<usize>)> {
    let mut world = world_of(nodes)?;
    until_planned(&mut world);
    // The step that consented first has written its records already: begin before them.
    let first = journal_lengths(&world).iter().map(|length| length.saturating_sub(2)).collect();
    world.run_until(world.now_ms + 3_000);
    if moved(&world) != Ok(true) {
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

/// Whether the cycle moved its amount on every channel, or on none.
fn moved(world: &World) -> Result<bool, String> {
    let balances = balances(world);
    let moved = balances.iter().filter(|balance| **balance < OUT_MSAT).count();
    match moved {
        0 if balances.iter().all(|balance| *balance == OUT_MSAT) => Ok(false),
        all if all == balances.len() && balances.windows(2).all(|two| two[0] == two[1]) => Ok(true),
        _ => Err(format!("moved in part: {balances:?}")),
    }
}

/// Runs one case; whether its cycle committed, or what went wrong.
fn one(case: Case) -> Result<bool, String> {
    let mut world = world_of(case.nodes).ok_or("the founding contradicts itself")?;
    world.set_trap(case.host, case.trap, case.down_ms);
    until_planned(&mut world);
    world.run_until(world.now_ms + case.down_ms + 40_000);
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
    if let Some(violation) = world.watch.violations.first() {
        return Err(format!("{} {}", violation.rule, violation.what));
    }
    if !rested {
        return Err("not at rest".to_owned());
    }
    if world.hosts[case.host].life == 0 {
        return Err("never died".to_owned());
    }
    moved(&world)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_survives_the_death_of_any_member_around_any_record() {
        let report = run_all(4, parallel::default_threads(), |_| {});
        println!("{} cases, {:?}\n{}", report.cases, report.kinds, report.table());
        assert_eq!(report.failures, Vec::<String>::new());
        assert!(report.cases > 300 && report.rings.len() == 3, "{report:?}");
        for (nodes, tally) in &report.rings {
            let columns = [
                tally.soon_committed,
                tally.soon_rolled_back,
                tally.late_committed,
                tally.late_rolled_back,
            ];
            assert!(columns.iter().all(|cases| *cases > 0), "{nodes} members: {tally:?}");
        }
    }
}

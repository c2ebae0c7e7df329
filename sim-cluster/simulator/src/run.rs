//! One run: quiet start, chaos, heal, serve, audit.
//!
//! A run ends at its first violation. It must give the same outcome, down to the trace hash, for
//! the same scenario and options on every machine.

use crate::marks::Marks;
use crate::mutants::{Mutant, Planted};
use crate::scenario::{Payment, PaymentKind, Scenario};
use crate::streams::stream;
use crate::watch::Violation;
use crate::world::{Paid, Phase, World};
use debal_protocol::message::Outcome as Ending;
use rand::Rng;
use serde::Serialize;

/// Within this time after the faults stop everything must be at rest. The longest lock lives 31 s;
/// held payments and clocks that were wrong add to that.
const REST_MS: u64 = 150_000;
/// Fresh payments of the serve phase.
const FRESH: usize = 10;

/// How to run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// A planted bug.
    pub mutant: Option<Mutant>,
    /// Keep the story in words.
    pub story: bool,
}

/// What came of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// What was found wrong; empty is good.
    pub violations: Vec<Violation>,
    /// Checks made.
    pub checked: u64,
    /// Events that happened.
    pub events: u64,
    /// Virtual time, milliseconds.
    pub virtual_ms: u64,
    /// Hash of everything that happened.
    pub trace: String,
    /// Payments committed.
    pub payments: u64,
    /// Cycles committed.
    pub cycles: u64,
    /// Cycles rolled back after a Go.
    pub rolled_back: u64,
    /// Coverage.
    #[serde(skip)]
    pub marks: Marks,
    /// The story, if asked for.
    #[serde(skip)]
    pub story: Vec<String>,
}

impl Outcome {
    /// Name of the failure: its first rule.
    #[must_use]
    pub fn failure(&self) -> Option<&str> {
        self.violations.first().map(|violation| violation.rule.as_str())
    }
}

/// Runs a scenario to its end or to its first violation.
#[must_use]
pub fn run(scenario: &Scenario, options: Options) -> Outcome {
    let planted = Planted::plant(options.mutant);
    let Some(mut world) = World::new(scenario.clone(), planted.0, options.story) else {
        return impossible(scenario);
    };
    quiet(&mut world);
    chaos(&mut world);
    heal(&mut world);
    serve(&mut world);
    audit(&mut world);
    finish(world)
}

fn impossible(scenario: &Scenario) -> Outcome {
    let what = "the founding contradicts itself".to_owned();
    Outcome {
        seed: scenario.seed,
        violations: vec![Violation { at_ms: 0, rule: "S0".to_owned(), what }],
        checked: 0,
        events: 0,
        virtual_ms: 0,
        trace: String::new(),
        payments: 0,
        cycles: 0,
        rolled_back: 0,
        marks: Marks::default(),
        story: Vec::new(),
    }
}

fn quiet(world: &mut World) {
    world.run_until(40_000.max(2 * world.scenario.link.delay_max_ms));
    let (opened, wanted) = (world.clients.opened, world.scenario.channels.len() as u64);
    world.watch.now_ms = world.now_ms;
    world.watch.must(opened == wanted, "S1", || format!("{opened} of {wanted} channels opened"));
}

fn chaos(world: &mut World) {
    world.phase = Phase::Chaos;
    world.chaos_ms = world.now_ms;
    world.schedule_faults();
    let payments = world.scenario.payments.clone();
    world.schedule_payments(&payments);
    world.run_until(world.chaos_ms + world.scenario.chaos_ms);
}

/// Faults stop: everything must come to rest, and an election must succeed (I16).
fn heal(world: &mut World) {
    world.phase = Phase::Heal;
    world.stop_faults();
    let began_ms = world.now_ms;
    let before = world.watch.leaders.keys().next_back().copied();
    let mut open;
    loop {
        world.run_until(world.now_ms + 1_000);
        open = world.watch.open_work(&world.member_nodes());
        let elected = world.watch.leaders.keys().next_back().copied() > before;
        if !elected {
            open.push("no election".to_owned());
        }
        let over = world.now_ms > began_ms + REST_MS;
        if open.is_empty() || over || !world.watch.violations.is_empty() {
            break;
        }
    }
    world.watch.now_ms = world.now_ms;
    world.watch.must(open.is_empty(), "I16", || format!("not at rest after healing: {open:?}"));
    if world.watch.violations.is_empty() {
        world.check_globally(true);
    }
}

/// Fresh payments between honest members over channels with room must all commit.
fn serve(world: &mut World) {
    if !world.watch.violations.is_empty() {
        return;
    }
    world.phase = Phase::Serve;
    let first = world.clients.payments.len();
    let fresh = fresh_payments(&world.scenario);
    world.schedule_payments(&fresh);
    let longest_ms = 2 * world.scenario.link.delay_max_ms;
    let mut missing = Vec::new();
    for _ in 0..60 {
        world.run_until(world.now_ms + 1_000 + longest_ms);
        missing = unserved(world, first);
        if missing.is_empty() || !world.watch.violations.is_empty() {
            break;
        }
    }
    world.watch.now_ms = world.now_ms;
    world.watch.must(missing.is_empty(), "S2", || format!("fresh payments failed: {missing:?}"));
}

fn fresh_payments(scenario: &Scenario) -> Vec<Payment> {
    let mut rng = stream(scenario.seed, "serve");
    let honest: Vec<usize> = (0..scenario.nodes).filter(|n| !scenario.is_tainted(*n)).collect();
    let mut payment = |index: usize| {
        let from = honest[rng.random_range(0..honest.len())];
        let to = honest[rng.random_range(0..honest.len())];
        Payment {
            at_ms: 4_000 * index as u64,
            from,
            to,
            amount_msat: 10,
            route: rng.random(),
            kind: PaymentKind::Plain,
        }
    };
    let fresh = (0..FRESH).map(&mut payment);
    fresh.filter(|payment| payment.from != payment.to).collect()
}

/// Fresh payments that had a route and have not committed.
fn unserved(world: &World, first: usize) -> Vec<String> {
    // Where a round trip takes longer than the gap between deadlines, payments may fail; they must
    // end all the same.
    let scenario = &world.scenario;
    let fast = scenario.link.delay_max_ms <= 200 && scenario.disk.flush_max_ms <= 50;
    let fresh = world.clients.paid.range(first..);
    let missing = fresh.filter(|(_, paid)| match paid {
        Paid::Ended(Ending::RolledBack) => fast,
        Paid::Ended(Ending::Committed) | Paid::Refused => false,
        Paid::Asked | Paid::Sent(_) => true,
    });
    missing.map(|(index, paid)| format!("{index}: {paid:?}")).collect()
}

/// Every node is rebuilt from its disk and must be what it was (I17).
fn audit(world: &mut World) {
    if !world.watch.violations.is_empty() {
        return;
    }
    let now_ms = world.now_ms;
    world.run_until(now_ms + 2_500);
    for host in world.members() {
        let Some(mut again) = world.restored_node(host) else { continue };
        let records = &world.hosts[host].disk.records;
        let failed = records.iter().find_map(|record| again.restore(record).err());
        let live = &world.hosts[host].node;
        let same = again.durable() == live.durable();
        let certificate = again.certificate_file(None) == live.certificate_file(None);
        world.watch.must(failed.is_none(), "I17", || format!("node {host}: {failed:?}"));
        world.watch.must(same && certificate, "I17", || {
            format!("node {host} rebuilt from its journal differs from what it was")
        });
    }
    if world.watch.violations.is_empty() {
        world.check_globally(false);
    }
}

fn finish(world: World) -> Outcome {
    let committed = |paid: &&Paid| **paid == Paid::Ended(Ending::Committed);
    Outcome {
        seed: world.scenario.seed,
        checked: world.watch.checked,
        violations: world.watch.violations,
        events: world.trace.events,
        virtual_ms: world.now_ms,
        trace: world.trace.hasher.finalize().to_hex().to_string(),
        payments: world.clients.paid.values().filter(committed).count() as u64,
        cycles: world.clients.cycles,
        rolled_back: world.clients.rolled_back,
        marks: world.marks,
        story: world.trace.story.unwrap_or_default(),
    }
}

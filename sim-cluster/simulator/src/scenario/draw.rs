//! Drawing a scenario from a seed, swarm style.
//!
//! Each seed switches whole fault classes on or off, so that rare combinations and fault-free
//! stretches both occur. Every number here is a range of `reliability.md` section d3 or narrower.

use super::{
    ChannelPlan, DiskModel, Fault, FaultKind, LinkModel, Payment, PaymentKind, Scenario, Script,
    Wishes,
};
use crate::streams::{happens, stream};
use debal_protocol::market::PlanMode;
use rand::Rng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand_chacha::ChaCha8Rng;

/// A drift that makes a wall clock stand still.
const FROZEN_PPM: i64 = -1_000_000;

pub(super) fn scenario(seed: u64, nodes: Option<usize>) -> Scenario {
    let mut sizes = stream(seed, "sizes");
    let drawn = sizes.random_range(3..=8);
    let nodes = nodes.unwrap_or(drawn);
    let epoch_ms = *[10_000, 20_000, 30_000].choose(&mut sizes).unwrap_or(&20_000);
    let chaos_ms = sizes.random_range(90_000..=180_000);
    let real_curves = sizes.random_range(0..20) == 0;
    let wishes = wishes(&mut sizes);
    let mut scenario = Scenario {
        seed,
        nodes,
        real_curves,
        epoch_ms,
        chaos_ms,
        channels: topology(&mut stream(seed, "topology"), nodes),
        link: link(&mut stream(seed, "link")),
        disk: disk(&mut stream(seed, "disk-model")),
        wishes,
        payments: Vec::new(),
        faults: Vec::new(),
        modes: Vec::new(),
        rounds: 0,
        identities: Vec::new(),
    };
    scenario.payments = payments(&mut stream(seed, "workload"), &scenario);
    scenario.faults = faults(&mut stream(seed, "faults"), &scenario);
    market(&mut stream(seed, "market"), &mut scenario);
    scenario
}

/// A third of the worlds are led by summaries alone, a third run price rounds, in a third members
/// differ. Drawn last and from a stream of its own: all else in a seed's world is as without it.
fn market(rng: &mut ChaCha8Rng, scenario: &mut Scenario) {
    const MODES: [PlanMode; 3] = [PlanMode::Market, PlanMode::Hybrid, PlanMode::Leader];
    let one = *MODES[..2].choose(rng).unwrap_or(&PlanMode::Market);
    let kind = rng.random_range(0..3);
    scenario.rounds = rng.random_range(2..=12);
    scenario.modes = (0..scenario.nodes)
        .map(|_| match kind {
            0 => PlanMode::Leader,
            1 => one,
            _ => *MODES.choose(rng).unwrap_or(&one),
        })
        .collect();
    // Who lies anyway may lie in its quotes, or somebody does if anybody may.
    if kind == 0 || scenario.faults.is_empty() || tainted_max(scenario.nodes) == 0 {
        return;
    }
    let any = rng.random_range(0..scenario.nodes);
    let node = (0..scenario.nodes).find(|node| scenario.is_tainted(*node)).unwrap_or(any);
    if happens(rng, 400) {
        let at_ms = rng.random_range(0..scenario.chaos_ms);
        let lasts_ms = rng.random_range(scenario.epoch_ms..=90_000);
        let kind = FaultKind::Byzantine { node, script: Script::LieQuotes };
        scenario.faults.push(Fault { at_ms, lasts_ms, kind });
        scenario.faults.sort_by_key(|fault| fault.at_ms);
    }
}

fn wishes(rng: &mut ChaCha8Rng) -> Wishes {
    Wishes {
        base_msat: *[0, 1_000].choose(rng).unwrap_or(&0),
        ppm: rng.random_range(0..=500),
        price_ppm: *[0, 0, 20].choose(rng).unwrap_or(&0),
        summary_bits: rng.random_range(4..=8),
        reserve_msat: *[0, 10_000].choose(rng).unwrap_or(&0),
        exposure_msat: *[300_000, 1_000_000, 20_000_000_000].choose(rng).unwrap_or(&1_000_000),
        greed_percent: *[100, 100, 100, 130, 300].choose(rng).unwrap_or(&100),
    }
}

fn topology(rng: &mut ChaCha8Rng, nodes: usize) -> Vec<ChannelPlan> {
    let mut pairs: Vec<(usize, usize)> = (0..nodes).map(|a| (a, (a + 1) % nodes)).collect();
    match rng.random_range(0..3) {
        0 => {}
        1 if nodes <= 5 => {
            pairs.extend((0..nodes).flat_map(|a| (a + 2..nodes).map(move |b| (a, b))));
        }
        _ => {
            for _ in 0..rng.random_range(1..=nodes) {
                let (a, b) = (rng.random_range(0..nodes), rng.random_range(0..nodes));
                if a != b {
                    pairs.push((a, b)); // May repeat a pair: parallel channels.
                }
            }
        }
    }
    pairs.shuffle(rng);
    let mut channels = Vec::new();
    for (index, (a, b)) in pairs.into_iter().enumerate() {
        let capacity_msat = rng.random_range(200_000..=2_000_000);
        let share = rng.random_range(5..=95);
        let a_msat = capacity_msat * share / 100;
        channels.push(ChannelPlan { number: index as u64 + 1, a, b, capacity_msat, a_msat });
    }
    channels
}

fn link(rng: &mut ChaCha8Rng) -> LinkModel {
    let delay_min_ms = rng.random_range(0..=30);
    let slow = rng.random_range(0..12) == 0;
    let spread = if slow { 1_000..=3_000 } else { 5..=100 };
    let noisy = |rng: &mut ChaCha8Rng, max: u32| {
        if happens(rng, 400) { rng.random_range(0..=max) } else { 0 }
    };
    LinkModel {
        delay_min_ms,
        delay_max_ms: delay_min_ms + rng.random_range(spread),
        queue_max: if happens(rng, 800) { 4_096 } else { rng.random_range(8..=64) },
        loss_per_mille: noisy(rng, 300),
        duplicate_per_mille: noisy(rng, 500),
        corrupt_per_mille: noisy(rng, 10),
    }
}

fn disk(rng: &mut ChaCha8Rng) -> DiskModel {
    let flush_min_ms = rng.random_range(0..=3);
    let slow = rng.random_range(0..8) == 0;
    let spread = if slow { 100..=1_000 } else { 0..=10 };
    DiskModel {
        flush_min_ms,
        flush_max_ms: flush_min_ms + rng.random_range(spread),
        damage_per_mille: rng.random_range(800..=1_000),
    }
}

fn payments(rng: &mut ChaCha8Rng, scenario: &Scenario) -> Vec<Payment> {
    let count = rng.random_range(20..=260);
    let odd = happens(rng, 500);
    let mut payments: Vec<Payment> =
        (0..count).map(|_| payment(rng, scenario, odd)).filter(usable).collect();
    payments.sort_by_key(|payment| payment.at_ms);
    payments
}

fn payment(rng: &mut ChaCha8Rng, scenario: &Scenario, odd: bool) -> Payment {
    const ODD: [PaymentKind; 5] = [
        PaymentKind::HeldSettled,
        PaymentKind::HeldCancelled,
        PaymentKind::Underpaid,
        PaymentKind::Short,
        PaymentKind::Circular,
    ];
    let kind = match odd && happens(rng, 400) {
        true => *ODD.choose(rng).unwrap_or(&PaymentKind::Plain),
        false => PaymentKind::Plain,
    };
    let from = rng.random_range(0..scenario.nodes);
    let to = rng.random_range(0..scenario.nodes);
    Payment {
        at_ms: rng.random_range(0..scenario.chaos_ms),
        from,
        to: if kind == PaymentKind::Circular { from } else { to },
        amount_msat: rng.random_range(100..=150_000),
        route: rng.random(),
        kind,
    }
}

fn usable(payment: &Payment) -> bool {
    payment.from != payment.to || payment.kind == PaymentKind::Circular
}

/// How many members may lie or forget: fewer than a third, and none where three decide by majority.
pub(super) const fn tainted_max(nodes: usize) -> usize {
    (nodes - 1) / 3
}

fn faults(rng: &mut ChaCha8Rng, scenario: &Scenario) -> Vec<Fault> {
    let quiet = rng.random_range(0..12) == 0;
    let classes: Vec<&str> =
        FaultKind::CLASSES.iter().filter(|_| happens(rng, 350)).copied().collect();
    let mut faults = Vec::new();
    let liars = tainted_max(scenario.nodes);
    let first_liar = rng.random_range(0..scenario.nodes);
    let liar = |rng: &mut ChaCha8Rng| {
        (liars > 0).then(|| (first_liar + rng.random_range(0..liars)) % scenario.nodes)
    };
    for class in classes {
        for _ in 0..rng.random_range(1..=4) {
            let liar = liar(rng);
            let at_ms = rng.random_range(0..scenario.chaos_ms);
            let lasts_ms = match class {
                // Long enough to take part in something.
                "byzantine" | "clone_host" => rng.random_range(scenario.epoch_ms..=90_000),
                _ => length(rng, scenario.epoch_ms),
            };
            if let Some(kind) = kind(rng, class, scenario, liar) {
                faults.push(Fault { at_ms, lasts_ms, kind });
            }
        }
    }
    if quiet {
        faults.clear();
    }
    faults.sort_by_key(|fault| fault.at_ms);
    faults
}

fn length(rng: &mut ChaCha8Rng, epoch_ms: u64) -> u64 {
    match rng.random_range(0..4) {
        0 => rng.random_range(100..=1_500),
        1 | 2 => rng.random_range(1_000..=15_000),
        _ => rng.random_range(epoch_ms..=60_000),
    }
}

fn kind(
    rng: &mut ChaCha8Rng,
    class: &str,
    scenario: &Scenario,
    liar: Option<usize>,
) -> Option<FaultKind> {
    let nodes = scenario.nodes;
    let node = rng.random_range(0..nodes);
    let edge = scenario.channels.choose(rng)?;
    let (a, b) = if happens(rng, 500) { (edge.a, edge.b) } else { (edge.b, edge.a) };
    let one_way = happens(rng, 300);
    let jump_max = 2 * scenario.epoch_ms as i64;
    Some(match class {
        "partition" => FaultKind::Partition { side: side(rng, nodes), one_way },
        "cut_edge" => FaultKind::CutEdge { a, b, one_way },
        "isolate_leader" => FaultKind::IsolateLeader,
        "clog" => FaultKind::Clog { a, b },
        "crash" => FaultKind::Crash { node },
        "crash_at_effect" => FaultKind::CrashAtEffect { node, effect: rng.random_range(1..=40) },
        "crash_all" => FaultKind::CrashAll,
        "pause" => FaultKind::Pause { node },
        "slow" => FaultKind::Slow { node },
        "flush_error" => FaultKind::FlushError { node },
        "disk_full" => FaultKind::DiskFull { node },
        "restore" => FaultKind::Restore { node: liar?, percent: rng.random_range(60..=99) },
        "clone_host" => FaultKind::CloneHost { node: liar? },
        "lost_journal" => FaultKind::LostJournal { node: liar? },
        "clock_jump" => {
            FaultKind::ClockJump { node, by_ms: rng.random_range(-jump_max..=jump_max) }
        }
        "clock_drift" => {
            let frozen = happens(rng, 250);
            let ppm = if frozen { FROZEN_PPM } else { rng.random_range(-500..=500) };
            FaultKind::ClockDrift { node, ppm }
        }
        _ => FaultKind::Byzantine { node: liar?, script: *Script::DRAWN.choose(rng)? },
    })
}

fn side(rng: &mut ChaCha8Rng, nodes: usize) -> Vec<usize> {
    let mut all: Vec<usize> = (0..nodes).collect();
    all.shuffle(rng);
    let size = match rng.random_range(0..3) {
        0 => 1,
        1 => nodes / 2,
        _ => rng.random_range(1..nodes),
    };
    all.truncate(size);
    all.sort_unstable();
    all
}

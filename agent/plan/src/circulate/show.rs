//! What was found, for people and as data.
//!
//! It must never round an amount in the data, and never be wider than 80 columns for people.

use std::collections::BTreeMap;
use std::time::Duration;

use debal_planner::circulation::{ResidualArc, end_worth, split_fees};
use debal_planner::cycles::PlannedCycle;
use debal_planner::document::Value;

use super::Found;
use super::market::Market;
use crate::args::{Circulate, Weigh};

/// How far the channels are from their targets.
#[derive(Default)]
struct Distance {
    msat: u128,
    /// The sum over the channels of the distance by the capacity, in millionths.
    skew_ppm: u128,
}

impl Distance {
    /// After `moved[i]` msat left the near end of channel `i`.
    fn after(market: &Market, moved: &[i128]) -> Distance {
        let mut sum = Distance::default();
        for (channel, moved) in market.channels.iter().zip(moved) {
            let holds = i128::from(channel.balance_msat) - moved;
            let off = holds.abs_diff(i128::from(channel.ends[0].target_msat));
            sum.msat += off;
            sum.skew_ppm += off * 1_000_000 / u128::from(channel.capacity_msat.max(1));
        }
        sum
    }

    fn row(&self, name: &str, before: &Distance, channels: usize) -> String {
        let part = |now: u128, before: u128| 100.0 - 100.0 * now as f64 / (before.max(1)) as f64;
        let btc = self.msat as f64 / 1e11;
        let mean = self.skew_ppm as f64 / channels.max(1) as f64 / 1e4;
        let (coins, skew) = (part(self.msat, before.msat), part(self.skew_ppm, before.skew_ppm));
        format!("  {name:<24}{btc:>11.3} BTC{coins:>8.2} %{mean:>11.2} %{skew:>9.2} %\n")
    }
}

/// The channels' moves by the optimum and by the plan, msat that left the near end.
fn moves(market: &Market, found: &Found) -> [Vec<i128>; 2] {
    let arcs = market.arcs();
    let mut optimum = vec![0i128; market.channels.len()];
    let mut plan = optimum.clone();
    let add = |list: &mut Vec<i128>, arc: usize, amount: u64| {
        let arc = &arcs[arc];
        let leaves = market.channels[arc.label as usize].near == arc.tail;
        list[arc.label as usize] += if leaves { i128::from(amount) } else { -i128::from(amount) };
    };
    for (arc, &flow) in found.best.flows_msat.iter().enumerate() {
        add(&mut optimum, arc, flow);
    }
    for cycle in &found.plan.cycles {
        for &direction in &cycle.directions {
            let arc = found.plan.directions.arcs(direction)[0];
            add(&mut plan, arc as usize, cycle.amount_msat);
        }
    }
    [optimum, plan]
}

/// The table.
pub fn text(market: &Market, given: &Circulate, found: &Found) -> String {
    let channels = market.channels.len();
    let weigh = match given.weigh {
        Weigh::Skew => "worth: skew, all of a channel's capacity counts 10^9 msat",
        Weigh::Coins => "worth: coins, every msat nearer to its target counts one",
    };
    let mut text = format!(
        "{} nodes, {channels} of {} channels usable both ways\nbalances {}, seed {}\n{weigh}\n\n",
        market.nodes, market.all_channels, given.balances, given.seed
    );
    text += &stages(found);
    text += &format!(
        "\n  {:<24}{:>15}{:>10}{:>13}{:>11}\n",
        "off target", "coins", "gone", "mean skew", "gone"
    );
    let [optimum, plan] = moves(market, found);
    let before = Distance::after(market, &vec![0; channels]);
    text += &before.row("before", &before, channels);
    text += &Distance::after(market, &optimum).row("optimum", &before, channels);
    let name = format!("plan, at most {} hops", given.max_hops);
    text += &Distance::after(market, &plan).row(&name, &before, channels);
    text += &totals(given, found);
    match peak_memory_kib() {
        Some(kib) => text + &format!("  {:<24}{:>12.1} MiB\n", "peak memory", kib as f64 / 1024.0),
        None => text + &format!("  {:<24}{:>12}\n", "peak memory", "not known here"),
    }
}

/// How long each stage took, by the clock and on the core.
fn stages(found: &Found) -> String {
    let mut text = format!("  {:<24}{:>12}{:>14}\n", "stage, seconds", "clock", "on the core");
    let (mut wall, mut core) = (0.0, Some(0.0));
    let shown = |core: Option<f64>| core.map_or("-".to_owned(), |core| format!("{core:.3}"));
    for stage in &found.stages {
        let (took, ran) = (stage.wall.as_secs_f64(), stage.core.map(|core| core.as_secs_f64()));
        text += &format!("  {:<24}{took:>12.3}{:>14}\n", stage.name, shown(ran));
        if stage.name != "read" {
            wall += took;
            core = core.zip(ran).map(|(sum, ran)| sum + ran);
        }
    }
    text + &format!("  {:<24}{wall:>12.3}{:>14}\n", "all but read", shown(core))
}

fn totals(given: &Circulate, found: &Found) -> String {
    let plan = &found.plan;
    let whole = |micro: i128| micro / 1_000_000;
    let percent = |value: i128| 100.0 * value as f64 / plan.optimum.max(1) as f64;
    let mut text = format!(
        "\n  {:<24}{:>26} msat  proven, {} pivots\n",
        "value of the optimum",
        whole(plan.optimum),
        found.best.pivots
    );
    let mut row = |name: &str, value: i128| {
        text += &format!("  {name:<24}{:>26} msat  {:>8.4} %\n", whole(value), percent(value));
    };
    row("cut from the optimum", plan.cut_value);
    row("plan", plan.value);
    row("what the caps cost", plan.loss());
    row("gap to the bound", found.gap);
    let hops: usize = plan.cycles.iter().map(|cycle| cycle.directions.len()).sum();
    let amount: u128 = plan.cycles.iter().map(|cycle| u128::from(cycle.amount_msat)).sum();
    let mean = hops as f64 / plan.cycles.len().max(1) as f64;
    text += &format!(
        "\n  {:<24}{:>12}\n  {:<24}{mean:>12.2}\n  {:<24}{:>12} msat\n",
        "cycles",
        plan.cycles.len(),
        "hops on average",
        "each at least",
        given.min_amount
    );
    text += &format!("  {:<24}{:>12.3} BTC\n", "around cycles", amount as f64 / 1e11);
    let end = if plan.exhausted { "none" } else { "perhaps: the effort or the cycles ended" };
    text + &format!("  {:<24}{end:>12}\n", "short cycles left")
}

/// The same as data, with every cycle: hops, amount, value, and who receives what for it.
pub fn json(market: &Market, given: &Circulate, found: &Found) -> Value {
    let plan = &found.plan;
    let mut fees = Fees { market, arcs: market.arcs(), moved: BTreeMap::new() };
    let cycles = plan.cycles.iter().map(|cycle| fees.cycle(found, cycle)).collect();
    let exact = |took: Duration| Value::number(format!("{:.6}", took.as_secs_f64()));
    let seconds = found.stages.iter().map(|stage| {
        Value::table([
            ("stage", Value::text(stage.name)),
            ("seconds", exact(stage.wall)),
            ("seconds_on_core", stage.core.map_or(Value::Null, exact)),
        ])
    });
    let seconds = Value::List(seconds.collect());
    let peak = peak_memory_kib().map_or(Value::Null, Value::number);
    Value::table([
        ("nodes", Value::number(market.nodes)),
        ("channels", Value::number(market.channels.len())),
        ("channels_in_graph", Value::number(market.all_channels)),
        ("balances", Value::text(&given.balances)),
        ("seed", Value::number(given.seed)),
        ("max_hops", Value::number(given.max_hops)),
        ("min_amount_msat", Value::text(given.min_amount)),
        ("optimum_exact", Value::text(plan.optimum)),
        ("bound_exact", Value::text(found.bound)),
        ("value_exact", Value::text(plan.value)),
        ("cut_value_exact", Value::text(plan.cut_value)),
        ("loss_exact", Value::text(plan.loss())),
        ("loss_ppm", Value::number(plan.loss_ppm())),
        ("gap_exact", Value::text(found.gap)),
        ("exhausted", Value::Bool(plan.exhausted)),
        ("pivots", Value::number(found.best.pivots)),
        ("stages", seconds),
        ("peak_memory_kib", peak),
        ("cycles", Value::List(cycles)),
    ])
}

/// What each end of each channel has moved so far: the fees of a cycle are for what it adds.
struct Fees<'a> {
    market: &'a Market,
    arcs: Vec<ResidualArc>,
    moved: BTreeMap<u32, u64>,
}

impl Fees<'_> {
    fn cycle(&mut self, found: &Found, cycle: &PlannedCycle) -> Value {
        let first = |&direction: &u32| found.plan.directions.arcs(direction)[0] as usize;
        let arcs: Vec<ResidualArc> = cycle.directions.iter().map(|d| self.arcs[first(d)]).collect();
        let mut stated = vec![0i128; arcs.len()];
        for (place, (&direction, arc)) in cycle.directions.iter().zip(&arcs).enumerate() {
            let before = self.moved.get(&direction).copied().unwrap_or_default();
            let after = before + cycle.amount_msat;
            let channel = &self.market.channels[arc.label as usize];
            let payer = usize::from(channel.near != arc.tail);
            let adds = |which: usize| {
                let worth =
                    |amount| end_worth(channel, &self.market.rules, which, which != payer, amount);
                worth(after) - worth(before)
            };
            stated[place] += adds(payer);
            let next = (place + 1) % arcs.len();
            stated[next] += adds(1 - payer);
            self.moved.insert(direction, after);
        }
        let fees = split_fees(&stated);
        let hop = |place: usize| {
            let arc = &arcs[place];
            let fee = fees.as_ref().and_then(|fees| fees.get(place));
            Value::table([
                ("channel", Value::text(&self.market.ids[arc.label as usize])),
                ("payer", Value::text(&self.market.pubkeys[arc.tail as usize])),
                ("payer_receives_msat", fee.map_or(Value::Null, Value::text)),
            ])
        };
        Value::table([
            ("amount_msat", Value::text(cycle.amount_msat)),
            ("value_exact", Value::text(cycle.value)),
            ("hops", Value::List((0..arcs.len()).map(hop).collect())),
        ])
    }
}

/// The most memory this process has held, in KiB, where the system says so.
fn peak_memory_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

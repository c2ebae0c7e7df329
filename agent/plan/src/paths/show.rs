//! Paths as a table and as data.
//!
//! It must never round an amount, and never be wider than 80 columns for people.

use debal_planner::document::Value;

use super::{Found, Ranked, Roads};
use crate::args::Paths;

/// How wide the whole is, columns.
const WIDTH: usize = 80;
/// How much of an alias is shown, columns.
const NAME_WIDTH: usize = 20;

/// The table: per path its figures, and below them the nodes it passes.
pub fn text(roads: &Roads, given: &Paths, found: &Found) -> String {
    let (nodes, channels) = (roads.topology.nodes.len(), roads.topology.channels.len());
    let (from, to) = (name(roads, roads.from), name(roads, roads.to));
    let mut text = format!(
        "{nodes} nodes, {channels} channels\n{} msat from {from} ({}) to {to} ({})\n",
        given.amount_msat, roads.from, roads.to
    );
    text += &match &given.balances {
        None => "balances: none known, any balance of a channel equally likely\n".to_owned(),
        Some(name) => format!("balances: {name}, seed {}; channels without one: any\n", given.seed),
    };
    if found.max_fee_msat < u64::MAX {
        text += &format!("fees: at most {} msat\n", found.max_fee_msat);
    }
    text += &format!(
        "\n{:>4}{:>16}{:>11}{:>6}{:>13}{:>12}\n",
        "", "fee, msat", "fee, ppm", "hops", "lock, blocks", "success"
    );
    for (number, ranked) in (1..).zip(&found.paths) {
        text += &format!(
            "{number:>4}{:>16}{:>11}{:>6}{:>13}{:>10.4} %\n",
            ranked.path.total_fee_msat,
            ppm(ranked, given),
            ranked.path.hops.len(),
            ranked.blocks,
            100.0 * probability(ranked)
        );
        text += &route(roads, ranked);
    }
    text + &closing(given, found)
}

/// What the list is and whether it is all.
fn closing(given: &Paths, found: &Found) -> String {
    let what = if given.front {
        "none of these beats another in fee, lock time and probability at once"
    } else {
        "the cheapest paths"
    };
    let more = if found.incomplete {
        "the search ended early for want of room: there may be better ones"
    } else if found.cut_short {
        "there may be more; --max-paths shows more"
    } else {
        "there are no more"
    };
    format!("\n{what};\n{more}\n")
}

/// The nodes of a path, wrapped.
fn route(roads: &Roads, ranked: &Ranked) -> String {
    let (mut text, mut line) = (String::new(), format!("      {}", name(roads, roads.from)));
    for hop in &ranked.path.hops {
        let next = format!(" > {}", name(roads, hop.node));
        if columns(&line) + columns(&next) > WIDTH {
            text += &(std::mem::replace(&mut line, "       ".to_owned()) + "\n");
        }
        line += &next;
    }
    text + &line + "\n"
}

/// An alias, shortened.
fn name(roads: &Roads, node: u32) -> String {
    let mut shown = String::new();
    for c in roads.topology.nodes[node as usize].alias.chars() {
        if columns(&shown) + 2 > NAME_WIDTH {
            return shown + "~";
        }
        shown.push(c);
    }
    shown
}

/// How many columns a terminal gives the text: East Asian letters and pictures take two.
fn columns(text: &str) -> usize {
    text.chars().map(|c| if c >= '\u{1100}' { 2 } else { 1 }).sum()
}

/// The fee in millionths of the amount, rounded up.
fn ppm(ranked: &Ranked, given: &Paths) -> u128 {
    let fee = u128::from(ranked.path.total_fee_msat) * 1_000_000;
    fee.div_ceil(u128::from(given.amount_msat.max(1)))
}

fn probability(ranked: &Ranked) -> f64 {
    (-(ranked.micronats as f64) / 1e6).exp()
}

/// The same as data, with every hop.
pub fn json(roads: &Roads, given: &Paths, found: &Found) -> Value {
    let paths = found.paths.iter().map(|ranked| path_json(roads, given, ranked)).collect();
    let balances = given.balances.as_ref().map_or(Value::Null, Value::text);
    let limit = Some(found.max_fee_msat).filter(|limit| *limit < u64::MAX);
    let max_fee = limit.map_or(Value::Null, Value::text);
    Value::table([
        ("from", node_json(roads, roads.from)),
        ("to", node_json(roads, roads.to)),
        ("amount_msat", Value::text(given.amount_msat)),
        ("balances", balances),
        ("seed", Value::number(given.seed)),
        ("front", Value::Bool(given.front)),
        ("max_fee_msat", max_fee),
        ("paths", Value::List(paths)),
        ("cut_short", Value::Bool(found.cut_short)),
        ("incomplete", Value::Bool(found.incomplete)),
        ("labels", Value::number(found.labels)),
    ])
}

fn node_json(roads: &Roads, number: u32) -> Value {
    let node = &roads.topology.nodes[number as usize];
    Value::table([
        ("node", Value::number(number)),
        ("pubkey", Value::text(&node.pubkey)),
        ("alias", Value::text(&node.alias)),
    ])
}

fn path_json(roads: &Roads, given: &Paths, ranked: &Ranked) -> Value {
    let mut at = roads.from;
    let mut hops = Vec::new();
    for hop in &ranked.path.hops {
        hops.push(Value::table([
            ("channel", Value::text(roads.channel(hop.arc).id)),
            ("from", Value::number(at)),
            ("to", Value::number(hop.node)),
            ("amount_msat", Value::text(hop.amount_msat)),
            ("fee_msat", Value::text(hop.fee_msat)),
            ("lock_blocks", Value::number(roads.blocks(hop.arc))),
        ]));
        at = hop.node;
    }
    Value::table([
        ("fee_msat", Value::text(ranked.path.total_fee_msat)),
        ("fee_ppm", Value::number(ppm(ranked, given))),
        ("sent_msat", Value::text(ranked.path.sent_msat)),
        ("lock_blocks", Value::number(ranked.blocks)),
        ("success_probability", Value::number(format!("{:.9}", probability(ranked)))),
        ("unreliability_micronats", Value::number(ranked.micronats)),
        ("hops", Value::List(hops)),
    ])
}

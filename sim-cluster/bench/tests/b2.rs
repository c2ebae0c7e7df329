//! B2 on small generated graphs: what a sender knows, who owns what, and the report's shape.
//!
//! It must never assert a time.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use debal_bench::b2::demand::{Payment, largest_msat, payments};
use debal_bench::b2::forecast::passes;
use debal_bench::b2::world::{Paid, World, core};
use debal_bench::b2::{COLUMNS, METRICS, Options, Setting, live, methods, run};
use debal_bench::graphs::{Generator, GraphSource};
use debal_bench::report::{Report, json, table};
use debal_bench::states::{Channel, State};

fn options(one_way: f64) -> Options {
    let source = GraphSource::Generated(Generator::ChungLu, 400);
    Options { source, seeds: 2, payments: 16_000, one_way, attempts: 1 }
}

fn report(words: &[&str]) -> Report {
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    run(&options(0.0), &methods(&words).unwrap(), &mut |_| {}).unwrap()
}

/// 0 to 3 over 1 or over 2, each channel of 1,000.
fn square(held: [u64; 4]) -> State {
    let ends = [[0, 1], [1, 3], [0, 2], [2, 3]];
    let channel = |(ends, held_msat)| Channel { ends, capacity_msat: 1_000, held_msat };
    State { nodes: 4, channels: ends.into_iter().zip(held).map(channel).collect() }
}

fn paid(held: [u64; 4], attempts: u32) -> (Paid, Vec<u64>) {
    let mut world = World::new(square(held));
    let payment = Payment { from: 0, to: 3, amount_msat: 100 };
    let route = world.route(&payment).unwrap();
    let paid = world.pay(&payment, &route, attempts);
    (paid, world.state.channels.iter().map(|channel| channel.held_msat).collect())
}

#[test]
fn a_sender_avoids_its_own_empty_channel_and_runs_into_the_empty_ones_of_others() {
    let arrived = |attempts| Paid { arrived: true, attempts };
    assert_eq!(paid([0, 500, 500, 500], 1), (arrived(1), vec![0, 500, 400, 400]));
    assert_eq!(paid([500, 500, 0, 500], 1), (arrived(1), vec![400, 400, 0, 500]));
    let both = [[500, 0, 500, 500], [500, 500, 500, 0]].map(|held| paid(held, 1).0.arrived);
    assert_ne!(both[0], both[1], "one route is taken, and its second hop is not looked at");
    for held in [[500, 0, 500, 500], [500, 500, 500, 0]] {
        assert!(paid(held, 2).0.arrived);
    }
    let refused = paid([500, 0, 500, 0], 5);
    assert_eq!(refused, (Paid { arrived: false, attempts: 2 }, vec![500, 0, 500, 0]));
}

#[test]
fn the_core_keeps_who_has_five_channels_to_others_who_have() {
    let mut state = square([500; 4]);
    for ends in [[0, 3], [1, 2], [1, 4]] {
        state.channels.push(Channel { ends, capacity_msat: 9_000, held_msat: 0 });
    }
    state.nodes = 5;
    let core = core(&state, 3, 2_000, 1);
    assert_eq!((core.nodes, core.channels.len()), (4, 6));
    assert!(core.channels.iter().all(|channel| channel.capacity_msat <= 2_000));
    assert!(core.channels.iter().all(|channel| channel.held_msat == channel.capacity_msat / 2));
}

#[test]
fn every_circulation_keeps_wealth_and_everything_repeats_by_seed() {
    let setting = Setting::draw(&options(0.2), 5).unwrap();
    assert!(setting.payments.iter().all(|one| one.amount_msat <= largest_msat(&setting.state)));
    assert_eq!(setting.payments, Setting::draw(&options(0.2), 5).unwrap().payments);
    for method in methods(&[]).unwrap() {
        // `live` checks every outcome: within capacities, wealth unchanged but for swaps.
        let one = live(&setting, method.as_ref(), 1, 5).unwrap();
        let again = live(&setting, method.as_ref(), 1, 5).unwrap();
        let figures = |reached: debal_bench::b2::Reached| (reached.success, reached.moved_msat);
        assert_eq!(figures(one), figures(again), "{} does not repeat", method.name());
        assert!((0.0..=1.0).contains(&one.success) && (0.0..=1.0).contains(&one.volume));
        let swaps = one.cost.swap_fees_msat > 0;
        assert!(!swaps || !method.keeps_wealth(), "{}", method.name());
    }
}

#[test]
fn triples_ask_of_every_node_as_much_as_they_bring_and_one_way_demand_does_not() {
    let state = Setting::draw(&options(0.0), 1).unwrap().state;
    let lopsided = |one_way: f64| {
        let mut net = vec![0i64; state.nodes as usize];
        for payment in payments(&state, 50_000, one_way, 3) {
            net[payment.from as usize] -= 1;
            net[payment.to as usize] += 1;
        }
        net.iter().map(|count| count.abs()).sum::<i64>()
    };
    assert!(lopsided(0.0) * 5 < lopsided(1.0), "{} {}", lopsided(0.0), lopsided(1.0));
}

#[test]
fn a_balance_without_drift_passes_a_level_as_the_reflection_principle_says() {
    // Twice the normal tail beyond one: 0.3173.
    assert!((passes(1e6, 0.0, 1e12, 1.0) - 0.3173).abs() < 1e-4);
    assert!(passes(1e9, 0.0, 1e6, 1.0) < 1e-9);
    assert!(passes(1e6, 1e8, 1e6, 1.0) > 0.999_999 && passes(-1.0, -1e8, 1e6, 1.0) == 1.0);
}

#[test]
fn json_has_exactly_the_promised_fields_and_the_table_fits_a_terminal() {
    let report = report(&["none", "exact", "forecast"]);
    let value: serde_json::Value = serde_json::from_str(&json(&report).unwrap()).unwrap();
    let mut fields: Vec<&String> = value.as_object().unwrap().keys().collect();
    fields.sort();
    assert_eq!(fields, ["experiment", "graph", "rows", "seeds", "state"]);
    assert_eq!(value["experiment"], "b2");
    for name in METRICS {
        let figure = value["rows"][0]["metrics"][name].as_object().unwrap();
        assert!(figure["mean"].is_number() && figure["ci95"].is_number(), "{name}");
    }
    for name in ["success", "volume", "moved_sat"] {
        assert!(METRICS.contains(&name));
    }
    let table = table(&report, &COLUMNS);
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    let figure = |row: usize, name: &str| report.rows[row].figure(name).unwrap().mean;
    assert_eq!((figure(0, "gain"), figure(0, "moved_sat")), (0.0, 0.0));
    assert!(
        (figure(1, "gain") - 1.0).abs() < 1e-9 && (figure(1, "moved_share") - 1.0).abs() < 1e-9
    );
    assert!(methods(&["zebra".to_owned()]).is_err());
}

#[test]
fn a_graph_without_a_core_is_refused() {
    // Every subgraph of it has a node with at most four channels.
    let source = GraphSource::Generated(Generator::BarabasiAlbert, 150);
    assert!(Setting::draw(&Options { source, ..options(0.0) }, 1).is_err());
}

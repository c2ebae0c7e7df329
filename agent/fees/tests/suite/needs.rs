//! What rules ask of a node is enough: over a state cut down to it they decide the same.
//!
//! It must never compare with a recorded result.

use crate::rules;
use crate::states::{NOW, drawn};
use debal_fees::state::{Alternative, FailedForward, NodeState};
use debal_fees::{Needs, Options, Rules, evaluate, explain};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

/// A state that holds no more than is needed.
fn cut(state: &NodeState, needs: &Needs) -> NodeState {
    let mut cut = state.clone();
    let node = &mut cut.node;
    // A node answers each target by itself: here as a full state would.
    let estimates = std::mem::take(&mut node.fee_estimates_sat_per_kw);
    for target in &needs.fee_targets {
        let near = estimates.range(..=target).next_back().or_else(|| estimates.iter().next());
        node.fee_estimates_sat_per_kw.extend(near.map(|(_, rate)| (*target, *rate)));
    }
    if !needs.transactions {
        node.transactions.clear();
    }
    if !needs.peers && !needs.alternatives {
        node.peers.clear();
    }
    for peer in node.peers.values_mut().filter(|_| !needs.alternatives) {
        peer.alternatives = None;
    }
    let now = node.now;
    node.forwards.retain(|it| needs.forwards_s > 0 && it.timestamp >= now - needs.forwards_s);
    node.failed_forwards.retain(|it| needs.failed_s > 0 && it.timestamp >= now - needs.failed_s);
    for channel in cut.channels.iter_mut().filter(|_| !needs.peer_switches) {
        if let Some(policy) = &mut channel.remote_policy {
            policy.disabled = false;
        }
    }
    cut
}

fn decided(rules: &Rules, state: &NodeState) -> String {
    let evaluation = evaluate(rules, state);
    let one = |decision: &debal_fees::Decision| {
        let said = (&decision.error, &decision.warnings, &decision.target, decision.safety);
        let done = (&decision.section, &decision.update, decision.status);
        format!("{said:?} {done:?} {:?}\n", explain(rules, decision))
    };
    let all: String = evaluation.decisions.iter().map(one).collect();
    format!("{all}{:?} {:?}", evaluation.breaker, evaluation.refused)
}

#[test]
fn every_recorded_case_decides_the_same_over_what_its_rules_ask_for() {
    let folder = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors"));
    let mut cases = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let file: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        for case in file["cases"].as_array().unwrap() {
            let Some(config) = case["config"].as_str() else { continue };
            let mut read = |name: &str| {
                case["files"][name].as_str().map(str::to_owned).ok_or_else(|| "none".to_owned())
            };
            let Ok(rules) = Rules::compile(config, "rules", &mut read, Options::default()) else {
                continue;
            };
            let state = NodeState::from_json(&case.to_string()).unwrap();
            let small = cut(&state, &rules.needs());
            assert_eq!(decided(&rules, &small), decided(&rules, &state), "{}", case["name"]);
            cases += 1;
        }
    }
    assert!(cases > 150, "only {cases} cases were compared");
}

#[test]
fn the_examples_decide_the_same_over_what_they_ask_for() {
    for seed in 0..20 {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut state = drawn(&mut random, 20);
        for channel in &state.channels {
            for _ in 0..random.random_range(0..40) {
                state.node.failed_forwards.push(FailedForward {
                    timestamp: NOW - random.random_range(0..14 * 86_400),
                    chan_id_out: channel.chan_id,
                    amt_msat: random.random_range(0..2_000_000_000),
                });
            }
        }
        for peer in state.node.peers.values_mut() {
            let other = |random: &mut ChaCha8Rng| Alternative {
                capacity: random.random_range(0..3_000_000),
                fee_ppm: random.random_range(0..900),
                disabled: random.random_bool(0.1),
            };
            let count = random.random_range(0..20);
            peer.alternatives = Some((0..count).map(|_| other(&mut random)).collect());
        }
        for text in [
            include_str!("../../examples/starter.conf"),
            include_str!("../../examples/charge-lnd.conf"),
            include_str!("../../examples/advanced.conf"),
            "[a]\nchan.disabled = yes\nstrategy = ignore\n[default]\nstrategy = onchain_fee\n",
            "[p]\nflow_period = 10d\n[default]\nstrategy = flow_based\nfee_ppm = 90\n",
            "[t]\nonchain_fee_numblocks = 100\n[default]\nstrategy = onchain_fee\n",
        ] {
            let rules = rules(text);
            let small = cut(&state, &rules.needs());
            assert_eq!(decided(&rules, &small), decided(&rules, &state), "seed {seed}: {text}");
        }
    }
}

#[test]
fn the_examples_ask_for_exactly_this() {
    let days = |days: i64| days * 86_400;
    let of = |text: &str| rules(text).needs();
    let starter = Needs { forwards_s: days(7), ..Needs::default() };
    assert_eq!(of(include_str!("../../examples/starter.conf")), starter);
    let charge_lnd = Needs { forwards_s: days(7), peers: true, ..Needs::default() };
    assert_eq!(of(include_str!("../../examples/charge-lnd.conf")), charge_lnd);
    let advanced = Needs {
        alternatives: true,
        transactions: true,
        forwards_s: days(30),
        failed_s: days(7),
        ..Needs::default()
    };
    assert_eq!(of(include_str!("../../examples/advanced.conf")), advanced);
    let on_chain =
        of("[a]\nonchain.conf_target = 1\nonchain.max_fee_rate = 5\nstrategy = ignore\n");
    assert_eq!(on_chain.fee_targets, [2].into());
    let both = of("[a]\nonchain.synced_to_chain = yes\nonchain_fee_numblocks = 50\n\
                   [default]\nstrategy = onchain_fee\n");
    assert_eq!(both.fee_targets, [6, 50].into());
}

#[test]
fn what_an_included_file_asks_for_is_asked_for() {
    let text = "[default]\nstrategy = use_config\nconfig_file = inner\n";
    let mut read = |_: &str| Ok("[a]\nnode.min_channels = 3\nstrategy = cost\n".to_owned());
    let rules = Rules::compile(text, "rules", &mut read, Options::default()).unwrap();
    let wanted = Needs { peers: true, transactions: true, ..Needs::default() };
    assert_eq!(rules.needs(), wanted);
}

//! How long a large node takes: 10,000 channels, 20 sections, 100,000 forwards, on one core.
//!
//! It must never time the drawing of the state.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../tests/suite/states.rs"]
mod states;

use criterion::{Criterion, criterion_group, criterion_main};
use debal_fees::state::Forward;
use debal_fees::{NodeState, Options, Rules, evaluate};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const CHANNELS: usize = 10_000;
const FORWARDS: usize = 100_000;

/// Rules of charge-lnd's language alone, so that the original can run the same file.
fn original_rules() -> String {
    let mut text = "[limits]\nmax_htlc_msat_ratio = 0.9\nmin_fee_ppm_delta = 20\n".to_owned();
    for number in 0..17 {
        text += &format!(
            "[s{number}]\nchan.min_capacity = 100000\nchan.max_ratio = 0.{number:02}\n\
             chan.min_age = {}\nnode.min_channels = 6\nstrategy = static\nfee_ppm = {number}\n",
            number * 100
        );
    }
    text += "[busy]\nchan.activity_period = 7d\nchan.min_htlcs_out = 12\nstrategy = static\n\
             fee_ppm = 900\ninbound_level_ppm = 600\n";
    text + "[default]\nstrategy = proportional\nmin_fee_ppm = 100\nmax_fee_ppm = 1000\n\
            sum_peer_chans = true\n"
}

fn node() -> NodeState {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut state = states::drawn(&mut random, CHANNELS);
    state.node.forwards.clear();
    let ids: Vec<u64> = state.channels.iter().map(|channel| channel.chan_id).collect();
    for number in 0..FORWARDS {
        let amount = random.random_range(1..200_000);
        state.node.forwards.push(Forward {
            timestamp: states::NOW - 14 * 86_400 + i64::try_from(number).unwrap() * 12,
            chan_id_in: ids[random.random_range(0..ids.len())],
            chan_id_out: ids[random.random_range(0..ids.len())],
            amt_in_sat: amount + 1,
            amt_out_sat: amount,
            fee_msat: None,
        });
    }
    state
}

fn bench(criterion: &mut Criterion) {
    let state = node();
    let compile = |text: &str| {
        let mut none = |name: &str| Err(format!("no file {name}"));
        Rules::compile(text, "rules", &mut none, Options::default()).unwrap()
    };
    let original = compile(&original_rules());
    let superset = compile(include_str!("../examples/advanced.conf"));
    if let Ok(path) = std::env::var("DEBAL_FEES_BENCH_STATE") {
        // The same node and rules for whoever wants to time something else on them.
        std::fs::write(&path, serde_json::to_string(&state).unwrap()).unwrap();
        std::fs::write(format!("{path}.conf"), original_rules()).unwrap();
    }
    criterion.bench_function("10,000 channels, 20 sections of charge-lnd's language", |bencher| {
        bencher.iter(|| evaluate(&original, &state));
    });
    criterion.bench_function("10,000 channels, the superset's example", |bencher| {
        bencher.iter(|| evaluate(&superset, &state));
    });
}

criterion_group!(benches, bench);
criterion_main!(benches);

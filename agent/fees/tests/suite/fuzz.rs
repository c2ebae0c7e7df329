//! Bytes that nobody meant: into the parser, the lists, the states, the flags.
//!
//! Every run prints its seed when it fails. Nothing here may do worse than refuse.

use crate::states::drawn;
use debal_fees::{Dialect, Flags, NodeState, Options, Rules, evaluate, explain, lint};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// How many texts each test draws.
const ROUNDS: u64 = 3000;

/// Pieces that rule files are made of, sound and broken.
const PIECES: &[&str] = &[
    "[a]",
    "[b]",
    "[default]",
    "[DEFAULT]",
    "[",
    "]",
    "\n",
    "\n",
    "\n  ",
    "\r",
    "\r\n",
    "\t",
    " # x",
    " ; y",
    "# dialect: debal\n",
    "=",
    ":",
    " = ",
    ",",
    "${x}",
    "${a:b}",
    "$$",
    "$",
    "${",
    "}",
    "strategy = ",
    "static",
    "proportional",
    "ignore",
    "disable",
    "use_config",
    "match_peer",
    "cost",
    "onchain_fee",
    "balance_based",
    "flow_based",
    "inbound_discount",
    "revenue_max",
    "cost_recovery",
    "chan.id = ",
    "node.id = ",
    "file://list",
    "config_file = inner",
    "config_file = rules",
    "800000x1x1",
    "chan.min_ratio = ",
    "chan.min_capacity = ",
    "chan.activity_period = ",
    "chan.min_htlcs_in = ",
    "onchain.min_fee_rate = ",
    "onchain.conf_target = ",
    "node.min_shared_ratio = ",
    "activity.level = high",
    "flow.7d.min = ",
    "flow.99999999999999999999999d.min = ",
    "time.of_day = 9:0-1:5",
    "peer.fee_ratio.min = ",
    "fee_ppm = ",
    "min_fee_ppm = ",
    "max_fee_ppm = ",
    "inbound_level_ppm = ",
    "max_htlc_msat_ratio = ",
    "min_fee_ppm_delta = ",
    "cb_mode = ",
    "cb_max_pending = ",
    "priority = ",
    "final = no\n",
    "enabled = ",
    "max_fee_ppm_step = ",
    "cost_factor = ",
    "onchain_fee_btc = ",
    "rollback_threshold = ",
    "0",
    "1",
    "-1",
    "1e400",
    "nan",
    "-inf",
    "0.5",
    "7d",
    "99999999999999999999999999999999999999999999",
    "-170141183460469231731687303715884105728",
    "\u{feff}",
    "\u{85}",
    "\u{2028}",
    "ß",
    "İ",
    "\0",
    "é=1",
];

fn text(random: &mut ChaCha8Rng) -> String {
    let pieces = random.random_range(0..60);
    let mut text = String::new();
    for _ in 0..pieces {
        if random.random_bool(0.05) {
            text.push(char::from(random.random::<u8>()));
        } else {
            text.push_str(PIECES[random.random_range(0..PIECES.len())]);
        }
        if random.random_bool(0.3) {
            text.push('\n');
        }
    }
    text
}

#[test]
fn no_rule_file_does_worse_than_being_refused() {
    let node = drawn(&mut ChaCha8Rng::seed_from_u64(7), 6);
    for seed in 0..ROUNDS {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let rules = text(&mut random);
        let (inner, list) = (text(&mut random), text(&mut random));
        let mut read = |name: &str| match name {
            "inner" => Ok(inner.clone()),
            "list" => Ok(list.clone()),
            _ => Err("no such file".to_owned()),
        };
        let dialect = [None, Some(Dialect::ChargeLnd), Some(Dialect::Debal)];
        let options = Options { dialect: dialect[random.random_range(0..3)] };
        let shown = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let compiled = Rules::compile(&rules, "rules", &mut read, options);
            if let Ok(compiled) = &compiled {
                let evaluation = evaluate(compiled, &node);
                for decision in &evaluation.decisions {
                    assert!(decision.error.is_none() || !decision.is_change(), "an error acts");
                    drop(explain(compiled, decision));
                }
            }
            let found = lint(&rules, "rules", &mut read, options, Some(&node.node));
            assert!(compiled.is_ok() || !found.is_empty(), "lint passes what is refused");
        }));
        assert!(shown.is_ok(), "seed {seed}: {rules:?}\ninner {inner:?}\nlist {list:?}");
    }
}

#[test]
fn no_bytes_do_worse_than_being_refused() {
    for seed in 0..ROUNDS {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let bytes: Vec<u8> = (0..random.random_range(0..200)).map(|_| random.random()).collect();
        let junk = String::from_utf8_lossy(&bytes).into_owned();
        let mut read = |_: &str| Ok(junk.clone());
        let rules = format!("[a]\nchan.id = file://x\n[b]\nnode.id = file://x\n{junk}");
        drop(Rules::compile(&junk, "rules", &mut read, Options::default()));
        drop(Rules::compile(&rules, "rules", &mut read, Options::default()));
        drop(lint(&rules, "rules", &mut read, Options::default(), None));
        assert!(NodeState::from_json(&junk).is_err(), "seed {seed}");
        drop(Flags::parse(junk.split_whitespace()));
    }
}

#[test]
fn no_state_does_worse_than_being_refused() {
    let sound = serde_json::to_string(&drawn(&mut ChaCha8Rng::seed_from_u64(3), 3)).unwrap();
    let rules = "[a]\nchan.min_ratio = 0.5\nstrategy = proportional\nmin_fee_ppm = 1\n\
        max_fee_ppm = 9\nmax_htlc_msat_ratio = 0.7\n[b]\nflow.7d.min = 5\nstrategy = flow_based\n\
        fee_ppm = 9\n[c]\nnode.min_shared_ratio = 0.5\nstrategy = onchain_fee\n\
        [default]\nstrategy = cost\n";
    let rules = crate::rules(rules);
    let digits: Vec<usize> =
        sound.char_indices().filter(|(_, c)| c.is_ascii_digit()).map(|(at, _)| at).collect();
    for seed in 0..ROUNDS {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut mutated = sound.clone();
        for _ in 0..random.random_range(1..6) {
            let at = digits[random.random_range(0..digits.len())].min(mutated.len() - 1);
            let with = ["", "9", "-", "9223372036854775807", "e9", "null", "\"", "0"];
            mutated.replace_range(at..=at, with[random.random_range(0..with.len())]);
        }
        let shown = std::panic::catch_unwind(|| {
            if let Ok(state) = NodeState::from_json(&mutated) {
                drop(evaluate(&rules, &state));
            }
        });
        assert!(shown.is_ok(), "seed {seed}: {mutated}");
    }
}

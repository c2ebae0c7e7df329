//! Relations that hold for any rules and any node, on drawn ones.
//!
//! Every run prints its seed when it fails. It must never compare with a recorded result.

use crate::decide;
use crate::states::{HEIGHT, drawn};
use debal_fees::state::{Channel, NodeState};
use debal_fees::{Decision, Flags, Options, PolicyUpdate, Target, answer};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A drawn section's criteria: what a naive evaluator can judge too.
#[derive(Debug, Clone)]
enum Ask {
    MinCapacity(i64),
    MaxRatio(f64),
    MinRatio(f64),
    Private(bool),
    MinAge(i64),
    MaxPeerFee(i64),
    NodeMinChannels(i64),
    MinPending(usize),
}

impl Ask {
    fn draw(random: &mut ChaCha8Rng) -> Ask {
        match random.random_range(0..8) {
            0 => Ask::MinCapacity([0, 500_000, 1_000_001, 5_000_000][random.random_range(0..4)]),
            1 => Ask::MaxRatio([0.0, 0.25, 0.5, 0.9][random.random_range(0..4)]),
            2 => Ask::MinRatio([0.1, 0.5, 0.75, 1.0][random.random_range(0..4)]),
            3 => Ask::Private(random.random_bool(0.5)),
            4 => Ask::MinAge(random.random_range(0..150_000)),
            5 => Ask::MaxPeerFee(random.random_range(0..2500)),
            6 => Ask::NodeMinChannels(random.random_range(4..13)),
            _ => Ask::MinPending(random.random_range(0..2)),
        }
    }

    fn text(&self) -> String {
        match self {
            Ask::MinCapacity(least) => format!("chan.min_capacity = {least}"),
            Ask::MaxRatio(most) => format!("chan.max_ratio = {most}"),
            Ask::MinRatio(least) => format!("chan.min_ratio = {least}"),
            Ask::Private(private) => format!("chan.private = {private}"),
            Ask::MinAge(least) => format!("chan.min_age = {least}"),
            Ask::MaxPeerFee(most) => format!("chan.max_fee_ppm = {most}"),
            Ask::NodeMinChannels(least) => format!("node.min_channels = {least}"),
            Ask::MinPending(least) => format!("chan.min_count_pending_htlcs = {least}"),
        }
    }

    /// The naive judgement, from the definition.
    fn holds(&self, channel: &Channel, state: &NodeState) -> bool {
        let ratio = naive_ratio(channel);
        match self {
            Ask::MinCapacity(least) => *least <= channel.funds.capacity,
            Ask::MaxRatio(most) => *most >= ratio,
            Ask::MinRatio(least) => *least <= ratio,
            Ask::Private(private) => *private == channel.private,
            Ask::MinAge(least) => *least <= HEIGHT - i64::try_from(channel.chan_id >> 40).unwrap(),
            Ask::MaxPeerFee(most) => {
                *most >= channel.remote_policy.as_ref().map_or(0, |policy| policy.fee_ppm)
            }
            Ask::NodeMinChannels(least) => {
                *least <= state.node.peers[&channel.remote_pubkey].num_channels
            }
            Ask::MinPending(least) => *least <= channel.funds.pending_htlcs.len(),
        }
    }
}

fn naive_ratio(channel: &Channel) -> f64 {
    let pending = |incoming: bool| -> i64 {
        let htlcs = channel.funds.pending_htlcs.iter().filter(|htlc| htlc.incoming == incoming);
        htlcs.map(|htlc| htlc.amount_sat).sum()
    };
    let fee = channel.funds.commit_fee;
    let (ours, theirs) = if channel.initiator { (fee, 0) } else { (0, fee) };
    let local = channel.funds.local_balance + pending(false) + ours;
    let remote = channel.funds.remote_balance + pending(true) + theirs;
    local as f64 / (local + remote) as f64
}

/// A drawn section.
#[derive(Debug, Clone)]
struct Part {
    asks: Vec<Ask>,
    fee: Option<i64>,
    base: Option<i64>,
    delta: Option<i64>,
    proportional: Option<(i64, i64)>,
    is_final: bool,
}

impl Part {
    fn draw(random: &mut ChaCha8Rng) -> Part {
        let is_final = random.random_bool(0.7);
        Part {
            asks: (0..random.random_range(0..4)).map(|_| Ask::draw(random)).collect(),
            fee: random.random_bool(0.7).then(|| random.random_range(0..2000)),
            base: random.random_bool(0.4).then(|| random.random_range(0..2000)),
            delta: random.random_bool(0.3).then(|| random.random_range(0..300)),
            proportional: (is_final && random.random_bool(0.4))
                .then(|| (random.random_range(-100..500), random.random_range(0..3000))),
            is_final,
        }
    }

    fn text(&self, name: usize) -> String {
        let mut lines = vec![format!("[s{name}]")];
        let mut keys = std::collections::BTreeSet::new();
        for ask in &self.asks {
            let text = ask.text();
            if keys.insert(text.split(' ').next().unwrap().to_owned()) {
                lines.push(text);
            }
        }
        let mut set = |name: &str, value: Option<i64>| {
            lines.extend(value.map(|value| format!("{name} = {value}")));
        };
        set("fee_ppm", self.fee);
        set("base_fee_msat", self.base);
        set("min_fee_ppm_delta", self.delta);
        set("min_fee_ppm", self.proportional.map(|bounds| bounds.0));
        set("max_fee_ppm", self.proportional.map(|bounds| bounds.1));
        if self.is_final {
            let proportional = self.proportional.is_some();
            lines.push(format!(
                "strategy = {}",
                if proportional { "proportional" } else { "static" }
            ));
        }
        lines.join("\n") + "\n"
    }

    fn asks(&self) -> Vec<&Ask> {
        // As in the text, the first of two equal keys stays.
        let mut keys = std::collections::BTreeSet::new();
        let fresh = self
            .asks
            .iter()
            .filter(|ask| keys.insert(ask.text().split(' ').next().unwrap().to_owned()));
        fresh.collect()
    }
}

/// The naive evaluator: section, rate, base fee and whether an update is sent.
fn naive(parts: &[Part], channel: &Channel, state: &NodeState) -> (Option<usize>, Target, bool) {
    let (mut fee, mut base, mut delta) = (None, None, None);
    for (index, part) in parts.iter().enumerate() {
        if !part.asks().iter().all(|ask| ask.holds(channel, state)) {
            continue;
        }
        fee = part.fee.or(fee);
        base = part.base.or(base);
        delta = part.delta.or(delta);
        if !part.is_final {
            continue;
        }
        let (rate, delta) = match part.proportional {
            Some((least, most)) => {
                let rate = least as f64 + (1.0 - naive_ratio(channel)) * (most - least) as f64;
                (Some((rate as i64).max(0)), delta.unwrap_or(10))
            }
            None => (fee, delta.unwrap_or(0)),
        };
        let current = &channel.local_policy;
        let moved = rate
            .is_some_and(|rate| rate != current.fee_ppm && (rate - current.fee_ppm).abs() >= delta);
        let sent = moved || base.is_some_and(|base| base != current.base_fee_msat);
        let target = Target {
            fee_ppm: rate.map(i128::from),
            base_fee_msat: base.map(i128::from),
            disabled: Some(false),
            ..Target::default()
        };
        return (Some(index), target, sent);
    }
    (None, Target::default(), false)
}

fn draw(seed: u64) -> (Vec<Part>, String, NodeState) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let state = drawn(&mut random, 12);
    let parts: Vec<Part> =
        (0..random.random_range(1..8)).map(|_| Part::draw(&mut random)).collect();
    let text = parts.iter().enumerate().map(|(name, part)| part.text(name)).collect();
    (parts, text, state)
}

/// What a decision comes to, without the way it took.
fn essence(decision: &Decision) -> (Option<String>, Option<Target>, Option<PolicyUpdate>, String) {
    let section = decision.section.as_ref().map(|section| section.to_string());
    let rest = format!("{:?} {:?} {:?}", decision.error, decision.status, decision.warnings);
    (section, decision.target.clone(), decision.update.clone(), rest)
}

/// No file keeps failures: the seed is printed, and a test can be written from it.
fn config() -> ProptestConfig {
    ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_naive_evaluator_agrees(seed: u64) {
        let (parts, text, state) = draw(seed);
        for (decision, channel) in decide(&text, &state).iter().zip(&state.channels) {
            let (section, target, sent) = naive(&parts, channel, &state);
            let named = section.map(|index| format!("s{index}"));
            prop_assert_eq!(decision.section.as_deref(), named.as_deref(), "{}", &text);
            prop_assert_eq!(decision.update.is_some(), sent, "{}", &text);
            if section.is_some() {
                prop_assert_eq!(decision.target.as_ref(), Some(&target), "{}", &text);
            }
        }
    }

    #[test]
    fn the_same_input_gives_the_same_decisions(seed: u64) {
        let (_, text, state) = draw(seed);
        let once = format!("{:?}", decide(&text, &state));
        prop_assert_eq!(once, format!("{:?}", decide(&text, &state)));
    }

    #[test]
    fn the_order_of_keys_means_nothing_within_a_name_space(seed: u64) {
        let (parts, text, state) = draw(seed);
        let turned: String = text.split_inclusive('\n').collect::<Vec<_>>()
            .chunk_by(|_, next| !next.starts_with('['))
            .flat_map(|part| {
                let (head, keys) = part.split_first().unwrap();
                std::iter::once(*head).chain(keys.iter().rev().copied())
            })
            .collect();
        prop_assume!(!parts.is_empty());
        let (one, other) = (decide(&text, &state), decide(&turned, &state));
        for (one, other) in one.iter().zip(&other) {
            prop_assert_eq!(essence(one), essence(other), "{}\n{}", &text, &turned);
        }
    }

    #[test]
    fn spelling_means_nothing(seed: u64) {
        let (_, text, state) = draw(seed);
        let other = text.replace(" = ", " :\t").replace('\n', "\r\n# comment\r\n\r\n");
        let other = other.replace("chan.", "CHAN.").replace("fee_ppm", "Fee_PPM");
        for (one, other) in decide(&text, &state).iter().zip(&decide(&other, &state)) {
            prop_assert_eq!(essence(one), essence(other));
        }
    }

    #[test]
    fn a_section_that_nobody_meets_changes_nothing(seed: u64) {
        let (_, text, state) = draw(seed);
        let more = format!("[never]\nchan.min_capacity = 99999999999999999999\nstrategy = disable\n{text}");
        for (one, other) in decide(&text, &state).iter().zip(&decide(&more, &state)) {
            prop_assert_eq!(essence(one), essence(other));
        }
    }

    #[test]
    fn channels_of_different_peers_do_not_influence_each_other(seed: u64) {
        let (_, text, mut state) = draw(seed);
        let all = decide(&text, &state);
        let first = state.channels[0].remote_pubkey.clone();
        state.channels.retain(|channel| channel.remote_pubkey == first);
        let alone = decide(&text, &state);
        let shared = all.iter().filter(|d| state.channels.iter().any(|c| c.chan_id == d.chan_id));
        for (one, other) in shared.zip(&alone) {
            prop_assert_eq!(essence(one), essence(other));
        }
    }

    #[test]
    fn a_second_run_has_nothing_to_do(seed: u64) {
        let (_, text, mut state) = draw(seed);
        let mut none = |_: &str| Err("no file".to_owned());
        let flags = Flags::default();
        let run = answer(Some(&text), "rules", &mut none, &state, &flags, Options::default());
        for (channel, answer) in state.channels.iter_mut().zip(&run.answer.channels) {
            channel.local_policy = answer.policy.clone();
        }
        let again = answer(Some(&text), "rules", &mut none, &state, &flags, Options::default());
        for (answer, before) in again.answer.channels.iter().zip(&run.answer.channels) {
            prop_assert!(!answer.changed || before.rejected.is_some(), "{}: {:?}", &text, answer);
        }
    }

    #[test]
    fn what_is_not_decided_is_not_touched(seed: u64) {
        let (_, text, state) = draw(seed);
        for decision in decide(&text, &state) {
            let decided = decision.section.is_some() && decision.error.is_none();
            prop_assert!(decided || !decision.is_change());
        }
    }
}

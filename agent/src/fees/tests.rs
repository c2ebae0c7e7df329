//! Fees and rebalancing as one model: hand-worked judgements, no ping-pong, a pass of a real agent.

use super::*;
use crate::api::Op;
use crate::world::{World, ask, event_of, local_msat, open};
use debal_fees::state::Forward;
use debal_fees::{NodeState, Options, Rules};
use debal_protocol::ChannelId;
use debal_protocol::steer::Steer;
use serde_json::json;
use std::time::Duration;

const NOW_S: i64 = 1_720_000_000;
const PROPORTIONAL: &str =
    "[default]\nstrategy = proportional\nmin_fee_ppm = 100\nmax_fee_ppm = 1100\n";
const MODEL: Model = Model { horizon_h: 192, demand_days: 7, margin_ppm: 200_000 };

fn rules(text: &str) -> Rules {
    let mut none = |name: &str| Err(format!("no file {name}"));
    Rules::compile(text, "rules", &mut none, Options::default()).unwrap()
}

/// Channels of a million sat with these balances, asked for so many sat out and in each day.
fn node(channels: &[(u64, i64, i64, i64)]) -> NodeState {
    let policy = json!({ "base_fee_msat": 0, "fee_ppm": 500, "time_lock_delta": 40,
        "min_htlc_msat": 1, "max_htlc_msat": 1_000_000_000u64 });
    let limits =
        json!({ "chan_reserve_sat": 0, "min_htlc_msat": 1, "max_pending_amt_msat": 1_000_000_000 });
    let channel = |(id, local, _, _): &(u64, i64, i64, i64)| {
        json!({ "chan_id": id.to_string(), "remote_pubkey": format!("02{id:064x}"), "active": true,
            "capacity": 1_000_000, "local_balance": local, "remote_balance": 1_000_000 - local,
            "local_constraints": limits, "remote_constraints": limits, "local_policy": policy })
    };
    let value = json!({
        "node": { "pubkey": "02aa", "version": "0.18.5", "block_height": 0, "now": NOW_S },
        "channels": channels.iter().map(channel).collect::<Vec<_>>(),
    });
    let mut state = NodeState::from_json(&value.to_string()).unwrap();
    let forward = |id_in, id_out, sat| Forward {
        timestamp: NOW_S - 60,
        chan_id_in: id_in,
        chan_id_out: id_out,
        amt_in_sat: sat,
        amt_out_sat: sat,
        fee_msat: None,
    };
    for (id, _, out, into) in channels {
        state.node.forwards.push(forward(1, *id, out * 7));
        state.node.forwards.push(forward(*id, 1, into * 7));
    }
    state
}

#[test]
fn a_channel_end_pays_what_a_refill_earns_less_a_margin_and_lends_for_what_it_would_lose() {
    let state = node(&[(7, 100_000, 100_000, 0)]);
    let judged = judge(&rules(PROPORTIONAL), &state, &Liquidity::default(), &MODEL);
    let [(channel, judgement, Some(steer))] = &judged[..] else { panic!("{judged:?}") };
    assert_eq!(*channel, ChannelId(7));
    // 400,000 sat bring it to its target and earn 300 sat in eight days: 750 ppm.
    assert_eq!((judgement.wanted_msat, judgement.worth_ppm), (400_000_000, 750));
    assert_eq!((judgement.fee_before_ppm, judgement.fee_after_ppm), (1_000, 600));
    // Lending the last 100,000 sat away loses 100 sat, 1,000 ppm; both by a margin of a fifth.
    let expected = Steer {
        target_ppm: 500_000,
        lend_band_ppm: 200_000,
        dead_band_ppm: 50_000,
        price_ppm: 1_200,
        fee_max_ppm: 600,
        urgency: Some(191),
        forecast: None,
    };
    assert_eq!(*steer, expected);
}

#[test]
fn a_channel_whose_rules_are_in_error_keeps_the_configured_figures_and_says_why() {
    let state = node(&[(7, 100_000, 100_000, 0)]);
    let broken = rules("[default]\nstrategy = proportional\nmin_fee_ppm = many\n");
    let judged = judge(&broken, &state, &Liquidity::default(), &MODEL);
    assert!(judged[0].2.is_none());
    assert!(judged[0].1.fault.as_ref().unwrap().contains("min_fee_ppm"), "{judged:?}");
}

/// A month of a node whose one channel drains and whose other fills, with cycles for sale at
/// `market_ppm`: sat moved into the first channel each day, below zero back.
fn month(market_ppm: u32, daily: impl Fn(i64) -> i64) -> Vec<i64> {
    let rules = rules(PROPORTIONAL);
    let mut balances = [500_000i64, 500_000];
    let mut moves = Vec::new();
    for day in 0..30 {
        let flow = daily(day);
        let (out, into) = (flow.max(0), (-flow).max(0));
        let state = node(&[(7, balances[0], out, into), (8, balances[1], into, out)]);
        let judged = judge(&rules, &state, &Liquidity::default(), &MODEL);
        let [first, second] = [&judged[0].1, &judged[1].1];
        let pays_ppm = first.fee_max_ppm + second.fee_max_ppm;
        let opposite = (first.wanted_msat > 0) != (second.wanted_msat > 0);
        let most = first.wanted_msat.abs().min(second.wanted_msat.abs()) / 1_000;
        let moved = if opposite && pays_ppm >= market_ppm { most } else { 0 };
        moves.push(moved * first.wanted_msat.signum());
        let through = flow.clamp(-balances[1].min(1_000_000 - balances[0]), balances[0]);
        let moved = moves.last().unwrap() - through;
        balances = [balances[0] + moved, balances[1] - moved].map(|b| b.clamp(0, 1_000_000));
    }
    moves
}

#[test]
fn liquidity_is_moved_one_way_only_while_demand_is_one_way_and_not_at_all_where_it_does_not_pay() {
    let steady = month(300, |_| 100_000);
    assert!(steady.iter().all(|sat| *sat >= 0), "{steady:?}");
    assert!(steady.iter().filter(|sat| **sat > 0).count() >= 2, "{steady:?}");
    assert_eq!(month(2_000, |_| 100_000), [0; 30]);
    // Demand that turns every day needs no rebalancing, and gets none.
    let turning = month(300, |day| if day % 2 == 0 { 100_000 } else { -100_000 });
    let turns = turning.windows(2).filter(|pair| pair[0] * pair[1] < 0).count();
    assert_eq!(turns, 0, "{turning:?}");
}

fn config(rules: &Path) -> FeesConfig {
    FeesConfig { rules: rules.to_owned(), every: Duration::from_secs(600), model: MODEL }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_sets_the_ledgers_fees_by_the_rules_and_why_shows_what_liquidity_is_worth() {
    let world = World::new(2, 600_000);
    let agents = world.start().await;
    open([&agents[0], &agents[1]], "1x1x1", 1_000_000_000, 750_000_000).await;
    event_of(&agents[0], "channel_opened").await;
    let file = world.path(0).join("rules.conf");
    std::fs::write(&file, PROPORTIONAL).unwrap();
    let service = agents[0].service();
    let (liquidity, board) = (Liquidity::default(), service.board.clone());
    let mut fees =
        Fees::new(service.driver.clone(), service.node, liquidity, config(&file), board.clone());
    let history = || FeeHistory::open(&world.path(0).join(FILE_NAME)).unwrap();
    let passed = fees.pass(history(), NOW_S).await.unwrap();
    assert_eq!(passed, Passed { changed: 1, steered: 1, faults: Vec::new() });
    let channel: ChannelId = "1x1x1".parse().unwrap();
    let find = move |node: &debal_protocol::Node, _| {
        node.durable().channels.get(&channel).map(|held| held.our_policy.ppm)
    };
    // Three quarters are ours: 100 + 25 % of 1,000 ppm.
    assert_eq!(service.driver.look(find).await.unwrap(), Some(350));
    assert_eq!(board.of(channel).unwrap().fees.unwrap().fee_before_ppm, 350);
    assert_eq!(local_msat(&agents[0], "1x1x1").await, 750_000_000);
    // A file that breaks keeps the old rules; nothing is left to change.
    std::fs::write(&file, "[default\n").unwrap();
    let passed = fees.pass(history(), NOW_S + 600).await.unwrap();
    assert_eq!((passed.changed, passed.steered), (0, 1));
    assert!(passed.faults[0].starts_with("the old rules stay in force"), "{passed:?}");
    let why = ask(&agents[0], Op::Why { channel: "1x1x1".to_owned() }).await;
    assert_eq!(why["fees"]["fee_before_ppm"], 350);
}

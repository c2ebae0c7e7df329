//! Whole agents in one process: channels, payments, rebalancing, restarts, refusals to start.

use crate::agent::{Agent, StartError};
use crate::api::{LINE_MAX_BYTES, Op, SOCKET_NAME};
use crate::config::genesis::MemberEntry;
use crate::payments::Invoice;
use crate::world::{LIMIT, World, address_of, ask, event_of, local_msat, open};
use debal_backends::conformance::{self, Pair};
use debal_store::JournalError;
use serde_json::Value;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

const EPOCH_MS: u64 = 2_000;
const CAPACITY: u64 = 1_000_000_000;

async fn pay(from: &Agent, to: &Agent, amount_msat: u64) -> Value {
    let invoice = ask(to, Op::Invoice { amount_msat, expiry_ms: 60_000 }).await;
    let invoice: Invoice = serde_json::from_value(invoice).unwrap();
    ask(from, Op::Pay { invoice, attempts: None, max_fee_msat: None, min_success_ppm: None }).await
}

/// The same invoice at the same time and later again: one payment.
async fn paid_twice_is_refused(agents: &[Agent]) {
    let before = local_msat(&agents[0], "1x2x3").await;
    let invoice = ask(&agents[1], Op::Invoice { amount_msat: 7_000, expiry_ms: 60_000 }).await;
    let invoice: Invoice = serde_json::from_value(invoice).unwrap();
    let op = Op::Pay { invoice, attempts: None, max_fee_msat: None, min_success_ppm: None };
    let both = [agents[0].service().run(op.clone()), agents[0].service().run(op.clone())];
    let both = futures::future::join_all(both).await;
    assert_eq!(both.iter().filter(|paid| paid.is_ok()).count(), 1, "{both:?}");
    let again = agents[0].service().run(op).await.unwrap_err();
    assert!(again.message.contains("used before; its payment is settled"), "{again}");
    assert_eq!(local_msat(&agents[0], "1x2x3").await, before - 7_000);
}

async fn stop(agents: Vec<Agent>) {
    for agent in agents {
        tokio::time::timeout(LIMIT, agent.stop()).await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_agents_open_a_channel_pay_and_remember_it_after_a_restart() {
    let world = World::new(2, EPOCH_MS);
    let agents = world.start().await;
    open([&agents[0], &agents[1]], "1x2x3", CAPACITY, 600_000_000).await;
    let paid = pay(&agents[0], &agents[1], 50_000_000).await;
    assert_eq!(paid["outcome"], "succeeded", "{paid}");
    assert_eq!((paid["fee_msat"].as_u64(), paid["hops"].as_u64()), (Some(0), Some(1)));
    assert_eq!(local_msat(&agents[0], "1x2x3").await, 550_000_000);
    assert_eq!(local_msat(&agents[1], "1x2x3").await, 450_000_000);
    let paid = pay(&agents[1], &agents[0], 900_000_000).await;
    assert_eq!((&paid["outcome"], &paid["reason"]), (&"failed".into(), &"no_route".into()));
    paid_twice_is_refused(&agents).await;
    stop(agents).await;
    let agents = world.start().await;
    assert_eq!(local_msat(&agents[0], "1x2x3").await, 549_993_000);
    for agent in &agents {
        let audit = ask(agent, Op::Audit).await;
        assert_eq!(
            (&audit["violations"], &audit["open_locks"]),
            (&serde_json::json!([]), &0.into())
        );
    }
    stop(agents).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_circular_payment_moves_outbound_from_one_channel_to_another() {
    let world = World::new(3, EPOCH_MS);
    let agents = world.start().await;
    open([&agents[0], &agents[1]], "1x0x0", CAPACITY, 900_000_000).await;
    open([&agents[1], &agents[2]], "2x0x0", CAPACITY, 500_000_000).await;
    open([&agents[2], &agents[0]], "3x0x0", CAPACITY, 900_000_000).await;
    // Routes need the others' summaries with the peers up in them.
    let rebalance = Op::Rebalance {
        from: "1x0x0".to_owned(),
        to: "3x0x0".to_owned(),
        amount_msat: 100_000_000,
        max_fee_ppm: Some(1_000),
        min_success_ppm: None,
    };
    let mut paid = Value::Null;
    for _ in 0..20 {
        paid = ask(&agents[0], rebalance.clone()).await;
        if paid["reason"] != "no_route" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(250)).await;
    }
    assert_eq!(paid["outcome"], "succeeded", "{paid}");
    let fee = paid["fee_msat"].as_u64().unwrap();
    assert_eq!(local_msat(&agents[0], "1x0x0").await, 800_000_000 - fee);
    assert_eq!(local_msat(&agents[0], "3x0x0").await, 200_000_000);
    stop(agents).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_market_mode_a_ring_of_agents_agrees_on_prices_and_commits_a_cycle() {
    let mut world = World::new(3, EPOCH_MS);
    // Buckets of half a channel hide all there is to move: only price rounds can offer it.
    world.told = vec!["plan.mode=market", "plan.rounds=4", "policy.summary_bits=1"];
    let agents = world.start().await;
    open([&agents[0], &agents[1]], "1x0x0", CAPACITY, 900_000_000).await;
    open([&agents[1], &agents[2]], "2x0x0", CAPACITY, 900_000_000).await;
    open([&agents[2], &agents[0]], "3x0x0", CAPACITY, 900_000_000).await;
    let ends = agents.iter().map(|agent| Box::pin(event_of(agent, "cycle_ended")));
    let (ended, _, _) = futures::future::select_all(ends).await;
    assert_eq!((&ended["outcome"], &ended["hops"]), (&"committed".into(), &3.into()), "{ended}");
    for (agent, channel) in agents.iter().zip(["1x0x0", "2x0x0", "3x0x0"]) {
        event_of(agent, "prices_settled").await;
        let status = ask(agent, Op::Status).await;
        assert_eq!(status["plan_mode"], "market");
        assert!(status["prices"]["price_ppm"].is_i64(), "{status}");
        let told = ask(agent, Op::Privacy).await;
        assert_eq!(told["published"]["bits"], 0);
        assert!(told["published"]["channels"][0]["ratio_bucket"].is_null());
        let moved = 900_000_000 - local_msat(agent, channel).await;
        assert!((390_000_000..=400_000_000).contains(&moved), "{moved}");
    }
    stop(agents).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_is_certified_and_its_certificate_verifies() {
    let world = World::new(2, EPOCH_MS);
    let agents = world.start().await;
    let event = event_of(&agents[0], "epoch_certified").await;
    let epoch = event["epoch"].as_u64();
    let answer = ask(&agents[0], Op::Certificate { epoch }).await;
    let file = answer["file"].as_str().unwrap();
    let verified = debal_protocol::election::verify_file(file.as_bytes()).unwrap();
    assert_eq!(Some(verified.epoch.0), epoch);
    assert_eq!(verified.leader.to_string(), event["leader"].as_str().unwrap());
    stop(agents).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_with_a_channel_is_vouched_for_and_everyone_waits_for_it() {
    let mut world = World::new(2, EPOCH_MS);
    let mut agents = world.start().await;
    let entry = world.newcomer(5_000_000);
    let newcomer = entry.node.clone();
    let address = address_of(&agents[0]).await;
    let config = world.config(2, Some((world.nodes[0], address)));
    agents.push(Agent::start(config).await.unwrap());
    let sponsor = Op::Sponsor { entry: entry.clone() };
    let refused = agents[0].service().run(sponsor.clone()).await.unwrap_err();
    assert!(refused.message.contains("open one first"), "{refused}");
    open([&agents[0], &agents[2]], "1x2x3", CAPACITY, 600_000_000).await;
    let elsewhere = MemberEntry { vrf: "0".repeat(64), ..entry };
    let refused = agents[0].service().run(Op::Sponsor { entry: elsewhere }).await.unwrap_err();
    assert_eq!(refused.kind, "invalid", "{refused}");
    ask(&agents[0], sponsor).await;
    for agent in &agents {
        let waiting = waiting_in(agent).await;
        assert_eq!(waiting["node"], newcomer);
        // 5,000,000 were asked for; the channel holds a million, and the sponsor weighs 1,000.
        assert_eq!((&waiting["change"], &waiting["weight"]), (&"joins".into(), &1_000.into()));
    }
    let refused = agents[2].service().run(Op::Leave).await.unwrap_err();
    assert!(refused.message.contains("not an acting member"), "{refused}");
    stop(agents).await;
}

/// The first change of the roster that this agent knows of.
async fn waiting_in(agent: &Agent) -> Value {
    let search = async {
        loop {
            let roster = ask(agent, Op::Roster).await;
            if let Some(change) = roster["waiting"].get(0) {
                return change.clone();
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(LIMIT, search).await.expect("no change is waiting")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_control_socket_answers_in_any_order_and_cuts_what_is_too_long() {
    let world = World::new(1, 600_000);
    let agents = world.start().await;
    let mut stream = UnixStream::connect(world.path(0).join(SOCKET_NAME)).await.unwrap();
    let requests = concat!(
        "{\"id\":1,\"op\":\"events\",\"after\":1000000}\n",
        "{\"id\":2,\"op\":\"status\"}\n",
        "\n",
        "{\"id\":3,\"op\":\"why\",\"channel\":\"1x2x3\"}\n",
        "{\"id\":4,\"op\":\"steal\"}\n",
    );
    stream.write_all(requests.as_bytes()).await.unwrap();
    stream.write_all(&vec![b'x'; LINE_MAX_BYTES + 2]).await.unwrap();
    let mut text = String::new();
    let read = stream.read_to_string(&mut text);
    tokio::time::timeout(LIMIT, read).await.unwrap().unwrap();
    let mut answers: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    answers.sort_by_key(|answer| answer["id"].as_u64());
    let kinds = answers.iter().map(|a| a["error"]["kind"].as_str().unwrap_or("ok"));
    let kinds: Vec<&str> = kinds.collect();
    assert_eq!(kinds, ["too_long", "ok", "ok", "not_found", "bad_request"]);
    stop(agents).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_backend_conforms() {
    let world = World::new(2, 600_000);
    let agents = world.start().await;
    open([&agents[0], &agents[1]], "1x2x3", CAPACITY, 600_000_000).await;
    let pair = Pair {
        payer: Arc::clone(agents[0].backend()),
        payee: Arc::clone(agents[1].backend()),
        channel: "1x2x3".parse().unwrap(),
        expires_ms: crate::clock::unix_ms() + 600_000,
    };
    let checks = conformance::run(&pair).await.unwrap();
    assert_eq!(checks.len(), 8);
    stop(agents).await;
}

async fn refused(world: &World) -> StartError {
    match Agent::start(world.config(0, None)).await {
        Err(error) => error,
        Ok(_) => panic!("the agent started"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_agent_on_the_same_directory_is_refused_by_name() {
    let world = World::new(1, EPOCH_MS);
    let agent = Agent::start(world.config(0, None)).await.unwrap();
    let error = refused(&world).await;
    assert!(matches!(error, StartError::Lock(_)) && !error.is_input(), "{error}");
    assert!(error.to_string().contains("stop that agent first"), "{error}");
    stop(vec![agent]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_founding_file_of_another_network_is_refused_as_input() {
    let world = World::new(1, EPOCH_MS);
    let agent = Agent::start(world.config(0, None)).await.unwrap();
    stop(vec![agent]).await;
    let other = World::new(1, EPOCH_MS + 1_000);
    std::fs::copy(other.genesis(), world.genesis()).unwrap();
    let error = refused(&world).await;
    assert!(error.is_input() && error.to_string().contains("belongs to network"), "{error}");
}

fn journal_file(world: &World) -> std::path::PathBuf {
    let entries = std::fs::read_dir(world.path(0)).unwrap().map(|entry| entry.unwrap().path());
    let mut journals = entries.filter(|path| {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|n| n.starts_with("journal-"))
    });
    journals.next().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_journal_stops_the_agent_and_says_what_to_do() {
    let world = World::new(1, EPOCH_MS);
    std::fs::remove_file(journal_file(&world)).unwrap();
    let error = refused(&world).await;
    assert!(matches!(error, StartError::Journal(JournalError::Missing)), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_damaged_in_the_middle_stops_the_agent_and_a_torn_tail_does_not() {
    let world = World::new(1, EPOCH_MS);
    for _ in 0..3 {
        let agent = Agent::start(world.config(0, None)).await.unwrap();
        ask(&agent, Op::SetRebalancing { enabled: true }).await;
        ask(&agent, Op::SetRebalancing { enabled: false }).await;
        stop(vec![agent]).await;
    }
    let path = journal_file(&world);
    let sound = std::fs::read(&path).unwrap();
    let used = sound.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    let mut torn = sound.clone();
    torn[used + 40..used + 60].fill(0x55);
    std::fs::write(&path, torn).unwrap();
    let agent = Agent::start(world.config(0, None)).await.unwrap();
    let status = ask(&agent, Op::Status).await;
    assert_eq!(status["rebalancing"], false);
    stop(vec![agent]).await;
    let mut damaged = std::fs::read(&path).unwrap();
    damaged[used / 2] ^= 0x40;
    std::fs::write(&path, damaged).unwrap();
    let error = refused(&world).await;
    assert!(matches!(error, StartError::Journal(_)) && !error.is_input(), "{error}");
    assert!(error.to_string().contains("Copy the data directory"), "{error}");
}

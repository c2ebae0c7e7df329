//! States for tests and benchmarks: by hand, or drawn from a seed.
//!
//! It must never use the crate under test to decide anything.

use debal_fees::state::{
    Alternative, Channel, Constraints, FeeTrial, Forward, Funds, Node, NodeState, Peer,
    PendingHtlc, Policy, Switches,
};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// The clock of every state here, unix seconds: a Wednesday morning.
pub const NOW: i64 = 1_720_000_000;
/// The tip of every state here.
pub const HEIGHT: i64 = 850_000;

/// A peer's key.
pub fn key(number: u64) -> String {
    format!("02{number:064x}")
}

/// A channel's id.
pub fn id(block: u64, index: u64) -> u64 {
    (block << 40) | (index << 16)
}

/// A channel half full, at 500 ppm.
pub fn channel(index: u64) -> Channel {
    let capacity = 1_000_000;
    let constraints = Constraints {
        chan_reserve_sat: capacity / 100,
        min_htlc_msat: 1,
        max_pending_amt_msat: capacity * 990,
    };
    let policy = |fee_ppm| Policy {
        base_fee_msat: 1000,
        fee_ppm,
        time_lock_delta: 80,
        min_htlc_msat: 1000,
        max_htlc_msat: capacity * 990,
        ..Policy::default()
    };
    Channel {
        chan_id: id(800_000, index + 1),
        channel_point: format!("{index:064x}:0"),
        remote_pubkey: key(index % 7),
        active: true,
        private: false,
        initiator: true,
        funds: Funds {
            capacity,
            local_balance: capacity / 2,
            remote_balance: capacity / 2,
            commit_fee: 0,
            pending_htlcs: Vec::new(),
        },
        local_constraints: constraints.clone(),
        remote_constraints: constraints,
        local_policy: policy(500),
        remote_policy: Some(policy(200)),
        switches: Switches::default(),
        fee_trials: Vec::new(),
    }
}

/// A node with these channels; all peers are known.
pub fn state(channels: Vec<Channel>) -> NodeState {
    let peers = (0..7).map(|number| {
        let peer = Peer {
            alias: format!("peer{number}"),
            num_channels: 5 + number,
            total_capacity: 10_000_000 * (1 + number),
            alternatives: Some(vec![Alternative {
                capacity: 2_000_000,
                fee_ppm: 100,
                disabled: false,
            }]),
        };
        (key(u64::try_from(number).unwrap()), peer)
    });
    let node = Node {
        pubkey: key(99),
        alias: "home".to_owned(),
        version: "0.18.5-beta".to_owned(),
        supports_inbound_fees: true,
        accept_positive_inbound_fees: false,
        time_lock_delta_range: (18, 65_535),
        block_height: HEIGHT,
        now: NOW,
        synced_to_chain: true,
        fee_estimates_sat_per_kw: [(2, 10_000), (6, 5000), (144, 1000)].into(),
        transactions: Vec::new(),
        peers: peers.collect(),
        forwards: Vec::new(),
        failed_forwards: Vec::new(),
        lacks: std::collections::BTreeSet::new(),
    };
    NodeState { node, channels, circuitbreaker: None }
}

/// A drawn state: channels of every kind, and what went through them.
pub fn drawn(random: &mut ChaCha8Rng, channels: usize) -> NodeState {
    let channels = (0..channels as u64).map(|index| drawn_channel(random, index)).collect();
    let mut state = state(channels);
    let ids: Vec<u64> = state.channels.iter().map(|channel| channel.chan_id).collect();
    for _ in 0..ids.len() * 4 {
        let amount = random.random_range(1..200_000);
        state.node.forwards.push(Forward {
            timestamp: NOW - random.random_range(0..14 * 86_400),
            chan_id_in: ids[random.random_range(0..ids.len())],
            chan_id_out: ids[random.random_range(0..ids.len())],
            amt_in_sat: amount + random.random_range(0..100),
            amt_out_sat: amount,
            fee_msat: None,
        });
    }
    state.node.forwards.sort_by_key(|forward| forward.timestamp);
    state
}

fn drawn_channel(random: &mut ChaCha8Rng, index: u64) -> Channel {
    let mut drawn = channel(index);
    let capacity = [500_000, 1_000_000, 5_000_000, 16_777_215][random.random_range(0..4)];
    let share = [0, 1, 25, 50, 75, 99, 100][random.random_range(0..7)];
    drawn.chan_id = id(random.random_range(700_000..850_000), index + 1);
    drawn.remote_pubkey = key(random.random_range(0..7));
    drawn.active = random.random_bool(0.8);
    drawn.private = random.random_bool(0.2);
    drawn.initiator = random.random_bool(0.5);
    drawn.funds.capacity = capacity;
    drawn.funds.local_balance = capacity * share / 100;
    drawn.funds.remote_balance = capacity - drawn.funds.local_balance;
    drawn.funds.commit_fee = [0, 810, 2500][random.random_range(0..3)];
    if random.random_bool(0.2) {
        drawn.funds.pending_htlcs.push(PendingHtlc {
            incoming: random.random_bool(0.5),
            amount_sat: random.random_range(1..20_000),
            expiration_height: HEIGHT + random.random_range(1..200),
        });
    }
    drawn.local_constraints.max_pending_amt_msat = capacity * 990;
    drawn.local_policy.max_htlc_msat = capacity * 990;
    drawn.local_policy.fee_ppm = random.random_range(0..2000);
    drawn.local_policy.inbound_fee_ppm = [0, -50, -200][random.random_range(0..3)];
    drawn.local_policy.disabled = random.random_bool(0.1);
    if let Some(policy) = &mut drawn.remote_policy {
        policy.fee_ppm = random.random_range(0..2500);
        policy.base_fee_msat = [0, 1, 1000][random.random_range(0..3)];
    }
    if random.random_bool(0.3) {
        drawn.fee_trials = vec![
            FeeTrial {
                fee_ppm: 100,
                inbound_fee_ppm: 0,
                hours: 48.0,
                forwards: random.random_range(0..20),
                revenue_msat: random.random_range(0..100_000),
            },
            FeeTrial {
                fee_ppm: 900,
                inbound_fee_ppm: -20,
                hours: 30.0,
                forwards: random.random_range(0..20),
                revenue_msat: random.random_range(0..100_000),
            },
        ];
    }
    drawn
}

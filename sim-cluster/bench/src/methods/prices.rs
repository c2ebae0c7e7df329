//! The price rounds: neighbours exchange one potential a round, balances stay where they are, then
//! a leader is told the flows and cuts them into cycles of at most 20 hops.
//!
//! Lost messages and idle nodes are drawn here, by seed, and must never be drawn in the planner.

use super::{REPORT_BYTES, applied, leader_cost, lengths};
use crate::BenchError;
use crate::method::{Method, Outcome};
use crate::states::{Demands, State};
use debal_learn::rounds::Chosen;
use debal_planner::circulation::ResidualArc;
use debal_planner::cycles::Limits;
use debal_planner::prices::{ONE, PriceNetwork, Rounds, Schedule, Weather};
use debal_topology::random;
use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// Most hops of a cycle: what an onion packet carries.
pub const MAX_HOPS: u32 = 20;
/// Flows are told to the leader in whole satoshis.
pub const UNIT_MSAT: u64 = 1_000;

/// Price rounds in a given weather.
#[derive(Debug, Clone)]
pub struct Prices {
    /// The row's name.
    pub name: String,
    /// The rounds.
    pub rounds: Rounds,
    /// Share of messages that are lost.
    pub loss: f64,
    /// Share of nodes that sit a round out.
    pub idle: f64,
    /// Whether channels may move away from their targets for others.
    pub helpers: bool,
    /// Whether the leader only strips the flows, instead of looking for the best within them.
    pub strip: bool,
}

impl Prices {
    /// The gradient rounds with momentum whose flows are only stripped, as first published here.
    #[must_use]
    pub fn gradient(rounds: u32) -> Self {
        let schedule = Schedule::gradient();
        let rounds = Rounds { schedule, offer: ONE, ..Rounds::of(rounds) };
        Self { name: format!("gradient {}", rounds.rounds), strip: true, ..Self::of(rounds) }
    }

    /// So many rounds by the model that is built in for them; none without one.
    #[must_use]
    pub fn learned(rounds: u32) -> Option<Self> {
        let chosen = Chosen::built_in(rounds);
        let Chosen::Learned { .. } = chosen else { return None };
        let of = Rounds { schedule: chosen.schedule(), ..Rounds::of(rounds) };
        Some(Self { name: format!("learned {rounds}"), ..Self::of(of) })
    }

    /// So many rounds in calm weather.
    #[must_use]
    pub fn of(rounds: Rounds) -> Self {
        let name = format!("prices {}", rounds.rounds);
        Self { name, rounds, loss: 0.0, idle: 0.0, helpers: false, strip: false }
    }
}

/// Losses and pauses drawn by seed.
#[derive(Debug)]
pub struct Drawn {
    rng: ChaCha8Rng,
    loss: f64,
    idle: f64,
}

impl Drawn {
    /// Weather in which so many messages are lost and nodes idle.
    #[must_use]
    pub fn new(seed: u64, loss: f64, idle: f64) -> Self {
        Self { rng: random::stream(seed, "weather", 0), loss, idle }
    }
}

impl Weather for Drawn {
    fn arrives(&mut self, _round: u32, _from: u32, _to: u32) -> bool {
        self.loss <= 0.0 || self.rng.random::<f64>() >= self.loss
    }

    fn acts(&mut self, _round: u32, _node: u32) -> bool {
        self.idle <= 0.0 || self.rng.random::<f64>() >= self.idle
    }
}

impl Method for Prices {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn settle(&self, state: &State, seed: u64) -> Result<Outcome, BenchError> {
        let arcs = if self.helpers { state.with_helpers() } else { state.demands() };
        let mut weather = Drawn::new(seed, self.loss, self.idle);
        run(state, &arcs, &self.rounds, self.strip, &mut weather)
    }
}

/// Runs the rounds over `arcs` and lets the leader cut the cycles; `strip` as in [`Prices`].
///
/// # Errors
/// What the planner refuses.
pub fn run(
    state: &State,
    arcs: &[ResidualArc],
    rounds: &Rounds,
    strip: bool,
    weather: &mut impl Weather,
) -> Result<Outcome, BenchError> {
    let network = PriceNetwork::new(state.nodes, arcs)?;
    let agreed = network.run(rounds, weather);
    let limits = Limits { max_hops: MAX_HOPS, min_amount_msat: UNIT_MSAT, max_cycles: usize::MAX };
    let offers = &agreed.offers_msat;
    let settled = if strip {
        network.strip(offers, UNIT_MSAT, &limits)?
    } else {
        network.settle(offers, UNIT_MSAT, &limits)?
    };
    let cycles = lengths(&settled.cycles);
    let told = offers.iter().filter(|offer| **offer >= UNIT_MSAT).count() as u64;
    let mut cost = leader_cost(state.nodes, told * REPORT_BYTES, &cycles);
    cost.rounds += u64::from(rounds.rounds);
    cost.messages += agreed.messages;
    cost.bytes += agreed.bytes;
    Ok(Outcome { held_msat: applied(state, arcs, &settled.moved_msat), cycles, cost })
}

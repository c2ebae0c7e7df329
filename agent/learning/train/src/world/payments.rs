//! The world of B2: dense core of a graph, routes, and payments that use up balances.
//!
//! A sender knows the balances of its own channels and the capacities of all others; it must never
//! avoid a channel of others that is empty before that channel refused this very payment.

use super::demand::Payment;
use super::graphs::GraphSource;
use super::search::Search;
use super::traffic::Traffic;
use super::{Channel, State, WorldError};
use debal_learn::arcs::Seen;
use debal_topology::balances::StartingBalances;
use debal_topology::random;
use rand::seq::SliceRandom;

/// Most hops of a payment.
pub const MAX_HOPS: u32 = 20;
/// Least channels of a node of the core.
const CORE: usize = 5;
/// Capacities are clipped at this (2 million sat).
const MOST_MSAT: u64 = 2_000_000_000;

/// The network of B2 and B4: the dense core of a graph, capacities clipped, both ends holding half.
///
/// # Errors
/// A graph that is none, or without a core.
pub fn regime(source: &GraphSource, seed: u64) -> Result<State, WorldError> {
    let whole = State::draw(&source.graph(seed)?, StartingBalances::Half, seed)?;
    let state = core(&whole, CORE, MOST_MSAT, seed);
    if state.nodes < 3 {
        return Err(WorldError::Usage(format!("no node has {CORE} channels to such nodes")));
    }
    Ok(state)
}

/// The core in which every node has at least `least` channels within it, capacities clipped,
/// nodes numbered anew, both ends holding half, channels in an order drawn by seed (it breaks
/// ties between equally short routes).
#[must_use]
pub fn core(state: &State, least: usize, most_msat: u64, seed: u64) -> State {
    let lists = state.channels_of();
    let mut degree: Vec<usize> = lists.iter().map(Vec::len).collect();
    let mut gone = vec![false; lists.len()];
    let mut leaving: Vec<usize> = (0..lists.len()).filter(|node| degree[*node] < least).collect();
    leaving.iter().for_each(|node| gone[*node] = true);
    while let Some(node) = leaving.pop() {
        for &channel in &lists[node] {
            for end in state.channels[channel as usize].ends.map(|end| end as usize) {
                if gone[end] {
                    continue;
                }
                degree[end] -= 1;
                if degree[end] < least {
                    gone[end] = true;
                    leaving.push(end);
                }
            }
        }
    }
    let mut number = vec![0u32; lists.len()];
    let mut nodes = 0;
    for (number, _) in number.iter_mut().zip(&gone).filter(|(_, gone)| !**gone) {
        *number = nodes;
        nodes += 1;
    }
    let stays = |channel: &&Channel| channel.ends.iter().all(|end| !gone[*end as usize]);
    let renamed = |channel: &Channel| {
        let capacity_msat = channel.capacity_msat.min(most_msat);
        let ends = channel.ends.map(|end| number[end as usize]);
        Channel { ends, capacity_msat, held_msat: capacity_msat / 2 }
    };
    let mut channels: Vec<Channel> = state.channels.iter().filter(stays).map(renamed).collect();
    channels.shuffle(&mut random::stream(seed, "b2 channels", 0));
    State { nodes, channels }
}

/// The network while it is paid over. Arc `2 i + w` leaves end `w` of channel `i`.
#[derive(Debug)]
pub struct World {
    /// Channels and balances.
    pub state: State,
    /// What the ends saw.
    pub traffic: Traffic,
    /// What the payer of the last payment learned: of every arc that was asked, in order.
    pub told: Vec<(u32, Seen)>,
    ends: Vec<(u32, u32)>,
    search: Search,
}

/// What became of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paid {
    /// Whether it arrived.
    pub arrived: bool,
    /// Routes that were tried.
    pub attempts: u32,
}

impl World {
    /// The network as `state` has it.
    #[must_use]
    pub fn new(state: State) -> Self {
        let both = |ends: [u32; 2]| [(ends[0], ends[1]), (ends[1], ends[0])];
        let ends: Vec<(u32, u32)> =
            state.channels.iter().flat_map(|channel| both(channel.ends)).collect();
        let search = Search::new(state.nodes, &ends);
        let traffic = Traffic::of(state.channels.len());
        Self { state, traffic, told: Vec::new(), ends, search }
    }

    /// What the payer of an arc holds.
    #[must_use]
    pub fn holds(&self, arc: u32) -> u64 {
        self.state.channels[(arc / 2) as usize].holds((arc % 2) as usize)
    }

    /// The shortest route by capacities alone: the same whatever balances are, so it is looked for
    /// once for all methods.
    pub fn route(&mut self, payment: &Payment) -> Option<Vec<u32>> {
        self.route_over(payment, |_| true)
    }

    /// The shortest route over channels of enough capacity whose first hop can pay and that avoids
    /// what failed.
    fn detour(&mut self, payment: &Payment, failed: &[u32]) -> Option<Vec<u32>> {
        let Self { state, ends, search, .. } = self;
        let Payment { from, to, amount_msat } = *payment;
        let usable = |arc: u32| {
            let channel = &state.channels[(arc / 2) as usize];
            let known =
                ends[arc as usize].0 != from || channel.holds((arc % 2) as usize) >= amount_msat;
            channel.capacity_msat >= amount_msat && known && !failed.contains(&arc)
        };
        search.path(from, to, MAX_HOPS, ends, usable)
    }

    /// Makes a payment in at most `attempts` attempts; `route` is [`World::route`]'s answer.
    pub fn pay(&mut self, payment: &Payment, route: &[u32], attempts: u32) -> Paid {
        let mut failed = Vec::new();
        self.told.clear();
        if route.is_empty() {
            return Paid { arrived: false, attempts: 0 };
        }
        for attempt in 1..=attempts {
            let first = failed.is_empty() && self.holds(route[0]) >= payment.amount_msat;
            let found = if first { None } else { self.detour(payment, &failed) };
            let path = match &found {
                Some(path) => path.as_slice(),
                None if first => route,
                None => {
                    // The sender's own channels are what is in the way.
                    self.traffic.ask(route[0], payment.amount_msat);
                    return Paid { arrived: false, attempts: attempt - 1 };
                }
            };
            let short = path.iter().copied().find(|arc| self.holds(*arc) < payment.amount_msat);
            let Some(short) = short else {
                let path = path.to_vec();
                self.send(&path, payment.amount_msat);
                return Paid { arrived: true, attempts: attempt };
            };
            self.traffic.ask(short, payment.amount_msat);
            let before = path.iter().take_while(|arc| **arc != short);
            self.told.extend(before.map(|arc| (*arc, Seen::Carried)));
            self.told.push((short, Seen::Refused));
            failed.push(short);
        }
        Paid { arrived: false, attempts }
    }

    fn send(&mut self, path: &[u32], amount_msat: u64) {
        for &arc in path {
            let held = &mut self.state.channels[(arc / 2) as usize].held_msat;
            *held = if arc % 2 == 0 { *held - amount_msat } else { *held + amount_msat };
            self.traffic.ask(arc, amount_msat);
            self.told.push((arc, Seen::Moved));
        }
    }

    /// The shortest route by capacities alone over arcs that `admits`.
    pub fn route_over(
        &mut self,
        payment: &Payment,
        admits: impl Fn(u32) -> bool,
    ) -> Option<Vec<u32>> {
        let Self { state, ends, search, .. } = self;
        let fits = |arc: u32| {
            let capacity_msat = state.channels[(arc / 2) as usize].capacity_msat;
            capacity_msat >= payment.amount_msat && admits(arc)
        };
        search.path(payment.from, payment.to, MAX_HOPS, ends, fits)
    }

    /// Tail and head of every arc.
    #[must_use]
    pub fn ends(&self) -> &[(u32, u32)] {
        &self.ends
    }
}

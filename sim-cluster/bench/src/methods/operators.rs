//! What operators do today (regolancer and its like): a node picks a full and an empty channel of
//! its own, sends from the one around to the other, and tries other routes and smaller amounts
//! when a hop on the way has too little.
//!
//! It must never look at a balance that is not the node's own: others' channels it learns about by
//! failing. Fees are not counted: they only hold it back.

use crate::BenchError;
use crate::method::{Cost, Method, Outcome};
use crate::states::State;
use debal_topology::random;
use debal_train::world::search::Search;
use rand::Rng;
use rand::seq::SliceRandom;
use std::collections::BTreeSet;

/// Routes tried per amount.
const ROUTES: u32 = 5;
/// How often an amount is halved.
const HALVINGS: u32 = 3;
/// Most hops on the way back.
const MAX_HOPS: u32 = 8;
/// Bytes of an onion packet, which every hop of every try carries both ways.
const ONION_BYTES: u64 = 1_366;

/// Random pairs of own channels, to half full.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Operators {
    /// A channel counts as full above one half plus this, as empty below one half less this.
    pub band: f64,
    /// Pairs tried per node.
    pub pairs: u32,
}

impl Default for Operators {
    fn default() -> Self {
        Self { band: 0.2, pairs: 3 }
    }
}

impl Method for Operators {
    fn name(&self) -> String {
        "regolancer-like".to_owned()
    }

    fn candidates(&self) -> Vec<Box<dyn Method>> {
        let bands = [0.05, 0.2].into_iter();
        let all = bands.flat_map(|band| [3, 10].map(|pairs| Self { band, pairs }));
        all.map(|one| Box::new(one) as Box<dyn Method>).collect()
    }

    fn settle(&self, state: &State, seed: u64) -> Result<Outcome, BenchError> {
        let mut rng = random::stream(seed, "operators", 0);
        let mut world = World::new(state);
        let channels_of = state.channels_of();
        let mut order: Vec<u32> = (0..state.nodes).collect();
        for _ in 0..self.pairs {
            order.shuffle(&mut rng);
            for &node in &order {
                let side = |full: bool| -> Vec<u32> {
                    let wanted = |channel: &&u32| world.leans(node, **channel, full, self.band);
                    channels_of[node as usize].iter().filter(wanted).copied().collect()
                };
                let (full, empty) = (side(true), side(false));
                if !full.is_empty() && !empty.is_empty() {
                    let pair = [&full, &empty].map(|list| list[rng.random_range(0..list.len())]);
                    world.rebalance(node, pair);
                }
            }
        }
        Ok(Outcome { held_msat: world.held, cycles: world.cycles, cost: world.cost })
    }
}

/// The balances as they change. Channel `i` is arc `2 i` from end 0 and arc `2 i + 1` from end 1.
struct World<'a> {
    state: &'a State,
    held: Vec<u64>,
    ends: Vec<(u32, u32)>,
    search: Search,
    cycles: Vec<(u32, u64)>,
    cost: Cost,
}

impl<'a> World<'a> {
    fn new(state: &'a State) -> Self {
        let both = |ends: [u32; 2]| [(ends[0], ends[1]), (ends[1], ends[0])];
        let ends: Vec<(u32, u32)> =
            state.channels.iter().flat_map(|channel| both(channel.ends)).collect();
        let held = state.channels.iter().map(|channel| channel.held_msat).collect();
        let search = Search::new(state.nodes, &ends);
        Self { state, held, ends, search, cycles: Vec::new(), cost: Cost::default() }
    }

    /// What the payer of an arc holds.
    fn holds(&self, arc: u32) -> u64 {
        let channel = (arc / 2) as usize;
        let held = self.held[channel];
        let capacity = self.state.channels[channel].capacity_msat;
        if arc.is_multiple_of(2) { held } else { capacity - held }
    }

    fn arc_from(&self, node: u32, channel: u32) -> u32 {
        channel * 2 + u32::from(self.state.channels[channel as usize].ends[0] != node)
    }

    fn leans(&self, node: u32, channel: u32, full: bool, band: f64) -> bool {
        let capacity = self.state.channels[channel as usize].capacity_msat;
        let share = self.holds(self.arc_from(node, channel)) as f64 / capacity as f64;
        if full { share > 0.5 + band } else { share < 0.5 - band }
    }

    /// Sends from the full channel of the pair around into the empty one.
    fn rebalance(&mut self, node: u32, [full, empty]: [u32; 2]) {
        let out = self.arc_from(node, full);
        let back = self.arc_from(node, empty) ^ 1;
        let half = |channel: u32| self.state.channels[channel as usize].capacity_msat / 2;
        let above = self.holds(out).saturating_sub(half(full));
        let below = self.holds(back).saturating_sub(half(empty));
        let mut amount = above.min(below) / 1_000 * 1_000;
        for _ in 0..=HALVINGS {
            if amount == 0 || self.try_routes(out, back, amount) {
                return;
            }
            amount = amount / 2_000 * 1_000;
        }
    }

    fn try_routes(&mut self, out: u32, back: u32, amount: u64) -> bool {
        let mut failed = BTreeSet::new();
        let (from, to) = (self.ends[out as usize].1, self.ends[back as usize].0);
        let node = self.ends[out as usize].0;
        for _ in 0..ROUTES {
            let usable = |arc: u32| {
                let channel = &self.state.channels[(arc / 2) as usize];
                channel.capacity_msat >= amount
                    && !channel.ends.contains(&node)
                    && !failed.contains(&arc)
            };
            let between = if from == to {
                Some(Vec::new())
            } else {
                self.search.path(from, to, MAX_HOPS, &self.ends, usable)
            };
            let Some(mut path) = between else { return false };
            path.insert(0, out);
            path.push(back);
            let short = path.iter().position(|arc| self.holds(*arc) < amount);
            let tried = short.unwrap_or(path.len()) as u64;
            self.cost.messages += tried * 2;
            self.cost.bytes += tried * 2 * ONION_BYTES;
            self.cost.rounds += 1;
            let Some(short) = short else {
                self.send(&path, amount);
                return true;
            };
            failed.insert(path[short]);
        }
        false
    }

    fn send(&mut self, path: &[u32], amount: u64) {
        for &arc in path {
            let held = &mut self.held[(arc / 2) as usize];
            *held = if arc.is_multiple_of(2) { *held - amount } else { *held + amount };
        }
        self.cycles.push((path.len() as u32, amount));
    }
}

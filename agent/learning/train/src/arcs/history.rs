//! One network paid over: every result that a payer learned, with its payer and its time.
//!
//! It must never hand a balance on but as [`Moment::held_msat`], which is for scoring.

use crate::draw::Draw;
use crate::world::State;
use crate::world::demand::Payment;
use crate::world::payments::World;
use debal_learn::arcs::{Bit, Channel, Fee, Graph, Pasts, Position, Seen};
use debal_learn::net::Misfit;

/// Probes at a moment.
const PROBES: usize = 1_500;
/// Smallest and largest amount of a probe, msat.
const PROBE_MSAT: (f64, f64) = (1e7, 6e8);
/// One arc in so many is left out of a probe's search, so that probes go everywhere.
const LEFT_OUT: usize = 4;

/// Whether arcs announce fees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fees {
    /// Capacities alone are known.
    Unknown,
    /// Drawn, and without a meaning: routes are the shortest whatever they cost.
    Drawn,
}

/// What a payer learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// Who.
    pub payer: u32,
    /// What. The time is the number of the payment.
    pub bit: Bit,
    /// Whether the arc is the payer's own, whose balance it knows anyway.
    pub own: bool,
}

/// Who tells what.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tell {
    /// Share of the nodes that tell each other, drawn by the seed; a larger share has the smaller
    /// one's nodes.
    pub share: f64,
    /// Whether they tell what they forwarded, too, not their own payments alone.
    pub forwards: bool,
}

/// A time at which is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// How many payments were made before.
    pub at: u64,
    /// What end 0 of every channel holds.
    pub held_msat: Vec<u64>,
    /// What probes between random nodes found: nothing moved.
    pub probes: Vec<Told>,
}

/// A network, what was paid over it, and what payers learned.
#[derive(Debug, Clone)]
pub struct History {
    /// Channels, for the network that learns.
    pub graph: Graph,
    /// Where arcs lie in it.
    pub position: Position,
    /// All results in the order of time.
    pub told: Vec<Told>,
    /// The moments asked for.
    pub moments: Vec<Moment>,
    /// Payments between two that ask a channel, on the average of channels.
    pub beat: f64,
    /// A number of every node in [0, 1): who shares is below the share.
    pub ranks: Vec<f64>,
}

impl History {
    /// Pays `payments` over `state` and looks on at the moments of `at`, which must rise.
    ///
    /// # Errors
    /// A channel whose end is no node.
    pub fn of(
        state: State,
        payments: &[Payment],
        at: &[u64],
        fees: Fees,
        seed: u64,
    ) -> Result<Self, Misfit> {
        let mut draw = Draw::new(seed, 1 << 41);
        let graph = graph(&state, fees, &mut draw)?;
        let position = Position::of(&graph);
        let ranks = (0..graph.nodes()).map(|_| draw.uniform()).collect();
        let mut world = World::new(state);
        let (mut told, mut moments, mut hops) = (Vec::new(), Vec::new(), 0);
        let mut waiting = at.iter().copied().peekable();
        for now in 0..=payments.len() as u64 {
            while waiting.next_if_eq(&now).is_some() {
                let held_msat = world.state.channels.iter().map(|one| one.held_msat).collect();
                let probes = probes(&mut world, now, &mut draw);
                moments.push(Moment { at: now, held_msat, probes });
            }
            let Some(payment) = payments.get(now as usize) else { break };
            let route = world.route(payment).unwrap_or_default();
            hops += route.len();
            world.pay(payment, &route, 1);
            told.extend(world.told.iter().map(|(arc, seen)| {
                let bit = Bit { arc: *arc, amount_msat: payment.amount_msat, seen: *seen, at: now };
                let own = graph.tail(*arc as usize) == payment.from as usize;
                Told { payer: payment.from, bit, own }
            }));
        }
        let asked = hops as f64 / payments.len().max(1) as f64;
        let beat = graph.channels().len() as f64 / asked.max(1.0);
        Ok(Self { graph, position, told, moments, beat, ranks })
    }

    /// What follows from the results before `at` that `knows` admits.
    pub fn pasts(&self, at: u64, knows: impl Fn(&Told) -> bool) -> Pasts {
        let mut pasts = Pasts::new(self.graph.channels().len(), self.beat);
        for told in self.told.iter().take_while(|told| told.bit.at < at) {
            if knows(told) {
                pasts.see(&told.bit, self.graph.capacity_msat(told.bit.arc as usize));
            }
        }
        pasts
    }

    /// What is known at `at` by those who tell each other.
    pub fn shared(&self, at: u64, tell: Tell) -> Pasts {
        self.pasts(at, |told| {
            let tells = |node: u32| self.ranks[node as usize] < tell.share;
            tells(told.payer) || (tell.forwards && self.ends(told).any(tells))
        })
    }

    /// What `node` knows at `at` by itself: its payments, and what it forwarded.
    pub fn own(&self, at: u64, node: u32) -> Pasts {
        self.pasts(at, |told| told.payer == node || self.ends(told).any(|end| end == node))
    }

    fn ends(&self, told: &Told) -> impl Iterator<Item = u32> {
        let arc = told.bit.arc as usize;
        [self.graph.tail(arc), self.graph.head(arc)].into_iter().map(|node| node as u32)
    }
}

fn graph(state: &State, fees: Fees, draw: &mut Draw) -> Result<Graph, Misfit> {
    let mut fee = || match fees {
        Fees::Unknown => None,
        Fees::Drawn => {
            let ppm = (5.0 + 1.5 * draw.normal()).exp().min(1e5) as u32;
            Some(Fee { base_msat: 1_000, ppm })
        }
    };
    let channels = state.channels.iter().map(|channel| Channel {
        ends: channel.ends,
        capacity_msat: channel.capacity_msat,
        fees: [fee(), fee()],
    });
    Graph::new(state.nodes, channels.collect())
}

/// Asks random routes between random nodes up to the first hop that cannot; nothing moves, so a
/// hop that can is one that carried.
fn probes(world: &mut World, at: u64, draw: &mut Draw) -> Vec<Told> {
    let mut found = Vec::new();
    let nodes = world.state.nodes as usize;
    for _ in 0..PROBES {
        let (from, to) = (draw.below(nodes) as u32, draw.below(nodes) as u32);
        let amount_msat = draw.between(PROBE_MSAT.0.ln(), PROBE_MSAT.1.ln()).exp() as u64;
        let salt = draw.below(1 << 20);
        let admits = |arc: u32| {
            !((arc as usize ^ salt).wrapping_mul(0x9E37_79B9) >> 7).is_multiple_of(LEFT_OUT)
        };
        let payment = Payment { from, to, amount_msat };
        if from == to {
            continue;
        }
        for (hop, arc) in world.route_over(&payment, admits).unwrap_or_default().iter().enumerate()
        {
            let can = world.holds(*arc) >= amount_msat;
            let seen = if can { Seen::Carried } else { Seen::Refused };
            let bit = Bit { arc: *arc, amount_msat, seen, at };
            found.push(Told { payer: from, bit, own: hop == 0 });
            if !can {
                break;
            }
        }
    }
    found
}

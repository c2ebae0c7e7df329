//! How near the protocol's price rounds come to the optimum on what agents offer: default
//! thresholds, or targets, urgencies and prices of their own.
//!
//! `cargo run --release -p debal-planner --example market -- NODES SEEDS`
//!
//! Members exchange exactly what their nodes would (`PRICE_RULE`, two bytes, offers on a grid of
//! 256ths of a capacity). It must never show a row without the optimum of the same arcs.

use debal_planner::circulation::{ResidualArc, solve};
use debal_planner::cycles::Limits;
use debal_planner::market::{PRICE_RULE, value_ppm};
use debal_planner::prices::PriceNetwork;
use debal_planner::score::Score;
use debal_protocol::market::{Agreed, Known, Potential, QuotedEnd, Standing};
use debal_protocol::summary::Want;
use debal_protocol::{ChannelId, Msat};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeSet;
use std::error::Error;

/// How balances and wishes are drawn.
#[derive(Clone, Copy, Debug)]
enum World {
    /// Balances uniform, the configuration's defaults.
    Uniform,
    /// Nearly all of a channel on one side, the defaults.
    OneSided,
    /// Balances uniform; every end has a target, an urgency and a price of its own.
    Steered,
    /// The same with balances on one side.
    SteeredOneSided,
}

struct Channel {
    ends: [usize; 2],
    capacity_msat: u64,
    quoted: [QuotedEnd; 2],
}

struct Net {
    nodes: usize,
    channels: Vec<Channel>,
    /// Two arcs a channel, there and back; empty ones too.
    arcs: Vec<ResidualArc>,
}

/// What every arc of a network is offered for, by one way of offering.
type Offers<'a> = &'a dyn Fn(&Net) -> Result<Vec<u64>, Box<dyn Error>>;

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let nodes: usize = words.next().map_or(Ok(500), |word| word.parse())?;
    let seeds: u64 = words.next().map_or(Ok(5), |word| word.parse())?;
    println!("Chung-Lu, {nodes} nodes, {seeds} seeds; mean share of the optimum (least)");
    for world in [World::Uniform, World::OneSided, World::Steered, World::SteeredOneSided] {
        println!("{world:?}");
        let nets: Vec<Net> = (1..=seeds).map(|seed| net(world, nodes, seed)).collect();
        let optima: Vec<i128> = nets.iter().map(optimum).collect::<Result<_, _>>()?;
        let row = |name: &str, offers: Offers<'_>| shown(name, &nets, &optima, offers);
        row("all offered", &|net| Ok(net.arcs.iter().map(|arc| arc.capacity_msat).collect()))?;
        row("leader, 4 bits", &|net| Ok(net.on_grid(4)))?;
        for rounds in [5, 10, 20] {
            let zero = |net: &Net| vec![Potential::default(); net.nodes];
            row(&format!("market {rounds}"), &|net| Ok(net.rounds(rounds, zero(net))))?;
        }
        for rounds in [5, 10] {
            row(&format!("hybrid {rounds}"), &|net| Ok(net.rounds(rounds, net.coarse_prices()?)))?;
        }
    }
    Ok(())
}

fn shown(
    name: &str,
    nets: &[Net],
    optima: &[i128],
    offers: Offers<'_>,
) -> Result<(), Box<dyn Error>> {
    let mut columns: Vec<String> = Vec::new();
    let all: Vec<Vec<u64>> = nets.iter().map(offers).collect::<Result<_, _>>()?;
    for max_hops in [20, 6] {
        let limits = Limits { max_hops, min_amount_msat: 1, max_cycles: usize::MAX };
        let mut shares = Vec::new();
        for ((net, offers), optimum) in nets.iter().zip(&all).zip(optima) {
            let network = PriceNetwork::new(net.nodes as u32, &net.arcs)?;
            let value = network.settle(offers, 1, &limits)?.value.unwrap_or_default();
            shares.push(value as f64 / *optimum as f64);
        }
        let least = shares.iter().copied().fold(f64::INFINITY, f64::min);
        columns.push(format!("{max_hops} hops {:.3} ({least:.3})", mean(&shares)));
    }
    let arcs = nets.iter().zip(&all).flat_map(|(net, offers)| net.arcs.iter().zip(offers));
    let open = arcs.filter(|(arc, _)| arc.capacity_msat > 0);
    let offered: Vec<f64> =
        open.map(|(arc, offer)| *offer as f64 / arc.capacity_msat as f64).collect();
    println!("  {name:<15} {}  offered {:.2}", columns.join("  "), mean(&offered));
    Ok(())
}

fn mean(shares: &[f64]) -> f64 {
    shares.iter().sum::<f64>() / shares.len() as f64
}

fn optimum(net: &Net) -> Result<i128, Box<dyn Error>> {
    let best = solve(net.nodes as u32, &net.arcs, &vec![Score::ZERO; net.arcs.len()])?;
    Ok(best.objective)
}

impl Net {
    /// Both ends' offers rounded down to `2^bits` buckets.
    fn on_grid(&self, bits: u32) -> Vec<u64> {
        let arcs = self.arcs.iter().enumerate();
        arcs.map(|(index, arc)| {
            floored(arc.capacity_msat, self.channels[index / 2].capacity_msat >> bits)
        })
        .collect()
    }

    /// What a leader's plan from buckets says, as where rounds start.
    fn coarse_prices(&self) -> Result<Vec<Potential>, Box<dyn Error>> {
        let coarse = self.arcs.iter().zip(self.on_grid(4));
        let coarse = coarse.map(|(arc, capacity_msat)| ResidualArc { capacity_msat, ..*arc });
        let coarse: Vec<ResidualArc> = coarse.collect();
        let best = solve(self.nodes as u32, &coarse, &vec![Score::ZERO; coarse.len()])?;
        Ok(best.potentials.into_iter().map(PRICE_RULE.start).collect())
    }

    /// What every arc is offered for after the rounds; the first only shows what can move.
    fn rounds(&self, rounds: u32, mut said: Vec<Potential>) -> Vec<u64> {
        let mut around: Vec<Vec<(usize, usize)>> = vec![Vec::new(); self.nodes];
        for (channel, Channel { ends, .. }) in self.channels.iter().enumerate() {
            around[ends[0]].push((channel, 0));
            around[ends[1]].push((channel, 1));
        }
        let standing = |node: usize, said: &[Potential]| {
            let mut standing = Standing { said: said[node], ..Standing::default() };
            for &(channel, side) in &around[node] {
                let Channel { ends, quoted, .. } = &self.channels[channel];
                let neighbour = standing.heard.len();
                standing.heard.push(said[ends[1 - side]]);
                let (own, other) = (quoted[side], quoted[1 - side]);
                standing.channels.push(Known { neighbour, own, other });
            }
            standing
        };
        for _ in 1..rounds {
            said = (0..self.nodes).map(|node| (PRICE_RULE.step)(&standing(node, &said))).collect();
        }
        let mut offers = vec![u64::MAX; self.arcs.len()];
        for (node, around) in around.iter().enumerate() {
            let agreed = (PRICE_RULE.offers)(&standing(node, &said));
            for (&(channel, side), Agreed { send_msat, receive_msat }) in around.iter().zip(agreed)
            {
                let grid = self.channels[channel].capacity_msat >> 8;
                // Arc 0 of a channel is paid by its end 0.
                for (arc, amount) in [(side, send_msat), (1 - side, receive_msat)] {
                    let offer = &mut offers[2 * channel + arc];
                    *offer = (*offer).min(floored(amount.0, grid));
                }
            }
        }
        offers
    }
}

fn floored(amount: u64, grid: u64) -> u64 {
    amount - amount % grid.max(1)
}

fn net(world: World, nodes: usize, seed: u64) -> Net {
    let rng = &mut ChaCha8Rng::seed_from_u64(seed);
    let mut channels = Vec::new();
    for (number, ends) in pairs(nodes, rng).into_iter().enumerate() {
        let normal = (-2.0 * rng.random::<f64>().max(1e-300).ln()).sqrt()
            * (std::f64::consts::TAU * rng.random::<f64>()).cos();
        let sat = (12.9 + 2.1 * normal).exp().clamp(1e3, 1e10);
        let near = match world {
            World::Uniform | World::Steered => rng.random::<f64>(),
            World::OneSided | World::SteeredOneSided => {
                let little = 0.15 * rng.random::<f64>();
                if rng.random() { little } else { 1.0 - little }
            }
        };
        let capacity_msat = (sat * 1e3) as u64;
        let id = ChannelId(number as u64);
        let quoted =
            [near, 1.0 - near].map(|share| quoted(world, id, capacity_msat as f64, share, rng));
        channels.push(Channel { ends, capacity_msat, quoted });
    }
    let arcs = channels.iter().enumerate().flat_map(|(label, channel)| {
        [(0, 1), (1, 0)].map(|(from, to)| {
            let (payer, payee) = (&channel.quoted[from], &channel.quoted[to]);
            ResidualArc {
                tail: channel.ends[from] as u32,
                head: channel.ends[to] as u32,
                capacity_msat: payer.send_msat.min(payee.receive_msat).0,
                value_ppm: value_ppm(payer, payee),
                label: label as u64,
            }
        })
    });
    let arcs = arcs.collect();
    Net { nodes, channels, arcs }
}

/// The offer of a channel end with this share of the capacity, as the core makes it of the default
/// dead band (0.05), lend band (0.2) and theta (0.2).
fn quoted(
    world: World,
    channel: ChannelId,
    capacity: f64,
    share: f64,
    rng: &mut ChaCha8Rng,
) -> QuotedEnd {
    let steered = matches!(world, World::Steered | World::SteeredOneSided);
    let (target, price_ppm) =
        if steered { (rng.random_range(0.3..0.7), rng.random_range(0..100)) } else { (0.5, 0) };
    let (low, high) = (target - 0.2f64, target + 0.2f64);
    let off = (share - target).abs();
    let (want, send, receive) = match share {
        _ if off <= 0.05 => (Want::Nothing, share - low, high - share),
        _ if share > target => (Want::Send, share - target, high - share),
        _ => (Want::Receive, share - low, target - share),
    };
    let urgency = match want {
        Want::Nothing => 0,
        _ if steered => rng.random_range(1..=255),
        _ if share.min(1.0 - share) < 0.2 => 255,
        _ => (off * 254.0) as u8,
    };
    let msat = |part: f64| Msat((part.max(0.0) * capacity) as u64);
    let (send_msat, receive_msat) = (msat(send.min(share)), msat(receive.min(1.0 - share)));
    QuotedEnd { channel, want, send_msat, receive_msat, urgency, price_ppm }
}

/// 3.7 pairs a node, ends drawn by Pareto weights cut at a seventh of the nodes; who is left out is
/// tied to a drawn node.
fn pairs(nodes: usize, rng: &mut ChaCha8Rng) -> Vec<[usize; 2]> {
    let mut sums = Vec::with_capacity(nodes);
    let mut sum = 0.0;
    for _ in 0..nodes {
        sum += (1.0 / rng.random::<f64>().max(1e-12)).min(nodes as f64 / 7.0);
        sums.push(sum);
    }
    let draw = |rng: &mut ChaCha8Rng| {
        let at = rng.random::<f64>() * sum;
        sums.partition_point(|sum| *sum < at).min(nodes - 1)
    };
    let mut pairs: BTreeSet<[usize; 2]> = BTreeSet::new();
    for _ in 0..nodes * 370 {
        let (a, b) = (draw(rng), draw(rng));
        if a != b && pairs.len() < nodes * 37 / 10 {
            pairs.insert([a.min(b), a.max(b)]);
        }
    }
    for node in 0..nodes {
        while !pairs.iter().any(|pair| pair.contains(&node)) {
            let hub = draw(rng);
            if hub != node {
                pairs.insert([node.min(hub), node.max(hub)]);
            }
        }
    }
    pairs.into_iter().collect()
}

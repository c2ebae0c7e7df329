//! One random node: channels, demand that changes, a market that comes and goes.
//!
//! It must never be drawn from anything but its seed; all that a policy may not know stays here.

use crate::draw::Draw;

/// Seconds of an epoch.
pub const EPOCH_S: u64 = 600;
/// Epochs of a case: a day.
pub const EPOCHS: usize = 144;

/// One forward that wants to pass.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Forward {
    /// When, milliseconds from the start.
    pub at_ms: u64,
    /// The channel it enters by, leaves by.
    pub channels: [u16; 2],
    /// How much it is, msat.
    pub amount_msat: u64,
}

/// One channel of the node.
#[derive(Debug, Clone, PartialEq)]
pub struct Channel {
    /// Capacity, msat.
    pub capacity_msat: u64,
    /// Local balance at the start, msat.
    pub local_msat: u64,
    /// Fee on what leaves by it, ppm.
    pub fee_ppm: u64,
    /// What the market pays for balance here, by epoch, ppm.
    pub gap_ppm: Vec<i32>,
    /// How much the market can move here, by epoch, msat; 0 while the peer is away.
    pub room_msat: Vec<u64>,
}

/// A node, its demand and its market.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// The channels.
    pub channels: Vec<Channel>,
    /// The demand in time order.
    pub forwards: Vec<Forward>,
    /// What moving one unit costs before gaps, ppm.
    pub price_ppm: i32,
}

impl Case {
    /// The case of a seed: skew 1:1 to 1:8, small and large amounts, steady and fickle demand,
    /// peers that are up 70 to 100 % of the time.
    pub fn new(seed: u64) -> Self {
        let mut draw = Draw::new(seed, 0);
        let price_ppm = log_between(&mut draw, 20.0, 600.0) as i32;
        let uptime = draw.between(0.7, 1.0);
        let count = 3 + draw.below(6);
        let channels: Vec<Channel> = (0..count).map(|_| channel(&mut draw, uptime)).collect();
        let forwards = forwards(&mut draw, &channels);
        Self { channels, forwards, price_ppm }
    }
}

fn log_between(draw: &mut Draw, low: f64, high: f64) -> f64 {
    draw.between(low.ln(), high.ln()).exp()
}

fn channel(draw: &mut Draw, uptime: f64) -> Channel {
    let capacity = log_between(draw, 1e9, 16e9);
    let spread = draw.between(20.0, 250.0);
    let mut gap = spread * draw.normal();
    let mut up = true;
    let mut gap_ppm = Vec::with_capacity(EPOCHS);
    let mut room_msat = Vec::with_capacity(EPOCHS);
    for _ in 0..EPOCHS {
        // Mean-reverting over four hours.
        gap += -gap / 24.0 + spread * (2.0_f64 / 24.0).sqrt() * draw.normal();
        gap_ppm.push(gap as i32);
        if draw.uniform() < 0.1 {
            up = draw.uniform() < uptime;
        }
        let room = capacity * draw.between(0.02, 0.3);
        room_msat.push(if up { room as u64 } else { 0 });
    }
    Channel {
        capacity_msat: capacity as u64,
        local_msat: (capacity * draw.between(0.05, 0.95)) as u64,
        fee_ppm: log_between(draw, 50.0, 2_000.0) as u64,
        gap_ppm,
        room_msat,
    }
}

fn forwards(draw: &mut Draw, channels: &[Channel]) -> Vec<Forward> {
    let count = channels.len();
    let end_s = (EPOCHS as u64 * EPOCH_S) as f64;
    let median = log_between(draw, 1e7, 1e8);
    let width = draw.between(0.5, 1.5);
    let fickle = draw.uniform() < 0.5;
    let mut all = Vec::new();
    for _ in 0..2 * count {
        let from = draw.below(count);
        let to = (from + 1 + draw.below(count - 1)) % count;
        let smaller = channels[from].capacity_msat.min(channels[to].capacity_msat) as f64;
        let daily = smaller * log_between(draw, 0.1, 2.0);
        let skew = log_between(draw, 1.0, 8.0);
        let shares = [skew / (1.0 + skew), 1.0 / (1.0 + skew)];
        for (mut pair, share) in [[from, to], [to, from]].into_iter().zip(shares) {
            let mean = median * (width * width / 2.0).exp();
            let mut wait_s = 86_400.0 * mean / (daily * share);
            let mut at_s = draw.exponential(wait_s);
            let mut change_s = draw.exponential(43_200.0);
            while at_s < end_s {
                if fickle && at_s > change_s {
                    change_s = at_s + draw.exponential(43_200.0);
                    wait_s *= log_between(draw, 0.4, 2.5);
                    if draw.uniform() < 0.3 {
                        pair.swap(0, 1);
                    }
                }
                let amount = (median * (width * draw.normal()).exp()).min(smaller / 4.0);
                all.push(Forward {
                    at_ms: (at_s * 1_000.0) as u64,
                    channels: pair.map(|index| index as u16),
                    amount_msat: amount as u64,
                });
                at_s += draw.exponential(wait_s);
            }
        }
    }
    all.sort_by_key(|forward| (forward.at_ms, forward.channels));
    all
}
